//! Question `months`: how many incidents a month, by mechanism, and how long they took.

use std::collections::BTreeMap;

use chrono::DateTime;
use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question, spread};
use crate::batch::columns::MECHANISM;
use crate::batch::frames::{numbers, texts, times};

pub(super) const QUESTION: Question = Question {
    id: "months",
    title: "How often, month by month?",
    about: "One row a month and mechanism. Incidents without a cascade are \"none\". Fewer incidents may as well mean fewer records.",
    ask,
};

/// | column | type | unit | null |
/// |---|---|---|---|
/// | month | text | YYYY-MM | no |
/// | mechanism | text | | no |
/// | incidents | int | | no |
/// | resolved (n) | int | incidents of which the time to resolve is known | no |
/// | time to resolve, median | float | s | if n = 0 |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let from = times(&frames.incidents, "from")?;
    let mechanism = texts(&frames.incidents, MECHANISM)?;
    let status = texts(&frames.incidents, "status")?;
    let resolve = numbers(&frames.incidents, "ttr_s")?;
    let mut groups: BTreeMap<(String, String), Vec<Option<f64>>> = BTreeMap::new();
    for (((from, mechanism), status), resolve) in
        from.into_iter().zip(mechanism).zip(status).zip(resolve)
    {
        if status.as_deref() == Some("failed") {
            continue;
        }
        let month = from
            .and_then(DateTime::from_timestamp_micros)
            .map_or_else(|| "undated".to_owned(), |at| at.format("%Y-%m").to_string());
        groups
            .entry((month, mechanism.unwrap_or_else(|| "none".to_owned())))
            .or_default()
            .push(resolve);
    }
    let rows: Vec<_> = groups
        .into_iter()
        .map(|(key, values)| (key, values.len() as u32, spread(values)))
        .collect();
    df![
        "month" => rows.iter().map(|r| r.0.0.as_str()).collect::<Vec<_>>(),
        "mechanism" => rows.iter().map(|r| r.0.1.as_str()).collect::<Vec<_>>(),
        "incidents" => rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        "resolved (n)" => rows.iter().map(|r| r.2.n).collect::<Vec<_>>(),
        "time to resolve, median" => rows.iter().map(|r| r.2.median).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_month_has_one_row_a_mechanism() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a status=done from=2024-05-22 mechanism=node__lost ttr_s=60
             incidents incident.id=b status=done from=2024-05-30 mechanism=node__lost ttr_s=120
             incidents incident.id=c status=done from=2024-06-01
             incidents incident.id=d status=failed",
            &[
                "2024-05 | node_lost | 2 | 2 | 90.0",
                "2024-06 | none | 1 | 0 | ",
            ],
        );
    }
}
