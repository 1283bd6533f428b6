//! Exports: the published rows in the forms that other tools read. Timesketch and OpenTelemetry for signals; a trace and diagrams for a report.
//!
//! Each takes published rows and gives text, with a count of what its form cannot hold, so that nothing is lost in silence.
//! None of them decides anything: what a cascade is stands in the report.

mod graph;
pub mod graphviz;
pub mod mermaid;
pub mod otlp;
pub mod timesketch;
pub mod trace;

use chrono::{DateTime, Utc};

use super::view::Titles;
use crate::wire::v1::SignalRow;

/// Returns the moment that a published time names.
fn moment(at: Option<&str>) -> Option<DateTime<Utc>> {
    at.and_then(|at| DateTime::parse_from_rfc3339(at).ok())
        .map(|at| at.to_utc())
}

/// Returns a signal in words: its title, and the cause of a failed pull.
fn title_of(signal: &SignalRow, titles: &Titles) -> String {
    let title = titles
        .signals
        .get(&signal.signal)
        .cloned()
        .unwrap_or_else(|| signal.signal.replace('_', " "));
    match &signal.cause {
        Some(cause) => format!("{title}: {}", cause.replace('_', " ")),
        None => title,
    }
}

/// Returns `namespace/name` of what a signal is about, as far as it is known.
fn about(signal: &SignalRow) -> String {
    let entity = |kind: &str| signal.entities.get(kind).map(String::as_str);
    let within = |name: &str| match entity("namespace") {
        Some(namespace) if !name.contains('/') => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    };
    entity("image")
        .map(str::to_owned)
        .or_else(|| entity("pod").map(within))
        .or_else(|| entity("workload").map(str::to_owned))
        .or_else(|| entity("path").map(str::to_owned))
        .unwrap_or_default()
}
