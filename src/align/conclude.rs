//! Conclusions from several facts: a tag that moved, failures that are retries of one another, repetitions not counted twice.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::entity::joining_form;
use crate::model::{Fact, FactId};

/// Retries of one pull are at most this far apart: the longest back-off, its jitter, and a slow pull.
const RETRY_GAP: TimeDelta = TimeDelta::minutes(20);

/// Adds a `tag_moved` fact for each push that gave a tag another digest than the push before it.
pub(super) fn moved_tags(facts: &mut Vec<Fact>) {
    let mut pushes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, fact) in facts.iter().enumerate() {
        let tagged = fact
            .entities
            .get("image")
            .filter(|image| !image.contains('@'));
        if let (true, Some(image), Some(_), Some(_)) = (
            fact.kind == "image_pushed",
            tagged,
            fact.entities.get("digest"),
            fact.moment,
        ) {
            pushes
                .entry(joining_form("image", image))
                .or_default()
                .push(index);
        }
    }
    let mut moved = Vec::new();
    for mut list in pushes.into_values() {
        list.sort_by_key(|index| facts[*index].moment);
        for pair in list.windows(2) {
            let (before, after) = (&facts[pair[0]], &facts[pair[1]]);
            if before.entities.get("digest") == after.entities.get("digest") {
                continue;
            }
            let mut fact = after.clone();
            fact.kind = "tag_moved".to_owned();
            fact.message = format!(
                "{} stood for {} and then for {}",
                after.entities.get("image").map_or("", String::as_str),
                before.entities.get("digest").map_or("", String::as_str),
                after.entities.get("digest").map_or("", String::as_str)
            );
            fact.evidence.extend(before.evidence.first().cloned());
            moved.push(fact);
        }
    }
    facts.extend(moved);
}

/// Puts facts in time order; equal moments by origin, facts without a moment last.
pub(super) fn sort(facts: &mut [Fact]) {
    facts.sort_by(|a, b| {
        let place = |fact: &Fact| fact.evidence.first().map(|e| e.origin);
        (a.moment.is_none(), a.moment, place(a), &a.kind).cmp(&(
            b.moment.is_none(),
            b.moment,
            place(b),
            &b.kind,
        ))
    });
}

/// Links each failed pull to the first of its series, and takes back repetitions that are told one by one.
pub(super) fn retries(facts: &mut [Fact]) {
    let mut series: BTreeMap<(String, String), (FactId, usize, FactId)> = BTreeMap::new();
    for id in 0..facts.len() {
        let fact = &facts[id];
        let who = fact
            .entities
            .get("pod")
            .or_else(|| fact.entities.get("node"))
            .cloned();
        let (Some(moment), Some(who)) = (fact.moment, who) else {
            continue;
        };
        let key = (fact.kind.clone(), who);
        let before = series.get(&key).copied();
        let told = match before {
            Some((first, told, last)) => {
                let gap = facts[last].moment.map(|m| moment.at - m.at);
                if fact.kind == "pull_failed"
                    && facts[last].cause == fact.cause
                    && gap.is_some_and(|g| g <= RETRY_GAP)
                {
                    facts[id].retry_of = Some(first);
                }
                series.insert(key, (facts[id].retry_of.unwrap_or(id), told + 1, id));
                told
            }
            None => {
                series.insert(key, (id, 1, id));
                0
            }
        };
        let count = facts[id].count;
        facts[id].count = count.saturating_sub(told as u64).max(1);
    }
}
