//! The summary: three to six sentences, each with the facts it rests on. People are never named.

use chrono::{DateTime, TimeDelta, Utc};

use crate::grammar::Grammars;
use crate::model::{Cascade, ConditionStatus, Confidence, Fact, FactId, Incident, Metric, Spread};

fn at(incident: &Incident, id: FactId) -> DateTime<Utc> {
    incident.facts[id]
        .moment
        .map_or(DateTime::UNIX_EPOCH, |m| m.at)
}

/// Returns `03:15:44` on the incident's day; the page says once that all times are UTC.
fn clock(moment: DateTime<Utc>) -> String {
    moment.format("%H:%M:%S").to_string()
}

/// Returns the title: the verdict of the gravest cascade, or that none was found.
pub(super) fn title(incident: &Incident, grammars: &Grammars) -> String {
    let Some(cascade) = incident.cascades.first() else {
        return "No cascade found".to_owned();
    };
    let title = grammars
        .mechanisms
        .iter()
        .find(|m| m.id == cascade.mechanism)
        .map_or_else(|| cascade.mechanism.clone(), |m| m.title.clone());
    let subject = cascade.culprit.first().map(|(_, value)| value.clone());
    match subject {
        Some(subject) => format!("{title}: {subject}"),
        None => title,
    }
}

/// Returns the first and last moment that belongs to the incident: of its cascades, or of all facts where there is none.
pub(super) fn window(incident: &Incident) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let ids: Vec<FactId> = incident
        .cascades
        .iter()
        .flat_map(|c| c.members.iter().chain(&c.recovery).copied())
        .collect();
    let times: Vec<DateTime<Utc>> = if ids.is_empty() {
        incident
            .facts
            .iter()
            .filter_map(|f| f.moment.map(|m| m.at))
            .collect()
    } else {
        let ends = incident.cascades.iter().filter_map(|c| c.recovered_at);
        ids.iter()
            .filter_map(|id| incident.facts[*id].moment.map(|m| m.at))
            .chain(ends)
            .collect()
    };
    Some((*times.iter().min()?, *times.iter().max()?))
}

/// Writes the summary.
pub(super) fn summary(
    incident: &Incident,
    metrics: &[Metric],
    grammars: &Grammars,
) -> Vec<(String, Vec<FactId>)> {
    let Some(cascade) = incident.cascades.first() else {
        return nothing_found(incident);
    };
    let mut sentences: Vec<(String, Vec<FactId>)> = Vec::new();
    if let Some(trigger) = cascade.trigger {
        sentences.push((trigger_sentence(incident, trigger), vec![trigger]));
    }
    let origin_facts: Vec<FactId> = cascade
        .hops
        .first()
        .map(|h| h.signals.clone())
        .unwrap_or_else(|| vec![cascade.origin]);
    let sure = match cascade.confidence {
        Confidence::Certain => "",
        Confidence::Probable => "Probably: ",
        Confidence::Possible | Confidence::Unknown => "Possibly: ",
    };
    sentences.push((format!("{sure}{}", cascade.explanation), origin_facts));
    sentences.extend(hops_sentence(incident, cascade));
    sentences.extend(unnoticed_sentence(incident, cascade));
    sentences.extend(silent_sentence(incident));
    sentences.push(detection_sentence(metrics));
    sentences.extend(end_sentence(incident, cascade));
    for other in incident.cascades.iter().skip(1) {
        let title = grammars
            .mechanisms
            .iter()
            .find(|m| m.id == other.mechanism)
            .map_or(other.mechanism.as_str(), |m| m.title.as_str());
        let subject = other
            .culprit
            .first()
            .map(|(_, v)| format!(" ({v})"))
            .unwrap_or_default();
        sentences.push((format!("Told separately, because nothing in the record links it: {}{subject}, {} at {} UTC.", lower_first(title), other.confidence.name(), clock(at(incident, other.origin))), vec![other.origin]));
    }
    sentences
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    // Names such as DiskPressure keep their capital.
    match chars.next() {
        Some(first)
            if chars
                .as_str()
                .chars()
                .next()
                .is_some_and(|next| next == ' ' || next.is_lowercase()) =>
        {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

fn nothing_found(incident: &Incident) -> Vec<(String, Vec<FactId>)> {
    let records = incident.ledger.records;
    let mut sentences = vec![(
        format!(
            "No cascade was found in {} sources with {records} records: {} signals were recognised, and none of them is a fault that a known mechanism explains.",
            incident.sources.len(),
            incident.facts.len()
        ),
        Vec::new(),
    )];
    if incident.facts.is_empty() {
        sentences = vec![(
            format!(
                "No known signal was found in {} sources with {records} records. That is not proof that nothing happened: the sources below say what was read.",
                incident.sources.len()
            ),
            Vec::new(),
        )];
    } else if !incident.unrelated.is_empty() {
        let ids: Vec<FactId> = incident
            .unrelated
            .iter()
            .map(|(id, _)| *id)
            .take(12)
            .collect();
        sentences.push((
            format!(
                "{} faults stand alone; each is listed with the reason why it was left alone.",
                incident.unrelated.len()
            ),
            ids,
        ));
    }
    sentences
}

fn trigger_sentence(incident: &Incident, trigger: FactId) -> String {
    let fact: &Fact = &incident.facts[trigger];
    let what = match fact.kind.as_str() {
        "deploy_started" => match fact.entity("workload") {
            Some(workload) => format!("a deployment of {workload} began"),
            None => "a deployment began".to_owned(),
        },
        "tag_moved" => format!(
            "the tag {} was moved to another image",
            fact.entity("image").unwrap_or("of an image")
        ),
        "image_pushed" => format!("{} was pushed", fact.entity("image").unwrap_or("an image")),
        "rollback" => "a roll-back began".to_owned(),
        other => other.replace('_', " "),
    };
    format!("At {} UTC {what}.", clock(at(incident, trigger)))
}

fn hops_sentence(incident: &Incident, cascade: &Cascade) -> Option<(String, Vec<FactId>)> {
    let pressed: Vec<_> = cascade.hops.iter().filter(|h| h.pressure).collect();
    let nodes: Vec<String> = pressed
        .iter()
        .filter_map(|h| h.node.as_ref().map(|n| format!("{n} ({})", clock(h.from))))
        .collect();
    if nodes.len() < 2 {
        return None;
    }
    let turn = if cascade.spread == Spread::Domino {
        " in turn"
    } else {
        ""
    };
    let how = match cascade.spread {
        Spread::Domino if cascade.culprit.iter().any(|(kind, _)| kind == "image") => {
            "the displaced pod's replacement pulled the same image on the next node"
        }
        Spread::Domino => "the displaced pod's replacement ran on the next node",
        Spread::CommonCause => "each from the same rollout, not from one another",
        Spread::Single => "one node only",
    };
    let ids = pressed
        .iter()
        .flat_map(|h| {
            h.signals
                .iter()
                .copied()
                .filter(|id| incident.facts[*id].kind == "disk_pressure_on")
        })
        .collect();
    Some((
        format!(
            "It hit {} nodes{turn}: {}; {how}.",
            nodes.len(),
            nodes.join(", ")
        ),
        ids,
    ))
}

/// Failures that no pressure followed: the disk was full for less than the kubelet's look.
fn unnoticed_sentence(incident: &Incident, cascade: &Cascade) -> Option<(String, Vec<FactId>)> {
    if cascade.mechanism != "image_pull_filled_disk" {
        return None;
    }
    let unnoticed = &cascade.without_pressure;
    let (first, rest) = unnoticed.split_first()?;
    let node = incident.facts[*first].entity("node").unwrap_or("a node");
    let same = rest
        .iter()
        .all(|id| incident.facts[*id].entity("node") == Some(node));
    let place = if same {
        format!("on {node} ")
    } else {
        String::new()
    };
    let times: Vec<String> = unnoticed
        .iter()
        .take(6)
        .map(|id| clock(at(incident, *id)))
        .collect();
    let (noun, verb) = if unnoticed.len() == 1 {
        ("failed pull", "was")
    } else {
        ("failed pulls", "were")
    };
    Some((
        format!(
            "{} {noun} {place}({}) {verb} followed by no DiskPressure: the runtime gives the space back within seconds, and the kubelet looks every 10 s.",
            unnoticed.len(),
            times.join(", ")
        ),
        unnoticed.clone(),
    ))
}

fn silent_sentence(incident: &Incident) -> Option<(String, Vec<FactId>)> {
    let condition = incident
        .conditions
        .iter()
        .find(|c| c.condition == "Ready" && c.status == ConditionStatus::Unknown)?;
    let until = condition.to.map_or_else(
        || "; its return is not in the record".to_owned(),
        |to| format!(" until {}", clock(to)),
    );
    Some((
        format!(
            "{} stopped reporting: from {}{until} its state is Unknown. Disk pressure alone does not do that, and the record does not say what did.",
            condition.node,
            clock(condition.from)
        ),
        condition.evidence.clone(),
    ))
}

fn detection_sentence(metrics: &[Metric]) -> (String, Vec<FactId>) {
    let metric = |id: &str| metrics.iter().find(|m| m.id == id);
    match (
        metric("detected_at").and_then(|m| m.at.map(|at| (at, m.evidence.clone()))),
        metric("ttd_s").and_then(|m| m.number),
    ) {
        (Some((detected, evidence)), Some(seconds)) => (
            format!(
                "The first alert came at {}, {} after the first fault.",
                clock(detected),
                crate::model::moment::spoken(TimeDelta::milliseconds((seconds * 1000.0) as i64))
            ),
            evidence,
        ),
        (Some((detected, evidence)), None) => (
            format!(
                "The first alert came at {}, before the first fault in the record.",
                clock(detected)
            ),
            evidence,
        ),
        _ => ("No alert is in the record.".to_owned(), Vec::new()),
    }
}

fn end_sentence(incident: &Incident, cascade: &Cascade) -> Option<(String, Vec<FactId>)> {
    let remedy = cascade.recovery.iter().copied().find(|id| {
        matches!(
            incident.facts[*id].kind.as_str(),
            "rollback" | "remediation"
        )
    });
    let remedied = remedy.map(|id| {
        format!(
            "The {} began at {}",
            if incident.facts[id].kind == "rollback" {
                "roll-back"
            } else {
                "clean-up"
            },
            clock(at(incident, id))
        )
    });
    match (remedied, cascade.recovered_at) {
        (Some(remedied), Some(over)) => Some((
            format!(
                "{remedied}, and the last abnormal condition ended at {}.",
                clock(over)
            ),
            cascade.recovery.clone(),
        )),
        (Some(remedied), None) => Some((
            format!("{remedied}; the end of all conditions is not in the record."),
            cascade.recovery.clone(),
        )),
        (None, Some(over)) => Some((
            format!(
                "The last abnormal condition ended at {}; what ended it is not in the record.",
                clock(over)
            ),
            cascade.recovery.clone(),
        )),
        (None, None) => Some(("No recovery is in the record.".to_owned(), Vec::new())),
    }
}
