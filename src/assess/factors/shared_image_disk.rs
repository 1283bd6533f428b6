//! Factor `shared-image-disk`: images and pods share one file system.
//!
//! Reads evictions, failed pulls and the file systems of one node; gives one finding a cascade. Both could be on file systems of their own and still
//! fail together, so there is a finding only where a list of mounts or the kubelet's summary shows one for both.

use chrono::TimeDelta;

use crate::assess::{disk_budget, images};
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cascade in &incident.cascades {
        if !images::pull_ran_out_of_space(incident, cascade) {
            continue;
        }
        let of = |kind: &'static str| {
            cascade
                .members
                .iter()
                .copied()
                .filter(move |id| incident.facts[*id].kind == kind)
        };
        let mut evidence: Vec<usize> = Vec::new();
        let mut nodes: Vec<&str> = Vec::new();
        for pull in
            of("pull_failed").filter(|id| incident.facts[*id].cause.as_deref() == Some("no_space"))
        {
            let (Some(node), Some(at)) = (
                incident.facts[pull].entity("node"),
                incident.facts[pull].moment,
            ) else {
                continue;
            };
            let image = incident.facts[pull].entity("image").unwrap_or_default();
            if disk_budget::one_file_system(incident, node, image) != Some(true) {
                continue;
            }
            let evicted = of("evicted").find(|id| {
                let fact = &incident.facts[*id];
                let low = fact.evidence.iter().any(|e| {
                    e.text
                        .contains("The node was low on resource: ephemeral-storage")
                });
                let near = fact
                    .moment
                    .is_some_and(|m| (m.at - at.at).abs() < TimeDelta::minutes(2));
                fact.entity("node") == Some(node) && low && near
            });
            if let (Some(evicted), false) = (evicted, nodes.contains(&node)) {
                nodes.push(node);
                evidence.extend([evicted, pull]);
            }
        }
        if nodes.is_empty() {
            continue;
        }
        findings.push(Finding {
            factor: "shared-image-disk",
            subject: nodes.join(", "),
            strength: "amplifier",
            evidence,
            because: "Pods were evicted for the node's ephemeral storage while an image was unpacked, and the files show one file system for images and pods.".to_owned(),
            counterfactual: "On a file system of its own the pull would have failed all the same, and taken nothing from logs, volumes and the kubelet. Pods can be evicted there, too, when images fill theirs below imagefs.available.".to_owned(),
            action: "Put the runtime's directory on a file system of its own.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

factor!(
    SharedImageDisk,
    "shared-image-disk",
    "What it looks for: on one node, a pull that ran out of space and, within two minutes, an eviction for ephemeral storage of the node, where the record shows that images and pods lie on one file system: a list of mounts, or the kubelet's summary.\n\
Why it matters: where nodefs and imagefs are one file system, a pull takes the space of pods, logs and the kubelet itself.\n\
Example: an image is unpacked at 20:53:06, and a pod is evicted for ephemeral storage at 20:53:02.\n\
When it is mistaken: the eviction was for the pod's own limit, not for the node; such messages are not counted.\n\
What to do: put the runtime's directory on a file system of its own; then a pull takes nothing from logs, volumes and the kubelet. Pods are still evicted when images fill their own file system.\n\
References: Kubernetes documentation, \"Node-pressure Eviction\", filesystem signals.",
    check
);

#[cfg(test)]
mod tests {
    use super::super::case::check;
    use super::SharedImageDisk;

    #[test]
    fn a_failed_pull_alone_says_nothing_about_file_systems() {
        check(
            &SharedImageDisk,
            "10:00 pull_failed image=a:1 cause=no_space node=n1\n10:00:20 evicted node=n1 pod=x",
            &[],
        );
    }
}
