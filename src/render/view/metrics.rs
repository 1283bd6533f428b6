//! Metrics: names, values with their units, and how each is known.

use super::{Cite, Maker, capital};
use crate::model::moment::spoken;

/// A metric.
#[derive(Debug, Clone)]
pub struct MetricView {
    /// Name in words.
    pub name: &'static str,
    /// Value with its unit, or "unknown".
    pub value: String,
    /// `observed`, `derived` or `unknown`.
    pub status: String,
    /// What past incidents of the same mechanism had; empty if none tells.
    pub baseline: String,
    /// Definition.
    pub definition: String,
    /// Citations.
    pub cites: Vec<Cite>,
}

impl Maker<'_> {
    pub(super) fn metrics(&self) -> Vec<MetricView> {
        const NAMES: &[(&str, &str)] = &[
            ("triggered_at", "Triggered"),
            ("impact_started_at", "First fault"),
            ("detected_at", "Detected"),
            ("acknowledged_at", "Acknowledged"),
            ("mitigated_at", "Mitigation began"),
            ("resolved_at", "Resolved"),
            ("ttd_s", "Time to detect"),
            ("ttm_s", "Time to mitigate"),
            ("ttr_s", "Time to resolve"),
            ("node_minutes_disk_pressure", "Node-minutes of DiskPressure"),
            ("node_minutes_not_ready", "Node-minutes not Ready"),
            ("hop_period_s", "Time between hops (median)"),
        ];
        NAMES
            .iter()
            .filter_map(|(id, name)| {
                let metric = self.report.metrics.get(*id)?;
                let baseline = metric.baseline.as_ref().map(|b| {
                    let median = spoken_number(id, b.median);
                    match b.incidents {
                        1 => format!("{median} in the one past incident of its kind"),
                        n => format!("{median}, median of {n} past incidents of its kind"),
                    }
                });
                let value = match &metric.value {
                    serde_json::Value::String(at) => format!("{} UTC", self.clock.show(at)),
                    serde_json::Value::Number(n) => {
                        spoken_number(id, n.as_f64().unwrap_or_default())
                    }
                    _ => "unknown".to_owned(),
                };
                Some(MetricView {
                    name,
                    value,
                    baseline: baseline.unwrap_or_default(),
                    status: metric.status.clone(),
                    definition: capital(&metric.definition),
                    cites: metric
                        .evidence
                        .iter()
                        .take(3)
                        .map(|e| self.cite(e))
                        .collect(),
                })
            })
            .collect()
    }
}

/// Returns a metric's number with its unit, which its id names.
fn spoken_number(id: &str, number: f64) -> String {
    if id.ends_with("_s") {
        spoken(chrono::TimeDelta::milliseconds((number * 1000.0) as i64))
    } else {
        format!("{number:.1} min")
    }
}

/// What stands below the metrics about their baseline.
pub(super) fn about_baseline(metrics: &[MetricView], fleet: bool) -> &'static str {
    if metrics.iter().any(|m| !m.baseline.is_empty()) {
        "Baseline: past incidents of the same mechanism, in the fleet that was given."
    } else if fleet {
        "Baseline: none. No past incident of the fleet that was given has the same mechanism and tells these."
    } else {
        "Baseline: none. A comparison needs past incidents, and none were given (--fleet)."
    }
}
