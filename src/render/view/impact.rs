//! Impact: what was hit directly, what followed, and what could still have been reached, with counts and shares.

use std::collections::BTreeSet;

use super::{Maker, Pair};
use crate::model::artefact::spoken_bytes;
use crate::wire::remedy::BudgetRow;

/// Nodes that are named one by one.
const NAMED: usize = 5;

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
        let next = next_victims(&self.report.disk_budgets);
        let potential = [potential, next]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        ImpactView {
            reach,
            potential,
            customers: self.report.human.impact.customers.clone(),
            conditions: self.conditions(),
        }
    }
}

/// Says of the nodes that were not hit where the image would not have fitted either: the one with the least room first.
fn next_victims(budgets: &[BudgetRow]) -> String {
    let spared: Vec<&BudgetRow> = budgets.iter().filter(|b| !b.hit).collect();
    if spared.iter().all(|b| b.fits == "unknown") {
        return String::new();
    }
    let room = |b: &BudgetRow| {
        b.available
            .as_ref()
            .or(b.capacity.as_ref())
            .map(|a| a.bytes)
    };
    let named = |fits: &str| {
        let mut some: Vec<&&BudgetRow> = spared.iter().filter(|b| b.fits == fits).collect();
        some.sort_by(|a, b| (room(a), &a.node).cmp(&(room(b), &b.node)));
        let shown: Vec<String> = some
            .iter()
            .take(NAMED)
            .map(|b| match (&b.available, &b.capacity) {
                (Some(free), _) => format!("{} ({} free)", b.node, spoken_bytes(free.bytes)),
                (None, Some(all)) => format!("{} ({} in all)", b.node, spoken_bytes(all.bytes)),
                (None, None) => b.node.clone(),
            })
            .collect();
        let more = some.len() - shown.len();
        let more = match more {
            0 => String::new(),
            _ => format!(" and {more} more"),
        };
        (some.len(), format!("{}{more}", shown.join(", ")))
    };
    let mut said = Vec::new();
    let (count, names) = named("no");
    if count > 0 {
        said.push(format!("The image would not fit on {names} either."));
    }
    let (count, names) = named("only without the compressed copy");
    if count > 0 {
        said.push(format!(
            "On {names} it would fit only if the compressed copy does not stay."
        ));
    }
    let (count, names) = named("yes");
    if count > 0 {
        said.push(format!("It would fit on {names}."));
    }
    let unknown = spared.iter().filter(|b| b.fits == "unknown").count();
    if unknown > 0 {
        let nodes = if unknown == 1 { "node" } else { "nodes" };
        said.push(format!(
            "Of {unknown} further {nodes} the record does not tell how much was free."
        ));
    }
    said.join(" ")
}

#[cfg(test)]
mod tests {
    use super::next_victims;
    use crate::wire::remedy::{AmountRow, BudgetRow};

    fn budget(node: &str, hit: bool, free: Option<u64>, fits: &str) -> BudgetRow {
        let amount = |bytes| AmountRow {
            bytes,
            measure: "unknown".to_owned(),
            rounded: false,
            at_least: false,
            from: String::new(),
            citations: Vec::new(),
        };
        BudgetRow {
            node: node.to_owned(),
            hit,
            runtime: None,
            capacity: Some(amount(20_000_000_000)),
            available: free.map(amount),
            threshold: None,
            lowest: None,
            compressed: None,
            unpacked: None,
            needed_at_least: None,
            needed_at_most: None,
            fits: fits.to_owned(),
            evidence: Vec::new(),
            because: String::new(),
            counterfactuals: Vec::new(),
        }
    }

    #[test]
    fn the_next_victim_is_the_node_with_the_least_room() {
        let budgets = [
            budget("n1", true, Some(1), "no"),
            budget("n2", false, Some(4_000_000_000), "no"),
            budget("n3", false, Some(2_000_000_000), "no"),
            budget("n4", false, Some(90_000_000_000), "yes"),
            budget("n5", false, None, "unknown"),
        ];
        assert_eq!(
            next_victims(&budgets),
            "The image would not fit on n3 (2.00 GB free), n2 (4.00 GB free) either. It would fit on n4 (90.0 GB free). \
             Of 1 further node the record does not tell how much was free."
        );
        assert_eq!(next_victims(&budgets[..1]), "");
        assert_eq!(next_victims(&budgets[4..]), "");
        assert_eq!(
            next_victims(&[budget("n6", false, None, "no")]),
            "The image would not fit on n6 (20.0 GB in all) either."
        );
    }
}
