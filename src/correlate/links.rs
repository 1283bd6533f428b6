//! Links: every rule run over the facts.
//!
//! Facts are indexed by kind and entity value and sorted by time, so that a rule looks only at candidates in its window; at most [`CANDIDATES`] of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use super::{agree, at_odds, spoken};
use crate::grammar::cascade::{Rule, holds};
use crate::grammar::physics::Constants;
use crate::model::entity::joining_form;
use crate::model::{Fact, FactId, Link};

/// Candidates looked at for one effect and one rule, those nearest to the rule's typical lag first. Bounds a storm of equal facts.
const CANDIDATES: usize = 256;
/// The longest round of the kubelet's eviction loop, with room for image deletion: 10 s of pause and 30 s for a pod to go.
/// What is said again within it has lasted.
const ONE_ROUND: TimeDelta = TimeDelta::seconds(60);
/// Other possible causes that are named.
const OTHERS: usize = 5;

/// Facts by kind, entity kind and value; the empty value holds those that do not name the entity.
struct Index<'a> {
    facts: &'a [Fact],
    places: HashMap<(&'a str, &'a str, String), Vec<FactId>>,
    kinds: HashMap<&'a str, Vec<FactId>>,
    /// Values of each entity kind in the whole incident.
    values: BTreeMap<&'a str, BTreeSet<String>>,
    /// Entity kinds that rules compare.
    compared: Vec<&'a str>,
    /// For each fact and compared kind a number for its value, the same for the same; 0 where it is not named.
    numbers: Vec<u32>,
    /// The coarsest stamp of the incident: how far before its window a cause may begin.
    coarsest: TimeDelta,
}

impl<'a> Index<'a> {
    fn new(facts: &'a [Fact], rules: &'a [Rule]) -> Index<'a> {
        let mut shared: BTreeSet<&str> = rules
            .iter()
            .flat_map(|r| &r.share)
            .map(String::as_str)
            .collect();
        shared.insert("node");
        // A cause's own beginning is looked up by its pod.
        shared.insert("pod");
        let compared: BTreeSet<&str> = rules
            .iter()
            .flat_map(|r| r.share.iter().chain(&r.differ))
            .map(String::as_str)
            .collect();
        let compared: Vec<&str> = compared.into_iter().collect();
        let mut known: HashMap<(usize, String), u32> = HashMap::new();
        let mut numbers = Vec::with_capacity(facts.len() * compared.len());
        for fact in facts {
            for (place, kind) in compared.iter().enumerate() {
                numbers.push(fact.entity(kind).map_or(0, |value| {
                    let next = known.len() as u32 + 1;
                    *known
                        .entry((place, joining_form(kind, value)))
                        .or_insert(next)
                }));
            }
        }
        let mut index = Index {
            compared,
            numbers,
            facts,
            places: HashMap::new(),
            kinds: HashMap::new(),
            values: BTreeMap::new(),
            coarsest: facts
                .iter()
                .filter_map(|f| f.moment.map(|m| m.precision))
                .max()
                .unwrap_or_default(),
        };
        for (id, fact) in facts.iter().enumerate() {
            for kind in &shared {
                if let Some(value) = fact.entity(kind) {
                    index
                        .values
                        .entry(kind)
                        .or_default()
                        .insert(joining_form(kind, value));
                }
            }
            if fact.moment.is_none() {
                continue;
            }
            index.kinds.entry(fact.kind.as_str()).or_default().push(id);
            for kind in &shared {
                let value = fact
                    .entity(kind)
                    .map(|v| joining_form(kind, v))
                    .unwrap_or_default();
                index
                    .places
                    .entry((fact.kind.as_str(), kind, value))
                    .or_default()
                    .push(id);
            }
        }
        index
    }

    fn moment(&self, id: FactId) -> DateTime<Utc> {
        self.facts[id].moment.map_or(DateTime::UNIX_EPOCH, |m| m.at)
    }

    /// Facts of a list between two times.
    fn between<'s>(
        &self,
        list: &'s [FactId],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> &'s [FactId] {
        let start = list.partition_point(|id| self.moment(*id) < from);
        let end = list.partition_point(|id| self.moment(*id) <= to);
        &list[start..end.max(start)]
    }

    /// Facts of a list, those nearest to a time first.
    fn outwards<'s>(
        &'s self,
        list: &'s [FactId],
        ideal: DateTime<Utc>,
    ) -> impl Iterator<Item = FactId> + 's {
        let mut after = list.partition_point(|id| self.moment(*id) < ideal);
        let mut before = after;
        std::iter::from_fn(move || {
            let later = list.get(after);
            let sooner = before.checked_sub(1).and_then(|place| list.get(place));
            let nearer = match (sooner, later) {
                (Some(a), Some(b)) => ideal - self.moment(*a) <= self.moment(*b) - ideal,
                (sooner, _) => sooner.is_some(),
            };
            if nearer {
                before -= 1;
                sooner.copied()
            } else {
                after += 1;
                later.copied()
            }
        })
    }

    /// Returns whether two facts agree on a compared kind, as [`agree`] does, without putting the values into their joining form again.
    fn agree(&self, a: FactId, b: FactId, compared: usize) -> Option<bool> {
        let number = |id: FactId| {
            Some(self.numbers[id * self.compared.len() + compared]).filter(|n| *n != 0)
        };
        Some(number(a)? == number(b)?)
    }

    /// Returns the place of each kind among those that are compared.
    fn places_of(&self, kinds: &[String]) -> Vec<usize> {
        let place = |kind: &String| self.compared.iter().position(|c| c == kind);
        kinds.iter().filter_map(place).collect()
    }

    /// Facts of a kind that may be about the same as two others, as far as one entity tells.
    fn about<'s>(
        &'s self,
        kind: &'s str,
        entity: &'s str,
        value: Option<&str>,
    ) -> Vec<&'s [FactId]> {
        let of = |form: String| self.places.get(&(kind, entity, form)).map(Vec::as_slice);
        match value {
            Some(value) => [of(String::new()), of(joining_form(entity, value))]
                .into_iter()
                .flatten()
                .collect(),
            None => self
                .kinds
                .get(kind)
                .map(Vec::as_slice)
                .into_iter()
                .collect(),
        }
    }

    /// An entity that one side does not name may be joined if the incident names only one value of it.
    fn only_one(&self, kind: &str) -> bool {
        self.values
            .get(kind)
            .is_some_and(|values| values.len() == 1)
    }
}

/// Runs all rules. Links are in the order of their effects.
pub fn find_links(facts: &[Fact], rules: &[Rule], constants: &Constants) -> Vec<Link> {
    let index = Index::new(facts, rules);
    let mut links: Vec<Link> = Vec::new();
    for rule in rules {
        let (Ok(least), Ok(most)) = (
            constants.evaluate(&rule.not_before),
            constants.evaluate(&rule.within),
        ) else {
            continue;
        };
        let typical = rule
            .typical
            .as_ref()
            .and_then(|t| constants.evaluate(t).ok());
        let rule = Bound {
            share: index.places_of(&rule.share),
            differ: index.places_of(&rule.differ),
            rule,
        };
        for effect in index
            .kinds
            .get(rule.rule.effect.as_str())
            .into_iter()
            .flatten()
        {
            if holds(&rule.rule.effect_when, |name| facts[*effect].entity(name)) {
                links.extend(best_cause(&index, &rule, *effect, least, most, typical));
            }
        }
    }
    links.sort_by(|a, b| (a.effect, a.cause, &a.rule).cmp(&(b.effect, b.cause, &b.rule)));
    links
}

/// A rule, with the places of the entity kinds that it compares.
struct Bound<'r> {
    rule: &'r Rule,
    share: Vec<usize>,
    differ: Vec<usize>,
}

fn best_cause(
    index: &Index,
    bound: &Bound,
    effect: FactId,
    least: TimeDelta,
    most: TimeDelta,
    typical: Option<TimeDelta>,
) -> Option<Link> {
    let (facts, rule) = (index.facts, bound.rule);
    let moment = facts[effect].moment?;
    // Each stamp stands for an interval: a cause may have been as late as its end, an effect as late as its own.
    let latest = moment.latest() - least;
    let earliest = moment.at - most - index.coarsest;
    let ideal = moment.at - typical.unwrap_or_default();
    let mut found: Vec<(bool, TimeDelta, FactId)> = Vec::new();
    let first = rule.share.first()?;
    let lists: Vec<&[FactId]> = index
        .about(&rule.cause, first, facts[effect].entity(first))
        .into_iter()
        .map(|list| index.between(list, earliest, latest))
        .collect();
    for list in lists {
        let mut accepted = 0;
        let mut surely: Option<TimeDelta> = None;
        for cause in index.outwards(list, ideal).take(CANDIDATES) {
            let Some(before) = facts[cause].moment else {
                continue;
            };
            let lag = moment.at - before.at;
            let far = (before.at - ideal).abs();
            if accepted > OTHERS && surely.is_some_and(|nearest| far > nearest) {
                break;
            }
            if cause == effect
                || lag + moment.precision < least
                || lag - before.precision > most
                || !holds(&rule.cause_when, |name| facts[cause].entity(name))
            {
                continue;
            }
            let Some(sure) = shares(index, bound, cause, effect) else {
                continue;
            };
            if interrupted(index, bound, cause, effect) || began_later(index, rule, cause, effect) {
                continue;
            }
            accepted += 1;
            if sure && surely.is_none() {
                surely = Some(far);
            }
            found.push((!sure, far, cause));
        }
    }
    found.sort();
    let (unsure, _, cause) = *found.first()?;
    let lag = moment.at - facts[cause].moment?.at;
    let confidence = if unsure {
        rule.confidence.lower()
    } else {
        rule.confidence
    };
    let mut because = fill(&rule.because, &facts[cause], &facts[effect], lag);
    if unsure {
        let missing: Vec<&str> = rule
            .share
            .iter()
            .filter(|kind| agree(&facts[cause], &facts[effect], kind).is_none())
            .map(String::as_str)
            .collect();
        because.push_str(&format!(
            " (the {} is not named in both records; it is the only one in the incident)",
            missing.join(" and ")
        ));
    }
    Some(Link {
        cause,
        effect,
        rule: rule.id.clone(),
        lag,
        confidence,
        because,
        others: found
            .iter()
            .skip(1)
            .take(OTHERS)
            .map(|(_, _, id)| *id)
            .collect(),
    })
}

/// Returns whether cause and effect share what they must: `Some(true)` if all is known, `Some(false)` if something is not named but unique.
fn shares(index: &Index, bound: &Bound, cause: FactId, effect: FactId) -> Option<bool> {
    let (a, b) = (&index.facts[cause], &index.facts[effect]);
    if bound
        .differ
        .iter()
        .any(|kind| index.agree(cause, effect, *kind) == Some(true))
    {
        return None;
    }
    let mut sure = true;
    for (kind, place) in bound.rule.share.iter().zip(&bound.share) {
        match index.agree(cause, effect, *place) {
            Some(true) => {}
            Some(false) => return None,
            None => {
                let named = a.entity(kind).is_some() || b.entity(kind).is_some();
                if !(named && index.only_one(kind)) || at_odds(a, b) {
                    return None;
                }
                sure = false;
            }
        }
    }
    Some(sure)
}

/// Returns whether a signal that breaks the link lies between cause and effect, about the same things.
fn interrupted(index: &Index, bound: &Bound, cause: FactId, effect: FactId) -> bool {
    let (from, to) = (index.moment(cause), index.moment(effect));
    let Some(first) = bound.rule.share.first() else {
        return false;
    };
    // What names another value of the first shared entity than either of them cannot be about the same.
    let value = [effect, cause]
        .into_iter()
        .find_map(|id| index.facts[id].entity(first));
    let agrees = |id: FactId, other: FactId, place: &usize| index.agree(id, other, *place);
    bound.rule.unless.iter().any(|kind| {
        index.about(kind, first, value).into_iter().any(|list| {
            index
                .between(list, from, to)
                .iter()
                .take(CANDIDATES * 4)
                .any(|id| {
                    let at = index.moment(*id);
                    at > from
                        && at < to
                        && *id != cause
                        && *id != effect
                        && bound.share.iter().all(|place| {
                            agrees(*id, effect, place) != Some(false)
                                && agrees(*id, cause, place) != Some(false)
                        })
                        && bound.share.iter().any(|place| {
                            agrees(*id, effect, place) == Some(true)
                                || agrees(*id, cause, place) == Some(true)
                        })
                })
        })
    })
}

/// Returns whether the cause began only after the effect: its beginning is the last such signal of its pod that is not after it.
fn began_later(index: &Index, rule: &Rule, cause: FactId, effect: FactId) -> bool {
    let (Some(kind), Some(pod)) = (&rule.began_with, index.facts[cause].entity("pod")) else {
        return false;
    };
    let key = (kind.as_str(), "pod", joining_form("pod", pod));
    let Some(list) = index.places.get(&key) else {
        return false;
    };
    let end = list.partition_point(|id| index.moment(*id) <= index.moment(cause));
    let begun = list[..end].iter().rev().find(|id| {
        agree(&index.facts[**id], &index.facts[cause], "image") != Some(false)
            && agree(&index.facts[**id], &index.facts[cause], "node") != Some(false)
    });
    let latest = index.facts[first_of_series(index, effect)]
        .moment
        .map(|m| m.latest());
    begun.is_some_and(|id| latest.is_some_and(|latest| index.moment(*id) > latest))
}

/// Returns the first of what is said again and again of one node while it lasts, such as a threshold that each round of the eviction loop finds crossed.
fn first_of_series(index: &Index, last: FactId) -> FactId {
    let fact = &index.facts[last];
    let Some(node) = fact.entity("node") else {
        return last;
    };
    let key = (fact.kind.as_str(), "node", joining_form("node", node));
    let list = index.places.get(&key).map_or(&[][..], Vec::as_slice);
    let before = &list[..list.partition_point(|id| *id < last)];
    let mut first = last;
    for id in before.iter().rev().take(CANDIDATES) {
        if index.moment(first) - index.moment(*id) > ONE_ROUND {
            break;
        }
        if agree(&index.facts[*id], fact, "resource") != Some(false) {
            first = *id;
        }
    }
    first
}

/// Fills a sentence's placeholders.
fn fill(sentence: &str, cause: &Fact, effect: &Fact, lag: TimeDelta) -> String {
    let mut text = String::new();
    let mut rest = sentence;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let Some(close) = rest[open..].find('}') else {
            break;
        };
        let name = &rest[open + 1..open + close];
        let value = match name.split_once('.') {
            Some(("cause", kind)) => cause.entity(kind),
            Some(("effect", kind)) => effect.entity(kind),
            _ if name == "delay" => None,
            _ => effect.entity(name).or_else(|| cause.entity(name)),
        };
        match value {
            Some(value) => text.push_str(value),
            None if name == "delay" => text.push_str(&spoken(lag)),
            None => text.push_str(&format!(
                "(a {} that is not named)",
                name.rsplit('.').next().unwrap_or(name)
            )),
        }
        rest = &rest[open + close + 1..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Grammars;
    use crate::model::{Basis, Moment};

    fn fact(kind: &str, millis: i64, node: &str) -> Fact {
        let mut fact = Fact::of_kind(kind);
        let entities = [("node", node), ("resource", "ephemeral-storage")];
        fact.entities
            .extend(entities.map(|(kind, value)| (kind.to_owned(), value.to_owned())));
        fact.moment = Some(Moment {
            at: DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis),
            precision: TimeDelta::milliseconds(1),
            basis: Basis::Stamp,
        });
        fact
    }

    fn links_of(rule: &str, facts: &[Fact]) -> Vec<Link> {
        let grammars = Grammars::embedded().expect("grammars");
        let rules: Vec<Rule> = grammars
            .rules
            .iter()
            .filter(|r| rule.is_empty() || r.id == rule)
            .cloned()
            .collect();
        assert!(!rules.is_empty());
        find_links(facts, &rules, &grammars.physics.for_version(None))
    }

    #[test]
    fn what_breaks_a_link_is_found_among_thousands_of_other_nodes() {
        let mut facts = vec![fact("disk_pressure_on", 0, "a")];
        facts.extend((0..3_000).map(|i| fact("disk_pressure_off", 1_000, &format!("n{i}"))));
        facts.push(fact("evicted", 3_000, "a"));
        assert_eq!(links_of("disk-pressure-then-evicted", &facts).len(), 1);
        facts.insert(facts.len() - 1, fact("disk_pressure_off", 2_000, "a"));
        assert_eq!(links_of("disk-pressure-then-evicted", &facts).len(), 0);
    }

    #[test]
    fn the_last_beginning_is_the_one_that_failed() {
        let mut facts = vec![
            fact("pulling", 1_000, "a"),
            fact("pulling", 37_000, "a"),
            fact("pull_failed", 38_000, "a"),
        ];
        for fact in &mut facts {
            fact.entities.insert("pod".to_owned(), "cart-1".to_owned());
        }
        let links = links_of("pulling-then-pull-failed", &facts);
        assert_eq!((links.len(), links[0].cause), (1, 1));
    }

    #[test]
    fn a_storm_on_one_node_in_one_second_ends() {
        let kinds = [
            "disk_pressure_on",
            "pulling",
            "pull_failed",
            "evicted",
            "disk_pressure_off",
            "node_not_ready",
            "node_ready",
            "pull_backoff",
        ];
        let facts: Vec<Fact> = (0..100_000_i64)
            .map(|i| fact(kinds[i as usize % kinds.len()], i / 100, "a"))
            .collect();
        let links = links_of("", &facts);
        assert!(!links.is_empty());
        // One cause for each effect and rule, however many there are to choose from.
        let mut seen: Vec<(FactId, &str)> = links
            .iter()
            .map(|link| (link.effect, link.rule.as_str()))
            .collect();
        seen.dedup();
        assert_eq!(seen.len(), links.len());
    }
}
