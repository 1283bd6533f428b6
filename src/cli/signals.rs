//! `rootline signals`: every recognised signal with its evidence.

#[cfg(feature = "batch")]
use std::io::IsTerminal;
#[cfg(feature = "batch")]
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::{Identities, Input};
use super::{
    Failure, fail_if_nothing_was_readable, investigate, note, print, print_raw, publish, titles,
};
#[cfg(feature = "batch")]
use super::{id_of, print_bytes};
use crate::render::exports::{otlp, timesketch};
use crate::render::terminal::Screen;
use crate::render::{json, terminal};
#[cfg(feature = "batch")]
use crate::wire::v1::SignalRow;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rootline signals ./incident
  rootline signals ./incident --output ndjson | jq -r '[.at, .signal, .evidence[0].path] | @tsv'
  rootline signals ./incident --output csv > signals.csv
  rootline signals ./incident --output timesketch > timeline.jsonl
  rootline signals ./incident --output parquet > signals.parquet")]
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
    /// One Parquet file, one row a signal; `rootline batch schema` describes the columns under "signals"
    #[cfg(feature = "batch")]
    Parquet,
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
        #[cfg(feature = "batch")]
        SignalsFormat::Parquet => print_parquet(&command.input.paths, &rows)?,
        SignalsFormat::Csv => print_raw(&terminal::render_signals_csv(&rows))?,
    }
    fail_if_nothing_was_readable(&command.input.paths, &outcome.incident)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the signals as the table of that name has them.
#[cfg(feature = "batch")]
fn print_parquet(paths: &[PathBuf], rows: &[SignalRow]) -> Result<(), Failure> {
    use crate::batch::{frames, rows};
    if std::io::stdout().is_terminal() {
        return Err(Failure::Usage {
            what: "Parquet is no text: it is not printed on a terminal".to_owned(),
            hint: "`rootline signals ./incident --output parquet > signals.parquet`".to_owned(),
        });
    }
    let bytes = frames::parquet_of("signals", &rows::rows_of_signals(&id_of(paths), rows))
        .map_err(|e| Failure::Render(e.to_string()))?;
    print_bytes(&bytes)
}
