//! Contributing factors: what allowed it, one check a file. A new check is a new file and one line in [`ALL`].

mod mutable_tag;
mod silent_alerting;

use crate::model::{Finding, Incident};

/// A check for one contributing factor.
pub trait Factor: Sync {
    /// Returns the id: the file name with dashes.
    fn id(&self) -> &'static str;
    /// Returns one finding for each thing that the factor is found in.
    fn check(&self, incident: &Incident) -> Vec<Finding>;
    /// Returns the documentation: what it looks for, why it matters, when it is mistaken, what to do.
    fn explain(&self) -> &'static str;
}

/// Every factor, by id.
pub static ALL: &[&dyn Factor] = &[&mutable_tag::MutableTag, &silent_alerting::SilentAlerting];

#[cfg(test)]
pub(crate) mod case {
    //! `check(factor, timeline, expected)`: the one way in for factor tests.

    use super::Factor;
    use crate::grammar::timeline;
    use crate::model::{Cascade, Confidence, Incident, Spread};

    /// Runs a factor on a timeline whose facts all belong to one cascade; the first `pull_failed` is its origin.
    pub(crate) fn check(factor: &dyn Factor, text: &str, expected: &[&str]) {
        let facts = timeline::facts(&timeline::parse(text).expect("a timeline"));
        let origin = facts
            .iter()
            .position(|f| f.kind == "pull_failed")
            .unwrap_or(0);
        let cascade = Cascade {
            mechanism: "unknown".into(),
            confidence: Confidence::Probable,
            culprit: facts[origin]
                .entities
                .iter()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            trigger: None,
            origin,
            members: (0..facts.len()).collect(),
            hops: Vec::new(),
            links: Vec::new(),
            spread: Spread::Single,
            explanation: String::new(),
            ruled_out: Vec::new(),
            contradictions: Vec::new(),
            without_pressure: Vec::new(),
            recovery: Vec::new(),
            recovered_at: None,
            direct: Default::default(),
            collateral: Default::default(),
        };
        let incident = Incident {
            facts,
            cascades: vec![cascade],
            ..Incident::default()
        };
        let found: Vec<String> = factor
            .check(&incident)
            .into_iter()
            .map(|f| {
                format!(
                    "{} {}, evidence {}",
                    f.factor,
                    f.subject,
                    f.evidence
                        .iter()
                        .map(|id| (id + 1).to_string())
                        .collect::<Vec<_>>()
                        .join(" ")
                )
            })
            .collect();
        assert_eq!(found, expected);
    }
}
