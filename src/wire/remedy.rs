//! Published rows of what `assess` concludes: image autopsies, disk budgets, roll-back help and guard-rails. Part of version 1 of the report.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::publish::{evidence_row, ids};
use super::roles::Roles;
use super::v1::{EvidenceRow, stamp};
use crate::model::{Amount, Disagreement, Evidence, Incident};

/// A number of bytes with what it counts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AmountRow {
    /// Bytes.
    pub bytes: u64,
    /// `compressed`, `unpacked` or `unknown`.
    pub measure: String,
    /// Printed with few digits, or estimated.
    pub rounded: bool,
    /// Only a part is known: the whole may be larger by any number.
    #[serde(default)]
    pub at_least: bool,
    /// Where it comes from.
    pub from: String,
    /// The records.
    pub citations: Vec<EvidenceRow>,
}

/// What an image is made of.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ImageRow {
    /// The image.
    pub subject: String,
    /// How it is known to be the image of the cascade.
    pub of_cascade: Option<String>,
    /// Path of the description.
    pub path: String,
    /// What the layers' sizes count.
    pub measure: String,
    /// What it is built on.
    pub base: Option<String>,
    /// Sum of the layers; null where one has no size.
    pub total_bytes: Option<u64>,
    /// Layers, the oldest first.
    pub layers: Vec<LayerRow>,
    /// What the records say of its size.
    pub sizes: Vec<AmountRow>,
    /// The image that the name stood for before.
    pub before: Option<BeforeRow>,
    /// At most this large without what is shown to be superfluous.
    pub slimmer: Option<SlimmerRow>,
    /// Records that cannot all be right.
    pub contradictions: Vec<DisagreementRow>,
}

/// One layer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LayerRow {
    /// `RUN`, `COPY` …
    pub instruction: String,
    /// Its argument.
    pub text: String,
    /// Bytes.
    pub bytes: Option<u64>,
    /// Share of the total, 0 to 1.
    pub share: Option<f64>,
    /// What stands out.
    pub notes: Vec<String>,
    /// Its line.
    pub citation: EvidenceRow,
    /// The Dockerfile's line that made it.
    pub build_line: Option<EvidenceRow>,
}

/// The image before.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BeforeRow {
    /// Name and digest.
    pub image: String,
    /// Sizes.
    pub sizes: Vec<AmountRow>,
}

/// An upper bound.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SlimmerRow {
    /// At most.
    pub at_most: AmountRow,
    /// Why.
    pub because: String,
}

/// Artefacts that contradict each other.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DisagreementRow {
    /// What cannot be.
    pub what: String,
    /// The records.
    pub citations: Vec<EvidenceRow>,
}

/// One node's disk.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BudgetRow {
    /// Node.
    pub node: String,
    /// The image was pulled here during the cascade.
    pub hit: bool,
    /// Container runtime.
    pub runtime: Option<String>,
    /// Size of the file system.
    pub capacity: Option<AmountRow>,
    /// Free before the pull.
    pub available: Option<AmountRow>,
    /// The kubelet evicts below this.
    pub threshold: Option<AmountRow>,
    /// Least seen.
    pub lowest: Option<AmountRow>,
    /// Compressed size of the image.
    pub compressed: Option<AmountRow>,
    /// Unpacked size of the image.
    pub unpacked: Option<AmountRow>,
    /// The pull needs at least this.
    pub needed_at_least: Option<u64>,
    /// And this with the compressed copy.
    pub needed_at_most: Option<u64>,
    /// `no`, `yes`, `only without the compressed copy` or `unknown`.
    pub fits: String,
    /// Failed pulls and evictions.
    pub evidence: Vec<String>,
    /// A sentence.
    pub because: String,
    /// What other sizes would have meant.
    pub counterfactuals: Vec<String>,
}

/// What to go back to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RollbackRow {
    /// Workload.
    pub workload: String,
    /// Image by digest.
    pub image: String,
    /// Digest.
    pub digest: String,
    /// How it is known.
    pub known_by: Vec<String>,
    /// Whether it still exists.
    pub still_there: String,
    /// What to run; empty where the image is gone and nothing can be run.
    pub command: String,
    /// Signals.
    pub evidence: Vec<String>,
    /// Records.
    pub citations: Vec<EvidenceRow>,
}

/// A file that would have helped.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GuardRailRow {
    /// Id.
    pub id: String,
    /// File name below the directory of `--actions`.
    pub file: String,
    /// Class.
    pub class: String,
    /// What it does.
    pub about: String,
    /// When it is done.
    pub done_when: String,
    /// Its test on this incident.
    pub backtest: BacktestRow,
    /// Its text.
    pub text: String,
}

/// A test of a guard-rail on the incident's own records.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BacktestRow {
    /// In words.
    pub said: String,
    /// When it would have acted first.
    pub first: Option<String>,
    /// Refused and all objects of the cascade.
    pub cascade: Option<[usize; 2]>,
    /// Refused and all other objects.
    pub others: Option<[usize; 2]>,
    /// The record allows a test.
    pub tested: bool,
}

pub(super) fn citations(
    incident: &Incident,
    evidence: &[Evidence],
    roles: &Roles,
) -> Vec<EvidenceRow> {
    evidence
        .iter()
        .map(|e| evidence_row(incident, e, roles))
        .collect()
}

fn amount(incident: &Incident, amount: &Amount, roles: &Roles) -> AmountRow {
    AmountRow {
        bytes: amount.bytes,
        measure: amount.measure.name().to_owned(),
        rounded: amount.rounded,
        at_least: amount.at_least,
        from: amount.from.clone(),
        citations: citations(incident, &amount.citations, roles),
    }
}

fn amounts(incident: &Incident, all: &[Amount], roles: &Roles) -> Vec<AmountRow> {
    all.iter().map(|a| amount(incident, a, roles)).collect()
}

fn disagreement(incident: &Incident, one: &Disagreement, roles: &Roles) -> DisagreementRow {
    DisagreementRow {
        what: roles.hide(&one.what).0,
        citations: citations(incident, &one.citations, roles),
    }
}

pub(super) fn images(incident: &Incident, roles: &Roles) -> Vec<ImageRow> {
    let row = |autopsy: &crate::model::ImageAutopsy| ImageRow {
        subject: autopsy.subject.clone(),
        of_cascade: autopsy.of_cascade.clone(),
        path: autopsy.path.clone(),
        measure: autopsy.measure.name().to_owned(),
        base: autopsy.base.clone(),
        total_bytes: autopsy.layers.iter().map(|l| l.size).sum(),
        layers: autopsy
            .layers
            .iter()
            .map(|l| LayerRow {
                instruction: l.verb.clone(),
                text: roles.hide(&l.text).0,
                bytes: l.size,
                share: l.share.map(|s| (s * 1000.0).round() / 1000.0),
                notes: l.notes.clone(),
                citation: evidence_row(incident, &l.citation, roles),
                build_line: l
                    .build_line
                    .as_ref()
                    .map(|e| evidence_row(incident, e, roles)),
            })
            .collect(),
        sizes: amounts(incident, &autopsy.sizes, roles),
        before: autopsy.before.as_ref().map(|(image, sizes)| BeforeRow {
            image: image.clone(),
            sizes: amounts(incident, sizes, roles),
        }),
        slimmer: autopsy
            .slimmer
            .as_ref()
            .map(|(at_most, because)| SlimmerRow {
                at_most: amount(incident, at_most, roles),
                because: because.clone(),
            }),
        contradictions: autopsy
            .disagreements
            .iter()
            .map(|d| disagreement(incident, d, roles))
            .collect(),
    };
    incident.assessment.autopsies.iter().map(row).collect()
}

pub(super) fn budgets(incident: &Incident, roles: &Roles) -> Vec<BudgetRow> {
    let row = |budget: &crate::model::DiskBudget| {
        let one = |a: &Option<Amount>| a.as_ref().map(|a| amount(incident, a, roles));
        BudgetRow {
            node: budget.node.clone(),
            hit: budget.hit,
            runtime: budget.runtime.clone(),
            capacity: one(&budget.capacity),
            available: one(&budget.available),
            threshold: one(&budget.threshold),
            lowest: one(&budget.lowest),
            compressed: one(&budget.compressed),
            unpacked: one(&budget.unpacked),
            needed_at_least: budget.needed.map(|n| n.0),
            needed_at_most: budget.needed.and_then(|n| n.1),
            fits: budget.fits.to_owned(),
            evidence: ids(&budget.broke),
            because: budget.because.clone(),
            counterfactuals: budget.counterfactuals.clone(),
        }
    };
    incident.assessment.budgets.iter().map(row).collect()
}

pub(super) fn rollbacks(incident: &Incident, roles: &Roles) -> Vec<RollbackRow> {
    let row = |help: &crate::model::RollbackHelp| RollbackRow {
        workload: help.workload.clone(),
        image: help.image.clone(),
        digest: help.digest.clone(),
        known_by: help.known_by.clone(),
        still_there: help.still_there.clone(),
        command: help.command.clone(),
        evidence: ids(&help.evidence),
        citations: citations(incident, &help.citations, roles),
    };
    incident.assessment.rollbacks.iter().map(row).collect()
}

pub(super) fn guard_rails(incident: &Incident, roles: &Roles) -> Vec<GuardRailRow> {
    let row = |guard: &crate::model::GuardRail| GuardRailRow {
        id: guard.id.clone(),
        file: guard.file.clone(),
        class: guard.class.to_owned(),
        about: roles.hide(&guard.about).0,
        done_when: guard.done_when.clone(),
        backtest: BacktestRow {
            said: roles.hide(&guard.backtest.said).0,
            first: guard.backtest.first.map(stamp),
            cascade: guard.backtest.cascade.map(|(a, b)| [a, b]),
            others: guard.backtest.others.map(|(a, b)| [a, b]),
            tested: !guard.backtest.untested,
        },
        text: roles.hide(&guard.text).0,
    };
    incident.assessment.guard_rails.iter().map(row).collect()
}
