//! Disk budgets: what the pull needed on each node, what the node had, and what other sizes would have meant.
//!
//! Reads node objects, df samples, eviction messages and image sizes; gives one [`DiskBudget`] a node. A missing input stays missing:
//! then the verdict is `unknown`, and the sentence says which input is not in the record.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::images::{self, Culprit};
use crate::model::artefact::{Measure, parse_bytes, spoken_bytes};
use crate::model::{Amount, Cascade, DiskBudget, DiskPoint, Evidence, Incident};

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
        let Some(culprit) = images::culprit(incident, cascade) else {
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
    let path = runtime_path(incident, node, image);
    let points: Vec<&DiskPoint> = images_on(incident, node, &path);
    let at_start = start.and_then(|t| points.iter().rev().find(|p| p.at.at <= t).copied());
    let sampled = points
        .first()
        .and_then(|p| of_sample(incident, p, |(total, _)| total));
    let told = images::node_storage(incident, node, "capacity").map(|bytes| Amount {
        bytes,
        measure: Measure::Unknown,
        rounded: false,
        at_least: false,
        from: "capacity of the node object".to_owned(),
        citations: images::node(incident, node)
            .map(|o| o.evidence.clone())
            .into_iter()
            .collect(),
    });
    let capacity = match (told, sampled) {
        // The node object tells the file system of pods; images may lie on another.
        (Some(told), Some(sampled)) if !near(told.bytes, sampled.bytes) => Some(sampled),
        (told, sampled) => told.or(sampled),
    };
    let available = at_start.and_then(|p| of_sample(incident, p, |(_, free)| free));
    let threshold = threshold(incident, node, &evicted, capacity.as_ref());
    let lowest = lowest(incident, &evicted, &points, start);
    let whole = |amount: &Option<Amount>| {
        let amount = amount.as_ref().filter(|a| !a.at_least);
        amount.map(|a| a.bytes)
    };
    let least = [&compressed, &unpacked]
        .into_iter()
        .filter_map(|a| a.as_ref().map(|a| a.bytes))
        .max();
    // A compressed copy is no larger than what it unpacks to; what a compressed layer unpacks to has no such bound.
    let most = whole(&unpacked).map(|bytes| bytes + whole(&compressed).unwrap_or(bytes));
    let needed = least.map(|least| (least, most));
    let reserve = threshold.as_ref().map_or(0, |t| t.bytes);
    let both = whole(&compressed).is_some() && whole(&unpacked).is_some();
    let fits = match (needed, available.as_ref()) {
        (Some((least, _)), Some(free)) if least + reserve > free.bytes => "no",
        (Some((_, Some(most))), Some(free)) if most + reserve <= free.bytes => "yes",
        (Some(_), Some(_)) if both => "only without the compressed copy",
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
        .map_or_else(
            || {
                let runtime = images::runtime_of(incident, node).unwrap_or_default();
                match runtime.split("://").next() {
                    Some("docker") => "/var/lib/docker".to_owned(),
                    Some("cri-o") => "/var/lib/containers/storage".to_owned(),
                    _ => "/var/lib/containerd".to_owned(),
                }
            },
            str::to_owned,
        )
}

/// Two sizes of a file system are the same but for what is printed rounded or kept back by it.
fn near(a: u64, b: u64) -> bool {
    a.abs_diff(b) as f64 <= a.max(b) as f64 * 0.06
}

/// Samples of the file system that holds a node's images, in time order: rows of `df` by its path, and what the kubelet calls `imagefs`.
fn images_on<'a>(incident: &'a Incident, node: &str, path: &str) -> Vec<&'a DiskPoint> {
    let kubelet: Vec<&DiskPoint> = samples(incident, node)
        .filter(|d| d.sample.mounted_on == "imagefs")
        .collect();
    let size = |d: &DiskPoint| d.sample.bytes.map(|(total, _)| total);
    let Some(told) = kubelet.first().and_then(|d| size(d)) else {
        return on_mount(incident, node, path);
    };
    // A list of one file system does not show that images lie on another one; the kubelet knows.
    let mut all: Vec<&DiskPoint> = on_mount(incident, node, path)
        .into_iter()
        .filter(|d| size(d).is_some_and(|own| near(own, told)))
        .chain(kubelet)
        .collect();
    all.sort_by_key(|d| d.at);
    all
}

/// Returns whether a mount of a node is one that its kubelet looks at: what holds pods, or images.
pub(super) fn is_of_kubelet(incident: &Incident, node: &str, mount: &str) -> bool {
    let holds = |path: &str| {
        on_mount(incident, node, path)
            .first()
            .is_some_and(|d| d.sample.mounted_on == mount)
    };
    matches!(mount, "nodefs" | "imagefs")
        || holds("/var/lib/kubelet/pods")
        || holds(&runtime_path(incident, node, ""))
}

/// Samples of a node's file systems that have bytes, in time order.
fn samples<'a>(incident: &'a Incident, node: &str) -> impl Iterator<Item = &'a DiskPoint> {
    let node = node.to_owned();
    incident
        .disks
        .iter()
        .filter(move |d| d.node.as_deref() == Some(&node) && d.sample.bytes.is_some())
}

/// Whether images and pods of a node share one file system; `None` where the files do not show it.
///
/// # Source
/// Kubernetes documentation, "Node-pressure Eviction": `nodefs` holds the kubelet's directory, `imagefs` the runtime's. A list of several mounts
/// shows which of them holds both; a list of one could have been asked for that one alone.
pub(super) fn one_file_system(incident: &Incident, node: &str, image: &str) -> Option<bool> {
    let told = |name: &str| {
        samples(incident, node)
            .find(|d| d.sample.mounted_on == name)
            .and_then(|d| d.sample.bytes)
    };
    if let (Some(pods), Some(images)) = (told("nodefs"), told("imagefs")) {
        return Some(pods == images);
    }
    let mount = |path: &str| {
        on_mount(incident, node, path)
            .first()
            .map(|d| d.sample.mounted_on.as_str())
    };
    let images = mount(&runtime_path(incident, node, image))?;
    let pods = mount("/var/lib/kubelet/pods")?;
    let several = samples(incident, node).any(|d| d.sample.mounted_on != images);
    match images == pods {
        false => Some(false),
        true if several => Some(true),
        true => None,
    }
}

/// Samples of the file system that holds a path, in time order.
fn on_mount<'a>(incident: &'a Incident, node: &str, path: &str) -> Vec<&'a DiskPoint> {
    let own: Vec<&DiskPoint> = samples(incident, node)
        .filter(|d| {
            let mount = d.sample.mounted_on.trim_end_matches('/');
            mount.is_empty() && d.sample.mounted_on.starts_with('/')
                || mount.starts_with('/')
                    && path
                        .strip_prefix(mount)
                        .is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
        })
        .collect();
    let longest = own.iter().map(|d| d.sample.mounted_on.len()).max();
    own.into_iter()
        .filter(|d| Some(d.sample.mounted_on.len()) == longest)
        .collect()
}

fn of_sample(
    incident: &Incident,
    point: &DiskPoint,
    part: impl Fn((u64, u64)) -> u64,
) -> Option<Amount> {
    Some(Amount {
        bytes: part(point.sample.bytes?),
        measure: Measure::Unknown,
        rounded: point.sample.rounded,
        at_least: false,
        from: format!(
            "a sample of {} at {}",
            point.sample.mounted_on,
            images::clock(incident, point.at.at)
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
                at_least: false,
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

/// What is kept free of pods on the file system of images: what its eviction told, its own settings, or else the default.
///
/// # Source
/// Catalogue of timings, section 1: with one file system for both, `imagefs.available` (15 %) is met before `nodefs.available` (10 %), whichever of
/// the two an eviction names. Naming any threshold of `evictionHard` drops the defaults of the others.
fn threshold(
    incident: &Incident,
    node: &str,
    evicted: &[usize],
    capacity: Option<&Amount>,
) -> Option<Amount> {
    let told = told_by_evictions(incident, evicted, "Threshold quantity: ").pop();
    let config = images::kubelet_config(incident, node);
    let set = config.and_then(|c| c.value.get("evictionHard")?.as_object());
    let own = |bytes: u64, from: &str, citations: &[Evidence]| Amount {
        bytes,
        measure: Measure::Unknown,
        rounded: true,
        at_least: false,
        from: from.to_owned(),
        citations: citations.to_vec(),
    };
    let configured = match (set, config) {
        (Some(set), Some(config)) => {
            let whole = capacity.map(|c| c.bytes);
            let bytes = ["imagefs.available", "nodefs.available"]
                .iter()
                .filter_map(|key| quantity(set.get(*key)?.as_str()?, whole))
                .max();
            bytes.map(|bytes| {
                own(
                    bytes,
                    "evictionHard of the kubelet's configuration",
                    std::slice::from_ref(&config.evidence),
                )
            })
        }
        _ => capacity.map(|capacity| {
            own(
                (capacity.bytes as f64 * DEFAULT_THRESHOLD).round() as u64,
                "the kubelet's default of 15 % for a file system that holds images; this node's own setting is not in the record",
                &capacity.citations,
            )
        }),
    };
    match (told, configured) {
        (Some(told), Some(configured)) if told.bytes >= configured.bytes => Some(told),
        (told, configured) => configured.or(told),
    }
}

/// A threshold in bytes: a quantity, or a share of the whole.
fn quantity(written: &str, whole: Option<u64>) -> Option<u64> {
    match written.strip_suffix('%') {
        Some(share) => {
            let share: f64 = share.trim().parse().ok()?;
            Some((whole? as f64 * share / 100.0).round() as u64)
        }
        None => parse_bytes(written),
    }
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
        .filter_map(|p| of_sample(incident, p, |(_, free)| free));
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
            spoken_bytes(most.unwrap_or_else(|| {
                let sum = [&budget.compressed, &budget.unpacked];
                sum.iter().filter_map(|a| Some(a.as_ref()?.bytes)).sum()
            }))
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
            "{} does not fit: at least {} are missing.",
            if parts.len() == 2 {
                "Even one of the two"
            } else {
                "That alone"
            },
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
    // `whole` says that nothing comes on top.
    let outcome = |need: u64, whole: bool| {
        let at_most = if whole { "" } else { "at most " };
        match free.bytes.checked_sub(need) {
            Some(left) if left > reserve => format!(
                "leaves {at_most}{} ({} %) free, {} {}",
                spoken_bytes(left),
                percent(left, capacity.bytes),
                if whole {
                    "above the eviction threshold of"
                } else {
                    "and may stay above the eviction threshold of"
                },
                spoken_bytes(reserve)
            ),
            Some(left) => format!(
                "leaves {at_most}{} ({} %) free, below the eviction threshold of {}",
                spoken_bytes(left),
                percent(left, capacity.bytes),
                spoken_bytes(reserve)
            ),
            None => format!("still lacks {}", spoken_bytes(need - free.bytes)),
        }
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
                outcome(
                    known.iter().map(|a| a.bytes).sum(),
                    known.len() == 2 && known.iter().all(|a| !a.at_least)
                )
            ));
        }
    }
    said.push(format!(
        "With an image of {} (counted twice, for the worst case that the compressed copy is as large and stays), the same pull {}.",
        spoken_bytes(POLICY_LIMIT),
        outcome(2 * POLICY_LIMIT, true)
    ));
    said.extend(large_enough(budget, free, capacity, reserve));
    said
}

/// How large a file system would have taken the image beside what was on it. One that is no larger than the one that broke is no answer.
fn large_enough(
    budget: &DiskBudget,
    free: &Amount,
    capacity: &Amount,
    reserve: u64,
) -> Option<String> {
    let (least, most) = budget.needed?;
    let used = capacity.bytes.saturating_sub(free.bytes);
    let share = reserve as f64 / capacity.bytes.max(1) as f64;
    let size = |need: u64| ((used + need) as f64 / (1.0 - share.min(0.9))).ceil() as u64;
    let now = spoken_bytes(capacity.bytes);
    match most {
        Some(most) if size(most) > capacity.bytes => Some(format!(
            "A file system of {} would have taken this image beside what was on it ({now} now).",
            spoken_bytes(size(most))
        )),
        None if size(least) > capacity.bytes => Some(format!(
            "A file system of {}, at the very least, would have taken this image beside what was on it ({now} now).",
            spoken_bytes(size(least))
        )),
        // Elsewhere it fits, and nothing is to be explained.
        _ if budget.broke.is_empty() => None,
        Some(_) => Some(format!(
            "By these numbers the image fits into this file system ({now}): it alone does not explain that the space ran out, and what else took it is not in the record."
        )),
        None => Some(
            "How large a file system would have been enough is not in the record: what is known of the image would have fitted.".to_owned(),
        ),
    }
}
