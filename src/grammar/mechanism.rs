//! Verdicts, compiled from `grammars/mechanisms/<mechanism>.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::cascade::{Wanted, wanted};
use super::format::OneOrMore;
use super::mistake::Mistake;
use super::physics::Constants;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MechanismFile {
    title: String,
    explanation: String,
    #[serde(default)]
    why: String,
    anchor: AnchorFile,
    #[serde(default)]
    needs: NeedsFile,
    #[serde(default)]
    signs: Vec<SignFile>,
    verdict: VerdictFile,
    #[serde(default)]
    helps: Vec<Help>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorFile {
    signal: Vec<Spanned<String>>,
    #[serde(default)]
    when: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    group_by: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NeedsFile {
    #[serde(default)]
    any_link: Vec<Spanned<String>>,
    #[serde(default)]
    any_signal: Vec<Spanned<String>>,
    #[serde(default)]
    at_least: Option<usize>,
    #[serde(default)]
    unless_followed_by: Option<NearFile>,
    #[serde(default)]
    not_when: Option<NearFile>,
    #[serde(default)]
    planned: Option<NearFile>,
    #[serde(default)]
    not_everywhere: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NearFile {
    signal: Vec<String>,
    share: Vec<String>,
    within: Spanned<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignFile {
    signal: Vec<String>,
    share: Vec<String>,
    within: Spanned<String>,
    #[serde(default)]
    when: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    before: bool,
    says: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerdictFile {
    culprit: Vec<String>,
    #[serde(default)]
    yields_to: Vec<String>,
    #[serde(default)]
    rivals: Vec<String>,
    absent: String,
    #[serde(default)]
    once_only: Option<String>,
}

/// Something that usually helps.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Help {
    /// Id.
    pub id: String,
    /// `prevent`, `mitigate`, `detect` or `process`.
    pub class: String,
    /// What to do.
    pub text: String,
    /// When it counts as done.
    pub done_when: String,
}

/// Signals near an anchor.
#[derive(Debug, Clone)]
pub struct Near {
    /// Kinds.
    pub signals: Vec<String>,
    /// Entities they share with the anchor.
    pub share: Vec<String>,
    /// How near, an expression.
    pub within: String,
}

/// What the record may say of the reason, beyond the fault itself.
#[derive(Debug, Clone)]
pub struct Sign {
    /// What stands near an anchor.
    pub near: Near,
    /// Entities that it must have.
    pub when: Wanted,
    /// It counts only before the anchor.
    pub before: bool,
    /// The sentence for `{why}`.
    pub says: String,
}

/// One verdict.
#[derive(Debug, Clone)]
pub struct Mechanism {
    /// Id: the file name with underscores.
    pub id: String,
    /// Title.
    pub title: String,
    /// Explanation with placeholders.
    pub explanation: String,
    /// What `{why}` is where no sign is there.
    pub why: String,
    /// Signs of the reason, the strongest first.
    pub signs: Vec<Sign>,
    /// An anchor with this before it, and no fault before that, is planned work.
    pub planned: Option<Near>,
    /// Kinds of the fault it is about.
    pub anchors: Vec<String>,
    /// What the fault must have.
    pub when: Wanted,
    /// Entities that hold anchors together; `a|b` is the first of them that is known.
    pub group_by: Vec<String>,
    /// Rules, one of which an anchor must take part in.
    pub any_link: Vec<String>,
    /// Signals, one of which must be a member.
    pub any_signal: Vec<String>,
    /// Number of anchors.
    pub at_least: usize,
    /// An anchor followed by this healed by itself.
    pub unless_followed_by: Option<Near>,
    /// An anchor with this beside it does not count.
    pub not_when: Option<Near>,
    /// Anchors on nearly every known node within this time, an expression, do not count.
    pub not_everywhere: Option<String>,
    /// Entity kinds of the culprit; `a|b` is the first of them that is known.
    pub culprit: Vec<String>,
    /// Mechanisms decided first.
    pub yields_to: Vec<String>,
    /// Mechanisms it is weighed against.
    pub rivals: Vec<String>,
    /// Why it is ruled out where nothing supports it.
    pub absent: String,
    /// What is added where the fault is told to have happened once only, with nothing behind it: then it may have healed, and the verdict is possible at most.
    pub once_only: Option<String>,
    /// What usually helps.
    pub helps: Vec<Help>,
}

impl Mechanism {
    pub(crate) fn load(
        id: &str,
        file: &str,
        text: &str,
        constants: &Constants,
        rules: &[String],
        known: &dyn Fn(&str) -> Option<String>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Mechanism> {
        let parsed: MechanismFile = super::parse_toml(file, text, mistakes)?;
        let before = mistakes.len();
        for kind in parsed.anchor.signal.iter().chain(&parsed.needs.any_signal) {
            if let Some(reason) = known(kind.get_ref()) {
                mistakes.push(Mistake::new(file, kind.span(), reason));
            }
        }
        for sign in &parsed.signs {
            let unknown = sign.signal.iter().find_map(|kind| known(kind));
            let bad = constants.evaluate(sign.within.get_ref()).err();
            for reason in unknown.into_iter().chain(bad) {
                mistakes.push(Mistake::new(file, sign.within.span(), reason));
            }
        }
        for rule in &parsed.needs.any_link {
            if !rules.contains(rule.get_ref()) {
                let names: Vec<&str> = rules.iter().map(String::as_str).collect();
                let near = super::pattern::nearest(rule.get_ref(), &names);
                mistakes.push(Mistake::new(
                    file,
                    rule.span(),
                    format!(
                        "no rule is called \"{}\"; did you mean \"{near}\"?",
                        rule.get_ref()
                    ),
                ));
            }
        }
        let needs = &parsed.needs;
        for near in [&needs.unless_followed_by, &needs.not_when, &needs.planned]
            .into_iter()
            .flatten()
        {
            if let Err(reason) = constants.evaluate(near.within.get_ref()) {
                mistakes.push(Mistake::new(file, near.within.span(), reason));
            }
        }
        if let Some(within) = &parsed.needs.not_everywhere
            && let Err(reason) = constants.evaluate(within.get_ref())
        {
            mistakes.push(Mistake::new(file, within.span(), reason));
        }
        let near = |file: NearFile| Near {
            signals: file.signal,
            share: file.share,
            within: file.within.into_inner(),
        };
        (mistakes.len() == before).then(|| Mechanism {
            id: id.to_owned(),
            title: parsed.title,
            explanation: parsed.explanation,
            why: parsed.why,
            signs: parsed
                .signs
                .into_iter()
                .map(|sign| Sign {
                    near: Near {
                        signals: sign.signal,
                        share: sign.share,
                        within: sign.within.into_inner(),
                    },
                    when: wanted(sign.when),
                    before: sign.before,
                    says: sign.says,
                })
                .collect(),
            planned: parsed.needs.planned.map(near),
            anchors: parsed
                .anchor
                .signal
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
            when: wanted(parsed.anchor.when),
            group_by: parsed.anchor.group_by,
            any_link: parsed
                .needs
                .any_link
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
            any_signal: parsed
                .needs
                .any_signal
                .into_iter()
                .map(Spanned::into_inner)
                .collect(),
            at_least: parsed.needs.at_least.unwrap_or(1),
            unless_followed_by: parsed.needs.unless_followed_by.map(near),
            not_when: parsed.needs.not_when.map(near),
            not_everywhere: parsed.needs.not_everywhere.map(Spanned::into_inner),
            culprit: parsed.verdict.culprit,
            yields_to: parsed.verdict.yields_to,
            rivals: parsed.verdict.rivals,
            absent: parsed.verdict.absent,
            once_only: parsed.verdict.once_only,
            helps: parsed.helps,
        })
    }
}
