//! Eviction thresholds that do not fit the disk: compared with the size that the node's object tells.
//!
//! Takes facts, the roster and the settings; gives the crossed threshold, or the eviction, the cause `threshold_misconfigured` where the threshold was a large
//! part of the disk: the kubelet called the disk short while much of it was free. Without a size nothing is concluded.
//!
//! # Source
//! Kubelet eviction messages since 1.26: `Threshold quantity: N, available: M`. Defaults are 10 % (nodefs) and 15 % (imagefs).

use chrono::TimeDelta;

use super::Roster;
use super::roster::quantity;
use super::settings::Settings;
use crate::model::Fact;

/// Twice the larger default: what lies above was set by somebody, and keeps more free than any pull needs.
const UNFIT: f64 = 0.30;
/// A threshold and the evictions that it led to: one pod a round, images are deleted first.
const ONE_SHORTAGE: TimeDelta = TimeDelta::minutes(5);

/// Marks the facts.
pub(super) fn unfit(facts: &mut [Fact], roster: &Roster, settings: &Settings) {
    let mut marked: Vec<usize> = Vec::new();
    for (index, fact) in facts.iter().enumerate() {
        let Some(node) = fact.entity("node") else {
            continue;
        };
        let told = settings.threshold(node, roster.node_disk.get(node).copied());
        if fact.kind == "eviction_threshold_met"
            && fact.entity("resource") == Some("ephemeral-storage")
            && told.is_some_and(|share| share >= UNFIT)
        {
            marked.push(index);
        }
    }
    for (index, fact) in facts
        .iter()
        .enumerate()
        .filter(|(_, f)| f.kind == "evicted")
    {
        let (Some(node), Some(moment)) = (fact.entity("node"), fact.moment) else {
            continue;
        };
        let about_disk = fact
            .entity("resource")
            .is_some_and(|r| matches!(r, "ephemeral-storage" | "nodefs" | "imagefs"));
        let share = fact
            .evidence
            .iter()
            .find_map(|e| threshold_in(&e.text))
            .zip(roster.node_disk.get(node).filter(|disk| **disk > 0.0))
            .map(|(threshold, disk)| threshold / disk);
        if !about_disk || share.is_none_or(|share| share < UNFIT) {
            continue;
        }
        marked.push(index);
        let same = |other: &Fact| {
            other.kind == "eviction_threshold_met"
                && other.entity("node") == Some(node)
                && other.entity("resource") == fact.entity("resource")
                && other
                    .moment
                    .is_some_and(|m| m.at <= moment.latest() && moment.at - m.at <= ONE_SHORTAGE)
        };
        marked.extend((0..facts.len()).filter(|other| same(&facts[*other])));
    }
    for index in marked {
        facts[index].cause = Some("threshold_misconfigured".to_owned());
    }
}

/// Returns the threshold that an eviction message names, in bytes.
pub(super) fn threshold_in(text: &str) -> Option<f64> {
    let (_, rest) = text.split_once("Threshold quantity: ")?;
    quantity(rest.split([',', ' ']).next()?)
}

#[cfg(test)]
mod tests {
    use super::threshold_in;

    #[test]
    fn the_message_tells_the_threshold() {
        let message = "The node was low on resource: ephemeral-storage. Threshold quantity: 60Gi, available: 55012Mi. ";
        assert_eq!(threshold_in(message), Some(60.0 * 1024.0 * 1024.0 * 1024.0));
        assert_eq!(threshold_in("The node was low on resource: inodes. "), None);
    }
}
