//! Factor `late-progress-deadline`: the deadline after which Kubernetes calls the roll-out failed came later than the second node's fault.
//!
//! Reads the workload's Deployment and the hops; gives one finding a cascade. Without the Deployment in the record there is none.

use chrono::TimeDelta;
use serde_json::Value;

use crate::assess::images;
use crate::model::moment::spoken;
use crate::model::{Finding, Incident, Spread};

/// What Kubernetes takes where a Deployment says nothing.
///
/// # Source
/// apps/v1 DeploymentSpec, `progressDeadlineSeconds`: defaults to 600 s.
const DEFAULT_S: i64 = 600;
/// No deadline can be shorter than this: a healthy pod needs it to start.
const SOONEST: TimeDelta = TimeDelta::seconds(60);

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for cascade in &incident.cascades {
        // Only a change of the workload starts the deadline.
        let Some(began) = cascade
            .trigger
            .filter(|id| incident.facts[*id].kind == "deploy_started")
            .and_then(|id| Some((id, incident.facts[id].moment?.at)))
        else {
            continue;
        };
        let Some(workload) = images::culprit(incident, cascade).and_then(|c| c.workload) else {
            continue;
        };
        let deployment = incident
            .artefacts
            .objects
            .iter()
            .filter(|o| o.kind == "Deployment" && images::belongs(o, &workload))
            .max_by_key(|o| o.moment.filter(|m| m.at <= began.1).map(|m| m.at));
        let (Some(deployment), Some(second)) = (deployment, cascade.hops.get(1)) else {
            continue;
        };
        let seconds = deployment
            .value
            .get("spec")
            .and_then(|s| s.get("progressDeadlineSeconds"))
            .and_then(Value::as_i64);
        let deadline = TimeDelta::try_seconds(seconds.unwrap_or(DEFAULT_S)).unwrap_or_default();
        let expires = began.1 + deadline;
        // A fault that is on several nodes from the beginning does not wait for any deadline.
        let went_on = cascade.spread == Spread::Domino && second.from - began.1 >= SOONEST;
        if !went_on || second.from >= expires || findings.iter().any(|f| f.subject == workload) {
            continue;
        }
        let before = cascade.hops.iter().filter(|h| h.from < expires).count();
        let set = match seconds {
            Some(_) => format!(
                "{workload} has progressDeadlineSeconds {}",
                deadline.num_seconds()
            ),
            None => format!("{workload} sets no progressDeadlineSeconds, so {DEFAULT_S} hold"),
        };
        let mut evidence = vec![began.0];
        evidence.extend(cascade.hops.iter().filter_map(|h| h.signals.first()));
        findings.push(Finding {
            factor: "late-progress-deadline",
            subject: workload,
            strength: "latent",
            evidence,
            citations: vec![deployment.evidence.clone()],
            because: format!(
                "{set}: Kubernetes would have called this roll-out failed at {} at the earliest, {} after it began; the fault had reached {before} nodes by then, the second at {}.",
                expires.format("%H:%M:%S"),
                spoken(deadline),
                second.from.format("%H:%M:%S")
            ),
            counterfactual: format!(
                "A deadline below {}, which a deploy job waits for and then rolls back, would have come before the second node.",
                spoken(second.from - began.1)
            ),
            action: "Set progressDeadlineSeconds to a little more than a healthy roll-out takes for one pod, and let the deploy job undo what passes it.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

factor!(
    LateProgressDeadline,
    "late-progress-deadline",
    "What it looks for: a Deployment of a cascade that went from node to node, whose `progressDeadlineSeconds` had not passed when the fault reached a second node a minute or more after the roll-out began.\n\
Why it matters: until the deadline has passed, nothing that watches the Deployment's conditions knows that the roll-out does not get on.\n\
Example: 600 s, as by default, and a second node that is hit a minute after the first.\n\
When it is mistaken: the deadline starts again with each step forward, so it may come later still; and Kubernetes only marks the roll-out, it does not go back by itself.\n\
What to do: a deadline a little above what one pod of a healthy roll-out takes, and a deploy job that undoes what passes it.\n\
References: Kubernetes documentation, \"Deployments\", progress deadline seconds; kube-score and CIS have no such rule.",
    check
);
