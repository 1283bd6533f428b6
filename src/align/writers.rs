//! Writers that went from node to node: a workload that is alone evicted where the disk is short, and whose next pod's node is short next.
//!
//! An eviction message does not count what lies in an emptyDir, so the pod that filled the disk may look innocent. What gives it away is that
//! the pressure comes where its pods run, leaves when they leave, and follows them. One node proves nothing; nor does a node where the
//! pressure came with the unpacking of an image, or stayed although the pod was gone.
//!
//! # Source
//! physics of the catalogue: the kubelet looks every 10 s at numbers that are up to 15 s old; an emptyDir goes with its pod.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::Fact;

/// What is younger than this when the pressure begins may itself be the reason: a pull, an unpacking.
const SETTLED: TimeDelta = TimeDelta::seconds(25);
/// How long before the condition the kubelet may have begun to act.
const BEFORE: TimeDelta = TimeDelta::seconds(60);
/// Pressure that stays longer than this after the eviction was not the evicted pod's.
const LEAVES_WITHIN: TimeDelta = TimeDelta::minutes(12);

/// Disk pressure on a node, from its first sign to its end.
struct Episode {
    node: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    workload: String,
}

/// Names the writer on the evictions that show it.
pub(super) fn that_moved(facts: &mut [Fact]) {
    let mut by_workload: BTreeMap<String, Vec<Episode>> = BTreeMap::new();
    for episode in episodes(facts) {
        by_workload
            .entry(episode.workload.clone())
            .or_default()
            .push(episode);
    }
    for (workload, mut episodes) in by_workload {
        episodes.sort_by_key(|e| e.from);
        let followed: BTreeSet<usize> = (1..episodes.len())
            .filter(|index| follows(facts, &episodes[index - 1], &episodes[*index]))
            .flat_map(|index| [index - 1, index])
            .collect();
        let nodes: BTreeSet<&String> = followed.iter().map(|i| &episodes[*i].node).collect();
        if nodes.len() < 2 {
            continue;
        }
        for fact in facts.iter_mut().filter(|f| is_eviction(f)) {
            let (Some(moment), Some(node)) = (fact.moment, fact.entities.get("node")) else {
                continue;
            };
            let inside = followed
                .iter()
                .map(|i| &episodes[*i])
                .any(|e| e.node == *node && moment.at >= e.from - BEFORE && moment.at <= e.to);
            if inside
                && fact.entities.get("workload") == Some(&workload)
                && !fact.entities.contains_key("writer")
            {
                fact.infer(
                    "writer",
                    workload.clone(),
                    "the pressure came where its pods ran, left with them and followed them to the next node, and what lies in an emptyDir is not counted in an eviction message",
                );
            }
        }
    }
}

fn is_eviction(fact: &Fact) -> bool {
    let storage = fact
        .entities
        .get("resource")
        .is_none_or(|r| matches!(r.as_str(), "ephemeral-storage" | "nodefs" | "imagefs"));
    fact.kind == "evicted" && storage
}

/// Episodes in which pods of one workload only were evicted, and which ended soon after.
fn episodes(facts: &[Fact]) -> Vec<Episode> {
    let on_node = |kind: &'static str, node: String| {
        facts
            .iter()
            .filter(move |f| f.kind == kind && f.entities.get("node") == Some(&node))
    };
    let mut found: Vec<Episode> = Vec::new();
    for fact in facts.iter().filter(|f| f.kind == "disk_pressure_on") {
        let (Some(moment), Some(node)) = (fact.moment, fact.entities.get("node")) else {
            continue;
        };
        if found
            .iter()
            .any(|e| e.node == *node && moment.at <= e.to && moment.at >= e.from)
        {
            continue;
        }
        let Some(to) = on_node("disk_pressure_off", node.clone())
            .filter_map(|f| f.moment)
            .map(|m| m.at)
            .filter(|at| *at > moment.at)
            .min()
        else {
            continue;
        };
        let from = on_node("eviction_threshold_met", node.clone())
            .filter_map(|f| f.moment)
            .map(|m| m.at)
            .filter(|at| *at <= moment.at && *at >= moment.at - BEFORE)
            .min()
            .unwrap_or(moment.at);
        let evictions: Vec<&Fact> = facts
            .iter()
            .filter(|f| is_eviction(f) && f.entities.get("node") == Some(node))
            .filter(|f| {
                f.moment
                    .is_some_and(|m| m.at >= from - BEFORE && m.at <= to)
            })
            .collect();
        let workloads: BTreeSet<Option<&String>> = evictions
            .iter()
            .map(|f| f.entities.get("workload"))
            .collect();
        let first = evictions
            .iter()
            .filter_map(|f| f.moment)
            .map(|m| m.at)
            .min();
        // Something else that gave space back may have ended it; that the workload itself was taken down is no such thing.
        let helped = facts.iter().any(|f| {
            matches!(f.kind.as_str(), "image_gc_freed" | "remediation")
                && f.entities.get("node").is_none_or(|n| n == node)
                && (!f.entities.contains_key("workload")
                    || !workloads.contains(&f.entities.get("workload")))
                && f.moment.is_some_and(|m| m.at >= from && m.at <= to)
                && !f.message.contains("without evicting")
        });
        if let ([Some(workload)], Some(first)) =
            (workloads.into_iter().collect::<Vec<_>>().as_slice(), first)
            && to - first <= LEAVES_WITHIN
            && !helped
        {
            found.push(Episode {
                node: node.clone(),
                from,
                to,
                workload: (*workload).clone(),
            });
        }
    }
    found
}

/// Whether a pod of the workload came to the second node after the first node's pressure began, had settled there before the second's
/// did, and nothing else came.
fn follows(facts: &[Fact], first: &Episode, second: &Episode) -> bool {
    if first.node == second.node || second.from <= first.from {
        return false;
    }
    let there = |fact: &&Fact| fact.entities.get("node") == Some(&second.node);
    let between = |fact: &&Fact| {
        fact.moment
            .is_some_and(|m| m.at >= first.from - BEFORE && m.at <= second.from)
    };
    let mut came = false;
    for fact in facts.iter().filter(there).filter(between) {
        let own = fact.entities.get("workload") == Some(&second.workload);
        let settled = fact.moment.is_some_and(|m| m.at + SETTLED <= second.from);
        match fact.kind.as_str() {
            "scheduled" if own && settled => came = true,
            "scheduled" if !own => return false,
            // What is pulled just then, or was in vain, may be what fills the disk.
            "pulling" | "pulled" if !settled => return false,
            "pull_failed" | "no_space" => return false,
            _ => {}
        }
    }
    came
}
