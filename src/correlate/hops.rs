//! Hops: the stays of a cascade on its nodes, and how it went from one to the next.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::verdicts::{Graph, ON_ONE_NODE, several_nodes};
use crate::model::{Condition, Fact, FactId, Hop, Spread};

/// Faults on one node further apart than this are two stays.
const ONE_STAY: TimeDelta = TimeDelta::minutes(20);

/// Kinds that show that a node is in trouble.
const ON_NODE: &[&str] = &[
    "pull_failed",
    "no_space",
    "inode_exhausted",
    "eviction_threshold_met",
    "disk_pressure_on",
    "memory_pressure_on",
    "evicted",
    "kubelet_write_failed",
    "runtime_down",
    "pleg_unhealthy",
    "status_stale",
    "node_not_ready",
    "image_gc_failed",
];

fn at(fact: &Fact) -> DateTime<Utc> {
    fact.moment.map_or(DateTime::UNIX_EPOCH, |m| m.at)
}

/// Builds the hops of a cascade, in time order.
pub(super) fn build(
    facts: &[Fact],
    conditions: &[Condition],
    members: &[FactId],
    anchors: &[FactId],
    graph: &Graph,
) -> Vec<Hop> {
    // A fault that names no node was where the facts are that it is linked with.
    let beside = |id: FactId| {
        let causes = graph.causes(id).map(|link| link.cause);
        graph.effects(id).map(|link| link.effect).chain(causes)
    };
    let anchored: BTreeSet<Option<&str>> = anchors
        .iter()
        .flat_map(|id| match facts[*id].entity("node") {
            None => beside(*id)
                .map(|other| facts[other].entity("node"))
                .collect(),
            node => vec![node],
        })
        .filter(Option::is_some)
        .collect();
    let mut hops: Vec<Hop> = Vec::new();
    for id in members {
        let fact = &facts[*id];
        if !ON_NODE.contains(&fact.kind.as_str()) && !anchors.contains(id) {
            continue;
        }
        let node = fact.entity("node");
        // A node belongs to the cascade if the fault itself was on it, or pressure that it caused.
        let own = anchors.contains(id)
            || anchored.contains(&node)
            || matches!(
                fact.kind.as_str(),
                "disk_pressure_on" | "memory_pressure_on"
            );
        if !own || node.is_none() {
            continue;
        }
        let known = hops
            .iter_mut()
            .rev()
            .find(|h| h.node.as_deref() == node && at(fact) - h.to.unwrap_or(h.from) <= ONE_STAY);
        match known {
            Some(hop) => {
                hop.signals.push(*id);
                hop.to = hop.to.max(Some(at(fact)));
            }
            None => hops.push(Hop {
                node: node.map(str::to_owned),
                from: at(fact),
                to: Some(at(fact)),
                signals: vec![*id],
                ended_by: None,
                pressure: false,
            }),
        }
    }
    for id in anchors
        .iter()
        .filter(|id| facts[**id].entity("node").is_none())
    {
        let led_to =
            beside(*id).find_map(|effect| hops.iter().position(|h| h.signals.contains(&effect)));
        if let Some(hop) = led_to.and_then(|index| hops.get_mut(index)) {
            hop.signals.push(*id);
            hop.from = hop.from.min(at(&facts[*id]));
        }
    }
    for hop in &mut hops {
        // A whole-second stamp stands for any time in its second: its middle is the best guess for the order on the page.
        hop.signals
            .sort_by_key(|id| (facts[*id].moment.map(|m| m.at + m.precision / 2), *id));
        hop.pressure = hop.signals.iter().any(|id| {
            matches!(
                facts[*id].kind.as_str(),
                "disk_pressure_on" | "memory_pressure_on"
            )
        });
        let state = conditions
            .iter()
            .filter(|c| {
                Some(&c.node) == hop.node.as_ref()
                    && c.condition != "Ready"
                    && c.evidence.iter().any(|id| hop.signals.contains(id))
            })
            .max_by_key(|c| c.to);
        hop.ended_by = end_of(facts, hop, state, graph);
        if let Some(to) = state.and_then(|c| c.to) {
            hop.to = hop.to.max(Some(to));
        }
    }
    hops.sort_by(|a, b| (a.from, &a.node).cmp(&(b.from, &b.node)));
    hops
}

fn end_of(facts: &[Fact], hop: &Hop, state: Option<&Condition>, graph: &Graph) -> Option<String> {
    let moved = hop
        .signals
        .iter()
        .filter(|id| facts[**id].kind == "evicted")
        .find_map(|evicted| {
            let created = graph
                .effects(*evicted)
                .find(|l| facts[l.effect].kind == "pod_created")?
                .effect;
            let placed = graph
                .effects(created)
                .find(|l| facts[l.effect].kind == "scheduled")
                .map(|l| l.effect);
            let node = placed
                .and_then(|id| facts[id].entity("node"))
                .map(|n| format!(" on {n}"))
                .unwrap_or_default();
            Some(format!(
                "the pod was evicted and replaced by {}{node}",
                facts[created].entity("pod").unwrap_or("another pod")
            ))
        });
    let over = state.map(|c| match (c.to, c.to_open) {
        (Some(_), false) => "the pressure ended".to_owned(),
        (Some(_), true) => "the node fell silent and its conditions became Unknown".to_owned(),
        (None, _) => "its end is not in the record".to_owned(),
    });
    match (moved, over) {
        (Some(moved), Some(over)) => Some(format!("{moved}; {over}")),
        (one, other) => one.or(other),
    }
}

/// Tells how a cascade with several nodes went from one to the next.
pub(super) fn spread(facts: &[Fact], hops: &[Hop], graph: &Graph) -> Spread {
    if !several_nodes(hops) {
        return ON_ONE_NODE;
    }
    // A domino: a pod of a later hop was made to replace one that an earlier hop displaced.
    let pods: BTreeSet<(Option<&str>, &str)> = hops
        .iter()
        .flat_map(|h| &h.signals)
        .filter_map(|id| {
            facts[*id]
                .entity("pod")
                .map(|pod| (facts[*id].entity("namespace"), pod))
        })
        .collect();
    let replaced = facts
        .iter()
        .enumerate()
        .filter(|(_, f)| {
            f.kind == "pod_created"
                && f.entity("pod")
                    .is_some_and(|pod| pods.contains(&(f.entity("namespace"), pod)))
        })
        .any(|(id, _)| {
            graph.causes(id).any(|l| {
                matches!(facts[l.cause].kind.as_str(), "evicted" | "taint_eviction")
                    && hops
                        .iter()
                        .any(|h| h.node.as_deref() == facts[l.cause].entity("node"))
            })
        });
    if replaced || follows_a_displaced_pod(facts, hops) {
        Spread::Domino
    } else if may_follow_a_displaced_pod(facts, hops) {
        Spread::Unknown
    } else {
        Spread::CommonCause
    }
}

/// Returns whether a later hop began after an earlier one had displaced a pod, and nothing tells whose pod it began with:
/// a domino that cannot be shown, and cannot be excluded either.
fn may_follow_a_displaced_pod(facts: &[Fact], hops: &[Hop]) -> bool {
    let of_hop = |hop: &Hop| hop.signals.iter().map(|id| &facts[*id]).collect::<Vec<_>>();
    let mut first_displaced: BTreeMap<Option<&str>, DateTime<Utc>> = BTreeMap::new();
    let mut nameless: Vec<(&Hop, BTreeSet<&str>)> = Vec::new();
    for hop in hops {
        let signals = of_hop(hop);
        if !first_displaced.is_empty() && signals.iter().all(|f| f.entity("pod").is_none()) {
            let images = signals.iter().filter_map(|f| f.entity("image")).collect();
            nameless.push((hop, images));
        }
        for gone in signals.into_iter().filter(|fact| is_displacement(fact)) {
            let first = first_displaced
                .entry(hop.node.as_deref())
                .or_insert(at(gone));
            *first = at(gone).min(*first);
        }
    }
    if nameless.is_empty() {
        return false;
    }
    // One pass over all facts: when images were asked for on which node.
    let mut asked: BTreeMap<(&str, &str), Vec<DateTime<Utc>>> = BTreeMap::new();
    for fact in facts {
        if matches!(fact.kind.as_str(), "pulling" | "scheduled" | "pull_failed")
            && let (Some(node), Some(image)) = (fact.entity("node"), fact.entity("image"))
            && let Some(moment) = fact.moment
        {
            asked.entry((node, image)).or_default().push(moment.at);
        }
    }
    nameless.iter().any(|(hop, images)| {
        let node = hop.node.as_deref();
        let begin = images
            .iter()
            .filter_map(|image| asked.get(&(node?, *image)))
            .flatten()
            .filter(|at| **at <= hop.from && hop.from - **at <= ONE_STAY)
            .min()
            .map_or(hop.from, |at| *at);
        first_displaced
            .iter()
            .any(|(other, at)| *other != node && *at <= begin)
    })
}

fn is_displacement(fact: &Fact) -> bool {
    matches!(fact.kind.as_str(), "evicted" | "taint_eviction")
}

/// Returns whether the pod of a later hop was first seen there after an earlier hop had displaced a pod of the same workload,
/// or, as a StatefulSet does it, the pod of the same name.
/// This is what is left of a domino where the record does not tell who made the pod.
fn follows_a_displaced_pod(facts: &[Fact], hops: &[Hop]) -> bool {
    let pod_of = |fact: &'_ Fact| -> Option<(String, String)> {
        let namespace = fact.entity("namespace").unwrap_or_default();
        fact.entity("pod")
            .map(|pod| (namespace.to_owned(), pod.to_owned()))
    };
    let on_hops: Vec<_> = hops
        .iter()
        .map(|hop| {
            let first = hop.signals.iter().map(|id| &facts[*id]);
            first
                .filter_map(|fact| pod_of(fact).map(|pod| (pod, fact.entity("workload"))))
                .next()
        })
        .collect();
    // One pass over all facts: when each of these pods was first seen on its node.
    let wanted: BTreeSet<&str> = on_hops
        .iter()
        .flatten()
        .map(|(pod, _)| pod.1.as_str())
        .collect();
    let mut first_seen: BTreeMap<((String, String), &str), DateTime<Utc>> = BTreeMap::new();
    for fact in facts {
        let (Some(node), Some(moment)) = (fact.entity("node"), fact.moment) else {
            continue;
        };
        if let Some(pod) = pod_of(fact).filter(|pod| wanted.contains(pod.1.as_str())) {
            let seen = first_seen.entry((pod, node)).or_insert(moment.at);
            *seen = moment.at.min(*seen);
        }
    }
    let mut displaced: Vec<&Fact> = Vec::new();
    for (hop, on_hop) in hops.iter().zip(&on_hops) {
        if let (Some((pod, workload)), Some(node)) = (on_hop, hop.node.as_deref())
            && let Some(seen) = first_seen.get(&(pod.clone(), node))
        {
            let made_room = |fact: &&Fact| {
                let same_pod = pod_of(fact).as_ref() == Some(pod);
                let same_owner = workload.is_some() && fact.entity("workload") == *workload;
                fact.entity("node") != Some(node) && at(fact) <= *seen && (same_pod || same_owner)
            };
            if displaced.iter().any(made_room) {
                return true;
            }
        }
        let of_hop = hop.signals.iter().map(|id| &facts[*id]);
        displaced.extend(of_hop.filter(|fact| is_displacement(fact)));
    }
    false
}
