//! Published JSON of a fleet, version 1: the answers to questions about many incidents.
//!
//! An answer is a table with named columns; how many rows were left out is said. Written by `batch`, shown by `render`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names the shape.
pub const SCHEMA: &str = "rootline.fleet/v1";

/// `fleet.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fleet {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of Rootline.
    pub version: String,
    /// What the answers rest on.
    pub totals: Totals,
    /// There is a page of each incident under `pages/`.
    pub pages: bool,
    /// Answers, in the order of the page.
    pub answers: Vec<Answer>,
}

/// How many incidents there are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Incidents, failed ones included.
    pub incidents: u64,
    /// Incidents that could not be read.
    pub failed: u64,
    /// Incidents in which a cascade was found.
    pub with_cascade: u64,
    /// Incidents that could be read and have no time.
    pub undated: u64,
    /// When the first one began, RFC 3339.
    pub from: Option<String>,
    /// When the last one began, RFC 3339.
    pub to: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// Question.
    pub id: String,
    /// The question, for people.
    pub title: String,
    /// What a row is, and what it does not mean.
    pub about: String,
    /// Column names.
    pub columns: Vec<String>,
    /// Values in the order of the columns.
    pub rows: Vec<Vec<Value>>,
    /// Rows that are not listed.
    pub left_out: u64,
}
