//! The incident: everything that is known, before it is put into words.

use chrono::{DateTime, Utc};

use super::artefact::Artefacts;
use super::fact::{Fact, FactId};
use super::interval::Condition;
use super::ledger::Ledger;
use super::link::{Confidence, Link};
use super::origin::Evidence;
use super::problem::Problem;
use super::remedy::{DiskBudget, GuardRail, ImageAutopsy, RollbackHelp};
use super::signal::DiskPoint;
use super::source::{Source, SourceReading};

/// One stay of a cascade on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Node; `None` where the record does not name it.
    pub node: Option<String>,
    /// First fact of the hop.
    pub from: DateTime<Utc>,
    /// Last fact, or the end of the condition.
    pub to: Option<DateTime<Utc>>,
    /// Facts on this node.
    pub signals: Vec<FactId>,
    /// How it ended, as a sentence fragment.
    pub ended_by: Option<String>,
    /// The node came under pressure; a hop without it failed pulls and recovered unseen.
    pub pressure: bool,
}

/// How a cascade went from node to node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// One node only.
    Single,
    /// A later hop was caused by what the earlier one displaced.
    Domino,
    /// The same thing hit all of them, and none because of another one.
    CommonCause,
    /// Several nodes, and nothing tells which of the two it was.
    Unknown,
}

impl Spread {
    /// Returns the published name.
    pub fn name(self) -> &'static str {
        match self {
            Spread::Single => "single",
            Spread::Domino => "domino",
            Spread::CommonCause => "common_cause",
            Spread::Unknown => "unknown",
        }
    }
}

/// Another explanation that was weighed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuledOut {
    /// Mechanism id.
    pub mechanism: String,
    /// Why it is not the cause.
    pub why: String,
    /// Facts that speak against it.
    pub evidence: Vec<FactId>,
}

/// Two facts that cannot both be taken at their word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// What cannot be.
    pub what: String,
    /// The facts.
    pub signals: Vec<FactId>,
    /// How it can be explained all the same.
    pub possible_explanations: Vec<String>,
}

/// Who was hit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blast {
    /// Nodes.
    pub nodes: Vec<String>,
    /// Workloads.
    pub workloads: Vec<String>,
    /// Pods.
    pub pods: Vec<String>,
}

/// A causal chain with its verdict.
#[derive(Debug, Clone)]
pub struct Cascade {
    /// Mechanism id, or `unknown`.
    pub mechanism: String,
    /// How sure.
    pub confidence: Confidence,
    /// Culprit by entity kind: only what is known.
    pub culprit: Vec<(String, String)>,
    /// The change that began it.
    pub trigger: Option<FactId>,
    /// The first fault.
    pub origin: FactId,
    /// All facts that belong to it, in time order.
    pub members: Vec<FactId>,
    /// Stays on nodes, in time order.
    pub hops: Vec<Hop>,
    /// Links among its facts.
    pub links: Vec<Link>,
    /// How it spread.
    pub spread: Spread,
    /// The explanation of the mechanism, with names filled in.
    pub explanation: String,
    /// Other explanations.
    pub ruled_out: Vec<RuledOut>,
    /// Impossible pairs among its facts.
    pub contradictions: Vec<Contradiction>,
    /// Failed pulls for lack of space that no pressure followed: the disk was full for less than the kubelet's look.
    pub without_pressure: Vec<FactId>,
    /// Facts that tell why the fault came about, beyond what led to it: see a mechanism's signs.
    pub reasons: Vec<FactId>,
    /// What ended it.
    pub recovery: Vec<FactId>,
    /// When it was over.
    pub recovered_at: Option<DateTime<Utc>>,
    /// Hit by the fault itself.
    pub direct: Blast,
    /// Hit by what followed from it.
    pub collateral: Blast,
}

/// Whether a metric was read, computed or cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricStatus {
    /// Stands in a record.
    Observed,
    /// Computed from records.
    Derived,
    /// Not in the record.
    Unknown,
}

impl MetricStatus {
    /// Returns the published name.
    pub fn name(self) -> &'static str {
        match self {
            MetricStatus::Observed => "observed",
            MetricStatus::Derived => "derived",
            MetricStatus::Unknown => "unknown",
        }
    }
}

/// A number or a time about the incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Published key.
    pub id: &'static str,
    /// A moment, if it is one.
    pub at: Option<DateTime<Utc>>,
    /// A number, if it is one; the unit is part of the id.
    pub number: Option<f64>,
    /// How it is known.
    pub status: MetricStatus,
    /// Facts it rests on.
    pub evidence: Vec<FactId>,
    /// What exactly is measured.
    pub definition: &'static str,
}

/// A contributing factor that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finding {
    /// Factor id.
    pub factor: &'static str,
    /// What it is about.
    pub subject: String,
    /// `necessary`, `amplifier` or `latent`.
    pub strength: &'static str,
    /// Facts.
    pub evidence: Vec<FactId>,
    /// Records that are no facts: lines of build files, layers, objects.
    pub citations: Vec<Evidence>,
    /// A sentence.
    pub because: String,
    /// What would have been otherwise without it: what its strength rests on.
    pub counterfactual: String,
    /// What to do.
    pub action: String,
    /// When such a finding is mistaken, as the factor's documentation says.
    pub mistaken_when: String,
    /// Rules of other tools that look for the same, as the factor's documentation says.
    pub references: String,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Id.
    pub id: String,
    /// `prevent`, `mitigate`, `detect` or `process`.
    pub class: String,
    /// What to do.
    pub text: String,
    /// When it counts as done.
    pub done_when: String,
    /// The file that does it.
    pub artifact: Option<String>,
    /// What it would have done here.
    pub backtest: Option<String>,
}

/// Something that is not known, and why that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What is not known.
    pub what: String,
    /// Why that matters.
    pub matters_because: String,
}

/// What `assess` adds to an incident.
#[derive(Debug, Clone, Default)]
pub struct Assessment {
    /// Metrics in their published order.
    pub metrics: Vec<Metric>,
    /// Contributing factors.
    pub findings: Vec<Finding>,
    /// Things to do.
    pub actions: Vec<Action>,
    /// What the images are made of.
    pub autopsies: Vec<ImageAutopsy>,
    /// What the nodes' disks had to take.
    pub budgets: Vec<DiskBudget>,
    /// Images to go back to.
    pub rollbacks: Vec<RollbackHelp>,
    /// Files that would have helped.
    pub guard_rails: Vec<GuardRail>,
    /// What is not known.
    pub gaps: Vec<Gap>,
    /// Sentences of the summary, each with the facts it rests on.
    pub summary: Vec<(String, Vec<FactId>)>,
    /// Title.
    pub title: String,
    /// First and last moment that belongs to the incident.
    pub window: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// Everything known about one incident.
#[derive(Debug, Clone, Default)]
pub struct Incident {
    /// Sources in order.
    pub sources: Vec<Source>,
    /// What was read from each.
    pub readings: Vec<SourceReading>,
    /// Facts in time order.
    pub facts: Vec<Fact>,
    /// Abnormal conditions.
    pub conditions: Vec<Condition>,
    /// Cascades, the gravest first.
    pub cascades: Vec<Cascade>,
    /// Faults that belong to no cascade, and why.
    pub unrelated: Vec<(FactId, String)>,
    /// Faults that came to nearly every node at once.
    pub everywhere: std::collections::BTreeSet<FactId>,
    /// Constants that were used: name, value, where the value comes from.
    pub constants: Vec<(String, String, String)>,
    /// How full the disks were, by node and time.
    pub disks: Vec<DiskPoint>,
    /// Images, build files and cluster objects.
    pub artefacts: Artefacts,
    /// What is wrong with the input.
    pub problems: Vec<Problem>,
    /// What was read.
    pub ledger: Ledger,
    /// What `assess` adds.
    pub assessment: Assessment,
}
