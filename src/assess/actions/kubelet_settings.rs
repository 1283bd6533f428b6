//! Guard-rail: a kubelet configuration that collects images earlier, warns before it evicts, and pulls one image at a time.
//!
//! Tried on the disk samples: when the soft threshold would have been met. That garbage collection would have freed enough is only claimed where the
//! record shows images that nobody used.

use serde_json::json;

use super::samples::{free_share, is_watched, trial};
use super::yaml;
use crate::assess::disk_budget;
use crate::model::{Backtest, DiskPoint, GuardRail, Incident};

/// Free share at which the soft threshold is met.
const SOFT: f64 = 0.25;

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
    let fires = |points: &[&DiskPoint], at: usize| Some(free_share(points[at]) < SOFT);
    // The kubelet looks at no other file systems than these two.
    let watched = |point: &DiskPoint| {
        is_watched(point)
            && point.node.as_deref().is_some_and(|node| {
                disk_budget::is_of_kubelet(incident, node, &point.sample.mounted_on)
            })
    };
    let trial = trial(incident, watched, fires);
    if !trial.is_tested() {
        return super::untested("no sample of a node's disk is in the record");
    }
    let (said, first) = trial.said(incident, "been met");
    let doubt = if images {
        " Whether collecting unused images would have been enough is not in the record."
    } else {
        ""
    };
    Backtest {
        said: format!("The soft threshold {said}; its grace period is 1 min.{doubt}"),
        first,
        ..Backtest::default()
    }
}
