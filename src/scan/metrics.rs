//! Metrics: series that Prometheus answered with, and the kubelet's summary → disk samples and changes of node conditions.
//!
//! Takes the raw JSON of one record, so that each sample keeps its own place in it. A condition is told by the series whose value is 1: what
//! was not exported is not concluded. Expressions without a metric's name are counted and not read.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::grammar::peel::Record;
use crate::model::{DiskSample, Evidence, Reading, When, Witness};

/// A gap between two samples larger than this is a target that was down: what changed in it changed at an unknown time.
const GAP: TimeDelta = TimeDelta::minutes(15);
/// Evidence that is quoted with its labels; a longer one is quoted as the sample alone.
const QUOTED: usize = 4 * 1024;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(borrow, default)]
    values: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

/// One sample of a series.
struct Sample {
    at: DateTime<Utc>,
    value: f64,
    range: Range<usize>,
}

/// A labelled series, with each sample's place.
struct Told {
    metric: BTreeMap<String, String>,
    samples: Vec<Sample>,
}

/// Half of a file system's sample: what is free or how large it is. Halves may come in different files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Half {
    source: usize,
    node: Option<String>,
    device: String,
    mounted_on: String,
    inodes: bool,
    /// It is the size, not what is free.
    whole: bool,
    /// In order of time.
    values: Vec<(DateTime<Utc>, f64)>,
    /// The answer that tells it.
    pub(super) evidence: Option<Evidence>,
}

/// # Source
/// Prometheus HTTP API, `query` and `query_range`: time in seconds with a fraction, the value as a string.
fn series(raw: &str) -> Vec<Told> {
    let Ok(answer) = serde_json::from_str::<Answer<'_>>(raw) else {
        return Vec::new();
    };
    // A raw value borrows from the text: its address tells its place.
    let place = |part: &str| part.as_ptr() as usize - raw.as_ptr() as usize;
    let mut all = Vec::new();
    for one in answer.data.result {
        let Ok(found) = serde_json::from_str::<Series<'_>>(one.get()) else {
            continue;
        };
        let start = place(one.get());
        let mut samples: Vec<Sample> = found
            .values
            .iter()
            .chain(&found.value)
            .filter_map(|pair| {
                let (at, value): (f64, String) = serde_json::from_str(pair.get()).ok()?;
                let value: f64 = value.parse().ok().filter(|v: &f64| v.is_finite())?;
                let at = DateTime::from_timestamp_micros((at * 1e6).round() as i64)?;
                let own = place(pair.get());
                let end = own + pair.get().len();
                let from = if end - start <= QUOTED { start } else { own };
                Some(Sample {
                    at,
                    value,
                    range: from..end,
                })
            })
            .collect();
        samples.sort_by_key(|sample| sample.at);
        all.push(Told {
            metric: found.metric,
            samples,
        });
    }
    all
}

/// Returns the node that a series is about; an instance is an address with a port.
fn node_of(metric: &BTreeMap<String, String>) -> Option<String> {
    let named = ["node", "nodename", "kubernetes_node", "node_name"]
        .iter()
        .find_map(|label| metric.get(*label));
    named
        .cloned()
        .or_else(|| {
            let instance = metric.get("instance")?;
            let (host, port) = instance.rsplit_once(':')?;
            port.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| host.to_owned())
        })
        .filter(|node| !node.is_empty())
}

/// What one answer tells.
pub(super) struct Answered {
    /// Halves of disk samples.
    pub(super) halves: Vec<Half>,
    /// Series that nothing is read from.
    pub(super) unread: u64,
    /// Series of `kube_node_status_condition`.
    conditions: Vec<Told>,
}

impl Answered {
    /// # Source
    /// node_exporter's filesystem collector; kube-state-metrics.
    pub(super) fn read(raw: &str, source: usize) -> Answered {
        let mut answered = Answered {
            halves: Vec::new(),
            unread: 0,
            conditions: Vec::new(),
        };
        for told in series(raw) {
            let label = |name: &str| told.metric.get(name).cloned().unwrap_or_default();
            let (inodes, whole) = match label("__name__").as_str() {
                "node_filesystem_avail_bytes" => (false, false),
                "node_filesystem_size_bytes" => (false, true),
                "node_filesystem_files_free" => (true, false),
                "node_filesystem_files" => (true, true),
                "kube_node_status_condition" => {
                    answered.conditions.push(told);
                    continue;
                }
                _ => {
                    answered.unread += 1;
                    continue;
                }
            };
            answered.halves.push(Half {
                source,
                node: node_of(&told.metric),
                device: label("device"),
                mounted_on: label("mountpoint"),
                inodes,
                whole,
                values: told.samples.iter().map(|s| (s.at, s.value)).collect(),
                evidence: None,
            });
        }
        answered
    }

    /// Returns the changes of node conditions, each with its place in the answer.
    pub(super) fn conditions(&self, outer: &Record) -> Vec<(Range<usize>, Record)> {
        changes(&self.conditions, outer)
    }

    /// Returns the first and the last stamp.
    pub(super) fn coverage(&self) -> impl Iterator<Item = Reading> {
        let of_halves = self
            .halves
            .iter()
            .flat_map(|half| half.values.iter().map(|v| v.0));
        let of_conditions = self
            .conditions
            .iter()
            .flat_map(|told| told.samples.iter().map(|s| s.at));
        let all: Vec<DateTime<Utc>> = of_halves.chain(of_conditions).collect();
        let ends = [all.iter().min(), all.iter().max()];
        let found: Vec<Reading> = ends.into_iter().flatten().map(|at| exactly(*at)).collect();
        found.into_iter()
    }
}

/// Puts what is free beside how large it is; a size is that of the last sample before.
pub(super) fn paired(halves: &[Half]) -> Vec<DiskSample> {
    let mut samples = Vec::new();
    for free in halves.iter().filter(|half| !half.whole) {
        let mut sizes: Vec<(DateTime<Utc>, f64)> = halves
            .iter()
            .filter(|half| {
                half.whole
                    && (half.inodes, &half.node, &half.device, &half.mounted_on)
                        == (free.inodes, &free.node, &free.device, &free.mounted_on)
            })
            .flat_map(|half| half.values.iter().copied())
            .collect();
        sizes.sort_by_key(|a| a.0);
        for (at, available) in &free.values {
            let before = sizes.partition_point(|(time, _)| time <= at);
            let size = sizes.get(before.saturating_sub(1)).map(|(_, size)| *size);
            let Some(size) = size.filter(|size| *size > 0.0) else {
                continue;
            };
            samples.push(DiskSample {
                source: free.source,
                node: free.node.clone(),
                at: Some(exactly(*at)),
                filesystem: free.device.clone(),
                mounted_on: free.mounted_on.clone(),
                used_percent: ((size - available) * 100.0 / size).clamp(0.0, 100.0),
                inodes: free.inodes,
                bytes: (!free.inodes).then_some((size as u64, *available as u64)),
                rounded: false,
                evidence: free.evidence.clone(),
            });
        }
    }
    samples
}

fn exactly(at: DateTime<Utc>) -> Reading {
    Reading {
        text: at.to_rfc3339(),
        when: When::Utc(at),
        precision: TimeDelta::milliseconds(1),
    }
}

/// Gives a record for each change of a node's condition, with the range of the sample that shows it.
///
/// # Source
/// kube-state-metrics, `kube_node_status_condition`: one series for each of `true`, `false` and `unknown`, of which one is 1.
fn changes(series: &[Told], outer: &Record) -> Vec<(Range<usize>, Record)> {
    type Holding = (DateTime<Utc>, &'static str, Range<usize>);
    let mut of: BTreeMap<(String, String), Vec<Holding>> = BTreeMap::new();
    for told in series {
        let label = |name: &str| told.metric.get(name).map(String::as_str);
        let status = match label("status") {
            Some("true") => "True",
            Some("false") => "False",
            Some("unknown") => "Unknown",
            _ => continue,
        };
        let (Some(node), Some(condition)) = (label("node"), label("condition")) else {
            continue;
        };
        let holding = told
            .samples
            .iter()
            .filter(|sample| sample.value == 1.0)
            .map(|sample| (sample.at, status, sample.range.clone()));
        of.entry((node.to_owned(), condition.to_owned()))
            .or_default()
            .extend(holding);
    }
    let mut records = Vec::new();
    for ((node, condition), mut holding) in of {
        holding.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        let mut last: Option<(DateTime<Utc>, &str)> = None;
        for (at, status, range) in holding {
            let before = last.replace((at, status));
            if before.is_some_and(|(_, was)| was == status) {
                continue;
            }
            let normal = (condition == "Ready") == (status == "True");
            let reading = match before {
                // A series begins with what had been so before.
                None if normal => continue,
                None => exactly(at),
                Some((seen, _)) if at - seen > GAP => exactly(at),
                Some((seen, _)) => Reading {
                    text: at.to_rfc3339(),
                    when: When::Utc(seen),
                    precision: at - seen,
                },
            };
            let known = before.is_some_and(|(seen, _)| at - seen <= GAP);
            let mut record = Record {
                of: "node-condition".to_owned(),
                formats: outer.formats.clone(),
                count: 1,
                component: Some("prometheus".to_owned()),
                body: format!("{condition} is {status}"),
                readings: vec![reading],
                witness: Some(if known {
                    Witness::Transition
                } else {
                    Witness::SeenBy
                }),
                ..Record::default()
            };
            for (name, value) in [
                ("condition", condition.as_str()),
                ("status", status),
                ("reason", ""),
                ("message", ""),
            ] {
                record.fields.insert(name.to_owned(), value.to_owned());
            }
            record.entities.insert("node".to_owned(), node.clone());
            record
                .entities
                .insert("condition".to_owned(), condition.clone());
            records.push((range, record));
        }
    }
    records
}

/// # Source
/// kubelet `/stats/summary`: `node.fs` and `node.runtime.imageFs` are what the eviction manager compares with its thresholds.
pub(super) fn summary(value: &Value, evidence: &Evidence) -> Vec<DiskSample> {
    let node = value.pointer("/node/nodeName").and_then(Value::as_str);
    let mut samples = Vec::new();
    for (name, path) in [
        ("nodefs", "/node/fs"),
        ("imagefs", "/node/runtime/imageFs"),
        ("containerfs", "/node/runtime/containerFs"),
    ] {
        let Some(fs) = value.pointer(path) else {
            continue;
        };
        let number = |key: &str| fs.get(key).and_then(Value::as_f64);
        let at = fs
            .get("time")
            .and_then(Value::as_str)
            .and_then(|text| crate::grammar::stamp::Layout::Iso.take(text))
            .map(|(_, reading)| reading);
        for (inodes, free, whole) in [
            (false, number("availableBytes"), number("capacityBytes")),
            (true, number("inodesFree"), number("inodes")),
        ] {
            let (Some(free), Some(whole)) = (free, whole.filter(|w| *w > 0.0)) else {
                continue;
            };
            samples.push(DiskSample {
                source: evidence.origin.source,
                node: node.map(str::to_owned),
                at: at.clone(),
                filesystem: name.to_owned(),
                mounted_on: name.to_owned(),
                used_percent: ((whole - free) * 100.0 / whole).clamp(0.0, 100.0),
                inodes,
                bytes: (!inodes).then_some((whole as u64, free as u64)),
                rounded: false,
                evidence: Some(evidence.clone()),
            });
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(series: &str) -> String {
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}}}}"#)
    }

    #[test]
    fn free_and_size_make_a_share() {
        let free = answer(
            r#"{"metric":{"__name__":"node_filesystem_avail_bytes","instance":"10.0.42.12:9100","device":"/dev/vda1","mountpoint":"/"},"values":[[1716347640,"25"],[1716347670.5,"NaN"],[1716347700,"10"]]}"#,
        );
        let size = answer(
            r#"{"metric":{"__name__":"node_filesystem_size_bytes","instance":"10.0.42.12:9100","device":"/dev/vda1","mountpoint":"/"},"values":[[1716347640,"100"]]}"#,
        );
        let halves = |text: &str, source| Answered::read(text, source).halves;
        let mut all = halves(&free, 0);
        all.extend(halves(&size, 1));
        let found: Vec<(Option<String>, f64)> = paired(&all)
            .into_iter()
            .map(|s| (s.node, s.used_percent))
            .collect();
        let node = Some("10.0.42.12".to_owned());
        assert_eq!(found, [(node.clone(), 75.0), (node, 90.0)]);
        assert_eq!(
            paired(&halves(&free, 0)),
            Vec::new(),
            "a size is not guessed"
        );
    }

    #[test]
    fn a_condition_changes_between_two_samples() {
        let one = |status: &str, values: &str| {
            format!(
                r#"{{"metric":{{"__name__":"kube_node_status_condition","node":"node-a1","condition":"DiskPressure","status":"{status}"}},"values":{values}}}"#
            )
        };
        let text = answer(&format!(
            "{},{}",
            one("true", r#"[[100,"0"],[160,"1"],[220,"1"],[280,"0"]]"#),
            one("false", r#"[[100,"1"],[160,"0"],[220,"0"],[280,"1"]]"#)
        ));
        let found = Answered::read(&text, 0).conditions(&Record::default());
        let said: Vec<(&str, i64, i64)> = found
            .iter()
            .map(|(_, r)| {
                let When::Utc(at) = r.readings[0].when else {
                    panic!("{r:?}")
                };
                (
                    r.fields["status"].as_str(),
                    at.timestamp(),
                    r.readings[0].precision.num_seconds(),
                )
            })
            .collect();
        assert_eq!(said, [("True", 100, 60), ("False", 220, 60)]);
        assert!(text[found[0].0.clone()].ends_with(r#"[160,"1"]"#));
        // Only what was true was exported: that it ended is not known.
        let only = answer(&one("true", r#"[[100,"0"],[160,"1"],[280,"0"]]"#));
        let found = Answered::read(&only, 0).conditions(&Record::default());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.witness, Some(Witness::SeenBy));
    }
}
