//! Cascades: the change that began one, its hops, links, blast radius, and what was ruled out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cite, Maker, Pair, Sentence, capital, parse};
use crate::model::moment::spoken;
use crate::render::flow::render_flow;
use crate::wire::v1::{BlastRow, CascadeRow, HopRow};

/// Steps of one hop that the page lists.
pub(super) const STEPS: usize = 40;
/// Links of one cascade that the page lists.
const LINKS: usize = 300;

/// A step of a hop.
#[derive(Debug, Clone)]
pub struct Step {
    /// Time of day.
    pub time: String,
    /// What happened.
    pub what: String,
    /// The signal in words, without what it is about.
    pub title: String,
    /// `fault`, `change`, `recovery` or `other`.
    pub tone: String,
    /// Evidence.
    pub cite: Cite,
}

/// A hop.
#[derive(Debug, Clone)]
pub struct HopView {
    /// From 1.
    pub number: usize,
    /// Node.
    pub node: String,
    /// From and to, in words.
    pub span: String,
    /// Steps.
    pub steps: Vec<Step>,
    /// Steps that are not listed.
    pub more: usize,
    /// How it ended.
    pub ended_by: String,
    /// What led to no pressure, in words; empty if nothing did.
    pub unnoticed: String,
    /// How the cascade came here from the hop before, in words; empty for the first.
    pub arrived: String,
}

/// A link.
#[derive(Debug, Clone)]
pub struct LinkView {
    /// Cause.
    pub cause: Cite,
    /// Effect.
    pub effect: Cite,
    /// Its anchor.
    pub anchor: String,
    /// Rule.
    pub rule: String,
    /// Rule in words.
    pub rule_title: String,
    /// Where its bounds come from.
    pub source: String,
    /// What looks like it and is not.
    pub mistaken_when: Vec<String>,
    /// Other causes that the rule would have allowed.
    pub others: Vec<Cite>,
    /// Lag in words.
    pub lag: String,
    /// How sure.
    pub confidence: String,
    /// A sentence.
    pub because: String,
}

/// A cascade.
#[derive(Debug, Clone)]
pub struct CascadeView {
    /// `c1`.
    pub id: String,
    /// Mechanism in words.
    pub title: String,
    /// Mechanism id.
    pub mechanism: String,
    /// How sure.
    pub confidence: String,
    /// Culprit.
    pub culprit: Vec<Pair>,
    /// Explanation.
    pub explanation: String,
    /// How it spread, in words.
    pub spread: &'static str,
    /// Changes that led to the trigger.
    pub before: Vec<Step>,
    /// The change that began it.
    pub trigger: Option<Step>,
    /// Hops.
    pub hops: Vec<HopView>,
    /// What ended it.
    pub end: Vec<Step>,
    /// Links.
    pub links: Vec<LinkView>,
    /// Links that are not listed.
    pub links_more: usize,
    /// Hit by the fault.
    pub direct: Vec<Pair>,
    /// Hit by what followed.
    pub collateral: Vec<Pair>,
    /// Ruled out: mechanism in words, why, citations.
    pub ruled_out: Vec<(String, Sentence)>,
    /// Contradictions: what, citations, explanations.
    pub contradictions: Vec<(Sentence, Vec<String>)>,
    /// The drawing.
    pub flow: String,
}

impl Maker<'_> {
    pub(super) fn step(&self, id: &str) -> Option<Step> {
        let signal = self.by_id.get(id)?;
        let about = self.about(signal);
        let title = self.title_of(signal);
        Some(Step {
            time: signal
                .at
                .as_deref()
                .map(|at| self.clock.show(at))
                .or_else(|| signal.as_written.clone())
                .unwrap_or_default(),
            title: title.clone(),
            what: if about.is_empty() {
                title
            } else {
                format!("{title}: {about}")
            },
            tone: self.tone(signal),
            cite: self.cite(id),
        })
    }

    pub(super) fn cascade(&self, cascade: &CascadeRow) -> CascadeView {
        let pairs = |map: &BTreeMap<String, String>| {
            map.iter()
                .map(|(name, value)| Pair {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect()
        };
        let blast = |row: &BlastRow| -> Vec<Pair> {
            [
                ("nodes", &row.nodes),
                ("workloads", &row.workloads),
                ("pods", &row.pods),
            ]
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| Pair {
                name: format!(
                    "{} {}",
                    list.len(),
                    if list.len() == 1 {
                        name.trim_end_matches('s')
                    } else {
                        name
                    }
                ),
                value: list.join(", "),
            })
            .collect()
        };
        let mut view = CascadeView {
            flow: String::new(),
            id: cascade.id.clone(),
            title: self.mechanism_title(&cascade.mechanism),
            mechanism: cascade.mechanism.clone(),
            confidence: cascade.confidence.clone(),
            culprit: pairs(&cascade.culprit),
            explanation: cascade.explanation.clone(),
            spread: match cascade.spread.as_str() {
                "domino" => "domino: each node fell because of what the one before it displaced",
                "common_cause" => {
                    "common cause: the same thing hit several nodes, and none because of another one"
                }
                "unknown" => "several nodes; how it came from one to the next is not in the record",
                _ => "one node",
            },
            before: cascade
                .links
                .iter()
                .filter(|l| Some(&l.effect) == cascade.trigger.as_ref())
                .take(4)
                .filter_map(|l| self.step(&l.cause))
                .collect(),
            trigger: cascade.trigger.as_deref().and_then(|id| self.step(id)),
            hops: cascade
                .hops
                .iter()
                .enumerate()
                .map(|(index, hop)| self.hop(cascade, index, hop))
                .collect(),
            end: cascade
                .recovery
                .ended_by
                .iter()
                .filter_map(|id| self.step(id))
                .collect(),
            links_more: cascade.links.len().saturating_sub(LINKS),
            links: cascade
                .links
                .iter()
                .take(LINKS)
                .enumerate()
                .map(|(index, l)| LinkView {
                    anchor: format!("{}-l{}", cascade.id, index + 1),
                    rule_title: self
                        .titles
                        .rules
                        .get(&l.rule)
                        .map_or_else(|| l.rule.replace('-', " "), |r| r.title.clone()),
                    source: self
                        .titles
                        .rules
                        .get(&l.rule)
                        .map(|r| r.source.clone())
                        .unwrap_or_default(),
                    mistaken_when: self
                        .titles
                        .rules
                        .get(&l.rule)
                        .map(|r| r.mistaken_when.clone())
                        .unwrap_or_default(),
                    others: l.others.iter().take(8).map(|id| self.cite(id)).collect(),
                    cause: self.cite(&l.cause),
                    effect: self.cite(&l.effect),
                    rule: l.rule.clone(),
                    lag: lag(l.lag_ms),
                    confidence: l.confidence.clone(),
                    because: capital(&l.because),
                })
                .collect(),
            direct: blast(&cascade.blast_radius.direct),
            collateral: blast(&cascade.blast_radius.collateral),
            ruled_out: cascade
                .ruled_out
                .iter()
                .map(|r| {
                    (
                        self.mechanism_title(&r.mechanism),
                        self.sentence(&capital(&r.why), &r.evidence),
                    )
                })
                .collect(),
            contradictions: cascade
                .contradictions
                .iter()
                .map(|c| {
                    (
                        self.sentence(&c.what, &c.signals),
                        c.possible_explanations.iter().map(|e| capital(e)).collect(),
                    )
                })
                .collect(),
        };
        view.flow = render_flow(cascade, &view);
        view
    }

    pub(super) fn mechanism_title(&self, id: &str) -> String {
        self.titles
            .mechanisms
            .get(id)
            .cloned()
            .unwrap_or_else(|| capital(&id.replace('_', " ")))
    }

    pub(super) fn hop(&self, cascade: &CascadeRow, index: usize, hop: &HopRow) -> HopView {
        let span = match (&hop.from, &hop.to) {
            (Some(from), Some(to)) if to != from => {
                format!("{} – {}", self.clock.show(from), self.clock.show(to))
            }
            (Some(from), _) => self.clock.show(from),
            (None, _) => "year not known".to_owned(),
        };
        let unnoticed = match hop.without_pressure.len() {
            0 => String::new(),
            1 => "1 failed pull here led to no DiskPressure".to_owned(),
            n => format!("{n} failed pulls here led to no DiskPressure"),
        };
        let arrived = if index == 0 {
            String::new()
        } else {
            self.arrival(cascade, index, hop)
        };
        HopView {
            number: index + 1,
            node: hop
                .node
                .clone()
                .unwrap_or_else(|| "node not named".to_owned()),
            span,
            more: hop.signals.len().saturating_sub(STEPS),
            steps: hop
                .signals
                .iter()
                .take(STEPS)
                .filter_map(|id| self.step(id))
                .collect(),
            ended_by: hop.ended_by.clone().unwrap_or_default(),
            unnoticed,
            arrived,
        }
    }

    /// Says how the cascade came to a hop: by a replacement, if the links tell so.
    pub(super) fn arrival(&self, cascade: &CascadeRow, index: usize, hop: &HopRow) -> String {
        let before = &cascade.hops[index - 1];
        let moment = |hop: &HopRow| hop.from.as_deref().and_then(parse);
        let lag = moment(before)
            .zip(moment(hop))
            .map(|(a, b)| spoken(b - a))
            .unwrap_or_default();
        let pods: BTreeSet<&str> = hop
            .signals
            .iter()
            .filter_map(|id| self.by_id.get(id.as_str())?.entities.get("pod"))
            .map(String::as_str)
            .collect();
        let replaced = cascade.links.iter().find(|l| {
            l.rule.ends_with("-then-pod-created")
                && self.by_id.get(l.effect.as_str()).is_some_and(|s| {
                    s.entities
                        .get("pod")
                        .is_some_and(|p| pods.contains(p.as_str()))
                })
                && self
                    .by_id
                    .get(l.cause.as_str())
                    .is_some_and(|s| matches!(s.signal.as_str(), "evicted" | "taint_eviction"))
        });
        match replaced
            .and_then(|l| self.by_id.get(l.effect.as_str()))
            .and_then(|s| s.entities.get("pod"))
        {
            Some(pod) if cascade.mechanism == "image_pull_filled_disk" => {
                format!("{lag} later: the replacement {pod} pulls the same image here")
            }
            Some(pod) => format!("{lag} later: the replacement {pod} runs here"),
            None => format!("{lag} later, from the same change"),
        }
    }
}

fn lag(ms: i64) -> String {
    let said = spoken(chrono::TimeDelta::milliseconds(ms));
    if ms < 0 {
        format!("seen {said} before it")
    } else {
        format!("{said} later")
    }
}
