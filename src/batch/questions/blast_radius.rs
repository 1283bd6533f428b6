//! Question `blast_radius`: how much was hit, by mechanism and by factor.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question, spread};
use crate::batch::columns::{INCIDENT, MECHANISM};
use crate::batch::frames::{numbers, texts};

pub(super) const QUESTION: Question = Question {
    id: "blast_radius",
    title: "How much was hit?",
    about: "One row a mechanism or factor, over the incidents that have it; those with several count in several rows. Not what the factor did: what else was there is in the same numbers.",
    ask,
};

/// | column | type | unit | null |
/// |---|---|---|---|
/// | by | text | mechanism or factor | no |
/// | what | text | its id | no |
/// | incidents | int | | no |
/// | nodes, median | float | nodes hit by the fault and by what followed | no |
/// | nodes, p90 | float | | if fewer than 5 incidents |
/// | pods, median | float | | no |
/// | node-minutes (n) | int | incidents of which they are known | no |
/// | node-minutes | float | min under DiskPressure or not Ready, summed | if n = 0 |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let incidents = &frames.incidents;
    let ids: Vec<String> = texts(incidents, INCIDENT)?
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect();
    let sum = |names: &[&str]| -> PolarsResult<BTreeMap<String, f64>> {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for name in names {
            for (id, value) in ids.iter().zip(numbers(incidents, name)?) {
                if let Some(value) = value {
                    *sums.entry(id.clone()).or_default() += value;
                }
            }
        }
        Ok(sums)
    };
    let nodes = sum(&["nodes.direct", "nodes.collateral"])?;
    let pods = sum(&["pods.direct", "pods.collateral"])?;
    let minutes = sum(&["node_minutes_disk_pressure", "node_minutes_not_ready"])?;
    let mut groups: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for (by, frame, column) in [
        ("mechanism", &frames.cascades, MECHANISM),
        ("factor", &frames.factors, "factor"),
    ] {
        for (incident, what) in texts(frame, INCIDENT)?
            .into_iter()
            .zip(texts(frame, column)?)
        {
            groups
                .entry((by, what.unwrap_or_default()))
                .or_default()
                .insert(incident.unwrap_or_default());
        }
    }
    let rows: Vec<_> = groups
        .into_iter()
        .map(|(key, incidents)| {
            let of = |values: &BTreeMap<String, f64>| {
                spread(incidents.iter().map(|id| values.get(id).copied()))
            };
            let known: Vec<f64> = incidents
                .iter()
                .filter_map(|id| minutes.get(id).copied())
                .collect();
            let total = (!known.is_empty()).then(|| known.iter().sum::<f64>());
            (
                key,
                incidents.len() as u32,
                of(&nodes),
                of(&pods),
                known.len() as u32,
                total,
            )
        })
        .collect();
    df![
        "by" => rows.iter().map(|r| r.0.0).collect::<Vec<_>>(),
        "what" => rows.iter().map(|r| r.0.1.as_str()).collect::<Vec<_>>(),
        "incidents" => rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        "nodes, median" => rows.iter().map(|r| r.2.median).collect::<Vec<_>>(),
        "nodes, p90" => rows.iter().map(|r| r.2.p90).collect::<Vec<_>>(),
        "pods, median" => rows.iter().map(|r| r.3.median).collect::<Vec<_>>(),
        "node-minutes (n)" => rows.iter().map(|r| r.4).collect::<Vec<_>>(),
        "node-minutes" => rows.iter().map(|r| r.5).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn minutes_that_are_not_known_are_not_zero() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a nodes.direct=2 nodes.collateral=1 pods.direct=4 node_minutes_not_ready=3
             incidents incident.id=b nodes.direct=1 pods.direct=2
             cascades incident.id=a mechanism=x
             cascades incident.id=b mechanism=x
             factors incident.id=b factor=f",
            &["factor | f | 1 | 1.0 |  | 2.0 | 0 | ", "mechanism | x | 2 | 2.0 |  | 3.0 | 1 | 3.0"],
        );
    }
}
