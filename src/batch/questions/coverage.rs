//! Question `coverage`: how good are the records of which all this is made?

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question};
use crate::batch::columns::INCIDENT;
use crate::batch::frames::{numbers, texts, times};

pub(super) const QUESTION: Question = Question {
    id: "coverage",
    title: "How good are the records?",
    about: "One row a component that speaks in some incident: in how many its logs were kept, how many of these sources are dated, and how many had problems. What was not kept cannot be known.",
    ask,
};

/// | column | type | unit | null |
/// |---|---|---|---|
/// | component | text | "not known" where a source does not tell | no |
/// | incidents | int | incidents with a source of it | no |
/// | of incidents | float | % of the incidents that could be read | no |
/// | sources | int | | no |
/// | dated | float | % of the sources | no |
/// | with problems | int | sources | no |
/// | signals | int | | no |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let readable = texts(&frames.incidents, "status")?
        .into_iter()
        .filter(|s| s.as_deref() != Some("failed"))
        .count();
    #[derive(Default)]
    struct Group {
        incidents: BTreeSet<String>,
        sources: u32,
        dated: u32,
        problems: u32,
        signals: u64,
    }
    let sources = &frames.sources;
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let columns = texts(sources, INCIDENT)?
        .into_iter()
        .zip(texts(sources, "component")?)
        .zip(times(sources, "from")?)
        .zip(numbers(sources, "problems")?)
        .zip(numbers(sources, "signals")?);
    for ((((incident, component), from), problems), signals) in columns {
        let group = groups
            .entry(component.unwrap_or_else(|| "not known".to_owned()))
            .or_default();
        group.incidents.insert(incident.unwrap_or_default());
        group.sources += 1;
        group.dated += u32::from(from.is_some());
        group.problems += u32::from(problems.unwrap_or_default() > 0.0);
        group.signals += signals.unwrap_or_default() as u64;
    }
    let percent = |part: usize, whole: usize| {
        if whole == 0 {
            0.0
        } else {
            (part as f64 * 1000.0 / whole as f64).round() / 10.0
        }
    };
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_by(|a, b| {
        b.1.incidents
            .len()
            .cmp(&a.1.incidents.len())
            .then_with(|| a.0.cmp(&b.0))
    });
    df![
        "component" => rows.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(),
        "incidents" => rows.iter().map(|r| r.1.incidents.len() as u32).collect::<Vec<_>>(),
        "of incidents" => rows.iter().map(|r| percent(r.1.incidents.len(), readable)).collect::<Vec<_>>(),
        "sources" => rows.iter().map(|r| r.1.sources).collect::<Vec<_>>(),
        "dated" => rows.iter().map(|r| percent(r.1.dated as usize, r.1.sources as usize)).collect::<Vec<_>>(),
        "with problems" => rows.iter().map(|r| r.1.problems).collect::<Vec<_>>(),
        "signals" => rows.iter().map(|r| r.1.signals).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_failed_incident_has_no_records_to_judge() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a status=done
             incidents incident.id=b status=done
             incidents incident.id=c status=failed
             sources incident.id=a component=kubelet from=2024-01-01 problems=0 signals=3
             sources incident.id=a component=kubelet problems=2 signals=0",
            &["kubelet | 1 | 50.0 | 2 | 50.0 | 1 | 3"],
        );
    }
}
