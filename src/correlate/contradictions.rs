//! Contradictions: pairs of facts that physics does not allow to be prompt statements about one thing.

use super::{agree, spoken};
use crate::grammar::Grammars;
use crate::grammar::physics::Constants;
use crate::model::{Contradiction, Fact, FactId};

/// Finds every forbidden pair, and whether it is one of clocks; of several earlier facts the nearest one is named.
pub(super) fn find(
    facts: &[Fact],
    grammars: &Grammars,
    constants: &Constants,
) -> Vec<(Contradiction, bool)> {
    let mut found = Vec::new();
    for forbidden in &grammars.physics.forbidden {
        let Ok(bound) = constants.evaluate(&forbidden.closer_than) else {
            continue;
        };
        let least = forbidden
            .further_than
            .as_ref()
            .and_then(|e| constants.evaluate(e).ok());
        let comes_back = |fact: &Fact| {
            let ordinal = |pod: &str| {
                pod.rsplit('-')
                    .next()
                    .is_some_and(|end| end.bytes().all(|b| b.is_ascii_digit()))
            };
            forbidden.named_once && fact.entity("pod").is_none_or(ordinal)
        };
        let mut last: Vec<FactId> = Vec::new();
        for (id, fact) in facts.iter().enumerate() {
            let Some(moment) = fact.moment else { continue };
            if fact.kind == forbidden.later && !comes_back(fact) {
                let earlier = last.iter().rev().find(|before| {
                    let Some(early) = facts[**before].moment else {
                        return false;
                    };
                    let apart = moment.latest() - early.at;
                    if least.is_some_and(|least| moment.at - early.latest() < least) {
                        return false;
                    }
                    let same = forbidden.share.iter().all(|kind| {
                        match agree(&facts[**before], fact, kind) {
                            Some(same) => same,
                            // Not named: it can be the same one if no other is named anywhere.
                            None => only_value(facts, kind),
                        }
                    });
                    apart < bound && moment.at >= early.at && same
                });
                if let Some(earlier) = earlier {
                    let lag = facts[*earlier]
                        .moment
                        .map(|m| moment.at - m.at)
                        .unwrap_or_default();
                    let named = forbidden
                        .share
                        .iter()
                        .all(|kind| agree(&facts[*earlier], fact, kind).is_some());
                    let mut what = forbidden
                        .what
                        .replace("{delay}", &spoken(lag))
                        .replace("{bound}", &spoken(bound));
                    for (prefix, fact) in [("earlier", &facts[*earlier]), ("later", fact)] {
                        for kind in forbidden.share.iter().map(String::as_str) {
                            let value = fact
                                .entity(kind)
                                .or_else(|| facts[*earlier].entity(kind))
                                .unwrap_or("the node");
                            what = what.replace(&format!("{{{prefix}.{kind}}}"), value);
                        }
                    }
                    for kind in &forbidden.share {
                        let value = fact
                            .entity(kind)
                            .or_else(|| facts[*earlier].entity(kind))
                            .unwrap_or("the node");
                        what = what.replace(&format!("{{{kind}}}"), value);
                    }
                    if !named {
                        what.push_str(" The second record does not name what it is about; this holds if both are about the same one.");
                    }
                    let contradiction = Contradiction {
                        what,
                        signals: vec![*earlier, id],
                        possible_explanations: forbidden.possible_explanations.clone(),
                    };
                    found.push((contradiction, forbidden.of_clocks));
                }
            }
            if forbidden.earlier.contains(&fact.kind) {
                last.push(id);
                if last.len() > 4096 {
                    last.drain(..2048);
                }
            }
        }
    }
    found
}

fn only_value(facts: &[Fact], kind: &str) -> bool {
    let mut values = facts.iter().filter_map(|f| f.entity(kind));
    let first = values.next();
    first.is_some() && values.all(|v| Some(v) == first)
}
