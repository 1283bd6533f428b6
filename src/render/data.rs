//! Data: what the page's script draws, as one JSON value inside the page. Columns and tables of words, so that 50,000 signals stay small.
//!
//! Takes a published report; gives JSON text that cannot end the element it stands in. The page is complete without it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::view::{Titles, parse};
use crate::wire::v1::{Report, SignalRow};

/// Signals that are drawn one by one; of further ones only the density is known.
const SIGNALS: usize = 60_000;
/// Links that are drawn.
const LINKS: usize = 4_000;

/// Words that many signals share, each once.
#[derive(Default)]
struct Words<'a> {
    list: Vec<&'a str>,
    at: BTreeMap<&'a str, i64>,
}

impl<'a> Words<'a> {
    /// Returns the index of a word, from 0; −1 for none.
    fn index(&mut self, word: Option<&'a str>) -> i64 {
        let Some(word) = word else { return -1 };
        *self.at.entry(word).or_insert_with(|| {
            self.list.push(word);
            self.list.len() as i64 - 1
        })
    }
}

/// One bar of the drawing.
#[derive(Serialize)]
struct State<'a> {
    node: &'a str,
    condition: &'a str,
    status: &'a str,
    from: i64,
    to: Option<i64>,
    open: [bool; 2],
    signal: Option<&'a str>,
}

/// One source over time.
#[derive(Serialize)]
struct Cover<'a> {
    path: &'a str,
    component: &'a str,
    node: &'a str,
    from: Option<i64>,
    to: Option<i64>,
}

/// Everything the script knows. Signals are columns of the same length.
#[derive(Serialize)]
struct Data<'a> {
    /// First and last moment of the incident, in milliseconds since 1970.
    window: Option<[i64; 2]>,
    /// Ids, where they are not `s1`, `s2` … in order.
    ids: Vec<&'a str>,
    /// Milliseconds after the signal before; null where the time is not known.
    at: Vec<Option<i64>>,
    kind: Vec<i64>,
    node: Vec<i64>,
    pod: Vec<i64>,
    workload: Vec<i64>,
    image: Vec<i64>,
    source: Vec<i64>,
    line: Vec<u64>,
    count: Vec<u64>,
    /// Cascade from 1, 0 for none.
    cascade: Vec<usize>,
    clusters: &'a [String],
    kinds: Vec<[&'a str; 2]>,
    nodes: Vec<&'a str>,
    pods: Vec<&'a str>,
    workloads: Vec<&'a str>,
    images: Vec<&'a str>,
    sources: Vec<Cover<'a>>,
    states: Vec<State<'a>>,
    /// Cause, effect, sentence, confidence, lag in milliseconds.
    links: Vec<(&'a str, &'a str, &'a str, &'a str, i64)>,
    cascades: Vec<&'a str>,
    /// Signals that are not in the columns.
    left_out: usize,
}

/// Returns the data as JSON, or an empty object where there is nothing to draw.
///
/// # Errors
/// None that input can cause; serde's own.
pub(super) fn render_data(report: &Report, titles: &Titles) -> Result<String, serde_json::Error> {
    let members: BTreeMap<&str, usize> = report
        .cascades
        .iter()
        .enumerate()
        .rev()
        .flat_map(|(index, c)| {
            c.signals
                .iter()
                .chain(&c.recovery.ended_by)
                .map(move |id| (id.as_str(), index + 1))
        })
        .collect();
    let chosen: Vec<&SignalRow> = if report.signals.len() <= SIGNALS {
        report.signals.iter().collect()
    } else {
        let mut room = SIGNALS.saturating_sub(members.len());
        report
            .signals
            .iter()
            .filter(|s| {
                members.contains_key(s.id.as_str()) || {
                    let fits = room > 0;
                    room = room.saturating_sub(1);
                    fits
                }
            })
            .collect()
    };
    let mut kinds: Words<'_> = Words::default();
    let mut nodes = Words::default();
    let mut pods = Words::default();
    let mut workloads = Words::default();
    let mut images = Words::default();
    let source_at: BTreeMap<&str, i64> = report
        .sources
        .iter()
        .enumerate()
        .map(|(index, s)| (s.path.as_str(), index as i64))
        .collect();
    let mut data = Data {
        window: report
            .incident
            .window
            .as_ref()
            .and_then(|w| Some([ms(&w.from)?, ms(&w.to)?])),
        ids: Vec::new(),
        at: Vec::new(),
        kind: Vec::new(),
        node: Vec::new(),
        pod: Vec::new(),
        workload: Vec::new(),
        image: Vec::new(),
        source: Vec::new(),
        line: Vec::new(),
        count: Vec::new(),
        cascade: Vec::new(),
        clusters: &report.incident.clusters,
        kinds: Vec::new(),
        nodes: Vec::new(),
        pods: Vec::new(),
        workloads: Vec::new(),
        images: Vec::new(),
        sources: report
            .sources
            .iter()
            .map(|s| Cover {
                path: &s.path,
                component: s.speaks_for.get("component").map_or("", String::as_str),
                node: s.speaks_for.get("node").map_or("", String::as_str),
                from: s.from.as_deref().and_then(ms),
                to: s.to.as_deref().and_then(ms),
            })
            .collect(),
        states: report
            .conditions
            .iter()
            .filter_map(|c| {
                Some(State {
                    node: &c.node,
                    condition: &c.condition,
                    status: &c.status,
                    from: c.from.as_deref().and_then(ms)?,
                    to: c.to.as_deref().and_then(ms),
                    open: [c.from_open, c.to_open],
                    signal: c.evidence.first().map(String::as_str),
                })
            })
            .collect(),
        links: Vec::new(),
        cascades: report
            .cascades
            .iter()
            .map(|c| c.mechanism.as_str())
            .collect(),
        left_out: report.signals.len() - chosen.len(),
    };
    let numbered = chosen
        .iter()
        .enumerate()
        .all(|(index, s)| s.id.strip_prefix('s').and_then(|n| n.parse().ok()) == Some(index + 1));
    let mut before = 0;
    for signal in &chosen {
        let entity = |kind: &str| signal.entities.get(kind).map(String::as_str);
        if !numbered {
            data.ids.push(&signal.id);
        }
        data.at.push(signal.at.as_deref().and_then(ms).map(|at| {
            let after = at - before;
            before = at;
            after
        }));
        data.kind.push(kinds.index(Some(&signal.signal)));
        data.node.push(nodes.index(entity("node")));
        data.pod.push(pods.index(entity("pod")));
        data.workload.push(workloads.index(entity("workload")));
        data.image.push(images.index(entity("image")));
        let first = signal.evidence.first();
        data.source.push(
            first
                .and_then(|e| source_at.get(e.path.as_str()).copied())
                .unwrap_or(-1),
        );
        data.line.push(first.map_or(0, |e| e.line));
        data.count.push(signal.count);
        data.cascade
            .push(members.get(signal.id.as_str()).copied().unwrap_or(0));
    }
    data.kinds = kinds
        .list
        .iter()
        .map(|kind| {
            let title = titles.signals.get(*kind).map_or(*kind, String::as_str);
            [title, tone(titles, kind)]
        })
        .collect();
    data.nodes = nodes.list;
    data.pods = pods.list;
    data.workloads = workloads.list;
    data.images = images.list;
    let mut seen = BTreeSet::new();
    for link in report.cascades.iter().flat_map(|c| &c.links) {
        if data.links.len() < LINKS && seen.insert((&link.cause, &link.effect)) {
            data.links.push((
                &link.cause,
                &link.effect,
                &link.because,
                &link.confidence,
                link.lag_ms,
            ));
        }
    }
    // Inside a script element only `<` can end it or open a comment; the two separators are line ends in old engines.
    Ok(super::json::text_of(&data)?
        .replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

fn tone<'a>(titles: &'a Titles, kind: &str) -> &'a str {
    match titles.stages.get(kind).map(String::as_str) {
        Some("detection") => "detection",
        _ if titles.faults.contains(kind) => "fault",
        Some(stage @ ("change" | "recovery")) => stage,
        _ => "other",
    }
}

fn ms(at: &str) -> Option<i64> {
    parse(at).map(|at| at.timestamp_millis())
}
