//! Factor `parallel-pulls`: several pulls ran on one node at the same time.
//!
//! Reads pulls and their ends; gives one finding a cascade. Only overlaps that the record shows count.

use crate::assess::images;
use crate::model::entity::joining_form;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cascade in &incident.cascades {
        let Some(culprit) = images::culprit(cascade) else {
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
                    .and_then(|f| f.moment)
                    .map(|m| m.at)
            };
            for (own, fact) in begun(true) {
                let (Some(start), Some(end)) = (fact.moment.map(|m| m.at), end_of(own)) else {
                    continue;
                };
                let other = begun(false).find(|(id, f)| {
                    f.moment.is_some_and(|m| m.at < end) && end_of(*id).is_some_and(|e| e > start)
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

factor!(
    ParallelPulls,
    "parallel-pulls",
    "What it looks for: on a node of the cascade, the pull of the culprit image and that of another image running at the same time.\n\
Why it matters: each running pull holds its own compressed and half-unpacked layers; together they need more than one after the other.\n\
Example: `maxParallelImagePulls: 5` and a node that starts five pods at once.\n\
When it is mistaken: layers that both images share are fetched once; and a pull that only waits in the kubelet's queue already counts as begun in old versions' events.\n\
What to do: keep `serializeImagePulls: true`, or bound `maxParallelImagePulls`, on nodes with small disks.\n\
References: Kubernetes documentation, \"Images\", serial and parallel image pulls; CIS has no such rule.",
    check
);
