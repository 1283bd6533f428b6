//! `rootline timeline`: the cascade and the merged timeline on the terminal.

use std::process::ExitCode;

use super::args::TimelineArgs;
use super::{Failure, investigate, print, titles};
use crate::render::terminal;
use crate::wire::v1;

pub(super) fn run(command: &TimelineArgs) -> Result<ExitCode, Failure> {
    let (outcome, grammars) = investigate(&command.input)?;
    let report = v1::report(&outcome.incident, &outcome.disks, &grammars.sha256);
    print(&terminal::render_timeline(&report, &titles(&grammars)))?;
    Ok(ExitCode::SUCCESS)
}
