//! Roll-back help: the last image of the workload that is known to have run, by digest.
//!
//! Reads pods' container states and the registry's trail; gives one [`RollbackHelp`] a cascade. An image that only bore the tag before, without
//! a record that it ran, is offered as that and not as known good.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::images::{self, Culprit};
use crate::model::artefact::{ImageSource, Ran};
use crate::model::{Evidence, Incident, RollbackHelp};

/// Finds what to go back to, for each cascade with a culprit image.
pub(super) fn rollbacks(incident: &Incident) -> Vec<RollbackHelp> {
    incident
        .cascades
        .iter()
        .filter(|c| c.mechanism != "unknown")
        .filter_map(|cascade| {
            let culprit = images::culprit(cascade)?;
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
    let (image, digest, mut known_by, mut citations, mut evidence) =
        ran_before(incident, culprit, workload, begin)
            .or_else(|| stood_before(incident, culprit))?;
    let repository = repository(&image);
    let reference = format!("{repository}@{digest}");
    let still_there = still_there(incident, &digest, begin, &mut evidence, &mut citations);
    known_by.dedup();
    let command = command(incident, workload, &culprit.image, &reference);
    Some(RollbackHelp {
        workload: workload.to_owned(),
        image: reference,
        digest,
        known_by,
        still_there,
        command,
        evidence,
        citations,
    })
}

type Known = (String, String, Vec<String>, Vec<Evidence>, Vec<usize>);

/// The digest that containers of the workload ran last, before the change.
fn ran_before(
    incident: &Incident,
    culprit: &Culprit,
    workload: &str,
    begin: DateTime<Utc>,
) -> Option<Known> {
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
    let best = ran
        .iter()
        .rev()
        .find(|(_, r, _)| r.ready)
        .or_else(|| ran.last())?;
    let digest = best.1.digest.clone();
    let same: Vec<_> = ran.iter().filter(|(_, r, _)| r.digest == digest).collect();
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
    let known = format!(
        "{} {containers} of {workload} with this digest {state}, the last at {}{place}, before the change at {}.",
        same.len(),
        best.0.format("%H:%M:%S"),
        begin.format("%H:%M:%S")
    );
    Some((
        best.1.image.clone(),
        digest,
        vec![known],
        same.iter().take(3).map(|(_, _, e)| (*e).clone()).collect(),
        Vec::new(),
    ))
}

/// The digest that the tag stood for before.
fn stood_before(incident: &Incident, culprit: &Culprit) -> Option<Known> {
    let (image, digest, id) = images::before(incident, culprit)?;
    Some((
        image.clone(),
        digest,
        vec![format!(
            "{image} stood for this digest before it was moved; that it ran is not in the record."
        )],
        Vec::new(),
        vec![id],
    ))
}

fn still_there(
    incident: &Incident,
    digest: &str,
    begin: DateTime<Utc>,
    evidence: &mut Vec<usize>,
    citations: &mut Vec<Evidence>,
) -> String {
    let mut said = Vec::new();
    let later = incident.facts.iter().enumerate().find(|(_, f)| {
        f.kind == "image_pushed"
            && f.entity("digest") == Some(digest)
            && f.moment.is_some_and(|m| m.at > begin)
    });
    if let Some((id, fact)) = later {
        evidence.push(id);
        let at = fact
            .moment
            .map(|m| m.at.format("%H:%M:%S").to_string())
            .unwrap_or_default();
        said.push(format!(
            "The registry took its manifest again at {at}, as {}.",
            fact.entity("image").unwrap_or("another tag")
        ));
    } else if !incident.artefacts.pushes.is_empty() {
        said.push("The registry's trail shows no later push of it; whether it was deleted is not told by pushes.".to_owned());
    } else {
        said.push("Whether the registry still has it is not in the record.".to_owned());
    }
    let kept = incident
        .artefacts
        .images
        .iter()
        .find(|i| i.kind == ImageSource::NodeList && i.digest.as_deref() == Some(digest));
    if let Some(kept) = kept {
        citations.push(kept.evidence.clone());
        said.push("A node still lists it among its images.".to_owned());
    }
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
