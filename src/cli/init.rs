//! `rootline init`: the files in which people complete a postmortem. Never writes over one that exists.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueHint};

use super::{Failure, note, write_file};
use crate::wire::human::{FIELDS_FILE, FIELDS_SKELETON, NOTES_FILE, NOTES_SKELETON};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rootline init ./incident
  rootline report ./incident

Writes rootline.toml (owners, severity, customer impact, lessons, actions, corrections) and notes.md (prose for each section), \
with comments. What stands in them is shown in every report of the incident, marked as written by people, and is never read as \
evidence. Files that exist are left as they are.")]
pub(super) struct InitArgs {
    /// The incident's directory
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) directory: PathBuf,
}

pub(super) fn run(command: &InitArgs) -> Result<ExitCode, Failure> {
    let directory: &Path = &command.directory;
    if directory.is_file() {
        return Err(Failure::Usage {
            what: format!(
                "\"{}\" is a file, and what people write lies beside it",
                directory.display()
            ),
            hint: "give the directory that holds the incident's files".into(),
        });
    }
    if !directory.is_dir() {
        return Err(Failure::Read {
            path: directory.display().to_string(),
            error: std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such directory"),
        });
    }
    for (name, text) in [(FIELDS_FILE, FIELDS_SKELETON), (NOTES_FILE, NOTES_SKELETON)] {
        let path = directory.join(name);
        if path.exists() {
            note(
                false,
                &format!("{} exists and is left as it is", path.display()),
            );
        } else {
            write_file(&path, text)?;
            note(false, &format!("wrote {}", path.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
