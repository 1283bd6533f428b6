//! `rootline report`: the postmortem as HTML, Markdown and JSON, and its summary on the terminal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::Input;
use super::{
    Failure, fail_if_nothing_was_readable, investigate, note, print, print_raw, titles, write_file,
};
use crate::render::{html, json, markdown, terminal};
use crate::wire::v1;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline report ./incident\n  rootline report ./incident -o out.json --format json\n  rootline report ./incident --format html,md,json -o out/postmortem.html"
)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// File to write; `-` is standard output. With several formats its ending is replaced
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// What to write: html, md, json, or several with commas; by default as the file's ending says
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub(super) format: Vec<ReportFormat>,
    /// Exit with 3 if this was found
    #[arg(long, value_name = "WHAT")]
    pub(super) fail_on: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    Html,
    Md,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Cascade,
}

pub(super) fn run(command: &ReportArgs) -> Result<ExitCode, Failure> {
    let formats = formats_of(command)?;
    let (outcome, grammars) = investigate(&command.input)?;
    let report = v1::report(&outcome.incident, &outcome.disks, &grammars.sha256);
    let titles = titles(&grammars);
    let to_stdout = command.output.as_deref() == Some(Path::new("-"));
    let mut written = Vec::new();
    for format in &formats {
        let text = match format {
            ReportFormat::Html => {
                html::render_html(&report, &titles).map_err(|e| Failure::Render(e.to_string()))?
            }
            ReportFormat::Md => markdown::render_markdown(&report, &titles),
            ReportFormat::Json => {
                json::render_report(&report).map_err(|e| Failure::Render(e.to_string()))?
            }
        };
        if to_stdout {
            print_raw(&text)?;
        } else {
            let path = path_of(command.output.as_deref(), *format, formats.len() > 1);
            write_file(&path, &text)?;
            written.push(path);
        }
    }
    if !to_stdout && !command.input.quiet {
        print(&terminal::render_summary(&report, &titles))?;
    }
    for path in written {
        note(command.input.quiet, &format!("wrote {}", path.display()));
    }
    fail_if_nothing_was_readable(&outcome.incident)?;
    let found = command.fail_on == Some(FailOn::Cascade) && !report.cascades.is_empty();
    Ok(ExitCode::from(if found { 3 } else { 0 }))
}

fn formats_of(command: &ReportArgs) -> Result<Vec<ReportFormat>, Failure> {
    if !command.format.is_empty() {
        let mut formats = command.format.clone();
        formats.dedup();
        if formats.len() > 1 && command.output.as_deref() == Some(Path::new("-")) {
            return Err(Failure::Usage {
                what: "several formats cannot go to standard output together".into(),
                hint: "give -o FILE, or one --format".into(),
            });
        }
        return Ok(formats);
    }
    let ending = command
        .output
        .as_ref()
        .and_then(|p| p.extension())
        .and_then(|e| e.to_str())
        .map(str::to_lowercase);
    Ok(vec![match ending.as_deref() {
        Some("json") => ReportFormat::Json,
        Some("md" | "markdown") => ReportFormat::Md,
        _ => ReportFormat::Html,
    }])
}

fn path_of(output: Option<&Path>, format: ReportFormat, several: bool) -> PathBuf {
    let ending = match format {
        ReportFormat::Html => "html",
        ReportFormat::Md => "md",
        ReportFormat::Json => "json",
    };
    match output {
        Some(path) if several => path.with_extension(ending),
        Some(path) => path.to_owned(),
        None => PathBuf::from("postmortem").with_extension(ending),
    }
}
