//! `rootline timeline`: the cascade and the merged timeline on the terminal.

use std::process::ExitCode;

use clap::Args;

use super::args::{Identities, Input};
use super::{Failure, fail_if_nothing_was_readable, investigate, print, titles};
use crate::render::terminal;
use crate::render::terminal::Screen;
use crate::wire::v1;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline timeline ./incident\n  rootline timeline ./incident --color always | less -R"
)]
pub(super) struct TimelineArgs {
    #[command(flatten)]
    pub(super) input: Input,
    #[command(flatten)]
    pub(super) identities: Identities,
}

pub(super) fn run(command: &TimelineArgs, screen: &Screen) -> Result<ExitCode, Failure> {
    let (outcome, grammars) = investigate(&command.input)?;
    let roles = command.identities.roles(&outcome.incident);
    let report = v1::report(
        &outcome.incident,
        &outcome.disks,
        &grammars.sha256,
        &roles,
        command.identities.reveal_identities,
    );
    print(&terminal::render_timeline(
        &report,
        &titles(&grammars),
        screen,
    ))?;
    fail_if_nothing_was_readable(&outcome.incident)?;
    Ok(ExitCode::SUCCESS)
}
