//! The command line: reads arguments, clock-free; runs the pipeline; prints. Results go to stdout, notes to stderr.
//!
//! The only room that prints, and beside `collect` the only one that touches the file system. One file a subcommand.

mod args;
#[cfg(feature = "batch")]
mod batch;
mod collect;
mod completions;
mod config;
mod detect;
mod explain;
mod failure;
mod grammar;
mod hide;
mod human;
mod init;
mod inputs;
mod limit;
mod man;
mod map_step;
mod policy;
mod progress;
mod report;
mod schema;
mod screen;
mod settings;
mod signals;
mod timeline;
mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::FromArgMatches;

use crate::batch::load;
use crate::collect::Collection;
use crate::grammar::Grammars;
use crate::model::{Incident, Problem, Source};
use crate::pipeline::{self, Outcome};
use crate::redact;
use crate::render::escape::visible;
use crate::render::view::{RuleTitle, Titles};
use crate::wire::publish;
use crate::wire::roles::Roles;
use crate::wire::v1::Report;
use args::{Arguments, Command, Identities, Input};
pub use failure::Failure;
pub use map_step::{MapStep, Mapped};

/// Runs the command that the arguments name and returns the exit code.
pub fn run() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(failure) => failure.show(),
    }
}

/// Reads the arguments twice: the first time for the files of settings that they make count, the second time with what those say.
fn start() -> Result<ExitCode, Failure> {
    let given: Vec<std::ffi::OsString> = std::env::args_os().collect();
    screen::colours_before_parsing(&given);
    let command = args::command_of(&given).color(screen::clap_colours());
    let first = match command.try_get_matches_from(&given) {
        Ok(matches) => matches,
        Err(error) => match settings::refused_variable(&error, &given) {
            Some(failure) => return Err(failure),
            None => error.exit(),
        },
    };
    let (command, settings) = settings::command_with_settings(&first, &given)?;
    let matches = match command
        .color(screen::clap_colours())
        .try_get_matches_from(&given)
    {
        Ok(matches) => matches,
        Err(error) => match settings::refused(&error, &settings) {
            Some(failure) => return Err(failure),
            None => error.exit(),
        },
    };
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    screen::set_colours(arguments.shared.color);
    let screen = screen::of(&arguments.shared);
    match arguments.command {
        Command::Report(command) => report::run(&command),
        Command::Init(command) => init::run(&command),
        Command::Signals(command) => signals::run(&command, &screen),
        Command::Timeline(command) => timeline::run(&command, &screen),
        Command::Detect(command) => detect::run(&command),
        Command::Verify(command) => verify::run(&command),
        Command::Explain(command) => explain::run(&command),
        Command::Grammar(command) => grammar::run(&command),
        Command::Collect(command) => collect::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Config(_) => config::run(&matches, &settings),
        Command::Schema(command) => schema::run(&command),
        Command::Completions(command) => completions::run(&command),
        Command::Man(command) => man::run(&command),
        #[cfg(feature = "batch")]
        Command::Batch(command) => batch::run(&command),
        #[cfg(feature = "batch")]
        Command::Worker(command) => batch::worker(&command),
    }
}

/// Loads the embedded grammars and those in the given directories.
fn load_grammars(directories: &[PathBuf]) -> Result<Grammars, Failure> {
    let mut overlay = Vec::new();
    for directory in directories {
        overlay.extend(read_grammar_files(directory)?);
    }
    Grammars::load(&overlay).map_err(|mistakes| {
        let text_of = |name: &str| {
            overlay
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, text)| text.clone())
                .or_else(|| {
                    crate::grammar::EMBEDDED
                        .iter()
                        .find(|(n, _)| *n == name)
                        .map(|(_, text)| (*text).to_owned())
                })
        };
        let colours = screen::colours_on_stderr();
        Failure::Grammar {
            count: mistakes.len(),
            shown: crate::grammar::mistake::explain(&mistakes, text_of, colours),
        }
    })
}

/// Reads every TOML file of a grammar directory; names are relative to it.
fn read_grammar_files(directory: &Path) -> Result<Vec<(String, String)>, Failure> {
    let fail = |path: &Path, error: std::io::Error| Failure::Read {
        path: path.display().to_string(),
        error,
    };
    let mut files = Vec::new();
    if !directory.is_dir() {
        return Err(Failure::Read {
            path: directory.display().to_string(),
            error: std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such directory"),
        });
    }
    for entry in walkdir::WalkDir::new(directory).sort_by_file_name() {
        let entry = entry.map_err(|error| fail(directory, error.into()))?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|e| e == "toml") {
            let text =
                std::fs::read_to_string(entry.path()).map_err(|error| fail(entry.path(), error))?;
            let relative = entry.path().strip_prefix(directory).unwrap_or(entry.path());
            let name = relative
                .components()
                .map(|c| c.as_os_str().to_string_lossy().into_owned())
                .collect::<Vec<_>>()
                .join("/");
            files.push((name, text));
        }
    }
    Ok(files)
}

/// Collects the input. Fails if a path does not exist.
fn collect_input(input: &Input) -> Result<(Collection, Vec<Problem>), Failure> {
    for path in input.paths.iter().filter(|p| p.as_os_str() != "-") {
        // A pattern with wildcards may name files that exist; `collect` says so if it does not.
        let pattern = path.to_string_lossy().contains(['*', '?', '[']);
        if !path.exists() && !pattern {
            return Err(Failure::Read {
                path: path.display().to_string(),
                error: std::io::Error::new(
                    std::io::ErrorKind::NotFound,
                    "there is no such file or directory",
                ),
            });
        }
    }
    if let Some(jobs) = input.jobs {
        // The pool can be set once; a second call in one process keeps the first.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(jobs)
            .build_global();
    }
    let (collection, problems) = crate::collect::collect_within(&input.paths, input.limits());
    for own in &collection.own_reports {
        note(
            input.quiet,
            &format!("\"{own}\" was written by Rootline and is not read as evidence"),
        );
    }
    Ok((collection, problems))
}

/// Runs the whole pipeline on the input.
fn investigate(input: &Input) -> Result<(Outcome, Grammars), Failure> {
    let grammars = load_grammars(&input.grammars)?;
    let options = input.options()?;
    let (mut collection, problems) = collect_input(input)?;
    let budget = collection.budget.clone();
    for (glob, _) in &options.align.node_of {
        let fits = |source: &Source| glob.is_match(&source.path) || glob.is_match(&source.name);
        if !collection.sources.iter().any(fits) {
            let glob = glob.glob().glob();
            note(input.quiet, &format!("--node-of: no file fits \"{glob}\""));
        }
    }
    let watch = progress::watch(&mut collection.sources, input.quiet);
    let outcome = pipeline::run(collection, problems, &grammars, &options);
    drop(watch);
    if budget.is_spent() {
        // Which file came last would depend on the threads: no report is better than one that differs from run to run.
        return Err(Failure::TooLarge {
            limit: budget.limits.total_bytes,
        });
    }
    Ok((outcome, grammars))
}

/// Makes what is published of an incident: the only way to an output, and it leads through redaction.
fn redacted(
    outcome: &Outcome,
    grammars: &Grammars,
    redaction: &redact::Options,
    roles: &Roles,
    revealed: bool,
) -> Report {
    let mut report = publish::report(
        &outcome.incident,
        &outcome.disks,
        &grammars.sha256,
        roles,
        revealed,
    );
    redact::redact(&mut report, redaction, &grammars.secrets);
    report
}

/// Makes what is published of an incident, and tells what was hidden.
fn publish(
    input: &Input,
    identities: &Identities,
    outcome: &Outcome,
    grammars: &Grammars,
) -> Report {
    let roles = identities.roles(&outcome.incident);
    let report = redacted(
        outcome,
        grammars,
        &input.redaction(),
        &roles,
        identities.reveal_identities,
    );
    let count = |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    for (kind, row) in &report.redaction.hidden {
        let (values, places) = (count(row.values, "value"), count(row.places, "place"));
        note(
            input.quiet,
            &format!("hidden: {values} of kind {kind} in {places} of the evidence"),
        );
    }
    report
}

/// Fails if there is no text in anything that was given: nothing is known then, not even that nothing happened. An empty list is something.
/// What goes to standard output is out before, for it says why; a file of an earlier run is left alone.
fn fail_if_nothing_was_readable(paths: &[PathBuf], incident: &Incident) -> Result<(), Failure> {
    let closed = |formats: &[String]| {
        let kind = formats.first().map(String::as_str);
        matches!(kind, None | Some("none" | "empty" | "binary"))
    };
    if incident
        .readings
        .iter()
        .any(|r| r.bytes_read > 0 || !closed(&r.formats))
    {
        return Ok(());
    }
    let skipped = &incident.ledger.skipped;
    let mut reasons: Vec<String> = skipped
        .iter()
        .take(5)
        .map(|s| format!("\"{}\": {}", s.path, s.why))
        .collect();
    if skipped.len() > reasons.len() {
        reasons.push(format!("and {} more", skipped.len() - reasons.len()));
    }
    if reasons.is_empty() {
        reasons.extend(
            paths
                .iter()
                .map(|path| format!("\"{}\": there is nothing in it", path.display())),
        );
    }
    Err(Failure::NothingReadable { why: reasons })
}

/// Returns the incident's id in rows and tables: the name of the first path, as in a fleet.
fn id_of(paths: &[PathBuf]) -> String {
    let Some(first) = paths.first() else {
        return String::new();
    };
    // `.` and `..` have no name of their own.
    match first.file_name() {
        Some(_) => load::id_of(first),
        None => load::id_of(&first.canonicalize().unwrap_or_else(|_| first.clone())),
    }
}

/// Collects the titles that pages show.
fn titles(grammars: &Grammars) -> Titles {
    Titles {
        signals: grammars
            .signals
            .iter()
            .map(|s| (s.kind.clone(), s.title.clone()))
            .collect(),
        mechanisms: grammars
            .mechanisms
            .iter()
            .map(|m| (m.id.clone(), m.title.clone()))
            .collect(),
        faults: grammars
            .signals
            .iter()
            .filter(|s| grammars.is_fault(&s.kind))
            .map(|s| s.kind.clone())
            .collect(),
        stages: grammars
            .signals
            .iter()
            .map(|s| (s.kind.clone(), grammars.stage(&s.kind).to_owned()))
            .collect(),
        abouts: grammars
            .vocabulary
            .signal
            .iter()
            .map(|(kind, word)| (kind.clone(), word.about.clone()))
            .collect(),
        rules: grammars
            .rules
            .iter()
            .map(|r| {
                let rule = RuleTitle {
                    title: r.title.clone(),
                    mistaken_when: r.mistaken_when.clone(),
                    source: r.source.clone().unwrap_or_default(),
                };
                (r.id.clone(), rule)
            })
            .collect(),
    }
}

/// How standard output is called where it cannot be written to.
const STDOUT: &str = "standard output";

/// Prints a result. A reader that closed the pipe has seen enough.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Write {
            path: STDOUT.into(),
            error,
        }),
        _ => Ok(()),
    }
}

/// Prints a result byte for byte: data formats keep their escapes.
fn print_raw(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Prints a result that may be no text.
fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Write {
            path: STDOUT.into(),
            error,
        }),
        _ => Ok(()),
    }
}

/// Says something beside the result.
fn note(quiet: bool, text: &str) {
    if !quiet {
        let _ = writeln!(anstream::stderr(), "note: {}", visible(text));
    }
}

/// Writes a file whole or not at all.
fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    write_bytes(path, text.as_bytes()).map_err(|error| Failure::Write {
        path: path.display().to_string(),
        error,
    })
}

/// Writes bytes as [`write_file`] does. What stood there before stays whole until the new bytes are on the disk.
fn write_bytes(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // A pipe or a device has no name to be renamed to.
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir()) {
        return std::fs::write(path, bytes);
    }
    let mut file = temporary_beside(path)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = file
            .as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o644));
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    if let Ok(directory) = std::fs::File::open(directory_of(path)) {
        // The new name, too, outlives a loss of power. Not every file system can do that, and the file is whole either way.
        let _ = directory.sync_all();
    }
    Ok(())
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Begins a file that will take the place of another one. A run that is killed leaves one whose name says whose it was.
fn temporary_beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".rootline-")
        .suffix(".tmp")
        .tempfile_in(directory_of(path))
        .map_err(|error| plain_error(&error))
}

/// Returns an error without the name of a temporary file, which tells nobody anything.
fn plain_error(error: &std::io::Error) -> std::io::Error {
    let said = error.to_string();
    let plain = said.split(" at path ").next().unwrap_or(&said);
    std::io::Error::new(error.kind(), plain.to_owned())
}
