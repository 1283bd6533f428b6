//! Similar past incidents: those of a fleet that share mechanism, rules and factors, and in what they differ.

use super::Maker;

/// Past incidents that the page names.
const MOST: usize = 12;

/// A past incident.
#[derive(Debug, Clone)]
pub struct SimilarView {
    /// Its id in the fleet.
    pub incident: String,
    /// Its title.
    pub title: String,
    /// The day it began; empty if that is not known.
    pub day: String,
    /// How alike, in percent.
    pub overlap: String,
    /// What both have.
    pub shared: String,
    /// What only this one has.
    pub only_here: String,
    /// What only the past one had.
    pub only_there: String,
}

impl Maker<'_> {
    /// Returns the past incidents; `None` where no fleet was given to look in.
    pub(super) fn similar(&self) -> Option<Vec<SimilarView>> {
        let list = |names: &[String]| names.join(", ");
        let rows = self.report.similar.as_ref()?;
        Some(
            rows.iter()
                .take(MOST)
                .map(|s| SimilarView {
                    incident: s.incident.clone(),
                    title: s.title.clone(),
                    day: s
                        .from
                        .as_deref()
                        .map(|at| at.chars().take(10).collect())
                        .unwrap_or_default(),
                    overlap: format!("{:.0} %", s.overlap.clamp(0.0, 1.0) * 100.0),
                    shared: list(&s.shared),
                    only_here: list(&s.only_here),
                    only_there: list(&s.only_there),
                })
                .collect(),
        )
    }
}
