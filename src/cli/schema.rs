//! `rootline schema`: the JSON Schema of what Rootline writes.

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{Failure, print_raw};
use crate::wire::schema;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline schema > rootline.report.v1.schema.json\n  rootline schema signals"
)]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_name = "WHAT", default_value = "report")]
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// What `rootline report --format json` writes
    Report,
    /// One line of `rootline signals --output ndjson`
    Signals,
}

pub(super) fn run(command: &SchemaArgs) -> Result<ExitCode, Failure> {
    let text = match command.what {
        What::Report => schema::of_report(),
        What::Signals => schema::of_signal(),
    };
    print_raw(&text)?;
    Ok(ExitCode::SUCCESS)
}
