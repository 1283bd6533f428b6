//! Question `node_pools`: which groups of nodes, week by week.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike};
use polars::prelude::{DataFrame, PolarsResult, df};

use super::{Frames, Question};
use crate::batch::columns::{INCIDENT, NODE};
use crate::batch::frames::{texts, times};

pub(super) const QUESTION: Question = Question {
    id: "node_pools",
    title: "Which node pools, and when?",
    about: "One row a group of nodes and ISO week, over hops. A group is what is left of a node's name without the part that names the single node: read off names, not told by anybody.",
    ask,
};

/// Returns a node's name without the part that only it has: trailing digits, an address, or a random suffix of four or five characters.
fn pool(node: &str) -> String {
    let host = node.split('.').next().unwrap_or(node);
    let domain = node.get(host.len()..).unwrap_or_default();
    // `ip-172-31-9-14`: the last octets are the node's.
    if let Some(rest) = host.strip_prefix("ip-")
        && rest.split('-').count() == 4
        && rest.split('-').all(|octet| octet.parse::<u8>().is_ok())
    {
        return format!("ip-*{domain}");
    }
    let named = |part: &str| format!("{part}*{domain}");
    if let Some((head, tail)) = host.rsplit_once("-vmss") {
        return if tail.is_empty() {
            format!("{host}{domain}")
        } else {
            named(&format!("{head}-vmss"))
        };
    }
    if let Some((head, tail)) = host.rsplit_once('-')
        && (4..=5).contains(&tail.len())
        && tail
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && tail.chars().any(|c| c.is_ascii_digit())
    {
        return named(&format!("{head}-"));
    }
    let head = host.trim_end_matches(|c: char| c.is_ascii_digit());
    if head.is_empty() || head.len() == host.len() {
        format!("{host}{domain}")
    } else {
        named(head)
    }
}

/// | column | type | unit | null |
/// |---|---|---|---|
/// | pool | text | | no |
/// | week | text | YYYY-Www | no |
/// | incidents | int | | no |
/// | hops | int | | no |
fn ask(frames: &Frames) -> PolarsResult<DataFrame> {
    let hops = &frames.hops;
    let mut groups: BTreeMap<(String, String), (BTreeSet<String>, u32)> = BTreeMap::new();
    for ((incident, node), from) in texts(hops, INCIDENT)?
        .into_iter()
        .zip(texts(hops, NODE)?)
        .zip(times(hops, "from")?)
    {
        let Some(node) = node else { continue };
        let week = from.and_then(DateTime::from_timestamp_micros).map_or_else(
            || "undated".to_owned(),
            |at| {
                let week = at.iso_week();
                format!("{}-W{:02}", week.year(), week.week())
            },
        );
        let group = groups.entry((pool(&node), week)).or_default();
        group.0.insert(incident.unwrap_or_default());
        group.1 += 1;
    }
    df![
        "pool" => groups.keys().map(|k| k.0.as_str()).collect::<Vec<_>>(),
        "week" => groups.keys().map(|k| k.1.as_str()).collect::<Vec<_>>(),
        "incidents" => groups.values().map(|g| g.0.len() as u32).collect::<Vec<_>>(),
        "hops" => groups.values().map(|g| g.1).collect::<Vec<_>>(),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_single_nodes_part_is_taken_off() {
        for (node, pool) in [
            ("ip-172-31-9-14.ec2.internal", "ip-*.ec2.internal"),
            ("gke-main-pool-1a2b-x7k3", "gke-main-pool-1a2b-*"),
            (
                "aks-nodepool1-30001234-vmss00000a",
                "aks-nodepool1-30001234-vmss*",
            ),
            ("worker-07", "worker-*"),
            ("node017.dc2.example.org", "node*.dc2.example.org"),
            ("master", "master"),
            ("edge-berlin", "edge-berlin"),
            ("10", "10"),
        ] {
            assert_eq!(super::pool(node), pool, "{node}");
        }
    }

    #[test]
    fn a_week_counts_incidents_and_hops() {
        super::super::case::check(
            &super::QUESTION,
            "hops incident.id=a k8s.node.name=worker-1 from=2024-05-22
             hops incident.id=a k8s.node.name=worker-2 from=2024-05-22
             hops incident.id=b k8s.node.name=worker-1 from=2024-12-30",
            &["worker-* | 2024-W21 | 1 | 2", "worker-* | 2025-W01 | 1 | 1"],
        );
    }
}
