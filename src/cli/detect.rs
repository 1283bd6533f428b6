//! `rootline detect`: what each file is, why, and what will be read from it.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::{Identities, Input};
use super::{Failure, collect_input, investigate, load_grammars, print, print_raw, publish};
use crate::model::Shape;
use crate::pipeline::{self, RunnerUp};
use crate::redact::redact_text;
use crate::render::escape::visible;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline detect ./incident\n  rootline detect bundle.tar.gz --output ndjson | jq -r 'select(.signals == 0) | .path'"
)]
pub(super) struct DetectArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// How to print it
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub(super) output: DetectFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DetectFormat {
    /// For people; looks at the beginning, middle and end of each file only
    Text,
    /// One JSON object a file; reads everything, and has counts and times
    Ndjson,
}

pub(super) fn run(command: &DetectArgs) -> Result<ExitCode, Failure> {
    if command.output == DetectFormat::Ndjson {
        return ndjson(command);
    }
    let grammars = load_grammars(&command.input.grammars)?;
    let (collection, _) = collect_input(&command.input)?;
    let (detections, _) = pipeline::look(&collection.sources, &grammars);
    let runners_up = pipeline::runners_up(&collection.sources, &detections, &grammars);
    let redaction = command.input.redaction();
    let safe = |text: &str| visible(&redact_text(text, &redaction, &grammars.secrets));
    let mut out = String::new();
    for ((source, detection), runner_up) in
        collection.sources.iter().zip(&detections).zip(&runners_up)
    {
        let packed = source
            .compression
            .map(|c| format!(" ({c})"))
            .unwrap_or_default();
        let _ = writeln!(out, "{}{packed}", safe(&source.path));
        let formats = if detection.formats.is_empty() {
            "none known".to_owned()
        } else {
            detection.formats.join("; ")
        };
        let _ = writeln!(out, "  format     {}", safe(&formats));
        let _ = writeln!(out, "  because    {}", safe(&detection.why));
        let runner_up = runner_up
            .as_ref()
            .map_or_else(|| "no other format reads any of it".to_owned(), said);
        let _ = writeln!(out, "  runner-up  {}", safe(&runner_up));
        let speaks = &detection.speaks_for;
        for (name, value, from) in [
            ("component", &speaks.component, &speaks.component_from),
            ("node", &speaks.node, &speaks.node_from),
            ("cluster", &speaks.cluster, &speaks.cluster_from),
            ("pod", &speaks.pod, &speaks.pod_from),
        ] {
            if let Some(value) = value {
                let _ = writeln!(
                    out,
                    "  {name:<10} {} ({})",
                    safe(value),
                    safe(from.as_deref().unwrap_or("unknown"))
                );
            }
        }
        let read = match &detection.shape {
            Shape::Lines => "lines that hold a known message".to_owned(),
            Shape::EveryLine => "every line: they hold objects".to_owned(),
            Shape::JsonDocument => "every object of the document".to_owned(),
            Shape::Document(reader) => format!("the whole document, by the {reader} reader"),
            Shape::Unread(why) => format!("nothing: {why}"),
        };
        let _ = writeln!(out, "  reads      {}", safe(&read));
    }
    for skipped in &collection.skipped {
        let _ = writeln!(
            out,
            "{}\n  reads      nothing: {}",
            safe(&skipped.path),
            safe(&skipped.why)
        );
    }
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn said(runner_up: &RunnerUp) -> String {
    let RunnerUp {
        format,
        reads,
        tried,
        other_lines,
    } = runner_up;
    let which = if *other_lines {
        "other lines of it"
    } else {
        "the same"
    };
    format!("{format}, which reads {reads} of {tried} tried ({which})")
}

/// One object a source, after everything was read: counts and times are those of the report.
fn ndjson(command: &DetectArgs) -> Result<ExitCode, Failure> {
    let (outcome, grammars) = investigate(&command.input)?;
    // Sources name nobody: roles stand where people would.
    let roles = Identities {
        reveal_identities: false,
    };
    let report = publish(&command.input, &roles, &outcome, &grammars);
    let (detections, _) = pipeline::look(&outcome.incident.sources, &grammars);
    let runners_up = pipeline::runners_up(&outcome.incident.sources, &detections, &grammars);
    let mut out = String::new();
    for (row, runner_up) in report.sources.iter().zip(runners_up) {
        let runner_up = runner_up.map(|r| serde_json::json!({"format": r.format, "reads": r.reads, "tried": r.tried, "other_lines": r.other_lines}));
        let (path, member) = match row.path.split_once('!') {
            Some((path, member)) => (path.to_owned(), Some(member.to_owned())),
            None => (row.path.clone(), None),
        };
        // The stack met most often; the others stand beside it.
        let layers: Vec<&str> = row
            .format
            .first()
            .map(|stack| stack.split(" > ").collect())
            .unwrap_or_default();
        let object = serde_json::json!({
            "path": path, "member": member, "format": layers, "others": row.format.get(1..).unwrap_or_default(), "why": row.why, "runner_up": runner_up,
            "bytes": row.bytes, "bytes_read": row.bytes_read, "records": row.records, "signals": row.signals,
            "speaks_for": row.speaks_for, "from": row.from, "to": row.to, "clock": row.clock, "problems": row.problems,
        });
        let _ = writeln!(out, "{object}");
    }
    for skipped in &report.ledger.skipped {
        if report.sources.iter().all(|s| s.path != skipped.path) {
            let (path, member) = match skipped.path.split_once('!') {
                Some((path, member)) => (path, Some(member)),
                None => (skipped.path.as_str(), None),
            };
            let object = serde_json::json!({
                "path": path, "member": member, "format": [], "why": skipped.why, "runner_up": null, "bytes": skipped.bytes, "bytes_read": 0,
                "records": 0, "signals": 0, "speaks_for": {}, "from": null, "to": null, "problems": [skipped.why],
            });
            let _ = writeln!(out, "{object}");
        }
    }
    print_raw(&out)?;
    Ok(ExitCode::SUCCESS)
}
