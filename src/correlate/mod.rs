//! Stage 5, correlate: facts → links → cascades with their verdict.
//!
//! Takes facts and states on one clock; gives cascades and the faults that belong to none. A link exists only if a rule's evidence exists;
//! what is not explained stays unexplained. Start with [`correlate`]; rules are run in [`links`], verdicts found in [`verdicts`].

mod contradictions;
mod everywhere;
mod hops;
mod links;
mod proof;
mod verdicts;

use std::collections::BTreeSet;

use crate::grammar::Grammars;
use crate::grammar::physics::Constants;
use crate::model::entity::{joining_form, repository_of};
pub(crate) use crate::model::moment::spoken;
use crate::model::{Cascade, Condition, Contradiction, Fact, FactId, Link, Problem, Spread};
pub use links::find_links;
pub use proof::prove_cases;

/// What correlate found.
#[derive(Debug, Default)]
pub struct Correlated {
    /// Cascades: those that hit most nodes first, then the earliest.
    pub cascades: Vec<Cascade>,
    /// Faults that belong to no cascade, and why.
    pub unrelated: Vec<(FactId, String)>,
    /// Faults that came to nearly every node at once: no node's own.
    pub everywhere: BTreeSet<FactId>,
    /// Contradictions that touch no cascade.
    pub contradictions: Vec<Contradiction>,
    /// Constants that were used: name, value, where the value comes from.
    pub constants: Vec<(String, String, String)>,
}

/// Finds cascades. `nodes` are all that the incident names, also those to which nothing happened.
pub fn correlate(
    facts: &[Fact],
    conditions: &[Condition],
    nodes: &BTreeSet<String>,
    constants: &Constants,
    grammars: &Grammars,
) -> (Correlated, Vec<Problem>) {
    let everywhere = everywhere::find(facts, nodes, grammars, constants);
    let links = find_links(facts, &grammars.rules, constants);
    let mut correlated = Correlated::default();
    let planned = verdicts::planned(facts, grammars, constants);
    let mut cascades = verdicts::find_cascades(
        facts,
        conditions,
        &links,
        &everywhere,
        &planned,
        grammars,
        constants,
    );
    let contradictions = contradictions::find(facts, grammars, constants);
    for (contradiction, of_clocks) in contradictions {
        let place = cascades
            .iter_mut()
            .find(|c| contradiction.signals.iter().any(|s| c.members.contains(s)));
        match place {
            Some(cascade) => {
                if of_clocks && cascade.hops.len() > 1 {
                    cascade.spread = Spread::Unknown;
                }
                cascade.contradictions.push(contradiction);
            }
            None => correlated.contradictions.push(contradiction),
        }
    }
    correlated.unrelated = verdicts::unexplained(
        facts,
        &cascades,
        &correlated.contradictions,
        &everywhere,
        &planned,
        grammars,
    );
    correlated.everywhere = everywhere;
    correlated.constants = used_constants(&cascades, &links, grammars, constants);
    correlated.cascades = cascades;
    (correlated, Vec::new())
}

fn used_constants(
    cascades: &[Cascade],
    links: &[Link],
    grammars: &Grammars,
    constants: &Constants,
) -> Vec<(String, String, String)> {
    let mut used = Vec::new();
    let fired = |id: &str| {
        cascades.iter().flat_map(|c| &c.links).any(|l| l.rule == id)
            || (cascades.is_empty() && links.iter().any(|l| l.rule == id))
    };
    for rule in grammars.rules.iter().filter(|r| fired(&r.id)) {
        for expression in [&rule.within, &rule.not_before] {
            used.extend(constants.used_in(expression));
        }
    }
    for forbidden in grammars
        .physics
        .forbidden
        .iter()
        .filter(|_| cascades.iter().any(|c| !c.contradictions.is_empty()))
    {
        used.extend(constants.used_in(&forbidden.closer_than));
    }
    used.sort();
    used.dedup();
    used.into_iter()
        .map(|(name, value, from)| (name, spoken(value), from))
        .collect()
}

/// Returns whether two facts are about different things as far as both tell: then neither may lend the other what it does not name.
fn at_odds(a: &Fact, b: &Fact) -> bool {
    let images = a.entity("image").zip(b.entity("image"));
    agree(a, b, "namespace") == Some(false)
        || images.is_some_and(|(a, b)| repository_of(a) != repository_of(b))
        || not_of(a, b)
        || not_of(b, a)
}

/// Returns whether the pod of one fact cannot belong to the workload of another: its namespace is another, or its name does not begin with the workload's.
fn not_of(owner: &Fact, owned: &Fact) -> bool {
    let Some(workload) = owner.entity("workload") else {
        return false;
    };
    let name = workload.rsplit('/').next().unwrap_or(workload);
    let namespace = workload.split_once('/').map(|(namespace, _)| namespace);
    let elsewhere = workload.matches('/').count() == 2
        && owned
            .entity("namespace")
            .is_some_and(|own| Some(own) != namespace);
    let foreign = owned.entity("pod").is_some_and(|pod| {
        pod.strip_prefix(name)
            .is_none_or(|rest| !rest.is_empty() && !rest.starts_with('-'))
    });
    elsewhere || foreign
}

/// Returns whether two facts agree on an entity: `Some(true)` equal, `Some(false)` different, `None` unknown on one side or both.
fn agree(a: &Fact, b: &Fact, kind: &str) -> Option<bool> {
    let (a, b) = (a.entity(kind)?, b.entity(kind)?);
    Some(joining_form(kind, a) == joining_form(kind, b))
}
