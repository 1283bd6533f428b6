//! The cascades as a graph: what the diagrams draw, decided once for all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{about, title_of};
use crate::render::view::{Clock, Titles};
use crate::wire::v1::{CascadeRow, Report, SignalRow};

/// Most links that are drawn. Mermaid refuses more than 500, and nobody can read more than these.
const LINKS: usize = 200;

/// A signal as a box.
pub(super) struct Mark {
    pub(super) id: String,
    /// What it says, a part a line.
    pub(super) lines: Vec<String>,
    /// `fault`, `change`, `recovery` or `other`.
    pub(super) tone: &'static str,
}

/// One cascade.
pub(super) struct Cluster {
    pub(super) id: String,
    pub(super) title: String,
    /// Boxes by node; the empty name holds those without one.
    pub(super) groups: Vec<(String, Vec<Mark>)>,
    /// Cause, effect, what to write on it, and whether it is certain.
    pub(super) edges: Vec<(String, String, String, bool)>,
    /// Links that are not drawn.
    pub(super) left_out: usize,
}

/// Makes the graph of a report. Only signals that a link touches, triggers and origins are boxes.
pub(super) fn graph_of(report: &Report, titles: &Titles) -> Vec<Cluster> {
    let signals: BTreeMap<&str, &SignalRow> =
        report.signals.iter().map(|s| (s.id.as_str(), s)).collect();
    let clock = Clock::of(report);
    report
        .cascades
        .iter()
        .map(|cascade| cluster(cascade, &signals, titles, &clock))
        .collect()
}

fn cluster(
    cascade: &CascadeRow,
    signals: &BTreeMap<&str, &SignalRow>,
    titles: &Titles,
    clock: &Clock,
) -> Cluster {
    let drawn = &cascade.links[..cascade.links.len().min(LINKS)];
    let wanted: BTreeSet<&str> = drawn
        .iter()
        .flat_map(|l| [l.cause.as_str(), l.effect.as_str()])
        .chain(cascade.trigger.as_deref())
        .chain([cascade.origin.as_str()])
        .collect();
    let mut boxes: Vec<&SignalRow> = wanted
        .iter()
        .filter_map(|id| signals.get(id).copied())
        .collect();
    boxes.sort_by_key(|s| {
        s.id.trim_start_matches('s')
            .parse::<usize>()
            .unwrap_or(usize::MAX)
    });
    let mut groups: Vec<(String, Vec<Mark>)> = Vec::new();
    for signal in boxes {
        let node = signal.entities.get("node").cloned().unwrap_or_default();
        let mark = mark(signal, titles, clock);
        match groups.iter_mut().find(|(name, _)| *name == node) {
            Some((_, marks)) => marks.push(mark),
            None => groups.push((node, vec![mark])),
        }
    }
    let title = titles
        .mechanisms
        .get(&cascade.mechanism)
        .cloned()
        .unwrap_or_else(|| cascade.mechanism.replace('_', " "));
    Cluster {
        id: cascade.id.clone(),
        title: format!(
            "{}: {title} ({}, {})",
            cascade.id,
            cascade.confidence,
            cascade.spread.replace('_', " ")
        ),
        groups,
        edges: drawn
            .iter()
            .map(|l| {
                let seconds = l.lag_ms as f64 / 1000.0;
                (
                    l.cause.clone(),
                    l.effect.clone(),
                    format!("{}, {seconds} s, {}", l.rule, l.confidence),
                    l.confidence == "certain",
                )
            })
            .collect(),
        left_out: cascade.links.len() - drawn.len(),
    }
}

fn mark(signal: &SignalRow, titles: &Titles, clock: &Clock) -> Mark {
    let time = signal
        .at
        .as_deref()
        .map_or_else(|| "time not known".to_owned(), |at| clock.show(at));
    let tone = match titles.stages.get(&signal.signal).map(String::as_str) {
        _ if titles.faults.contains(&signal.signal) => "fault",
        Some("change" | "detection") => "change",
        Some("recovery") => "recovery",
        _ => "other",
    };
    Mark {
        id: signal.id.clone(),
        lines: [
            format!("{} · {time}", signal.id),
            title_of(signal, titles),
            about(signal),
        ]
        .into_iter()
        .filter(|l| !l.is_empty())
        .collect(),
        tone,
    }
}
