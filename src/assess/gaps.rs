//! Gaps: what is not known, and why that matters. A report that does not say this is not to be trusted.

use super::images;
use crate::model::{Gap, Incident, Metric, MetricStatus, NOT_COLLECTED};

/// Lists what is missing, the most important first.
pub(super) fn gaps(incident: &Incident, assumptions: &[String], metrics: &[Metric]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut say = |what: String, matters: &str| {
        gaps.push(Gap {
            what,
            matters_because: matters.to_owned(),
        })
    };
    for assumption in assumptions {
        say(
            assumption.clone(),
            "a wrong year or zone moves these records against the others, and with them every lag between them",
        );
    }
    for cascade in &incident.cascades {
        if cascade.trigger.is_none()
            && !matches!(cascade.mechanism.as_str(), "node_lost" | "runtime_failed")
        {
            say(
                "No change was found that the first fault leads back to.".to_owned(),
                "without it the report cannot say what began this, or what to roll back",
            );
        }
        let nodes: Vec<&str> = cascade
            .hops
            .iter()
            .filter_map(|h| h.node.as_deref())
            .collect();
        let mut silent: Vec<&str> = Vec::new();
        for node in nodes {
            let heard = incident.readings.iter().any(|r| {
                r.speaks_for.node.as_deref() == Some(node)
                    && r.speaks_for.component.as_deref() == Some("kubelet")
            });
            if !heard && !silent.contains(&node) {
                silent.push(node);
            }
        }
        if !silent.is_empty() {
            say(
                format!("There is no kubelet log of {}.", silent.join(", ")),
                "the kubelet's own lines are finer than one second and say what it did before the API server heard of it",
            );
        }
        if cascade.mechanism == "node_lost" && cascade.reasons.is_empty() {
            let node = cascade
                .culprit
                .iter()
                .find(|(k, _)| k == "node")
                .map_or("the node", |(_, v)| v.as_str());
            say(
                format!("Why {node} fell silent is not in the record."),
                "disk pressure alone does not stop a kubelet; a hang, a stopped process, the network or the machine itself would each need another remedy",
            );
        }
        let unplaced = cascade
            .members
            .iter()
            .filter(|id| {
                incident.facts[**id].kind == "pull_failed"
                    && incident.facts[**id].entity("node").is_none()
            })
            .count();
        if unplaced > 0 {
            say(
                "The failed pull does not say on which node it happened.".to_owned(),
                "the link to the node's disk pressure rests on this being the only node named",
            );
        }
        if let Some(culprit) = images::culprit(incident, cascade)
            && cascade.mechanism == "image_pull_filled_disk"
            && culprit.digest.is_none()
        {
            if images::sizes(incident, &culprit.image, None).is_empty() {
                say(
                    "The image's digest and size are not in the record.".to_owned(),
                    "the tag alone does not say which image was pulled, nor how much disk it needs",
                );
            } else {
                say(
                    "The image's digest is not in the record.".to_owned(),
                    "the tag alone does not say whether the image that was pulled is the one whose size is told",
                );
            }
        }
    }
    let no_space_for_a_pull = incident
        .cascades
        .iter()
        .any(|c| images::pull_ran_out_of_space(incident, c));
    let nameless = images::nameless_histories(incident).count();
    if nameless > 1 && incident.assessment.autopsies.is_empty() && no_space_for_a_pull {
        say(
            format!(
                "{nameless} image histories are in the input, and none of them names its image."
            ),
            "so none of them was taken for that of the image, and its layers are not shown",
        );
    }
    let builds = incident.artefacts.builds.len();
    if builds > 1 && no_space_for_a_pull {
        say(
            format!(
                "{builds} Dockerfiles are in the input, and which of them the image was built from is not."
            ),
            "so none of them was held against the image, and what they would allow is not among the factors",
        );
    }
    let conditions = incident.conditions.iter().any(|condition| {
        incident.cascades.iter().any(|c| {
            c.hops
                .iter()
                .any(|h| h.node.as_ref() == Some(&condition.node))
        })
    });
    for metric in metrics
        .iter()
        .filter(|m| m.status == MetricStatus::Unknown && !incident.cascades.is_empty())
    {
        let (what, matters) = match metric.id {
            "detected_at" => (
                "No alert or page is in the record.",
                "time to detect cannot be computed, and nobody can say who noticed first",
            ),
            "mitigated_at" => (
                "No roll-back or clean-up is in the record.",
                "time to mitigate cannot be computed",
            ),
            "resolved_at" if conditions => (
                "The end is not in the record: at least one abnormal condition has no known end.",
                "time to resolve cannot be computed, and the nodes may still be affected",
            ),
            "resolved_at" => (
                "The end is not in the record: neither a roll-out that was done nor the end of a condition.",
                "time to resolve cannot be computed, and it may still go on",
            ),
            _ => continue,
        };
        say(what.to_owned(), matters);
    }
    // One source may be both.
    let damaged: std::collections::BTreeSet<Option<usize>> = incident
        .problems
        .iter()
        .filter(|p| p.what.contains("cut off") || p.what.contains("damaged"))
        .map(|p| p.source)
        .collect();
    let damaged = damaged.len();
    if damaged > 0 {
        say(
            format!(
                "{damaged} of {} sources are cut off or damaged.",
                incident.sources.len()
            ),
            "what stood in the missing part is not in this report",
        );
    }
    let refused = incident
        .problems
        .iter()
        .filter(|p| p.what.starts_with(NOT_COLLECTED))
        .count();
    if refused > 0 {
        say(
            match refused {
                1 => "One thing that was asked of the cluster did not come.".to_owned(),
                _ => format!("{refused} things that were asked of the cluster did not come."),
            },
            "what they would have shown is not in this report; the problems of the bundle's manifest name them, and why",
        );
    }
    if incident.ledger.outside > 0 {
        say(
            match incident.ledger.outside {
                1 => {
                    "One signal lies outside of the time that --since and --until leave.".to_owned()
                }
                outside => format!(
                    "{outside} signals lie outside of the time that --since and --until leave."
                ),
            },
            "causes and ends among them are not in this report",
        );
    }
    if !incident.ledger.skipped.is_empty() {
        let unopened = incident.ledger.skipped.len();
        say(
            if unopened == 1 {
                "One file was found and not read; the ledger says why.".to_owned()
            } else {
                format!("{unopened} files were found and not read; the ledger says why for each.")
            },
            "what this report says is missing may be in there",
        );
    }
    gaps
}
