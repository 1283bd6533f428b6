//! The summary: three to five sentences, each with the facts it rests on. People are never named.
//!
//! What began it, what it was, where it went, how it was noticed and ended, and what stands beside it. Details are the sections' business.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::grammar::Grammars;
use crate::model::{
    Cascade, ConditionStatus, Confidence, Fact, FactId, Hop, Incident, Metric, Spread,
};

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
        return nothing_found(incident, grammars);
    };
    let mut sentences: Vec<(String, Vec<FactId>)> = Vec::new();
    if let Some(trigger) = cascade.trigger {
        sentences.push((trigger_sentence(incident, trigger), vec![trigger]));
    }
    let first_hop = cascade.hops.first().map(|h| h.signals.as_slice());
    let mut origin_facts = first_hop.unwrap_or_default().to_vec();
    if !origin_facts.contains(&cascade.origin) {
        origin_facts.insert(0, cascade.origin);
    }
    let reasons = cascade.reasons.iter().take(3);
    origin_facts.extend(reasons.filter(|id| !first_hop.unwrap_or_default().contains(id)));
    let sure = match cascade.confidence {
        Confidence::Certain => "",
        Confidence::Probable => "Probably: ",
        Confidence::Possible | Confidence::Unknown => "Possibly: ",
    };
    sentences.push((format!("{sure}{}", cascade.explanation), origin_facts));
    sentences.extend(hops_sentence(incident, cascade));
    sentences.extend(everywhere_sentence(incident));
    sentences.extend(silent_sentence(incident, cascade));
    sentences.push(noticed_and_ended(incident, cascade, metrics));
    sentences.extend(others_sentence(incident, grammars));
    sentences
}

/// Facts that one sentence cites of very many.
const CITED: usize = 12;
/// Other cascades that one sentence names.
const OTHERS: usize = 4;

/// The other cascades: those that share records with the gravest one, and those that nothing joins to it.
fn others_sentence(incident: &Incident, grammars: &Grammars) -> Option<(String, Vec<FactId>)> {
    let (first, others) = incident.cascades.split_first()?;
    let members: BTreeSet<FactId> = first.members.iter().copied().collect();
    let (joined, apart): (Vec<&Cascade>, Vec<&Cascade>) = others
        .iter()
        .partition(|other| other.members.iter().any(|id| members.contains(id)));
    let it = if apart.len() == 1 { "it" } else { "them" };
    let separately = format!("Told separately, because nothing in the record links {it} to this");
    let mut said = Vec::new();
    let mut ids = Vec::new();
    for (opening, cascades) in [("Part of the same story", joined), (&separately, apart)] {
        if !cascades.is_empty() {
            let (parts, more) = listed(incident, grammars, &cascades);
            said.push(format!("{opening}: {parts}."));
            ids.extend(more);
        }
    }
    (!said.is_empty()).then(|| (said.join(" "), ids))
}

/// Names cascades: what, whom, when and how sure.
fn listed(incident: &Incident, grammars: &Grammars, others: &[&Cascade]) -> (String, Vec<FactId>) {
    let mut ids = Vec::new();
    let mut parts: Vec<String> = Vec::new();
    for other in others.iter().take(OTHERS) {
        let title = grammars
            .mechanisms
            .iter()
            .find(|m| m.id == other.mechanism)
            .map_or(other.mechanism.as_str(), |m| m.title.as_str());
        let subject = other.culprit.first().map(|(_, value)| value.as_str());
        let named = subject.map(|s| format!(" ({s})")).unwrap_or_default();
        let silence = (other.mechanism == "node_lost")
            .then(|| silence(incident).filter(|c| subject == Some(c.node.as_str())))
            .flatten();
        let when = match silence {
            Some(condition) => {
                ids.extend(&condition.evidence);
                let until = match condition.to {
                    Some(to) => format!("until {}", clock(to)),
                    None => "with no return in the record".to_owned(),
                };
                format!("from {} {until}", clock(condition.from))
            }
            None => format!("at {}", clock(at(incident, other.origin))),
        };
        ids.push(other.origin);
        parts.push(format!(
            "{}{named} {when}, {}",
            lower_first(title),
            other.confidence.name()
        ));
    }
    if others.len() > OTHERS {
        parts.push(format!("and {} more", others.len() - OTHERS));
    }
    ids.sort_unstable();
    ids.dedup();
    (parts.join("; "), ids)
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

fn nothing_found(incident: &Incident, grammars: &Grammars) -> Vec<(String, Vec<FactId>)> {
    let records = incident.ledger.records;
    let mut sentences = vec![(
        format!(
            "No cascade was found in {} sources with {records} records: {} signals were recognised, and none of them is a fault that a known mechanism explains.",
            incident.sources.len(),
            incident.facts.len()
        ),
        Vec::new(),
    )];
    let outside = incident.ledger.outside;
    if incident.facts.is_empty() && outside > 0 {
        sentences = vec![(
            format!(
                "Nothing lies inside of the time that --since and --until leave: all {outside} signals that were recognised in {} sources with {records} records lie outside of it.",
                incident.sources.len()
            ),
            Vec::new(),
        )];
    } else if incident.facts.is_empty() {
        sentences = vec![(
            format!(
                "No known signal was found in {} sources with {records} records. That is not proof that nothing happened: the sources below say what was read.",
                incident.sources.len()
            ),
            Vec::new(),
        )];
    } else {
        sentences.extend(everywhere_sentence(incident));
    }
    if !incident.unrelated.is_empty() {
        let ids: Vec<FactId> = incident
            .unrelated
            .iter()
            .map(|(id, _)| *id)
            .take(CITED)
            .collect();
        sentences.push((
            format!(
                "{} stand alone ({}); each is listed with the reason why it was left alone.",
                match incident.unrelated.len() {
                    1 => "One fault".to_owned(),
                    many => format!("{many} faults"),
                },
                kinds_of(incident, grammars)
            ),
            ids,
        ));
    }
    sentences
}

/// What the faults without a cascade are, the most frequent first: `pull failed 3 times, node not ready`.
fn kinds_of(incident: &Incident, grammars: &Grammars) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, _) in &incident.unrelated {
        *counts.entry(&incident.facts[*id].kind).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let title = |kind: &str| {
        let found = grammars.signals.iter().find(|s| s.kind == kind);
        found.map_or_else(|| kind.replace('_', " "), |s| lower_first(&s.title))
    };
    let named: Vec<String> = counts
        .iter()
        .take(OTHERS)
        .map(|(kind, count)| match count {
            1 => title(kind),
            _ => format!("{} {count} times", title(kind)),
        })
        .collect();
    let more = if counts.len() > OTHERS { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
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
    let places: BTreeSet<&String> = pressed.iter().filter_map(|h| h.node.as_ref()).collect();
    let times = if places.len() == nodes.len() {
        ""
    } else if places.len() == 1 {
        let again: Vec<String> = pressed.iter().map(|h| clock(h.from)).collect();
        let said = format!(
            "It came to {} {} times: at {}.",
            pressed[0].node.as_deref().unwrap_or("the node"),
            again.len(),
            again.join(", ")
        );
        return Some((said, firsts(incident, &pressed)));
    } else {
        ", some of them again"
    };
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
        Spread::CommonCause if cascade.trigger.is_some() => {
            "each from the same change, not from one another"
        }
        Spread::CommonCause => "none of them because of another one",
        Spread::Unknown => "how it came from one to the next is not in the record",
        Spread::Single => "one node only",
    };
    Some((
        format!(
            "It hit {} nodes{turn}{times}: {}; {how}.",
            places.len(),
            nodes.join(", ")
        ),
        firsts(incident, &pressed),
    ))
}

/// The first signal of each hop: its time is what is told.
fn firsts(incident: &Incident, hops: &[&Hop]) -> Vec<FactId> {
    hops.iter()
        .filter_map(|h| {
            h.signals
                .iter()
                .copied()
                .min_by_key(|id| (at(incident, *id), *id))
        })
        .collect()
}

/// The first silence of a node: its state unknown to the control plane, while that of others is not.
fn silence(incident: &Incident) -> Option<&crate::model::Condition> {
    incident.conditions.iter().find(|c| {
        c.condition == "Ready"
            && c.status == ConditionStatus::Unknown
            && !c.evidence.iter().any(|id| incident.everywhere.contains(id))
    })
}

/// The control plane lost sight of all nodes at once.
fn everywhere_sentence(incident: &Incident) -> Option<(String, Vec<FactId>)> {
    let first = *incident.everywhere.first()?;
    let nodes: BTreeSet<&str> = incident
        .everywhere
        .iter()
        .filter_map(|id| incident.facts[*id].entity("node"))
        .collect();
    let said = format!(
        "At {} the control plane lost sight of {} nodes at once, nearly all there are: the API server, or the way to it, was away, and that is no fault of these nodes.",
        clock(at(incident, first)),
        nodes.len()
    );
    let ids = incident.everywhere.iter().copied().take(CITED).collect();
    Some((said, ids))
}

/// A node that fell silent, unless a cascade of its own tells it.
fn silent_sentence(incident: &Incident, cascade: &Cascade) -> Option<(String, Vec<FactId>)> {
    let condition = silence(incident)?;
    if incident
        .cascades
        .iter()
        .any(|c| c.mechanism == "node_lost" && c.culprit.iter().any(|(_, v)| *v == condition.node))
    {
        return None;
    }
    let until = condition.to.map_or_else(
        || "; its return is not in the record".to_owned(),
        |to| format!(" until {}", clock(to)),
    );
    let pressed = cascade.hops.iter().any(|hop| hop.pressure);
    let not_this = match pressed {
        true => " Disk pressure alone does not do that, and the record does not say what did.",
        false => " What silenced it is not in the record.",
    };
    Some((
        format!(
            "{} stopped reporting: from {}{until} its state is Unknown.{not_this}",
            condition.node,
            clock(condition.from)
        ),
        condition.evidence.clone(),
    ))
}

/// How it was noticed and how it ended, in one sentence that has something to cite: what is missing stands beside what is there.
fn noticed_and_ended(
    incident: &Incident,
    cascade: &Cascade,
    metrics: &[Metric],
) -> (String, Vec<FactId>) {
    match (alert(metrics), end(incident, cascade)) {
        (Some((alert, mut ids)), Some((end, more))) => {
            ids.extend(more);
            (format!("{}; {end}.", capital(&alert)), ids)
        }
        (Some((alert, ids)), None) => (
            format!("{}; no recovery is in the record.", capital(&alert)),
            ids,
        ),
        (None, Some((end, ids))) => (
            format!("{}; no alert is in the record.", capital(&end)),
            ids,
        ),
        (None, None) => {
            let last = cascade
                .members
                .iter()
                .copied()
                .max_by_key(|id| (at(incident, *id), *id))
                .unwrap_or(cascade.origin);
            (
                format!(
                    "The last that is known of it is from {}: neither an alert nor a recovery is in the record.",
                    clock(at(incident, last))
                ),
                vec![last],
            )
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// When the first alert came.
fn alert(metrics: &[Metric]) -> Option<(String, Vec<FactId>)> {
    let metric = |id: &str| metrics.iter().find(|m| m.id == id);
    let (detected, ids) =
        metric("detected_at").and_then(|m| m.at.map(|at| (at, m.evidence.clone())))?;
    let said = match metric("ttd_s").and_then(|m| m.number) {
        Some(seconds) => format!(
            "the first alert came at {}, {} after the first fault",
            clock(detected),
            crate::model::moment::spoken(TimeDelta::milliseconds((seconds * 1000.0) as i64))
        ),
        None => format!(
            "the first alert came at {}, before the first fault in the record",
            clock(detected)
        ),
    };
    Some((said, ids))
}

/// What was done about it, and when it was over.
fn end(incident: &Incident, cascade: &Cascade) -> Option<(String, Vec<FactId>)> {
    let kind = |id: FactId| incident.facts[id].kind.as_str();
    let remedied = cascade
        .recovery
        .iter()
        .copied()
        .find(|id| matches!(kind(*id), "rollback" | "remediation"))
        .map(|id| {
            let when = clock(at(incident, id));
            match (kind(id), incident.facts[id].entity("workload")) {
                ("rollback", _) => format!("the roll-back began at {when}"),
                (_, Some(workload)) => format!("the workload {workload} was taken down at {when}"),
                _ => format!("the clean-up began at {when}"),
            }
        });
    let rolled_out = cascade
        .recovery
        .iter()
        .any(|id| kind(*id) == "deploy_finished");
    let got_image = cascade
        .recovery
        .iter()
        .any(|id| matches!(kind(*id), "pulled" | "container_started"));
    let over = cascade.recovered_at.map(|over| match rolled_out {
        true => format!("a roll-out of the workload was done at {}", clock(over)),
        false if got_image => format!("the last of its pods got its image at {}", clock(over)),
        false => format!("the last abnormal condition ended at {}", clock(over)),
    });
    let said = match (remedied, over) {
        (Some(remedied), Some(over)) => format!("{remedied}, and {over}"),
        (Some(remedied), None) => {
            format!("{remedied}, and the end of all conditions is not in the record")
        }
        (None, Some(over)) if rolled_out || got_image => over,
        (None, Some(over)) => format!("{over}, and what ended it is not in the record"),
        (None, None) if cascade.recovery.is_empty() => return None,
        (None, None) => {
            let last = cascade
                .recovery
                .iter()
                .copied()
                .max_by_key(|id| (at(incident, *id), *id))?;
            let what = match (kind(last), incident.facts[last].entity("node")) {
                ("pulled" | "container_started", _) => {
                    format!(
                        "one of its pods got its image at {}",
                        clock(at(incident, last))
                    )
                }
                (_, Some(node)) => {
                    format!("on {node} it ended at {}", clock(at(incident, last)))
                }
                _ => return None,
            };
            format!("{what}, and the end for the others is not in the record")
        }
    };
    Some((said, cascade.recovery.clone()))
}
