//! What `assess` concludes about images and disks, and what would have helped: amounts, autopsies, budgets, roll-back help, guard-rails.
//!
//! Every amount carries what it counts and the record it was read from; what is not known is `None` and stays so.

use chrono::{DateTime, Utc};

use super::artefact::{Measure, spoken_bytes};
use super::fact::FactId;
use super::origin::Evidence;

/// A number of bytes that a record tells or that follows from records.
#[derive(Debug, Clone)]
pub struct Amount {
    /// Bytes.
    pub bytes: u64,
    /// What they count.
    pub measure: Measure,
    /// The record has two or three digits only, or the number is estimated.
    pub rounded: bool,
    /// Only a part is known: the whole may be larger by any number.
    pub at_least: bool,
    /// Where it comes from, as a fragment.
    pub from: String,
    /// The records.
    pub citations: Vec<Evidence>,
}

impl Amount {
    /// Returns it in words, with what it counts where that is known.
    pub fn spoken(&self) -> String {
        let about = match (self.at_least, self.rounded) {
            (true, _) => "at least ",
            (false, true) => "about ",
            (false, false) => "",
        };
        match self.measure {
            Measure::Unknown => format!("{about}{}", spoken_bytes(self.bytes)),
            known => format!("{about}{} {}", spoken_bytes(self.bytes), known.name()),
        }
    }
}

/// One layer in an autopsy.
#[derive(Debug, Clone)]
pub struct AutopsyLayer {
    /// Instruction.
    pub verb: String,
    /// What it ran or copied.
    pub text: String,
    /// Bytes.
    pub size: Option<u64>,
    /// Share of the total, from 0 to 1.
    pub share: Option<f64>,
    /// What stands out about it.
    pub notes: Vec<String>,
    /// Its line.
    pub citation: Evidence,
    /// The line of the Dockerfile that made it, where one fits and only one.
    pub build_line: Option<Evidence>,
}

/// Two artefacts that cannot both be right.
#[derive(Debug, Clone)]
pub struct Disagreement {
    /// What cannot be.
    pub what: String,
    /// The records.
    pub citations: Vec<Evidence>,
}

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct ImageAutopsy {
    /// The image, or where its description stands.
    pub subject: String,
    /// It is the image of the cascade, and how that is known; `None` if it is another one.
    pub of_cascade: Option<String>,
    /// Path of the description.
    pub path: String,
    /// What the layers' sizes count.
    pub measure: Measure,
    /// What it is built on, as the records say.
    pub base: Option<String>,
    /// Layers, the oldest first.
    pub layers: Vec<AutopsyLayer>,
    /// Sizes of the whole by source.
    pub sizes: Vec<Amount>,
    /// The image that the same name or workload stood for before, and its sizes.
    pub before: Option<(String, Vec<Amount>)>,
    /// At most this large without what the records show to be superfluous, and why.
    pub slimmer: Option<(Amount, String)>,
    /// Records that contradict each other.
    pub disagreements: Vec<Disagreement>,
}

/// What a node's disk had to take, and what it had.
#[derive(Debug, Clone)]
pub struct DiskBudget {
    /// Node.
    pub node: String,
    /// The image was pulled here during the cascade.
    pub hit: bool,
    /// Container runtime, as the node tells it.
    pub runtime: Option<String>,
    /// Size of the file system.
    pub capacity: Option<Amount>,
    /// Free for the runtime before the first pull.
    pub available: Option<Amount>,
    /// Below this the kubelet evicts.
    pub threshold: Option<Amount>,
    /// Least seen.
    pub lowest: Option<Amount>,
    /// The image's compressed size.
    pub compressed: Option<Amount>,
    /// The image's unpacked size.
    pub unpacked: Option<Amount>,
    /// What the pull needs at least, and at most with what the runtime keeps, where the record bounds it.
    pub needed: Option<(u64, Option<u64>)>,
    /// `no`, `yes`, `only without the compressed copy` or `unknown`.
    pub fits: &'static str,
    /// Where it broke: failed pulls and evictions.
    pub broke: Vec<FactId>,
    /// A sentence.
    pub because: String,
    /// What other sizes would have meant.
    pub counterfactuals: Vec<String>,
}

/// The image to go back to.
#[derive(Debug, Clone)]
pub struct RollbackHelp {
    /// Workload, `namespace/Kind/name`.
    pub workload: String,
    /// Image by digest.
    pub image: String,
    /// The digest alone.
    pub digest: String,
    /// How it is known to have been good, as sentences.
    pub known_by: Vec<String>,
    /// Whether the registry still had it.
    pub still_there: String,
    /// What to run; empty where the image is gone and nothing can be run.
    pub command: String,
    /// Facts.
    pub evidence: Vec<FactId>,
    /// Records.
    pub citations: Vec<Evidence>,
}

/// What a guard-rail would have done on the incident's own records.
#[derive(Debug, Clone, Default)]
pub struct Backtest {
    /// In a sentence; says what could not be tested.
    pub said: String,
    /// When it would have acted first.
    pub first: Option<DateTime<Utc>>,
    /// Objects it would have refused that belong to the cascade, of how many.
    pub cascade: Option<(usize, usize)>,
    /// Other objects it would have refused, of how many.
    pub others: Option<(usize, usize)>,
    /// Nothing in the record allows a test.
    pub untested: bool,
}

/// A file that would have kept this from happening, or shown it earlier.
#[derive(Debug, Clone)]
pub struct GuardRail {
    /// Id.
    pub id: String,
    /// File name, with `/`.
    pub file: String,
    /// Its text.
    pub text: String,
    /// `prevent`, `mitigate`, `detect` or `process`.
    pub class: &'static str,
    /// What it does.
    pub about: String,
    /// When it counts as done.
    pub done_when: String,
    /// The test on the incident's own records.
    pub backtest: Backtest,
}
