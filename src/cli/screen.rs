//! What the output bears: colours, links, and how wide it is. Read here, of the terminal and the environment, and told to `render`.

use std::ffi::OsString;
use std::io::IsTerminal;

use anstream::{AutoStream, ColorChoice};
use supports_hyperlinks::Stream;

use super::args::{Shared, When};
use crate::render::terminal::Screen;

/// Looks for `--color` before the arguments are parsed, because that may fail, and failures are coloured as well.
pub(super) fn colours_before_parsing(arguments: &[OsString]) {
    let mut next_is = false;
    for argument in arguments.iter().filter_map(|a| a.to_str()) {
        let value = argument
            .strip_prefix("--color=")
            .or(next_is.then_some(argument));
        match value {
            Some("always") => set_colours(When::Always),
            Some("never") => set_colours(When::Never),
            _ => {}
        }
        next_is = argument == "--color";
    }
}

/// Says for the whole run when to colour.
pub(super) fn set_colours(when: When) {
    match when {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    }
    .write_global();
}

/// Returns the same for help and usage failures.
pub(super) fn clap_colours() -> clap::ColorChoice {
    match ColorChoice::global() {
        ColorChoice::Never => clap::ColorChoice::Never,
        ColorChoice::Always | ColorChoice::AlwaysAnsi => clap::ColorChoice::Always,
        ColorChoice::Auto => clap::ColorChoice::Auto,
    }
}

/// Returns whether notes and mistakes are coloured.
pub(super) fn colours_on_stderr() -> bool {
    AutoStream::choice(&std::io::stderr()) != ColorChoice::Never
}

/// Returns what standard output bears.
pub(super) fn of(shared: &Shared) -> Screen {
    let coloured = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
    let linked = match shared.hyperlinks {
        When::Always => true,
        When::Never => false,
        When::Auto => std::io::stdout().is_terminal() && supports_hyperlinks::on(Stream::Stdout),
    };
    Screen {
        base: (coloured && linked)
            .then(|| std::env::current_dir().ok())
            .flatten()
            .map(|directory| directory.to_string_lossy().into_owned()),
        width: terminal_size::terminal_size_of(std::io::stdout())
            .map(|(width, _)| usize::from(width.0).max(20)),
    }
}
