//! Timesketch: one JSON object a line, flat, with the three fields that a timeline must have.
//!
//! # Source
//! Timesketch documentation, "Import from JSON or CSV": `message`, `datetime` and `timestamp_desc` are required, `timestamp` is in microseconds.

use serde_json::{Map, Value, json};

use super::{moment, title_of};
use crate::render::view::Titles;
use crate::wire::v1::SignalRow;

/// Renders signals, and returns how many had to be left out, because nothing tells their time and the form must have one.
/// A signal that was repeated gives a second row for its last repetition.
pub fn render_timesketch(signals: &[SignalRow], titles: &Titles) -> (String, usize) {
    let mut text = String::new();
    let mut left_out = 0;
    for signal in signals {
        let Some(at) = signal.at.as_deref() else {
            left_out += 1;
            continue;
        };
        row(signal, titles, at, "Recorded", &mut text);
        if let Some(last) = signal.last.as_deref().filter(|last| *last != at) {
            row(signal, titles, last, "Last repetition", &mut text);
        }
    }
    (text, left_out)
}

fn row(signal: &SignalRow, titles: &Titles, at: &str, of: &str, text: &mut String) {
    let about: Vec<String> = signal
        .entities
        .iter()
        .filter(|(kind, _)| *kind != "uid")
        .map(|(kind, value)| format!("{kind}={value}"))
        .collect();
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set(
        "message",
        json!(format!("{} {}", title_of(signal, titles), about.join(" ")).trim_end()),
    );
    set("datetime", json!(at));
    set(
        "timestamp",
        json!(moment(Some(at)).map(|m| m.timestamp_micros())),
    );
    set("timestamp_desc", json!(of));
    set(
        "data_type",
        json!(format!("rootline:signal:{}", signal.signal)),
    );
    set("rootline_id", json!(signal.id));
    set("signal", json!(signal.signal));
    set("cause", json!(signal.cause));
    set("precision", json!(signal.precision));
    set("time_basis", json!(signal.time_basis));
    set("component", json!(signal.component));
    set("count", json!(signal.count));
    for (kind, value) in &signal.entities {
        set(&format!("k8s_{kind}"), json!(value));
    }
    if let Some(first) = signal.evidence.first() {
        set("evidence_path", json!(first.path));
        set("evidence_line", json!(first.line));
        set("evidence_byte_start", json!(first.byte[0]));
        set("evidence_byte_end", json!(first.byte[1]));
        set("evidence_sha256", json!(first.sha256));
        set("evidence_text", json!(first.text));
    }
    fields.retain(|_, value| !value.is_null());
    text.push_str(&Value::Object(fields).to_string());
    text.push('\n');
}
