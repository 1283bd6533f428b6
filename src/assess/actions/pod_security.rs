//! Guard-rail: Pod Security labels of the cascade's namespace.
//!
//! `enforce` is only set to a level that every pod of the namespace in the record keeps; the next level is warned about and audited.

use serde_json::{Value, json};

use super::yaml;
use crate::assess::images;
use crate::assess::policy::{self, Check, Policy, Verdict};
use crate::model::{Backtest, Finding, GuardRail, Incident};

/// What the levels demand of a pod, as far as it is written in the pod: the controls that refuse most pods.
///
/// # Source
/// Kubernetes documentation, "Pod Security Standards".
const BASELINE: &str = "(!has(object.spec.hostNetwork) || !object.spec.hostNetwork) && (!has(object.spec.hostPID) || !object.spec.hostPID) && (!has(object.spec.hostIPC) || !object.spec.hostIPC) && (!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.hostPath))) && variables.containers.all(c, (!has(c.securityContext) || !has(c.securityContext.privileged) || !c.securityContext.privileged) && (!has(c.ports) || c.ports.all(p, !has(p.hostPort) || p.hostPort == 0)))";
const RESTRICTED: &str = "variables.containers.all(c, has(c.securityContext) && has(c.securityContext.allowPrivilegeEscalation) && !c.securityContext.allowPrivilegeEscalation && has(c.securityContext.capabilities) && has(c.securityContext.capabilities.drop) && 'ALL' in c.securityContext.capabilities.drop) && ((has(object.spec.securityContext) && has(object.spec.securityContext.runAsNonRoot) && object.spec.securityContext.runAsNonRoot) || variables.containers.all(c, has(c.securityContext) && has(c.securityContext.runAsNonRoot) && c.securityContext.runAsNonRoot))";

fn level(name: &str, expressions: &[&str]) -> Policy {
    let mut policy = policy::presets::ALL[0].policy();
    policy.name = name.to_owned();
    policy.scope = policy::Scope::Resource(vec![String::new()], vec!["pods".to_owned()]);
    policy.checks = expressions
        .iter()
        .map(|e| Check {
            expression: (*e).to_owned(),
            message: format!("the pod does not keep the level {name}"),
        })
        .collect();
    policy
}

pub(super) fn make(incident: &Incident, findings: &[Finding]) -> Option<GuardRail> {
    if !findings.iter().any(|f| f.factor == "root-user") && !super::pull_filled_disk(incident) {
        return None;
    }
    let workload = incident
        .cascades
        .iter()
        .find_map(|c| images::culprit(incident, c)?.workload)?;
    let namespace = workload
        .split('/')
        .next()
        .filter(|_| workload.matches('/').count() == 2)?;
    let own = |policy: &Policy| -> (usize, usize, Vec<policy::Trial>) {
        let trials: Vec<_> = policy::trials(policy, incident)
            .into_iter()
            .filter(|t| t.object.starts_with(&format!("{namespace}/")))
            .filter(|t| !matches!(t.verdict, Verdict::Unknown(_)))
            .collect();
        let refused = trials
            .iter()
            .filter(|t| matches!(t.verdict, Verdict::Refuses(_)))
            .count();
        (refused, trials.len(), trials)
    };
    let (bad_baseline, all, _) = own(&level("baseline", &[BASELINE]));
    let (bad_restricted, _, trials) = own(&level("restricted", &[BASELINE, RESTRICTED]));
    let enforce = match (all, bad_baseline, bad_restricted) {
        (0, _, _) => "privileged",
        (_, _, 0) => "restricted",
        (_, 0, _) => "baseline",
        _ => "privileged",
    };
    let object = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace,
            "labels": {
                "pod-security.kubernetes.io/enforce": enforce,
                "pod-security.kubernetes.io/warn": "restricted",
                "pod-security.kubernetes.io/audit": "restricted",
            },
        },
    });
    let first = trials
        .iter()
        .filter(|t| t.of_cascade && matches!(t.verdict, Verdict::Refuses(_)))
        .filter_map(|t| t.at)
        .min();
    let backtest = if all == 0 {
        super::untested("no pod of the namespace is in the record")
    } else {
        let count = |cascade: bool| {
            let all: Vec<_> = trials.iter().filter(|t| t.of_cascade == cascade).collect();
            (
                all.iter()
                    .filter(|t| matches!(t.verdict, Verdict::Refuses(_)))
                    .count(),
                all.len(),
            )
        };
        Backtest {
            said: format!(
                "Of {all} pods of {namespace} in the record, {bad_baseline} break baseline and {bad_restricted} restricted: enforced is {enforce}, so that no pod which ran is refused. Looked at are the controls that a pod's text shows (host access, privileges, escalation, capabilities, user)."
            ),
            first,
            cascade: Some(count(true)),
            others: Some(count(false)),
            untested: false,
        }
    };
    Some(GuardRail {
        id: "pod-security-labels".to_owned(),
        file: "pod-security/namespace.yaml".to_owned(),
        text: text(&object),
        class: "prevent",
        about: "Pod Security labels: the highest level that all pods of the record keep is enforced, restricted is warned about and audited.".to_owned(),
        done_when: "no warning is left, and restricted is enforced".to_owned(),
        backtest,
    })
}

fn text(object: &Value) -> String {
    yaml(
        &[
            "Only the labels are meant: apply them to the namespace that exists, with kubectl label.",
        ],
        std::slice::from_ref(object),
    )
}
