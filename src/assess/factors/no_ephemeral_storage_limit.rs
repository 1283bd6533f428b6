//! Factor `no-ephemeral-storage-limit`: pods of the workload have no limit for what they write.
//!
//! Reads the containers of the cascade's workload; gives one finding a workload. Says that a limit does not count image layers.

use serde_json::Value;

use crate::assess::images;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for cascade in &incident.cascades {
        let pull = images::pull_ran_out_of_space(incident, cascade);
        if !pull && cascade.mechanism != "workload_filled_disk" {
            continue;
        }
        let Some((_, workload)) = cascade.culprit.iter().find(|(kind, _)| kind == "workload")
        else {
            continue;
        };
        let own: Vec<_> = incident
            .artefacts
            .objects
            .iter()
            .filter(|o| images::belongs(o, workload) && !o.containers().is_empty())
            .collect();
        let bounded = |part: &str, c: &Value| {
            c.get("resources")
                .and_then(|r| r.get(part))
                .is_some_and(|r| r.get("ephemeral-storage").is_some())
        };
        let bare: Vec<_> = own
            .iter()
            .filter(|o| o.containers().iter().any(|c| !bounded("limits", c)))
            .collect();
        // Pods show what admission made of them; where there are any, they decide.
        let pods = own.iter().any(|o| o.kind == "Pod");
        let bare: Vec<_> = bare
            .into_iter()
            .filter(|o| !pods || o.kind == "Pod")
            .collect();
        let Some(first) = bare.first() else { continue };
        if findings.iter().any(|f| f.subject == *workload) {
            continue;
        }
        let counterfactual = if pull {
            "It would not have stopped the pull: layers of an image do not count as the pod's storage. A request would have changed which pod is evicted first."
        } else {
            "With a limit, the pod that wrote would have been evicted when it reached it, before the node came under pressure."
        };
        findings.push(Finding {
            factor: "no-ephemeral-storage-limit",
            subject: workload.clone(),
            strength: if pull { "latent" } else { "necessary" },
            evidence: vec![cascade.origin],
            citations: vec![first.evidence.clone()],
            because: format!("{workload} has containers without a limit for ephemeral storage."),
            counterfactual: counterfactual.to_owned(),
            action: "Set requests and limits for ephemeral storage, and a LimitRange as the namespace's default.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

factor!(
    NoEphemeralStorageLimit,
    "no-ephemeral-storage-limit",
    "What it looks for: containers of the cascade's workload without requests or limits for `ephemeral-storage`, where a disk was filled.\n\
Why it matters: without a limit a pod may write until the node is full; without a request it is among the first to be evicted when somebody else does.\n\
Example: a container writes into an emptyDir without sizeLimit until DiskPressure comes.\n\
When it is mistaken: a LimitRange in the namespace sets one at admission, which shows in the pods and not in the workload. Image layers do not count: no limit would have stopped the pull itself.\n\
What to do: set requests and limits for ephemeral storage, and a LimitRange as a default.\n\
References: kube-score container-ephemeral-storage-request-and-limit agrees.",
    check
);
