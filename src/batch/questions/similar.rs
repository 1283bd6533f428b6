//! Question `similar`: which past incidents are like this one, and in what.
//!
//! Two cascades are compared by the rules of their links, their factors, their mechanism and whether they went from node to node, never by names.
//! What is rare in the fleet weighs more: that two incidents share a rule which every incident has says little.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::PolarsResult;

use super::{Frames, spread};
use crate::batch::columns::{INCIDENT, MECHANISM, SPANS};
use crate::batch::frames::{flags, numbers, texts};
use crate::batch::rows::{is_loop, rules};
use crate::wire::v1::{BaselineRow, Report, SimilarRow};

/// Features of one cascade, as `mechanism x`, `rule x`, `factor x`, `loop`.
pub(super) type Features = BTreeSet<String>;

/// How much each feature weighs: the logarithm of how few cascades of the fleet have it.
#[derive(Debug, Clone, Default)]
pub struct Likeness {
    weights: BTreeMap<String, f64>,
    cascades: usize,
}

impl Likeness {
    /// Weighs features by how many of these sets have them.
    pub(super) fn of<'a>(sets: impl IntoIterator<Item = &'a Features>) -> Likeness {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut cascades = 0;
        for set in sets {
            cascades += 1;
            for feature in set {
                *counts.entry(feature.clone()).or_default() += 1;
            }
        }
        let weights = counts
            .into_iter()
            .map(|(feature, count)| (feature, (1.0 + cascades as f64 / count as f64).ln()))
            .collect();
        Likeness { weights, cascades }
    }

    fn weight(&self, feature: &str) -> f64 {
        self.weights
            .get(feature)
            .copied()
            .unwrap_or_else(|| (2.0 + self.cascades as f64).ln())
    }

    /// Returns the weighted share of features that both have, of those that either has; 0 to 1.
    pub(super) fn overlap(&self, a: &Features, b: &Features) -> f64 {
        let sum = |features: &mut dyn Iterator<Item = &String>| {
            features.map(|f| self.weight(f)).sum::<f64>()
        };
        let either = sum(&mut a.union(b));
        if either == 0.0 {
            0.0
        } else {
            sum(&mut a.intersection(b)) / either
        }
    }

    /// Returns the weighted share of a set's features that another has too; 0 to 1.
    pub(super) fn held(&self, set: &Features, by: &Features) -> f64 {
        let sum = |features: &mut dyn Iterator<Item = &String>| {
            features.map(|f| self.weight(f)).sum::<f64>()
        };
        let all = sum(&mut set.iter());
        if all == 0.0 {
            0.0
        } else {
            sum(&mut set.intersection(by)) / all
        }
    }
}

/// Returns the features of every cascade: incident, features.
pub(super) fn features(frames: &Frames) -> PolarsResult<Vec<(String, Features)>> {
    let mut factors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (incident, factor) in texts(&frames.factors, INCIDENT)?
        .into_iter()
        .zip(texts(&frames.factors, "factor")?)
    {
        factors
            .entry(incident.unwrap_or_default())
            .or_default()
            .insert(format!("factor {}", factor.unwrap_or_default()));
    }
    let cascades = &frames.cascades;
    let columns = texts(cascades, INCIDENT)?
        .into_iter()
        .zip(texts(cascades, MECHANISM)?)
        .zip(texts(cascades, "rules")?)
        .zip(flags(cascades, "loop")?);
    Ok(columns
        .map(|(((incident, mechanism), rules), looped)| {
            let incident = incident.unwrap_or_default();
            let mut set: Features = rules
                .unwrap_or_default()
                .split_whitespace()
                .map(|r| format!("rule {r}"))
                .collect();
            set.insert(format!("mechanism {}", mechanism.unwrap_or_default()));
            if looped == Some(true) {
                set.insert("loop".to_owned());
            }
            set.extend(factors.get(&incident).into_iter().flatten().cloned());
            (incident, set)
        })
        .collect())
}

/// Overlap from which an incident is called similar.
const ALIKE: f64 = 0.5;

/// Returns the past incidents most like the report's gravest cascade, the most similar first, at most `most`; none if it has no cascade.
///
/// # Errors
/// If the frames are not those of a fleet.
pub fn similar(report: &Report, frames: &Frames, most: usize) -> PolarsResult<Vec<SimilarRow>> {
    let Some(cascade) = report.cascades.first() else {
        return Ok(Vec::new());
    };
    let mut mine: Features = rules(cascade).iter().map(|r| format!("rule {r}")).collect();
    mine.insert(format!("mechanism {}", cascade.mechanism));
    if is_loop(cascade) {
        mine.insert("loop".to_owned());
    }
    mine.extend(report.factors.iter().map(|f| format!("factor {}", f.id)));
    let past = features(frames)?;
    let likeness = Likeness::of(past.iter().map(|(_, set)| set));
    let titles: BTreeMap<String, (Option<String>, Option<i64>)> =
        texts(&frames.incidents, INCIDENT)?
            .into_iter()
            .zip(texts(&frames.incidents, "title")?)
            .zip(crate::batch::frames::times(&frames.incidents, "from")?)
            .filter_map(|((id, title), from)| Some((id?, (title, from))))
            .collect();
    let mut best: BTreeMap<&str, (f64, &Features)> = BTreeMap::new();
    for (incident, set) in &past {
        let overlap = likeness.overlap(&mine, set);
        let entry = best.entry(incident).or_insert((overlap, set));
        if overlap > entry.0 {
            *entry = (overlap, set);
        }
    }
    let mut ranked: Vec<(&str, f64, &Features)> = best
        .into_iter()
        .filter(|(_, (overlap, _))| *overlap >= ALIKE)
        .map(|(id, (overlap, set))| (id, overlap, set))
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    ranked.truncate(most);
    Ok(ranked
        .into_iter()
        .map(|(incident, overlap, set)| {
            let named = |features: Vec<&String>| features.into_iter().cloned().collect();
            let (title, from) = titles.get(incident).cloned().unwrap_or_default();
            SimilarRow {
                incident: incident.to_owned(),
                title: title.unwrap_or_default(),
                from: from
                    .and_then(chrono::DateTime::from_timestamp_micros)
                    .map(crate::wire::v1::stamp),
                overlap: (overlap * 100.0).round() / 100.0,
                shared: named(mine.intersection(set).collect()),
                only_here: named(mine.difference(set).collect()),
                only_there: named(set.difference(&mine).collect()),
            }
        })
        .collect())
}

/// Returns what past incidents of a mechanism had of each metric; nothing where none of them tells.
///
/// # Errors
/// If the frames are not those of a fleet.
pub fn baselines(
    mechanism: &str,
    frames: &Frames,
) -> PolarsResult<BTreeMap<&'static str, BaselineRow>> {
    let mut found = BTreeMap::new();
    let alike: Vec<bool> = texts(&frames.incidents, MECHANISM)?
        .into_iter()
        .map(|m| m.as_deref() == Some(mechanism))
        .collect();
    for metric in SPANS {
        let known: Vec<Option<f64>> = numbers(&frames.incidents, metric)?
            .into_iter()
            .zip(&alike)
            .map(|(value, alike)| value.filter(|_| *alike))
            .collect();
        let told = spread(known);
        if let Some(median) = told.median {
            found.insert(
                *metric,
                BaselineRow {
                    median,
                    incidents: u64::from(told.n),
                },
            );
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_is_of_the_same_mechanism_and_of_those_that_tell() {
        let frames = super::super::case::frames_of(
            "incidents incident.id=a status=done mechanism=x ttr_s=60 ttd_s=10
             incidents incident.id=b status=done mechanism=x ttr_s=180
             incidents incident.id=c status=done mechanism=y ttr_s=9000
             incidents incident.id=d status=done mechanism=x",
        );
        let found: Vec<(&str, f64, u64)> = baselines("x", &frames)
            .expect("a fleet")
            .into_iter()
            .map(|(metric, row)| (metric, row.median, row.incidents))
            .collect();
        assert_eq!(found, [("ttd_s", 10.0, 1), ("ttr_s", 120.0, 2)]);
        assert!(baselines("z", &frames).expect("a fleet").is_empty());
    }

    #[test]
    fn what_is_rare_weighs_more() {
        let set = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Features>();
        let past = [
            set(&["common", "rare"]),
            set(&["common"]),
            set(&["common", "other"]),
        ];
        let likeness = Likeness::of(&past);
        let mine = set(&["common", "rare"]);
        assert!((likeness.overlap(&mine, &past[0]) - 1.0).abs() < 1e-9);
        assert!(
            likeness.overlap(&mine, &past[1]) < 0.5,
            "what all have in common makes nobody similar"
        );
    }
}
