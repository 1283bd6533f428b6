//! `rootline signals`: every recognised signal with its evidence.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::Input;
use super::{Failure, fail_if_nothing_was_readable, investigate, print, print_raw};
use crate::render::{json, terminal};
use crate::wire::v1;

#[derive(Debug, Args)]
pub(super) struct SignalsArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) output: SignalsFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SignalsFormat {
    Table,
    Ndjson,
    Csv,
}

pub(super) fn run(command: &SignalsArgs) -> Result<ExitCode, Failure> {
    let (outcome, _) = investigate(&command.input)?;
    let rows = v1::signals(&outcome.incident);
    match command.output {
        SignalsFormat::Table => print(&terminal::render_signals(&rows))?,
        SignalsFormat::Ndjson => {
            print_raw(&json::render_signals(&rows).map_err(|e| Failure::Render(e.to_string()))?)?
        }
        SignalsFormat::Csv => print_raw(&terminal::render_signals_csv(&rows))?,
    }
    fail_if_nothing_was_readable(&outcome.incident)?;
    Ok(ExitCode::SUCCESS)
}
