//! How the image of a cascade was built, as far as the input shows it: layers with sizes, and the Dockerfile if there is exactly one.
//!
//! What factor checks of build files share: the gate (only where a pull ran out of space), the doubt when layers and Dockerfile contradict
//! each other, and how strong a saving would have been.

use super::image_autopsy;
use super::images::{self, Culprit};
use crate::model::artefact::{BuildFile, BuildInstruction, spoken_bytes};
use crate::model::{AutopsyLayer, Evidence, Finding, Incident};

/// How the culprit image was built.
pub(super) struct Built<'a> {
    pub(super) incident: &'a Incident,
    pub(super) culprit: Culprit,
    /// The first fault of the cascade.
    pub(super) origin: usize,
    /// Layers, the oldest first; empty where no record shows any.
    pub(super) layers: Vec<AutopsyLayer>,
    /// The Dockerfile.
    pub(super) build: Option<&'a BuildFile>,
    /// Layers and Dockerfile contradict each other.
    pub(super) doubt: bool,
}

/// Returns how the culprit images were built, for each cascade in which a pull ran out of space.
pub(super) fn all(incident: &Incident) -> Vec<Built<'_>> {
    let mut found: Vec<Built<'_>> = Vec::new();
    for cascade in &incident.cascades {
        if !images::pull_ran_out_of_space(incident, cascade) {
            continue;
        }
        let Some(culprit) = images::culprit(incident, cascade) else {
            continue;
        };
        if found.iter().any(|b| b.culprit.image == culprit.image) {
            continue;
        }
        let autopsy = incident
            .assessment
            .autopsies
            .iter()
            .find(|a| a.subject == culprit.image);
        found.push(Built {
            incident,
            culprit,
            origin: cascade.origin,
            doubt: autopsy.is_some_and(|a| !a.disagreements.is_empty()),
            layers: autopsy.map(|a| a.layers.clone()).unwrap_or_default(),
            build: image_autopsy::only_build(incident),
        });
    }
    found
}

impl Built<'_> {
    /// Returns the instructions of the stage that becomes the image.
    pub(super) fn stage(&self) -> Vec<&BuildInstruction> {
        self.build.map(BuildFile::final_stage).unwrap_or_default()
    }

    /// Returns the first layer for which `wanted` holds.
    pub(super) fn layer(&self, wanted: impl Fn(&AutopsyLayer) -> bool) -> Option<&AutopsyLayer> {
        self.layers.iter().find(|l| wanted(l))
    }

    /// Starts a finding about the Dockerfile, which says how sure it is that the deployed image was built from it.
    pub(super) fn finding(
        &self,
        factor: &'static str,
        because: String,
        citations: Vec<Evidence>,
    ) -> Finding {
        let from_build = self.build.is_some_and(|build| {
            citations
                .iter()
                .any(|c| c.origin.source == build.evidence.origin.source)
        });
        let because = if from_build && self.doubt {
            format!(
                "{because} The image's layers contradict this Dockerfile in other points, so which of the two was deployed is not certain."
            )
        } else if from_build {
            format!(
                "{because} That the deployed image was built from this Dockerfile is assumed: it is the only one in the input."
            )
        } else {
            because
        };
        Finding {
            factor,
            subject: self.culprit.image.clone(),
            strength: "latent",
            evidence: vec![self.origin],
            citations,
            because,
            ..Finding::default()
        }
    }

    /// Sets strength and counterfactual of a finding by what the image would have been without some unpacked bytes.
    ///
    /// Necessary is only what would have made the pull fit on every node it broke on, with all numbers in the record.
    pub(super) fn by_saving(&self, mut finding: Finding, saved: u64) -> Finding {
        let budgets: Vec<_> = self
            .incident
            .assessment
            .budgets
            .iter()
            .filter(|b| b.hit && !b.broke.is_empty())
            .collect();
        let said = spoken_bytes(saved);
        let missing: Option<Vec<i128>> = budgets
            .iter()
            .map(|b| {
                let (needed, free) = (b.needed?, b.available.as_ref()?);
                (b.unpacked.is_some() && b.compressed.is_some()).then_some(())?;
                let reserve = b.threshold.as_ref().map_or(0, |t| t.bytes);
                // The compressed copy shrinks, too; by how much is not known, so it is left as it is.
                Some(
                    i128::from(needed.1?) - i128::from(saved) + i128::from(reserve)
                        - i128::from(free.bytes),
                )
            })
            .collect();
        let total: Option<u64> = self.layers.iter().map(|l| l.size).sum();
        let share = total
            .filter(|t| *t > 0)
            .map(|t| format!(" ({:.0} % of the image)", saved as f64 / t as f64 * 100.0))
            .unwrap_or_default();
        (finding.strength, finding.counterfactual) = match missing {
            Some(missing) if !missing.is_empty() && missing.iter().all(|m| *m <= 0) => (
                "necessary",
                format!(
                    "Without these {said} unpacked{share}, the pull would have fitted on every node it broke on."
                ),
            ),
            Some(missing) if !missing.is_empty() => {
                let worst = missing.into_iter().max().unwrap_or_default();
                (
                    "amplifier",
                    format!(
                        "Without these {said} unpacked{share}, the pull would still have lacked up to {} above the eviction threshold.",
                        spoken_bytes(u64::try_from(worst).unwrap_or_default())
                    ),
                )
            }
            _ => (
                "amplifier",
                format!(
                    "Without these {said} unpacked{share} the image would be smaller; whether it would have fitted is not known, because the disk's size and what was free are not in the record."
                ),
            ),
        };
        finding
    }
}
