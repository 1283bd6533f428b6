//! Metrics: when it began, was noticed and ended, and how much it cost in node-minutes. Each with its definition and how it is known.

use chrono::{DateTime, Utc};

use crate::model::{ConditionStatus, FactId, Incident, Metric, MetricStatus};

fn fact_time(incident: &Incident, id: FactId) -> Option<DateTime<Utc>> {
    incident.facts[id].moment.map(|m| m.at)
}

/// The middle of sorted numbers; between the two in the middle where their count is even.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len().is_multiple_of(2) {
        (sorted[sorted.len() / 2 - 1] + upper) / 2.0
    } else {
        upper
    })
}

/// Computes the metrics of the gravest cascade; all are unknown where there is none.
pub fn metrics(incident: &Incident) -> Vec<Metric> {
    let cascade = incident.cascades.first();
    let observed = |id: &'static str, fact: Option<FactId>, definition: &'static str| {
        let at = fact.and_then(|f| fact_time(incident, f));
        Metric {
            id,
            at,
            number: None,
            status: if at.is_some() {
                MetricStatus::Observed
            } else {
                MetricStatus::Unknown
            },
            evidence: fact.into_iter().filter(|_| at.is_some()).collect(),
            definition,
        }
    };
    let first_fault = cascade.map(|c| {
        c.hops
            .iter()
            .flat_map(|h| h.signals.iter().copied())
            .chain([c.origin])
            .min_by_key(|id| (fact_time(incident, *id), *id))
            .unwrap_or(c.origin)
    });
    let begin = first_fault.and_then(|f| fact_time(incident, f));
    // A signal of detection counts from the first change on: an alert of before is about something else.
    let after = |kinds: &[&str]| {
        let from = cascade
            .and_then(|c| c.trigger)
            .and_then(|t| fact_time(incident, t))
            .or(begin)?;
        incident.facts.iter().position(|f| {
            kinds.contains(&f.kind.as_str()) && f.moment.is_some_and(|m| m.at >= from)
        })
    };
    let detected = cascade.and_then(|_| after(&["alert_fired"]));
    let acknowledged = cascade.and_then(|_| after(&["alert_acknowledged"]));
    let mitigated = cascade.and_then(|c| {
        c.recovery.iter().copied().find(|id| {
            matches!(
                incident.facts[*id].kind.as_str(),
                "rollback" | "remediation"
            )
        })
    });
    let triggered = observed(
        "triggered_at",
        cascade.and_then(|c| c.trigger),
        "time of the change that began it: the last deploy, or the last push, that the first fault leads back to",
    );
    let impact = observed(
        "impact_started_at",
        first_fault,
        "time of the first fault: the first failed pull, crossed threshold or abnormal node condition of the cascade",
    );
    let detection = observed(
        "detected_at",
        detected,
        "time of the first alert or page after the trigger",
    );
    let acknowledgement = observed(
        "acknowledged_at",
        acknowledged,
        "time of the first acknowledgement of an alert after the trigger",
    );
    let mitigation = observed(
        "mitigated_at",
        mitigated,
        "time of the first roll-back or clean-up after the first fault",
    );
    let resolved_at = cascade.and_then(|c| c.recovered_at);
    let resolution = Metric {
        id: "resolved_at",
        at: resolved_at,
        number: None,
        status: if resolved_at.is_some() {
            MetricStatus::Derived
        } else {
            MetricStatus::Unknown
        },
        evidence: cascade
            .filter(|_| resolved_at.is_some())
            .map(|c| c.recovery.clone())
            .unwrap_or_default(),
        definition: "time at which the last abnormal condition of the cascade's nodes ended, or, where there was none, at which a roll-out of the workload was done; unknown while neither is in the record",
    };
    let between = |id: &'static str, from: &Metric, to: &Metric, definition: &'static str| {
        let number = from
            .at
            .zip(to.at)
            .map(|(a, b)| (b - a).num_milliseconds() as f64 / 1000.0)
            .filter(|n| *n >= 0.0);
        let evidence = if number.is_some() {
            from.evidence.iter().chain(&to.evidence).copied().collect()
        } else {
            Vec::new()
        };
        Metric {
            id,
            at: None,
            number,
            status: if number.is_some() {
                MetricStatus::Derived
            } else {
                MetricStatus::Unknown
            },
            evidence,
            definition,
        }
    };
    let ttd = between(
        "ttd_s",
        &impact,
        &detection,
        "time to detect: seconds from the first fault (impact_started_at) to the first alert (detected_at)",
    );
    let ttm = between(
        "ttm_s",
        &impact,
        &mitigation,
        "time to mitigate: seconds from the first fault to the first roll-back or clean-up",
    );
    let ttr = between(
        "ttr_s",
        &impact,
        &resolution,
        "time to resolve: seconds from the first fault to the end of the last abnormal condition, or to the roll-out that was done",
    );
    let minutes = |id: &'static str,
                   wanted: &dyn Fn(&crate::model::Condition) -> bool,
                   definition: &'static str| {
        let own: Vec<_> = incident.conditions.iter().filter(|c| wanted(c)).collect();
        let closed: Vec<f64> = own
            .iter()
            .filter_map(|c| {
                c.to.map(|to| (to - c.from).num_milliseconds() as f64 / 60_000.0)
            })
            .collect();
        let number = if closed.is_empty() {
            None
        } else {
            Some((closed.iter().sum::<f64>() * 100.0).round() / 100.0)
        };
        let evidence = own
            .iter()
            .filter(|_| number.is_some())
            .flat_map(|c| c.evidence.first().copied())
            .collect();
        Metric {
            id,
            at: None,
            number,
            status: if number.is_some() {
                MetricStatus::Derived
            } else {
                MetricStatus::Unknown
            },
            evidence,
            definition,
        }
    };
    let pressure = minutes(
        "node_minutes_disk_pressure",
        &|c| c.condition == "DiskPressure" && c.status == ConditionStatus::True,
        "sum over nodes of the minutes with DiskPressure True; an interval without a known end counts nothing, so this is a lower bound",
    );
    let not_ready = minutes(
        "node_minutes_not_ready",
        &|c| c.condition == "Ready",
        "sum over nodes of the minutes with Ready False or Unknown; an interval without a known end counts nothing",
    );
    let starts: Vec<DateTime<Utc>> = cascade
        .filter(|c| c.spread == crate::model::Spread::Domino)
        .map(|c| c.hops.iter().map(|h| h.from).collect())
        .unwrap_or_default();
    let mut periods: Vec<f64> = starts
        .windows(2)
        .map(|w| (w[1] - w[0]).num_milliseconds() as f64 / 1000.0)
        .collect();
    periods.sort_by(f64::total_cmp);
    let period = median(&periods);
    let hop_period = Metric {
        id: "hop_period_s",
        at: None,
        number: period,
        status: if period.is_some() {
            MetricStatus::Derived
        } else {
            MetricStatus::Unknown
        },
        evidence: cascade
            .filter(|_| period.is_some())
            .map(|c| {
                c.hops
                    .iter()
                    .filter_map(|h| h.signals.first().copied())
                    .collect()
            })
            .unwrap_or_default(),
        definition: "median of the seconds between the first faults of successive hops",
    };
    vec![
        triggered,
        impact,
        detection,
        acknowledgement,
        mitigation,
        resolution,
        ttd,
        ttm,
        ttr,
        pressure,
        not_ready,
        hop_period,
    ]
}
