//! The map step: one incident → what a fleet keeps of it. Knows no table, no engine and no other incident.
//!
//! Takes a candidate and a function that makes one report; gives its state and, unless it failed, what was made. `rootline batch` runs it on threads,
//! an engine runs it wherever the files are; [`keep`] stores the result, perhaps on another machine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::load::{Candidate, State, Store, Unwritten, Writer, hash_of, listing_of};
use super::rows;
use crate::wire::v1::Report;

/// A finished report.
pub struct Made {
    /// The report.
    pub report: Report,
    /// The same as JSON text.
    pub json: String,
    /// Its page, if one is wanted.
    pub page: Option<String>,
}

/// Tells which shard an incident belongs to: by its id alone, so that every machine agrees.
pub fn shard_of(id: &str, shards: u64) -> u64 {
    let hash = hash_of(id.as_bytes());
    let digits: String = hash
        .trim_start_matches("sha256:")
        .chars()
        .take(15)
        .collect();
    u64::from_str_radix(&digits, 16).unwrap_or(0) % shards.max(1)
}

fn at(path: PathBuf) -> impl FnOnce(std::io::Error) -> Unwritten {
    move |error| Unwritten {
        path: path.display().to_string(),
        error,
    }
}

/// Tells whether an incident's report was made from these files with these grammars and this version. Reads no content.
pub fn is_current(store: &Store, candidate: &Candidate, grammars: &str, version: &str) -> bool {
    store.state(&candidate.id).is_some_and(|state| {
        state.grammars == grammars
            && state.version == version
            && state.status == "done"
            && state.path == candidate.path.display().to_string()
            && state.listing == listing_of(&candidate.path)
    })
}

/// Reads one incident: what it was made from and, unless it failed, what was made. Touches no store, so an engine may run it anywhere.
///
/// `content` is the [`content_of`] the incident; a bug while it is read is a failure of this incident alone.
pub fn map(
    candidate: &Candidate,
    content: String,
    grammars: &str,
    version: &str,
    make: &(dyn Fn(&Candidate) -> Result<Made, String> + Sync),
) -> (State, Option<Made>) {
    let mut state = State {
        id: candidate.id.clone(),
        status: "done".to_owned(),
        reason: None,
        path: candidate.path.display().to_string(),
        listing: listing_of(&candidate.path),
        content,
        grammars: grammars.to_owned(),
        version: version.to_owned(),
        day: None,
        report: None,
    };
    let made = catch_unwind(AssertUnwindSafe(|| make(candidate))).unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or(panic.downcast_ref::<&str>().copied());
        Err(format!(
            "a bug of Rootline: {}",
            what.unwrap_or("no message")
        ))
    });
    match made {
        Ok(made) => {
            state.day = rows::day_of(&made.report);
            state.report = Some(hash_of(made.json.as_bytes()));
            (state, Some(made))
        }
        Err(reason) => {
            state.status = "failed".to_owned();
            state.reason = Some(reason);
            (state, None)
        }
    }
}

/// Stores what [`map`] gave; the state comes last, for it marks the incident as finished.
///
/// # Errors
/// [`Unwritten`].
pub fn keep(
    store: &Store,
    state: &State,
    packed: Option<&[u8]>,
    page: Option<&str>,
    write: Writer<'_>,
) -> Result<(), Unwritten> {
    let put = |path: PathBuf, bytes: &[u8]| write(&path, bytes).map_err(at(path));
    if let Some(packed) = packed {
        put(store.report_path(&state.id), packed)?;
    }
    if let Some(page) = page {
        put(store.page_path(&state.id), page.as_bytes())?;
    }
    write_state(store, state, write)
}

/// Marks an incident as finished.
///
/// # Errors
/// [`Unwritten`].
pub fn write_state(store: &Store, state: &State, write: Writer<'_>) -> Result<(), Unwritten> {
    let path = store.state_path(&state.id);
    let text = serde_json::to_string(state).unwrap_or_default();
    write(&path, text.as_bytes()).map_err(at(path))
}
