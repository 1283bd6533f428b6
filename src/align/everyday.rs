//! Everyday facts: starts, ends and clean-ups that happen on every healthy day, and tell something only beside something else.
//!
//! Takes merged facts; leaves out those of kinds whose grammar file says `[fact.beside]` where nothing stands beside them.
//! Does not judge what they mean.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::grammar::Grammars;
use crate::model::Fact;
use crate::model::entity::joining_form;

/// Leaves out everyday facts that stand alone.
pub(super) fn leave_out(facts: &mut Vec<Fact>, grammars: &Grammars) {
    let beside: BTreeMap<&str, _> = grammars
        .signals
        .iter()
        .filter_map(|kind| Some((kind.kind.as_str(), kind.beside.as_ref()?)))
        .collect();
    if !facts.iter().any(|f| beside.contains_key(f.kind.as_str())) {
        return;
    }
    let mut sources: BTreeSet<usize> = BTreeSet::new();
    let mut named: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut faults: Vec<DateTime<Utc>> = Vec::new();
    for fact in facts
        .iter()
        .filter(|f| !beside.contains_key(f.kind.as_str()))
    {
        sources.extend(fact.evidence.iter().map(|e| e.origin.source));
        named.extend(
            fact.entities
                .iter()
                .map(|(name, value)| (name.as_str(), joining_form(name, value))),
        );
        if grammars.is_fault(&fact.kind) {
            faults.extend(fact.moment.map(|m| m.at));
        }
    }
    faults.sort_unstable();
    let keep: Vec<bool> = facts
        .iter()
        .map(|fact| {
            let Some(beside) = beside.get(fact.kind.as_str()) else {
                return true;
            };
            let by_source = || {
                let mut evidence = fact.evidence.iter();
                evidence.any(|e| sources.contains(&e.origin.source))
            };
            let by_name = || {
                beside.share.iter().any(|name| {
                    fact.entities
                        .get(name)
                        .is_some_and(|v| named.contains(&(name.as_str(), joining_form(name, v))))
                })
            };
            let by_time = || {
                let (Some(within), Some(moment)) = (beside.within, fact.moment) else {
                    return false;
                };
                let from = faults.partition_point(|at| *at < moment.at - within);
                faults.get(from).is_some_and(|at| *at <= moment.at + within)
            };
            by_source() || by_name() || by_time()
        })
        .collect();
    let mut keep = keep.into_iter();
    facts.retain(|_| keep.next().unwrap_or(true));
}
