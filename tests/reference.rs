//! The reference correlator: every rule over every pair of facts, straight from the rule's definition. The engine, which looks only where its indexes point,
//! must find the same links on thousands of made-up timelines.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rootline::correlate::find_links;
use rootline::grammar::Grammars;
use rootline::grammar::cascade::{Rule, holds};
use rootline::grammar::physics::Constants;
use rootline::model::entity::joining_form;
use rootline::model::{Basis, Fact, FactId, Moment};

fn grammars() -> &'static Grammars {
    static GRAMMARS: std::sync::OnceLock<Grammars> = std::sync::OnceLock::new();
    GRAMMARS.get_or_init(|| Grammars::embedded().expect("grammars"))
}

fn equal(a: &Fact, b: &Fact, kind: &str) -> Option<bool> {
    let form = |fact: &Fact| fact.entity(kind).map(|value| joining_form(kind, value));
    Some(form(a)? == form(b)?)
}

/// An entity that only one of two facts names joins them if all facts together name one value of it.
fn unique(facts: &[Fact], kind: &str) -> bool {
    let mut values: Vec<String> = facts
        .iter()
        .filter_map(|f| f.entity(kind).map(|v| joining_form(kind, v)))
        .collect();
    values.sort();
    values.dedup();
    values.len() == 1
}

/// Two facts that name different namespaces or repositories, or a pod that the other's workload cannot own, lend each other nothing.
fn strangers(a: &Fact, b: &Fact) -> bool {
    let of = |fact: &Fact, kind: &str| fact.entity(kind).map(str::to_owned);
    let differ = |a: Option<String>, b: Option<String>| a.is_some() && b.is_some() && a != b;
    let repository = |fact: &Fact| {
        fact.entity("image")
            .map(rootline::model::entity::repository_of)
    };
    let cannot_own = |owner: &Fact, pod: &Fact| {
        of(owner, "workload").is_some_and(|workload| {
            let parts: Vec<&str> = workload.split('/').collect();
            let foreign = of(pod, "pod").is_some_and(|pod| {
                let name = parts[parts.len() - 1];
                pod != name && !pod.starts_with(&format!("{name}-"))
            });
            let elsewhere =
                parts.len() == 3 && differ(Some(parts[0].to_owned()), of(pod, "namespace"));
            foreign || elsewhere
        })
    };
    differ(of(a, "namespace"), of(b, "namespace"))
        || differ(repository(a), repository(b))
        || cannot_own(a, b)
        || cannot_own(b, a)
}

/// Returns how sure a pair is (`true` = an entity had to be assumed), or `None` if the rule does not join it.
fn joined(rule: &Rule, facts: &[Fact], cause: FactId, effect: FactId) -> Option<bool> {
    let (a, b) = (&facts[cause], &facts[effect]);
    if rule
        .differ
        .iter()
        .any(|kind| equal(a, b, kind) == Some(true))
    {
        return None;
    }
    let mut assumed = false;
    for kind in &rule.share {
        match equal(a, b, kind) {
            Some(true) => {}
            Some(false) => return None,
            None if a.entity(kind).is_none() && b.entity(kind).is_none() => return None,
            None if strangers(a, b) => return None,
            None if unique(facts, kind) => assumed = true,
            None => return None,
        }
    }
    Some(assumed)
}

fn broken(rule: &Rule, facts: &[Fact], cause: FactId, effect: FactId) -> bool {
    let at = |id: FactId| facts[id].moment.map(|m| m.at);
    facts.iter().enumerate().any(|(id, between)| {
        let about = |other: FactId, kind: &String| equal(between, &facts[other], kind);
        rule.unless.contains(&between.kind)
            && at(id) > at(cause)
            && at(id) < at(effect)
            && rule
                .share
                .iter()
                .all(|k| about(cause, k) != Some(false) && about(effect, k) != Some(false))
            && rule
                .share
                .iter()
                .any(|k| about(cause, k) == Some(true) || about(effect, k) == Some(true))
    })
}

/// The cause's own beginning, the last one of its pod that is not after it, came after the effect.
fn late(rule: &Rule, facts: &[Fact], cause: FactId, effect: FactId) -> bool {
    let at = |fact: &Fact| fact.moment.map(|m| m.at);
    let (from, to) = (&facts[cause], &facts[effect]);
    let begun = facts
        .iter()
        .enumerate()
        .filter(|(_, f)| {
            rule.began_with.as_ref() == Some(&f.kind)
                && at(f).is_some()
                && at(f) <= at(from)
                && equal(f, from, "pod") == Some(true)
                && equal(f, from, "image") != Some(false)
                && equal(f, from, "node") != Some(false)
        })
        .max_by_key(|(id, f)| (at(f), *id));
    // What is said again within a minute, of the same node and resource, has lasted since it was first said.
    let mut series: Vec<&Fact> = facts
        .iter()
        .take(effect + 1)
        .filter(|f| f.kind == to.kind && at(f).is_some())
        .filter(|f| equal(f, to, "node") == Some(true))
        .collect();
    let mut first = to;
    series.pop_if(|last| std::ptr::eq(*last, to));
    while let Some(before) = series.pop() {
        if at(first) > at(before).map(|m| m + TimeDelta::seconds(60)) {
            break;
        }
        if equal(before, to, "resource") != Some(false) {
            first = before;
        }
    }
    begun.is_some_and(|(_, f)| at(f) > first.moment.map(|m| m.latest()))
}

/// Rule, cause, effect: what a rule's definition says, by trying every pair.
fn reference(
    facts: &[Fact],
    rules: &[Rule],
    constants: &Constants,
) -> Vec<(String, FactId, FactId)> {
    let mut links = Vec::new();
    for rule in rules {
        let value = |text: &str| constants.evaluate(text).expect("a proved expression");
        let (least, most) = (value(&rule.not_before), value(&rule.within));
        let typical = rule.typical.as_deref().map_or(TimeDelta::zero(), value);
        for (effect, b) in facts.iter().enumerate() {
            let best = facts
                .iter()
                .enumerate()
                .filter(|(cause, a)| {
                    *cause != effect
                        && a.kind == rule.cause
                        && b.kind == rule.effect
                        && holds(&rule.cause_when, |name| a.entity(name))
                        && holds(&rule.effect_when, |name| b.entity(name))
                })
                .filter_map(|(cause, a)| {
                    let (from, to) = (a.moment?, b.moment?);
                    let lag = to.at - from.at;
                    let possible = to.latest() - from.at >= least && to.at - from.latest() <= most;
                    let assumed = joined(rule, facts, cause, effect)?;
                    (possible
                        && !broken(rule, facts, cause, effect)
                        && !late(rule, facts, cause, effect))
                    .then(|| (assumed, (lag - typical).abs(), cause))
                })
                .min();
            if let Some((_, _, cause)) = best {
                links.push((rule.id.clone(), cause, effect));
            }
        }
    }
    links.sort();
    links
}

/// One fact: kind, seconds, milliseconds, precision in milliseconds, and which value of each entity it names (0 = none).
type Draft = (usize, i64, i64, i64, Vec<usize>);

const ENTITIES: &[(&str, &[&str])] = &[
    ("node", &["n1", "n2", "n3"]),
    ("pod", &["a-1", "a-2", "b-1"]),
    ("namespace", &["x", "y"]),
    ("workload", &["a", "b"]),
    (
        "image",
        &[
            "r.example/a:1",
            "r.example/b:1",
            "a",
            "docker.io/library/a:latest",
        ],
    ),
    ("digest", &["sha256:1", "sha256:2"]),
    ("cause", &["no_space", "not_found", "inodes"]),
    ("resource", &["nodefs", "memory", "inodes"]),
    ("outwritten_by", &["b"]),
    ("condition", &["DiskPressure", "Ready"]),
    (
        "taint",
        &[
            "node.kubernetes.io/disk-pressure:NoSchedule",
            "node.kubernetes.io/unreachable:NoExecute",
        ],
    ),
];

fn kinds() -> Vec<String> {
    let mut kinds: Vec<String> = grammars()
        .rules
        .iter()
        .flat_map(|r| {
            [r.cause.clone(), r.effect.clone()]
                .into_iter()
                .chain(r.unless.clone())
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

fn draft(seconds: i64) -> impl Strategy<Value = Draft> {
    (
        0..kinds().len(),
        0..seconds,
        prop_oneof![Just(0_i64), 0..1000_i64],
        prop_oneof![Just(0_i64), Just(1), Just(1000), Just(60_000)],
        prop::collection::vec(0..6_usize, ENTITIES.len()),
    )
}

fn facts(drafts: &[Draft]) -> Vec<Fact> {
    let kinds = kinds();
    let mut facts: Vec<Fact> = drafts
        .iter()
        .map(|(kind, seconds, ms, precision, names)| {
            let mut fact = Fact::of_kind(&kinds[*kind]);
            for ((name, values), pick) in ENTITIES.iter().zip(names) {
                // A third of the facts do not name it.
                if let Some(value) = pick.checked_sub(2).map(|p| values[p % values.len()]) {
                    if *name == "cause" {
                        fact.cause = Some(value.to_owned());
                    } else {
                        fact.entities.insert((*name).to_owned(), value.to_owned());
                    }
                }
            }
            let at: DateTime<Utc> =
                DateTime::UNIX_EPOCH + TimeDelta::milliseconds(seconds * 1000 + ms);
            fact.moment = Some(Moment {
                at,
                precision: TimeDelta::milliseconds(*precision),
                basis: Basis::Stamp,
            });
            fact
        })
        .collect();
    facts.sort_by_key(|fact| fact.moment);
    facts
}

fn agree(drafts: &[Draft], version: Option<&str>) -> Result<usize, TestCaseError> {
    let facts = facts(drafts);
    let constants = grammars().physics.for_version(version);
    let mut found: Vec<(String, FactId, FactId)> =
        find_links(&facts, &grammars().rules, &constants)
            .into_iter()
            .map(|l| (l.rule, l.cause, l.effect))
            .collect();
    found.sort();
    let wanted = reference(&facts, &grammars().rules, &constants);
    prop_assert_eq!(&found, &wanted, "{:#?}", facts);
    Ok(wanted.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_finds_what_the_reference_finds_in_seconds(drafts in prop::collection::vec(draft(90), 2..50)) {
        agree(&drafts, None)?;
    }

    #[test]
    fn the_engine_finds_what_the_reference_finds_in_hours(drafts in prop::collection::vec(draft(7200), 2..80)) {
        agree(&drafts, Some("v1.33.1"))?;
    }
}

/// The timelines above hold links of most rules; else they would prove nothing.
#[test]
fn made_up_timelines_reach_the_rules() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let constants = grammars().physics.for_version(None);
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..1500 {
        let tree = prop::collection::vec(draft(90), 2..50)
            .new_tree(&mut runner)
            .expect("a timeline");
        reached.extend(
            reference(&facts(&tree.current()), &grammars().rules, &constants)
                .into_iter()
                .map(|l| l.0),
        );
    }
    let all = grammars().rules.len();
    assert!(
        reached.len() * 10 >= all * 8,
        "only {} of {all} rules were reached: {reached:?}",
        reached.len()
    );
}
