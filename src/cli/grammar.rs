//! `rootline grammar`: list, show and check grammars.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Failure, load_grammars, print, read_grammar_files};
use crate::grammar::{kinds, mistake, pattern};
use crate::pipeline;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline grammar list\n  rootline grammar show pull_failed\n  rootline grammar check ./my-grammars"
)]
pub(super) struct GrammarArgs {
    #[command(subcommand)]
    pub(super) command: GrammarCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum GrammarCommand {
    /// List formats, signals, rules, mechanisms and constants
    #[command(after_help = "Examples:\n  rootline grammar list\n  rootline grammar list --kinds")]
    List {
        /// List the kinds of field that patterns may use
        #[arg(long)]
        kinds: bool,
    },
    /// Print the file of a format, signal, rule or mechanism
    #[command(
        after_help = "Examples:\n  rootline grammar show klog-text\n  rootline grammar show pull_failed > my-grammars/signals/pull-failed.toml"
    )]
    Show {
        /// Its id, for example klog-text or pull_failed
        id: String,
    },
    /// Load the grammars in DIR over the built-in ones and run their samples, look-alikes and cases
    #[command(after_help = "Examples:\n  rootline grammar check ./my-grammars")]
    Check {
        /// A directory with formats/, signals/, cascades/, mechanisms/, physics.toml, vocabulary.toml; any of them
        directory: PathBuf,
    },
}

pub(super) fn run(command: &GrammarArgs) -> Result<ExitCode, Failure> {
    match &command.command {
        GrammarCommand::List { kinds: true } => {
            let mut out = String::new();
            for kind in kinds::ALL {
                let _ = writeln!(
                    out,
                    "{:<10} {} (for example: {})",
                    kind.name, kind.about, kind.example
                );
            }
            let _ = writeln!(
                out,
                "{:<10} a stamp in one of the layouts of [time], in formats only",
                "time"
            );
            print(&out)?;
        }
        GrammarCommand::List { kinds: false } => print(&list()?)?,
        GrammarCommand::Show { id } => show(id, &[])?,
        GrammarCommand::Check { directory } => return check(directory),
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<String, Failure> {
    let grammars = load_grammars(&[])?;
    let mut out = String::from("formats\n");
    for f in grammars.peeler.formats() {
        let _ = writeln!(out, "  {:<26} {}", f.id, f.title);
    }
    out.push_str("signals\n");
    for s in &grammars.signals {
        let _ = writeln!(
            out,
            "  {:<26} {} ({} wordings)",
            s.kind,
            s.title,
            s.wordings.len()
        );
    }
    out.push_str("causal rules\n");
    for r in &grammars.rules {
        let _ = writeln!(out, "  {}", r.id);
    }
    out.push_str("mechanisms\n");
    for m in &grammars.mechanisms {
        let _ = writeln!(out, "  {:<32} {}", m.id, m.title);
    }
    out.push_str("constants\n");
    for (name, constant) in &grammars.physics.constant {
        let _ = writeln!(out, "  {name:<32} {:<6} {}", constant.value, constant.about);
    }
    Ok(out)
}

pub(super) fn show(id: &str, directories: &[std::path::PathBuf]) -> Result<(), Failure> {
    let grammars = load_grammars(directories)?;
    let dashed = id.replace('_', "-");
    let found = grammars.files.iter().find(|(name, _)| {
        name.rsplit('/')
            .next()
            .and_then(|n| n.strip_suffix(".toml"))
            == Some(dashed.as_str())
            || *name == id
    });
    // A constant is one section of its file.
    let constant = || {
        let text = grammars.files.get("physics.toml")?;
        let head = format!("[constant.{}]", id.replace('-', "_"));
        let from = text.find(&format!("\n{head}\n"))? + 1;
        let section = &text[from..];
        let end = section.find("\n[").map_or(section.len(), |end| end + 1);
        Some(format!("{}\n", section[..end].trim_end()))
    };
    match found.map(|(_, text)| text.clone()).or_else(constant) {
        Some(text) => print(&text),
        None => {
            let names: Vec<&str> = grammars
                .files
                .keys()
                .filter_map(|n| n.rsplit('/').next())
                .filter_map(|n| n.strip_suffix(".toml"))
                .collect();
            // A name that has little in common with it was not meant.
            let meant =
                pattern::nearest_within(&dashed, &names, dashed.chars().count().div_ceil(3))
                    .map(|near| format!("did you mean \"{near}\"? "))
                    .unwrap_or_default();
            Err(Failure::Usage {
                what: format!("no grammar is called \"{id}\""),
                hint: format!("{meant}`rootline grammar list` prints all"),
            })
        }
    }
}

fn check(directory: &std::path::Path) -> Result<ExitCode, Failure> {
    let files = read_grammar_files(directory)?;
    if files.is_empty() {
        return Err(Failure::Usage { what: format!("\"{}\" has no grammar files", directory.display()), hint: "a grammar directory has formats/, signals/, cascades/ or mechanisms/ with .toml files".into() });
    }
    let grammars = load_grammars(&[directory.to_owned()])?;
    let own: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let mistakes = pipeline::prove(&grammars, &|file| own.contains(file));
    if mistakes.is_empty() {
        print(&format!(
            "{} files are right: they load, and their samples, look-alikes and cases hold\n",
            files.len()
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let colours = super::screen::colours_on_stderr();
    let shown = mistake::explain(&mistakes, |name| grammars.files.get(name).cloned(), colours);
    Err(Failure::Grammar {
        count: mistakes.len(),
        shown,
    })
}
