//! What kubectl prints for people: tables with a header row, and descriptions, in whatever text stands around them.
//!
//! Each row becomes the Event, Pod or Node object that it was printed from. An age stays an age; what tells when kubectl ran
//! (a line that `date` printed before it) goes with the row as `shownAt`.
//!
//! # Source
//! kubectl `get`, `events` and `describe` printers, 1.12 to 1.36; formats of ages: apimachinery's HumanDuration.

use std::ops::Range;

use serde_json::{Map, Value, json};

use super::{Piece, lines};
use crate::grammar::stamp;

/// Cuts out rows and descriptions; the rest are plain lines.
pub(super) fn cut(text: &str) -> Vec<Piece> {
    let all: Vec<(Range<usize>, &str)> = lines(text).collect();
    let mut cutter = Cutter::default();
    let mut at = 0;
    while at < all.len() {
        let (range, line) = &all[at];
        cutter.listen(line);
        let taken = if let Some(table) = Table::of_header(line) {
            cutter.plain(range.clone());
            1 + cutter.rows(&table, &all[at + 1..], None)
        } else if describes(line) {
            cutter.description(&all[at..])
        } else {
            cutter.plain(range.clone());
            1
        };
        at += taken.max(1);
    }
    cutter.pieces
}

#[derive(Default)]
struct Cutter {
    pieces: Vec<Piece>,
    /// When the commands ran, as far as the text tells.
    shown_at: Option<String>,
    /// What the last object covers.
    covered: usize,
    /// Namespace of the last kubectl command line.
    namespace: Option<String>,
}

/// The object that a row of an event table is about, where the table stands in its description.
struct About<'a> {
    kind: &'a str,
    name: &'a str,
    namespace: Option<&'a str>,
}

impl Cutter {
    fn plain(&mut self, range: Range<usize>) {
        if range.start < self.covered {
            return;
        }
        if let Some(Piece::Lines(last)) = self.pieces.last_mut()
            && range.start <= last.end + 2
        {
            last.end = range.end;
            return;
        }
        self.pieces.push(Piece::Lines(range));
    }

    fn object(&mut self, range: Range<usize>, mut value: Value) {
        if let (Some(object), Some(shown)) = (value.as_object_mut(), &self.shown_at) {
            object.insert("shownAt".to_owned(), shown.as_str().into());
        }
        self.covered = range.end;
        self.pieces.push(Piece::Object(range, value));
    }

    /// Keeps what a command line or the output of `date` says about what follows.
    fn listen(&mut self, line: &str) {
        if let Some(shown) = stamp::date_output(line) {
            self.shown_at = Some(shown);
        }
        if let Some((_, command)) = line.split_once("kubectl ") {
            let words: Vec<&str> = command.split_whitespace().collect();
            self.namespace = words.iter().enumerate().find_map(|(index, word)| {
                let attached = word
                    .strip_prefix("--namespace=")
                    .or_else(|| word.strip_prefix("-n="));
                let next = matches!(*word, "-n" | "--namespace")
                    .then(|| words.get(index + 1).copied())
                    .flatten();
                attached.or(next).map(str::to_owned)
            });
        }
    }

    /// Takes rows until one does not fit. Returns how many lines were taken.
    fn rows(
        &mut self,
        table: &Table,
        rows: &[(Range<usize>, &str)],
        about: Option<&About<'_>>,
    ) -> usize {
        let mut taken = 0;
        for (range, line) in rows {
            let rule = line.chars().all(|c| matches!(c, '-' | ' ')) && line.contains("--");
            if rule {
                taken += 1;
                self.plain(range.clone());
                continue;
            }
            let Some(value) = table
                .cells(line)
                .and_then(|cells| self.object_of(table, &cells, about))
            else {
                break;
            };
            taken += 1;
            if value.is_null() {
                self.plain(range.clone());
            } else {
                self.object(range.clone(), value);
            }
        }
        taken
    }

    fn object_of(&self, table: &Table, cells: &[&str], about: Option<&About<'_>>) -> Option<Value> {
        match table.of {
            Of::Events => event_of(table, cells, about, self.namespace.as_deref()),
            Of::Pods => Some(pod_of(table, cells, self.namespace.as_deref())),
            Of::Nodes => Some(node_of(table, cells)),
            Of::Conditions => None,
        }
    }

    /// Reads a description. Returns how many lines were taken.
    fn description(&mut self, all: &[(Range<usize>, &str)]) -> usize {
        let length = 1 + all[1..]
            .iter()
            .position(|(_, line)| describes(line) || !belongs_to_description(line))
            .unwrap_or(all.len() - 1);
        let block = &all[..length];
        let top: Map<String, Value> = block
            .iter()
            .filter_map(|(_, line)| key_value(line, 0))
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect();
        let get = |key: &str| {
            top.get(key)
                .and_then(Value::as_str)
                .filter(|v| !v.is_empty() && *v != "<none>")
        };
        let Some(name) = get("Name") else { return 0 };
        let namespace = get("Namespace");
        let has = |key: &str| top.contains_key(key);
        if has("Involved Object") && has("Reason") {
            let range = block[0].0.start..last_text(block);
            self.object(range, described_event(block, &top));
            return length;
        }
        let kind = if has("Unschedulable") || has("Roles") || has("Taints") {
            "Node"
        } else if has("Pods Status") && has("Replicas") && !has("StrategyType") {
            if block
                .iter()
                .any(|(_, l)| l.contains("statefulset-controller"))
            {
                "StatefulSet"
            } else {
                "ReplicaSet"
            }
        } else if has("StrategyType") {
            "Deployment"
        } else if has("Desired Number of Nodes Scheduled") {
            "DaemonSet"
        } else if has("Update Strategy") {
            "StatefulSet"
        } else if namespace.is_some() && (has("Node") || has("Containers") || has("QoS Class")) {
            "Pod"
        } else {
            ""
        };
        let about = About {
            kind,
            name,
            namespace,
        };
        let mut at = 0;
        while at < block.len() {
            let (range, line) = &block[at];
            if kind == "Node" && at == 0 {
                self.object(range.clone(), described_node(name, block));
            } else if kind == "Pod" && at == 0 {
                let (range, value) = described_pod(block, &top);
                self.object(range, value);
            }
            if let Some(table) = Table::of_header(line) {
                if at > 0 {
                    self.plain(range.clone());
                }
                at += 1;
                if table.of == Of::Conditions && kind == "Node" {
                    while let Some((range, row)) = block.get(at) {
                        if row.trim_start().starts_with("----") {
                            self.plain(range.clone());
                        } else if let Some(cells) =
                            table.cells(row).filter(|_| row.starts_with(' '))
                        {
                            self.object(range.clone(), condition_of(&table, &cells, name));
                        } else {
                            break;
                        }
                        at += 1;
                    }
                } else if table.of == Of::Events && !kind.is_empty() {
                    at += self.rows(&table, &block[at..], Some(&about));
                }
                continue;
            }
            if kind == "Node" && line.starts_with("Taints:") {
                let mut next = at;
                while let Some((range, line)) = block.get(next) {
                    let taint = if next == at {
                        line["Taints:".len()..].trim()
                    } else {
                        line.trim()
                    };
                    if next > at && !line.starts_with("    ") {
                        break;
                    }
                    if let Some(taint) = taint_of(taint) {
                        self.object(range.clone(), json!({"apiVersion":"v1","kind":"Node","metadata":{"name":name},"spec":{"taints":[taint]},"status":{"conditions":[]}}));
                    } else if next > 0 {
                        self.plain(range.clone());
                    }
                    next += 1;
                }
                at = next;
                continue;
            }
            if kind == "Pod" && *line == "Containers:" {
                at += 1 + self.containers(&block[at..], &top);
                continue;
            }
            if at > 0 {
                self.plain(range.clone());
            }
            at += 1;
        }
        length
    }

    /// Reads the containers of a described pod. Returns how many lines after the heading were taken.
    fn containers(&mut self, block: &[(Range<usize>, &str)], top: &Map<String, Value>) -> usize {
        self.plain(block[0].0.clone());
        let mut at = 1;
        while let Some((_, line)) = block.get(at) {
            if !(line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':')) {
                if line.starts_with("  ") {
                    self.plain(block[at].0.clone());
                    at += 1;
                    continue;
                }
                break;
            }
            let length = 1 + block[at + 1..]
                .iter()
                .take_while(|(_, l)| l.starts_with("    "))
                .count();
            let part = &block[at..at + length];
            let field = |key: &str| {
                part.iter()
                    .filter_map(|(_, l)| key_value(l, 4))
                    .find(|(k, _)| *k == key)
                    .map(|(_, v)| v)
            };
            let state = part.iter().position(|(_, l)| l.starts_with("    State:"));
            let detail = |key: &str| {
                part[state? + 1..]
                    .iter()
                    .take_while(|(_, l)| l.starts_with("      "))
                    .filter_map(|(_, l)| key_value(l, 6))
                    .find(|(k, _)| *k == key)
                    .map(|(_, v)| v)
            };
            let mut inner = Map::new();
            for (key, label) in [
                ("reason", "Reason"),
                ("message", "Message"),
                ("finishedAt", "Finished"),
            ] {
                if let Some(value) = detail(label) {
                    inner.insert(key.to_owned(), value.into());
                }
            }
            if let Some(code) = detail("Exit Code").and_then(|c| c.parse::<i64>().ok()) {
                inner.insert("exitCode".to_owned(), code.into());
            }
            let state = field("State").unwrap_or("Waiting").to_lowercase();
            let status = json!({
                "name": line.trim().trim_end_matches(':'),
                "image": field("Image").unwrap_or_default(),
                "imageID": field("Image ID").unwrap_or_default(),
                "state": {state: inner},
            });
            let mut pod = pod_head(top);
            pod["status"] = json!({"containerStatuses": [status]});
            self.object(part[0].0.start..last_text(part), pod);
            at += length;
        }
        at - 1
    }
}

/// What a table's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Events,
    Pods,
    Nodes,
    Conditions,
}

/// A header row.
#[derive(Debug)]
struct Table {
    of: Of,
    /// Titles in upper case without blanks, with the byte at which the column begins.
    columns: Vec<(String, usize)>,
}

impl Table {
    fn of_header(line: &str) -> Option<Table> {
        let upper = line.bytes().any(|b| b.is_ascii_uppercase());
        if !upper || !line.is_ascii() || line.len() > 8 * 1024 {
            return None;
        }
        let columns: Vec<(String, usize)> = split_wide(line)
            .into_iter()
            .map(|(at, cell)| {
                let title: String = cell
                    .chars()
                    .filter(|c| !matches!(c, ' ' | '_' | '-'))
                    .collect();
                (title.to_uppercase(), at)
            })
            .collect();
        let has = |title: &str| columns.iter().any(|(t, _)| t == title);
        // Old descriptions are tabular with capital letters at the beginning of words only.
        let of = if has("REASON")
            && has("MESSAGE")
            && (has("TYPE")
                || has("OBJECT")
                || has("LASTSEEN")
                || has("AGE")
                || has("NAME")
                || has("KIND"))
        {
            if has("LASTHEARTBEATTIME") {
                Of::Conditions
            } else {
                Of::Events
            }
        } else if has("NAME") && has("STATUS") && has("READY") && line.starts_with("NAME") {
            Of::Pods
        } else if has("NAME") && has("STATUS") && has("ROLES") && has("VERSION") {
            Of::Nodes
        } else {
            return None;
        };
        Some(Table { of, columns })
    }

    /// Cuts a row. Rows pasted together from several commands have other widths than their header.
    fn cells<'a>(&self, line: &'a str) -> Option<Vec<&'a str>> {
        if line.trim().is_empty() {
            return None;
        }
        let count = self.columns.len();
        let wide = split_wide(line);
        if wide.len() == count {
            return Some(wide.into_iter().map(|(_, cell)| cell).collect());
        }
        let mut cells = Vec::new();
        for (index, (_, from)) in self.columns.iter().enumerate() {
            let to = self
                .columns
                .get(index + 1)
                .map_or(line.len(), |(_, to)| *to);
            if index > 0 && line.len() > *from && line.as_bytes().get(from - 1) != Some(&b' ') {
                cells.clear();
                break;
            }
            cells.push(
                line.get((*from).min(line.len())..to.min(line.len()).max(*from).min(line.len()))?
                    .trim(),
            );
        }
        let filled = cells.iter().filter(|c| !c.is_empty()).count();
        if cells.len() == count && filled * 2 > count {
            return Some(cells);
        }
        // More gaps than columns: the message itself has wide gaps.
        if wide.len() > count {
            let mut cells: Vec<&str> = wide[..count - 1].iter().map(|(_, cell)| *cell).collect();
            cells.push(line[wide[count - 1].0..].trim_end());
            return Some(cells);
        }
        None
    }

    fn cell<'a>(&self, cells: &[&'a str], titles: &[&str]) -> Option<&'a str> {
        titles
            .iter()
            .find_map(|title| {
                let index = self.columns.iter().position(|(t, _)| t == title)?;
                cells.get(index).copied()
            })
            .filter(|cell| {
                !cell.is_empty() && *cell != "<none>" && *cell != "<unknown>" && *cell != "<nil>"
            })
    }
}

/// Cuts a line at runs of two or more blanks; gives each cell with its place.
fn split_wide(line: &str) -> Vec<(usize, &str)> {
    let mut cells = Vec::new();
    let mut at = 0;
    for cell in line.split("  ") {
        let blanks = cell.len() - cell.trim_start().len();
        let text = cell.trim();
        if !text.is_empty() {
            cells.push((at + blanks, text));
        }
        at += cell.len() + 2;
    }
    cells
}

/// An age cell: last, and where it is repeated, how often and since when.
fn ages(cell: &str) -> (&str, Option<u64>, Option<&str>) {
    let Some((last, more)) = cell.split_once(" (x") else {
        return (cell, None, None);
    };
    let (count, first) = more
        .trim_end_matches(')')
        .split_once(" over ")
        .unwrap_or((more.trim_end_matches(')'), ""));
    (
        last,
        count.parse().ok(),
        Some(first).filter(|f| !f.is_empty()),
    )
}

fn event_of(
    table: &Table,
    cells: &[&str],
    about: Option<&About<'_>>,
    namespace: Option<&str>,
) -> Option<Value> {
    let cell = |titles: &[&str]| table.cell(cells, titles);
    let reason = cell(&["REASON"])?;
    if !reason.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let mut event = Map::new();
    event.insert("apiVersion".to_owned(), "v1".into());
    event.insert("kind".to_owned(), "Event".into());
    event.insert("reason".to_owned(), reason.into());
    for (key, title) in [("type", "TYPE")] {
        if let Some(value) = cell(&[title]) {
            event.insert(key.to_owned(), value.into());
        }
    }
    let (last, count, first) = cell(&[
        "LASTSEEN",
        "AGE",
        "LAST",
        "LASTTIMESTAMP",
        "TIME",
        "TIMESTAMP",
        "EVENTTIME",
    ])
    .map_or(("", None, None), ages);
    let first = first.or_else(|| {
        cell(&[
            "FIRSTSEEN",
            "FIRST",
            "FIRSTTIMESTAMP",
            "CREATED",
            "CREATIONTIMESTAMP",
        ])
    });
    let count = count.or_else(|| cell(&["COUNT"]).and_then(|c| c.parse().ok()));
    if !last.is_empty() {
        event.insert("lastTimestamp".to_owned(), last.into());
    }
    if let Some(first) = first.or(Some(last).filter(|l| !l.is_empty())) {
        event.insert("firstTimestamp".to_owned(), first.into());
    }
    if let Some(count) = count {
        event.insert("count".to_owned(), count.into());
    }
    if let Some(source) = cell(&["SOURCE", "FROM", "COMPONENT", "SOURCECOMPONENT"]) {
        let source = source.trim_start_matches('{').trim_end_matches('}').trim();
        let (component, host) = source
            .split_once(", ")
            .or_else(|| source.split_once(' '))
            .unwrap_or((source, ""));
        let host = cell(&["HOST", "NODE"]).unwrap_or(host.trim());
        event.insert(
            "source".to_owned(),
            json!({"component": component.trim(), "host": host}),
        );
    }
    let mut message = cell(&["MESSAGE"]).unwrap_or_default();
    let mut path = cell(&["SUBOBJECT", "SUBOBJECTPATH"]);
    // Since 1.35 a description writes the container in front of the message.
    if message.starts_with("spec.")
        && let Some((prefix, left)) = message.split_once("}: ")
        && !prefix.contains(' ')
    {
        path = Some(&message[..prefix.len() + 1]);
        message = left;
    }
    event.insert("message".to_owned(), message.into());
    let (kind, name) = match (cell(&["OBJECT"]), about) {
        (Some(object), _) => object.split_once('/')?,
        (None, Some(about)) => (about.kind, about.name),
        (None, None) => (cell(&["KIND"]).unwrap_or_default(), cell(&["NAME"])?),
    };
    let namespace = cell(&["NAMESPACE"])
        .or(about.and_then(|a| a.namespace))
        .or(namespace);
    let mut object = Map::new();
    object.insert("kind".to_owned(), canonical_kind(kind).into());
    object.insert("name".to_owned(), name.into());
    if let Some(namespace) = namespace {
        object.insert("namespace".to_owned(), namespace.into());
    }
    if let Some(path) = path {
        object.insert("fieldPath".to_owned(), path.into());
    }
    event.insert("involvedObject".to_owned(), Value::Object(object));
    if let (Some(name), true) = (cell(&["NAME"]), cell(&["OBJECT"]).is_some()) {
        event.insert("metadata".to_owned(), json!({"name": name}));
    }
    Some(Value::Object(event))
}

/// `pod` → `Pod`, `replicaset` → `ReplicaSet`; an unknown kind gets a capital.
fn canonical_kind(kind: &str) -> String {
    const KINDS: &[&str] = &[
        "Pod",
        "Node",
        "ReplicaSet",
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "HorizontalPodAutoscaler",
        "PersistentVolumeClaim",
    ];
    let kind = kind.split('.').next().unwrap_or(kind);
    KINDS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(kind))
        .map_or_else(|| kind.to_owned(), |known| (*known).to_owned())
}

/// A row of `kubectl get pods`: its status says why a pod does not run. The row has no time.
fn pod_of(table: &Table, cells: &[&str], namespace: Option<&str>) -> Value {
    let cell = |titles: &[&str]| table.cell(cells, titles);
    let (Some(name), Some(status)) = (cell(&["NAME"]), cell(&["STATUS"])) else {
        return Value::Null;
    };
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), name.into());
    let Some(namespace) = cell(&["NAMESPACE"]).or(namespace) else {
        return Value::Null;
    };
    metadata.insert("namespace".to_owned(), namespace.into());
    let mut spec = Map::new();
    if let Some(node) = cell(&["NODE"]) {
        spec.insert("nodeName".to_owned(), node.into());
    }
    let status = match status {
        "Evicted" => json!({"phase": "Failed", "reason": "Evicted"}),
        "ErrImagePull" | "ImagePullBackOff" | "CrashLoopBackOff" => {
            json!({"containerStatuses": [{"state": {"waiting": {"reason": status}}}]})
        }
        _ => json!({"phase": status}),
    };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
}

/// A row of `kubectl get nodes`. `NotReady` may be False or Unknown, so it is no condition; version and runtime are.
fn node_of(table: &Table, cells: &[&str]) -> Value {
    let cell = |titles: &[&str]| table.cell(cells, titles);
    let Some(name) = cell(&["NAME"]) else {
        return Value::Null;
    };
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"conditions": [], "nodeInfo": {
        "kubeletVersion": cell(&["VERSION"]).unwrap_or_default(),
        "containerRuntimeVersion": cell(&["CONTAINERRUNTIME"]).unwrap_or_default(),
    }}})
}

fn condition_of(table: &Table, cells: &[&str], node: &str) -> Value {
    let cell = |title: &str| table.cell(cells, &[title]).unwrap_or_default();
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "status": {"conditions": [{
        "type": cell("TYPE"), "status": cell("STATUS"), "reason": cell("REASON"), "message": cell("MESSAGE"),
        "lastHeartbeatTime": cell("LASTHEARTBEATTIME"), "lastTransitionTime": cell("LASTTRANSITIONTIME"),
    }]}})
}

fn taint_of(text: &str) -> Option<Value> {
    let (key, effect) = text.rsplit_once(':')?;
    if !matches!(effect, "NoSchedule" | "NoExecute" | "PreferNoSchedule") {
        return None;
    }
    let key = key.split('=').next().unwrap_or(key);
    Some(json!({"key": key, "effect": effect}))
}

/// A description begins with the name of its object.
fn describes(line: &str) -> bool {
    line.strip_prefix("Name:").is_some_and(|rest| {
        rest.starts_with("  ") && !rest.trim().is_empty() && !rest.trim().contains(' ')
    })
}

fn belongs_to_description(line: &str) -> bool {
    line.is_empty()
        || line.starts_with(' ')
        || line.split_once(':').is_some_and(|(key, value)| {
            key.starts_with(|c: char| c.is_ascii_uppercase())
                && key.len() < 60
                && key
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b" /-()_.".contains(&b))
                && (value.is_empty() || value.starts_with(' '))
        })
}

/// `Key:   value` at an indent.
fn key_value(line: &str, indent: usize) -> Option<(&str, &str)> {
    let left = line.get(indent..)?;
    if left.starts_with(' ') || !line[..indent].trim().is_empty() {
        return None;
    }
    let (key, value) = left.split_once(':')?;
    Some((key, value.trim()))
}

fn last_text(block: &[(Range<usize>, &str)]) -> usize {
    block
        .iter()
        .rev()
        .find(|(_, line)| !line.trim().is_empty())
        .map_or(0, |(range, _)| range.end)
}

fn described_node(name: &str, block: &[(Range<usize>, &str)]) -> Value {
    let value = |key: &str, indent: usize| {
        block
            .iter()
            .filter_map(|(_, line)| key_value(line, indent))
            .find(|(k, _)| *k == key)
            .map_or("", |(_, v)| v)
    };
    json!({"apiVersion": "v1", "kind": "Node",
    "metadata": {"name": name, "creationTimestamp": value("CreationTimestamp", 0)},
    "status": {
        "addresses": [{"address": value("InternalIP", 2)}],
        "nodeInfo": {"kubeletVersion": value("Kubelet Version", 1), "containerRuntimeVersion": value("Container Runtime Version", 1)},
    }})
}

fn pod_head(top: &Map<String, Value>) -> Value {
    let get = |key: &str| top.get(key).and_then(Value::as_str).unwrap_or_default();
    let node = get("Node").split('/').next().unwrap_or_default();
    let mut owners = Vec::new();
    if let Some((kind, name)) = get("Controlled By").split_once('/') {
        owners.push(json!({"kind": kind, "name": name, "controller": true}));
    }
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": get("Name"), "namespace": get("Namespace"), "ownerReferences": owners},
        "spec": {"nodeName": if node == "<none>" { "" } else { node }}})
}

/// The head of a described pod up to its message.
fn described_pod(
    block: &[(Range<usize>, &str)],
    top: &Map<String, Value>,
) -> (Range<usize>, Value) {
    let get = |key: &str| top.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut pod = pod_head(top);
    let mut status = Map::new();
    status.insert("phase".to_owned(), get("Status").into());
    status.insert("startTime".to_owned(), get("Start Time").into());
    let mut last = 0;
    for (index, (_, line)) in block.iter().enumerate() {
        if let Some((key @ ("Status" | "Reason" | "Message"), value)) = key_value(line, 0) {
            last = index;
            if key != "Status" {
                status.insert(key.to_lowercase(), value.into());
            }
        }
    }
    pod["status"] = Value::Object(status);
    (block[0].0.start..block[last].0.end, pod)
}

fn described_event(block: &[(Range<usize>, &str)], top: &Map<String, Value>) -> Value {
    let get = |key: &str| {
        top.get(key)
            .and_then(Value::as_str)
            .filter(|v| *v != "<nil>")
            .unwrap_or_default()
    };
    let under = |heading: &str, key: &str| {
        block
            .iter()
            .skip_while(|(_, line)| !line.starts_with(heading))
            .skip(1)
            .take_while(|(_, line)| line.starts_with(' '))
            .filter_map(|(_, line)| key_value(line, 2))
            .find(|(k, _)| *k == key)
            .map_or("", |(_, v)| v)
    };
    let mut event = json!({"apiVersion": "v1", "kind": "Event",
        "metadata": {"name": get("Name")},
        "type": get("Type"), "reason": get("Reason"), "message": get("Message"),
        "source": {"component": under("Source:", "Component"), "host": under("Source:", "Host")},
        "involvedObject": {"kind": under("Involved Object:", "Kind"), "name": under("Involved Object:", "Name"), "namespace": under("Involved Object:", "Namespace")}});
    for (key, label) in [
        ("firstTimestamp", "First Timestamp"),
        ("lastTimestamp", "Last Timestamp"),
        ("eventTime", "Event Time"),
    ] {
        if !get(label).is_empty() {
            event[key] = get(label).into();
        }
    }
    if let Ok(count) = get("Count").parse::<u64>() {
        event["count"] = count.into();
    }
    event
}
