//! Roll-back help: the last image of the workload that is known to have run, by digest.
//!
//! Reads pods' container states and the registry's trail; gives one [`RollbackHelp`] a cascade. An image that only bore the tag before, without
//! a record that it ran, is offered as that and not as known good. What the trail shows to be deleted is not offered: an older image is, or none.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::images::{self, Culprit};
use crate::model::artefact::{ImageSource, Ran};
use crate::model::entity::registry_of;
use crate::model::{Evidence, Incident, RollbackHelp};

/// Finds what to go back to, for each cascade with a culprit image.
pub(super) fn rollbacks(incident: &Incident) -> Vec<RollbackHelp> {
    incident
        .cascades
        .iter()
        .filter(|c| c.mechanism != "unknown")
        .filter_map(|cascade| {
            let culprit = images::culprit(incident, cascade)?;
            let begin = images::begin(incident, cascade)?;
            let workload = culprit.workload.clone()?;
            help(incident, &culprit, &workload, begin)
        })
        .collect()
}

fn help(
    incident: &Incident,
    culprit: &Culprit,
    workload: &str,
    begin: DateTime<Utc>,
) -> Option<RollbackHelp> {
    let mut candidates = ran_before(incident, culprit, workload, begin);
    candidates.extend(stood_before(incident, culprit));
    let trail = |known: &Known| Trail::of(incident, &repository(&known.image), &known.digest);
    let kept = candidates
        .iter()
        .position(|known| !matches!(trail(known), Trail::Deleted(_)));
    let mut known = candidates.get(kept.unwrap_or(0))?.clone();
    let mut evidence = known.evidence.clone();
    let mut citations = known.citations.clone();
    // What was better known and is gone is said, with its deletion.
    for gone in candidates.iter().take(kept.unwrap_or(0)) {
        if let (Trail::Deleted(id), true) = (trail(gone), gone.digest != known.digest) {
            known.known_by.push(format!(
                "A later one, {}, was deleted from the registry at {}.",
                gone.digest,
                time(incident, id)
            ));
            evidence.push(id);
        }
    }
    let reference = format!("{}@{}", repository(&known.image), known.digest);
    let still_there = still_there(
        incident,
        &known,
        &trail(&known),
        &mut evidence,
        &mut citations,
    );
    let command = match kept {
        Some(_) => command(incident, workload, &culprit.image, &reference),
        None => String::new(),
    };
    Some(RollbackHelp {
        workload: workload.to_owned(),
        image: reference,
        digest: known.digest,
        known_by: known.known_by,
        still_there,
        command,
        evidence,
        citations,
    })
}

/// An image that could be gone back to, and how it is known.
#[derive(Clone)]
struct Known {
    image: String,
    digest: String,
    known_by: Vec<String>,
    evidence: Vec<usize>,
    citations: Vec<Evidence>,
}

/// The digests that containers of the workload ran before the change, the best first: what became ready, the latest of it first.
fn ran_before(
    incident: &Incident,
    culprit: &Culprit,
    workload: &str,
    begin: DateTime<Utc>,
) -> Vec<Known> {
    let started = |ran: &Ran| {
        DateTime::parse_from_rfc3339(&ran.started)
            .ok()
            .map(|at| at.to_utc())
    };
    let repository_of_culprit = repository(&culprit.image);
    let mut ran: Vec<(DateTime<Utc>, &Ran, &Evidence)> = incident
        .artefacts
        .objects
        .iter()
        .filter(|o| o.kind == "Pod" && images::belongs(o, workload))
        .flat_map(|o| o.ran.iter().map(move |r| (r, &o.evidence)))
        .filter(|(r, _)| Some(r.digest.as_str()) != culprit.digest.as_deref())
        // A pod may have containers of other images, too.
        .filter(|(r, _)| repository(&r.image) == repository_of_culprit)
        .filter_map(|(r, evidence)| Some((started(r)?, r, evidence)))
        .filter(|(at, _, _)| *at < begin)
        .collect();
    ran.sort_by(|a, b| (a.0, &a.1.digest, &a.1.node).cmp(&(b.0, &b.1.digest, &b.1.node)));
    let mut best: Vec<&(DateTime<Utc>, &Ran, &Evidence)> = ran.iter().rev().collect();
    best.sort_by_key(|(_, r, _)| !r.ready);
    let mut found: Vec<Known> = Vec::new();
    for (at, one, _) in best {
        if found.iter().any(|known| known.digest == one.digest) {
            continue;
        }
        let same: Vec<_> = ran
            .iter()
            .filter(|(_, r, _)| r.digest == one.digest)
            .collect();
        let mut nodes: Vec<&str> = same
            .iter()
            .map(|(_, r, _)| r.node.as_str())
            .filter(|n| !n.is_empty())
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        let place = if nodes.is_empty() {
            String::new()
        } else {
            format!(" on {}", nodes.join(", "))
        };
        let state = if same.iter().any(|(_, r, _)| r.ready) {
            "started and became ready"
        } else {
            "started; that they became ready is not in the record"
        };
        let containers = if same.len() == 1 {
            "container"
        } else {
            "containers"
        };
        found.push(Known {
            image: one.image.clone(),
            digest: one.digest.clone(),
            known_by: vec![format!(
                "{} {containers} of {workload} with this digest {state}, the last at {}{place}, before the change at {}.",
                same.len(),
                images::clock(incident, *at),
                images::clock(incident, begin)
            )],
            evidence: Vec::new(),
            citations: same.iter().take(3).map(|(_, _, e)| (*e).clone()).collect(),
        });
    }
    found
}

/// The digest that the tag stood for before.
fn stood_before(incident: &Incident, culprit: &Culprit) -> Option<Known> {
    let (image, digest, id) = images::before(incident, culprit)?;
    Some(Known {
        known_by: vec![format!(
            "{image} stood for this digest before it was moved; that it ran is not in the record."
        )],
        image,
        digest,
        evidence: vec![id],
        citations: Vec::new(),
    })
}

/// The last that the registry's trail tells of a manifest.
enum Trail {
    Silent,
    Pushed(usize),
    Deleted(usize),
    /// One of several that were deleted at once; whether each of them went is not told.
    Named(usize),
}

impl Trail {
    fn of(incident: &Incident, repository_of_image: &str, digest: &str) -> Trail {
        let path = repository_of_image
            .strip_prefix(registry_of(repository_of_image))
            .map_or(repository_of_image, |path| path.trim_start_matches('/'));
        let last = incident
            .facts
            .iter()
            .enumerate()
            .filter_map(|(id, fact)| {
                // One digest may lie in several repositories; a log that names no image has the path.
                let own = fact.entity("digest") == Some(digest)
                    && match fact.entity("image") {
                        Some(image) => repository(image) == repository_of_image,
                        None => fact.evidence.iter().any(|e| e.text.contains(path)),
                    };
                let trail = match fact.kind.as_str() {
                    "image_pushed" if own => Trail::Pushed(id),
                    "image_deleted" if own => Trail::Deleted(id),
                    // Amazon ECR deletes a list at once, and the signal has room for one of them.
                    "image_deleted"
                        if fact.evidence.iter().any(|e| {
                            e.text.contains("BatchDeleteImage") && e.text.contains(digest)
                        }) =>
                    {
                        Trail::Named(id)
                    }
                    _ => return None,
                };
                Some((fact.moment.map(|m| m.at), trail))
            })
            .max_by_key(|(at, _)| *at);
        last.map_or(Trail::Silent, |(_, trail)| trail)
    }
}

fn time(incident: &Incident, id: usize) -> String {
    incident.facts[id].moment.map_or_else(
        || "a time that is not in the record".to_owned(),
        |m| images::clock(incident, m.at),
    )
}

fn still_there(
    incident: &Incident,
    known: &Known,
    trail: &Trail,
    evidence: &mut Vec<usize>,
    citations: &mut Vec<Evidence>,
) -> String {
    let mut said = Vec::new();
    match trail {
        Trail::Deleted(id) => {
            evidence.push(*id);
            said.push(format!(
                "It was deleted from the registry at {}, and no push after that is in the record: no node can pull it, so it must be pushed again before anything can go back to it.",
                time(incident, *id)
            ));
        }
        Trail::Named(id) => {
            evidence.push(*id);
            said.push(format!(
                "A deletion of several images at {} names it: look whether the registry still has it.",
                time(incident, *id)
            ));
        }
        Trail::Pushed(id) => {
            evidence.push(*id);
            said.push(format!(
                "The registry took its manifest at {}, as {}, and no deletion of it after that is in the record.",
                time(incident, *id),
                incident.facts[*id].entity("image").unwrap_or("another tag")
            ));
        }
        Trail::Silent => {
            said.push("Whether the registry still has it is not in the record.".to_owned());
        }
    }
    let kept = incident.artefacts.images.iter().find(|i| {
        i.kind == ImageSource::NodeList && i.digest.as_deref() == Some(known.digest.as_str())
    });
    if let Some(kept) = kept {
        citations.push(kept.evidence.clone());
        said.push(
            "A node still lists it among its images, and starts it without a pull where the pull policy is not Always."
                .to_owned(),
        );
    }
    evidence.sort_unstable();
    evidence.dedup();
    said.join(" ")
}

/// Returns a reference without tag and digest.
fn repository(image: &str) -> String {
    let image = image.split('@').next().unwrap_or(image);
    match image.rfind(':') {
        Some(colon) if !image[colon..].contains('/') => image[..colon].to_owned(),
        _ => image.to_owned(),
    }
}

fn command(incident: &Incident, workload: &str, image: &str, reference: &str) -> String {
    let mut parts = workload.splitn(3, '/');
    let (namespace, kind, name) = match (parts.next(), parts.next(), parts.next()) {
        (Some(namespace), Some(kind), Some(name)) => (Some(namespace), kind, name),
        (Some(kind), Some(name), None) => (None, kind, name),
        _ => (None, "Deployment", workload),
    };
    let container = incident
        .artefacts
        .objects
        .iter()
        .filter(|o| images::belongs(o, workload))
        .find_map(|o| {
            o.containers().iter().find_map(|c| {
                let own = c.get("image").and_then(Value::as_str)?;
                (repository(own) == repository(image))
                    .then(|| c.get("name")?.as_str().map(str::to_owned))?
            })
        })
        // Where no object tells the container's name, every container of the workload would be changed: that is left to the reader.
        .unwrap_or_else(|| "CONTAINER".to_owned());
    let namespace = namespace.map(|n| format!(" -n {n}")).unwrap_or_default();
    format!(
        "kubectl{namespace} set image {}/{name} {container}={reference}",
        kind.to_lowercase()
    )
}
