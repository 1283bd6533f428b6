//! Failures: what stops a run, said as what, where, why and what to do, with the exit code that stands for it.

use std::io::Write;
use std::process::ExitCode;

use crate::grammar::pattern::nearest_within;
use crate::render::escape::visible_lines;

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
    /// The page is written, but nothing here opens it. Usually a machine without a desktop.
    #[error("cannot open \"{path}\": no browser could be started")]
    Open {
        /// The page.
        path: String,
    },
    /// There is nothing in the input that could be read. Usually the wrong directory.
    #[error("nothing could be read")]
    NothingReadable {
        /// Some of the files, each with its reason.
        why: Vec<String>,
    },
    /// More bytes came out of the input than all of it may have. Usually an archive that was made for that.
    #[error("the input has more than {limit} bytes after decompression")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// A report does not say what its input says. Usually one of them was changed.
    #[error("{count} things do not hold")]
    Unverified {
        /// How many.
        count: usize,
    },
    /// Grammar files have mistakes. Usually the author's of a private grammar.
    #[error("{count} mistakes in grammar files")]
    Grammar {
        /// How many.
        count: usize,
        /// The mistakes, drawn.
        shown: String,
    },
    /// A file of settings has a mistake. Usually its author's.
    #[error("\"{path}\": {what}")]
    Settings {
        /// The file.
        path: String,
        /// What.
        what: String,
        /// What to do about each mistake.
        hints: Vec<String>,
    },
    /// kubectl cannot be started. Usually it is not installed.
    #[error("cannot run \"{program}\": {error}")]
    Kubectl {
        /// The program.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// The cluster answered nothing. Usually the context, the network, or a log-in that has expired.
    #[error("the cluster answered nothing: {why}")]
    Cluster {
        /// What kubectl said.
        why: String,
    },
    /// The user stopped `collect`. What came until then is in the bundle.
    #[error("stopped before all was asked: \"{path}\" holds what came until then")]
    Stopped {
        /// The bundle.
        path: String,
    },
    /// The cluster answered, and gave nothing that a report can be made of. Usually missing rights.
    #[error("nothing came that a report can be made of: \"{path}\" only says what was asked")]
    NothingCame {
        /// The bundle.
        path: String,
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
        let _ = writeln!(stderr, "error: {}", visible_lines(&self.to_string()));
        let hints: Vec<String> = match self {
            Failure::Read { path, error } => read_hints(path, error),
            Failure::Write { path, error } => write_hints(path, error),
            Failure::Stopped { .. } => vec!["Events are forgotten after an hour: what is missing should be asked for soon, into another file".into()],
            Failure::NothingCame { .. } => vec!["docs/collecting.md has the rights that each request needs; `kubectl auth can-i list events` tells whether you have them".into()],
            Failure::TooLarge { .. } => vec!["leave out what does not belong to the incident, or allow more with --limit total-bytes=2048GiB".into()],
            Failure::Unverified { .. } => vec!["the report or its input was changed since it was written, or other files were given".into()],
            Failure::Open { .. } => vec!["it is written: open it yourself, or copy it to where a browser is".into()],
            Failure::Kubectl { .. } => vec!["install kubectl, or name yours with --kubectl FILE or ROOTLINE_KUBECTL".into()],
            Failure::Cluster { .. } => vec!["try `kubectl get nodes` with the same --context and --kubeconfig; Rootline asks with the same rights".into()],
            Failure::NothingReadable { why } => why.clone(),
            Failure::Grammar { .. } => vec!["grammars/README.md has every field with an example; `rootline grammar show ID` prints a working file".into()],
            Failure::Usage { hint, .. } => vec![hint.clone()],
            Failure::Settings { hints, .. } => {
                let mut hints = hints.clone();
                hints.push("--no-config leaves all such files alone".into());
                hints
            }
            Failure::Render(_) => vec!["this is a bug of Rootline: `--format json` may still work".into()],
        };
        for hint in hints {
            let _ = writeln!(stderr, "  hint: {}", visible_lines(&hint));
        }
        ExitCode::from(
            if matches!(self, Failure::Usage { .. } | Failure::Settings { .. }) {
                2
            } else {
                1
            },
        )
    }
}

/// Returns what to do about a place that cannot be written to.
fn write_hints(path: &str, error: &std::io::Error) -> Vec<String> {
    if path == super::STDOUT {
        return vec!["whatever takes the output refused it, for example a full disk".into()];
    }
    let directory = std::path::Path::new(path).parent();
    match directory.filter(|d| !d.as_os_str().is_empty() && !d.exists()) {
        Some(directory) if error.kind() == std::io::ErrorKind::NotFound => vec![format!(
            "there is no directory \"{}\": make it first, or choose another place",
            directory.display()
        )],
        _ => vec!["what stood there before is unchanged; choose another place".into()],
    }
}

/// Returns what to do about a path that cannot be read: the name that was probably meant, where there is one.
fn read_hints(path: &str, error: &std::io::Error) -> Vec<String> {
    let general = "check the path; `rootline detect PATH` tells what is seen there".to_owned();
    let path = std::path::Path::new(path);
    let (Some(name), std::io::ErrorKind::NotFound) = (path.file_name(), error.kind()) else {
        return vec![general];
    };
    let name = name.to_string_lossy();
    let directory = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(std::path::Path::new("."));
    let Ok(entries) = std::fs::read_dir(directory) else {
        return vec![
            format!("there is no \"{}\" either", directory.display()),
            general,
        ];
    };
    let names: Vec<String> = entries
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest_within(&name, &known, name.chars().count().div_ceil(3)) {
        Some(near) => vec![format!(
            "did you mean \"{}\"?",
            directory.join(near).display()
        )],
        None => vec![general],
    }
}
