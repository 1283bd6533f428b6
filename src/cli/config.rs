//! `rootline config show`: each setting, its value, and where that comes from.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Subcommand};

use super::args::Input;
use super::settings::{KEYS, Settings};
use super::{Failure, print};
use crate::grammar::pattern::nearest;
use crate::render::escape::visible as safe;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline config show\n  rootline config show ./incident --year 2024"
)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    pub(super) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show each setting, its value, and where that comes from
    ///
    /// An argument wins over a variable ROOTLINE_…, that over `[options]` in the rootline.toml of the incident, that over `[options]` in
    /// your own config.toml in $XDG_CONFIG_HOME/rootline (or the file that ROOTLINE_CONFIG names). Takes the options of `report`, to
    /// try them out.
    #[command(
        after_help = "Examples:\n  rootline config show\n  rootline config show ./incident --zone +02:00"
    )]
    Show {
        #[command(flatten)]
        input: Box<Input>,
    },
}

pub(super) fn run(matches: &ArgMatches, settings: &Settings) -> Result<ExitCode, Failure> {
    let mut out = String::new();
    match &settings.user {
        Some((file, there)) => {
            let not = if *there { "" } else { " (there is none)" };
            let _ = writeln!(
                out,
                "your file      {}{not}",
                safe(&file.display().to_string())
            );
        }
        None => out.push_str("your file      not looked for\n"),
    }
    for file in &settings.incident {
        let _ = writeln!(out, "the incident's {}", safe(&file.display().to_string()));
    }
    out.push('\n');
    let shown = matches
        .subcommand_matches("config")
        .and_then(|m| m.subcommand_matches("show"))
        .unwrap_or(matches);
    for key in KEYS {
        let id = key.name.replace('-', "_");
        let raw: Vec<String> = shown
            .get_raw(&id)
            .into_iter()
            .flatten()
            .map(|v| v.to_string_lossy().into_owned())
            .collect();
        let (value, from) = match shown.value_source(&id) {
            Some(ValueSource::CommandLine) => (raw.join(", "), format!("--{}", key.name)),
            Some(ValueSource::EnvVariable) => (raw.join(", "), variable(&id)),
            Some(_) if let Some(given) = settings.of(key.name) => {
                (given.values.join(", "), given.from.display().to_string())
            }
            _ => ("-".to_owned(), format!("not set: {}", key.otherwise)),
        };
        // Who sees a screen or a ticket must not learn the key.
        let value = if key.name == "redact-key" && value != "-" {
            "(not shown)".to_owned()
        } else {
            value
        };
        let _ = writeln!(out, "{:<10} {:<28} {}", key.name, safe(&value), safe(&from));
    }
    // What only a variable or an argument can set.
    let quiet = match shown.value_source("quiet") {
        Some(ValueSource::CommandLine) => ("yes", "--quiet"),
        Some(ValueSource::EnvVariable) if shown.get_flag("quiet") => ("yes", "ROOTLINE_QUIET"),
        _ => ("-", "not set: notes, progress and a summary"),
    };
    let kubectl = std::env::var("ROOTLINE_KUBECTL").ok();
    let kubectl = match &kubectl {
        Some(program) => (program.as_str(), "ROOTLINE_KUBECTL"),
        None => ("-", "not set: kubectl, for collect"),
    };
    for (name, (value, from)) in [("quiet", quiet), ("kubectl", kubectl)] {
        let _ = writeln!(out, "{name:<10} {:<28} {from}", safe(value));
    }
    let paths = shown.get_many::<std::path::PathBuf>("paths");
    if paths.into_iter().flatten().any(|path| path.is_file()) && settings.incident.is_empty() {
        out.push_str("\nthe rootline.toml of an incident counts where its directory is given, not for a file or an archive\n");
    }
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let known = known_variables();
        if name.starts_with("ROOTLINE_") && !known.iter().any(|k| **k == *name) {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let _ = writeln!(
                out,
                "\n{} means nothing to Rootline; did you mean {}?",
                safe(&name),
                nearest(&name, &names)
            );
        }
    }
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn variable(id: &str) -> String {
    format!("ROOTLINE_{}", id.to_uppercase())
}

/// Returns every variable that an option reads, and the one that names the user's file.
fn known_variables() -> Vec<String> {
    fn of(command: &clap::Command, found: &mut Vec<String>) {
        found.extend(
            command
                .get_arguments()
                .filter_map(|a| a.get_env())
                .map(|e| e.to_string_lossy().into_owned()),
        );
        command.get_subcommands().for_each(|inner| of(inner, found));
    }
    let mut found = vec!["ROOTLINE_CONFIG".to_owned()];
    of(&super::args::command(), &mut found);
    found.sort();
    found.dedup();
    found
}
