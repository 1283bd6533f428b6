//! Guard-rail: Prometheus alert rules for disks that fill up, pulls that fail, and pressure that wanders from node to node.
//!
//! The metrics themselves are rarely in an incident's files. Each rule is tried on what stands for its metric: disk samples, failed pulls, node
//! conditions; what stands for nothing is said to be untested.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::samples::{WATCHED, free_share, is_watched, trial};
use super::yaml;
use crate::assess::images;
use crate::model::moment::spoken;
use crate::model::{Backtest, ConditionStatus, DiskPoint, GuardRail, Incident};

/// Window of the prediction, and how far it looks ahead.
const WINDOW: TimeDelta = TimeDelta::seconds(120);
const AHEAD: f64 = 900.0;
/// Above this share nothing is said to fill up: on an empty disk, a burst of writes looks like a trend.
const CALM: f64 = 0.6;
/// Below this share a disk is called almost full.
const ALMOST: f64 = 0.25;

fn rule(name: &str, expression: &str, wait: &str, severity: &str, summary: &str) -> Value {
    json!({
        "alert": name,
        "expr": expression,
        "for": wait,
        "labels": {"severity": severity},
        "annotations": {"summary": summary},
    })
}

pub(super) fn make(incident: &Incident) -> Option<GuardRail> {
    let pulls = incident.facts.iter().any(|f| f.kind == "pull_failed");
    let disk = super::disk_filled(incident);
    if !disk && !pulls {
        return None;
    }
    let mut rules = Vec::new();
    let mut said = Vec::new();
    let mut first: Option<DateTime<Utc>> = None;
    let mut keep = |rule: Value, (words, at): (String, Option<DateTime<Utc>>)| {
        let name = rule["alert"].as_str().unwrap_or_default().to_owned();
        said.push(format!("{name}: {words}"));
        first = [first, at].into_iter().flatten().min();
        rules.push(rule);
    };
    if disk {
        keep(
            rule(
                "NodeDiskFillsUp",
                &format!(
                    "predict_linear(node_filesystem_avail_bytes{{{WATCHED}}}[2m], 900) < 0 and node_filesystem_avail_bytes / node_filesystem_size_bytes < {CALM}"
                ),
                "0m",
                "page",
                "{{ $labels.instance }} {{ $labels.mountpoint }} is full within 15 minutes at the rate of the last two",
            ),
            predicted(incident),
        );
        keep(
            rule(
                "NodeDiskAlmostFull",
                &format!(
                    "node_filesystem_avail_bytes{{{WATCHED}}} / node_filesystem_size_bytes < {ALMOST}"
                ),
                "0m",
                "ticket",
                "{{ $labels.instance }} {{ $labels.mountpoint }} has less than a quarter left",
            ),
            below(incident),
        );
        keep(
            rule(
                "DiskPressureWanders",
                "count(max_over_time(kube_node_status_condition{condition=\"DiskPressure\",status=\"true\"}[30m]) == 1) >= 2",
                "0m",
                "page",
                "A second node came under disk pressure within half an hour: something moves from node to node",
            ),
            second_hop(incident),
        );
    }
    if pulls {
        keep(
            rule(
                "ImagePullFails",
                "sum by (namespace, pod, reason) (kube_pod_container_status_waiting_reason{reason=~\"ErrImagePull|ImagePullBackOff\"}) > 0",
                "1m",
                "ticket",
                "{{ $labels.namespace }}/{{ $labels.pod }} cannot get its image",
            ),
            pull_fails(incident),
        );
    }
    if super::pull_filled_disk(incident) {
        keep(
            rule(
                "ImagePullFailsOnFullDisk",
                "increase(kubelet_runtime_operations_errors_total{operation_type=\"pull_image\"}[5m]) > 0 and on (node) (label_replace(node_filesystem_avail_bytes{mountpoint=\"/\"} / node_filesystem_size_bytes{mountpoint=\"/\"}, \"node\", \"$1\", \"instance\", \"([^:]+)(:.*)?\") < 0.25)",
                "0m",
                "page",
                "Pulls fail on {{ $labels.node }}, whose disk is nearly full",
            ),
            ("not tested: it needs both series at the same time, and a failed pull gives its space back within seconds".to_owned(), None),
        );
    }
    let tested = first.is_some();
    Some(GuardRail {
        id: "alert-rules".to_owned(),
        file: "prometheus/rules.yaml".to_owned(),
        text: yaml(
            &[
                "Needs node_exporter, kube-state-metrics and the kubelet's metrics. Label names differ between set-ups: check instance and node.",
            ],
            &[json!({"groups": [{"name": "image-pulls-and-disks", "rules": rules}]})],
        ),
        class: "detect",
        about: format!(
            "Prometheus alert rules: {}.",
            [
                (
                    disk,
                    "disks that fill up, pressure that goes from node to node"
                ),
                (pulls, "pulls that fail, with their reason"),
            ]
            .iter()
            .filter(|(there, _)| *there)
            .map(|(_, what)| *what)
            .collect::<Vec<_>>()
            .join(", ")
        ),
        done_when: "each rule has fired once in a test and reached the people on call".to_owned(),
        backtest: Backtest {
            said: format!("{}.", said.join(". ")),
            first,
            untested: !tested,
            ..Backtest::default()
        },
    })
}

fn below(incident: &Incident) -> (String, Option<DateTime<Utc>>) {
    let fires = |points: &[&DiskPoint], at: usize| Some(free_share(points[at]) < ALMOST);
    trial(incident, is_watched, fires).said(incident, "fired")
}

/// Least squares over the samples of the last two minutes, as `predict_linear` does.
///
/// # Source
/// Prometheus documentation, `predict_linear`: simple linear regression, at least two samples.
fn predicted(incident: &Incident) -> (String, Option<DateTime<Utc>>) {
    let fires = |points: &[&DiskPoint], at: usize| {
        let last = points[at].at.at;
        let window: Vec<(f64, f64)> = points[..=at]
            .iter()
            .rev()
            .take_while(|p| last - p.at.at <= WINDOW)
            .filter_map(|p| {
                let seconds = (p.at.at - last).num_milliseconds() as f64 / 1000.0;
                Some((seconds, p.sample.bytes?.1 as f64))
            })
            .collect();
        // Prometheus needs two samples; a line through two of them is no trend.
        if window.len() < 4 {
            return None;
        }
        let falls = line_at(&window, AHEAD).is_some_and(|free| free < 0.0);
        Some(falls && free_share(points[at]) < CALM)
    };
    trial(incident, is_watched, fires).said(incident, "fired")
}

/// Value of the fitted line at a time, in seconds from the last sample.
fn line_at(points: &[(f64, f64)], at: f64) -> Option<f64> {
    let n = points.len() as f64;
    let (sx, sy) = points
        .iter()
        .fold((0.0, 0.0), |(a, b), (x, y)| (a + x, b + y));
    let (mx, my) = (sx / n, sy / n);
    let sxx: f64 = points.iter().map(|(x, _)| (x - mx).powi(2)).sum();
    let sxy: f64 = points.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
    (sxx > 0.0).then(|| my + sxy / sxx * (at - mx))
}

fn second_hop(incident: &Incident) -> (String, Option<DateTime<Utc>>) {
    let mut nodes: Vec<(DateTime<Utc>, &str)> = incident
        .conditions
        .iter()
        .filter(|c| c.condition == "DiskPressure" && c.status == ConditionStatus::True)
        .map(|c| (c.from, c.node.as_str()))
        .collect();
    nodes.sort_unstable();
    nodes.dedup_by_key(|n| n.1);
    let mut seen: Vec<(DateTime<Utc>, &str)> = Vec::new();
    for (at, node) in nodes {
        let other = seen
            .iter()
            .any(|(t, n)| *n != node && at - *t <= TimeDelta::minutes(30));
        if other {
            let after = match incident
                .facts
                .iter()
                .find(|f| f.kind == "alert_fired")
                .and_then(|f| f.moment)
            {
                Some(alert) if alert.at > at => format!(
                    ", {} before the first alert of the record",
                    spoken(alert.at - at)
                ),
                _ => String::new(),
            };
            return (
                format!(
                    "would have fired at {}, when {node} followed{after}",
                    images::clock(incident, at)
                ),
                Some(at),
            );
        }
        seen.push((at, node));
    }
    (
        "would not have fired: no second node came under disk pressure within half an hour"
            .to_owned(),
        None,
    )
}

fn pull_fails(incident: &Incident) -> (String, Option<DateTime<Utc>>) {
    let first = incident
        .cascades
        .iter()
        .flat_map(|c| c.members.iter().chain([&c.origin]))
        .map(|id| &incident.facts[*id])
        .filter(|f| matches!(f.kind.as_str(), "pull_failed" | "pull_backoff"))
        .filter_map(|f| Some(f.moment?.at))
        .min();
    match first {
        Some(at) => (
            format!(
                "would have been pending from {}, the first failed pull, and firing a minute later if the pod still waited then",
                images::clock(incident, at)
            ),
            Some(at + TimeDelta::minutes(1)),
        ),
        None => (
            "not tested: no failed pull with a time belongs to a cascade".to_owned(),
            None,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::line_at;

    #[test]
    fn a_line_is_fitted_as_prometheus_does() {
        let falling = [(-30.0, 130.0), (-20.0, 120.0), (-10.0, 110.0), (0.0, 100.0)];
        assert_eq!(line_at(&falling, 100.0), Some(0.0));
        assert_eq!(line_at(&[(0.0, 1.0)], 10.0), None);
    }
}
