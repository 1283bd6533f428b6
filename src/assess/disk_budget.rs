//! Disk budgets: what the pull needed on each node, what the node had, and what other sizes would have meant.
//!
//! Reads node objects, df samples, eviction messages and image sizes; gives one [`DiskBudget`] a node. A missing input stays missing:
//! then the verdict is `unknown`, and the sentence says which input is not in the record.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::images::{self, Culprit};
use crate::model::artefact::{Measure, parse_bytes, spoken_bytes};
use crate::model::{Amount, Cascade, DiskBudget, DiskPoint, Incident};

/// The largest image that the account's policy allows.
pub(super) const POLICY_LIMIT: u64 = 500_000_000;

/// Nodes that get a budget: those of the cascade come first.
const MOST: usize = 60;

/// The kubelet's default threshold on a file system that holds images.
///
/// # Source
/// Catalogue of timings, section 1: `imagefs.available<15%`; with one file system for both it is met before nodefs' 10 %.
const DEFAULT_THRESHOLD: f64 = 0.15;

/// Makes the budgets of all cascades in which a pull ran out of space.
pub(super) fn budgets(incident: &Incident) -> Vec<DiskBudget> {
    let mut budgets: Vec<DiskBudget> = Vec::new();
    for cascade in &incident.cascades {
        if !images::pull_ran_out_of_space(incident, cascade) {
            continue;
        }
        let Some(culprit) = images::culprit(cascade) else {
            continue;
        };
        for node in nodes(incident, cascade) {
            if !budgets.iter().any(|b| b.node == node) {
                budgets.push(budget(incident, cascade, &culprit, &node));
            }
        }
    }
    budgets
}

/// Nodes of the cascade first, then those of which the size is known.
fn nodes(incident: &Incident, cascade: &Cascade) -> Vec<String> {
    let mut nodes: Vec<String> = Vec::new();
    let hit = cascade.hops.iter().filter_map(|h| h.node.clone());
    let others: BTreeSet<String> = incident
        .artefacts
        .objects
        .iter()
        .filter(|o| o.kind == "Node")
        .map(|o| o.name.clone())
        .chain(incident.disks.iter().filter_map(|d| d.node.clone()))
        .collect();
    for node in hit.chain(others) {
        if !node.is_empty() && nodes.len() < MOST && !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    nodes
}

fn budget(incident: &Incident, cascade: &Cascade, culprit: &Culprit, node: &str) -> DiskBudget {
    let image = culprit.image.as_str();
    let sizes = images::sizes(incident, image, culprit.digest.as_deref());
    let compressed = images::best(&sizes, Measure::Compressed).cloned();
    let unpacked = images::best(&sizes, Measure::Unpacked).cloned();
    let failed: Vec<usize> = images::facts_on(incident, "pull_failed", node, image)
        .map(|(id, _)| id)
        .collect();
    let evicted: Vec<usize> = cascade
        .members
        .iter()
        .copied()
        .filter(|id| {
            let fact = &incident.facts[*id];
            fact.kind == "evicted" && fact.entity("node") == Some(node)
        })
        .collect();
    let in_hop = cascade.hops.iter().any(|h| h.node.as_deref() == Some(node));
    let start = images::facts_on(incident, "pulling", node, image)
        .chain(images::facts_on(incident, "pull_failed", node, image))
        .filter_map(|(_, f)| f.moment)
        .min()
        .map(|m| m.at)
        .or_else(|| images::begin(incident, cascade));
    let mount = runtime_path(incident, node, image);
    let points: Vec<&DiskPoint> = on_mount(incident, node, &mount);
    let at_start = start.and_then(|t| points.iter().rev().find(|p| p.at.at <= t).copied());
    let capacity = images::node_storage(incident, node, "capacity")
        .map(|bytes| Amount {
            bytes,
            measure: Measure::Unknown,
            rounded: false,
            from: "capacity of the node object".to_owned(),
            citations: images::node(incident, node)
                .map(|o| o.evidence.clone())
                .into_iter()
                .collect(),
        })
        .or_else(|| {
            points
                .first()
                .and_then(|p| of_sample(p, |(total, _)| total))
        });
    let available = at_start.and_then(|p| of_sample(p, |(_, free)| free));
    let threshold = threshold(incident, &evicted, capacity.as_ref());
    let lowest = lowest(incident, &evicted, &points, start);
    let needed = match (&compressed, &unpacked) {
        (Some(c), Some(u)) => Some((u.bytes.max(c.bytes), u.bytes + c.bytes)),
        (Some(one), None) | (None, Some(one)) => Some((one.bytes, one.bytes)),
        (None, None) => None,
    };
    let reserve = threshold.as_ref().map_or(0, |t| t.bytes);
    let both = compressed.is_some() && unpacked.is_some();
    let fits = match (needed, available.as_ref()) {
        (Some((least, _)), Some(free)) if least > free.bytes => "no",
        (Some((_, most)), Some(free)) if both && most + reserve <= free.bytes => "yes",
        (Some((least, _)), Some(free)) if both && least + reserve <= free.bytes => {
            "only without the compressed copy"
        }
        (Some(_), Some(_)) if both => "no",
        // How much was free is not told, but all of it would not do.
        (Some((least, _)), None) if too_small(capacity.as_ref(), least, reserve) => "no",
        _ => "unknown",
    };
    let mut broke = failed;
    broke.extend(evicted);
    broke.sort_unstable();
    let mut budget = DiskBudget {
        node: node.to_owned(),
        hit: in_hop,
        runtime: images::runtime_of(incident, node),
        capacity,
        available,
        threshold,
        lowest,
        compressed,
        unpacked,
        needed,
        fits,
        broke,
        because: String::new(),
        counterfactuals: Vec::new(),
    };
    budget.because = because(&budget);
    budget.counterfactuals = counterfactuals(incident, culprit, &budget);
    budget
}

/// Where the runtime keeps its files on a node: as the failed write names it, or where runtimes do by default.
fn runtime_path(incident: &Incident, node: &str, image: &str) -> String {
    images::facts_on(incident, "pull_failed", node, image)
        .filter_map(|(_, f)| f.entity("path"))
        .find(|path| {
            path.starts_with("/var/lib/") || path.contains("containerd") || path.contains("docker")
        })
        .map_or_else(|| "/var/lib/containerd".to_owned(), str::to_owned)
}

/// Samples of the file system that holds a path, in time order.
fn on_mount<'a>(incident: &'a Incident, node: &str, path: &str) -> Vec<&'a DiskPoint> {
    let own: Vec<&DiskPoint> = incident
        .disks
        .iter()
        .filter(|d| d.node.as_deref() == Some(node) && d.sample.bytes.is_some())
        .filter(|d| {
            let mount = d.sample.mounted_on.trim_end_matches('/');
            path.strip_prefix(mount)
                .is_some_and(|rest| rest.starts_with('/'))
        })
        .collect();
    let longest = own.iter().map(|d| d.sample.mounted_on.len()).max();
    own.into_iter()
        .filter(|d| Some(d.sample.mounted_on.len()) == longest)
        .collect()
}

fn of_sample(point: &DiskPoint, part: impl Fn((u64, u64)) -> u64) -> Option<Amount> {
    Some(Amount {
        bytes: part(point.sample.bytes?),
        measure: Measure::Unknown,
        rounded: point.sample.rounded,
        from: format!(
            "a sample of {} at {}",
            point.sample.mounted_on,
            point.at.at.format("%H:%M:%S")
        ),
        citations: point.sample.evidence.iter().cloned().collect(),
    })
}

/// Numbers of an eviction message.
///
/// # Source
/// kubelet: `The node was low on resource: ephemeral-storage. Threshold quantity: 302002999, available: 228344Ki.`
fn told_by_evictions(incident: &Incident, evicted: &[usize], word: &str) -> Vec<Amount> {
    evicted
        .iter()
        .filter_map(|id| {
            let fact = &incident.facts[*id];
            let whole = |text: &str| text.contains("ephemeral-storage") && text.contains(word);
            let said = fact
                .evidence
                .iter()
                .map(|e| e.text.as_ref())
                .chain([fact.message.as_str()])
                .find(|text| whole(text))?;
            let (_, tail) = said.split_once(word)?;
            let number: String = tail
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric())
                .collect();
            Some(Amount {
                bytes: parse_bytes(&number)?,
                measure: Measure::Unknown,
                rounded: false,
                from: "the eviction's message".to_owned(),
                citations: fact
                    .evidence
                    .iter()
                    .find(|e| whole(&e.text))
                    .or(fact.evidence.first())
                    .cloned()
                    .into_iter()
                    .collect(),
            })
        })
        .collect()
}

fn threshold(incident: &Incident, evicted: &[usize], capacity: Option<&Amount>) -> Option<Amount> {
    if let Some(told) = told_by_evictions(incident, evicted, "Threshold quantity: ").pop() {
        return Some(told);
    }
    let capacity = capacity?;
    Some(Amount {
        bytes: (capacity.bytes as f64 * DEFAULT_THRESHOLD).round() as u64,
        measure: Measure::Unknown,
        rounded: true,
        from: "the kubelet's default of 15 % for a file system that holds images; this node's own setting is not in the record".to_owned(),
        citations: capacity.citations.clone(),
    })
}

fn lowest(
    incident: &Incident,
    evicted: &[usize],
    points: &[&DiskPoint],
    start: Option<DateTime<Utc>>,
) -> Option<Amount> {
    let sampled = points
        .iter()
        .filter(|p| start.is_some_and(|t| p.at.at >= t))
        .filter_map(|p| of_sample(p, |(_, free)| free));
    told_by_evictions(incident, evicted, "available: ")
        .into_iter()
        .chain(sampled)
        .min_by_key(|a| a.bytes)
}

fn because(budget: &DiskBudget) -> String {
    let Some((least, most)) = budget.needed else {
        return "How large the image is, compressed or unpacked, is not in the record.".to_owned();
    };
    let parts: Vec<String> = [&budget.compressed, &budget.unpacked]
        .iter()
        .filter_map(|a| a.as_ref().map(Amount::spoken))
        .collect();
    let need = if parts.len() == 2 {
        let kept = match budget
            .runtime
            .as_deref()
            .map(|r| r.split("://").next().unwrap_or(r))
        {
            Some("containerd") => "containerd keeps both by default",
            Some("docker") => {
                "Docker gives the compressed copy of a layer back once the layer is unpacked"
            }
            Some("cri-o") => {
                "CRI-O puts the compressed copy into its temporary directory and gives it back"
            }
            _ => "which runtime it was, and so whether both are kept, is not in the record",
        };
        format!(
            "The image is {} and {}, together {}; {kept}.",
            parts[0],
            parts[1],
            spoken_bytes(most)
        )
    } else {
        let other = if budget.compressed.is_some() {
            "unpacked"
        } else {
            "compressed"
        };
        format!(
            "The image is {}; its {other} size is not in the record and comes on top while it is pulled.",
            parts.concat()
        )
    };
    let Some(free) = &budget.available else {
        let reserve = budget.threshold.as_ref().map_or(0, |t| t.bytes);
        if let Some(all) = &budget.capacity
            && too_small(budget.capacity.as_ref(), least, reserve)
        {
            return format!(
                "{need} How much was free on {} is not in the record, but the whole file system has {} ({}), of which {} are kept back from pods.",
                budget.node,
                spoken_bytes(all.bytes),
                all.from,
                spoken_bytes(reserve)
            );
        }
        return format!(
            "{need} How much was free on {} before the pull is not in the record.",
            budget.node
        );
    };
    let had = format!(
        "{} had {} free ({}).",
        budget.node,
        spoken_bytes(free.bytes),
        free.from
    );
    let verdict = match budget.fits {
        "no" if least > free.bytes => format!(
            "Even one of the two does not fit: at least {} are missing.",
            spoken_bytes(least - free.bytes)
        ),
        "no" => "It does not fit above the eviction threshold.".to_owned(),
        "yes" => "It fits, with the eviction threshold to spare.".to_owned(),
        "unknown" => "Whether it fits cannot be told.".to_owned(),
        _ => "It fits only if the compressed copy does not stay.".to_owned(),
    };
    format!("{need} {had} {verdict}")
}

/// Whether even an empty file system of this size has no room above the eviction threshold.
fn too_small(capacity: Option<&Amount>, least: u64, reserve: u64) -> bool {
    capacity.is_some_and(|all| least + reserve > all.bytes)
}

fn percent(part: u64, whole: u64) -> u64 {
    (part as f64 / whole.max(1) as f64 * 100.0).round() as u64
}

fn counterfactuals(incident: &Incident, culprit: &Culprit, budget: &DiskBudget) -> Vec<String> {
    let mut said = Vec::new();
    let (Some(free), Some(capacity)) = (&budget.available, &budget.capacity) else {
        return said;
    };
    let reserve = budget.threshold.as_ref().map_or(0, |t| t.bytes);
    let outcome = |need: u64| match free.bytes.checked_sub(need) {
        Some(left) if left > reserve => format!(
            "leaves {} ({} %) free, above the eviction threshold of {}",
            spoken_bytes(left),
            percent(left, capacity.bytes),
            spoken_bytes(reserve)
        ),
        Some(left) => format!(
            "leaves {} ({} %) free, below the eviction threshold of {}",
            spoken_bytes(left),
            percent(left, capacity.bytes),
            spoken_bytes(reserve)
        ),
        None => format!("still lacks {}", spoken_bytes(need - free.bytes)),
    };
    if let Some((_, digest, _)) = images::before(incident, culprit) {
        let sizes = images::sizes(incident, &culprit.image, Some(&digest));
        let known: Vec<&Amount> = [Measure::Compressed, Measure::Unpacked]
            .into_iter()
            .filter_map(|measure| images::best(&sizes, measure))
            .collect();
        if !known.is_empty() {
            let words: Vec<String> = known.iter().map(|a| a.spoken()).collect();
            said.push(format!(
                "With the image of before ({}), the same pull {}.",
                words.join(" and "),
                outcome(known.iter().map(|a| a.bytes).sum())
            ));
        }
    }
    said.push(format!(
        "With an image of {} (counted twice, for the worst case that the compressed copy is as large and stays), the same pull {}.",
        spoken_bytes(POLICY_LIMIT),
        outcome(2 * POLICY_LIMIT)
    ));
    if let Some((_, most)) = budget.needed {
        let used = capacity.bytes.saturating_sub(free.bytes);
        let share = reserve as f64 / capacity.bytes.max(1) as f64;
        let size = ((used + most) as f64 / (1.0 - share.min(0.9))).ceil() as u64;
        let least = if budget.compressed.is_some() && budget.unpacked.is_some() {
            ""
        } else {
            ", at the very least,"
        };
        said.push(format!(
            "A file system of {}{least} would have taken this image beside what was on it ({} now).",
            spoken_bytes(size),
            spoken_bytes(capacity.bytes)
        ));
    }
    said
}
