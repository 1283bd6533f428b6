//! Guard-rails at admission: the presets that the incident calls for, as ValidatingAdmissionPolicy with its binding and for Kyverno.
//!
//! What is written is what is tested: the back-test reads the written file again and evaluates its CEL on the incident's objects.

use serde_json::{Value, json};

use super::yaml;
use crate::assess::policy::presets::{ALL, CONTAINERS, LEFT_ALONE, Preset};
use crate::assess::policy::{self, Policy};
use crate::model::{Finding, GuardRail, Incident};

pub(super) fn make(incident: &Incident, findings: &[Finding]) -> Vec<GuardRail> {
    let pull = super::pull_filled_disk(incident);
    let found = |factors: &[&str]| findings.iter().any(|f| factors.contains(&f.factor));
    let wanted = |preset: &&Preset| match preset.id {
        "no-latest-tag" | "image-by-digest" => found(&["mutable-tag", "always-pull-of-moving-tag"]),
        "max-image-size" => pull,
        "run-as-non-root" => found(&["root-user"]) || pull && asked_for_root(incident),
        "ephemeral-storage-limits" => found(&["no-ephemeral-storage-limit"]),
        _ => false,
    };
    ALL.iter()
        .filter(wanted)
        .flat_map(|preset| both_forms(incident, preset))
        .collect()
}

/// Pods of the cascade do not say that they run as somebody else.
fn asked_for_root(incident: &Incident) -> bool {
    policy::presets::find("run-as-non-root").is_some_and(|preset| {
        let test = policy::backtest(&preset.policy(), incident);
        test.cascade.is_some_and(|(refused, _)| refused > 0)
    })
}

fn both_forms(incident: &Incident, preset: &Preset) -> Vec<GuardRail> {
    let policy = preset.policy();
    let about = format!("{} Mistaken when {}.", preset.about, preset.mistaken_when);
    let native = text(preset);
    let kyverno = yaml(
        &[
            preset.about,
            "Proposal made from one incident. Try it with failureAction: Audit first.",
        ],
        &[kyverno(preset, &policy)],
    );
    let rail = |id: String, file: String, text: String, form: &str| {
        let backtest = match policy::read(&text).as_deref() {
            Ok([written, ..]) => policy::backtest(written, incident),
            _ => super::untested("the policy could not be read back"),
        };
        GuardRail {
            id,
            file,
            text,
            class: "prevent",
            about: format!("{form}: {about}"),
            done_when: "a pod that breaks it is refused in a test namespace, and the audit of a week shows no wanted pod among the refused".to_owned(),
            backtest,
        }
    };
    vec![
        rail(
            preset.id.to_owned(),
            format!("admission/{}.yaml", preset.id),
            native,
            "ValidatingAdmissionPolicy with binding",
        ),
        rail(
            format!("{}-kyverno", preset.id),
            format!("kyverno/{}.yaml", preset.id),
            kyverno,
            "Kyverno",
        ),
    ]
}

/// Returns a preset as ValidatingAdmissionPolicy with its binding, in YAML.
pub(in crate::assess) fn text(preset: &Preset) -> String {
    let comments = [
        preset.about,
        "Try it with validationActions: [Warn, Audit] before it denies.",
    ];
    yaml(
        &comments,
        &[admission_policy(preset, &preset.policy()), binding(preset)],
    )
}

fn expressions(policy: &Policy) -> Value {
    policy
        .checks
        .iter()
        .map(|c| json!({"expression": c.expression, "message": c.message}))
        .collect()
}

fn variables() -> Value {
    json!([{"name": CONTAINERS.0, "expression": CONTAINERS.1}])
}

/// # Source
/// Kubernetes documentation, "Validating Admission Policy"; v1 since 1.30.
fn admission_policy(preset: &Preset, policy: &Policy) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": preset.id},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [{
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                }],
            },
            "variables": variables(),
            "validations": expressions(policy),
        },
    })
}

fn binding(preset: &Preset) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": preset.id},
        "spec": {
            "policyName": preset.id,
            "validationActions": ["Deny"],
            "matchResources": {
                "namespaceSelector": {
                    "matchExpressions": [{
                        "key": "kubernetes.io/metadata.name",
                        "operator": "NotIn",
                        "values": [LEFT_ALONE],
                    }],
                },
            },
        },
    })
}

/// # Source
/// Kyverno documentation, "Validate Rules", CEL expressions; `failureAction` in the rule since 1.13.
fn kyverno(preset: &Preset, policy: &Policy) -> Value {
    json!({
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": preset.id},
        "spec": {
            "background": true,
            "rules": [{
                "name": preset.id,
                "match": {"any": [{"resources": {"kinds": ["Pod"], "operations": ["CREATE"]}}]},
                "exclude": {"any": [{"resources": {"namespaces": [LEFT_ALONE]}}]},
                "validate": {
                    "failureAction": "Enforce",
                    "cel": {"variables": variables(), "expressions": expressions(policy)},
                },
            }],
        },
    })
}
