//! `rootline timeline`: lanes, cascades and the merged timeline on the terminal.

use std::process::ExitCode;

use clap::Args;

use super::args::{Identities, Input};
use super::{Failure, fail_if_nothing_was_readable, investigate, print, publish, titles};
use crate::render::terminal::Screen;
use crate::render::timeline;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline timeline ./incident\n  rootline timeline ./incident --color always | less -R\n  rootline timeline ./incident --width 80 > timeline.txt"
)]
pub(super) struct TimelineArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// Columns to fit into; by default those of the terminal, and in a pipe as many as a line needs
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=300), help_heading = "Output")]
    pub(super) width: Option<u16>,
    #[command(flatten)]
    pub(super) identities: Identities,
}

pub(super) fn run(command: &TimelineArgs, screen: &Screen) -> Result<ExitCode, Failure> {
    let mut screen = screen.clone();
    screen.width = command.width.map(usize::from).or(screen.width);
    let (outcome, grammars) = investigate(&command.input)?;
    let report = publish(&command.input, &command.identities, &outcome, &grammars);
    print(&timeline::render_timeline(
        &report,
        &titles(&grammars),
        &screen,
    ))?;
    fail_if_nothing_was_readable(&command.input.paths, &outcome.incident)?;
    Ok(ExitCode::SUCCESS)
}
