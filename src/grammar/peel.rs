//! Peeling: a record is taken out of its envelopes, outermost first, keeping every stamp found on the way.
//!
//! Takes one line or one JSON object; gives the [`Record`]s in it. An audit line that holds a Pod is two records.
//! Does not match signals and does not know files. Start with [`Peeler::peel_line`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::format::{Condition, Format, Paths, Shape};
use super::pattern::Pattern;
use super::stamp::Layout;
use super::structured;
use crate::model::{Entities, Reading, Witness};

/// Envelopes in envelopes deeper than this are left as they are.
const DEEPEST: usize = 8;

/// Programs that never write klog's header themselves: a line that has it comes from what they started.
///
/// # Source
/// hyperkube in Docker (`docker[641]`, `dockerd-current[…]`), kube-up's `bash[…]`, Bottlerocket's and others' wrappers.
const LENDS_ITS_NAME: &[&str] = &[
    "docker",
    "dockerd",
    "podman",
    "bash",
    "sh",
    "sudo",
    "systemd",
    "runsvdir",
    "supervisord",
    "rkt",
    "env",
    "start",
];

/// One record, out of its envelopes.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Record type: `log`, `event`, `audit`, `node-condition` …
    pub of: String,
    /// Formats of its layers, outermost first.
    pub formats: Vec<String>,
    /// Who speaks.
    pub component: Option<String>,
    /// Host that the record names as its own.
    pub host: Option<String>,
    /// Cluster that an envelope names.
    pub cluster: Option<String>,
    /// Fields of all layers; an inner layer wins.
    pub fields: BTreeMap<String, String>,
    /// Entities that the layers give.
    pub entities: Entities,
    /// The message.
    pub body: String,
    /// The message came with named values beside it.
    pub structured: bool,
    /// Stamps, outermost first.
    pub readings: Vec<Reading>,
    /// The stamp is that of a line above.
    pub stamp_inherited: bool,
    /// End of a repeated record.
    pub last: Option<Reading>,
    /// When it was printed.
    pub shown: Option<Reading>,
    /// A finer stamp of its beginning.
    pub exact: Option<Reading>,
    /// Repetitions.
    pub count: u64,
    /// Occurrence or state.
    pub witness: Option<Witness>,
    /// The innermost JSON object and the reader that its format names.
    pub object: Option<(Value, String)>,
}

/// Formats in the order in which they are tried.
#[derive(Debug, Clone, Default)]
pub struct Peeler {
    formats: Vec<Format>,
    /// Indexes into `formats`, the most particular first.
    lines: Vec<usize>,
    json: Vec<usize>,
}

impl Peeler {
    /// Works out the order from the formats' own samples: a format that also reads another's samples comes after it.
    pub fn new(formats: Vec<Format>) -> Peeler {
        let mut peeler = Peeler {
            formats,
            lines: Vec::new(),
            json: Vec::new(),
        };
        // Each sample is parsed once, not once for each format.
        let samples: Vec<(usize, &str, Option<Value>)> = peeler
            .formats
            .iter()
            .enumerate()
            .flat_map(|(owner, f)| {
                f.samples
                    .iter()
                    .map(move |sample| (owner, sample.text.as_str()))
            })
            .map(|(owner, text)| (owner, text, serde_json::from_str(text.trim()).ok()))
            .collect();
        let reads_others = |peeler: &Peeler, index: usize| -> usize {
            let others = samples.iter().filter(|(owner, ..)| *owner != index);
            match peeler.formats[index].shape {
                Shape::Lines => others
                    .filter(|(_, text, _)| peeler.reads(index, text))
                    .count(),
                Shape::Json => others
                    .filter_map(|(_, _, value)| value.as_ref())
                    .filter(|value| fits(&peeler.formats[index], value))
                    .count(),
                // Documents are told by their beginning, not in any order.
                Shape::Document => 0,
            }
        };
        let all: Vec<usize> = (0..peeler.formats.len()).collect();
        let counts = super::on_all_cores(&all, |_| 1, |index| reads_others(&peeler, *index));
        // What only wraps other records is tried when nothing else reads the line.
        let mut order: Vec<(bool, usize, String, usize)> = counts
            .into_iter()
            .enumerate()
            .map(|(i, count)| {
                (
                    peeler.formats[i].wraps,
                    count,
                    peeler.formats[i].id.clone(),
                    i,
                )
            })
            .collect();
        order.sort();
        for (_, _, _, index) in order {
            match peeler.formats[index].shape {
                Shape::Lines => peeler.lines.push(index),
                Shape::Json => peeler.json.push(index),
                Shape::Document => {}
            }
        }
        peeler
    }

    /// Returns all formats.
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// Returns a format by its id.
    pub fn format(&self, id: &str) -> Option<&Format> {
        self.formats.iter().find(|f| f.id == id)
    }

    /// Returns whether one format reads a text as its outermost layer.
    pub fn reads(&self, index: usize, text: &str) -> bool {
        let format = &self.formats[index];
        match format.shape {
            Shape::Lines => read_line(format, text).is_some_and(|layer| {
                !format.wraps
                    || layer
                        .body
                        .is_some_and(|body| self.is_record(&self.peel_line(&body), 0))
            }),
            Shape::Json => {
                serde_json::from_str::<Value>(text.trim()).is_ok_and(|value| fits(format, &value))
            }
            Shape::Document => document_begins(format, text),
        }
    }

    /// Returns whether a key of a JSON object may hold a list of records.
    pub fn is_list_key(&self, key: &str) -> bool {
        key == "items"
            || self
                .formats
                .iter()
                .any(|f| f.lists.iter().any(|list| list == key))
    }

    /// Returns whether a format reads a JSON object as it is.
    pub fn knows(&self, value: &Value) -> bool {
        self.json.iter().any(|i| fits(&self.formats[*i], value))
    }

    /// Finds the records that an object lists, if one of them is known.
    fn items_of<'a>(&self, value: &'a Value) -> Option<&'a Vec<Value>> {
        value.as_object()?.iter().find_map(|(key, list)| {
            let items = list.as_array().filter(|_| self.is_list_key(key))?;
            let known = |item: &Value| {
                self.json.iter().any(|i| {
                    let format = &self.formats[*i];
                    (key == "items" || format.lists.contains(key)) && fits(format, item)
                })
            };
            items.iter().any(known).then_some(items)
        })
    }

    /// Returns whether a format that is no mere wrapper took part, past the first layers.
    fn is_record(&self, records: &[Record], layers: usize) -> bool {
        records.last().is_some_and(|record| {
            record
                .formats
                .iter()
                .skip(layers)
                .any(|id| self.format(id).is_some_and(|f| !f.wraps))
        })
    }

    /// Returns the ids of all formats that read a text as their outermost layer.
    pub fn readers_of(&self, text: &str) -> Vec<&str> {
        (0..self.formats.len())
            .filter(|i| self.reads(*i, text))
            .map(|i| self.formats[i].id.as_str())
            .collect()
    }

    /// Returns the document format that a text begins as. Where the name of its file is known, a format that tells how its files are
    /// called is not that of others. What can be read is preferred to what is only named.
    pub fn document(&self, head: &str, name: Option<&str>) -> Option<&Format> {
        let is_called = |f: &Format| {
            f.named.is_empty()
                || name.is_none_or(|name| f.named.iter().any(|end| name.ends_with(end.as_str())))
        };
        let fitting = || {
            let begins = |f: &&Format| !f.anywhere && is_called(f) && document_begins(f, head);
            self.formats.iter().filter(begins)
        };
        fitting()
            .find(|f| f.unread.is_none())
            .or_else(|| fitting().next())
    }

    /// Returns the document format of which a line of the text tells, wherever it stands.
    pub fn document_inside(&self, text: &str) -> Option<&Format> {
        self.formats
            .iter()
            .find(|f| f.shape == Shape::Document && f.anywhere && document_begins(f, text))
    }

    /// Peels one line. The last record is the innermost; a line that nothing reads gives one record without formats.
    pub fn peel_line(&self, line: &str) -> Vec<Record> {
        let mut records = Vec::new();
        let record = Record {
            of: "log".into(),
            count: 1,
            ..Record::default()
        };
        self.peel_text(record, clean(line), 0, &mut records);
        records
    }

    /// Peels one JSON object.
    pub fn peel_value(&self, value: Value) -> Vec<Record> {
        let mut records = Vec::new();
        let record = Record {
            of: "log".into(),
            count: 1,
            ..Record::default()
        };
        self.peel_object(record, value, 0, &mut records);
        records
    }

    /// Reads only the outermost layer of a line, by one format whose records come in fragments.
    pub fn outer(&self, format: &Format, line: &str) -> Option<Outer> {
        let fragment = format.fragment.as_ref()?;
        let line = clean(line);
        let layer = match format.shape {
            Shape::Lines => read_line(format, &line)?,
            _ => {
                let value = serde_json::from_str::<Value>(line.trim()).ok()?;
                if !fits(format, &value) {
                    return None;
                }
                read_object(format, &value)
            }
        };
        let body = layer.body.unwrap_or_default();
        let open = match &fragment.field {
            Some(field) => layer
                .fields
                .get(field)
                .is_some_and(|value| fragment.starts.iter().any(|s| value.starts_with(s))),
            None => !body.ends_with('\n'),
        };
        let same = fragment
            .same
            .iter()
            .map(|name| layer.fields.get(name).cloned().unwrap_or_default())
            .collect();
        Some(Outer { same, open, body })
    }

    /// Returns the outermost layer of a line that has no structure of its own, and its body.
    pub fn envelope(&self, line: &str) -> Option<(String, String)> {
        let line = clean(line);
        if line.trim_start().starts_with('{')
            && let Ok(value) = serde_json::from_str::<Value>(line.trim())
        {
            let index = self
                .json
                .iter()
                .find(|i| fits(&self.formats[**i], &value))?;
            let format = &self.formats[*index];
            let body = read_object(format, &value).body?;
            let body = body.trim_end_matches('\n').to_owned();
            return Some((format.id.clone(), body));
        }
        self.lines.iter().find_map(|index| {
            let format = &self.formats[*index];
            // klog's own header is part of the record that goes on.
            if format.wraps || format.fields_of_log() {
                return None;
            }
            let layer = read_line(format, &line)?;
            Some((format.id.clone(), layer.body?))
        })
    }

    /// Returns the wrapper that a line begins with, and the record in it.
    pub fn wrapped(&self, line: &str) -> Option<(String, String)> {
        let line = clean(line);
        self.lines.iter().find_map(|index| {
            let format = &self.formats[*index];
            let body = read_line(format, &line).filter(|_| format.wraps)?.body?;
            self.is_record(&self.peel_line(&body), 0)
                .then(|| (format.id.clone(), body))
        })
    }

    /// Peels a line whose outermost layer has another body than the line shows: that of all its fragments.
    pub fn peel_with_body(&self, format: &Format, line: &str, body: &str) -> Vec<Record> {
        let mut records = Vec::new();
        let mut record = Record {
            of: "log".into(),
            count: 1,
            ..Record::default()
        };
        let line = clean(line);
        let layer = match format.shape {
            Shape::Lines => read_line(format, &line),
            _ => serde_json::from_str::<Value>(line.trim())
                .ok()
                .map(|value| read_object(format, &value)),
        };
        if let Some(layer) = layer {
            self.apply(&mut record, format, layer);
        }
        self.peel_text(record, clean(body), 1, &mut records);
        records
    }

    /// Peels an object that was printed in another shape, which is its outermost layer.
    pub fn peel_value_in(&self, outer: &str, value: Value) -> Vec<Record> {
        let mut records = Vec::new();
        let record = Record {
            of: "log".into(),
            count: 1,
            formats: vec![outer.to_owned()],
            ..Record::default()
        };
        self.peel_object(record, value, 0, &mut records);
        records
    }

    fn peel_text(
        &self,
        mut record: Record,
        text: Cow<'_, str>,
        depth: usize,
        records: &mut Vec<Record>,
    ) {
        let text = text.into_owned();
        if depth < DEEPEST {
            if text.trim_start().starts_with('{')
                && let Ok(value) = serde_json::from_str::<Value>(text.trim())
                && (self.knows(&value) || self.items_of(&value).is_some())
            {
                return self.peel_object(record, value, depth, records);
            }
            for index in &self.lines {
                let format = &self.formats[*index];
                if let Some(layer) = read_line(format, &text) {
                    if format.wraps {
                        let mut wrapped = record.clone();
                        let body = layer.body.clone().unwrap_or_default();
                        self.apply(&mut wrapped, format, layer);
                        let layers = wrapped.formats.len();
                        let mut inner = Vec::new();
                        self.peel_text(wrapped, Cow::Owned(body), depth + 1, &mut inner);
                        if self.is_record(&inner, layers) {
                            return records.extend(inner);
                        }
                        continue;
                    }
                    let next = layer.body.clone();
                    self.apply(&mut record, format, layer);
                    // What a controller logs of an Event is the Event, told once more.
                    if let Some(event) = next
                        .as_deref()
                        .and_then(|body| structured::event_in_log(body, &record.fields))
                    {
                        return self.peel_object(record, event, depth + 1, records);
                    }
                    return match next {
                        Some(body) if !body.is_empty() => {
                            self.peel_text(record, Cow::Owned(body), depth + 1, records)
                        }
                        _ => records.push(record),
                    };
                }
            }
        }
        record.body = text;
        records.push(record);
    }

    fn peel_object(
        &self,
        mut record: Record,
        value: Value,
        depth: usize,
        records: &mut Vec<Record>,
    ) {
        let Some(index) = self
            .json
            .iter()
            .find(|i| fits(&self.formats[**i], &value))
            .copied()
        else {
            record.object = None;
            if let Some(items) = self.items_of(&value).filter(|_| depth < DEEPEST) {
                for item in items {
                    self.peel_object(record.clone(), item.clone(), depth + 1, records);
                }
                return;
            }
            if record.formats.is_empty() || record.of != "log" {
                return;
            }
            return records.push(record);
        };
        let format = &self.formats[index];
        let layer = read_object(format, &value);
        let body = layer.body.clone();
        self.apply(&mut record, format, layer);
        let inner = format
            .fields
            .iter()
            .find(|(name, _)| name == "object")
            .and_then(|(_, paths)| find(&value, paths))
            .cloned();
        // A cloud's words for a request to the API server are read as the audit record they were made of.
        if format.reader.as_deref() == Some("cloud-audit")
            && let Some(audit) = structured::audit_in_cloud(&value)
        {
            record.of = "log".into();
            return self.peel_object(record, audit, depth + 1, records);
        }
        if let Some(reader) = &format.reader {
            record.object = Some((value, reader.clone()));
        }
        if format.of.is_some() {
            record.body = body.clone().unwrap_or_default();
            records.push(record.clone());
        }
        match (inner, body) {
            (Some(inner), _) if depth < DEEPEST => {
                record.object = None;
                record.of = "log".into();
                // What the envelope says of itself is not what its content says.
                record.entities.clear();
                self.peel_object(record, inner, depth + 1, records);
            }
            (_, Some(body)) if format.of.is_none() => {
                self.peel_text(record, Cow::Owned(body), depth + 1, records)
            }
            _ if format.of.is_none() => records.push(record),
            _ => {}
        }
    }

    fn apply(&self, record: &mut Record, format: &Format, layer: Layer) {
        record.formats.push(format.id.clone());
        if let Some(of) = &format.of {
            record.of.clone_from(of);
        }
        record.structured |= layer.structured;
        record.readings.extend(layer.at);
        if layer.last.is_some() {
            record.last = layer.last;
        }
        if layer.shown.is_some() {
            record.shown = layer.shown;
        }
        if layer.exact.is_some() {
            record.exact = layer.exact;
        }
        // Named values of a structured message may be called host or component and mean something else.
        let own = |name: &str| {
            layer
                .fields
                .get(name)
                .filter(|value| !layer.structured && !value.is_empty() && *value != "-")
        };
        if let Some(component) = own("component").or(format.component.as_ref()) {
            record.component = canonical_component(component);
        }
        if let Some(host) = own("host") {
            record.host = Some(host.clone());
        }
        if let Some(cluster) = own("cluster") {
            record.cluster = Some(cluster_in(cluster).to_owned());
        }
        // Whoever starts a Kubernetes component in a container or from a script lends its lines a name.
        if format.id.starts_with("klog")
            && let Some(name) = record.component.as_deref()
            && LENDS_ITS_NAME.contains(&name.split('-').next().unwrap_or(name))
        {
            record.component = None;
        }
        if let Some(count) = own("count").and_then(|c| c.parse().ok()) {
            record.count = count;
        }
        for (name, value) in layer.fields {
            record.fields.insert(name, value);
        }
        let conditional = format
            .entity_when
            .iter()
            .filter(|when| record.fields.get(&when.field) == Some(&when.is))
            .flat_map(|when| when.set.iter());
        let fields = &record.fields;
        let entities: Vec<(String, String)> = format
            .entities
            .iter()
            .map(|(a, b)| (a, b))
            .chain(conditional)
            .filter_map(|(entity, field)| {
                fields
                    .get(field)
                    .filter(|v| !v.is_empty())
                    .map(|v| (entity.clone(), v.clone()))
            })
            .collect();
        record.entities.extend(entities);
        // An Event says which container of its pod it is about in a path: spec.containers{web}.
        let path = ["field_path", "path"]
            .into_iter()
            .find_map(|name| record.fields.get(name));
        if let Some(container) = path
            .and_then(|path| path.strip_prefix("spec."))
            .and_then(|path| path.split_once('{'))
            .and_then(|(_, name)| name.trim().strip_suffix('}'))
            .filter(|name| !name.is_empty() && record.of == "event")
        {
            record
                .entities
                .insert("container".to_owned(), container.to_owned());
        }
    }
}

/// The outermost layer of a line that may be a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outer {
    /// Values that fragments of one record agree in.
    pub same: Vec<String>,
    /// The record goes on in a later line.
    pub open: bool,
    /// This line's part of it.
    pub body: String,
}

/// Returns the component that a syslog identifier or a unit means; `None` where one process is several components.
///
/// # Source
/// OpenShift's node service (`kubenswrapper`, `origin-node`, `hyperkube`), snap names of MicroK8s, distributions that run everything in one process.
fn canonical_component(name: &str) -> Option<String> {
    let name = name.strip_suffix(".service").unwrap_or(name);
    let name = name.strip_prefix("snap.").unwrap_or(name);
    let name = name.strip_prefix("microk8s.daemon-").unwrap_or(name);
    // Where logs are rotated by a process of their own, the tag ends in the number of the file.
    let name = match name.rsplit_once('.') {
        Some((stem, number)) if number.bytes().all(|b| b.is_ascii_digit()) => stem,
        _ => name,
    };
    Some(match name {
        "k3s"
        | "k3s-agent"
        | "k3s-server"
        | "rke2"
        | "rke2-server"
        | "rke2-agent"
        | "kubelite"
        | "k0s"
        | "atomic-openshift-master-controllers"
        | "origin-master-controllers" => return None,
        "kubenswrapper"
        | "kubelet-wrapper"
        | "origin-node"
        | "atomic-openshift-node"
        | "hyperkube" => "kubelet".to_owned(),
        "scheduler" => "kube-scheduler".to_owned(),
        "controller-manager" => "kube-controller-manager".to_owned(),
        "apiserver" => "kube-apiserver".to_owned(),
        "crio" => "cri-o".to_owned(),
        "cri-containerd" => "containerd".to_owned(),
        "docker" => "dockerd".to_owned(),
        other => other.to_owned(),
    })
}

/// Returns the cluster's name in what an envelope names: a cloud's resource path or log group, or the name itself.
///
/// # Source
/// Azure resource ids (`…/managedClusters/<name>`); log groups of EKS control planes (`/aws/eks/<name>/cluster`).
fn cluster_in(named: &str) -> &str {
    let lower = named.to_ascii_lowercase();
    ["/managedclusters/", "/aws/eks/"]
        .into_iter()
        .find_map(|before| {
            let at = lower.find(before)? + before.len();
            named.get(at..)?.split('/').next()
        })
        .unwrap_or(named)
}

/// What one layer gives.
#[derive(Default)]
struct Layer {
    fields: BTreeMap<String, String>,
    at: Vec<Reading>,
    last: Option<Reading>,
    shown: Option<Reading>,
    exact: Option<Reading>,
    body: Option<String>,
    structured: bool,
}

fn read_line(format: &Format, text: &str) -> Option<Layer> {
    let mut layer = Layer::default();
    match format.reader.as_deref() {
        Some("klog-pairs") => {
            let (message, pairs) = structured::klog(text)?;
            layer.fields.extend(pairs);
            layer.body = Some(message);
            layer.structured = true;
        }
        Some("logfmt") => {
            for (key, value) in structured::logfmt(text)? {
                match key.as_str() {
                    "time" | "ts" => layer.at.extend(
                        format
                            .layouts
                            .iter()
                            .find_map(|l| l.take(&value))
                            .map(|(_, reading)| reading),
                    ),
                    "msg" => layer.body = Some(value),
                    _ => {
                        layer.fields.insert(key, value);
                    }
                }
            }
            layer.structured = true;
            layer.body.as_ref()?;
        }
        _ => {
            let first = text.bytes().next()?;
            let captures = format
                .patterns_for(first)
                .find_map(|pattern| pattern.find(text, &format.layouts))?;
            for (name, reading) in captures.times {
                if name == "last" {
                    layer.last = Some(reading)
                } else {
                    layer.at.push(reading)
                }
            }
            for (name, value) in captures.values {
                if name == "body" {
                    layer.body = Some(value)
                } else {
                    drop(layer.fields.insert(name, value))
                }
            }
        }
    }
    Some(layer)
}

fn read_object(format: &Format, value: &Value) -> Layer {
    let mut layer = Layer {
        structured: format.structured,
        ..Layer::default()
    };
    if let Some(members) = value.as_object().filter(|_| format.structured) {
        for (name, member) in members {
            layer.fields.insert(name.clone(), reference(member));
        }
    }
    for (name, paths) in &format.fields {
        if name == "object" {
            continue;
        }
        let Some(found) = find(value, paths) else {
            continue;
        };
        let text = plain(found);
        let stamp = || {
            format
                .layouts
                .iter()
                .filter_map(|layout: &Layout| layout.take(&text))
                // The layout that takes most of the value is the one it is written in.
                .max_by_key(|(length, _)| *length)
                .map(|(_, reading)| reading)
        };
        match name.as_str() {
            "at" => layer.at.extend(stamp()),
            "last" => layer.last = stamp(),
            "shown" => layer.shown = stamp(),
            "exact" => {
                let suffix = text.rsplit('.').next().unwrap_or_default();
                layer.exact = Layout::EpochNanosHex
                    .take(suffix)
                    .map(|(_, reading)| reading);
            }
            "body" => layer.body = Some(text),
            _ => drop(layer.fields.insert(name.clone(), text)),
        }
    }
    layer
}

/// Returns the text of a JSON value: strings as they are, byte arrays (journald's binary fields) as text, everything else as JSON.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items)
            if !items.is_empty() && items.iter().all(|v| v.as_u64().is_some_and(|b| b < 256)) =>
        {
            let bytes: Vec<u8> = items
                .iter()
                .filter_map(|v| v.as_u64().and_then(|b| u8::try_from(b).ok()))
                .collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        other => other.to_string(),
    }
}

/// Returns a named value as klog's text form writes it: an object reference is `namespace/name`.
fn reference(value: &Value) -> String {
    let part = |key: &str| value.get(key).and_then(Value::as_str);
    match (part("namespace"), part("name")) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (None, Some(name)) if value.as_object().is_some_and(|o| o.len() == 1) => name.to_owned(),
        _ => plain(value),
    }
}

/// Finds the first alternative that is present and not null.
pub fn find<'a>(value: &'a Value, paths: &Paths) -> Option<&'a Value> {
    // Go writes the zero time where a stamp is not set.
    let is_set = |found: &&Value| {
        !found.is_null() && !found.as_str().is_some_and(|t| t.starts_with("0001-01-01T"))
    };
    paths
        .iter()
        .filter_map(|path| walk(value, path))
        .find(is_set)
}

fn walk<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    let mut at = value;
    for (depth, part) in path.iter().enumerate() {
        at = match part.strip_suffix(']').and_then(|p| p.split_once('[')) {
            // `name[]` is any item, `name[key=value]` one that has this value.
            Some((name, wanted)) => {
                let list = at.get(name)?.as_array()?;
                let is_wanted = |item: &&Value| {
                    wanted.split_once('=').is_none_or(|(key, value)| {
                        item.get(key).and_then(Value::as_str) == Some(value)
                    })
                };
                return list
                    .iter()
                    .filter(is_wanted)
                    .find_map(|item| walk(item, &path[depth + 1..]));
            }
            None => at.get(part.as_str())?,
        };
    }
    (!at.is_null()).then_some(at)
}

fn fits(format: &Format, value: &Value) -> bool {
    value.is_object()
        && format.conditions.iter().all(|(paths, condition)| {
            match (find(value, paths), condition) {
                (Some(_), Condition::Present) => true,
                (Some(found), Condition::Fits(patterns)) => {
                    let text = plain(found);
                    patterns.iter().any(|p| p.find(&text, &[]).is_some())
                }
                (None, _) => false,
            }
        })
}

fn document_begins(format: &Format, text: &str) -> bool {
    if format.shape != Shape::Document {
        return false;
    }
    let mut start = text.trim_start_matches('\u{feff}').trim_start();
    if format.reader.as_deref() == Some("yaml") {
        // A licence or a note in comments, then the first document's mark.
        while start.starts_with('#') || start.starts_with("---") {
            start = start
                .split_once('\n')
                .map_or("", |(_, left)| left.trim_start());
        }
    }
    let head: String = start.chars().take(200).collect::<String>().to_lowercase();
    let lines = if format.anywhere { usize::MAX } else { 5 };
    let (over_lines, in_a_line): (Vec<&Pattern>, Vec<&Pattern>) = format
        .patterns
        .iter()
        .partition(|p| p.text().contains("\\n"));
    format.begins.iter().any(|b| head.starts_with(b))
        || over_lines.iter().any(|p| p.find(start, &[]).is_some())
        || start
            .lines()
            .take(lines)
            .any(|line| in_a_line.iter().any(|p| p.find(line, &[]).is_some()))
}

/// Removes what is not text of the record: byte order mark, carriage return, NULs, terminal colours.
pub fn clean(line: &str) -> Cow<'_, str> {
    let line = line
        .trim_start_matches(['\u{feff}', '\0'])
        .trim_end_matches(['\r', '\n', '\0']);
    if !line.contains('\u{1b}') {
        return Cow::Borrowed(line);
    }
    let mut kept = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            kept.push(c);
            continue;
        }
        // ECMA-48 control sequence: ESC [ parameters, ended by a letter-like character.
        if chars.next_if_eq(&'[').is_some() {
            while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            chars.next();
        }
    }
    Cow::Owned(kept)
}
