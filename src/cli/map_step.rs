//! One incident of many: what `rootline batch`, `rootline worker` and engines that link Rootline do with each.
//!
//! [`MapStep`] is for the latter: it knows no tables, so that an engine's own tree stays free of ours. `rootline batch compact` makes tables of what it stored.

use std::path::Path;

use super::hide::Redact;
use super::{Failure, load_grammars, redacted, write_bytes};
use crate::batch::load::{Candidate, State, Store, content_of};
use crate::batch::map::{self, Made};
use crate::collect;
use crate::grammar::Grammars;
use crate::pipeline::{self, Options};
use crate::redact;
use crate::render::json;
use crate::wire::roles::Roles;
use crate::wire::v1;

/// The map step for an engine that links Rootline: incidents in, what a fleet keeps of them out.
///
/// Grammars are the built-in ones, stamps without a zone are UTC, and secrets are hidden, as without any option of `rootline batch`.
pub struct MapStep {
    grammars: Grammars,
    options: Options,
    redaction: redact::Options,
}

/// What was read of an incident: its state and, unless it failed, its packed report.
pub type Mapped = (State, Option<Vec<u8>>);

impl MapStep {
    /// Prepares the grammars.
    ///
    /// # Errors
    /// If they have mistakes.
    pub fn new() -> Result<MapStep, Failure> {
        Ok(MapStep {
            grammars: load_grammars(&[])?,
            options: Options::default(),
            redaction: Redact::default().options(),
        })
    }

    /// Returns what a state says of the grammars and of what was hidden.
    pub fn made_with(&self) -> String {
        made_with(&self.grammars, &self.redaction)
    }

    /// Returns whether an incident needs not be read again.
    pub fn is_current(&self, store: &Store, candidate: &Candidate) -> bool {
        map::is_current(
            store,
            candidate,
            &self.made_with(),
            env!("CARGO_PKG_VERSION"),
        )
    }

    /// Reads one incident. What goes wrong with it is in its state.
    ///
    /// # Errors
    /// If the report cannot be packed: out of memory.
    pub fn read(&self, candidate: &Candidate) -> std::io::Result<Mapped> {
        let make = |candidate: &Candidate| -> Result<Made, String> {
            let report = report_of(
                &candidate.path,
                &self.grammars,
                &self.options,
                &self.redaction,
            )?;
            let json = json::render_report(&report).map_err(|e| e.to_string())?;
            Ok(Made {
                report,
                json,
                page: None,
            })
        };
        let (state, made) = map::map(
            candidate,
            content_of(&candidate.path),
            &self.made_with(),
            env!("CARGO_PKG_VERSION"),
            &make,
        );
        let packed = made.map(|made| Store::pack(&made.json)).transpose()?;
        Ok((state, packed))
    }

    /// Stores what was read, perhaps elsewhere.
    ///
    /// # Errors
    /// If the fleet's directory cannot be written.
    pub fn keep(store: &Store, mapped: &Mapped) -> Result<(), Failure> {
        store.prepare().map_err(|error| Failure::Write {
            path: store.root.display().to_string(),
            error,
        })?;
        map::keep(store, &mapped.0, mapped.1.as_deref(), None, &write_bytes).map_err(|unwritten| {
            Failure::Write {
                path: unwritten.path,
                error: unwritten.error,
            }
        })
    }
}

/// What hides more or less makes another report, as other grammars do.
pub(super) fn made_with(grammars: &Grammars, redaction: &redact::Options) -> String {
    format!("{}{}", grammars.sha256, redaction.difference())
}

/// Makes the report of one incident, as `rootline report` would.
pub(super) fn report_of(
    path: &Path,
    grammars: &Grammars,
    options: &Options,
    redaction: &redact::Options,
) -> Result<v1::Report, String> {
    let (collection, problems) = collect::collect(&[path.to_owned()]);
    if collection.sources.is_empty() {
        let why: Vec<&str> = collection
            .skipped
            .iter()
            .take(3)
            .map(|s| s.why.as_str())
            .collect();
        return Err(if why.is_empty() {
            "there is no file in it".to_owned()
        } else {
            format!("nothing in it can be read: {}", why.join("; "))
        });
    }
    let outcome = pipeline::run(collection, problems, grammars, options);
    let roles = Roles::of(&outcome.incident);
    Ok(redacted(&outcome, grammars, redaction, &roles, false))
}
