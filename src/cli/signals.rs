//! `rootline signals`: every recognised signal with its evidence.

use std::process::ExitCode;

use super::args::{SignalsArgs, SignalsFormat};
use super::{Failure, fail_if_nothing_was_readable, investigate, print, print_raw};
use crate::render::{json, terminal};
use crate::wire::v1;

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
