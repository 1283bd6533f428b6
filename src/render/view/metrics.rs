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
                let value = match &metric.value {
                    serde_json::Value::String(at) => format!("{} UTC", self.clock.show(at)),
                    serde_json::Value::Number(n) if id.ends_with("_s") => {
                        spoken(chrono::TimeDelta::milliseconds(
                            (n.as_f64().unwrap_or_default() * 1000.0) as i64,
                        ))
                    }
                    serde_json::Value::Number(n) => {
                        format!("{:.1} min", n.as_f64().unwrap_or_default())
                    }
                    _ => "unknown".to_owned(),
                };
                Some(MetricView {
                    name,
                    value,
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
