//! Published JSON, version 1. Field names are the contract: adding is fine, changing or dropping one is a new version.
//!
//! Start with [`Report`]; [`report`] makes one of an incident. People's names are replaced by roles here; secrets still stand in it, until
//! `redact` has seen it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::human::Human;
use super::remedy::{self, BudgetRow, GuardRailRow, ImageRow, RollbackRow};
use super::roles::{RoleRow, Roles};
use crate::model::moment::NO_YEAR;
use crate::model::{Basis, DiskPoint, Fact, FactId, Incident, When};

/// Names the shape of a report.
pub const SCHEMA: &str = "rootline.report/v1";

/// `rootline report --format json`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Always [`SCHEMA`].
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
    /// `domino`, `common_cause` or `single`.
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
    pub status: String,
    /// Signals.
    pub evidence: Vec<String>,
    /// What exactly is measured.
    pub definition: String,
}

/// Something to do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ActionRow {
    /// Id.
    pub id: String,
    /// Class.
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

/// Returns a time as [`stamp`] does; nothing where its year is not known.
fn dated(at: DateTime<Utc>) -> Option<String> {
    (chrono::Datelike::year(&at) > NO_YEAR + 1).then(|| stamp(at))
}

pub(super) fn ids(facts: &[FactId]) -> Vec<String> {
    facts.iter().map(|id| Fact::name(*id)).collect()
}

/// Makes the rows of all signals.
pub fn signals(incident: &Incident, roles: &Roles) -> Vec<SignalRow> {
    incident
        .facts
        .iter()
        .enumerate()
        .map(|(id, fact)| signal(incident, id, fact, roles))
        .collect()
}

/// Returns the entities of a fact. A record that names a layer and no manifest has the layer's digest as its digest:
/// to a reader it is the one digest that stands there, and `layer` says of what it is.
fn published_entities(fact: &Fact, roles: &Roles) -> BTreeMap<String, String> {
    let mut entities: BTreeMap<String, String> = fact
        .entities
        .iter()
        .map(|(name, value)| {
            let shown = if name == "actor" {
                roles.long(value)
            } else {
                roles.hide(value).0
            };
            (name.clone(), shown)
        })
        .collect();
    if let Some(layer) = entities.get("layer").cloned() {
        entities.entry("digest".to_owned()).or_insert(layer);
    }
    entities
}

fn signal(incident: &Incident, id: FactId, fact: &Fact, roles: &Roles) -> SignalRow {
    let dated = fact.moment.filter(|m| m.basis != Basis::None);
    SignalRow {
        id: Fact::name(id),
        signal: fact.kind.clone(),
        cause: fact.cause.clone(),
        at: dated.map(|m| stamp(m.at)),
        precision: fact
            .moment
            .map_or_else(|| "unknown".to_owned(), |m| precision(m.precision)),
        time_basis: fact
            .moment
            .map_or(Basis::None, |m| m.basis)
            .name()
            .to_owned(),
        as_written: fact
            .as_written
            .as_ref()
            .filter(|written| {
                let said = match written.when {
                    When::Utc(at) => Some(at),
                    _ => None,
                };
                dated.is_none() || said != fact.moment.map(|m| m.at)
            })
            .map(|written| written.text.clone()),
        last: fact.last.map(|m| stamp(m.at)),
        entities: published_entities(fact, roles),
        inferred: fact.inferred.clone(),
        component: fact.component.clone(),
        witnesses: fact.components.clone(),
        format: fact.format.clone(),
        count: fact.count,
        retry_of: fact.retry_of.map(Fact::name),
        evidence_left_out: fact.evidence_left_out,
        evidence: fact
            .evidence
            .iter()
            .map(|e| evidence_row(incident, e, roles))
            .collect(),
    }
}

/// Makes the row of a verbatim record.
pub(super) fn evidence_row(
    incident: &Incident,
    evidence: &crate::model::Evidence,
    roles: &Roles,
) -> EvidenceRow {
    let (text, redacted) = roles.hide(&evidence.text);
    EvidenceRow {
        path: incident.sources[evidence.origin.source].path.clone(),
        line: evidence.origin.line,
        byte: [evidence.origin.start, evidence.origin.end],
        sha256: evidence.sha256.clone(),
        text,
        text_left_out: evidence.left_out,
        redacted,
    }
}

/// Returns `1s`, `100ms`, `1us`, `1ns`.
fn precision(width: chrono::TimeDelta) -> String {
    let nanos = width.num_nanoseconds().unwrap_or(i64::MAX);
    match nanos {
        n if n % 1_000_000_000 == 0 => format!("{}s", n / 1_000_000_000),
        n if n % 1_000_000 == 0 => format!("{}ms", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{}us", n / 1_000),
        n => format!("{n}ns"),
    }
}

/// Makes the published report of an incident. With [`Roles::none`], names stay.
pub fn report(
    incident: &Incident,
    disks: &[DiskPoint],
    grammars_sha256: &str,
    roles: &Roles,
    revealed: bool,
) -> Report {
    let assessment = &incident.assessment;
    Report {
        schema: SCHEMA.to_owned(),
        generator: Generator {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            grammars: format!("sha256:{grammars_sha256}"),
            inputs: String::new(),
        },
        incident: Head {
            title: roles.hide(&assessment.title).0,
            window: assessment.window.and_then(|(from, to)| {
                Some(Window {
                    from: dated(from)?,
                    to: dated(to)?,
                })
            }),
            clusters: incident
                .readings
                .iter()
                .filter_map(|reading| reading.speaks_for.cluster.clone())
                .collect::<BTreeSet<String>>()
                .into_iter()
                .collect(),
            summary: assessment
                .summary
                .iter()
                .map(|(text, facts)| {
                    if facts.is_empty() {
                        roles.hide(text).0
                    } else {
                        format!("{} [{}]", roles.hide(text).0, ids(facts).join(", "))
                    }
                })
                .collect(),
            summary_cited: assessment
                .summary
                .iter()
                .map(|(text, facts)| Cited {
                    text: roles.hide(text).0,
                    signals: ids(facts),
                })
                .collect(),
        },
        sources: sources(incident),
        signals: signals(incident, roles),
        cascades: incident
            .cascades
            .iter()
            .enumerate()
            .map(|(index, cascade)| cascade_row(index, cascade, roles))
            .collect(),
        conditions: incident
            .conditions
            .iter()
            .map(|c| ConditionRow {
                node: c.node.clone(),
                condition: c.condition.clone(),
                status: c.status.name().to_owned(),
                from: dated(c.from),
                to: c.to.and_then(dated),
                from_open: c.from_open,
                to_open: c.to_open,
                also: c.also.clone(),
                evidence: ids(&c.evidence),
            })
            .collect(),
        unrelated: incident
            .unrelated
            .iter()
            .map(|(id, why)| Unrelated {
                signal: Fact::name(*id),
                why: roles.hide(why).0,
            })
            .collect(),
        factors: assessment
            .findings
            .iter()
            .map(|f| FactorRow {
                id: f.factor.to_owned(),
                subject: roles.hide(&f.subject).0,
                strength: f.strength.to_owned(),
                evidence: ids(&f.evidence),
                because: roles.hide(&f.because).0,
                counterfactual: f.counterfactual.clone(),
                action: f.action.clone(),
                mistaken_when: f.mistaken_when.clone(),
                references: f.references.clone(),
                citations: remedy::citations(incident, &f.citations, roles),
            })
            .collect(),
        metrics: assessment
            .metrics
            .iter()
            .map(|m| {
                let value = match (m.at.and_then(dated), m.number) {
                    (Some(at), _) => serde_json::Value::from(at),
                    (None, Some(number)) => serde_json::Value::from(number),
                    (None, None) => serde_json::Value::Null,
                };
                (
                    m.id.to_owned(),
                    MetricRow {
                        value,
                        status: m.status.name().to_owned(),
                        evidence: ids(&m.evidence),
                        definition: m.definition.to_owned(),
                    },
                )
            })
            .collect(),
        actions: assessment
            .actions
            .iter()
            .map(|a| ActionRow {
                id: a.id.clone(),
                class: a.class.clone(),
                text: a.text.clone(),
                done_when: a.done_when.clone(),
                artifact: a.artifact.clone(),
                backtest: a.backtest.clone(),
            })
            .collect(),
        images: remedy::images(incident, roles),
        disk_budgets: remedy::budgets(incident, roles),
        rollback: remedy::rollbacks(incident, roles),
        guard_rails: remedy::guard_rails(incident, roles),
        gaps: assessment
            .gaps
            .iter()
            .map(|g| GapRow {
                what: roles.hide(&g.what).0,
                matters_because: roles.hide(&g.matters_because).0,
            })
            .collect(),
        ledger: LedgerRow {
            files: incident.ledger.files,
            bytes: incident.ledger.bytes,
            bytes_read: incident.ledger.bytes_read,
            records: incident.ledger.records,
            skipped: incident
                .ledger
                .skipped
                .iter()
                .map(|s| SkippedRow {
                    path: s.path.clone(),
                    why: s.why.clone(),
                    bytes: s.bytes,
                })
                .collect(),
            undated: incident.ledger.undated,
        },
        constants: incident
            .constants
            .iter()
            .map(|(name, value, from)| ConstantRow {
                name: name.clone(),
                value: value.clone(),
                from: from.clone(),
            })
            .collect(),
        disks: disks
            .iter()
            .map(|d| DiskRow {
                node: d.node.clone(),
                at: stamp(d.at.at),
                mounted_on: d.sample.mounted_on.clone(),
                used_percent: d.sample.used_percent,
                inodes: d.sample.inodes,
            })
            .collect(),
        problems: incident
            .problems
            .iter()
            .filter(|p| p.source.is_none())
            .map(|p| roles.hide(&p.what).0)
            .collect(),
        similar: None,
        redaction: RedactionRow::default(),
        identities: if revealed { "revealed" } else { "roles" }.to_owned(),
        roles: roles.rows(),
        human: Human::default(),
    }
}

/// Returns one row a source, in the order of the sources.
fn sources(incident: &Incident) -> Vec<SourceRow> {
    incident
        .sources
        .iter()
        .zip(&incident.readings)
        .enumerate()
        .map(|(index, (source, reading))| {
            let speaks = &reading.speaks_for;
            let named = [
                ("node", &speaks.node),
                ("node_from", &speaks.node_from),
                ("component", &speaks.component),
                ("component_from", &speaks.component_from),
                ("cluster", &speaks.cluster),
                ("cluster_from", &speaks.cluster_from),
                ("pod", &speaks.pod),
                ("pod_from", &speaks.pod_from),
            ];
            SourceRow {
                path: source.path.clone(),
                format: reading.formats.clone(),
                why: reading.why.clone(),
                bytes: reading.bytes,
                bytes_read: reading.bytes_read,
                crc32: reading.crc32.map(|sum| format!("{sum:08x}")),
                records: reading.records,
                signals: reading.signals,
                speaks_for: named
                    .into_iter()
                    .filter_map(|(name, value)| value.clone().map(|v| (name.to_owned(), v)))
                    .collect(),
                from: reading.from.and_then(dated),
                to: reading.to.and_then(dated),
                clock: ClockRow {
                    offset_ms: reading.clock.0,
                    anchors: reading.clock.1,
                    status: reading.clock.2.to_owned(),
                },
                problems: incident
                    .problems
                    .iter()
                    .filter(|p| p.source == Some(index))
                    .map(|p| {
                        let place = p
                            .first
                            .map(|o| format!(" (first at line {})", o.line))
                            .unwrap_or_default();
                        let count = if p.count > 1 {
                            format!("{} × ", p.count)
                        } else {
                            String::new()
                        };
                        format!("{count}{}{place}", p.what)
                    })
                    .collect(),
            }
        })
        .collect()
}

fn cascade_row(index: usize, cascade: &crate::model::Cascade, roles: &Roles) -> CascadeRow {
    let blast = |blast: &crate::model::Blast| BlastRow {
        nodes: blast.nodes.clone(),
        workloads: blast.workloads.clone(),
        pods: blast.pods.clone(),
    };
    CascadeRow {
        id: format!("c{}", index + 1),
        mechanism: cascade.mechanism.clone(),
        confidence: cascade.confidence.name().to_owned(),
        culprit: cascade
            .culprit
            .iter()
            .map(|(kind, name)| (kind.clone(), roles.hide(name).0))
            .collect(),
        trigger: cascade.trigger.map(Fact::name),
        origin: Fact::name(cascade.origin),
        explanation: roles.hide(&cascade.explanation).0,
        hops: cascade
            .hops
            .iter()
            .map(|h| HopRow {
                node: h.node.clone(),
                from: dated(h.from),
                to: h.to.and_then(dated),
                signals: ids(&h.signals),
                ended_by: h.ended_by.as_ref().map(|e| roles.hide(e).0),
                pressure: h.pressure,
                without_pressure: ids(&h
                    .signals
                    .iter()
                    .copied()
                    .filter(|id| cascade.without_pressure.contains(id))
                    .collect::<Vec<_>>()),
            })
            .collect(),
        links: cascade
            .links
            .iter()
            .map(|l| LinkRow {
                cause: Fact::name(l.cause),
                effect: Fact::name(l.effect),
                rule: l.rule.clone(),
                lag_ms: l.lag.num_milliseconds(),
                confidence: l.confidence.name().to_owned(),
                because: roles.hide(&l.because).0,
                others: ids(&l.others),
            })
            .collect(),
        spread: cascade.spread.name().to_owned(),
        blast_radius: BlastRadius {
            direct: blast(&cascade.direct),
            collateral: blast(&cascade.collateral),
        },
        ruled_out: cascade
            .ruled_out
            .iter()
            .map(|r| RuledOutRow {
                mechanism: r.mechanism.clone(),
                why: roles.hide(&r.why).0,
                evidence: ids(&r.evidence),
            })
            .collect(),
        contradictions: cascade
            .contradictions
            .iter()
            .map(|c| ContradictionRow {
                what: roles.hide(&c.what).0,
                signals: ids(&c.signals),
                possible_explanations: c.possible_explanations.clone(),
            })
            .collect(),
        recovery: RecoveryRow {
            ended_by: ids(&cascade.recovery),
            at: cascade.recovered_at.and_then(dated),
        },
        signals: ids(&cascade.members),
    }
}
