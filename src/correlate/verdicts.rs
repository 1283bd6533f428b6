//! Verdicts: which mechanism explains a group of faults, who is the culprit, and what else was weighed.
//!
//! A mechanism begins with its anchors (faults of a kind), held together by an entity. What caused them is followed backwards, what they caused forwards.
//! Mechanisms are decided in the order of `yields_to`; what one explains is not claimed again by one that yields to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};

use super::{agree, hops};
use crate::grammar::Grammars;
use crate::grammar::cascade::holds;
use crate::grammar::mechanism::{Mechanism, Near};
use crate::grammar::physics::Constants;
use crate::model::entity::joining_form;
use crate::model::{
    Blast, Cascade, Condition, Confidence, Contradiction, Fact, FactId, Link, RuledOut, Spread,
};

/// Anchors further apart than this, and not linked, are two incidents.
const APART: TimeDelta = TimeDelta::minutes(60);

/// Failures that healed after so many tries were a warning; more of them delayed somebody.
const A_RETRY_OR_TWO: u64 = 2;

pub(super) struct Graph<'a> {
    pub(super) links: &'a [Link],
    from: BTreeMap<FactId, Vec<usize>>,
    to: BTreeMap<FactId, Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn new(links: &'a [Link]) -> Graph<'a> {
        let mut graph = Graph {
            links,
            from: BTreeMap::new(),
            to: BTreeMap::new(),
        };
        for (index, link) in links.iter().enumerate() {
            graph.from.entry(link.cause).or_default().push(index);
            graph.to.entry(link.effect).or_default().push(index);
        }
        graph
    }

    /// Links by which a fact causes others.
    pub(super) fn effects(&self, id: FactId) -> impl Iterator<Item = &'a Link> + '_ {
        self.from
            .get(&id)
            .into_iter()
            .flatten()
            .map(|index| &self.links[*index])
    }

    /// Links by which a fact was caused.
    pub(super) fn causes(&self, id: FactId) -> impl Iterator<Item = &'a Link> + '_ {
        self.to
            .get(&id)
            .into_iter()
            .flatten()
            .map(|index| &self.links[*index])
    }

    fn reach(&self, starts: &BTreeSet<FactId>, forwards: bool) -> BTreeSet<FactId> {
        let mut seen = starts.clone();
        let mut waiting: VecDeque<FactId> = starts.iter().copied().collect();
        while let Some(id) = waiting.pop_front() {
            let next: Vec<FactId> = if forwards {
                self.effects(id).map(|l| l.effect).collect()
            } else {
                self.causes(id).map(|l| l.cause).collect()
            };
            for id in next {
                if seen.insert(id) {
                    waiting.push_back(id);
                }
            }
        }
        seen
    }
}

pub(super) fn at(facts: &[Fact], id: FactId) -> DateTime<Utc> {
    facts[id].moment.map_or(DateTime::UNIX_EPOCH, |m| m.at)
}

/// Finds all cascades.
pub(super) fn find_cascades(
    facts: &[Fact],
    conditions: &[Condition],
    links: &[Link],
    everywhere: &BTreeSet<FactId>,
    planned: &Planned<'_>,
    grammars: &Grammars,
    constants: &Constants,
) -> Vec<Cascade> {
    let graph = Graph::new(links);
    let mut cascades: Vec<Cascade> = Vec::new();
    for mechanism in &grammars.mechanisms {
        let mut claimed: BTreeSet<FactId> = cascades
            .iter()
            .filter(|c| mechanism.yields_to.contains(&c.mechanism))
            .flat_map(|c| c.members.iter().copied())
            .collect();
        if mechanism.not_everywhere.is_some() {
            claimed.extend(everywhere);
        }
        claimed.extend(planned.get(mechanism.id.as_str()).into_iter().flatten());
        for anchors in groups(facts, mechanism, &claimed, constants) {
            let scene = Scene {
                facts,
                conditions,
                graph: &graph,
                grammars,
                constants,
            };
            if let Some(cascade) = build(&scene, mechanism, &anchors) {
                cascades.push(cascade);
            }
        }
    }
    let found: BTreeSet<String> = cascades.iter().map(|c| c.mechanism.clone()).collect();
    for cascade in &mut cascades {
        weigh(cascade, facts, &found, grammars);
    }
    cascades.sort_by(|a, b| {
        let size = |c: &Cascade| c.hops.iter().filter(|h| h.pressure).count();
        (
            std::cmp::Reverse(size(a)),
            std::cmp::Reverse(a.confidence),
            at(facts, a.origin),
            &a.mechanism,
        )
            .cmp(&(
                std::cmp::Reverse(size(b)),
                std::cmp::Reverse(b.confidence),
                at(facts, b.origin),
                &b.mechanism,
            ))
    });
    cascades
}

/// Groups the anchors of a mechanism: by entity, then by time.
fn groups(
    facts: &[Fact],
    mechanism: &Mechanism,
    claimed: &BTreeSet<FactId>,
    constants: &Constants,
) -> Vec<Vec<FactId>> {
    let mut by_value: BTreeMap<Vec<String>, Vec<FactId>> = BTreeMap::new();
    for (id, fact) in facts.iter().enumerate() {
        if fact.moment.is_none()
            || claimed.contains(&id)
            || !mechanism.anchors.contains(&fact.kind)
            || !holds(&mechanism.when, |name| fact.entity(name))
        {
            continue;
        }
        // A fault that does not name what holds the group together cannot be laid at anybody's door.
        let values: Option<Vec<String>> = mechanism
            .group_by
            .iter()
            .map(|names| first_known(names, fact).map(|(name, value)| joining_form(name, value)))
            .collect();
        let Some(values) = values else { continue };
        if mechanism
            .not_when
            .as_ref()
            .is_some_and(|near| has_near(facts, id, near, constants, true))
        {
            continue;
        }
        by_value.entry(values).or_default().push(id);
    }
    let mut groups = Vec::new();
    for ids in by_value.into_values() {
        let mut current: Vec<FactId> = Vec::new();
        for id in ids {
            if let Some(last) = current.last()
                && at(facts, id) - at(facts, *last) > APART
            {
                groups.push(std::mem::take(&mut current));
            }
            current.push(id);
        }
        groups.push(current);
    }
    // What healed by itself after its last failure was a warning, not a fault.
    groups.retain(|ids| {
        let healed = mechanism.unless_followed_by.as_ref().is_some_and(|near| {
            ids.iter()
                .all(|id| has_near(facts, *id, near, constants, false))
        });
        let count: u64 = ids.iter().map(|id| facts[*id].count).sum();
        !(healed && count <= A_RETRY_OR_TWO) && count >= mechanism.at_least as u64
    });
    groups
}

/// Returns the first of `a|b` that a fact names.
fn first_known<'n, 'f>(names: &'n str, fact: &'f Fact) -> Option<(&'n str, &'f str)> {
    names
        .split('|')
        .find_map(|name| fact.entity(name).map(|value| (name, value)))
}

fn has_near(
    facts: &[Fact],
    id: FactId,
    near: &Near,
    constants: &Constants,
    both_sides: bool,
) -> bool {
    let Ok(within) = constants.evaluate(&near.within) else {
        return false;
    };
    let moment = at(facts, id);
    let start = facts.partition_point(|f| f.moment.is_some_and(|m| m.at < moment - within));
    facts[start..]
        .iter()
        .take_while(|f| f.moment.is_some_and(|m| m.at <= moment + within))
        .any(|other| {
            let other_at = other.moment.map_or(moment, |m| m.latest());
            near.signals.contains(&other.kind)
                && (both_sides || other_at >= moment)
                && near
                    .share
                    .iter()
                    .all(|kind| agree(other, &facts[id], kind) == Some(true))
        })
}

/// Anchors that are planned work, by mechanism.
pub(super) type Planned<'g> = BTreeMap<&'g str, BTreeSet<FactId>>;

/// Finds the anchors of all mechanisms that are planned work.
pub(super) fn planned<'g>(
    facts: &[Fact],
    grammars: &'g Grammars,
    constants: &Constants,
) -> Planned<'g> {
    let of = |mechanism: &'g Mechanism| {
        let found = planned_for(facts, mechanism, grammars, constants);
        (mechanism.id.as_str(), found)
    };
    grammars.mechanisms.iter().map(of).collect()
}

/// What the mechanism calls planned came before an anchor, and no fault of the same node in the hour before that.
fn planned_for(
    facts: &[Fact],
    mechanism: &Mechanism,
    grammars: &Grammars,
    constants: &Constants,
) -> BTreeSet<FactId> {
    let Some(near) = &mechanism.planned else {
        return BTreeSet::new();
    };
    let Ok(within) = constants.evaluate(&near.within) else {
        return BTreeSet::new();
    };
    let alike = |a: FactId, b: FactId| {
        near.share
            .iter()
            .all(|kind| agree(&facts[a], &facts[b], kind) == Some(true))
    };
    let before = |id: FactId, within: TimeDelta| {
        let moment = at(facts, id);
        window(facts, moment - within, moment).filter(move |other| alike(id, *other))
    };
    (0..facts.len())
        .filter(|id| mechanism.anchors.contains(&facts[*id].kind) && facts[*id].moment.is_some())
        .filter(|id| {
            let begun =
                before(*id, within).find(|other| near.signals.contains(&facts[*other].kind));
            begun.is_some_and(|first| {
                !before(first, APART).any(|sick| grammars.is_fault(&facts[sick].kind))
            })
        })
        .collect()
}

/// Facts between two times.
fn window(facts: &[Fact], from: DateTime<Utc>, to: DateTime<Utc>) -> Range<FactId> {
    let start = facts.partition_point(|f| f.moment.is_some_and(|m| m.at < from));
    let end = facts.partition_point(|f| f.moment.is_some_and(|m| m.at <= to));
    start..end.max(start)
}

/// The first sign of the reason that stands near an anchor: its sentence, and the facts that tell it.
fn sign_of(
    scene: &Scene<'_>,
    mechanism: &Mechanism,
    anchors: &[FactId],
) -> Option<(String, Vec<FactId>)> {
    let facts = scene.facts;
    mechanism.signs.iter().find_map(|sign| {
        let within = scene.constants.evaluate(&sign.near.within).ok()?;
        let tells = |id: &FactId| {
            let fact = &facts[*id];
            sign.near.signals.contains(&fact.kind)
                && fact.moment.is_some()
                && holds(&sign.when, |name| fact.entity(name))
                && anchors.iter().any(|anchor| {
                    let lag = at(facts, *anchor) - at(facts, *id);
                    lag.abs() <= within
                        && (!sign.before || lag >= TimeDelta::zero())
                        && sign
                            .near
                            .share
                            .iter()
                            .all(|kind| agree(fact, &facts[*anchor], kind) == Some(true))
                })
        };
        let times = || anchors.iter().map(|id| at(facts, *id));
        let (first, last) = times().min().zip(times().max())?;
        let told: Vec<FactId> = window(facts, first - within, last + within)
            .filter(tells)
            .collect();
        let first = &facts[*told.first()?];
        let filled = first
            .entities
            .iter()
            .fold(sign.says.clone(), |says, (kind, value)| {
                says.replace(&format!("{{{kind}}}"), value)
            });
        Some((filled, told))
    })
}

/// What a verdict is built from.
struct Scene<'a> {
    facts: &'a [Fact],
    conditions: &'a [Condition],
    graph: &'a Graph<'a>,
    grammars: &'a Grammars,
    constants: &'a Constants,
}

fn build(scene: &Scene<'_>, mechanism: &Mechanism, anchors: &[FactId]) -> Option<Cascade> {
    let Scene {
        facts,
        conditions,
        graph,
        grammars,
        ..
    } = *scene;
    let linked = |id: FactId| {
        graph
            .effects(id)
            .chain(graph.causes(id))
            .filter(|l| mechanism.any_link.contains(&l.rule))
            .map(|l| l.confidence)
            .max()
    };
    let supported: Vec<Confidence> = anchors.iter().filter_map(|id| linked(*id)).collect();
    // The same thing on several nodes is no coincidence.
    let support = match supported.iter().max() {
        Some(Confidence::Probable) if supported.len() >= 2 => Some(Confidence::Certain),
        best => best.copied(),
    };
    if !mechanism.any_link.is_empty() && support.is_none() {
        return None;
    }
    let starts: BTreeSet<FactId> = anchors.iter().copied().collect();
    let before = graph.reach(&starts, false);
    // What the same shortage did to others belongs to it too, though the fault that names it is only one of its effects.
    let shortage = before
        .iter()
        .copied()
        .filter(|id| grammars.is_fault(&facts[*id].kind));
    let after = graph.reach(&starts.iter().copied().chain(shortage).collect(), true);
    // What led to a consequence is part of the story too: the schedule and the pull on the next node.
    let mut members: BTreeSet<FactId> = before.union(&after).copied().collect();
    if !mechanism.any_signal.is_empty()
        && !members
            .iter()
            .any(|id| mechanism.any_signal.contains(&facts[*id].kind))
    {
        return None;
    }
    let origin = *anchors.iter().min_by_key(|id| (at(facts, **id), **id))?;
    // The first fault may be a consequence that shows before its cause: pressure is often noticed while the pull still writes.
    let fault_times = after
        .iter()
        .filter(|id| grammars.is_fault(&facts[**id].kind))
        .copied();
    let first_fault = fault_times
        .chain([origin])
        .min_by_key(|id| (at(facts, *id), *id))
        .unwrap_or(origin);
    let trigger = find_trigger(facts, &before, first_fault, grammars);
    if let Some(trigger) = trigger {
        let pushes: Vec<FactId> = graph.causes(trigger).map(|l| l.cause).collect();
        members.extend(pushes);
    }
    let sign = sign_of(scene, mechanism, anchors);
    let (why, reasons) = sign.unwrap_or((mechanism.why.clone(), Vec::new()));
    members.extend(&reasons);
    let members: Vec<FactId> = members.into_iter().collect();
    let hops = hops::build(facts, conditions, &members, anchors, graph);
    let spread = hops::spread(facts, &hops, graph);
    let links = reduced(graph, &members);
    let culprit = culprit_of(facts, mechanism, anchors, origin);
    // What names the culprit was concluded, not told: then it is not certain, however many tell the rest.
    let concluded = mechanism.group_by.iter().any(|kind| {
        kind == "writer"
            && anchors
                .iter()
                .all(|id| facts[*id].inferred.contains_key(kind))
    });
    let confidence = match confidence_of(facts, anchors, support) {
        Confidence::Certain if concluded => Confidence::Probable,
        other => other,
    };
    let nodes: Vec<String> = distinct(hops.iter().filter_map(|h| h.node.clone()));
    let explanation = explain(mechanism, &culprit, &nodes, facts, anchors);
    let mut explanation = explanation.replace("{why}", &why);
    // One try that failed, and nothing but the waiting for the next: the record may just not tell that the next one worked.
    let lone = |id: FactId| {
        facts[id].count <= 1
            && graph
                .effects(id)
                .all(|l| grammars.stage(&facts[l.effect].kind) == grammars.stage(&facts[id].kind))
    };
    let mut confidence = confidence;
    if let (Some(sentence), [only]) = (&mechanism.once_only, anchors)
        && lone(*only)
    {
        confidence = confidence.min(Confidence::Possible);
        explanation = format!("{explanation} {sentence}");
    }
    let (direct, collateral) = blast(facts, &hops, anchors, &after, &nodes);
    let (recovery, recovered_at) =
        find_recovery(facts, conditions, &nodes, &culprit, anchors, &members);
    let without_pressure = without_pressure(facts, conditions, anchors, &links);
    Some(Cascade {
        without_pressure,
        reasons,
        mechanism: mechanism.id.clone(),
        confidence,
        culprit,
        trigger,
        origin,
        members,
        hops,
        links,
        spread,
        explanation,
        ruled_out: Vec::new(),
        contradictions: Vec::new(),
        recovery,
        recovered_at,
        direct,
        collateral,
    })
}

/// The change nearest before the first fault that its causes lead back to; a deploy says more than the push before it.
fn find_trigger(
    facts: &[Fact],
    before: &BTreeSet<FactId>,
    first_fault: FactId,
    grammars: &Grammars,
) -> Option<FactId> {
    let limit = at(facts, first_fault);
    let changes = || {
        before.iter().copied().filter(|id| {
            grammars.stage(&facts[*id].kind) == "change"
                && at(facts, *id) <= limit
                && !grammars.is_fault(&facts[*id].kind)
        })
    };
    let latest = |kinds: &[&str]| {
        changes()
            .filter(|id| kinds.contains(&facts[*id].kind.as_str()))
            .max_by_key(|id| (at(facts, *id), *id))
    };
    latest(&["deploy_started", "rollback"])
        .or_else(|| latest(&["tag_moved"]))
        .or_else(|| latest(&["image_pushed"]))
}

fn culprit_of(
    facts: &[Fact],
    mechanism: &Mechanism,
    anchors: &[FactId],
    origin: FactId,
) -> Vec<(String, String)> {
    let mut culprit = Vec::new();
    for kinds in &mechanism.culprit {
        let known = |kind: &&str| anchors.iter().any(|id| facts[*id].entity(kind).is_some());
        let Some(kind) = kinds.split('|').find(known).or(kinds.split('|').next()) else {
            continue;
        };
        let mut values: BTreeMap<&str, usize> = BTreeMap::new();
        for id in anchors {
            if let Some(value) = facts[*id].entity(kind) {
                *values.entry(value).or_default() += 1;
            }
        }
        let most = values
            .into_iter()
            .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)))
            .map(|(value, _)| value.to_owned());
        let found = most.or_else(|| {
            if kind == "digest" {
                digest_of(facts, origin)
            } else {
                None
            }
        });
        if let Some(value) = found {
            // Who used it up is a workload.
            let used = matches!(kind, "writer" | "consumer");
            let name = if used { "workload" } else { kind };
            if !culprit.iter().any(|(known, _)| known == name) {
                culprit.push((name.to_owned(), value));
            }
        }
    }
    culprit
}

/// The digest that the image's tag was last given before the fault.
fn digest_of(facts: &[Fact], origin: FactId) -> Option<String> {
    let image = joining_form("image", facts[origin].entity("image")?);
    facts[..=origin]
        .iter()
        .rev()
        .find(|f| {
            f.kind == "image_pushed"
                && f.entity("image")
                    .map(|i| joining_form("image", i))
                    .as_deref()
                    == Some(&image)
        })
        .and_then(|f| f.entity("digest"))
        .map(str::to_owned)
}

fn confidence_of(facts: &[Fact], anchors: &[FactId], support: Option<Confidence>) -> Confidence {
    let voices: BTreeSet<&str> = anchors
        .iter()
        .flat_map(|id| facts[*id].components.iter().map(String::as_str))
        .collect();
    let told = anchors
        .iter()
        .map(|id| facts[*id].evidence.len())
        .sum::<usize>();
    let own = if voices.len() >= 2 || (voices.len() == 1 && told >= 3) {
        Confidence::Certain
    } else {
        Confidence::Probable
    };
    support.map_or(own, |link| own.min(link))
}

fn explain(
    mechanism: &Mechanism,
    culprit: &[(String, String)],
    nodes: &[String],
    facts: &[Fact],
    anchors: &[FactId],
) -> String {
    let value = |kind: &str| {
        culprit
            .iter()
            .find(|(name, _)| name == kind)
            .map(|(_, v)| v.clone())
            .or_else(|| {
                anchors
                    .iter()
                    .find_map(|id| facts[*id].entity(kind))
                    .map(str::to_owned)
            })
    };
    let reasons = distinct(
        anchors
            .iter()
            .flat_map(|id| mechanism.group_by.iter().map(move |kind| (id, kind)))
            .filter_map(|(id, kind)| facts[*id].inferred.get(kind).cloned()),
    );
    let mut text = mechanism.explanation.clone();
    for (placeholder, value, missing) in [
        ("{image}", value("image"), "an image that is not named"),
        (
            "{workload}",
            value("workload").or_else(|| value("pod").map(|pod| format!("pod {pod}"))),
            "a workload that is not named",
        ),
        (
            "{known_by}",
            (!reasons.is_empty()).then(|| reasons.join("; ")),
            "the records themselves say so",
        ),
        ("{registry}", value("registry"), "the registry"),
        ("{pod}", value("pod"), "a pod that is not named"),
        (
            "{node}",
            value("node").or_else(|| nodes.first().cloned()),
            "a node that is not named",
        ),
        (
            "{nodes}",
            (!nodes.is_empty()).then(|| and_list(nodes)),
            "a node that is not named",
        ),
        (
            "{count}",
            Some(
                anchors
                    .iter()
                    .map(|id| facts[*id].count)
                    .sum::<u64>()
                    .to_string(),
            ),
            "",
        ),
    ] {
        text = text.replace(placeholder, value.as_deref().unwrap_or(missing));
    }
    text
}

/// Returns `a`, `a and b`, `a, b and c`.
fn and_list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// Links among members, without shortcuts: a link that a chain of other links explains step by step is left out.
fn reduced(graph: &Graph, members: &[FactId]) -> Vec<Link> {
    let inside: BTreeSet<FactId> = members.iter().copied().collect();
    let kept: Vec<&Link> = graph
        .links
        .iter()
        .filter(|l| inside.contains(&l.cause) && inside.contains(&l.effect))
        .collect();
    let mut next: BTreeMap<FactId, Vec<FactId>> = BTreeMap::new();
    for link in &kept {
        next.entry(link.cause).or_default().push(link.effect);
    }
    let by_way = |from: FactId, to: FactId| {
        let mut waiting: Vec<(FactId, usize)> = next
            .get(&from)
            .into_iter()
            .flatten()
            .filter(|n| **n != to)
            .map(|n| (*n, 1))
            .collect();
        let mut seen = BTreeSet::new();
        while let Some((id, depth)) = waiting.pop() {
            if id == to {
                return true;
            }
            if depth < 5 && seen.insert(id) && seen.len() < 2000 {
                waiting.extend(next.get(&id).into_iter().flatten().map(|n| (*n, depth + 1)));
            }
        }
        false
    };
    kept.iter()
        .filter(|l| !by_way(l.cause, l.effect))
        .map(|l| (*l).clone())
        .collect()
}

fn blast(
    facts: &[Fact],
    hops: &[crate::model::Hop],
    anchors: &[FactId],
    after: &BTreeSet<FactId>,
    nodes: &[String],
) -> (Blast, Blast) {
    let mut direct = Blast {
        nodes: nodes.to_vec(),
        ..Blast::default()
    };
    let name = |fact: &Fact| {
        fact.entity("pod").map(|pod| {
            fact.entity("namespace")
                .map_or_else(|| pod.to_owned(), |ns| format!("{ns}/{pod}"))
        })
    };
    for id in hops.iter().flat_map(|h| &h.signals).chain(anchors) {
        let fact = &facts[*id];
        let own = anchors.contains(id)
            || anchors
                .iter()
                .any(|a| agree(&facts[*a], fact, "workload") == Some(true));
        if own {
            direct.pods.extend(name(fact));
            direct
                .workloads
                .extend(fact.entity("workload").map(str::to_owned));
        }
    }
    let mut collateral = Blast::default();
    for id in after {
        let fact = &facts[*id];
        if matches!(
            fact.kind.as_str(),
            "evicted" | "taint_eviction" | "oom_killed" | "crash_loop" | "failed_scheduling"
        ) {
            collateral.pods.extend(name(fact));
            collateral
                .workloads
                .extend(fact.entity("workload").map(str::to_owned));
        }
        if matches!(
            fact.kind.as_str(),
            "node_not_ready" | "status_stale" | "disk_pressure_on" | "memory_pressure_on"
        ) {
            collateral
                .nodes
                .extend(fact.entity("node").map(str::to_owned));
        }
    }
    for blast in [&mut direct, &mut collateral] {
        for list in [&mut blast.pods, &mut blast.workloads] {
            list.sort();
            list.dedup();
        }
    }
    collateral.nodes.sort();
    collateral.nodes.dedup();
    collateral.nodes.retain(|n| !direct.nodes.contains(n));
    collateral.pods.retain(|p| !direct.pods.contains(p));
    collateral
        .workloads
        .retain(|w| !direct.workloads.contains(w));
    (direct, collateral)
}

/// Returns the failed pulls for lack of space that led to no pressure on their node.
fn without_pressure(
    facts: &[Fact],
    conditions: &[Condition],
    anchors: &[FactId],
    links: &[Link],
) -> Vec<FactId> {
    let led = |id: FactId| {
        links.iter().any(|l| {
            l.cause == id
                && matches!(
                    facts[l.effect].kind.as_str(),
                    "disk_pressure_on" | "eviction_threshold_met"
                )
        })
    };
    let under_pressure = |fact: &Fact| {
        conditions
            .iter()
            .filter(|c| {
                c.condition == "DiskPressure"
                    && fact.entity("node").is_none_or(|node| node == c.node)
            })
            .any(|c| {
                let (from, to) = (c.from - TimeDelta::seconds(60), c.to);
                fact.moment
                    .is_some_and(|m| m.at >= from && to.is_none_or(|to| m.at <= to))
            })
    };
    let no_space =
        |fact: &Fact| fact.kind == "pull_failed" && fact.cause.as_deref() == Some("no_space");
    anchors
        .iter()
        .copied()
        .filter(|id| no_space(&facts[*id]) && !led(*id) && !under_pressure(&facts[*id]))
        .collect()
}

/// The end of the waiting for a failed pull: the same pod's image came, or its container started.
fn got_its_image(facts: &[Fact], failed: FactId) -> Option<FactId> {
    let pull = &facts[failed];
    (failed..facts.len()).find(|id| {
        let later = &facts[*id];
        matches!(later.kind.as_str(), "pulled" | "container_started")
            && agree(pull, later, "pod") == Some(true)
            && agree(pull, later, "namespace") != Some(false)
            && agree(pull, later, "image") != Some(false)
            && later.moment.is_some_and(|m| m.at >= at(facts, failed))
    })
}

/// What ended the cascade: a roll-back or a remedy after the origin, and the end of the conditions on its nodes.
fn find_recovery(
    facts: &[Fact],
    conditions: &[Condition],
    nodes: &[String],
    culprit: &[(String, String)],
    anchors: &[FactId],
    members: &[FactId],
) -> (Vec<FactId>, Option<DateTime<Utc>>) {
    let workload = culprit
        .iter()
        .find(|(kind, _)| kind == "workload")
        .map(|(_, value)| value.as_str());
    // A roll-back heals what a release did, not a node that went silent.
    let blames_a_release = culprit
        .iter()
        .any(|(kind, _)| matches!(kind.as_str(), "image" | "workload"));
    let begin = anchors
        .iter()
        .map(|id| at(facts, *id))
        .min()
        .unwrap_or_default();
    let mut ended: Vec<FactId> = facts
        .iter()
        .enumerate()
        .filter(|(_, f)| f.moment.is_some_and(|m| m.at >= begin))
        .filter(|(_, f)| match f.kind.as_str() {
            "rollback" => {
                blames_a_release
                    && (workload.is_none()
                        || f.entity("workload").is_none()
                        || f.entity("workload") == workload)
            }
            "remediation" => {
                f.entity("node")
                    .is_none_or(|n| nodes.iter().any(|known| known == n))
                    && f.entity("workload").is_none_or(|w| Some(w) == workload)
            }
            _ => false,
        })
        .map(|(id, _)| id)
        .collect();
    let last = members
        .iter()
        .map(|id| at(facts, *id))
        .max()
        .unwrap_or(begin);
    let own: Vec<&Condition> = conditions
        .iter()
        .filter(|c| {
            nodes.contains(&c.node)
                && c.from >= begin - TimeDelta::minutes(2)
                && c.from <= last + TimeDelta::minutes(2)
        })
        .collect();
    let still_open = conditions
        .iter()
        .any(|c| nodes.contains(&c.node) && c.from >= begin && c.to.is_none());
    let mut over = !own.is_empty() && !still_open;
    let mut end: Option<DateTime<Utc>> = None;
    for condition in &own {
        // A pressure that ended openly when its node went silent is followed by the node's own state.
        let followed = condition.to_open
            && own
                .iter()
                .any(|other| other.node == condition.node && Some(other.from) == condition.to);
        match condition.to {
            Some(to) if !condition.to_open || followed => end = end.max(Some(to)),
            _ => over = false,
        }
    }
    // Faults without an abnormal condition, such as pulls of an image that is not there, are over when a roll-out of the workload is done.
    if own.is_empty()
        && !still_open
        && let Some((id, done)) = facts.iter().enumerate().find(|(_, f)| {
            f.kind == "deploy_finished"
                && workload.is_some()
                && f.entity("workload") == workload
                && f.moment.is_some_and(|m| m.at > last)
        })
    {
        ended.push(id);
        end = done.moment.map(|m| m.at);
        over = true;
    }
    // So are they when each pod got its image after all.
    if own.is_empty() && !over {
        let pulls = || {
            anchors
                .iter()
                .filter(|id| facts[**id].kind == "pull_failed")
        };
        let got: Vec<Option<FactId>> = pulls().map(|id| got_its_image(facts, *id)).collect();
        let came = || got.iter().flatten().copied();
        ended.extend(came());
        if !got.is_empty() && got.iter().all(Option::is_some) {
            end = came().map(|id| at(facts, id)).max();
            over = true;
        }
    }
    // What tells that a condition ended is what its end was taken from.
    for condition in &own {
        let tells = |id: &&FactId| {
            let fact = &facts[**id];
            matches!(
                fact.kind.as_str(),
                "disk_pressure_off" | "memory_pressure_off" | "node_ready"
            ) && fact.moment.map(|m| m.at) == condition.to
        };
        ended.extend(condition.evidence.iter().filter(tells));
    }
    ended.sort_unstable();
    ended.dedup();
    (ended, end.filter(|_| over))
}

/// Lists the rivals that nothing supports, with the facts that would have to look different.
fn weigh(cascade: &mut Cascade, facts: &[Fact], found: &BTreeSet<String>, grammars: &Grammars) {
    let Some(mechanism) = grammars
        .mechanisms
        .iter()
        .find(|m| m.id == cascade.mechanism)
    else {
        return;
    };
    for rival in mechanism.rivals.iter().filter(|r| !found.contains(*r)) {
        let Some(rival) = grammars.mechanisms.iter().find(|m| m.id == *rival) else {
            continue;
        };
        let fits = |id: &FactId| holds(&rival.when, |name| facts[*id].entity(name));
        let (support, against): (Vec<FactId>, Vec<FactId>) = cascade
            .members
            .iter()
            .copied()
            .filter(|id| rival.anchors.contains(&facts[*id].kind))
            .partition(fits);
        // What would fit the rival as well is said, not denied.
        let (why, evidence) = if support.is_empty() {
            (rival.absent.clone(), against)
        } else {
            let why = "these records would fit it too, but each of them is linked to what is told above, and nothing else asks for it".to_owned();
            (why, support)
        };
        cascade.ruled_out.push(RuledOut {
            mechanism: rival.id.clone(),
            why,
            evidence: evidence.into_iter().take(12).collect(),
        });
    }
}

/// Faults that no cascade explains, and why each was left alone.
pub(super) fn unexplained(
    facts: &[Fact],
    cascades: &[Cascade],
    contradictions: &[Contradiction],
    everywhere: &BTreeSet<FactId>,
    planned: &Planned<'_>,
    grammars: &Grammars,
) -> Vec<(FactId, String)> {
    let members: BTreeSet<FactId> = cascades
        .iter()
        .flat_map(|c| c.members.iter().chain(&c.recovery).copied())
        .collect();
    let disputed: BTreeSet<FactId> = cascades
        .iter()
        .flat_map(|c| &c.contradictions)
        .chain(contradictions)
        .flat_map(|c| c.signals.iter().copied())
        .collect();
    let mut list = Vec::new();
    for (id, fact) in facts
        .iter()
        .enumerate()
        .filter(|(id, f)| !members.contains(id) && grammars.is_fault(&f.kind))
    {
        let later_success = |kinds: &[&str], share: &str| {
            facts[id..].iter().any(|f| {
                kinds.contains(&f.kind.as_str())
                    && agree(f, fact, share) == Some(true)
                    && f.moment
                        .zip(fact.moment)
                        .is_some_and(|(a, b)| a.latest() >= b.at)
            })
        };
        let starting = || {
            let begun =
                |f: &Fact| f.kind == "kubelet_started" && agree(f, fact, "node") == Some(true);
            facts.iter().any(|f| {
                begun(f)
                    && f.moment
                        .zip(fact.moment)
                        .is_some_and(|(a, b)| (b.at - a.at).abs() <= TimeDelta::seconds(60))
            })
        };
        let why = if fact.moment.is_none() {
            "nothing tells when it happened, so it cannot be linked"
        } else if everywhere.contains(&id) {
            "it came to nearly every node at once: the control plane lost sight of all of them, which is no fault of one node"
        } else if planned.values().any(|anchors| anchors.contains(&id)) {
            "the node had been cordoned or drained before, and nothing was wrong with it then: planned work, not a fault"
        } else if disputed.contains(&id) {
            "it contradicts another record (see the contradictions), so nothing is concluded from it"
        } else if fact.kind == "pull_failed"
            && later_success(&["pulled", "container_started"], "pod")
        {
            "the same pod got its image later: a failure that healed by itself"
        } else if fact.kind == "failed_scheduling" && later_success(&["scheduled"], "pod") {
            "the pod was scheduled later"
        } else if matches!(fact.kind.as_str(), "node_not_ready" | "taint_added") && starting() {
            "the node was starting"
        } else if fact
            .entity("taint")
            .is_some_and(|t| t.starts_with("node.kubernetes.io/unschedulable"))
        {
            "somebody cordoned the node: a planned change, not a fault"
        } else if fact.kind == "node_not_ready" && later_success(&["node_ready"], "node") {
            "the node became ready again, and nothing else in the record leads to it"
        } else if cascades.is_empty() {
            "no known mechanism explains it"
        } else {
            "no rule links it to a cascade"
        };
        list.push((id, why.to_owned()));
    }
    list
}

/// Returns whether the cascade's hops are more than one node.
pub(super) fn several_nodes(hops: &[crate::model::Hop]) -> bool {
    let mut nodes = hops.iter().filter_map(|h| h.node.as_deref());
    let first = nodes.next();
    nodes.any(|n| Some(n) != first)
}

/// Default spread of a cascade on one node.
pub(super) const ON_ONE_NODE: Spread = Spread::Single;
