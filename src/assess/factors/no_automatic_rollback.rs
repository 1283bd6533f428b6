//! Factor `no-automatic-rollback`: the roll-out was known to have failed, and went on.
//!
//! Reads failed roll-outs, hops and roll-backs; gives one finding a cascade. That nothing had failed yet because the deadline is long is `late-progress-deadline`.

use crate::assess::images;
use crate::model::moment::spoken;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for cascade in &incident.cascades {
        let Some(begin) = incident.facts[cascade.origin].moment else {
            continue;
        };
        let Some(culprit) = images::culprit(incident, cascade) else {
            continue;
        };
        let failed = incident.facts.iter().enumerate().find(|(_, f)| {
            f.kind == "deploy_failed"
                && f.moment.is_some_and(|m| m.at > begin.at)
                && f.entity("workload").is_none_or(|w| {
                    culprit
                        .workload
                        .as_deref()
                        .is_none_or(|own| own.ends_with(w) || w == own)
                })
        });
        let rollback = incident
            .facts
            .iter()
            .enumerate()
            .find(|(_, f)| f.kind == "rollback" && f.moment.is_some_and(|m| m.at > begin.at));
        let Some((failed_id, failed_at)) = failed.and_then(|(id, f)| Some((id, f.moment?.at)))
        else {
            continue;
        };
        let rolled = rollback.and_then(|(id, f)| Some((id, f.moment?.at)));
        if rolled.is_some_and(|(_, at)| at <= failed_at) {
            continue;
        }
        let until = rolled.map(|(_, at)| at);
        let later: Vec<usize> = cascade
            .members
            .iter()
            .copied()
            .filter(|id| {
                let fact = &incident.facts[*id];
                matches!(
                    fact.kind.as_str(),
                    "evicted" | "disk_pressure_on" | "node_not_ready"
                ) && fact
                    .moment
                    .is_some_and(|m| m.at > failed_at && until.is_none_or(|u| m.at < u))
            })
            .collect();
        if later.is_empty() {
            continue;
        }
        let gap = match rolled {
            Some((_, at)) => format!("the roll-back came {} later", spoken(at - failed_at)),
            None => "no roll-back is in the record".to_owned(),
        };
        let mut evidence = vec![failed_id];
        evidence.extend(&later);
        evidence.extend(rolled.map(|(id, _)| id));
        findings.push(Finding {
            factor: "no-automatic-rollback",
            subject: culprit.workload.clone().unwrap_or(culprit.image),
            strength: "amplifier",
            evidence,
            because: format!(
                "The deploy was reported as failed at {}, and {gap}; in between {}.",
                failed_at.format("%H:%M:%S"),
                harm(incident, &later)
            ),
            counterfactual: "A roll-back when the deploy failed would have come before these."
                .to_owned(),
            action: "Let the deploy job undo a roll-out that does not become ready.".to_owned(),
            ..Finding::default()
        });
    }
    findings
}

/// Counts what happened, kind by kind.
fn harm(incident: &Incident, ids: &[usize]) -> String {
    let words = [
        ("evicted", "pod was evicted", "pods were evicted"),
        (
            "disk_pressure_on",
            "node came under disk pressure",
            "nodes came under disk pressure",
        ),
        (
            "node_not_ready",
            "node became not ready",
            "nodes became not ready",
        ),
    ];
    let parts: Vec<String> = words
        .iter()
        .filter_map(|(kind, one, many)| {
            let mut subjects: Vec<Option<&str>> = ids
                .iter()
                .map(|id| &incident.facts[*id])
                .filter(|f| f.kind == *kind)
                .map(|f| f.entity(if *kind == "evicted" { "pod" } else { "node" }))
                .collect();
            subjects.sort_unstable();
            subjects.dedup();
            match subjects.len() {
                0 => None,
                1 => Some(format!("1 {one}")),
                n => Some(format!("{n} {many}")),
            }
        })
        .collect();
    parts.join(" and ")
}

factor!(
    NoAutomaticRollback,
    "no-automatic-rollback",
    "What it looks for: a deploy that was reported as failed while the cascade went on to further nodes before anybody rolled back.\n\
Why it matters: Kubernetes only marks a roll-out as failed; it does not go back by itself.\n\
Example: the deploy job fails at 20:56:51, two more nodes come under pressure, the roll-back begins at 21:01:41.\n\
When it is mistaken: the failed deploy was another one; only deploys of the cascade's own workload or without a named workload count, after the first fault.\n\
What to do: let the deploy job or a progressive delivery tool undo a roll-out that does not become ready, and keep `progressDeadlineSeconds` below the time in which harm spreads.\n\
References: kube-score has no such rule; Kubernetes documentation, \"Deployments\", failed deployment.",
    check
);

#[cfg(test)]
mod tests {
    use super::super::case::check;
    use super::NoAutomaticRollback;

    #[test]
    fn what_came_between_failure_and_rollback_counts() {
        check(
            &NoAutomaticRollback,
            "10:00 pull_failed image=a:1 node=n1\n10:05 deploy_failed\n10:07 evicted node=n2 pod=x\n10:09 rollback",
            &["no-automatic-rollback a:1, evidence 2 3 4"],
        );
        check(
            &NoAutomaticRollback,
            "10:00 pull_failed image=a:1 node=n1\n10:05 deploy_failed\n10:06 rollback\n10:07 evicted node=n2 pod=x",
            &[],
        );
    }
}
