//! Impact: what was hit directly, what followed, and what could still have been reached, with counts and shares.

use std::collections::BTreeSet;

use super::{Maker, Pair};

/// One kind of thing over the rings of the blast radius.
#[derive(Debug, Clone)]
pub struct Reach {
    /// `nodes`, `workloads` or `pods`.
    pub kind: &'static str,
    /// Hit by the fault itself.
    pub direct: Vec<String>,
    /// Hit by what followed from it.
    pub collateral: Vec<String>,
    /// Named in the record, and not hit.
    pub untouched: usize,
    /// All that the record names.
    pub known: usize,
    /// The share that was hit, in words; empty if nothing is known.
    pub share: String,
    /// The shares of direct and collateral in percent, for the bar.
    pub percent: [u32; 2],
}

/// The impact.
#[derive(Debug, Clone)]
pub struct ImpactView {
    /// Nodes, workloads, pods.
    pub reach: Vec<Reach>,
    /// What could still have been reached, in words.
    pub potential: String,
    /// What customers noticed, in words of people.
    pub customers: String,
    /// Abnormal conditions in words.
    pub conditions: Vec<Pair>,
}

impl Maker<'_> {
    pub(super) fn impact(&self) -> ImpactView {
        let rings = |pick: fn(&crate::wire::v1::BlastRow) -> &Vec<String>| {
            let mut direct: BTreeSet<String> = BTreeSet::new();
            let mut collateral: BTreeSet<String> = BTreeSet::new();
            for cascade in &self.report.cascades {
                direct.extend(pick(&cascade.blast_radius.direct).iter().cloned());
                collateral.extend(pick(&cascade.blast_radius.collateral).iter().cloned());
            }
            collateral.retain(|name| !direct.contains(name));
            (direct, collateral)
        };
        let entity = |kind: &str| -> BTreeSet<String> {
            self.report
                .signals
                .iter()
                .filter_map(|s| {
                    let name = s.entities.get(kind)?;
                    if kind != "pod" {
                        return Some(name.clone());
                    }
                    Some(match s.entities.get("namespace") {
                        Some(namespace) => format!("{namespace}/{name}"),
                        None => name.clone(),
                    })
                })
                .collect()
        };
        let mut nodes = entity("node");
        nodes.extend(self.report.conditions.iter().map(|c| c.node.clone()));
        let reach: Vec<Reach> = [
            ("nodes", rings(|b| &b.nodes), nodes),
            ("workloads", rings(|b| &b.workloads), entity("workload")),
            ("pods", rings(|b| &b.pods), entity("pod")),
        ]
        .into_iter()
        .map(|(kind, (direct, collateral), mut known)| {
            known.extend(direct.iter().cloned());
            known.extend(collateral.iter().cloned());
            let hit = direct.len() + collateral.len();
            let percent = |part: usize| match known.len() {
                0 => 0,
                all => (part as f64 * 100.0 / all as f64).round() as u32,
            };
            Reach {
                kind,
                untouched: known.len() - hit,
                share: if known.is_empty() {
                    String::new()
                } else {
                    format!(
                        "{hit} of {} that the record names, {} %",
                        known.len(),
                        percent(hit)
                    )
                },
                percent: [percent(direct.len()), percent(collateral.len())],
                known: known.len(),
                direct: direct.into_iter().collect(),
                collateral: collateral.into_iter().collect(),
            }
        })
        .collect();
        let domino = self.report.cascades.iter().any(|c| c.spread == "domino");
        let untouched = reach[0].untouched;
        let potential = if self.report.cascades.is_empty() {
            String::new()
        } else if domino && untouched > 0 {
            format!(
                "The cascade went from node to node until it was ended: {untouched} more {} that the record names could have been next.",
                if untouched == 1 { "node" } else { "nodes" }
            )
        } else if domino {
            "The cascade went from node to node and had reached every node that the record names."
                .to_owned()
        } else {
            "Nothing in the record shows that it would have gone further by itself.".to_owned()
        };
        ImpactView {
            reach,
            potential,
            customers: self.report.human.impact.customers.clone(),
            conditions: self.conditions(),
        }
    }
}
