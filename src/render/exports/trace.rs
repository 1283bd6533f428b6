//! Trace: nodes as processes, conditions and signals as slices, links as arrows, for Perfetto and Chrome's trace viewer.
//!
//! # Source
//! "Trace Event Format", JSON object form: `X` complete events, `s`/`f` flow events bound to the slice around them, `M` metadata; microseconds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{about, moment, title_of};
use crate::render::view::Titles;
use crate::wire::v1::{Report, SignalRow};

/// The process of everything that names no node. Process 0 is the idle task to trace viewers.
const CLUSTER: usize = 1;

/// Renders a report as a trace. What has no time is counted under `otherData`.
pub fn render_trace(report: &Report, titles: &Titles) -> String {
    let nodes: BTreeSet<&str> = report
        .signals
        .iter()
        .filter_map(|s| s.entities.get("node"))
        .chain(report.conditions.iter().map(|c| &c.node))
        .map(String::as_str)
        .collect();
    let mut tracks = Tracks {
        pids: nodes
            .iter()
            .enumerate()
            .map(|(at, node)| (*node, CLUSTER + 1 + at))
            .collect(),
        tids: BTreeMap::new(),
        events: Vec::new(),
    };
    tracks.name_process(CLUSTER, "changes, alerts, and what names no node");
    for node in &nodes {
        tracks.name_process(tracks.pids[node], node);
    }
    let mut undated = 0_usize;
    conditions(report, &mut tracks, &mut undated);
    let places = signals(report, titles, &mut tracks, &mut undated);
    let links = links(report, &places, &mut tracks);
    let text = json!({
        "displayTimeUnit": "ms",
        "otherData": {
            "generator": format!("rootline {}", report.generator.version),
            "incident": report.incident.title,
            "left_out_without_a_time": undated,
            "links_left_out": links,
        },
        "traceEvents": tracks.events,
    })
    .to_string();
    text + "\n"
}

struct Tracks<'a> {
    pids: BTreeMap<&'a str, usize>,
    /// Threads of each process, by name.
    tids: BTreeMap<(usize, String), usize>,
    events: Vec<Value>,
}

impl Tracks<'_> {
    fn name_process(&mut self, pid: usize, name: &str) {
        self.events.push(json!({"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}}));
        self.events.push(json!({"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0, "args": {"sort_index": pid}}));
    }

    /// Returns the thread of this name, which is made when it is first asked for.
    fn thread(&mut self, pid: usize, name: &str) -> usize {
        let key = (pid, name.to_owned());
        if let Some(tid) = self.tids.get(&key) {
            return *tid;
        }
        let tid = self.tids.keys().filter(|(p, _)| *p == pid).count() + 1;
        self.tids.insert(key, tid);
        self.events.push(json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": name}}));
        tid
    }
}

/// Each condition of a node is a thread, each stay in it a slice. An end that is not known is drawn at the end of the record.
fn conditions(report: &Report, tracks: &mut Tracks, undated: &mut usize) {
    let end = report
        .incident
        .window
        .as_ref()
        .and_then(|w| moment(Some(&w.to)));
    for condition in &report.conditions {
        let Some(from) = moment(condition.from.as_deref()) else {
            *undated += 1;
            continue;
        };
        let to = moment(condition.to.as_deref())
            .or(end)
            .unwrap_or(from)
            .max(from);
        let pid = tracks.pids[condition.node.as_str()];
        let tid = tracks.thread(pid, &condition.condition);
        tracks.events.push(json!({
            "ph": "X", "cat": "condition", "name": format!("{}={}", condition.condition, condition.status), "pid": pid, "tid": tid,
            "ts": from.timestamp_micros(), "dur": (to - from).num_microseconds().unwrap_or(0).max(1),
            "args": {"from_open": condition.from_open, "to_open": condition.to_open || condition.to.is_none(), "evidence": condition.evidence},
        }));
    }
}

/// Where a signal's slice lies: process, thread, start.
type Place = (usize, usize, i64);

/// Signals are slices of one microsecond, by who says it: their stamps' precision is an argument, for a slice as wide would look like a duration.
fn signals<'a>(
    report: &'a Report,
    titles: &Titles,
    tracks: &mut Tracks,
    undated: &mut usize,
) -> BTreeMap<&'a str, Place> {
    let members: BTreeMap<&str, &str> = report
        .cascades
        .iter()
        .flat_map(|c| c.signals.iter().map(|s| (s.as_str(), c.id.as_str())))
        .collect();
    let mut places = BTreeMap::new();
    for signal in &report.signals {
        let Some(at) = moment(signal.at.as_deref()) else {
            *undated += 1;
            continue;
        };
        let pid = signal
            .entities
            .get("node")
            .and_then(|n| tracks.pids.get(n.as_str()))
            .copied()
            .unwrap_or(CLUSTER);
        let tid = tracks.thread(
            pid,
            signal.component.as_deref().unwrap_or("unknown component"),
        );
        let stage = titles
            .stages
            .get(&signal.signal)
            .map_or("other", String::as_str);
        tracks.events.push(json!({
            "ph": "X", "cat": stage, "name": name(signal, titles), "pid": pid, "tid": tid, "ts": at.timestamp_micros(), "dur": 1,
            "args": {
                "id": signal.id, "precision": signal.precision, "time_basis": signal.time_basis, "count": signal.count,
                "cascade": members.get(signal.id.as_str()), "entities": signal.entities,
                "evidence": signal.evidence.iter().map(|e| format!("{}:{}", e.path, e.line)).collect::<Vec<_>>(),
            },
        }));
        places.insert(signal.id.as_str(), (pid, tid, at.timestamp_micros()));
    }
    places
}

fn name(signal: &SignalRow, titles: &Titles) -> String {
    format!("{} {}", title_of(signal, titles), about(signal))
        .trim_end()
        .to_owned()
}

/// Links are arrows. One whose cause was recorded after its effect is drawn from the earlier to the later, for viewers drop an arrow that goes back
/// in time; its name says so. Returns how many touch a signal that has no time.
fn links(report: &Report, places: &BTreeMap<&str, Place>, tracks: &mut Tracks) -> usize {
    let mut left_out = 0;
    for (id, link) in report.cascades.iter().flat_map(|c| &c.links).enumerate() {
        let (Some(cause), Some(effect)) = (
            places.get(link.cause.as_str()),
            places.get(link.effect.as_str()),
        ) else {
            left_out += 1;
            continue;
        };
        let backwards = effect.2 < cause.2;
        let (name, from, to) = if backwards {
            let name = format!(
                "{} (from effect to cause: the effect was recorded first)",
                link.rule
            );
            (name, effect, cause)
        } else {
            (link.rule.clone(), cause, effect)
        };
        let arrow = |ph: &str, (pid, tid, ts): &Place| json!({"ph": ph, "cat": "link", "name": name, "id": id + 1, "pid": pid, "tid": tid, "ts": ts, "args": {"rule": link.rule, "lag_ms": link.lag_ms, "confidence": link.confidence, "because": link.because}});
        let mut end = arrow("f", to);
        end["bp"] = json!("e");
        tracks.events.push(arrow("s", from));
        tracks.events.push(end);
    }
    left_out
}
