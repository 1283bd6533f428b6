//! `rootline man`: manual pages, made of the same text as the help.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};

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

/// Renders the page of a command and those of its subcommands, in their order.
fn pages_of(command: &clap::Command, name: String, pages: &mut Vec<(String, String)>) {
    let mut page = Vec::new();
    let titled = command
        .clone()
        .name(name.clone())
        .version(env!("CARGO_PKG_VERSION"));
    // Without a date: the same version gives the same bytes.
    let man = clap_mangen::Man::new(titled).manual("Rootline").date("");
    if man.render(&mut page).is_ok() {
        pages.push((name.clone(), String::from_utf8_lossy(&page).into_owned()));
    }
    for inner in command
        .get_subcommands()
        .filter(|c| c.get_name() != "help" && !c.is_hide_set())
    {
        pages_of(inner, format!("{name}-{}", inner.get_name()), pages);
    }
}
