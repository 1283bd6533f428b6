//! Factor `pulls-everywhere-at-once`: the roll-out sent the image to many nodes at once.
//!
//! Reads the first pull of the culprit image on each node; gives one finding a cascade.

use chrono::TimeDelta;

use serde_json::Value;

use crate::assess::images;
use crate::model::{Evidence, Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cascade in &incident.cascades {
        let Some(culprit) = images::culprit(incident, cascade) else {
            continue;
        };
        if !images::pull_ran_out_of_space(incident, cascade) {
            continue;
        }
        let failing: Vec<&str> = cascade
            .hops
            .iter()
            .filter_map(|h| h.node.as_deref())
            .filter(|node| {
                images::facts_on(incident, "pull_failed", node, &culprit.image)
                    .next()
                    .is_some()
            })
            .collect();
        let mut first: Vec<(chrono::DateTime<chrono::Utc>, usize, &str)> = failing
            .iter()
            .filter_map(|node| {
                images::facts_on(incident, "pulling", node, &culprit.image)
                    .filter_map(|(id, f)| Some((f.moment?.at, id, *node)))
                    .min()
            })
            .collect();
        first.sort_unstable();
        first.dedup_by_key(|f| f.2);
        let together: Vec<_> = first
            .iter()
            .filter(|f| f.0 - first[0].0 <= TimeDelta::seconds(30))
            .collect();
        if together.len() < 2 {
            continue;
        }
        let settings = culprit
            .workload
            .as_deref()
            .and_then(|workload| rollout_settings(incident, workload));
        findings.push(Finding {
            factor: "pulls-everywhere-at-once",
            subject: culprit.image.clone(),
            strength: "amplifier",
            evidence: together.iter().map(|f| f.1).collect(),
            citations: settings.iter().map(|(_, cited)| cited.clone()).collect(),
            because: format!(
                "{} nodes began to pull {} within 30 s: {}.{}",
                together.len(),
                culprit.image,
                together.iter().map(|f| f.2).collect::<Vec<_>>().join(", "),
                settings
                    .map(|(said, _)| format!(" {said}"))
                    .unwrap_or_default()
            ),
            counterfactual: "One node at a time, the roll-out would have stopped at the first."
                .to_owned(),
            action: "Roll out to one node first, and go on when its pod is ready.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

/// How many pods a roll-out of a workload may replace at once, in words, with the object that says so.
///
/// # Source
/// apps/v1: a Deployment's maxSurge and maxUnavailable are 25 % by default, a DaemonSet's maxSurge 0 and maxUnavailable 1.
fn rollout_settings(incident: &Incident, workload: &str) -> Option<(String, Evidence)> {
    let object = incident.artefacts.objects.iter().find(|o| {
        matches!(o.kind.as_str(), "Deployment" | "DaemonSet") && images::belongs(o, workload)
    })?;
    let spec = object.value.get("spec")?;
    let strategy = spec.get("strategy").or_else(|| spec.get("updateStrategy"));
    let kind = strategy
        .and_then(|s| s.get("type"))
        .and_then(Value::as_str)
        .unwrap_or("RollingUpdate");
    if kind != "RollingUpdate" {
        return Some((
            format!("Its update strategy is {kind}."),
            object.evidence.clone(),
        ));
    }
    let setting = |name: &str, default: &str| {
        let set = strategy
            .and_then(|s| s.get("rollingUpdate"))
            .and_then(|r| r.get(name));
        match set {
            Some(Value::String(text)) => format!("{name} {text}"),
            Some(other) => format!("{name} {other}"),
            None => format!("{name} {default} (the default)"),
        }
    };
    let (surge, unavailable) = if object.kind == "DaemonSet" {
        ("0", "1")
    } else {
        ("25%", "25%")
    };
    let replicas = spec
        .get("replicas")
        .map(|n| format!(" of {n} replicas"))
        .unwrap_or_default();
    Some((
        format!(
            "Its roll-out{replicas} has {} and {}.",
            setting("maxSurge", surge),
            setting("maxUnavailable", unavailable)
        ),
        object.evidence.clone(),
    ))
}

factor!(
    PullsEverywhereAtOnce,
    "pulls-everywhere-at-once",
    "What it looks for: the culprit image being pulled on two or more nodes within 30 seconds of each other, and pulls of it failing on at least two nodes.\n\
Why it matters: a roll-out that starts everywhere meets the same limit everywhere; one that waits for its first pod stops there.\n\
Example: a DaemonSet, or maxSurge of 100 %, with an image that does not fit.\n\
When it is mistaken: pods that an eviction moved begin to pull one after the other; such pulls are minutes apart and do not count.\n\
What to do: roll out to one node first, with a small maxSurge and maxUnavailable. A PodDisruptionBudget does not hold back a roll-out.\n\
References: kube-score deployment-has-host-podantiaffinity and pod-disruption-budget look at spread, not at roll-outs.",
    check
);

#[cfg(test)]
mod tests {
    use super::super::case::check;
    use super::PullsEverywhereAtOnce;

    #[test]
    fn pulls_of_one_node_are_not_everywhere() {
        check(
            &PullsEverywhereAtOnce,
            "10:00 pulling image=a:1 node=n1\n10:00:10 pulling image=a:1 node=n1\n10:01 pull_failed image=a:1 node=n1 cause=no_space",
            &[],
        );
    }
}
