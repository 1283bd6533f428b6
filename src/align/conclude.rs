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

/// A deploy this near to a new revision's first pod is what made it.
const ONE_ROLLOUT: TimeDelta = TimeDelta::minutes(30);

/// Adds a `deploy_started` fact where pods of another template begin to be made and nobody tells of the change itself.
///
/// A Deployment's pods carry the hash of their template in their names: another hash is another template, which a mere scaling never makes.
/// Wants pods of the template before, so that a first look at a workload is no change of it.
pub(super) fn new_revisions(facts: &mut Vec<Fact>) {
    let hash_of = |fact: &Fact| -> Option<(String, String)> {
        let workload = fact.entities.get("workload")?;
        let (_, name) = workload.split_once("/Deployment/")?;
        let rest = fact
            .entities
            .get("pod")?
            .strip_prefix(name)?
            .strip_prefix('-')?;
        let (hash, _) = rest.split_once('-')?;
        Some((workload.clone(), hash.to_owned()))
    };
    // Of each template: its first made pod, and whether any pod of it was made in the record at all.
    let mut made: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut seen: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
    for (index, fact) in facts.iter().enumerate() {
        let (Some(key), Some(moment)) = (hash_of(fact), fact.moment) else {
            continue;
        };
        seen.entry(key.0.clone())
            .or_default()
            .push((key.1.clone(), index));
        if fact.kind == "pod_created" {
            let first = made.entry(key).or_insert(index);
            if facts[*first].moment.is_some_and(|m| moment.at < m.at) {
                *first = index;
            }
        }
    }
    let mut found = Vec::new();
    for ((workload, hash), first) in &made {
        let Some(begin) = facts[*first].moment else {
            continue;
        };
        // Pods of the template before were there already: told earlier, or later without having been made.
        let before = seen
            .get(workload)
            .into_iter()
            .flatten()
            .any(|(other, index)| {
                other != hash
                    && (facts[*index].moment.is_some_and(|m| m.at < begin.at)
                        || !made.contains_key(&(workload.clone(), other.clone())))
            });
        let known_before = seen
            .get(workload)
            .into_iter()
            .flatten()
            .any(|(own, index)| {
                own == hash && facts[*index].moment.is_some_and(|m| m.latest() < begin.at)
            });
        let told = facts.iter().any(|fact| {
            matches!(fact.kind.as_str(), "deploy_started" | "rollback")
                && fact
                    .entities
                    .get("workload")
                    .is_none_or(|w| w == workload || workload.ends_with(&format!("/{w}")))
                && fact
                    .moment
                    .is_some_and(|m| (m.at - begin.at).abs() <= ONE_ROLLOUT)
        });
        if !before || known_before || told {
            continue;
        }
        let mut fact = facts[*first].clone();
        fact.kind = "deploy_started".to_owned();
        for kind in ["pod", "uid", "node", "container"] {
            fact.entities.remove(kind);
            fact.inferred.remove(kind);
        }
        fact.message = format!("pods of another template of {workload} ({hash}) began to be made");
        found.push(fact);
    }
    facts.extend(found);
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
