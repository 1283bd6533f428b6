//! `rootline man`: manual pages, made of the same text as the help.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};
use clap_mangen::roff::{Roff, roman};

use super::{Failure, args, note, print_raw, write_file};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rootline man | man -l -
  rootline man -o ~/.local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write one page for each command into this directory, instead of printing the first
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) output: Option<PathBuf>,
}

pub(super) fn run(command: &ManArgs) -> Result<ExitCode, Failure> {
    let mut pages = Vec::new();
    let mut root = args::command();
    root.build();
    pages_of(&root, "rootline".to_owned(), &mut pages);
    match &command.output {
        None => print_raw(pages.first().map_or("", |(_, text)| text))?,
        Some(directory) => {
            std::fs::create_dir_all(directory).map_err(|error| Failure::Write {
                path: directory.display().to_string(),
                error,
            })?;
            for (name, text) in &pages {
                write_file(&directory.join(format!("{name}.1")), text)?;
            }
            note(
                false,
                &format!("wrote {} pages to {}", pages.len(), directory.display()),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Renders what stands behind the help: examples as they are typed, and the notes below them.
fn after_help(command: &clap::Command) -> Roff {
    let mut page = Roff::new();
    let text = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    for part in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
        match part.strip_prefix("Examples:\n") {
            Some(examples) => {
                page.control("SH", ["EXAMPLES"]).control("nf", []);
                for line in examples.lines() {
                    page.text([roman(line.trim())]);
                }
                page.control("fi", []);
            }
            None => {
                page.control("SH", ["NOTES"]).text([roman(part)]);
            }
        }
    }
    page
}

/// Renders the page of a command and those of its subcommands, in their order.
fn pages_of(command: &clap::Command, name: String, pages: &mut Vec<(String, String)>) {
    let mut page = Vec::new();
    // The text behind the help would stand under a heading that says nothing.
    let titled = command
        .clone()
        .after_help(None::<&str>)
        .name(name.clone())
        .version(env!("CARGO_PKG_VERSION"));
    // Without a date: the same version gives the same bytes.
    let man = clap_mangen::Man::new(titled).manual("Rootline").date("");
    if man.render(&mut page).is_ok() && after_help(command).to_writer(&mut page).is_ok() {
        pages.push((name.clone(), String::from_utf8_lossy(&page).into_owned()));
    }
    for inner in command
        .get_subcommands()
        .filter(|c| c.get_name() != "help" && !c.is_hide_set())
    {
        pages_of(inner, format!("{name}-{}", inner.get_name()), pages);
    }
}
