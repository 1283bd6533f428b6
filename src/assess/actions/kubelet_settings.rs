//! Guard-rail: a kubelet configuration that collects images earlier, warns before it evicts, and pulls one image at a time.
//!
//! Tried on the disk samples: when the soft threshold would have been met. That garbage collection would have freed enough is only claimed where the
//! record shows images that nobody used.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::yaml;
use crate::model::moment::spoken;
use crate::model::{Backtest, GuardRail, Incident};

/// Free share at which the soft threshold is met.
const SOFT: f64 = 25.0;

pub(super) fn make(incident: &Incident) -> Option<GuardRail> {
    if !super::disk_filled(incident) {
        return None;
    }
    let images = super::pull_filled_disk(incident);
    let mut object = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        // All of them: naming one drops the defaults of the others.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "10%",
            "nodefs.inodesFree": "5%",
            "imagefs.available": "15%",
            "imagefs.inodesFree": "5%",
        },
        "evictionSoft": {"imagefs.available": "25%", "nodefs.available": "20%"},
        "evictionSoftGracePeriod": {"imagefs.available": "1m", "nodefs.available": "1m"},
        "evictionMinimumReclaim": {"imagefs.available": "2Gi", "nodefs.available": "1Gi"},
    });
    if images && let Some(settings) = object.as_object_mut() {
        // Images had no part in a disk that a workload filled; there these would change nothing.
        settings.insert("imageGCHighThresholdPercent".to_owned(), json!(70));
        settings.insert("imageGCLowThresholdPercent".to_owned(), json!(60));
        settings.insert("serializeImagePulls".to_owned(), json!(true));
    }
    Some(GuardRail {
        id: "kubelet-settings".to_owned(),
        file: "kubelet/config-fragment.yaml".to_owned(),
        text: yaml(
            &[
                "A fragment: merge it into the configuration that the nodes have.",
                if images {
                    "It does not make an image fit that is larger than what is free."
                } else {
                    "It does not bound what a pod may write: that is what limits for ephemeral storage are for."
                },
            ],
            &[object],
        ),
        class: "mitigate",
        about: if images {
            "Kubelet configuration: images are collected from 70 % on, eviction is announced at 25 % free, images are pulled one at a time."
        } else {
            "Kubelet configuration: eviction is announced at 25 % free and waits a minute, so that a pod can be moved before the hard threshold."
        }
        .to_owned(),
        done_when: if images {
            "filling a test node to 75 % frees unused images and evicts nothing"
        } else {
            "filling a test node to 77 % evicts the pod that wrote most, a minute later"
        }
        .to_owned(),
        backtest: backtest(incident, images),
    })
}

fn backtest(incident: &Incident, images: bool) -> Backtest {
    let Some((node, at)) = first_below(incident, SOFT) else {
        return super::untested("no sample of a node's disk during the incident is in the record");
    };
    let doubt = if images {
        " Whether collecting unused images would have been enough is not in the record."
    } else {
        ""
    };
    let evicted = first_of(
        incident,
        &["evicted", "disk_pressure_on", "eviction_threshold_met"],
        &node,
        at,
    );
    let said = match evicted {
        Some(evicted) => format!(
            "On {node} the soft threshold would have been met at {}, {} before the first eviction or pressure; its grace period is 1 min.{doubt}",
            at.format("%H:%M:%S"),
            spoken(evicted - at)
        ),
        None => format!(
            "On {node} the soft threshold would have been met at {}; no eviction followed there.",
            at.format("%H:%M:%S")
        ),
    };
    Backtest {
        said,
        first: Some(at),
        ..Backtest::default()
    }
}

/// The first sample of a cascade's node with less than a share free, after the change that began it.
pub(super) fn first_below(
    incident: &Incident,
    percent_free: f64,
) -> Option<(String, DateTime<Utc>)> {
    let cascade = incident.cascades.first()?;
    let begin = crate::assess::images::begin(incident, cascade)?;
    incident
        .disks
        .iter()
        .filter(|d| {
            d.at.at >= begin && !d.sample.inodes && 100.0 - d.sample.used_percent < percent_free
        })
        .filter(|d| {
            cascade
                .hops
                .iter()
                .any(|h| h.node == d.node && d.node.is_some())
        })
        .map(|d| (d.node.clone().unwrap_or_default(), d.at.at))
        .min_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)))
}

/// The first fact of some kinds on a node, from a time on.
pub(super) fn first_of(
    incident: &Incident,
    kinds: &[&str],
    node: &str,
    from: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    incident
        .facts
        .iter()
        .filter(|f| kinds.contains(&f.kind.as_str()) && f.entity("node") == Some(node))
        .filter_map(|f| Some(f.moment?.at))
        .filter(|at| *at >= from)
        .min()
}
