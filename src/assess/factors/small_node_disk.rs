//! Factor `small-node-disk`: the nodes' disks are too small for the image beside what they hold.
//!
//! Reads disk budgets; gives one finding for all nodes. Without capacity and free space in the record there is none.

use crate::model::artefact::spoken_bytes;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let budgets = &incident.assessment.budgets;
    let small: Vec<_> = budgets
        .iter()
        .filter(|b| b.hit && b.fits == "no")
        .filter(|b| match (&b.capacity, &b.available) {
            (Some(capacity), Some(free)) => free.bytes * 2 > capacity.bytes,
            _ => false,
        })
        .collect();
    let Some(first) = small.first() else {
        return Vec::new();
    };
    let (Some(capacity), Some(free), Some((least, most))) =
        (&first.capacity, &first.available, first.needed)
    else {
        return Vec::new();
    };
    let nodes: Vec<&str> = small.iter().map(|b| b.node.as_str()).collect();
    let elsewhere = budgets
        .iter()
        .filter(|b| b.fits == "yes")
        .map(|b| b.node.as_str())
        .collect::<Vec<_>>();
    let taken = if elsewhere.is_empty() {
        "No other node of which the record tells the disk would have taken it.".to_owned()
    } else {
        format!("{} would have taken it.", elsewhere.join(", "))
    };
    let counterfactual = first
        .counterfactuals
        .iter()
        .find(|c| c.starts_with("A file system"))
        .cloned()
        .unwrap_or_default();
    vec![Finding {
        factor: "small-node-disk",
        subject: nodes.join(", "),
        strength: "necessary",
        evidence: small.iter().flat_map(|b| b.broke.first().copied()).collect(),
        citations: capacity.citations.iter().chain(&free.citations).cloned().collect(),
        because: format!(
            "{} of {} were free on {} before the pull, which needs {} {}. {taken}",
            spoken_bytes(free.bytes),
            spoken_bytes(capacity.bytes),
            first.node,
            if most.is_some() { "up to" } else { "at least" },
            spoken_bytes(most.unwrap_or(least))
        ),
        counterfactual,
        action: "Give the runtime a disk of its own, or size node disks for the largest image twice over.".to_owned(),
        ..Finding::default()
    }]
}

factor!(
    SmallNodeDisk,
    "small-node-disk",
    "What it looks for: nodes whose image file system could not have taken the image even though most of it was free.\n\
Why it matters: each node that a pod is moved to has the same disk and fails in the same way.\n\
Example: 3.02 GB of disk, 2.50 GB free, 5.67 GB needed.\n\
When it is mistaken: the image is out of proportion and the disk is not; both findings then stand side by side, and the smaller change is the better one.\n\
What to do: give the runtime a disk of its own, or size node disks for the largest image twice over, beside logs and what runs there.\n\
References: Kubernetes documentation, \"Node-pressure Eviction\"; CIS and kube-score have no such rule.",
    check
);
