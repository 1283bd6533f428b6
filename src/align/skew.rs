//! Clocks that differ: found through facts that two clocks recorded, and corrected where enough of them agree.
//!
//! A node's agents write by the node's clock, also where their words lie in the API (Events of a kubelet). So a clock is a source, or the part
//! of a source that one node's agents wrote. It is compared with what other machines recorded of the same facts; where that is too little,
//! with what the node's agents told the API. A stamp without a zone that is off by quarters of an hour is local time, not a wrong clock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::Timed;
use super::roster::ONLY_POD;
use crate::grammar::Grammars;
use crate::model::moment::spoken;
use crate::model::{Basis, Moment, Source, SourceReading, Witness, source};

/// Anchors that two clocks must share before they are compared.
const ANCHORS: usize = 3;
/// Differences that are no more than delays of writing.
const SMALL: TimeDelta = TimeDelta::seconds(2);
/// How far anchors may differ and still agree: Events have whole seconds.
const AGREE: TimeDelta = TimeDelta::milliseconds(1500);
/// What too few facts say is worth a word only where it is no delay of writing or of a retry.
const TELLING: TimeDelta = TimeDelta::seconds(30);
const QUARTER_S: i64 = 900;

/// A source, and the node whose agents speak in it.
type ClockId = (usize, Option<String>);

/// One clock's telling of a fact.
struct Telling {
    clock: ClockId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// How far one clock is from another, as far as the precision of both stamps tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Apart {
    least: TimeDelta,
    most: TimeDelta,
}

impl Apart {
    fn middle(self) -> TimeDelta {
        (self.least + self.most) / 2
    }
}

/// How far a clock is from others in the facts that they share.
#[derive(Default)]
struct Differences {
    /// From other machines.
    elsewhere: Vec<Apart>,
    /// From what the same node's agents told the API.
    in_api: Vec<Apart>,
    /// From the node's other files.
    same_node: Vec<Apart>,
}

/// Corrects zones, then clocks that differ consistently. Returns what was corrected or refused, as sentences.
pub(super) fn correct(
    timed: &mut [Timed],
    sources: &[Source],
    readings: &mut [SourceReading],
    grammars: &Grammars,
) -> Vec<String> {
    let of = |timed: &[Timed], wanted: &dyn Fn(Basis) -> bool| -> BTreeSet<usize> {
        timed
            .iter()
            .filter(|t| t.moment.is_some_and(|m| wanted(m.basis)))
            .map(|t| t.signal.evidence.origin.source)
            .collect()
    };
    let mut sure = of(timed, &|basis| basis == Basis::Stamp);
    let zoneless = of(timed, &|basis| basis >= Basis::ZoneInferred);
    let mut said = Vec::new();
    let mut zones: BTreeMap<ClockId, TimeDelta> = BTreeMap::new();
    for (clock, mut found) in differences(timed, readings, grammars, &sure) {
        if !zoneless.contains(&clock.0) {
            continue;
        }
        // Another file of the node shares its clock: what is left between them is the zone.
        let differences = [
            &mut found.same_node,
            &mut found.elsewhere,
            &mut found.in_api,
        ]
        .into_iter()
        .find(|d| d.len() >= ANCHORS);
        let Some((middle, agree)) = differences.and_then(|d| agreement(d)) else {
            continue;
        };
        let quarters =
            (middle.num_milliseconds() as f64 / (QUARTER_S * 1000) as f64).round() as i64;
        let zone = TimeDelta::seconds(quarters * QUARTER_S);
        if (middle - zone).abs() > SMALL {
            continue;
        }
        sure.insert(clock.0);
        if quarters == 0 {
            continue;
        }
        let reading = &mut readings[clock.0];
        reading.clock = (zone.num_milliseconds(), agree, "corrected");
        said.push(format!(
            "{}: its stamps have no zone; they are UTC{}{:02}:{:02}, as {agree} facts show that others recorded too.",
            sources[clock.0].name,
            if quarters < 0 { '-' } else { '+' },
            quarters.abs() / 4,
            quarters.abs() % 4 * 15
        ));
        zones.insert(clock, zone);
    }
    said.extend(shared_zone(
        timed, readings, sources, grammars, &sure, &zoneless, &mut zones,
    ));
    shift(timed, &zones);
    let mut moved: BTreeMap<ClockId, TimeDelta> = BTreeMap::new();
    for (clock, mut found) in differences(timed, readings, grammars, &sure) {
        let differences = if found.elsewhere.len() >= ANCHORS {
            &mut found.elsewhere
        } else {
            &mut found.in_api
        };
        let reading = &mut readings[clock.0];
        // The part of a list that one node's agents wrote is not the list's own clock.
        let own = clock.1.is_none() || reading.speaks_for.node.is_some();
        let enough = differences.len() >= ANCHORS;
        let Some((by, agree)) = agreement(differences) else {
            let few = differences.len();
            let middle = middle_of(differences).unwrap_or_default();
            // One fact told at two times may be two facts; two that are apart by the same are a clock.
            let alike = few == ANCHORS - 1
                && differences
                    .iter()
                    .all(|d| (d.middle() - middle).abs() <= AGREE);
            if own && alike && middle.abs() > TELLING && reading.clock.2 == "none" {
                reading.clock = (0, few, "refused");
                said.push(format!(
                    "{}: its clock seems to differ by {} from other sources, but only {few} of the {ANCHORS} facts that are needed say so; its times were left as they are.",
                    sources[clock.0].name,
                    spoken(middle)
                ));
            }
            if own && enough && middle.abs() > SMALL && !zones.contains_key(&clock) {
                reading.clock.2 = "refused";
                said.push(format!(
                    "{}: its clock seems to differ from other sources, but the facts that both recorded do not agree by how much; its times were left as they are.",
                    sources[clock.0].name
                ));
            }
            continue;
        };
        if own {
            reading.clock.1 = reading.clock.1.max(agree);
        }
        if by.abs() <= SMALL {
            continue;
        }
        if own {
            reading.clock.0 += by.num_milliseconds();
            reading.clock.2 = "corrected";
        }
        let whose = match &clock.1 {
            Some(node) if !own => format!("{}, what {node} wrote", sources[clock.0].name),
            _ => sources[clock.0].name.clone(),
        };
        said.push(format!(
            "{whose}: its clock differs by {:.1} s from other sources in {agree} facts that both recorded; its times were corrected by that.",
            by.num_milliseconds() as f64 / 1000.0
        ));
        moved.insert(clock, by);
    }
    said.extend(rest_of_nodes(&mut moved, sources, readings));
    shift(timed, &moved);
    said
}

/// Hosts of one cluster are set to one zone: files of node agents that share too few facts with others take the zone that all such files show together.
fn shared_zone(
    timed: &[Timed],
    readings: &mut [SourceReading],
    sources: &[Source],
    grammars: &Grammars,
    sure: &BTreeSet<usize>,
    zoneless: &BTreeSet<usize>,
    zones: &mut BTreeMap<ClockId, TimeDelta>,
) -> Vec<String> {
    let quarters_of = |apart: TimeDelta| {
        let quarters = (apart.num_seconds() as f64 / QUARTER_S as f64).round() as i64;
        ((apart - TimeDelta::seconds(quarters * QUARTER_S)).abs() <= SMALL).then_some(quarters)
    };
    let mut votes: BTreeMap<Option<i64>, usize> = BTreeMap::new();
    let told = differences(timed, readings, grammars, sure);
    for (_, found) in told
        .iter()
        .filter(|(clock, _)| zoneless.contains(&clock.0) && clock.1.is_some())
    {
        for apart in found
            .elsewhere
            .iter()
            .chain(&found.in_api)
            .chain(&found.same_node)
        {
            *votes.entry(quarters_of(apart.middle())).or_default() += 1;
        }
    }
    let all: usize = votes.values().sum();
    let Some((Some(quarters), agree)) = votes.into_iter().max_by_key(|(_, count)| *count) else {
        return Vec::new();
    };
    // Two facts that both lie a whole number of quarters away, and none that does not, are no chance.
    let enough = agree >= ANCHORS || (agree == 2 && all == 2);
    if quarters == 0 || !enough || agree * 5 < all * 4 {
        return Vec::new();
    }
    let zone = TimeDelta::seconds(quarters * QUARTER_S);
    let undecided: BTreeSet<ClockId> = timed
        .iter()
        .filter_map(clock_of)
        .filter(|clock| {
            clock.1.is_some()
                && zoneless.contains(&clock.0)
                && !sure.contains(&clock.0)
                && readings[clock.0].speaks_for.node.is_some()
        })
        .collect();
    let mut said = BTreeSet::new();
    for clock in undecided {
        readings[clock.0].clock = (zone.num_milliseconds(), agree, "corrected");
        said.insert(format!(
            "{}: its stamps have no zone; they were taken as UTC{}{:02}:{:02}, as {agree} facts in files from the nodes show together.",
            sources[clock.0].name,
            if quarters < 0 { '-' } else { '+' },
            quarters.abs() / 4,
            quarters.abs() % 4 * 15
        ));
        zones.insert(clock, zone);
    }
    said.into_iter().collect()
}

/// What too few facts anchor goes with the other files of its node: a node has one clock.
fn rest_of_nodes(
    moved: &mut BTreeMap<ClockId, TimeDelta>,
    sources: &[Source],
    readings: &mut [SourceReading],
) -> Vec<String> {
    let mut said = Vec::new();
    let anchored = moved.clone();
    for (index, reading) in readings.iter_mut().enumerate() {
        let Some(node) = reading.speaks_for.node.clone() else {
            continue;
        };
        let clock: ClockId = (index, Some(node.clone()));
        // What no agent of the node says is told by the node's clock as well, in the log of a pod that ran there.
        let of_pod: ClockId = (index, None);
        if anchored.contains_key(&clock)
            || anchored.contains_key(&of_pod)
            || reading.clock.2 == "refused"
        {
            continue;
        }
        let mut of_node: Vec<TimeDelta> = anchored
            .iter()
            .filter(|((other, of), _)| of.as_ref() == Some(&node) && *other != index)
            .map(|(_, by)| *by)
            .collect();
        if reading.clock.1 >= ANCHORS && reading.clock.0 == 0 {
            // Its own facts show that it is right.
            continue;
        }
        of_node.sort_unstable();
        let Some(by) = of_node.get(of_node.len() / 2).copied() else {
            continue;
        };
        reading.clock.0 += by.num_milliseconds();
        reading.clock.2 = "corrected";
        said.push(format!(
            "{}: its times were corrected by {:.1} s like those of other files from {node}, which has one clock.",
            sources[index].name,
            by.num_milliseconds() as f64 / 1000.0
        ));
        moved.insert(clock, by);
        moved.insert(of_pod, by);
    }
    said
}

fn shift(timed: &mut [Timed], by: &BTreeMap<ClockId, TimeDelta>) {
    for one in timed.iter_mut() {
        let Some(by) = clock_of(one).and_then(|clock| by.get(&clock)) else {
            continue;
        };
        for moment in [one.moment.as_mut(), one.last.as_mut()]
            .into_iter()
            .flatten()
        {
            moment.at -= *by;
        }
    }
}

/// Compares each clock with those that are sure of their zone, fact by fact.
fn differences(
    timed: &[Timed],
    readings: &[SourceReading],
    grammars: &Grammars,
    sure: &BTreeSet<usize>,
) -> BTreeMap<ClockId, Differences> {
    let mut apart: BTreeMap<ClockId, Differences> = BTreeMap::new();
    for fact in &tellings(timed, grammars) {
        for one in fact {
            let others = |wanted: &dyn Fn(bool, bool) -> bool| -> Option<Apart> {
                let mut times: Vec<(DateTime<Utc>, DateTime<Utc>)> = fact
                    .iter()
                    .filter(|other| other.clock.0 != one.clock.0 && sure.contains(&other.clock.0))
                    .filter(|other| {
                        let same = one.clock.1.is_some() && other.clock.1 == one.clock.1;
                        let in_api = readings[other.clock.0].speaks_for.node.is_none();
                        wanted(same, in_api)
                    })
                    .map(|other| (other.from, other.to))
                    .collect();
                times.sort_unstable();
                times.get(times.len() / 2).map(|(from, to)| Apart {
                    least: one.from - *to,
                    most: one.to - *from,
                })
            };
            let found = apart.entry(one.clock.clone()).or_default();
            found.elsewhere.extend(others(&|same, _| !same));
            found.in_api.extend(others(&|same, in_api| same && in_api));
            found
                .same_node
                .extend(others(&|same, in_api| same && !in_api));
        }
    }
    apart
}

/// The difference that nearly all of enough agree on, as finely as they tell together, and how many do.
fn agreement(differences: &mut [Apart]) -> Option<(TimeDelta, usize)> {
    let middle = middle_of(differences)?;
    let agreeing: Vec<&Apart> = differences
        .iter()
        .filter(|d| (d.middle() - middle).abs() <= AGREE)
        .collect();
    if agreeing.len() < ANCHORS || agreeing.len() * 5 < differences.len() * 4 {
        return None;
    }
    let common = Apart {
        least: agreeing.iter().map(|d| d.least).max()?,
        most: agreeing.iter().map(|d| d.most).min()?,
    };
    let by = if common.least <= common.most {
        common.middle()
    } else {
        middle
    };
    Some((by, agreeing.len()))
}

fn clock_of(one: &Timed) -> Option<ClockId> {
    let agent = one
        .signal
        .component
        .as_deref()
        .is_some_and(|c| source::NODE_AGENTS.contains(&c));
    // What the API server saw of an agent's request has the API server's time.
    let own_words = !one
        .signal
        .format
        .iter()
        .any(|f| f.starts_with("kube-audit"));
    let node = (agent && own_words)
        .then(|| one.signal.entities.get("node").cloned())
        .flatten();
    one.moment
        .filter(|m| m.basis != Basis::None && m.basis != Basis::Relative)
        .map(|_| (one.signal.evidence.origin.source, node))
}

/// Groups by fact: a thing that a clock tells exactly once is an anchor.
fn tellings(timed: &[Timed], grammars: &Grammars) -> Vec<Vec<Telling>> {
    let mut told: BTreeMap<(String, String), BTreeMap<ClockId, Vec<Moment>>> = BTreeMap::new();
    for one in timed {
        let (Some(moment), Some(kind), Some(clock)) =
            (one.moment, grammars.signal(&one.signal.kind), clock_of(one))
        else {
            continue;
        };
        if one.signal.witness == Witness::SeenBy || one.signal.stamp_inherited {
            continue;
        }
        let identity: Vec<String> = kind
            .identity
            .iter()
            .chain(&kind.once_per)
            // A pod that was concluded from image and node may be another one at another time.
            .filter(|name| {
                !(*name == "pod" && one.inferred.get("pod").is_some_and(|how| how == ONLY_POD))
            })
            .filter_map(|name| one.signal.entities.get(name).map(|v| format!("{name}={v}")))
            .collect();
        if !identity.is_empty() {
            told.entry((kind.kind.clone(), identity.join(" ")))
                .or_default()
                .entry(clock)
                .or_default()
                .push(moment);
        }
    }
    told.into_values()
        .map(|by_clock| {
            by_clock
                .into_iter()
                .filter_map(|(clock, times)| {
                    let (first, last) = (times.iter().min()?, times.iter().max()?);
                    (last.at - first.at <= TimeDelta::seconds(1)).then_some(Telling {
                        clock,
                        from: first.at,
                        to: first.latest(),
                    })
                })
                .collect()
        })
        .collect()
}

fn middle_of(differences: &mut [Apart]) -> Option<TimeDelta> {
    differences.sort_by_key(|d| d.middle());
    differences.get(differences.len() / 2).map(|d| d.middle())
}
