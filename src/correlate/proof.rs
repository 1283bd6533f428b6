//! Proof of causal rules: the cases in each rule file, run by the rule itself.

use chrono::{DateTime, TimeDelta};

use super::find_links;
use crate::grammar::Grammars;
use crate::grammar::mistake::Mistake;
use crate::grammar::timeline::Entry;
use crate::model::{Basis, Fact, Moment};

/// Returns a mistake for each case that does not turn out as it says, in the files for which `wanted` holds.
pub fn prove_cases(grammars: &Grammars, wanted: &dyn Fn(&str) -> bool) -> Vec<Mistake> {
    let constants = grammars.physics.for_version(None);
    let mut mistakes = Vec::new();
    for rule in &grammars.rules {
        let file = format!("cascades/{}.toml", rule.id);
        if !wanted(&file) {
            continue;
        }
        for case in &rule.cases {
            let facts: Vec<Fact> = facts_of(&case.timeline);
            let links = find_links(&facts, std::slice::from_ref(rule), &constants);
            if links.is_empty() == case.links {
                let reason = if case.links {
                    "must link and does not"
                } else {
                    "must not link and does"
                };
                mistakes.push(Mistake::new(
                    &file,
                    case.span.clone(),
                    format!("the case \"{}\" {reason}", case.name),
                ));
            }
        }
    }
    mistakes
}

/// Makes facts of a timeline, on an arbitrary day.
pub(crate) fn facts_of(timeline: &[Entry]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = timeline
        .iter()
        .map(|entry| Fact {
            kind: entry.signal.clone(),
            cause: entry
                .values
                .iter()
                .find(|(name, _)| name == "cause")
                .map(|(_, value)| value.clone()),
            entities: entry
                .values
                .iter()
                .filter(|(name, _)| name != "cause")
                .cloned()
                .collect(),
            inferred: Default::default(),
            moment: Some(Moment {
                at: DateTime::UNIX_EPOCH + entry.at,
                precision: TimeDelta::milliseconds(1),
                basis: Basis::Stamp,
            }),
            as_written: None,
            last: None,
            count: 1,
            component: entry
                .values
                .iter()
                .find(|(name, _)| name == "component")
                .map(|(_, value)| value.clone()),
            components: Vec::new(),
            format: Vec::new(),
            evidence: Vec::new(),
            evidence_left_out: 0,
            conditions: Vec::new(),
            message: String::new(),
            retry_of: None,
            concluded_from: Vec::new(),
        })
        .collect();
    facts.sort_by_key(|fact| fact.moment);
    facts
}
