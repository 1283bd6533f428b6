//! Question `recurrence`: the same kind of incident again.
//!
//! Cascades are of one family if mechanism and loop are the same and what the poorer record knows of rules and factors is mostly what the richer one
//! knows too. An equal signature would be too strict: a bundle that lacks one log has fewer links, and is the same incident all the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use polars::prelude::{DataFrame, PolarsResult, df};

use super::similar::{Features, Likeness, features};
use super::{Frames, Question, spread};
use crate::batch::columns::{INCIDENT, SIGNATURE};
use crate::batch::frames::{texts, times};

pub(super) const QUESTION: Question = Question {
    id: "recurrence",
    title: "What came back?",
    about: "One row a family of cascades: same mechanism, same loop, and at least 60 % of the rules and factors of the poorer record stand in the richest one too, names left aside. That it came back does not mean that nothing was done.",
    ask,
};

/// Share of a cascade's features, by weight, that a family's first member must have too.
const FAMILY: f64 = 0.6;

/// A family: indexes of its cascades in the order of the table.
pub(super) struct Family {
    pub(super) members: Vec<usize>,
    features: Features,
}

/// Puts cascades into families: the richest record first, each to the family whose first member it is most like.
///
/// The richest first, because a record that knows little is like many: it joins what is there and begins nothing.
pub(super) fn families(sets: &[(String, Features)]) -> Vec<Family> {
    let likeness = Likeness::of(sets.iter().map(|(_, set)| set));
    let kind = |set: &Features| -> (Option<String>, bool) {
        (
            set.iter().find(|f| f.starts_with("mechanism ")).cloned(),
            set.contains("loop"),
        )
    };
    let mut order: Vec<usize> = (0..sets.len()).collect();
    order.sort_by_key(|index| (std::cmp::Reverse(sets[*index].1.len()), *index));
    let mut found: BTreeMap<(Option<String>, bool), Vec<Family>> = BTreeMap::new();
    for index in order {
        let set = &sets[index].1;
        let same = found.entry(kind(set)).or_default();
        let mut best: Option<(f64, usize)> = None;
        for (place, family) in same.iter().enumerate() {
            let held = likeness.held(set, &family.features);
            if held >= FAMILY && best.is_none_or(|(other, _)| held > other) {
                best = Some((held, place));
            }
        }
        match best {
            Some((_, place)) => same[place].members.push(index),
            None => same.push(Family {
                members: vec![index],
                features: set.clone(),
            }),
        }
    }
    let mut all: Vec<Family> = found.into_values().flatten().collect();
    for family in &mut all {
        family.members.sort_unstable();
    }
    all
}

/// Returns the families of more than one incident, each as its incidents' ids, sorted.
///
/// # Errors
/// If the frames are not those of a fleet.
pub fn recurrences(frames: &Frames) -> PolarsResult<Vec<Vec<String>>> {
    let sets = features(frames)?;
    let mut found: Vec<Vec<String>> = families(&sets)
        .iter()
        .map(|family| {
            let ids: BTreeSet<&String> = family.members.iter().map(|i| &sets[*i].0).collect();
            ids.into_iter().cloned().collect()
        })
        .filter(|ids: &Vec<String>| ids.len() > 1)
        .collect();
    found.sort();
    Ok(found)
}

/// | column | type | unit | null |
/// |---|---|---|---|
/// | mechanism | text | | no |
/// | on several nodes | flag | | no |
/// | incidents | int | | no |
/// | first | text | YYYY-MM-DD | if no time is known |
/// | last | text | YYYY-MM-DD | if no time is known |
/// | days between, median | float | days | if fewer than two are dated |
/// | signatures | int | distinct signatures | no |
/// | in common | text | rules and factors of the richest one | no |
/// | which | text | incident ids, the latest first, at most 20 | no |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let sets = features(frames)?;
    let signatures = texts(&frames.cascades, SIGNATURE)?;
    let from: BTreeMap<String, i64> = texts(&frames.incidents, INCIDENT)?
        .into_iter()
        .zip(times(&frames.incidents, "from")?)
        .filter_map(|(id, at)| Some((id?, at?)))
        .collect();
    let mut rows = Vec::new();
    for family in families(&sets) {
        let mut incidents: Vec<(Option<i64>, &str)> = family
            .members
            .iter()
            .map(|i| (from.get(&sets[*i].0).copied(), sets[*i].0.as_str()))
            .collect();
        incidents.sort_unstable();
        incidents.dedup();
        if incidents.len() < 2 {
            continue;
        }
        let dates: Vec<i64> = incidents.iter().filter_map(|(at, _)| *at).collect();
        let days = spread(
            dates
                .windows(2)
                .map(|pair| Some((pair[1] - pair[0]) as f64 / 86_400_000_000.0)),
        );
        let mut distinct: Vec<&Option<String>> =
            family.members.iter().map(|i| &signatures[*i]).collect();
        distinct.sort();
        distinct.dedup();
        let day = |at: Option<&i64>| {
            at.and_then(|at| DateTime::from_timestamp_micros(*at))
                .map(|at| at.format("%Y-%m-%d").to_string())
        };
        rows.push((
            family
                .features
                .iter()
                .find_map(|f| f.strip_prefix("mechanism "))
                .unwrap_or_default()
                .to_owned(),
            family.features.contains("loop"),
            incidents.len() as u32,
            day(dates.first()),
            day(dates.last()),
            days.median.map(|d| (d * 10.0).round() / 10.0),
            distinct.len() as u32,
            family
                .features
                .iter()
                .filter(|f| !f.starts_with("mechanism "))
                .map(|f| f.rsplit(' ').next().unwrap_or(f))
                .collect::<Vec<_>>()
                .join(" "),
            incidents
                .iter()
                .rev()
                .take(20)
                .map(|(_, id)| *id)
                .collect::<Vec<_>>()
                .join(" "),
        ));
    }
    rows.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| (&a.0, &a.8).cmp(&(&b.0, &b.8))));
    df![
        "mechanism" => rows.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(),
        "on several nodes" => rows.iter().map(|r| r.1).collect::<Vec<_>>(),
        "incidents" => rows.iter().map(|r| r.2).collect::<Vec<_>>(),
        "first" => rows.iter().map(|r| r.3.as_deref()).collect::<Vec<_>>(),
        "last" => rows.iter().map(|r| r.4.as_deref()).collect::<Vec<_>>(),
        "days between, median" => rows.iter().map(|r| r.5).collect::<Vec<_>>(),
        "signatures" => rows.iter().map(|r| r.6).collect::<Vec<_>>(),
        "in common" => rows.iter().map(|r| r.7.as_str()).collect::<Vec<_>>(),
        "which" => rows.iter().map(|r| r.8.as_str()).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_missing_link_is_the_same_family_and_another_mechanism_is_not() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a status=done from=2024-01-01
             incidents incident.id=b status=done from=2024-01-31
             incidents incident.id=c status=done from=2024-02-01
             incidents incident.id=d status=done from=2024-02-02
             cascades incident.id=a mechanism=x loop=true signature=1 rules=p_q_r
             cascades incident.id=b mechanism=x loop=true signature=2 rules=p_q
             cascades incident.id=c mechanism=y loop=true signature=3 rules=p_q_r
             cascades incident.id=d mechanism=x loop=false signature=4 rules=p_q_r",
            &["x | true | 2 | 2024-01-01 | 2024-01-31 | 30.0 | 2 | loop p q r | b a"],
        );
    }
}
