//! `rootline detect`: what each file is, why, and what will be read from it.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::Input;
use super::{Failure, collect_input, investigate, load_grammars, print, print_raw};
use crate::model::Shape;
use crate::pipeline;
use crate::render::terminal::safe;
use crate::wire::v1;

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
    let (detections, _) = pipeline::look(&collection, &grammars);
    let mut out = String::new();
    for (source, detection) in collection.sources.iter().zip(&detections) {
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
        let speaks = &detection.speaks_for;
        for (name, value, from) in [
            ("component", &speaks.component, &speaks.component_from),
            ("node", &speaks.node, &speaks.node_from),
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

/// One object a source, after everything was read: counts and times are those of the report.
fn ndjson(command: &DetectArgs) -> Result<ExitCode, Failure> {
    let (outcome, _) = investigate(&command.input)?;
    let mut out = String::new();
    for row in v1::sources(&outcome.incident) {
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
            "path": path, "member": member, "format": layers, "others": row.format.get(1..).unwrap_or_default(), "why": row.why,
            "bytes": row.bytes, "bytes_read": row.bytes_read, "records": row.records, "signals": row.signals,
            "speaks_for": row.speaks_for, "from": row.from, "to": row.to, "clock": row.clock, "problems": row.problems,
        });
        let _ = writeln!(out, "{object}");
    }
    for skipped in &outcome.incident.ledger.skipped {
        if outcome
            .incident
            .sources
            .iter()
            .all(|s| s.path != skipped.path)
        {
            let (path, member) = match skipped.path.split_once('!') {
                Some((path, member)) => (path, Some(member)),
                None => (skipped.path.as_str(), None),
            };
            let object = serde_json::json!({
                "path": path, "member": member, "format": [], "why": skipped.why, "bytes": skipped.bytes, "bytes_read": 0,
                "records": 0, "signals": 0, "speaks_for": {}, "from": null, "to": null, "problems": [skipped.why],
            });
            let _ = writeln!(out, "{object}");
        }
    }
    print_raw(&out)?;
    Ok(ExitCode::SUCCESS)
}
