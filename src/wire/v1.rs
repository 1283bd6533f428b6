//! Published JSON, version 1. Field names are the contract: adding is fine, changing or dropping one is a new version.
//!
//! Only shapes: [`super::publish`] makes a [`Report`] of an incident. Start with [`Report`].

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::human::Human;
use super::remedy::{BudgetRow, GuardRailRow, ImageRow, RollbackRow};
use super::roles::RoleRow;

/// Names the shape of a report.
pub const SCHEMA: &str = "rootline.report/v1";

/// `rootline report --format json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always [`SCHEMA`].
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// What wrote it.
    pub generator: Generator,
    /// Title, window and summary.
    pub incident: Head,
    /// Every source.
    pub sources: Vec<SourceRow>,
    /// Every signal, in time order.
    pub signals: Vec<SignalRow>,
    /// Cascades, the gravest first.
    pub cascades: Vec<CascadeRow>,
    /// Abnormal conditions.
    pub conditions: Vec<ConditionRow>,
    /// Faults that belong to no cascade.
    pub unrelated: Vec<Unrelated>,
    /// Contributing factors.
    pub factors: Vec<FactorRow>,
    /// Metrics by name.
    pub metrics: BTreeMap<String, MetricRow>,
    /// Things to do.
    pub actions: Vec<ActionRow>,
    /// What the images are made of.
    #[serde(default)]
    pub images: Vec<ImageRow>,
    /// What the nodes' disks had to take.
    #[serde(default)]
    pub disk_budgets: Vec<BudgetRow>,
    /// Images to go back to.
    #[serde(default)]
    pub rollback: Vec<RollbackRow>,
    /// Files that would have helped, with their test on this incident.
    #[serde(default)]
    pub guard_rails: Vec<GuardRailRow>,
    /// What is not known.
    pub gaps: Vec<GapRow>,
    /// Totals.
    pub ledger: LedgerRow,
    /// Constants that links and contradictions rest on.
    pub constants: Vec<ConstantRow>,
    /// How full the disks were.
    pub disks: Vec<DiskRow>,
    /// What is wrong with the input, for the whole incident.
    pub problems: Vec<String>,
    /// Past incidents like this one, where a fleet was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar: Option<Vec<SimilarRow>>,
    /// What was hidden.
    #[serde(default)]
    pub redaction: RedactionRow,
    /// `roles`, or `revealed` where somebody asked to see names.
    #[schemars(extend("enum" = ["roles", "revealed"]))]
    pub identities: String,
    /// People and automation, by role.
    pub roles: Vec<RoleRow>,
    /// What people added.
    #[serde(default)]
    pub human: Human,
}

/// A past incident that is like this one, and in what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimilarRow {
    /// Its id in the fleet.
    pub incident: String,
    /// Title of its report.
    pub title: String,
    /// When it began.
    pub from: Option<String>,
    /// Weighted share of features that both have, 0 to 1.
    pub overlap: f64,
    /// Mechanism, rules and factors that both have.
    pub shared: Vec<String>,
    /// Those that only this report has.
    pub only_here: Vec<String>,
    /// Those that only the past incident has.
    pub only_there: Vec<String>,
}

/// What was hidden before anything was shown.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct RedactionRow {
    /// What is looked for: `secrets`, `ips`, `emails`, `hosts`, `names`.
    pub hides: Vec<String>,
    /// By kind of secret or name.
    pub hidden: BTreeMap<String, RedactedRow>,
}

/// How much of one kind was hidden.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct RedactedRow {
    /// Different values.
    pub values: u64,
    /// Places in quoted records.
    pub places: u64,
}

/// What wrote a report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Version of Rootline.
    pub version: String,
    /// `sha256:…` of the grammars in force.
    pub grammars: String,
    /// `sha256:…` of all input files; empty where it was not asked for.
    pub inputs: String,
}

/// The head of a report.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// Title.
    pub title: String,
    /// First and last moment.
    pub window: Option<Window>,
    /// Cluster names, where a record tells them.
    pub clusters: Vec<String>,
    /// Sentences, each ending with its citations in brackets.
    pub summary: Vec<String>,
    /// The same sentences with their citations apart.
    pub summary_cited: Vec<Cited>,
}

/// A sentence and the signals it rests on.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Cited {
    /// The sentence.
    pub text: String,
    /// Signal ids.
    pub signals: Vec<String>,
}

/// A stretch of time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// RFC 3339, UTC.
    pub from: String,
    /// RFC 3339, UTC.
    pub to: String,
}

/// One source.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SourceRow {
    /// The path given.
    pub path: String,
    /// Format stacks met, outermost first.
    pub format: Vec<String>,
    /// Why these.
    pub why: String,
    /// Decompressed bytes.
    pub bytes: u64,
    /// Bytes looked at.
    pub bytes_read: u64,
    /// CRC-32 of the decompressed bytes in hexadecimal, where they were read to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc32: Option<String>,
    /// Lines or items.
    pub records: u64,
    /// Signals found.
    pub signals: u64,
    /// Whom it speaks for.
    pub speaks_for: BTreeMap<String, String>,
    /// First time seen.
    pub from: Option<String>,
    /// Last time seen.
    pub to: Option<String>,
    /// Its clock.
    pub clock: ClockRow,
    /// What was wrong with it.
    pub problems: Vec<String>,
}

/// A source's clock.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ClockRow {
    /// What was taken off its times.
    pub offset_ms: i64,
    /// Facts that it shares with other sources.
    pub anchors: usize,
    /// `none`, `corrected` or `refused`.
    #[schemars(extend("enum" = ["none", "corrected", "refused"]))]
    pub status: String,
}

/// One signal: a fact with all its witnesses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SignalRow {
    /// `s17`.
    pub id: String,
    /// Kind.
    pub signal: String,
    /// Cause of a failed pull.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// RFC 3339 with microseconds, UTC; null where nothing tells the year.
    pub at: Option<String>,
    /// Width of the interval that the stamp allows.
    pub precision: String,
    /// How the time is known.
    #[schemars(extend("enum" = ["stamp", "year_inferred", "zone_inferred", "relative", "file_order", "none"]))]
    pub time_basis: String,
    /// The stamp as written, where it does not say what `at` says: without year or zone, by another clock, or not dated at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_written: Option<String>,
    /// Last repetition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// What it is about.
    pub entities: BTreeMap<String, String>,
    /// What stands in no record, and how it is known.
    pub inferred: BTreeMap<String, String>,
    /// Who says it.
    pub component: Option<String>,
    /// Everybody who says it.
    pub witnesses: Vec<String>,
    /// Formats of the best witness, outermost first.
    pub format: Vec<String>,
    /// How often.
    pub count: u64,
    /// The first failure of the series that this retry belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<String>,
    /// Verbatim records.
    pub evidence: Vec<EvidenceRow>,
    /// Further records that say the same and are not quoted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub evidence_left_out: u64,
}

/// One verbatim record.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceRow {
    /// The path given.
    pub path: String,
    /// Line of its first byte, from 1.
    pub line: u64,
    /// Byte range in the decompressed content, end exclusive.
    pub byte: [u64; 2],
    /// SHA-256 of the original bytes.
    pub sha256: String,
    /// The text.
    pub text: String,
    /// Bytes of the record beyond those in the text.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub text_left_out: u64,
    /// A name in the text was replaced by a role, or a secret by a pseudonym.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

/// One cascade.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CascadeRow {
    /// `c1`.
    pub id: String,
    /// Mechanism.
    pub mechanism: String,
    /// How sure.
    #[schemars(extend("enum" = ["certain", "probable", "possible", "unknown"]))]
    pub confidence: String,
    /// Only what is known.
    pub culprit: BTreeMap<String, String>,
    /// The change that began it.
    pub trigger: Option<String>,
    /// The first fault.
    pub origin: String,
    /// In words.
    pub explanation: String,
    /// Stays on nodes.
    pub hops: Vec<HopRow>,
    /// Links.
    pub links: Vec<LinkRow>,
    /// `domino`, `common_cause`, `single` or `unknown`.
    #[schemars(extend("enum" = ["domino", "common_cause", "single", "unknown"]))]
    pub spread: String,
    /// Who was hit.
    pub blast_radius: BlastRadius,
    /// What else was weighed.
    pub ruled_out: Vec<RuledOutRow>,
    /// What cannot be.
    pub contradictions: Vec<ContradictionRow>,
    /// What ended it.
    pub recovery: RecoveryRow,
    /// All signals that belong to it.
    pub signals: Vec<String>,
}

/// One hop.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct HopRow {
    /// Node.
    pub node: Option<String>,
    /// First fault; null where nothing tells the year.
    pub from: Option<String>,
    /// Last fault, or end of the condition.
    pub to: Option<String>,
    /// Signals on this node.
    pub signals: Vec<String>,
    /// How it ended.
    pub ended_by: Option<String>,
    /// The node came under pressure.
    pub pressure: bool,
    /// Failed pulls that led to no pressure.
    pub without_pressure: Vec<String>,
}

/// One link.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LinkRow {
    /// Signal id.
    pub cause: String,
    /// Signal id.
    pub effect: String,
    /// Rule.
    pub rule: String,
    /// Effect time minus cause time.
    pub lag_ms: i64,
    /// How sure.
    #[schemars(extend("enum" = ["certain", "probable", "possible", "unknown"]))]
    pub confidence: String,
    /// A sentence.
    pub because: String,
    /// Other causes that the rule would have allowed.
    pub others: Vec<String>,
}

/// Who was hit.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct BlastRadius {
    /// By the fault itself.
    pub direct: BlastRow,
    /// By what followed.
    pub collateral: BlastRow,
}

/// Nodes, workloads, pods.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct BlastRow {
    /// Nodes.
    pub nodes: Vec<String>,
    /// Workloads, `namespace/Kind/name`.
    pub workloads: Vec<String>,
    /// Pods, `namespace/name`.
    pub pods: Vec<String>,
}

/// Another explanation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RuledOutRow {
    /// Mechanism.
    pub mechanism: String,
    /// Why not.
    pub why: String,
    /// Signals that speak against it.
    pub evidence: Vec<String>,
}

/// A contradiction.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ContradictionRow {
    /// What cannot be.
    pub what: String,
    /// The signals.
    pub signals: Vec<String>,
    /// What could explain it.
    pub possible_explanations: Vec<String>,
}

/// The end of a cascade.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryRow {
    /// Signals.
    pub ended_by: Vec<String>,
    /// When the last condition ended.
    pub at: Option<String>,
}

/// An abnormal condition.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ConditionRow {
    /// Node.
    pub node: String,
    /// Condition.
    pub condition: String,
    /// Status.
    #[schemars(extend("enum" = ["True", "False", "Unknown"]))]
    pub status: String,
    /// First seen.
    pub from: Option<String>,
    /// Seen to be over, or overwritten.
    pub to: Option<String>,
    /// The start may be earlier.
    pub from_open: bool,
    /// The end is not known.
    pub to_open: bool,
    /// Conditions that became Unknown in the same write.
    pub also: Vec<String>,
    /// Signals.
    pub evidence: Vec<String>,
}

/// A fault that belongs to no cascade.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Unrelated {
    /// Signal.
    pub signal: String,
    /// Why it was left alone.
    pub why: String,
}

/// A contributing factor.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct FactorRow {
    /// Factor.
    pub id: String,
    /// What it is about.
    pub subject: String,
    /// `necessary`, `amplifier` or `latent`.
    #[schemars(extend("enum" = ["necessary", "amplifier", "latent"]))]
    pub strength: String,
    /// Signals.
    pub evidence: Vec<String>,
    /// A sentence.
    pub because: String,
    /// What would have been otherwise without it.
    #[serde(default)]
    pub counterfactual: String,
    /// What to do.
    pub action: String,
    /// When such a finding is mistaken.
    #[serde(default)]
    pub mistaken_when: String,
    /// Rules of other tools that look for the same.
    #[serde(default)]
    pub references: String,
    /// Records that are no signals.
    #[serde(default)]
    pub citations: Vec<EvidenceRow>,
}

/// A metric.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MetricRow {
    /// A time (RFC 3339) or a number (unit in the name); null if unknown.
    pub value: serde_json::Value,
    /// `observed`, `derived` or `unknown`.
    #[schemars(extend("enum" = ["observed", "derived", "unknown"]))]
    pub status: String,
    /// Signals.
    pub evidence: Vec<String>,
    /// What exactly is measured.
    pub definition: String,
    /// What past incidents of the same mechanism had; absent where none were given, or none of them tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineRow>,
}

/// What past incidents had of a metric.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BaselineRow {
    /// Their median, in the metric's unit.
    pub median: f64,
    /// How many of them tell.
    pub incidents: u64,
}

/// Something to do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ActionRow {
    /// Id.
    pub id: String,
    /// Class.
    #[schemars(extend("enum" = ["prevent", "mitigate", "detect", "process"]))]
    pub class: String,
    /// What.
    pub text: String,
    /// When it is done.
    pub done_when: String,
    /// Policy file.
    pub artifact: Option<String>,
    /// What it would have done here.
    pub backtest: Option<String>,
}

/// Something that is not known.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct GapRow {
    /// What.
    pub what: String,
    /// Why that matters.
    pub matters_because: String,
}

/// Totals.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct LedgerRow {
    /// Files found.
    pub files: u64,
    /// Bytes found.
    pub bytes: u64,
    /// Bytes looked at.
    pub bytes_read: u64,
    /// Lines or items.
    pub records: u64,
    /// Files of which nothing was read.
    pub skipped: Vec<SkippedRow>,
    /// Signals without a time.
    pub undated: u64,
    /// Signals left out because they lie outside of the time that `--since` and `--until` leave.
    #[serde(default)]
    pub outside: u64,
}

/// A file of which nothing was read.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SkippedRow {
    /// Path.
    pub path: String,
    /// Why.
    pub why: String,
    /// Size.
    pub bytes: u64,
}

/// A constant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ConstantRow {
    /// Name in `physics.toml`.
    pub name: String,
    /// Value.
    pub value: String,
    /// Why this value.
    pub from: String,
}

/// How full a disk was.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DiskRow {
    /// Node.
    pub node: Option<String>,
    /// When.
    pub at: String,
    /// Mount point.
    pub mounted_on: String,
    /// Used percent of the blocks or inodes.
    pub used_percent: f64,
    /// Inodes, not blocks.
    pub inodes: bool,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Returns a time as RFC 3339 in UTC with microseconds.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
