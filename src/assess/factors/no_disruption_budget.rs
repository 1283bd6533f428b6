//! Factor `no-disruption-budget`: a drain took pods of a workload that no disruption budget covers.
//!
//! Reads drains, workloads and budgets; gives one finding a workload. Only where the record shows budgets can the lack of one be told;
//! evictions by the kubelet and by the taint manager ask no budget, so they are no reason for a finding.

use serde_json::Value;

use crate::model::artefact::ClusterObject;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let budgets: Vec<&ClusterObject> = incident
        .artefacts
        .objects
        .iter()
        .filter(|o| o.kind == "PodDisruptionBudget")
        .collect();
    let drains: Vec<usize> = (0..incident.facts.len())
        .filter(|id| {
            let fact = &incident.facts[*id];
            fact.kind == "remediation" && fact.entity("node").is_some()
        })
        .collect();
    if budgets.is_empty() || drains.is_empty() {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = Vec::new();
    for cascade in &incident.cascades {
        let own: Vec<usize> = drains
            .iter()
            .copied()
            .filter(|id| cascade.recovery.contains(id))
            .collect();
        if own.is_empty() {
            continue;
        }
        let hit = cascade
            .direct
            .workloads
            .iter()
            .chain(&cascade.collateral.workloads);
        for workload in hit {
            let Some(object) = incident.artefacts.objects.iter().find(|o| {
                matches!(o.kind.as_str(), "Deployment" | "StatefulSet")
                    && crate::assess::images::belongs(o, workload)
            }) else {
                continue;
            };
            let many = object.value["spec"].get("replicas").and_then(Value::as_u64) > Some(1);
            if !many
                || budgets.iter().any(|b| covers(b, object))
                || findings.iter().any(|f| f.subject == *workload)
            {
                continue;
            }
            findings.push(Finding {
                factor: "no-disruption-budget",
                subject: workload.clone(),
                strength: "latent",
                evidence: own.clone(),
                citations: vec![object.evidence.clone(), budgets[0].evidence.clone()],
                because: format!("A node was drained, and none of the {} disruption budgets in the record covers {workload}.", budgets.len()),
                counterfactual: "A budget would have let the drain take its pods one after the other. It would not have held back the kubelet's evictions, a taint or a roll-out: they ask no budget.".to_owned(),
                action: "Give the workload a PodDisruptionBudget that leaves enough of it running.".to_owned(),
                ..Finding::default()
            });
        }
    }
    findings
}

/// Whether a budget selects the pods of a workload. Expressions beside labels are taken as fitting: better no finding than a wrong one.
fn covers(budget: &ClusterObject, workload: &ClusterObject) -> bool {
    if budget.namespace != workload.namespace {
        return false;
    }
    let labels = &workload.value["spec"]["template"]["metadata"]["labels"];
    let wanted = &budget.value["spec"]["selector"]["matchLabels"];
    wanted.as_object().is_none_or(|wanted| {
        wanted
            .iter()
            .all(|(name, value)| labels.get(name) == Some(value))
    })
}

factor!(
    NoDisruptionBudget,
    "no-disruption-budget",
    "What it looks for: a node of the cascade that was drained, and a workload with several replicas that the cascade hit and that no PodDisruptionBudget of the record selects.\n\
Why it matters: a drain without a budget takes all pods of a workload from a node at once, in the middle of an incident.\n\
Example: two of three replicas on the node that is cordoned and drained for cleaning up.\n\
When it is mistaken: the budget exists and its object is not in the input; so there is a finding only where the record holds budgets of others. Evictions by the kubelet, taints and roll-outs ask no budget at all.\n\
What to do: a PodDisruptionBudget for each workload with more than one replica.\n\
References: kube-score deployment-has-poddisruptionbudget agrees and asks for one everywhere; CIS has no such rule.",
    check
);
