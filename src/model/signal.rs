//! Signals: what one record says, and relations that objects state (which pod runs where, who owns it).

use super::entity::Entities;
use super::moment::{Moment, Reading};
use super::origin::Evidence;

/// What one record says has happened.
#[derive(Debug, Clone)]
pub struct Signal {
    /// Signal kind, for example `pull_failed`.
    pub kind: String,
    /// Cause, only for `pull_failed`.
    pub cause: Option<String>,
    /// What it is about; only what stands literally in the record.
    pub entities: Entities,
    /// Stamps of its layers, outermost first.
    pub readings: Vec<Reading>,
    /// The stamp is that of a line above: only the place in the file tells the time.
    pub stamp_inherited: bool,
    /// End of a repeated record (an Event's last time).
    pub last: Option<Reading>,
    /// When the text was printed, where it says so itself: what its ages count from.
    pub shown: Option<Reading>,
    /// A finer stamp of the beginning than `readings` has (the name of an Event object).
    pub exact: Option<Reading>,
    /// Number of repetitions that the record itself tells.
    pub count: u64,
    /// Who says it.
    pub component: Option<String>,
    /// The host that its envelope names, as it is written there.
    pub host: Option<String>,
    /// Formats of its layers, outermost first.
    pub format: Vec<String>,
    /// The verbatim record.
    pub evidence: Evidence,
    /// An occurrence, or a state seen later.
    pub witness: Witness,
    /// The message without its envelope.
    pub message: String,
}

/// How a record witnesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Witness {
    /// The record tells when it happened.
    Occurrence,
    /// The record shows a state with the time of its last transition.
    Transition,
    /// The record shows that it had happened no later than its time.
    SeenBy,
}

/// What an object states about who belongs to whom; used for joining only.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// What is related: `pod`, `replicaset`, `workload`, `node`; or `setting`, then the name is a component and its flag or field;
    /// or `collection`, then the name is what was asked for.
    pub subject: &'static str,
    /// `namespace/name`, or the name for nodes.
    pub name: String,
    /// What is said of it: `node`, `owner`, `image`, `digest`, `version`, `runtime`, `address`, `uid`, `policy`, `missing`.
    pub says: &'static str,
    /// The value.
    pub value: String,
    /// Index of the source that says it.
    pub source: usize,
}

/// How full a file system was at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskSample {
    /// Index of the source.
    pub source: usize,
    /// The node, where the sample itself tells it.
    pub node: Option<String>,
    /// The stamp of the sample; `None` if the table has none.
    pub at: Option<Reading>,
    /// Device or file system name.
    pub filesystem: String,
    /// Where it is mounted.
    pub mounted_on: String,
    /// Used share of what non-root may use, in percent.
    pub used_percent: f64,
    /// The row counts inodes, not blocks.
    pub inodes: bool,
    /// Size of the file system in bytes, and what non-root may still use; not for inodes.
    pub bytes: Option<(u64, u64)>,
    /// The bytes were printed with two digits.
    pub rounded: bool,
    /// The row or object that tells it; none where it is put together from several.
    pub evidence: Option<Evidence>,
}

/// A disk sample on the common clock.
#[derive(Debug, Clone, PartialEq)]
pub struct DiskPoint {
    /// Node, if the source tells it.
    pub node: Option<String>,
    /// When.
    pub at: Moment,
    /// The sample.
    pub sample: DiskSample,
}
