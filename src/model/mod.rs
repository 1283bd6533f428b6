//! The nouns of Rootline: what every stage takes and gives.
//!
//! Nothing here reads files, knows a grammar or decides anything; the types only hold together what belongs together.
//! Start with [`signal`]: a signal is what one record says, a [`fact`] is what several signals say together.

pub mod artefact;
pub mod entity;
pub mod fact;
pub mod hash;
pub mod incident;
pub mod interval;
pub mod ledger;
pub mod limits;
pub mod link;
pub mod moment;
pub mod origin;
pub mod problem;
pub mod remedy;
pub mod signal;
pub mod source;

pub use artefact::Artefacts;
pub use entity::Entities;
pub use fact::{Fact, FactId};
pub use incident::{
    Action, Assessment, Blast, Cascade, Contradiction, Finding, Gap, Hop, Incident, Metric,
    MetricStatus, RuledOut, Spread,
};
pub use interval::{Condition, ConditionStatus};
pub use ledger::{Ledger, Skipped};
pub use limits::Limits;
pub use link::{Confidence, Link};
pub use moment::{Basis, Moment, Reading, When};
pub use origin::{Evidence, Origin};
pub use problem::{NOT_COLLECTED, Problem};
pub use remedy::{
    Amount, AutopsyLayer, Backtest, Disagreement, DiskBudget, GuardRail, ImageAutopsy, RollbackHelp,
};
pub use signal::{DiskPoint, DiskSample, Relation, Signal, Witness};
pub use source::{Content, Detection, Encoding, Shape, Source, SourceReading, SpeaksFor};
