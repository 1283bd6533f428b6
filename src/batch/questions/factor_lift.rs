//! Question `factor_lift`: do incidents with a factor go from node to node more often than those without?

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question, wilson};
use crate::batch::columns::INCIDENT;
use crate::batch::frames::{flags, texts};

pub(super) const QUESTION: Question = Question {
    id: "factor_lift",
    title: "What goes together with spreading?",
    about: "One row a factor, over incidents with a cascade: the share that went to several nodes, with and without the factor, each with its 95 % interval. Together is not because: both may come of something else, and where the intervals overlap there is no difference to speak of.",
    ask,
};

/// | column | type | unit | null |
/// |---|---|---|---|
/// | factor | text | | no |
/// | with (n) | int | incidents | no |
/// | with: spread | float | % | no |
/// | with: from | float | %, lower bound | no |
/// | with: to | float | %, upper bound | no |
/// | without (n) | int | incidents | no |
/// | without: spread | float | % | if n = 0 |
/// | without: from | float | %, lower bound | if n = 0 |
/// | without: to | float | %, upper bound | if n = 0 |
/// | apart | flag | the intervals do not overlap | no |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let mut spread: BTreeMap<String, bool> = BTreeMap::new();
    for (incident, looped) in texts(&frames.cascades, INCIDENT)?
        .into_iter()
        .zip(flags(&frames.cascades, "loop")?)
    {
        *spread.entry(incident.unwrap_or_default()).or_default() |= looped == Some(true);
    }
    let mut factors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (incident, factor) in texts(&frames.factors, INCIDENT)?
        .into_iter()
        .zip(texts(&frames.factors, "factor")?)
    {
        let incident = incident.unwrap_or_default();
        if spread.contains_key(&incident) {
            factors
                .entry(factor.unwrap_or_default())
                .or_default()
                .insert(incident);
        }
    }
    let percent = |share: f64| (share * 1000.0).round() / 10.0;
    let rows: Vec<_> = factors
        .into_iter()
        .map(|(factor, with)| {
            let count = |inside: bool| {
                let of: Vec<bool> = spread
                    .iter()
                    .filter(|(id, _)| with.contains(*id) == inside)
                    .map(|(_, looped)| *looped)
                    .collect();
                (of.iter().filter(|l| **l).count(), of.len())
            };
            let ((hits, n), (other_hits, other_n)) = (count(true), count(false));
            let (a, b) = (wilson(hits, n), wilson(other_hits, other_n));
            let apart = matches!((a, b), (Some(a), Some(b)) if a.0 > b.1 || b.0 > a.1);
            let share = |hits: usize, n: usize| (n > 0).then(|| percent(hits as f64 / n as f64));
            (
                factor,
                n as u32,
                share(hits, n),
                a,
                other_n as u32,
                share(other_hits, other_n),
                b,
                apart,
            )
        })
        .collect();
    df![
        "factor" => rows.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(),
        "with (n)" => rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        "with: spread" => rows.iter().map(|r| r.2).collect::<Vec<_>>(),
        "with: from" => rows.iter().map(|r| r.3.map(|i| percent(i.0))).collect::<Vec<_>>(),
        "with: to" => rows.iter().map(|r| r.3.map(|i| percent(i.1))).collect::<Vec<_>>(),
        "without (n)" => rows.iter().map(|r| r.4).collect::<Vec<_>>(),
        "without: spread" => rows.iter().map(|r| r.5).collect::<Vec<_>>(),
        "without: from" => rows.iter().map(|r| r.6.map(|i| percent(i.0))).collect::<Vec<_>>(),
        "without: to" => rows.iter().map(|r| r.6.map(|i| percent(i.1))).collect::<Vec<_>>(),
        "apart" => rows.iter().map(|r| r.7).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_incident_proves_no_difference() {
        super::super::case::check(
            &super::QUESTION,
            "cascades incident.id=a loop=true
             cascades incident.id=b loop=false
             factors incident.id=a factor=mutable-tag",
            &["mutable-tag | 1 | 100.0 | 20.7 | 100.0 | 1 | 0.0 | 0.0 | 79.3 | false"],
        );
    }
}
