//! Problems: what is wrong with the user's data. A problem never stops the run; it is counted and shown.

use super::origin::Origin;

/// Something about the input that could not be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The source it is about, `None` for the whole incident.
    pub source: Option<usize>,
    /// Where it was met first.
    pub first: Option<Origin>,
    /// What is wrong, as a fragment: `cut off in the middle of a gzip stream`.
    pub what: String,
    /// How often it was met.
    pub count: u64,
}

/// How a problem begins that tells what `rootline collect` asked for and did not get.
pub const NOT_COLLECTED: &str = "not collected: ";

impl Problem {
    /// Makes a problem met once in a source.
    pub fn of_source(source: usize, what: impl Into<String>) -> Problem {
        Problem {
            source: Some(source),
            first: None,
            what: what.into(),
            count: 1,
        }
    }
}
