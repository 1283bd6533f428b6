//! Question `first_and_last`: when each mechanism, rule and factor was seen first and last.

use std::collections::BTreeMap;

use chrono::DateTime;
use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question};
use crate::batch::columns::{INCIDENT, MECHANISM};
use crate::batch::frames::{texts, times};

pub(super) const QUESTION: Question = Question {
    id: "first_and_last",
    title: "Since when, and until when?",
    about: "One row a mechanism, rule or factor. First and last day on which an incident that has it began; an incident without a time counts, and moves neither.",
    ask,
};

#[derive(Default)]
struct Seen {
    incidents: Vec<String>,
    first: Option<i64>,
    last: Option<i64>,
}

/// | column | type | unit | null |
/// |---|---|---|---|
/// | kind | text | mechanism, rule or factor | no |
/// | what | text | its id | no |
/// | incidents | int | | no |
/// | first | text | YYYY-MM-DD | if no time is known |
/// | last | text | YYYY-MM-DD | if no time is known |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let from: BTreeMap<String, i64> = texts(&frames.incidents, INCIDENT)?
        .into_iter()
        .zip(times(&frames.incidents, "from")?)
        .filter_map(|(id, at)| Some((id?, at?)))
        .collect();
    let mut seen: BTreeMap<(&str, String), Seen> = BTreeMap::new();
    for (kind, frame, column) in [
        ("mechanism", &frames.cascades, MECHANISM),
        ("rule", &frames.links, "rule"),
        ("factor", &frames.factors, "factor"),
    ] {
        for (incident, what) in texts(frame, INCIDENT)?
            .into_iter()
            .zip(texts(frame, column)?)
        {
            let incident = incident.unwrap_or_default();
            let at = from.get(&incident).copied();
            let entry = seen.entry((kind, what.unwrap_or_default())).or_default();
            entry.first = [entry.first, at].into_iter().flatten().min();
            entry.last = entry.last.max(at);
            if entry.incidents.last() != Some(&incident) && !entry.incidents.contains(&incident) {
                entry.incidents.push(incident);
            }
        }
    }
    let day = |at: Option<i64>| {
        at.and_then(DateTime::from_timestamp_micros)
            .map(|at| at.format("%Y-%m-%d").to_string())
    };
    df![
        "kind" => seen.keys().map(|k| k.0).collect::<Vec<_>>(),
        "what" => seen.keys().map(|k| k.1.as_str()).collect::<Vec<_>>(),
        "incidents" => seen.values().map(|s| s.incidents.len() as u32).collect::<Vec<_>>(),
        "first" => seen.values().map(|s| day(s.first)).collect::<Vec<_>>(),
        "last" => seen.values().map(|s| day(s.last)).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_undated_incident_counts_and_moves_nothing() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a status=done from=2024-01-01
             incidents incident.id=b status=done
             factors incident.id=a factor=mutable-tag
             factors incident.id=b factor=mutable-tag
             cascades incident.id=a mechanism=x",
            &[
                "factor | mutable-tag | 2 | 2024-01-01 | 2024-01-01",
                "mechanism | x | 1 | 2024-01-01 | 2024-01-01",
            ],
        );
    }
}
