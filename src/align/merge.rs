//! Merging: one thing told by several witnesses becomes one fact.
//!
//! Witnesses of an occurrence come first, then transitions shown by objects, then mere sightings, which only confirm what is known or stand alone.
//! Candidates are found by entity, not by trying all pairs: near-linear in the number of signals.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::Timed;
use crate::grammar::Grammars;
use crate::grammar::signal::SignalKind;
use crate::model::entity::joining_form;
use crate::model::{Fact, Moment, Witness};

/// A sighting confirms a fact at most this long before it.
const SEEN_WITHIN: TimeDelta = TimeDelta::minutes(15);
/// Neighbouring lines of one file continue each other within this time.
const NEIGHBOURS: TimeDelta = TimeDelta::seconds(2);
/// Facts looked at for one entity value, the latest first.
const LOOK_BACK: usize = 24;

/// Records kept verbatim for one fact; further ones are counted.
const MOST_EVIDENCE: usize = 1_000;

/// Entities that belong to one pod.
const OF_A_POD: &[&str] = &["pod", "namespace", "uid", "workload", "container", "image"];

struct Group<'a> {
    kind: &'a SignalKind,
    members: Vec<Timed>,
    /// Entities of all members together.
    fact: Fact,
    earliest: Option<DateTime<Utc>>,
    latest: Option<DateTime<Utc>>,
    /// Entities in which the witnesses differ although they tell one fact: the fact is about none of them.
    varied: Vec<String>,
}

/// Merges signals into facts, in no particular order.
pub(super) fn merge(timed: Vec<Timed>, grammars: &Grammars) -> Vec<Fact> {
    let mut waiting: Vec<Timed> = Vec::with_capacity(timed.len());
    for one in timed {
        // A repeated Event tells its first and its last time; what lies between is counted, not spread.
        if let (Some(first), Some(last)) = (one.moment, one.last)
            && one.signal.count > 1
            && last.at > first.at
        {
            let mut signal = one.signal.clone();
            signal.count = 1;
            waiting.push(Timed {
                signal,
                moment: Some(first),
                last: Some(last),
                inferred: one.inferred.clone(),
            });
            waiting.push(Timed {
                moment: Some(last),
                ..one
            });
        } else {
            waiting.push(one);
        }
    }
    waiting.sort_by(|a, b| {
        (
            a.signal.witness,
            a.moment.is_none(),
            a.moment,
            a.signal.evidence.origin,
            &a.signal.kind,
        )
            .cmp(&(
                b.signal.witness,
                b.moment.is_none(),
                b.moment,
                b.signal.evidence.origin,
                &b.signal.kind,
            ))
    });
    let mut groups: Vec<Group> = Vec::new();
    let mut by_entity: HashMap<(String, String, String), Vec<usize>> = HashMap::new();
    let mut last_of_source: HashMap<(String, usize), usize> = HashMap::new();
    let mut seen_kinds: HashMap<(String, String), Vec<DateTime<Utc>>> = HashMap::new();
    for one in waiting {
        let Some(kind) = grammars.signal(&one.signal.kind) else {
            continue;
        };
        if one.signal.witness != Witness::Occurrence
            && !kind.only_after.is_empty()
            && !is_after(&one, kind, &seen_kinds)
        {
            continue;
        }
        let keys: Vec<(String, String, String)> = identity_of(kind)
            .filter_map(|name| {
                one.signal.entities.get(name).map(|value| {
                    (
                        kind.kind.clone(),
                        name.to_owned(),
                        joining_form(name, value),
                    )
                })
            })
            .collect();
        let mut best: Option<(TimeDelta, usize)> = None;
        for key in &keys {
            for index in by_entity
                .get(key)
                .into_iter()
                .flatten()
                .rev()
                .take(LOOK_BACK)
            {
                if let Some(apart) = groups[*index].accepts(&one)
                    && best.is_none_or(|(least, at)| (apart, *index) < (least, at))
                {
                    best = Some((apart, *index));
                }
            }
        }
        if best.is_none()
            && let Some(index) =
                last_of_source.get(&(kind.kind.clone(), one.signal.evidence.origin.source))
            && groups[*index].continues(&one)
        {
            best = Some((TimeDelta::zero(), *index));
        }
        let index = match best {
            Some((_, index)) => index,
            None => {
                groups.push(Group::new(kind));
                groups.len() - 1
            }
        };
        for key in keys {
            let list = by_entity.entry(key).or_default();
            if list.last() != Some(&index) {
                list.push(index);
            }
        }
        last_of_source.insert(
            (kind.kind.clone(), one.signal.evidence.origin.source),
            index,
        );
        if let (Some(moment), Some(node)) = (one.moment, one.signal.entities.get("node")) {
            seen_kinds
                .entry((kind.kind.clone(), node.clone()))
                .or_default()
                .push(moment.at);
        }
        groups[index].add(one);
    }
    groups.into_iter().map(Group::finish).collect()
}

fn identity_of(kind: &SignalKind) -> impl Iterator<Item = &str> {
    kind.identity
        .iter()
        .chain(&kind.once_per)
        .map(String::as_str)
}

/// Returns whether one of the signals that must come first came first, on the same node.
fn is_after(
    one: &Timed,
    kind: &SignalKind,
    seen: &HashMap<(String, String), Vec<DateTime<Utc>>>,
) -> bool {
    let (Some(moment), Some(node)) = (one.moment, one.signal.entities.get("node")) else {
        return false;
    };
    kind.only_after.iter().any(|first| {
        seen.get(&(first.clone(), node.clone()))
            .is_some_and(|times| times.iter().any(|at| *at <= moment.latest()))
    })
}

impl<'a> Group<'a> {
    fn new(kind: &'a SignalKind) -> Group<'a> {
        let fact = Fact::of_kind(&kind.kind);
        Group {
            kind,
            members: Vec::new(),
            fact,
            earliest: None,
            latest: None,
            varied: Vec::new(),
        }
    }

    /// Returns how far apart in time a signal and this fact are, if they can be the same thing.
    fn accepts(&self, one: &Timed) -> Option<TimeDelta> {
        if self.conflicts(one) {
            return None;
        }
        let mut shared = identity_of(self.kind)
            .filter(|name| {
                one.signal.entities.contains_key(*name) && self.fact.entities.contains_key(*name)
            })
            .peekable();
        shared.peek()?;
        let (Some(moment), Some(earliest), Some(latest)) = (one.moment, self.earliest, self.latest)
        else {
            // Where nothing tells when, the same image alone does not make it the same pull.
            let is_place = |name: &str| matches!(name, "pod" | "node");
            let has_a_place = identity_of(self.kind).any(is_place);
            let same_place = shared.any(is_place);
            return (!has_a_place || same_place).then_some(SEEN_WITHIN);
        };
        if let Some(once) = &self.kind.once_per
            && self.fact.entities.contains_key(once)
            && one.signal.entities.contains_key(once)
        {
            let apart = (moment.at - earliest).abs();
            return (apart <= SEEN_WITHIN).then_some(apart);
        }
        if one.signal.witness == Witness::SeenBy {
            let after = moment.at - earliest;
            return (after >= -TimeDelta::seconds(5) && after <= SEEN_WITHIN)
                .then_some(after.abs());
        }
        let apart = if moment.at > latest {
            moment.at - latest
        } else {
            earliest - moment.latest()
        };
        (apart <= self.kind.within).then(|| apart.max(TimeDelta::zero()))
    }

    /// Two witnesses of a node's state may name different pods of it; those of a pod's fate may not.
    fn about_a_pod(&self) -> bool {
        identity_of(self.kind).any(|name| name == "pod")
    }

    /// Returns whether anything that is known of both differs.
    fn conflicts(&self, one: &Timed) -> bool {
        let stated = |cause: &Option<String>| cause.clone().filter(|c| c != "other");
        if let (Some(a), Some(b)) = (stated(&self.fact.cause), stated(&one.signal.cause))
            && a != b
        {
            return true;
        }
        identity_of(self.kind)
            .chain(
                self.about_a_pod()
                    .then_some(["namespace", "uid", "node"])
                    .into_iter()
                    .flatten(),
            )
            .any(
                |name| match (self.fact.entities.get(name), one.signal.entities.get(name)) {
                    (Some(a), Some(b)) => joining_form(name, a) != joining_form(name, b),
                    _ => false,
                },
            )
    }

    /// Returns whether a line right below continues this fact: one of the two names nothing of its own.
    fn continues(&self, one: &Timed) -> bool {
        let named = |entities: &crate::model::Entities| {
            identity_of(self.kind).any(|name| entities.contains_key(name))
        };
        let Some(last) = self.members.last() else {
            return false;
        };
        let lines = one
            .signal
            .evidence
            .origin
            .line
            .abs_diff(last.signal.evidence.origin.line);
        let near = match (one.moment, last.moment) {
            (Some(a), Some(b)) => (a.at - b.at).abs() <= NEIGHBOURS,
            (None, None) => true,
            _ => false,
        };
        near && lines <= 2
            && !self.conflicts(one)
            && !(named(&self.fact.entities) && named(&one.signal.entities))
    }

    fn add(&mut self, one: Timed) {
        for (name, value) in &one.signal.entities {
            if name == "condition" {
                if !self.fact.conditions.contains(value) {
                    self.fact.conditions.push(value.clone());
                }
                continue;
            }
            if self.varied.contains(name) {
                continue;
            }
            let differs = self
                .fact
                .entities
                .get(name)
                .is_some_and(|known| joining_form(name, known) != joining_form(name, value));
            if differs && !self.about_a_pod() && OF_A_POD.contains(&name.as_str()) {
                self.fact.entities.remove(name);
                self.fact.inferred.remove(name);
                self.varied.push(name.clone());
                continue;
            }
            let how = one.inferred.get(name);
            // What stands in a record beats what was concluded.
            let better = !self.fact.entities.contains_key(name)
                || (how.is_none() && self.fact.inferred.contains_key(name));
            if better {
                self.fact.entities.insert(name.clone(), value.clone());
                match how {
                    Some(how) => drop(self.fact.inferred.insert(name.clone(), how.clone())),
                    None => drop(self.fact.inferred.remove(name)),
                }
            }
        }
        let unstated = self.fact.cause.as_deref().is_none_or(|c| c == "other");
        if unstated && one.signal.cause.is_some() {
            self.fact.cause.clone_from(&one.signal.cause);
        }
        if let Some(moment) = one
            .moment
            .filter(|_| one.signal.witness != Witness::SeenBy || self.members.is_empty())
        {
            self.earliest = Some(self.earliest.map_or(moment.at, |e| e.min(moment.at)));
            self.latest = Some(
                self.latest
                    .map_or(moment.latest(), |l| l.max(moment.latest())),
            );
        }
        self.members.push(one);
    }

    /// Chooses the best witness and lists all of them.
    fn finish(mut self) -> Fact {
        let earliest = self
            .members
            .iter()
            .filter(|m| m.signal.witness != Witness::SeenBy)
            .filter_map(|m| m.moment)
            .min_by_key(|m| (m.at, m.precision));
        // Of the witnesses that the earliest one allows to be at the same time, the finest stamp.
        let rank = |one: &Timed| {
            let overlaps = match (one.moment, earliest) {
                (Some(moment), Some(first)) => {
                    moment.at <= first.latest() && first.at <= moment.latest()
                }
                _ => false,
            };
            (
                !overlaps,
                one.signal.witness,
                one.moment.is_none(),
                one.moment.map(|m: Moment| (m.precision, m.basis, m.at)),
                one.signal.format.len(),
                one.signal.evidence.origin,
            )
        };
        self.members.sort_by_key(rank);
        let mut fact = self.fact;
        let Some(best) = self.members.first() else {
            return fact;
        };
        fact.moment = best.moment;
        fact.as_written = best.signal.readings.last().cloned();
        fact.component.clone_from(&best.signal.component);
        fact.format.clone_from(&best.signal.format);
        fact.message.clone_from(&best.signal.message);
        fact.count = self
            .members
            .iter()
            .map(|m| m.signal.count)
            .max()
            .unwrap_or(1);
        fact.components = self
            .members
            .iter()
            .filter_map(|m| m.signal.component.clone())
            .collect();
        fact.components.sort();
        fact.components.dedup();
        fact.conditions.sort();
        let mut seen = std::collections::HashSet::new();
        for member in &self.members {
            if !seen.insert(member.signal.evidence.origin) {
                continue;
            }
            if fact.evidence.len() < MOST_EVIDENCE {
                fact.evidence.push(member.signal.evidence.clone());
            } else {
                fact.evidence_left_out += 1;
            }
        }
        fact
    }
}
