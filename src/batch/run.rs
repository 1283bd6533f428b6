//! Many incidents one after the other, several at a time: reports, then tables.
//!
//! Takes the incidents and a function that makes one report; gives what was done. An incident that fails, or whose reading ends in a bug, is one
//! failed row with its reason, never the end of the run. What is finished is marked by its state file, written last: a run that was killed goes on
//! where it stopped, and an incident whose files and grammars are what they were is not read again. Memory: at most `jobs` incidents at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::columns::TABLES;
use super::frames;
use super::load::{Candidate, State, Store, Unwritten, Writer, content_of, hash_of, listing_of};
use super::map::{Made, is_current, keep, map, shard_of, write_state};
use super::rows::{self, Rows};
use crate::wire::v1::Report;

/// Day of incidents of which no time is known; the name that Hive gives to a partition without a value.
pub const NO_DAY: &str = "__HIVE_DEFAULT_PARTITION__";

/// Rows of one part at most; what is held in memory at once.
const PART_ROWS: usize = 200_000;

/// What a run is asked to do.
pub struct Order<'a> {
    /// The fleet's directory.
    pub store: &'a Store,
    /// Incidents to read.
    pub candidates: &'a [Candidate],
    /// This shard, from 0, and how many there are.
    pub shard: (u64, u64),
    /// Incidents read at once.
    pub jobs: usize,
    /// Hash of the grammars in force.
    pub grammars: &'a str,
    /// Version of Rootline.
    pub version: &'a str,
    /// Makes the report of one incident, or says why it cannot.
    pub make: &'a (dyn Fn(&Candidate) -> Result<Made, String> + Sync),
    /// Writes a file whole or not at all.
    pub write: Writer<'a>,
    /// Is told after each incident: how many are through, of how many.
    pub tell: &'a (dyn Fn(usize, usize) + Sync),
}

/// A verdict that is another one than before, from the same files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Incident.
    pub id: String,
    /// Mechanisms before.
    pub before: Vec<String>,
    /// Mechanisms now.
    pub after: Vec<String>,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Summary {
    /// Incidents that were read.
    pub made: usize,
    /// Incidents that were as they had been.
    pub kept: usize,
    /// Incidents that failed, and why.
    pub failed: Vec<(String, String)>,
    /// Verdicts that changed with the grammars or the version.
    pub changed: Vec<Changed>,
    /// Parts of tables that were written.
    pub parts: usize,
}

/// Why a run could not go on. Usually a full disk or a directory that must not be written.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file of the fleet cannot be read or written.
    #[error("\"{path}\": {error}")]
    File {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The tables hold parts of another sharding, which would count incidents twice.
    #[error("the tables were written in {other} shards, not in {shards}")]
    Sharding {
        /// Shards of the parts that are there.
        other: u64,
        /// Shards asked for.
        shards: u64,
    },
    /// A table cannot be made: a bug of ours.
    #[error("table {table}: {why}")]
    Table {
        /// Table.
        table: String,
        /// Why.
        why: String,
    },
}

impl From<Unwritten> for RunError {
    fn from(unwritten: Unwritten) -> RunError {
        RunError::File {
            path: unwritten.path,
            error: unwritten.error,
        }
    }
}

fn at(path: PathBuf) -> impl FnOnce(std::io::Error) -> RunError {
    move |error| RunError::File {
        path: path.display().to_string(),
        error,
    }
}

/// Reads every incident of this shard and writes its tables.
///
/// # Errors
/// [`RunError`]: only what concerns the fleet's own files. What is wrong with an incident is in the summary.
pub fn run(order: &Order<'_>) -> Result<Summary, RunError> {
    order
        .store
        .prepare()
        .map_err(at(order.store.root.clone()))?;
    if order.shard.1 == 1 {
        order.store.sweep().map_err(at(order.store.root.clone()))?;
    }
    let mine: Vec<&Candidate> = order
        .candidates
        .iter()
        .filter(|c| shard_of(&c.id, order.shard.1) == order.shard.0)
        .collect();
    let next = AtomicUsize::new(0);
    let through = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<String, Result<Step, RunError>>> = Mutex::new(BTreeMap::new());
    // Threads of our own, not the pool that reads chunks: a thread of that pool which waits for its chunks would begin another incident meanwhile.
    std::thread::scope(|scope| {
        for _ in 0..order.jobs.clamp(1, mine.len().max(1)) {
            scope.spawn(|| {
                while let Some(candidate) = mine.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let step = one(order, candidate);
                    let stop = step.is_err();
                    if let Ok(mut results) = results.lock() {
                        results.insert(candidate.id.clone(), step);
                    }
                    (order.tell)(through.fetch_add(1, Ordering::Relaxed) + 1, mine.len());
                    if stop {
                        // A disk that is full will not be less full for the next one.
                        next.store(mine.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut summary = Summary::default();
    for (id, step) in results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        match step? {
            Step::Kept => summary.kept += 1,
            Step::Made(changed) => {
                summary.made += 1;
                summary.changed.extend(changed);
            }
            Step::Failed(reason) => summary.failed.push((id, reason)),
        }
    }
    summary.parts = write_tables(order.store, order.shard, order.write)?;
    Ok(summary)
}

enum Step {
    Kept,
    Made(Option<Changed>),
    Failed(String),
}

fn one(order: &Order<'_>, candidate: &Candidate) -> Result<Step, RunError> {
    let store = order.store;
    if is_current(store, candidate, order.grammars, order.version) {
        return Ok(Step::Kept);
    }
    let before = store.state(&candidate.id);
    let content = content_of(&candidate.path);
    if let Some(old) = before.as_ref().filter(|old| {
        old.status == "done"
            && old.content == content
            && old.grammars == order.grammars
            && old.version == order.version
            && old.path == candidate.path.display().to_string()
    }) {
        // Copied or touched, but the same bytes.
        let state = State {
            listing: listing_of(&candidate.path),
            ..old.clone()
        };
        write_state(store, &state, order.write)?;
        return Ok(Step::Kept);
    }
    let (state, made) = map(
        candidate,
        content,
        order.grammars,
        order.version,
        order.make,
    );
    let Some(made) = made else {
        write_state(store, &state, order.write)?;
        return Ok(Step::Failed(state.reason.unwrap_or_default()));
    };
    let earlier = before
        .filter(|old| old.content == state.content && old.status == "done")
        .and_then(|_| store.report(&candidate.id).ok());
    let verdicts = |report: &Report| {
        report
            .cascades
            .iter()
            .map(|c| c.mechanism.clone())
            .collect::<Vec<_>>()
    };
    let changed = earlier
        .map(|old| Changed {
            id: candidate.id.clone(),
            before: verdicts(&old),
            after: verdicts(&made.report),
        })
        .filter(|c| c.before != c.after);
    let packed = Store::pack(&made.json).map_err(at(store.report_path(&candidate.id)))?;
    keep(
        store,
        &state,
        Some(&packed),
        made.page.as_deref(),
        order.write,
    )?;
    Ok(Step::Made(changed))
}

/// Writes the tables of one shard: those days of which an incident changed. Returns how many parts were written.
///
/// # Errors
/// [`RunError`].
pub fn write_tables(
    store: &Store,
    shard: (u64, u64),
    write: Writer<'_>,
) -> Result<usize, RunError> {
    if let Some(other) = TABLES
        .iter()
        .flat_map(|t| store.parts(t.name))
        .filter_map(|p| shards_of(&p))
        .find(|n| *n != shard.1)
    {
        return Err(RunError::Sharding {
            other,
            shards: shard.1,
        });
    }
    let states = store.states().map_err(at(store.root.join("state")))?;
    let mut days: BTreeMap<&str, Vec<&State>> = BTreeMap::new();
    for state in states
        .iter()
        .filter(|s| shard_of(&s.id, shard.1) == shard.0)
    {
        days.entry(state.day.as_deref().unwrap_or(NO_DAY))
            .or_default()
            .push(state);
    }
    let index_path = store.index_path(shard);
    let index: BTreeMap<String, String> = store
        .read(&index_path)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let wanted: BTreeMap<String, String> = days
        .iter()
        .map(|(day, states)| {
            let all: String = states
                .iter()
                .map(|s| format!("{}\0{:?}\0{:?}\n", s.id, s.report, s.reason))
                .collect();
            (
                (*day).to_owned(),
                hash_of(format!("{}\n{all}", env!("CARGO_PKG_VERSION")).as_bytes()),
            )
        })
        .collect();
    let gone: BTreeSet<&String> = index
        .keys()
        .filter(|day| index.get(*day) != wanted.get(*day))
        .collect();
    let todo: Vec<&str> = days
        .keys()
        .copied()
        .filter(|day| index.get(*day) != wanted.get(*day))
        .collect();
    if gone.is_empty() && todo.is_empty() {
        return Ok(0);
    }
    // Until the new index is written the old one must not vouch for days that are half written.
    let kept: BTreeMap<&String, &String> = index
        .iter()
        .filter(|(day, _)| !gone.contains(day))
        .collect();
    write(
        &index_path,
        serde_json::to_string(&kept).unwrap_or_default().as_bytes(),
    )
    .map_err(at(index_path.clone()))?;
    for day in gone.iter().map(|d| d.as_str()).chain(todo.iter().copied()) {
        for table in TABLES {
            for old in store.parts_of_day(table.name, day) {
                if part_of(&old).is_some_and(|part| part.0 == shard.0) {
                    store.remove(&old).map_err(at(old.clone()))?;
                }
            }
        }
    }
    let mut parts = 0;
    for day in todo {
        parts += write_day(store, shard, day, &days[day], write)?;
    }
    write(
        &index_path,
        serde_json::to_string(&wanted)
            .unwrap_or_default()
            .as_bytes(),
    )
    .map_err(at(index_path.clone()))?;
    Ok(parts)
}

fn write_day(
    store: &Store,
    shard: (u64, u64),
    day: &str,
    states: &[&State],
    write: Writer<'_>,
) -> Result<usize, RunError> {
    let mut held = Rows::default();
    let mut number = 0;
    let mut parts = 0;
    let mut flush = |held: &mut Rows| -> Result<(), RunError> {
        for table in TABLES {
            let rows = held.of(table.name);
            if rows.is_empty() {
                continue;
            }
            let fail = |why: polars::error::PolarsError| RunError::Table {
                table: table.name.to_owned(),
                why: why.to_string(),
            };
            let mut frame = frames::frame(table, rows).map_err(fail)?;
            let bytes = frames::parquet(&mut frame).map_err(fail)?;
            let directory = store.day_path(table.name, day);
            store.make(&directory).map_err(at(directory.clone()))?;
            let path = directory.join(format!(
                "part-{}-of-{}-{number:04}.parquet",
                shard.0, shard.1
            ));
            write(&path, &bytes).map_err(at(path.clone()))?;
            parts += 1;
        }
        number += 1;
        *held = Rows::default();
        Ok(())
    };
    for state in states {
        let rows = match &state.reason {
            Some(reason) => rows::rows_of_failed(&state.id, reason),
            None => {
                let report = store
                    .report(&state.id)
                    .map_err(at(store.report_path(&state.id)))?;
                rows::rows_of(&state.id, &report)
            }
        };
        held.append(rows);
        if held.len() >= PART_ROWS {
            flush(&mut held)?;
        }
    }
    if !held.is_empty() {
        flush(&mut held)?;
    }
    Ok(parts)
}

/// Joins the parts of all shards into one part a day and table. The reports are what the tables are made from, so nothing can be lost by it.
///
/// # Errors
/// [`RunError`].
pub fn compact(store: &Store, write: Writer<'_>) -> Result<usize, RunError> {
    store.sweep().map_err(at(store.root.clone()))?;
    for table in TABLES {
        for old in store.parts(table.name) {
            store.remove(&old).map_err(at(old.clone()))?;
        }
    }
    for entry in walkdir::WalkDir::new(store.root.join("tables"))
        .max_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
    {
        if entry.file_type().is_file() {
            store
                .remove(entry.path())
                .map_err(at(entry.path().to_owned()))?;
        }
    }
    write_tables(store, (0, 1), write)
}

/// Returns the shard and the number of shards in a part's name.
fn part_of(path: &std::path::Path) -> Option<(u64, u64)> {
    let name = path.file_name()?.to_str()?;
    let mut words = name.strip_prefix("part-")?.split('-');
    let shard = words.next()?.parse().ok()?;
    let shards = words.nth(1)?.parse().ok()?;
    Some((shard, shards))
}

fn shards_of(path: &std::path::Path) -> Option<u64> {
    part_of(path).map(|part| part.1)
}
