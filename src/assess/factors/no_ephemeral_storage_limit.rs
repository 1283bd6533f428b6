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
        let (volumes, unbounded) = unbounded_volumes(&first.value);
        let volume = if pull || unbounded.is_empty() {
            String::new()
        } else {
            format!(
                " {} {} an emptyDir without sizeLimit.",
                unbounded.join(", "),
                if unbounded.len() == 1 {
                    "is"
                } else {
                    "are each"
                }
            )
        };
        let counterfactual = match (pull, volumes) {
            (false, true) => {
                "With a limit, which counts what lies in its emptyDir too, the pod that wrote would have been evicted when it reached it, before the node came under pressure."
            }
            _ => counterfactual,
        };
        findings.push(Finding {
            factor: "no-ephemeral-storage-limit",
            subject: workload.clone(),
            strength: if pull { "latent" } else { "necessary" },
            evidence: vec![cascade.origin],
            citations: vec![first.evidence.clone()],
            because: format!("{workload} has containers without a limit for ephemeral storage.{volume}"),
            counterfactual: counterfactual.to_owned(),
            action: "Set requests and limits for ephemeral storage, and a LimitRange as the namespace's default.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

/// Whether a pod or template has emptyDir volumes on disk, and the names of those that have no sizeLimit.
///
/// # Source
/// core/v1 Volume: `emptyDir.medium: Memory` lies in memory and does not count as ephemeral storage.
fn unbounded_volumes(value: &Value) -> (bool, Vec<&str>) {
    let spec = value.get("spec");
    let own = spec.and_then(|s| s.get("volumes"));
    let template = || spec?.get("template")?.get("spec")?.get("volumes");
    let on_disk: Vec<&Value> = own
        .or_else(template)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .filter(|v| {
            v.get("emptyDir")
                .is_some_and(|e| e.get("medium").and_then(Value::as_str) != Some("Memory"))
        })
        .collect();
    let unbounded = on_disk
        .iter()
        .filter(|v| v["emptyDir"].get("sizeLimit").is_none())
        .filter_map(|v| v.get("name")?.as_str())
        .collect();
    (!on_disk.is_empty(), unbounded)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::unbounded_volumes;

    #[test]
    fn volumes_on_disk_without_a_limit_are_named() {
        let pod = json!({"spec": {"volumes": [
            {"name": "scratch", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "settings", "configMap": {"name": "a"}},
        ]}});
        assert_eq!(unbounded_volumes(&pod), (true, vec!["scratch"]));
        let workload = json!({"spec": {"template": pod}});
        assert_eq!(unbounded_volumes(&workload), (true, vec!["scratch"]));
        assert_eq!(unbounded_volumes(&json!({"spec": {}})), (false, vec![]));
    }
}
