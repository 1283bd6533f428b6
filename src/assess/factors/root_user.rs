//! Factor `root-user`: the container runs as root.
//!
//! Reads USER of the Dockerfile's last stage, the image's configuration and the pods' security context; gives one finding an image.

use crate::assess::built;
use serde_json::Value;

use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let stage = built.stage();
        let user = stage.iter().rev().find(|i| i.verb == "USER");
        let name = user
            .and_then(|u| u.words.first())
            .map(|u| u.split(':').next().unwrap_or(u).to_owned());
        let unprivileged_base = stage
            .first()
            .and_then(|f| f.words.first())
            .is_some_and(|base| {
                base.contains("nonroot")
                    || base.contains("distroless")
                    || built.build.is_some_and(|b| b.is_stage(base))
            });
        let (what, citations) = match (name.as_deref(), built.build, stage.first()) {
            (Some("root" | "0"), _, _) => (
                "The Dockerfile sets USER root.",
                user.map(|u| u.evidence.clone()).into_iter().collect(),
            ),
            (None, Some(build), Some(from)) if !unprivileged_base && build.fault.is_none() => {
                ("The Dockerfile sets no USER.", vec![from.evidence.clone()])
            }
            _ => {
                let digest = built.culprit.digest.as_deref();
                let configured = incident.artefacts.images.iter().find(|i| {
                    matches!(i.user.as_deref(), Some("" | "root" | "0"))
                        && crate::assess::images::is_of(incident, i, &built.culprit.image, digest)
                            .is_some()
                });
                match configured {
                    Some(image) if built.build.is_none() => (
                        "The image's configuration sets no user.",
                        vec![image.evidence.clone()],
                    ),
                    _ => continue,
                }
            }
        };
        let asks = |value: Option<&Value>| {
            let context = value.and_then(|v| v.get("securityContext"));
            context.is_some_and(|c| {
                c.get("runAsNonRoot").and_then(Value::as_bool) == Some(true)
                    || c.get("runAsUser")
                        .and_then(Value::as_u64)
                        .is_some_and(|u| u > 0)
            })
        };
        let pods: Vec<_> = incident
            .artefacts
            .objects
            .iter()
            .filter(|o| o.names_image(&built.culprit.image))
            .collect();
        if pods
            .iter()
            .any(|p| asks(p.pod_spec()) || p.containers().iter().any(|c| asks(Some(c))))
        {
            continue;
        }
        let mut citations: Vec<_> = citations;
        let pod = match pods.first() {
            Some(pod) => {
                citations.push(pod.evidence.clone());
                "no pod or workload of the record asks for another"
            }
            None => "whether the pods ask for another is not in the record",
        };
        let mut finding = built.finding(
            "root-user",
            format!(
                "{what} So the container runs as root unless the base image sets a user; {pod}."
            ),
            citations,
        );
        finding.counterfactual = "It did not cause the cascade: pulling and unpacking are the runtime's doing, whatever user the container has.".to_owned();
        finding.action = "Set USER in the Dockerfile and runAsNonRoot in the pod.".to_owned();
        findings.push(finding);
    }
    findings
}

factor!(
    RootUser,
    "root-user",
    "What it looks for: no USER, or USER root, in the stage that becomes the image (or in its configuration), where no pod of the record asks for another user.\n\
Why it matters: root in a container may write where it wants in its file systems, and is one mistake away from the node.\n\
Example: a Dockerfile without USER on `node:20`.\n\
When it is mistaken: the base image sets a user of its own (distroless `nonroot`), which a Dockerfile does not show; or the pod sets runAsUser, which is looked at where the input has the pod.\n\
What to do: `USER 10001` in the Dockerfile and `runAsNonRoot: true` in the pod.\n\
References: hadolint DL3002 (last user root), kube-score container-security-context-user-group-id, Pod Security Standards restricted, CIS Docker 4.1 and CIS Kubernetes 5.2.7 agree; hadolint says nothing about a missing USER.",
    check
);
