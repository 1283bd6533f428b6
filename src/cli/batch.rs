//! `rootline batch`: many past incidents into tables and answers; and `rootline worker`, the same map step for an engine.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::FixedOffset;
use clap::{Args, Subcommand, ValueEnum};

use super::args::{parse_jobs, parse_zone};
use super::hide::Redact;
use super::map_step::{made_with, report_of};
use super::{Failure, load_grammars, note, print, print_raw, titles, write_bytes};
use crate::align;
use crate::batch::answer::{self, answers};
use crate::batch::columns::TABLES;
use crate::batch::load::{Candidate, ListError, Store, find_incidents, hash_of};
use crate::batch::questions::{self, Frames};
use crate::batch::rows::{ddl, rows_of, rows_of_failed};
use crate::batch::{
    map::Made,
    run::{self, Order, RunError},
};
use crate::pipeline::Options;
use crate::render::escape::{csv_cell, visible as safe};
use crate::render::{fleet, html, json};
use crate::wire::v1;

/// What every run over incidents takes.
#[derive(Debug, Args)]
struct Grip {
    /// Incidents read at once, and worker threads; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<usize>,
    /// Zone of stamps that have none, as +02:00; UTC is assumed otherwise
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true, value_parser = parse_zone)]
    zone: Option<FixedOffset>,
    /// Year of stamps that have none
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i32).range(1970..=9999))]
    year: Option<i32>,
    /// Further grammars; may be given several times
    #[arg(long, value_name = "DIR")]
    grammars: Vec<PathBuf>,
    #[command(flatten)]
    redact: Redact,
    /// No notes on stderr and no summary
    #[arg(short, long)]
    quiet: bool,
}

impl Grip {
    fn options(&self) -> Options {
        Options {
            align: align::Options {
                year: self.year,
                zone: self.zone,
                node_of: Vec::new(),
            },
            ..Options::default()
        }
    }

    /// Sets the number of worker threads, and returns how many incidents are read at once.
    fn set_jobs(&self) -> usize {
        if let Some(jobs) = self.jobs {
            // The pool can be set once; a second call in one process keeps the first.
            let _ = rayon::ThreadPoolBuilder::new()
                .num_threads(jobs)
                .build_global();
        }
        self.jobs.unwrap_or_else(rayon::current_num_threads)
    }
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  rootline batch ./incidents -o fleet\n  rootline batch ./incidents -o fleet --shard 0/4\n  rootline batch compact fleet\n  rootline batch ask fleet recurrence\n  rootline batch schema --ddl duckdb\n\nEach child of a directory that is a directory, an archive or a compressed file is one incident. A manifest is a text file of lines PATH or ID<tab>PATH.\nWhat is finished is not done again, unless its files, the grammars or the version changed."
)]
pub(super) struct BatchArgs {
    #[command(subcommand)]
    command: Option<BatchCommand>,
    /// Directories of incidents, archives, or manifests
    #[arg(required = true, value_name = "DIR|MANIFEST")]
    paths: Vec<PathBuf>,
    /// Directory of the fleet: reports, pages, tables, answers
    #[arg(short, long, value_name = "OUT", required = true)]
    output: Option<PathBuf>,
    /// Do only part I of N, I from 0; every part may run on another machine
    #[arg(long, value_name = "I/N", value_parser = parse_shard)]
    shard: Option<(u64, u64)>,
    /// Write no page of each incident
    #[arg(long)]
    no_pages: bool,
    #[command(flatten)]
    grip: Grip,
}

#[derive(Debug, Subcommand)]
enum BatchCommand {
    /// Join the parts of all shards into one part a day, and answer the questions
    #[command(after_help = "Examples:\n  rootline batch compact fleet")]
    Compact {
        /// Directory of the fleet
        fleet: PathBuf,
    },
    /// Answer one question, or list the questions
    #[command(
        after_help = "Examples:\n  rootline batch ask fleet\n  rootline batch ask fleet recurrence --output csv"
    )]
    Ask {
        /// Directory of the fleet
        fleet: PathBuf,
        /// Question; all are listed without it
        question: Option<String>,
        /// How to print the answer
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        output: AnswerFormat,
    },
    /// Describe the tables
    #[command(
        after_help = "Examples:\n  rootline batch schema\n  rootline batch schema --ddl duckdb --place fleet/tables"
    )]
    Schema {
        /// Print statements that make them in an engine
        #[arg(long, value_name = "ENGINE")]
        ddl: Option<Engine>,
        /// Directory or URL of the tables that the statements name
        #[arg(long, value_name = "PLACE", default_value = "fleet/tables")]
        place: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AnswerFormat {
    Table,
    Ndjson,
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Duckdb,
    Clickhouse,
    Trino,
    Spark,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ls -d incidents/* | rootline worker > rows.ndjson\n\nEach line of the output is one row: the table in \"table\", the columns as `rootline batch schema` has them."
)]
pub(super) struct WorkerArgs {
    #[command(flatten)]
    grip: Grip,
}

fn parse_shard(text: &str) -> Result<(u64, u64), String> {
    let numbers = text
        .split_once('/')
        .and_then(|(i, n)| Some((i.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
    match numbers {
        Some((i, n)) if i < n && n <= 100_000 => Ok((i, n)),
        _ => Err("not I/N with I from 0 and below N; for example 0/4".into()),
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Failure {
        match error {
            ListError::Read { path, error } => Failure::Read { path, error },
            other => Failure::Usage { what: other.to_string(), hint: "a manifest has one line an incident: PATH, or ID<tab>PATH; lines that begin with # are comments".into() },
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        match error {
            RunError::File { path, error } => Failure::Write { path, error },
            RunError::Sharding { .. } => {
                Failure::Usage { what: error.to_string(), hint: "give the same number of shards, or join the parts first: `rootline batch compact OUT`".into() }
            }
            RunError::Table { .. } => Failure::Render(error.to_string()),
        }
    }
}

pub(super) fn run(command: &BatchArgs) -> Result<ExitCode, Failure> {
    match &command.command {
        Some(BatchCommand::Compact { fleet }) => compact(fleet),
        Some(BatchCommand::Ask {
            fleet,
            question,
            output,
        }) => ask(fleet, question.as_deref(), *output),
        Some(BatchCommand::Schema { ddl, place }) => schema(*ddl, place),
        None => read(command),
    }
}

fn read(command: &BatchArgs) -> Result<ExitCode, Failure> {
    let quiet = command.grip.quiet;
    let grammars = load_grammars(&command.grip.grammars)?;
    let options = command.grip.options();
    let redaction = command.grip.redact.options();
    let jobs = command.grip.set_jobs();
    let mut found = find_incidents(&command.paths)?;
    let output = command.output.clone().unwrap_or_default();
    // A fleet that lies among its incidents is none of them.
    let own = output.canonicalize().ok();
    found
        .candidates
        .retain(|c| own.is_none() || c.path.canonicalize().ok() != own);
    for path in &found.passed_over {
        note(
            quiet,
            &format!(
                "\"{}\" is neither a directory nor an archive and is passed over",
                path.display()
            ),
        );
    }
    if found.candidates.is_empty() {
        return Err(Failure::NothingReadable {
            why: vec![
                "there is no incident at the given paths: a directory has one child an incident"
                    .into(),
            ],
        });
    }
    let store = Store { root: output };
    let made_with = made_with(&grammars, &redaction);
    let titles = titles(&grammars);
    let make = |candidate: &Candidate| -> Result<Made, String> {
        let report = report_of(&candidate.path, &grammars, &options, &redaction)?;
        let json = json::render_report(&report).map_err(|e| e.to_string())?;
        let page = if command.no_pages {
            None
        } else {
            Some(html::render_html(&report, &titles).map_err(|e| e.to_string())?)
        };
        Ok(Made { report, json, page })
    };
    let shown = !quiet && std::io::stderr().is_terminal();
    let tell = |through: usize, of: usize| {
        if shown {
            let _ = write!(std::io::stderr(), "\r{through} of {of} incidents");
        }
    };
    // A bug ends one incident, with its message as the reason; the trace would only hide the progress.
    std::panic::set_hook(Box::new(|_| {}));
    let shard = command.shard.unwrap_or((0, 1));
    let done = run::run(&Order {
        store: &store,
        candidates: &found.candidates,
        shard,
        jobs,
        grammars: &made_with,
        version: env!("CARGO_PKG_VERSION"),
        make: &make,
        write: &write_bytes,
        tell: &tell,
    });
    let _ = std::panic::take_hook();
    if shown {
        let _ = writeln!(std::io::stderr());
    }
    let done = done?;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} incidents read, {} as before, {} failed; {} parts of tables written",
        done.made,
        done.kept,
        done.failed.len(),
        done.parts
    );
    for (id, reason) in &done.failed {
        let _ = writeln!(out, "  failed  {}: {}", safe(id), safe(reason));
    }
    for changed in &done.changed {
        let names = |m: &[String]| {
            if m.is_empty() {
                "none".to_owned()
            } else {
                m.join(", ")
            }
        };
        let _ = writeln!(
            out,
            "  verdict {}: {} → {}",
            safe(&changed.id),
            names(&changed.before),
            names(&changed.after)
        );
    }
    if shard.1 == 1 {
        let page = store.root.join("fleet.html");
        // The same tables have the same answers.
        if !is_answered(&store) {
            write_answers(&store)?;
        }
        let _ = writeln!(out, "{}", page.display());
    } else {
        let _ = writeln!(
            out,
            "part {} of {}; when all are done: rootline batch compact {}",
            shard.0,
            shard.1,
            store.root.display()
        );
    }
    if !quiet {
        print(&out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn frames_of(store: &Store) -> Result<Frames, Failure> {
    if !store.root.join("tables").is_dir() {
        return Err(Failure::Read {
            path: store.root.display().to_string(),
            error: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "this is no fleet: there is no directory \"tables\" in it",
            ),
        });
    }
    Frames::load(store).map_err(|error| Failure::Read {
        path: store.root.display().to_string(),
        error: std::io::Error::other(error.to_string()),
    })
}

/// Past incidents that are named in a report.
const SIMILAR: usize = 10;

/// Returns the past incidents of a fleet that are most like a report.
pub(super) fn compare_with(report: &mut v1::Report, fleet: &Path) -> Result<(), Failure> {
    let frames = frames_of(&Store {
        root: fleet.to_owned(),
    })?;
    report.similar = Some(
        questions::similar(report, &frames, SIMILAR).map_err(|e| Failure::Render(e.to_string()))?,
    );
    if let Some(cascade) = report.cascades.first() {
        let baselines = questions::baselines(&cascade.mechanism, &frames)
            .map_err(|e| Failure::Render(e.to_string()))?;
        for (metric, baseline) in baselines {
            if let Some(row) = report.metrics.get_mut(metric) {
                row.baseline = Some(baseline);
            }
        }
    }
    Ok(())
}

/// Returns what the answers rest on: the tables, the version, and whether there are pages to lead to.
fn answered_from(store: &Store) -> String {
    let tables = store.read(&store.index_path((0, 1))).unwrap_or_default();
    let text = format!(
        "{} {} {}",
        env!("CARGO_PKG_VERSION"),
        store.has_pages(),
        hash_of(&tables)
    );
    hash_of(text.as_bytes())
}

fn is_answered(store: &Store) -> bool {
    store.read(&store.answered_path()) == Some(answered_from(store).into_bytes())
        && ["fleet.json", "fleet.html"]
            .iter()
            .all(|name| store.root.join(name).is_file())
}

fn write_answers(store: &Store) -> Result<(), Failure> {
    let answers = answers(
        &frames_of(store)?,
        env!("CARGO_PKG_VERSION"),
        store.has_pages(),
    )
    .map_err(|e| Failure::Render(e.to_string()))?;
    let failed = |e: &dyn std::fmt::Display| Failure::Render(e.to_string());
    let text = serde_json::to_string(&answers).map_err(|e| failed(&e))?;
    let page = fleet::render_fleet(&answers).map_err(|e| failed(&e))?;
    // The mark comes last: a run that is killed before it answers again.
    for (path, text) in [
        (store.root.join("fleet.json"), text),
        (store.root.join("fleet.html"), page),
        (store.answered_path(), answered_from(store)),
    ] {
        write_bytes(&path, text.as_bytes()).map_err(|error| Failure::Write {
            path: path.display().to_string(),
            error,
        })?;
    }
    Ok(())
}

fn compact(fleet: &Path) -> Result<ExitCode, Failure> {
    let store = Store {
        root: fleet.to_owned(),
    };
    frames_of(&store)?;
    let parts = run::compact(&store, &write_bytes)?;
    write_answers(&store)?;
    print(&format!(
        "{parts} parts of tables written\n{}\n",
        store.root.join("fleet.html").display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn ask(fleet: &Path, question: Option<&str>, format: AnswerFormat) -> Result<ExitCode, Failure> {
    let list = || {
        questions::ALL.iter().fold(String::new(), |list, q| {
            format!("{list}{:<18} {}\n", q.id, q.title)
        })
    };
    let Some(id) = question else {
        print(&list())?;
        return Ok(ExitCode::SUCCESS);
    };
    let question = questions::ALL
        .iter()
        .find(|q| q.id == id)
        .ok_or_else(|| Failure::Usage {
            what: format!("there is no question \"{id}\""),
            hint: format!("the questions are\n{}", list()),
        })?;
    let frame = (question.ask)(&frames_of(&Store {
        root: fleet.to_owned(),
    })?)
    .map_err(|e| Failure::Render(e.to_string()))?;
    let columns: Vec<String> = frame
        .get_column_names()
        .iter()
        .map(|n| n.to_string())
        .collect();
    let rows = answer::rows(&frame);
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => safe(text),
        other => other.to_string(),
    };
    match format {
        AnswerFormat::Table => {
            let mut table: Vec<Vec<String>> = vec![columns];
            table.extend(rows.iter().map(|row| row.iter().map(cell).collect()));
            print(&format!(
                "{}\n{}\n\n{}",
                question.title,
                question.about,
                crate::render::terminal::render_table(&table)
            ))?;
        }
        AnswerFormat::Ndjson => {
            let mut out = String::new();
            for row in rows {
                let object: serde_json::Map<String, serde_json::Value> =
                    columns.iter().cloned().zip(row).collect();
                let _ = writeln!(out, "{}", serde_json::Value::Object(object));
            }
            print_raw(&out)?;
        }
        AnswerFormat::Csv => {
            let mut lines = vec![
                columns
                    .iter()
                    .map(|c| csv_cell(c))
                    .collect::<Vec<_>>()
                    .join(","),
            ];
            lines.extend(rows.iter().map(|row| {
                row.iter()
                    .map(|v| csv_cell(&cell(v)))
                    .collect::<Vec<_>>()
                    .join(",")
            }));
            print_raw(&format!("{}\n", lines.join("\n")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn schema(engine: Option<Engine>, place: &str) -> Result<ExitCode, Failure> {
    let mut out = String::new();
    for table in TABLES {
        if let Some(engine) = engine {
            let name = match engine {
                Engine::Duckdb => "duckdb",
                Engine::Clickhouse => "clickhouse",
                Engine::Trino => "trino",
                Engine::Spark => "spark",
            };
            out.push_str(&ddl(table, name, place).unwrap_or_default());
            continue;
        }
        let _ = writeln!(out, "{}: {}", table.name, table.about);
        for column in table.columns {
            let _ = writeln!(
                out,
                "  {:<28} {:<6} {}",
                column.name,
                format!("{:?}", column.kind).to_lowercase(),
                column.about
            );
        }
        let _ = writeln!(
            out,
            "  {:<28} {:<6} day on which the incident began; of the directory, not in the file",
            "dt", "text"
        );
    }
    print(&out)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the map step for an engine: paths on standard input, rows on standard output.
pub(super) fn worker(command: &WorkerArgs) -> Result<ExitCode, Failure> {
    let grammars = load_grammars(&command.grip.grammars)?;
    let options = command.grip.options();
    let redaction = command.grip.redact.options();
    command.grip.set_jobs();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::Read {
            path: "-".into(),
            error,
        })?;
        if line.trim().is_empty() {
            continue;
        }
        let path = Path::new(&line);
        let id = crate::batch::load::id_of(path);
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            report_of(path, &grammars, &options, &redaction)
        }))
        .unwrap_or_else(|_| Err("a bug of Rootline".to_owned()));
        let rows = match made {
            Ok(report) => rows_of(&id, &report),
            Err(reason) => rows_of_failed(&id, &reason),
        };
        print_raw(&rows.ndjson())?;
    }
    Ok(ExitCode::SUCCESS)
}
