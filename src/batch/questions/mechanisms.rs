//! Question `mechanisms`: which mechanisms, how sure, and what they cost.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question, spread};
use crate::batch::columns::{CONFIDENCE, INCIDENT, MECHANISM};
use crate::batch::frames::{flags, numbers, texts};

pub(super) const QUESTION: Question = Question {
    id: "mechanisms",
    title: "What kinds of incident, and what did they cost?",
    about: "One row a mechanism, over cascades. Node-minutes are those of the whole incident; an incident with two mechanisms counts in both rows.",
    ask,
};

#[derive(Default)]
struct Group {
    cascades: u32,
    sure: u32,
    looped: u32,
    incidents: Vec<String>,
}

/// | column | type | unit | null |
/// |---|---|---|---|
/// | mechanism | text | | no |
/// | cascades | int | | no |
/// | incidents | int | | no |
/// | certain or probable | int | cascades | no |
/// | on several nodes | int | cascades | no |
/// | node-minutes DiskPressure | float | min, summed where known | if none is known |
/// | node-minutes not Ready | float | min, summed where known | if none is known |
/// | time to resolve (n) | int | incidents | no |
/// | time to resolve, median | float | s | if n = 0 |
/// | time to resolve, p90 | float | s | if n < 5 |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let ids = texts(&frames.incidents, INCIDENT)?;
    let known = |column: &str| -> PolarsResult<BTreeMap<String, f64>> {
        let values = numbers(&frames.incidents, column)?;
        Ok(ids
            .iter()
            .zip(values)
            .filter_map(|(id, value)| Some((id.clone()?, value?)))
            .collect())
    };
    let (pressure, not_ready, resolve) = (
        known("node_minutes_disk_pressure")?,
        known("node_minutes_not_ready")?,
        known("ttr_s")?,
    );
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let cascades = &frames.cascades;
    let columns = texts(cascades, MECHANISM)?
        .into_iter()
        .zip(texts(cascades, CONFIDENCE)?)
        .zip(flags(cascades, "loop")?)
        .zip(texts(cascades, INCIDENT)?);
    for (((mechanism, confidence), looped), incident) in columns {
        let group = groups.entry(mechanism.unwrap_or_default()).or_default();
        group.cascades += 1;
        group.sure += u32::from(matches!(
            confidence.as_deref(),
            Some("certain" | "probable")
        ));
        group.looped += u32::from(looped == Some(true));
        let incident = incident.unwrap_or_default();
        if !group.incidents.contains(&incident) {
            group.incidents.push(incident);
        }
    }
    let sum = |values: &BTreeMap<String, f64>, group: &Group| {
        let known: Vec<f64> = group
            .incidents
            .iter()
            .filter_map(|id| values.get(id).copied())
            .collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>())
    };
    let mut rows: Vec<(String, Group)> = groups.into_iter().collect();
    rows.sort_by(|a, b| b.1.cascades.cmp(&a.1.cascades).then_with(|| a.0.cmp(&b.0)));
    let spreads: Vec<_> = rows
        .iter()
        .map(|(_, g)| spread(g.incidents.iter().map(|id| resolve.get(id).copied())))
        .collect();
    df![
        "mechanism" => rows.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(),
        "cascades" => rows.iter().map(|r| r.1.cascades).collect::<Vec<_>>(),
        "incidents" => rows.iter().map(|r| r.1.incidents.len() as u32).collect::<Vec<_>>(),
        "certain or probable" => rows.iter().map(|r| r.1.sure).collect::<Vec<_>>(),
        "on several nodes" => rows.iter().map(|r| r.1.looped).collect::<Vec<_>>(),
        "node-minutes DiskPressure" => rows.iter().map(|r| sum(&pressure, &r.1)).collect::<Vec<_>>(),
        "node-minutes not Ready" => rows.iter().map(|r| sum(&not_ready, &r.1)).collect::<Vec<_>>(),
        "time to resolve (n)" => spreads.iter().map(|s| s.n).collect::<Vec<_>>(),
        "time to resolve, median" => spreads.iter().map(|s| s.median).collect::<Vec<_>>(),
        "time to resolve, p90" => spreads.iter().map(|s| s.p90).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_incident_counts_once_for_a_mechanism() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a status=done ttr_s=60 node_minutes_disk_pressure=4
             incidents incident.id=b status=done
             cascades incident.id=a mechanism=x confidence=certain loop=true
             cascades incident.id=a mechanism=x confidence=possible loop=false
             cascades incident.id=b mechanism=y confidence=unknown loop=false",
            &[
                "x | 2 | 1 | 1 | 1 | 4.0 |  | 1 | 60.0 | ",
                "y | 1 | 1 | 0 | 0 |  |  | 0 |  | ",
            ],
        );
    }
}
