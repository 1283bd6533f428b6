//! Causal rules, compiled from `grammars/cascades/<cause>-then-<effect>.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::format::OneOrMore;
use super::mistake::Mistake;
use super::physics::Constants;
use super::timeline::{self, Entry};
use crate::model::Confidence;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    title: String,
    cause: Spanned<String>,
    effect: Spanned<String>,
    #[serde(default)]
    cause_when: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    effect_when: BTreeMap<String, OneOrMore>,
    share: Vec<String>,
    #[serde(default)]
    differ: Vec<String>,
    #[serde(default)]
    not_before: Option<Spanned<String>>,
    within: Spanned<String>,
    #[serde(default)]
    typical: Option<Spanned<String>>,
    #[serde(default)]
    unless: Vec<String>,
    #[serde(default)]
    began_with: Option<Spanned<String>>,
    because: String,
    confidence: Spanned<String>,
    #[serde(default)]
    mistaken_when: Vec<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    case: Vec<CaseFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    name: String,
    links: bool,
    timeline: Spanned<String>,
}

/// A timeline that must, or must not, give a link by its rule.
#[derive(Debug, Clone)]
pub struct Case {
    /// Name.
    pub name: String,
    /// Must it link?
    pub links: bool,
    /// The timeline.
    pub timeline: Vec<Entry>,
    /// Its place in the file.
    pub span: std::ops::Range<usize>,
}

/// Entity values of which one must hold: `*` stands for any.
pub type Wanted = Vec<(String, Vec<String>)>;

/// One causal rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Id: the file name.
    pub id: String,
    /// Title.
    pub title: String,
    /// Signal kind of the cause.
    pub cause: String,
    /// Signal kind of the effect.
    pub effect: String,
    /// What the cause must have.
    pub cause_when: Wanted,
    /// What the effect must have.
    pub effect_when: Wanted,
    /// Entities both must be about.
    pub share: Vec<String>,
    /// Entities that must differ.
    pub differ: Vec<String>,
    /// Smallest lag, an expression.
    pub not_before: String,
    /// Largest lag, an expression.
    pub within: String,
    /// Typical lag, an expression.
    pub typical: Option<String>,
    /// Signals that break the link.
    pub unless: Vec<String>,
    /// The signal with which the cause began, about the same pod: where that came after the effect, the cause did too.
    pub began_with: Option<String>,
    /// The sentence.
    pub because: String,
    /// How sure.
    pub confidence: Confidence,
    /// When it is mistaken.
    pub mistaken_when: Vec<String>,
    /// Where it is from.
    pub source: Option<String>,
    /// Cases.
    pub cases: Vec<Case>,
}

pub(crate) fn wanted(map: BTreeMap<String, OneOrMore>) -> Wanted {
    map.into_iter()
        .map(|(name, values)| (name, values.list().into_iter().map(str::to_owned).collect()))
        .collect()
}

/// Returns whether an entity lookup has one of the wanted values for each name: the value itself, `*` for any, `!value` for any other or none,
/// `!*` for none.
pub fn holds<'a>(wanted: &Wanted, entity: impl Fn(&str) -> Option<&'a str>) -> bool {
    wanted.iter().all(|(name, values)| {
        let value = entity(name);
        values.iter().any(|wanted| match wanted.strip_prefix('!') {
            Some("*") => value.is_none(),
            Some(other) => value != Some(other),
            None => value.is_some_and(|value| wanted == "*" || wanted == value),
        })
    })
}

impl Rule {
    pub(crate) fn load(
        id: &str,
        file: &str,
        text: &str,
        constants: &Constants,
        known: &dyn Fn(&str) -> Option<String>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Rule> {
        let parsed: RuleFile = super::parse_toml(file, text, mistakes)?;
        let before = mistakes.len();
        for kind in [&parsed.cause, &parsed.effect]
            .into_iter()
            .chain(&parsed.began_with)
        {
            if let Some(reason) = known(kind.get_ref()) {
                mistakes.push(Mistake::new(file, kind.span(), reason));
            }
        }
        for expression in [
            Some(&parsed.within),
            parsed.not_before.as_ref(),
            parsed.typical.as_ref(),
        ]
        .into_iter()
        .flatten()
        {
            if let Err(reason) = constants.evaluate(expression.get_ref()) {
                mistakes.push(
                    Mistake::new(file, expression.span(), reason)
                        .with_example("within = \"{pull_backoff_max} + 10s\""),
                );
            }
        }
        let confidence = Confidence::parse(parsed.confidence.get_ref()).unwrap_or_else(|| {
            mistakes.push(
                Mistake::new(
                    file,
                    parsed.confidence.span(),
                    format!("\"{}\" is no confidence", parsed.confidence.get_ref()),
                )
                .with_example("confidence = \"probable\""),
            );
            Confidence::Possible
        });
        let mut cases = Vec::new();
        for case in parsed.case {
            match timeline::parse(case.timeline.get_ref()) {
                Ok(entries) => {
                    for entry in &entries {
                        if let Some(reason) = known(&entry.signal) {
                            mistakes.push(Mistake::new(file, case.timeline.span(), reason));
                        }
                    }
                    cases.push(Case {
                        name: case.name,
                        links: case.links,
                        timeline: entries,
                        span: case.timeline.span(),
                    });
                }
                Err(reason) => mistakes.push(
                    Mistake::new(file, case.timeline.span(), reason)
                        .with_example("10:04:07 pull_failed image=shop/cart:v9 cause=no_space"),
                ),
            }
        }
        for links in [true, false] {
            if !cases.iter().any(|case| case.links == links) {
                let needed = if links {
                    "a case that must link"
                } else {
                    "a case that looks like it and must not link"
                };
                mistakes.push(Mistake::new(file, 0..0, format!("a rule needs {needed}")).with_example(format!("[[case]]\nname = \"…\"\nlinks = {links}\ntimeline = \"\"\"\n10:00 …\n\"\"\"")));
            }
        }
        if parsed.share.is_empty() {
            mistakes.push(
                Mistake::new(
                    file,
                    parsed.cause.span(),
                    "a rule must name at least one entity that cause and effect share",
                )
                .with_example("share = [\"node\"]"),
            );
        }
        (mistakes.len() == before).then(|| Rule {
            id: id.to_owned(),
            title: parsed.title,
            cause: parsed.cause.into_inner(),
            effect: parsed.effect.into_inner(),
            cause_when: wanted(parsed.cause_when),
            effect_when: wanted(parsed.effect_when),
            share: parsed.share,
            differ: parsed.differ,
            not_before: parsed
                .not_before
                .map_or_else(|| "0s".to_owned(), Spanned::into_inner),
            within: parsed.within.into_inner(),
            typical: parsed.typical.map(Spanned::into_inner),
            unless: parsed.unless,
            began_with: parsed.began_with.map(Spanned::into_inner),
            because: parsed.because,
            confidence,
            mistaken_when: parsed.mistaken_when,
            source: parsed.source,
            cases,
        })
    }
}
