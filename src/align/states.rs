//! States: facts about a node's conditions become intervals with honest ends.
//!
//! Unknown is a third state: when the node controller loses sight of a node it overwrites every condition, so a pressure that held until then
//! ends openly, and the node is Unknown from there. The four conditions become Unknown in one write: they are one interval here.
//!
//! # Source
//! Kubernetes node lifecycle controller, 1.20 to 1.36.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Roster;
use crate::model::{Condition, ConditionStatus, Fact, FactId};

/// A node that is not ready within this time after it was made or its kubelet started is starting, not broken.
/// Source: kube-controller-manager --node-startup-grace-period, default 60 s.
const STARTING: TimeDelta = TimeDelta::seconds(60);
/// Statements about one write of the node controller are this near to each other.
const ONE_WRITE: TimeDelta = TimeDelta::seconds(6);

/// Returns abnormal conditions in the order of their start.
pub(super) fn conditions(facts: &[Fact], roster: &Roster) -> Vec<Condition> {
    let mut by_node: BTreeMap<&str, Vec<FactId>> = BTreeMap::new();
    for (id, fact) in facts.iter().enumerate() {
        if let (Some(node), Some(_)) = (fact.entity("node"), fact.moment) {
            by_node.entry(node).or_default().push(id);
        }
    }
    let mut found = Vec::new();
    for (node, ids) in by_node {
        for (name, on, off) in [
            ("DiskPressure", "disk_pressure_on", "disk_pressure_off"),
            (
                "MemoryPressure",
                "memory_pressure_on",
                "memory_pressure_off",
            ),
            ("PIDPressure", "pid_pressure_on", ""),
        ] {
            pressure(node, name, on, off, &ids, facts, &mut found);
        }
        ready(node, &ids, facts, roster, &mut found);
    }
    found.sort_by(|a, b| (a.from, &a.node, &a.condition).cmp(&(b.from, &b.node, &b.condition)));
    found
}

fn at(fact: &Fact) -> DateTime<Utc> {
    fact.moment.map_or(DateTime::UNIX_EPOCH, |m| m.at)
}

/// The node controller says that the node is silent.
fn is_unknown(fact: &Fact) -> bool {
    fact.kind == "status_stale"
        || (fact.kind == "node_not_ready"
            && fact
                .component
                .as_deref()
                .is_some_and(|c| c == "node-controller" || c == "kube-controller-manager"))
}

fn pressure(
    node: &str,
    name: &str,
    on: &str,
    off: &str,
    ids: &[FactId],
    facts: &[Fact],
    found: &mut Vec<Condition>,
) {
    let mut open: Option<Condition> = None;
    for id in ids {
        let fact = &facts[*id];
        if fact.kind == on {
            match &mut open {
                Some(condition) => condition.evidence.push(*id),
                None => {
                    open = Some(Condition {
                        node: node.to_owned(),
                        condition: name.to_owned(),
                        status: ConditionStatus::True,
                        from: at(fact),
                        to: None,
                        from_open: false,
                        to_open: true,
                        also: Vec::new(),
                        evidence: vec![*id],
                    });
                }
            }
        } else if let Some(mut condition) = open.take_if(|_| fact.kind == off || is_unknown(fact)) {
            condition.to = Some(at(fact));
            condition.to_open = fact.kind != off;
            condition.evidence.push(*id);
            found.push(condition);
        }
    }
    found.extend(open);
}

fn ready(node: &str, ids: &[FactId], facts: &[Fact], roster: &Roster, found: &mut Vec<Condition>) {
    let created = roster
        .node_created
        .get(node)
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map(|at| at.to_utc());
    let mut open: Option<Condition> = None;
    let mut starts: Vec<DateTime<Utc>> = created.into_iter().collect();
    for id in ids {
        let fact = &facts[*id];
        match fact.kind.as_str() {
            "kubelet_started" => starts.push(at(fact)),
            "status_stale" | "node_not_ready" => {
                let status = if is_unknown(fact) {
                    ConditionStatus::Unknown
                } else {
                    ConditionStatus::False
                };
                match &mut open {
                    Some(condition) => {
                        condition.evidence.push(*id);
                        // The event and the condition of one write come from two clocks.
                        if status == ConditionStatus::Unknown
                            && at(fact) - condition.from <= ONE_WRITE
                        {
                            condition.status = ConditionStatus::Unknown;
                        }
                        condition
                            .also
                            .extend(fact.conditions.iter().filter(|c| *c != "Ready").cloned());
                    }
                    None => {
                        let starting = starts.iter().any(|start| {
                            at(fact) - *start <= STARTING
                                && at(fact) >= *start - TimeDelta::seconds(2)
                        });
                        if status == ConditionStatus::False && starting {
                            continue;
                        }
                        open = Some(Condition {
                            node: node.to_owned(),
                            condition: "Ready".to_owned(),
                            status,
                            from: at(fact),
                            to: None,
                            from_open: false,
                            to_open: true,
                            also: fact
                                .conditions
                                .iter()
                                .filter(|c| *c != "Ready")
                                .cloned()
                                .collect(),
                            evidence: vec![*id],
                        });
                    }
                }
            }
            "node_ready" => {
                if let Some(mut condition) = open.take() {
                    condition.to = Some(at(fact));
                    condition.to_open = false;
                    condition.evidence.push(*id);
                    found.push(condition);
                }
            }
            _ => {}
        }
    }
    found.extend(open);
    for condition in found.iter_mut().filter(|c| c.condition == "Ready") {
        condition.also.sort();
        condition.also.dedup();
    }
}
