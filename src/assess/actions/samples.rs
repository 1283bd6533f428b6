//! Trials of rules on the disk samples of a record: when each node's samples would have made a rule fire, and whether a fault of that disk followed.
//!
//! Takes the samples of all nodes from the first on, those before the incident and of nodes that it spared too: a rule that also fires where nothing
//! follows is a worse rule. Only file systems that such rules watch are looked at.

use chrono::{DateTime, TimeDelta, Utc};

use crate::assess::images;
use crate::model::moment::spoken;
use crate::model::{DiskPoint, Incident};

/// A fault that comes later than this after a rule fired was not foretold by it.
pub(super) const FORETOLD: TimeDelta = TimeDelta::minutes(15);

/// File systems that no disk fills, as `df` names them and as node_exporter does.
const NOT_DISKS: &[&str] = &[
    "tmpfs", "devtmpfs", "udev", "overlay", "shm", "none", "squashfs", "iso9660", "ramfs",
];

/// The same for PromQL; what is mounted there holds neither pods nor images.
pub(super) const WATCHED: &str = "fstype!~\"tmpfs|devtmpfs|overlay|squashfs|iso9660|ramfs\",mountpoint!~\"/(boot|snap|run)(/.*)?\"";

/// Returns whether a sample is of a file system that [`WATCHED`] selects.
pub(super) fn is_watched(point: &DiskPoint) -> bool {
    let mount = point.sample.mounted_on.as_str();
    let below = |top: &str| {
        mount
            .strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    !point.sample.inodes
        && !NOT_DISKS.contains(&point.sample.filesystem.as_str())
        && !["/boot", "/snap", "/run"].iter().any(|top| below(top))
}

/// Share of a file system that is free, from 0 to 1.
pub(super) fn free_share(point: &DiskPoint) -> f64 {
    match point.sample.bytes {
        Some((whole, free)) if whole > 0 => free as f64 / whole as f64,
        _ => 1.0 - point.sample.used_percent / 100.0,
    }
}

/// A rule that began to fire on a node.
struct Fired {
    at: DateTime<Utc>,
    node: String,
    /// The fault of the node's disk that it stands beside: the next within [`FORETOLD`], or else the last.
    fault: Option<DateTime<Utc>>,
}

/// What a trial found: none of it where [`Trial::is_tested`] says no.
pub(super) struct Trial {
    fired: Vec<Fired>,
    /// There were samples that the rule could be tried on.
    tested: bool,
}

/// Tries a rule on every watched file system. `fires` gets its samples and the index of the current one; `None` is too few samples to tell.
pub(super) fn trial(
    incident: &Incident,
    watched: impl Fn(&DiskPoint) -> bool,
    fires: impl Fn(&[&DiskPoint], usize) -> Option<bool>,
) -> Trial {
    let mut series: std::collections::BTreeMap<(&str, &str), Vec<&DiskPoint>> =
        std::collections::BTreeMap::new();
    for point in incident.disks.iter().filter(|d| watched(d)) {
        if let Some(node) = point.node.as_deref() {
            let mount = point.sample.mounted_on.as_str();
            series.entry((node, mount)).or_default().push(point);
        }
    }
    let mut trial = Trial {
        fired: Vec::new(),
        tested: false,
    };
    for ((node, _), points) in series {
        let faults = faults(incident, node);
        let mut firing = false;
        for (index, point) in points.iter().enumerate() {
            let Some(now) = fires(&points, index) else {
                continue;
            };
            trial.tested = true;
            let at = point.at.at;
            let begins = now && !firing;
            firing = now;
            // Two mounts of one disk fire together.
            if begins && !trial.fired.iter().any(|f| f.node == node && f.at == at) {
                let next = faults.iter().find(|f| **f >= at && **f - at <= FORETOLD);
                let last = faults
                    .iter()
                    .rev()
                    .find(|f| **f < at && at - **f <= FORETOLD);
                trial.fired.push(Fired {
                    at,
                    node: node.to_owned(),
                    fault: last.or(next).copied(),
                });
            }
        }
    }
    trial
        .fired
        .sort_by(|a, b| (a.at, &a.node).cmp(&(b.at, &b.node)));
    trial
}

/// When a node's disk was too full for something, in time order.
fn faults(incident: &Incident, node: &str) -> Vec<DateTime<Utc>> {
    const KINDS: &[&str] = &[
        "evicted",
        "disk_pressure_on",
        "eviction_threshold_met",
        "no_space",
    ];
    let facts = incident.facts.iter().filter(|f| {
        f.entity("node") == Some(node)
            && (KINDS.contains(&f.kind.as_str())
                || f.kind == "pull_failed" && f.cause.as_deref() == Some("no_space"))
    });
    let mut found: Vec<_> = facts.filter_map(|f| Some(f.moment?.at)).collect();
    found.sort_unstable();
    found
}

impl Trial {
    /// Returns whether there were samples that the rule could be tried on.
    pub(super) fn is_tested(&self) -> bool {
        self.tested
    }

    /// Returns what happened in words, and when the rule would have fired first before a fault or beside one; `would` is `fired` or `been met`.
    pub(super) fn said(&self, incident: &Incident, would: &str) -> (String, Option<DateTime<Utc>>) {
        if !self.tested {
            return (
                "not tested: no samples of a node's disk, or too few, are in the record".to_owned(),
                None,
            );
        }
        let early = self
            .fired
            .iter()
            .find(|f| f.fault.is_some_and(|t| t >= f.at));
        let beside = early.or_else(|| self.fired.iter().find(|f| f.fault.is_some()));
        let idle: Vec<&Fired> = self.fired.iter().filter(|f| f.fault.is_none()).collect();
        let clock = |at| images::clock(incident, at);
        let mut said = Vec::new();
        match beside.and_then(|f| Some((f, f.fault?))) {
            Some((fired, fault)) if fault >= fired.at => said.push(format!(
                "would have {would} at {} on {}, {} before the first fault of its disk",
                clock(fired.at),
                fired.node,
                spoken(fault - fired.at)
            )),
            Some((fired, fault)) => said.push(format!(
                "would have {would} at {} on {}, {} after a fault of its disk: too late there",
                clock(fired.at),
                fired.node,
                spoken(fired.at - fault)
            )),
            None if idle.is_empty() => {
                said.push(format!(
                    "would not have {would} on the samples of the record"
                ));
            }
            None => {}
        }
        if let Some(first) = idle.first() {
            said.push(format!(
                "{}would have {would} {} where no fault followed within {}, {} at {} on {}",
                if said.is_empty() { "" } else { "it also " },
                match idle.len() {
                    1 => "once".to_owned(),
                    n => format!("{n} times"),
                },
                spoken(FORETOLD),
                if idle.len() == 1 {
                    "namely"
                } else {
                    "the first"
                },
                clock(first.at),
                first.node
            ));
        }
        (said.join("; "), beside.map(|f| f.at))
    }
}
