//! Failures: what stops a run, said as what, where, why and what to do, with the exit code that stands for it.

use std::io::Write;
use std::process::ExitCode;

/// What stops a run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A path that was given cannot be read. Usually mistyped.
    #[error("cannot read \"{path}\": {error}")]
    Read {
        /// The path.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The result cannot be written. Usually a missing directory or no permission.
    #[error("cannot write \"{path}\": {error}")]
    Write {
        /// The path.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// There were files, and none could be opened.
    #[error("nothing could be read")]
    NothingReadable {
        /// Some of the files, each with its reason.
        why: Vec<String>,
    },
    /// Grammar files have mistakes. Usually the author's of a private grammar.
    #[error("{count} mistakes in grammar files")]
    Grammar {
        /// How many.
        count: usize,
        /// The mistakes, drawn.
        shown: String,
    },
    /// Arguments that do not fit together.
    #[error("{what}")]
    Usage {
        /// What.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A renderer failed: a bug of ours.
    #[error("the report could not be rendered: {0}")]
    Render(String),
}

impl Failure {
    /// Prints the failure with its hints and returns the exit code: 2 for wrong usage, 1 for everything else.
    pub(super) fn show(&self) -> ExitCode {
        let mut stderr = anstream::stderr().lock();
        if let Failure::Grammar { shown, .. } = self {
            let _ = stderr.write_all(shown.as_bytes());
        }
        let _ = writeln!(stderr, "error: {self}");
        let hints: Vec<String> = match self {
            Failure::Read { .. } => vec!["check the path; `rootline detect PATH` tells what is seen there".into()],
            Failure::Write { .. } => vec!["choose another place with -o FILE, or -o - for standard output".into()],
            Failure::NothingReadable { why } => why.clone(),
            Failure::Grammar { .. } => vec!["grammars/README.md has every field with an example; `rootline grammar show ID` prints a working file".into()],
            Failure::Usage { hint, .. } => vec![hint.clone()],
            Failure::Render(_) => vec!["this is a bug of Rootline: `--format json` may still work".into()],
        };
        for hint in hints {
            let _ = writeln!(stderr, "  hint: {hint}");
        }
        ExitCode::from(if matches!(self, Failure::Usage { .. }) {
            2
        } else {
            1
        })
    }
}
