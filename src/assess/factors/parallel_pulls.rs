//! Factor `parallel-pulls`: several pulls ran on one node at the same time.
//!
//! Reads pulls, their ends and the kubelet's configuration; gives one finding a cascade. A pull that waits in the kubelet's queue is announced like one
//! that runs, so an overlap counts only where pulls are known to run in parallel, or where one ended while another is told to have been running.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::assess::images;
use crate::grammar::physics::parse_duration;
use crate::model::entity::joining_form;
use crate::model::{Fact, Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cascade in &incident.cascades {
        let Some(culprit) = images::culprit(incident, cascade) else {
            continue;
        };
        if !images::pull_ran_out_of_space(incident, cascade) {
            continue;
        }
        let form = joining_form("image", &culprit.image);
        let mut evidence: Vec<usize> = Vec::new();
        let mut nodes: Vec<&str> = Vec::new();
        for hop in cascade.hops.iter().filter_map(|h| h.node.as_deref()) {
            let begun = |own: bool| {
                incident
                    .facts
                    .iter()
                    .enumerate()
                    .filter(move |(_, f)| {
                        f.kind == "pulling"
                            && f.entity("node") == Some(hop)
                            && f.entity("image").is_some()
                    })
                    .filter({
                        let form = form.clone();
                        move |(_, f)| {
                            f.entity("image")
                                .is_some_and(|i| (joining_form("image", i) == form) == own)
                        }
                    })
            };
            let end_of = |id: usize| {
                let fact = &incident.facts[id];
                incident.facts[id..]
                    .iter()
                    .find(|f| {
                        matches!(f.kind.as_str(), "pulled" | "pull_failed")
                            && f.entity("pod").is_some()
                            && f.entity("pod") == fact.entity("pod")
                            && f.entity("image") == fact.entity("image")
                    })
                    .and_then(|f| Some((f, f.moment?.at)))
            };
            let parallel = setting(incident, hop);
            for (own, fact) in begun(true) {
                let (Some(start), Some((_, end))) = (fact.moment.map(|m| m.at), end_of(own)) else {
                    continue;
                };
                let other = begun(false).find(|(id, f)| {
                    let overlap = f.moment.is_some_and(|m| m.at < end)
                        && end_of(*id).is_some_and(|(_, e)| e > start);
                    overlap
                        && match parallel {
                            Some(parallel) => parallel,
                            None => end_of(*id).is_some_and(|(pulled, _)| ran_at(pulled, end)),
                        }
                });
                if let (Some((other, _)), false) = (other, nodes.contains(&hop)) {
                    nodes.push(hop);
                    evidence.extend([own, other]);
                }
            }
        }
        if nodes.is_empty() {
            continue;
        }
        evidence.sort_unstable();
        findings.push(Finding {
            factor: "parallel-pulls",
            subject: nodes.join(", "),
            strength: "amplifier",
            evidence,
            because: format!("On {} another image was pulled while {} was.", nodes.join(", "), culprit.image),
            counterfactual: "One after the other, the pulls would have needed less room at their peak; by how much is not in the record.".to_owned(),
            action: "Keep image pulls serial, or bound their number, on nodes with small disks.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

/// Whether a node's kubelet pulls images in parallel, where its configuration is in the record.
///
/// # Source
/// Catalogue of timings, section 1: `serializeImagePulls` is true unless it is set, and `maxParallelImagePulls` has to be 2 or more.
fn setting(incident: &Incident, node: &str) -> Option<bool> {
    let config = &images::kubelet_config(incident, node)?.value;
    let most = config.get("maxParallelImagePulls").and_then(Value::as_u64);
    let serial = config.get("serializeImagePulls").and_then(Value::as_bool);
    Some(serial == Some(false) && most != Some(1))
}

/// Whether a pull was told to be running at a time: not waiting in the queue, which the kubelet tells apart since 1.25.
///
/// # Source
/// Kubelet event: `Successfully pulled image "…" in 10.5s (20s including waiting)`.
fn ran_at(pulled: &Fact, at: DateTime<Utc>) -> bool {
    let Some(end) = pulled.moment.map(|m| m.at) else {
        return false;
    };
    let took = pulled
        .message
        .split_once(" including waiting")
        .and_then(|(head, _)| head.rsplit_once(" in "))
        .and_then(|(_, tail)| tail.split_whitespace().next())
        .and_then(|told| parse_duration(told).ok());
    // Events tell whole seconds.
    let doubt = TimeDelta::seconds(1);
    took.is_some_and(|took| end - took + doubt < at && at + doubt < end)
}

factor!(
    ParallelPulls,
    "parallel-pulls",
    "What it looks for: on a node of the cascade, the pull of the culprit image and that of another image running at the same time: announced so where the kubelet's configuration allows parallel pulls, or told by the time that a pull took without waiting.\n\
Why it matters: each running pull holds its own compressed and half-unpacked layers; together they need more than one after the other.\n\
Example: `maxParallelImagePulls: 5` and a node that starts five pods at once.\n\
When it is mistaken: layers that both images share are fetched once.\n\
What to do: keep `serializeImagePulls: true`, or bound `maxParallelImagePulls`, on nodes with small disks.\n\
References: Kubernetes documentation, \"Images\", serial and parallel image pulls; CIS has no such rule.",
    check
);
