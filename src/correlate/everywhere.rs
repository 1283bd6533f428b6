//! What happened on nearly every node at once: then it is the fault of no single node.
//!
//! Takes the mechanisms that say so (`not_everywhere`); gives the faults that they must leave alone. Most often it is the control plane, or the
//! way to it, that was away: all nodes look silent within one round of the node controller, and none is.
//!
//! # Source
//! Kubernetes node lifecycle controller, 1.20 to 1.36: it looks at all nodes every 5 s, and calls it "master disruption mode" itself.

use std::collections::BTreeSet;

use super::verdicts::at;
use crate::grammar::Grammars;
use crate::grammar::cascade::holds;
use crate::grammar::physics::Constants;
use crate::model::{Fact, FactId};

/// Two nodes may well fail for one reason; of three or more that are all there are, it is unlikely.
const FEWEST: usize = 3;

/// Finds the faults that came to nearly all nodes (nine of ten: a line may be missing) within the mechanism's time.
pub(super) fn find(
    facts: &[Fact],
    nodes: &BTreeSet<String>,
    grammars: &Grammars,
    constants: &Constants,
) -> BTreeSet<FactId> {
    let mut found = BTreeSet::new();
    let mut known: BTreeSet<&str> = nodes.iter().map(String::as_str).collect();
    known.extend(facts.iter().filter_map(|f| f.entity("node")));
    for mechanism in &grammars.mechanisms {
        let Some(Ok(within)) = mechanism
            .not_everywhere
            .as_ref()
            .map(|e| constants.evaluate(e))
        else {
            continue;
        };
        let anchors: Vec<FactId> = (0..facts.len())
            .filter(|id| {
                let fact = &facts[*id];
                fact.moment.is_some()
                    && mechanism.anchors.contains(&fact.kind)
                    && holds(&mechanism.when, |name| fact.entity(name))
            })
            .collect();
        for first in &anchors {
            let (from, to) = (at(facts, *first), at(facts, *first) + within);
            let together: Vec<FactId> = anchors
                .iter()
                .copied()
                .filter(|id| at(facts, *id) >= from && at(facts, *id) <= to)
                .collect();
            let hit: BTreeSet<&str> = together
                .iter()
                .filter_map(|id| facts[*id].entity("node"))
                .collect();
            if hit.len() >= FEWEST && hit.len() * 10 >= known.len() * 9 {
                found.extend(together);
            }
        }
    }
    found
}
