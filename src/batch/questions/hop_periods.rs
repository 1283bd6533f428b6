//! Question `hop_periods`: how long until the next node.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question, spread};
use crate::batch::columns::{CASCADE, INCIDENT, MECHANISM};
use crate::batch::frames::{numbers, texts};

pub(super) const QUESTION: Question = Question {
    id: "hop_periods",
    title: "How long until the next node?",
    about: "One row a mechanism and way of spreading, over cascades with more than one hop: the time from the begin of a hop to the begin of the next. It is how long people have.",
    ask,
};

/// | column | type | unit | null |
/// |---|---|---|---|
/// | mechanism | text | | no |
/// | spread | text | domino, common_cause, single or unknown | no |
/// | n | int | periods | no |
/// | shortest | float | s | no |
/// | median | float | s | no |
/// | p90 | float | s | if n < 5 |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let cascades = &frames.cascades;
    let kinds: BTreeMap<(String, String), (String, String)> = texts(cascades, INCIDENT)?
        .into_iter()
        .zip(texts(cascades, CASCADE)?)
        .zip(texts(cascades, MECHANISM)?)
        .zip(texts(cascades, "spread")?)
        .map(|(((incident, cascade), mechanism), spread)| {
            (
                (incident.unwrap_or_default(), cascade.unwrap_or_default()),
                (mechanism.unwrap_or_default(), spread.unwrap_or_default()),
            )
        })
        .collect();
    let hops = &frames.hops;
    let mut groups: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for ((incident, cascade), period) in texts(hops, INCIDENT)?
        .into_iter()
        .zip(texts(hops, CASCADE)?)
        .zip(numbers(hops, "period_s")?)
    {
        let key = (incident.unwrap_or_default(), cascade.unwrap_or_default());
        if let (Some(kind), Some(period)) = (kinds.get(&key), period) {
            groups.entry(kind.clone()).or_default().push(period);
        }
    }
    let rows: Vec<_> = groups
        .into_iter()
        .map(|(kind, periods)| {
            (
                kind,
                periods.iter().copied().fold(f64::INFINITY, f64::min),
                spread(periods.into_iter().map(Some)),
            )
        })
        .collect();
    df![
        "mechanism" => rows.iter().map(|r| r.0.0.as_str()).collect::<Vec<_>>(),
        "spread" => rows.iter().map(|r| r.0.1.as_str()).collect::<Vec<_>>(),
        "n" => rows.iter().map(|r| r.2.n).collect::<Vec<_>>(),
        "shortest" => rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        "median" => rows.iter().map(|r| r.2.median).collect::<Vec<_>>(),
        "p90" => rows.iter().map(|r| r.2.p90).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_hop_has_no_period() {
        super::super::case::check(
            &super::QUESTION,
            "cascades incident.id=a cascade=c1 mechanism=x spread=domino
             hops incident.id=a cascade=c1 hop=1
             hops incident.id=a cascade=c1 hop=2 period_s=70
             hops incident.id=a cascade=c1 hop=3 period_s=90",
            &["x | domino | 2 | 70.0 | 80.0 | "],
        );
    }
}
