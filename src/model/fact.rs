//! Facts: one thing that happened, with all its witnesses.

use std::collections::BTreeMap;

use super::entity::Entities;
use super::moment::{Moment, Reading};
use super::origin::Evidence;

/// Index of a fact in time order.
pub type FactId = usize;

/// One thing that happened, as all its witnesses together tell it.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Signal kind.
    pub kind: String,
    /// Cause, only for `pull_failed`.
    pub cause: Option<String>,
    /// What it is about.
    pub entities: Entities,
    /// Entities that stand in no record of this fact, and how each is known.
    pub inferred: BTreeMap<String, String>,
    /// When; `None` if nothing tells it.
    pub moment: Option<Moment>,
    /// The stamp as written, for a fact whose moment is not known.
    pub as_written: Option<Reading>,
    /// Last repetition, where the record tells one.
    pub last: Option<Moment>,
    /// How often.
    pub count: u64,
    /// Who says it first hand.
    pub component: Option<String>,
    /// Who says it at all, sorted.
    pub components: Vec<String>,
    /// Formats of the best witness.
    pub format: Vec<String>,
    /// All witnesses, the best first.
    pub evidence: Vec<Evidence>,
    /// Witnesses beyond those that are kept verbatim.
    pub evidence_left_out: u64,
    /// Node conditions that the witnesses name.
    pub conditions: Vec<String>,
    /// The message of the best witness.
    pub message: String,
    /// The first fact of a series of retries that this one belongs to.
    pub retry_of: Option<FactId>,
    /// Facts this one was concluded from (a moved tag from two pushes).
    pub concluded_from: Vec<FactId>,
}

impl Fact {
    /// Makes a fact of which nothing but its kind is known yet.
    pub fn of_kind(kind: &str) -> Fact {
        Fact {
            kind: kind.to_owned(),
            cause: None,
            entities: Entities::new(),
            inferred: BTreeMap::new(),
            moment: None,
            as_written: None,
            last: None,
            count: 1,
            component: None,
            components: Vec::new(),
            format: Vec::new(),
            evidence: Vec::new(),
            evidence_left_out: 0,
            conditions: Vec::new(),
            message: String::new(),
            retry_of: None,
            concluded_from: Vec::new(),
        }
    }

    /// Returns the value of an entity.
    pub fn entity(&self, kind: &str) -> Option<&str> {
        match kind {
            "cause" => self.cause.as_deref(),
            "component" => self.component.as_deref(),
            _ => self.entities.get(kind).map(String::as_str),
        }
    }

    /// Adds an entity that stands in no record of this fact, with how it is known.
    pub fn infer(&mut self, kind: &str, value: String, known: &str) {
        self.entities.insert(kind.to_owned(), value);
        self.inferred.insert(kind.to_owned(), known.to_owned());
    }

    /// Returns the published id of a fact.
    pub fn name(id: FactId) -> String {
        format!("s{}", id + 1)
    }
}
