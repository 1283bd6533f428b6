//! `rootline detect`: what each file is, why, and what will be read from it.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::args::DetectArgs;
use super::{Failure, collect_input, load_grammars, print};
use crate::model::Shape;
use crate::pipeline;
use crate::render::terminal::safe;

pub(super) fn run(command: &DetectArgs) -> Result<ExitCode, Failure> {
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
