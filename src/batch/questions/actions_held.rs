//! Question `actions_held`: after an action was proposed, did the same kind of incident come back?

use std::collections::BTreeMap;

use chrono::DateTime;
use polars::prelude::{DataFrame, PolarsResult, df};

use super::recurrence::families;
use super::similar::features;
use super::{Frames, Question};
use crate::batch::columns::INCIDENT;
use crate::batch::frames::{texts, times};

pub(super) const QUESTION: Question = Question {
    id: "actions_held",
    title: "Did it hold?",
    about: "One row an action and family of cascades: proposed first on that day, and how many incidents of the family came later. The record does not tell whether the action was carried out.",
    ask,
};

/// | column | type | unit | null |
/// |---|---|---|---|
/// | action | text | | no |
/// | mechanism | text | of the family | no |
/// | proposed | text | YYYY-MM-DD, the first time | no |
/// | incidents after | int | | no |
/// | last | text | YYYY-MM-DD | if none came after |
/// | days until the next | float | | if none came after |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let from: BTreeMap<String, i64> = texts(&frames.incidents, INCIDENT)?
        .into_iter()
        .zip(times(&frames.incidents, "from")?)
        .filter_map(|(id, at)| Some((id?, at?)))
        .collect();
    let mut actions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (incident, action) in texts(&frames.actions, INCIDENT)?
        .into_iter()
        .zip(texts(&frames.actions, "action")?)
    {
        actions
            .entry(incident.unwrap_or_default())
            .or_default()
            .push(action.unwrap_or_default());
    }
    let sets = features(frames)?;
    let mut rows = Vec::new();
    for family in families(&sets) {
        let mut dated: Vec<(i64, &str)> = family
            .members
            .iter()
            .filter_map(|i| Some((*from.get(&sets[*i].0)?, sets[*i].0.as_str())))
            .collect();
        dated.sort_unstable();
        dated.dedup();
        let mechanism = family
            .members
            .first()
            .and_then(|i| sets[*i].1.iter().find_map(|f| f.strip_prefix("mechanism ")))
            .unwrap_or_default();
        let mut proposed: BTreeMap<&str, i64> = BTreeMap::new();
        for (at, incident) in &dated {
            for action in actions.get(*incident).into_iter().flatten() {
                proposed.entry(action).or_insert(*at);
            }
        }
        for (action, at) in proposed {
            let after: Vec<i64> = dated
                .iter()
                .map(|(later, _)| *later)
                .filter(|later| *later > at)
                .collect();
            rows.push((
                action.to_owned(),
                mechanism.to_owned(),
                at,
                after.len() as u32,
                after.last().copied(),
                after
                    .first()
                    .map(|next| ((next - at) as f64 / 8_640_000_000.0).round() / 10.0),
            ));
        }
    }
    rows.sort_by(|a, b| {
        b.3.cmp(&a.3)
            .then_with(|| (&a.0, &a.1, a.2).cmp(&(&b.0, &b.1, b.2)))
    });
    let day =
        |at: i64| DateTime::from_timestamp_micros(at).map(|at| at.format("%Y-%m-%d").to_string());
    df![
        "action" => rows.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(),
        "mechanism" => rows.iter().map(|r| r.1.as_str()).collect::<Vec<_>>(),
        "proposed" => rows.iter().map(|r| day(r.2)).collect::<Vec<_>>(),
        "incidents after" => rows.iter().map(|r| r.3).collect::<Vec<_>>(),
        "last" => rows.iter().map(|r| r.4.and_then(day)).collect::<Vec<_>>(),
        "days until the next" => rows.iter().map(|r| r.5).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_came_later_counts() {
        super::super::case::check(
            &super::QUESTION,
            "incidents incident.id=a from=2024-01-01
             incidents incident.id=b from=2024-01-11
             incidents incident.id=c from=2023-12-01
             cascades incident.id=a mechanism=x
             cascades incident.id=b mechanism=x
             cascades incident.id=c mechanism=x
             actions incident.id=a action=pin-digest",
            &["pin-digest | x | 2024-01-01 | 1 | 2024-01-11 | 10.0"],
        );
    }
}
