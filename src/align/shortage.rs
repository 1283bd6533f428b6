//! Shortages: what was short, and who by the kubelet's own numbers can have used it up.
//!
//! Takes facts in order of time and the roster; gives evictions their `writer` (of a disk) or `consumer` (of memory), the pressure its `consumer`, and failed
//! pulls the `resource` that was short and the writer that they were `outwritten_by`. The kubelet evicts by rank and not by guilt: a container without a request goes first, though it wrote little. So in one shortage of one
//! node only the workload with the largest excess is named, and only where it is a real part of the disk. An emptyDir is not counted in the message, so a
//! small number acquits nobody: see [`super::writers`].
//!
//! # Source
//! Kubelet eviction messages, 1.20 to 1.36: `Container X was using N, request is M` (`… which exceeds its request of M` before 1.26), and since 1.26
//! `Threshold quantity: N`. Defaults of the thresholds are 10 % (nodefs) and 15 % (imagefs). Pulls write 50 to 300 MB/s (physics of the catalogue, edge E8).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::Roster;
use super::roster::quantity;
use super::thresholds::threshold_in;
use crate::model::Fact;

/// Evictions further apart than this are two shortages.
const ONE_SHORTAGE: TimeDelta = TimeDelta::minutes(10);
/// What the kubelet finds short shortly before the first eviction, and what fails for space around it, belongs to it.
const AROUND: TimeDelta = TimeDelta::seconds(60);
/// Less than this is what logs of a healthy container come to.
const LEAST: f64 = 256.0 * 1024.0 * 1024.0;
/// A threshold of 10 to 15 % of the disk: half of it is the least that can have made the difference.
const OF_THRESHOLD: f64 = 0.5;
/// The same, where only the size of the disk is known.
const OF_DISK: f64 = 0.05;
/// The smaller of the default thresholds: a disk is at most so many times larger than its threshold, unless somebody set a smaller one.
const SMALLEST_THRESHOLD: f64 = 0.10;
/// What a pull writes at most, in bytes per second.
const PULL_RATE: f64 = 300.0e6;
/// Who wrote so many times more than a pull can have written did not need the pull to fill the disk.
const OUTWRITTEN: f64 = 4.0;
/// Tries of one pull that may have left something on the disk.
const TRIES: TimeDelta = TimeDelta::minutes(30);

/// One shortage of a node's disk or memory, from its first eviction to its last.
struct Shortage {
    node: String,
    memory: bool,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    evictions: Vec<usize>,
}

/// Who filled a disk.
struct Writer {
    /// Workload, or pod.
    name: String,
    /// Bytes that it used beyond what it had asked for.
    excess: f64,
    /// The use of no other evicted pod was told.
    alone: bool,
    /// Bytes of the whole disk, as far as anything tells.
    disk: Option<f64>,
}

/// Where to look: facts of a node, and what a kubelet said when it decided that a pod must go. In order of time.
struct Places {
    by_node: BTreeMap<String, Vec<usize>>,
    decided: BTreeMap<(Option<String>, String), Vec<usize>>,
}

impl Places {
    fn of(facts: &[Fact]) -> Places {
        let mut places = Places {
            by_node: BTreeMap::new(),
            decided: BTreeMap::new(),
        };
        for (index, fact) in facts.iter().enumerate() {
            if let Some(node) = fact.entity("node") {
                let there = places.by_node.entry(node.to_owned()).or_default();
                there.push(index);
            }
            if fact.kind == "evicting"
                && let Some(pod) = pod_of(fact)
            {
                places.decided.entry(pod).or_default().push(index);
            }
        }
        places
    }

    fn on(&self, node: &str) -> &[usize] {
        self.by_node.get(node).map_or(&[], Vec::as_slice)
    }
}

fn pod_of(fact: &Fact) -> Option<(Option<String>, String)> {
    let namespace = fact.entity("namespace").map(str::to_owned);
    Some((namespace, fact.entity("pod")?.to_owned()))
}

/// Marks evictions and failed pulls.
pub(super) fn mark(facts: &mut [Fact], roster: &Roster) {
    let places = Places::of(facts);
    name_the_resource(facts, &places);
    for shortage in shortages(facts) {
        let Some(found) = writer_of(facts, &places, &shortage, roster) else {
            continue;
        };
        let known = if found.alone {
            "the eviction message says that it used more than it had asked for"
        } else {
            "the eviction message says that it used more than it had asked for, and no other pod that was evicted there exceeded its request by more"
        };
        let role = if shortage.memory {
            "consumer"
        } else {
            "writer"
        };
        for index in &shortage.evictions {
            if blamed(&facts[*index]).as_ref() == Some(&found.name) {
                facts[*index].infer(role, found.name.clone(), known);
            }
        }
        if shortage.memory {
            for index in places.on(&shortage.node) {
                if begins(&facts[*index], &shortage) {
                    facts[*index].infer(role, found.name.clone(), known);
                }
            }
            continue;
        }
        for index in outwritten(facts, places.on(&shortage.node), &shortage, &found) {
            facts[index].infer(
                "outwritten_by",
                found.name.clone(),
                "it used many times more of the disk than this pull can have written",
            );
        }
    }
}

/// Whether a fact is the memory pressure of this shortage.
fn begins(fact: &Fact, shortage: &Shortage) -> bool {
    fact.kind == "memory_pressure_on"
        && fact.entity("node") == Some(&shortage.node)
        && fact
            .moment
            .is_some_and(|m| m.at >= shortage.from - AROUND && m.at <= shortage.to + AROUND)
}

/// A pull runs out of bytes or of inodes with the same words, and a line that says that a pod is gone need not say what for; what the kubelet found
/// short at the time tells which.
fn name_the_resource(facts: &mut [Fact], places: &Places) {
    for there in places.by_node.values() {
        // What was found short on the node, by whom of the kubelet's own, in order of time.
        let short = |kinds: [&str; 2]| -> Vec<(DateTime<Utc>, String)> {
            there
                .iter()
                .map(|index| &facts[*index])
                .filter(|f| kinds.contains(&f.kind.as_str()))
                .filter_map(|f| Some((f.moment?.at, f.entity("resource")?.to_owned())))
                .collect()
        };
        let told = short(["eviction_threshold_met", "evicted"]);
        let decided = short(["eviction_threshold_met", "evicting"]);
        for index in there {
            let fact = &mut facts[*index];
            let Some(moment) = fact.moment else { continue };
            let cause = fact.cause.as_deref();
            match (fact.kind.as_str(), cause) {
                ("evicted", _) if !fact.entities.contains_key("resource") => {
                    let near: BTreeSet<&String> = around(&decided, moment.at).collect();
                    if let (Some(resource), 1) = (near.first(), near.len()) {
                        fact.infer(
                            "resource",
                            (*resource).clone(),
                            "the only thing that the kubelet of this node found short at the time",
                        );
                    }
                }
                ("pull_failed", Some("no_space")) => {
                    let near = || around(&told, moment.at);
                    if near().any(|r| r.contains("inodes")) && !near().any(|r| is_disk(r)) {
                        fact.infer(
                            "resource",
                            "inodes".to_owned(),
                            "the kubelet found inodes short on this node at the time, and nothing else",
                        );
                    }
                }
                _ => {}
            }
        }
    }
    for fact in facts.iter_mut().filter(|f| f.kind == "pull_failed") {
        if fact.cause.as_deref() == Some("inode_exhausted") {
            let inodes = "inodes".to_owned();
            fact.entities.insert("resource".to_owned(), inodes);
        }
    }
}

/// What was found short around a time.
fn around(short: &[(DateTime<Utc>, String)], at: DateTime<Utc>) -> impl Iterator<Item = &String> {
    let start = short.partition_point(|(then, _)| *then < at - AROUND);
    short[start..]
        .iter()
        .take_while(move |(then, _)| *then <= at + AROUND)
        .map(|(_, resource)| resource)
}

fn is_disk(resource: &str) -> bool {
    matches!(
        resource,
        "ephemeral-storage" | "nodefs" | "imagefs" | "nodefs.available" | "imagefs.available"
    )
}

fn shortages(facts: &[Fact]) -> Vec<Shortage> {
    let mut open: BTreeMap<(&str, bool), Shortage> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, fact) in facts.iter().enumerate() {
        let Some(moment) = fact.moment else { continue };
        // Where no node is named, nothing tells that two pods were evicted for one shortage.
        let Some(node) = fact.entity("node").or(fact.entity("pod")) else {
            continue;
        };
        match fact.kind.as_str() {
            "disk_pressure_off" => found.extend(open.remove(&(node, false))),
            "memory_pressure_off" => found.extend(open.remove(&(node, true))),
            _ => {}
        }
        let memory = fact.entity("resource") == Some("memory");
        if fact.kind != "evicted" || !(memory || fact.entity("resource").is_none_or(is_disk)) {
            continue;
        }
        let place = (node, memory);
        if open
            .get(&place)
            .is_some_and(|s| moment.at - s.to > ONE_SHORTAGE)
        {
            found.extend(open.remove(&place));
        }
        let shortage = open.entry(place).or_insert_with(|| Shortage {
            node: node.to_owned(),
            memory,
            from: moment.at,
            to: moment.at,
            evictions: Vec::new(),
        });
        shortage.to = moment.at;
        shortage.evictions.push(index);
    }
    found.extend(open.into_values());
    found
}

/// Whom an eviction would be laid at the door of: the pod's workload, or the pod itself.
fn blamed(fact: &Fact) -> Option<String> {
    let itself = || {
        Some(format!(
            "{}/Pod/{}",
            fact.entity("namespace")?,
            fact.entity("pod")?
        ))
    };
    fact.entity("workload").map(str::to_owned).or_else(itself)
}

/// Returns the workload with the largest excess, if that is a real part of the disk.
fn writer_of(
    facts: &[Fact],
    places: &Places,
    shortage: &Shortage,
    roster: &Roster,
) -> Option<Writer> {
    let mut excess: BTreeMap<String, f64> = BTreeMap::new();
    let mut threshold: f64 = 0.0;
    for index in &shortage.evictions {
        let fact = &facts[*index];
        let Some(name) = blamed(fact) else { continue };
        // The kubelet's log may tell the numbers when it decides, and only the name when it is done.
        let decided = pod_of(fact).and_then(|pod| places.decided.get(&pod));
        let decided = decided.into_iter().flatten().map(|index| &facts[*index]);
        let texts = || {
            decided
                .clone()
                .chain([fact])
                .flat_map(|f| f.evidence.iter().map(|e| &*e.text))
        };
        let own = texts().filter_map(excess_in).fold(None, most);
        if let Some(own) = own {
            *excess.entry(name).or_default() += own;
        }
        threshold = texts().filter_map(threshold_in).fold(threshold, f64::max);
    }
    let alone = excess.len() == 1;
    let (name, excess) = excess
        .into_iter()
        .max_by(|a, b| a.1.total_cmp(&b.1).then_with(|| b.0.cmp(&a.0)))?;
    let disk = roster.node_disk.get(&shortage.node).copied();
    let told = disk.filter(|_| !shortage.memory);
    let least = LEAST
        .max(threshold * OF_THRESHOLD)
        .max(told.unwrap_or(0.0) * OF_DISK);
    (excess >= least).then(|| Writer {
        name,
        excess,
        alone,
        disk: told.or((threshold > 0.0).then_some(threshold / SMALLEST_THRESHOLD)),
    })
}

fn most(known: Option<f64>, next: f64) -> Option<f64> {
    Some(known.map_or(next, |known| known.max(next)))
}

/// Returns what the containers that an eviction message names used beyond what they had asked for, in bytes.
fn excess_in(text: &str) -> Option<f64> {
    let first = |rest: &str| quantity(rest.split([',', ' ']).next()?.trim_end_matches('.'));
    let mut sum = None;
    for rest in text.split(" was using ").skip(1) {
        let Some(used) = first(rest) else { continue };
        let asked = ["request is ", "request of "]
            .iter()
            .find_map(|word| rest.split_once(word).and_then(|(_, asked)| first(asked)));
        let excess = (used - asked.unwrap_or(0.0)).max(0.0);
        sum = Some(sum.unwrap_or(0.0) + excess);
    }
    sum
}

/// Returns the pulls, with their beginnings, that failed for space in a shortage whose writer used many times more than they can have written.
fn outwritten(facts: &[Fact], there: &[usize], shortage: &Shortage, writer: &Writer) -> Vec<usize> {
    let (from, to) = (shortage.from - AROUND, shortage.to + AROUND);
    let failed = |fact: &Fact| {
        fact.kind == "pull_failed"
            && fact.cause.as_deref() == Some("no_space")
            && fact.moment.is_some_and(|m| m.at >= from && m.at <= to)
    };
    let mut found: Vec<usize> = there
        .iter()
        .copied()
        .filter(|index| failed(&facts[*index]))
        .filter(|index| match written(facts, there, *index) {
            Some(bytes) => writer.excess >= OUTWRITTEN * bytes,
            // Nothing tells since when it wrote: then only who used most of the disk is sure to have used more.
            None => writer.disk.is_some_and(|disk| writer.excess >= disk / 2.0),
        })
        .collect();
    let begun = |index: &usize| {
        let begin = &facts[*index];
        begin.kind == "pulling"
            && found.iter().any(|failed| {
                let failed = &facts[*failed];
                let apart = failed.moment.zip(begin.moment).map(|(a, b)| a.at - b.at);
                begin.entity("image") == failed.entity("image")
                    && apart.is_some_and(|apart| apart >= TimeDelta::zero() && apart <= TRIES)
            })
    };
    let beginnings: Vec<usize> = there.iter().copied().filter(begun).collect();
    found.extend(beginnings);
    found
}

/// Returns what a pull and its earlier tries can have written at most; `None` if its beginning is not in the record.
fn written(facts: &[Fact], there: &[usize], failed: usize) -> Option<f64> {
    let pull = &facts[failed];
    let end = pull.moment?;
    let same = |other: &&Fact| {
        other.entity("image").is_some()
            && other.entity("image") == pull.entity("image")
            && other.moment.is_some_and(|m| end.at - m.at <= TRIES)
    };
    let mut begun: Option<DateTime<Utc>> = None;
    let mut known = false;
    let mut took = TimeDelta::zero();
    let until = there.partition_point(|index| *index <= failed);
    for fact in there[..until].iter().map(|i| &facts[*i]).filter(same) {
        match (fact.kind.as_str(), fact.moment, begun) {
            ("pulling", Some(moment), None) => begun = Some(moment.at),
            ("pull_failed" | "pulled", Some(moment), Some(from)) => {
                took += moment.latest() - from;
                known = true;
                begun = None;
            }
            _ => {}
        }
    }
    known.then(|| took.as_seconds_f64() * PULL_RATE)
}

#[cfg(test)]
mod tests {
    use super::excess_in;

    #[test]
    fn the_message_tells_what_was_used_beyond_the_request() {
        let gib = 1024.0 * 1024.0 * 1024.0;
        for (message, excess) in [
            (
                "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 9Gi. Container a was using 60Gi, request is 1Gi, has larger consumption of ephemeral-storage. ",
                Some(59.0 * gib),
            ),
            (
                "The node was low on resource: ephemeral-storage. Container a was using 3Gi, which exceeds its request of 0. Container b was using 1Gi, which exceeds its request of 0. ",
                Some(4.0 * gib),
            ),
            (
                "The node was low on resource: ephemeral-storage. Container a was using 1Gi, request is 2Gi, has larger consumption of ephemeral-storage. ",
                Some(0.0),
            ),
            ("The node was low on resource: ephemeral-storage. ", None),
        ] {
            assert_eq!(excess_in(message), excess, "{message}");
        }
    }
}
