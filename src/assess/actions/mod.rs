//! Guard-rails: files that would have kept this incident from happening, or shown it earlier, each tried on the incident's own records.
//!
//! One file a guard-rail; each gives nothing where the incident does not call for it. A guard-rail that the record allows no test of says so.
//! `rootline report --actions DIR` writes them.

pub(super) mod admission;
mod alert_rules;
mod build_context;
mod dockerfile_proposal;
mod image_checks;
mod kubelet_settings;
mod pod_security;
mod registry_rules;
mod samples;

use serde_json::Value;

use super::images;
use crate::model::{Action, Backtest, Finding, GuardRail, Incident};

/// Makes the guard-rails that the incident calls for.
pub(super) fn guard_rails(incident: &Incident, findings: &[Finding]) -> Vec<GuardRail> {
    let mut rails = Vec::new();
    if incident.cascades.is_empty() {
        return rails;
    }
    rails.extend(admission::make(incident, findings));
    rails.extend(pod_security::make(incident, findings));
    rails.extend(kubelet_settings::make(incident));
    rails.extend(registry_rules::make(incident));
    rails.extend(alert_rules::make(incident));
    rails.extend(image_checks::make(incident, findings));
    rails.extend(build_context::make(findings));
    rails.extend(dockerfile_proposal::make(incident, findings));
    rails
}

/// Names the file that does an action, and its back-test, beside the action.
pub(super) fn attach(actions: &mut [Action], rails: &[GuardRail]) {
    const DONE_BY: &[(&str, &str)] = &[
        ("limit-image-size", "max-image-size"),
        ("pin-image-by-digest", "image-by-digest"),
        ("ephemeral-storage-limits", "ephemeral-storage-limits"),
        ("alert-disk-per-pod", "alert-rules"),
        ("alert-image-pull-failures", "alert-rules"),
    ];
    for action in actions {
        let rail = DONE_BY
            .iter()
            .find(|(id, _)| *id == action.id)
            .and_then(|(_, rail)| rails.iter().find(|r| r.id == *rail));
        if let Some(rail) = rail {
            action.artifact = Some(rail.file.clone());
            action.backtest = Some(rail.backtest.said.clone());
        }
    }
}

/// Returns whether a pull ran out of space in one of the cascades.
fn pull_filled_disk(incident: &Incident) -> bool {
    incident
        .cascades
        .iter()
        .any(|c| images::pull_ran_out_of_space(incident, c))
}

/// Returns whether a disk was filled in one of the cascades.
fn disk_filled(incident: &Incident) -> bool {
    pull_filled_disk(incident)
        || incident.cascades.iter().any(|c| {
            matches!(
                c.mechanism.as_str(),
                "workload_filled_disk" | "disk_full_unknown_writer"
            )
        })
}

fn untested(why: &str) -> Backtest {
    Backtest {
        said: format!("Not tested: {why}."),
        untested: true,
        ..Backtest::default()
    }
}

/// Writes objects as YAML documents below comment lines.
fn yaml(comments: &[&str], objects: &[Value]) -> String {
    let mut text = String::new();
    for line in comments {
        text.push_str(&format!("# {line}\n"));
    }
    for (index, object) in objects.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        // What is written is made of our own values: there is nothing in it that YAML could not hold.
        text.push_str(&serde_saphyr::to_string(object).unwrap_or_default());
    }
    text
}
