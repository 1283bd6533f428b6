//! `rootline signals`: every recognised signal with its evidence.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::{Identities, Input};
use super::{
    Failure, fail_if_nothing_was_readable, investigate, note, print, print_raw, publish, titles,
};
use crate::render::exports::{otlp, timesketch};
use crate::render::terminal::Screen;
use crate::render::{json, terminal};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rootline signals ./incident
  rootline signals ./incident --output ndjson | jq -r '[.at, .signal, .evidence[0].path] | @tsv'
  rootline signals ./incident --output csv > signals.csv
  rootline signals ./incident --output timesketch > timeline.jsonl")]
pub(super) struct SignalsArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// How to print them
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    pub(super) output: SignalsFormat,
    #[command(flatten)]
    pub(super) identities: Identities,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SignalsFormat {
    /// For people
    Table,
    /// One JSON object a line, with all evidence; `rootline schema signals` describes it
    Ndjson,
    /// One line a signal, with its first evidence
    Csv,
    /// JSON lines that Timesketch imports
    Timesketch,
    /// Logs as an OpenTelemetry Collector reads and writes them in files
    Otlp,
}

pub(super) fn run(command: &SignalsArgs, screen: &Screen) -> Result<ExitCode, Failure> {
    let (outcome, grammars) = investigate(&command.input)?;
    let rows = publish(&command.input, &command.identities, &outcome, &grammars).signals;
    match command.output {
        SignalsFormat::Table => print(&terminal::render_signals(&rows, screen))?,
        SignalsFormat::Ndjson => {
            print_raw(&json::render_signals(&rows).map_err(|e| Failure::Render(e.to_string()))?)?
        }
        SignalsFormat::Timesketch => {
            let (text, left_out) = timesketch::render_timesketch(&rows, &titles(&grammars));
            print_raw(&text)?;
            if left_out > 0 {
                let why = "nothing tells when they were recorded, and Timesketch takes nothing without a time";
                note(
                    command.input.quiet,
                    &format!("{left_out} signals are left out: {why}"),
                );
            }
        }
        SignalsFormat::Otlp => print_raw(&otlp::render_otlp(&rows, &titles(&grammars)))?,
        SignalsFormat::Csv => print_raw(&terminal::render_signals_csv(&rows))?,
    }
    fail_if_nothing_was_readable(&outcome.incident)?;
    Ok(ExitCode::SUCCESS)
}
