//! Publishing: an incident becomes the published report, row by row.
//!
//! Takes what the stages found and the roles that stand for people; gives [`Report`]. Decides nothing and words nothing that the stages
//! have not said. Secrets still stand in it, until `redact` has seen it. Start with [`report`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::human::Human;
use super::remedy;
use super::roles::Roles;
use super::v1::*;
use crate::model::moment::NO_YEAR;
use crate::model::{Basis, DiskPoint, Fact, FactId, Incident, When};

pub(super) fn ids(facts: &[FactId]) -> Vec<String> {
    facts.iter().map(|id| Fact::name(*id)).collect()
}

/// Returns a time as [`stamp`] does; nothing where its year is not known.
fn dated(at: DateTime<Utc>) -> Option<String> {
    (chrono::Datelike::year(&at) > NO_YEAR + 1).then(|| stamp(at))
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
                        baseline: None,
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
            outside: incident.ledger.outside,
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
