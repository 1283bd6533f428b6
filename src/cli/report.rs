//! `rootline report`: the postmortem as HTML, Markdown and JSON, and its summary on the terminal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum, ValueHint};

use super::args::{Identities, Input};
use super::{
    Failure, fail_if_nothing_was_readable, human, id_of, inputs, investigate, note, print,
    print_raw, publish, titles, write_file,
};
use crate::batch::rows;
use crate::render::exports::{graphviz, mermaid, trace};
use crate::render::{html, json, markdown, terminal};
use crate::wire::remedy::GuardRailRow;
use crate::wire::roles::Roles;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rootline report ./incident
  rootline report ./incident -o postmortem.html --open
  rootline report ./incident -o - --format json
  rootline report ./incident --format html,md,json -o out/postmortem.html
  rootline report ./incident -o - --format ndjson | jq -c 'select(.table == \"links\")'
  rootline report ./incident -o cascade.dot && dot -Tsvg cascade.dot > cascade.svg
  kubectl logs -n kube-system etcd-0 --timestamps | rootline report - other/*.log.gz

In a pipeline, --fail-on cascade makes the job fail (exit code 3) where a cascade was found.")]
pub(super) struct ReportArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// File to write; `-` is standard output
    ///
    /// Without it, `postmortem` with the ending of the format, in the current directory. With several formats, the ending is replaced
    /// for each. A file is written whole or not at all.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(super) output: Option<PathBuf>,
    /// What to write, several with commas; by default what the file's ending says
    #[arg(
        long,
        value_name = "FORMAT",
        value_delimiter = ',',
        help_heading = "Output"
    )]
    pub(super) format: Vec<ReportFormat>,
    /// Open the page in the browser when it is written
    #[arg(long, help_heading = "Output")]
    pub(super) open: bool,
    /// Write guard-rails made for this incident into this directory: policies, alert rules, settings, build files
    ///
    /// Each was tried on the incident's own objects and times; the report says with what result. Files of the same names are replaced.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub(super) actions: Option<PathBuf>,
    /// Exit with 3 if this was found
    #[arg(long, value_name = "WHAT", help_heading = "Output")]
    pub(super) fail_on: Option<FailOn>,
    /// Fleet written by `rootline batch`: past incidents like this one are named
    #[cfg(feature = "batch")]
    #[arg(long, value_name = "FLEET")]
    pub(super) fleet: Option<PathBuf>,
    #[command(flatten)]
    pub(super) identities: Identities,
    /// Write who stands behind each role to FILE; keep it apart from the report
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "People")]
    pub(super) role_map: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// A self-contained page
    Html,
    /// Markdown, for a wiki
    Md,
    /// Everything, for other programs; `rootline schema` describes it
    Json,
    /// The cascades as a Mermaid flowchart (.mmd)
    Mermaid,
    /// The cascades as a Graphviz graph (.dot)
    Dot,
    /// Nodes, conditions, signals and links as a trace for Perfetto and Chrome (.trace.json)
    Trace,
    /// The rows of all tables of a fleet, one JSON object a line with its table's name in "table" (.ndjson)
    Ndjson,
    /// The timeline: one line a signal, with its first evidence
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// At least one cascade, whatever its mechanism
    Cascade,
}

pub(super) fn run(command: &ReportArgs) -> Result<ExitCode, Failure> {
    let formats = formats_of(command)?;
    let (outcome, grammars) = investigate(&command.input)?;
    let mut report = publish(&command.input, &command.identities, &outcome, &grammars);
    report.generator.inputs = inputs::hash_of(&outcome.incident.sources);
    report.human = human::read(
        &command.input.paths,
        &command.identities.roles(&outcome.incident),
    );
    #[cfg(feature = "batch")]
    if let Some(fleet) = &command.fleet {
        super::batch::compare_with(&mut report, fleet)?;
    }
    let titles = titles(&grammars);
    let to_stdout = command.output.as_deref() == Some(Path::new("-"));
    let readable = fail_if_nothing_was_readable(&command.input.paths, &outcome.incident);
    if !to_stdout && let Err(failure) = readable {
        return Err(failure);
    }
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
            ReportFormat::Mermaid => mermaid::render_mermaid(&report, &titles),
            ReportFormat::Dot => graphviz::render_graphviz(&report, &titles),
            ReportFormat::Trace => trace::render_trace(&report, &titles),
            ReportFormat::Ndjson => rows::rows_of(&id_of(&command.input.paths), &report).ndjson(),
            ReportFormat::Csv => terminal::render_signals_csv(&report.signals),
        };
        if to_stdout {
            print_raw(&text)?;
        } else {
            let path = path_of(command.output.as_deref(), *format, formats.len() > 1);
            write_file(&path, &text)?;
            written.push(path);
        }
    }
    readable?;
    if !to_stdout && !command.input.quiet {
        print(&terminal::render_summary(&report, &titles))?;
    }
    if command.open {
        open_page(&written, &formats)?;
    }
    if let Some(directory) = &command.actions {
        let count = write_actions(directory, &report.guard_rails)?;
        let place = directory.display();
        let said = match count {
            0 => format!("no guard-rail fits this incident: nothing was written into {place}"),
            1 => format!("wrote one guard-rail into {place}"),
            _ => format!("wrote {count} guard-rails into {place}"),
        };
        note(command.input.quiet, &said);
    }
    if let Some(path) = &command.role_map {
        write_file(path, &human::role_map(&Roles::of(&outcome.incident)))?;
        written.push(path.clone());
    }
    for problem in &report.human.problems {
        note(command.input.quiet, problem);
    }
    for path in written {
        note(command.input.quiet, &format!("wrote {}", path.display()));
    }
    let found = command.fail_on == Some(FailOn::Cascade) && !report.cascades.is_empty();
    Ok(ExitCode::from(if found { 3 } else { 0 }))
}

/// Writes each guard-rail into its file. Names come from a fixed list, so that none can point elsewhere.
fn write_actions(directory: &Path, rails: &[GuardRailRow]) -> Result<usize, Failure> {
    for rail in rails {
        let path = directory.join(&rail.file);
        let parent = path.parent().unwrap_or(directory);
        std::fs::create_dir_all(parent).map_err(|error| Failure::Write {
            path: parent.display().to_string(),
            error,
        })?;
        write_file(&path, &rail.text)?;
    }
    Ok(rails.len())
}

/// Gives the page to whatever the user opens pages with.
fn open_page(written: &[PathBuf], formats: &[ReportFormat]) -> Result<(), Failure> {
    let page = written
        .iter()
        .zip(formats)
        .find(|(_, format)| **format == ReportFormat::Html)
        .or(written.iter().zip(formats).next())
        .map(|(path, _)| path);
    let Some(page) = page else {
        return Err(Failure::Usage {
            what: "standard output cannot be opened".into(),
            hint: "give -o FILE with --open".into(),
        });
    };
    // Which launchers were tried, and how each ended, tells nobody what to do.
    open::that_detached(page).map_err(|_| Failure::Open {
        path: page.display().to_string(),
    })
}

/// Endings that promise another kind of file. Any other ending is a name of the user's, and the page is what is written.
const FOREIGN: &[&str] = &[
    "pdf", "doc", "docx", "odt", "txt", "rtf", "png", "svg", "xls", "xlsx", "parquet", "xml",
    "yaml", "yml", "toml", "gz", "zst", "zip", "tar",
];

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
    let name = command
        .output
        .as_ref()
        .and_then(|p| p.file_name())
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    Ok(vec![match ending {
        _ if name.ends_with(".trace.json") => ReportFormat::Trace,
        Some("json") => ReportFormat::Json,
        Some("md" | "markdown") => ReportFormat::Md,
        Some("mmd" | "mermaid") => ReportFormat::Mermaid,
        Some("dot" | "gv") => ReportFormat::Dot,
        Some("ndjson" | "jsonl") => ReportFormat::Ndjson,
        Some("csv") => ReportFormat::Csv,
        Some(ending) if FOREIGN.contains(&ending) => {
            return Err(Failure::Usage {
                what: format!("there is no format for .{ending}"),
                hint: "formats are html, md, json, mermaid, dot, trace, ndjson and csv: name the file so, or give --format; browsers print the page to PDF".into(),
            });
        }
        _ => ReportFormat::Html,
    }])
}

fn path_of(output: Option<&Path>, format: ReportFormat, several: bool) -> PathBuf {
    let ending = match format {
        ReportFormat::Html => "html",
        ReportFormat::Md => "md",
        ReportFormat::Json => "json",
        ReportFormat::Mermaid => "mmd",
        ReportFormat::Dot => "dot",
        ReportFormat::Trace => "trace.json",
        ReportFormat::Ndjson => "ndjson",
        ReportFormat::Csv => "csv",
    };
    match output {
        Some(path) if several => path.with_extension(ending),
        Some(path) => path.to_owned(),
        None => PathBuf::from("postmortem").with_extension(ending),
    }
}
