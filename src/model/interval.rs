//! Conditions: abnormal states of a node as intervals with honest ends.

use chrono::{DateTime, Utc};

use super::fact::FactId;

/// Status of an abnormal condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionStatus {
    /// The condition holds.
    True,
    /// The condition does not hold (Ready=False).
    False,
    /// The node controller has lost sight of the node.
    Unknown,
}

impl ConditionStatus {
    /// Returns the name the Kubernetes API uses.
    pub fn name(self) -> &'static str {
        match self {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        }
    }
}

/// An abnormal condition of a node over an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Node name.
    pub node: String,
    /// `DiskPressure`, `MemoryPressure`, `PIDPressure` or `Ready`.
    pub condition: String,
    /// Its abnormal status.
    pub status: ConditionStatus,
    /// First seen.
    pub from: DateTime<Utc>,
    /// Seen to be over; `None` if the record does not tell.
    pub to: Option<DateTime<Utc>>,
    /// The true start may be earlier.
    pub from_open: bool,
    /// The true end is not known: `to` is empty, or another state took its place while it still held.
    pub to_open: bool,
    /// Conditions that became Unknown in the same write.
    pub also: Vec<String>,
    /// Facts that tell its start and end.
    pub evidence: Vec<FactId>,
}
