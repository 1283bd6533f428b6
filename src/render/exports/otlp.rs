//! OpenTelemetry: logs in the form of OTLP files, one export a line, as the Collector's file exporter writes and its JSON receiver reads them.
//!
//! # Source
//! OpenTelemetry specification, "OpenTelemetry Protocol File Exporter", and `logs.proto` 1.x in its JSON mapping: 64-bit integers are text.
//! Attribute names are those of the semantic conventions where there is one, and `rootline.…` where there is none.

use serde_json::{Value, json};

use super::{moment, title_of};
use crate::render::view::Titles;
use crate::wire::v1::SignalRow;

/// Severity numbers of the log data model.
const INFO: (u8, &str) = (9, "INFO");
const ERROR: (u8, &str) = (17, "ERROR");

/// Renders signals. One without a time has no `timeUnixNano`, which means "unknown" there, too.
pub fn render_otlp(signals: &[SignalRow], titles: &Titles) -> String {
    let mut text = String::new();
    for signal in signals {
        let line = json!({"resourceLogs": [{
            "resource": {"attributes": resource(signal)},
            "scopeLogs": [{
                "scope": {"name": "rootline", "version": env!("CARGO_PKG_VERSION")},
                "logRecords": [record(signal, titles)],
            }],
        }]});
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

fn record(signal: &SignalRow, titles: &Titles) -> Value {
    let (number, word) = if titles.faults.contains(&signal.signal) {
        ERROR
    } else {
        INFO
    };
    let mut record = json!({
        "severityNumber": number,
        "severityText": word,
        "eventName": format!("rootline.{}", signal.signal),
        "body": {"stringValue": title_of(signal, titles)},
        "attributes": attributes(signal),
    });
    let nanos = moment(signal.at.as_deref()).and_then(|at| at.timestamp_nanos_opt());
    if let Some(nanos) = nanos {
        record["timeUnixNano"] = json!(nanos.to_string());
    }
    record
}

fn text(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

fn number(name: &str, value: u64) -> Value {
    json!({"key": name, "value": {"intValue": value.to_string()}})
}

/// What the signal is about.
///
/// # Source
/// Semantic conventions 1.3x, "Kubernetes" and "Container" resources.
fn resource(signal: &SignalRow) -> Vec<Value> {
    let mut found = Vec::new();
    if let Some(component) = &signal.component {
        found.push(text("service.name", component));
    }
    for (kind, value) in &signal.entities {
        match kind.as_str() {
            "node" => found.push(text("k8s.node.name", value)),
            "namespace" => found.push(text("k8s.namespace.name", value)),
            "pod" => found.push(text("k8s.pod.name", value)),
            "uid" => found.push(text("k8s.pod.uid", value)),
            "container" => found.push(text("k8s.container.name", value)),
            "image" => found.push(text("container.image.name", value)),
            "digest" => found.push(text("oci.manifest.digest", value)),
            "workload" => found.extend(workload(value)),
            other => found.push(text(&format!("rootline.{other}"), value)),
        }
    }
    found
}

/// `namespace/Kind/name`, where the conventions have a name for the kind.
fn workload(value: &str) -> Option<Value> {
    let mut parts = value.rsplit('/');
    let (name, kind) = (parts.next()?, parts.next()?);
    let known = [
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
    ];
    Some(if known.contains(&kind) {
        text(&format!("k8s.{}.name", kind.to_lowercase()), name)
    } else {
        text("rootline.workload", value)
    })
}

fn attributes(signal: &SignalRow) -> Vec<Value> {
    let mut found = vec![
        text("rootline.id", &signal.id),
        text("rootline.precision", &signal.precision),
        text("rootline.time_basis", &signal.time_basis),
        number("rootline.count", signal.count),
    ];
    for (name, value) in [
        ("rootline.cause", &signal.cause),
        ("rootline.as_written", &signal.as_written),
        ("rootline.last", &signal.last),
        ("rootline.retry_of", &signal.retry_of),
    ] {
        found.extend(value.as_ref().map(|value| text(name, value)));
    }
    if let Some(first) = signal.evidence.first() {
        found.push(text("log.file.path", &first.path));
        found.push(text("log.record.original", &first.text));
        found.push(number("rootline.evidence.line", first.line));
        found.push(number("rootline.evidence.byte_start", first.byte[0]));
        found.push(number("rootline.evidence.byte_end", first.byte[1]));
        found.push(text("rootline.evidence.sha256", &first.sha256));
        found.push(number(
            "rootline.witnesses",
            signal.evidence.len() as u64 + signal.evidence_left_out,
        ));
    }
    found
}
