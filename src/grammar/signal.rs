//! Signal kinds: every wording of one kind of fact, compiled from `grammars/signals/<signal>.toml`, and the matching of a record against them.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::format::OneOrMore;
use super::index::Needs;
use super::mistake::Mistake;
use super::pattern::Pattern;
use super::peel::Record;
use super::vocabulary::{Vocabulary, without_escapes};
use crate::model::Entities;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalFile {
    title: String,
    proves: String,
    #[serde(default)]
    does_not_prove: Vec<String>,
    #[serde(default)]
    fact: FactRule,
    #[serde(default)]
    wording: Vec<WordingFile>,
    #[serde(default)]
    sample: Vec<SignalSample>,
    #[serde(default)]
    look_alike: Vec<LookAlike>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactRule {
    #[serde(default)]
    identity: Vec<String>,
    #[serde(default)]
    within: Option<Spanned<String>>,
    #[serde(default)]
    once_per: Option<String>,
    #[serde(default)]
    only_after: Option<OneOrMore>,
    #[serde(default)]
    before_node: bool,
    #[serde(default)]
    beside: Option<BesideFile>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct BesideFile {
    #[serde(default)]
    share: Vec<String>,
    #[serde(default)]
    within: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WordingFile {
    #[serde(default)]
    of: Option<OneOrMore>,
    #[serde(default)]
    component: Option<OneOrMore>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    pattern: Option<Spanned<String>>,
    #[serde(default)]
    fields: BTreeMap<String, Spanned<OneOrMore>>,
    #[serde(default)]
    not: Vec<String>,
    #[serde(default)]
    cause: Option<CauseFile>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    source: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum CauseFile {
    Fixed(String),
    Table { from: String, by: String },
}

/// A body that must give this signal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalSample {
    /// Record type.
    #[serde(default)]
    pub of: Option<String>,
    /// Who speaks.
    #[serde(default)]
    pub component: Option<String>,
    /// The body.
    #[serde(default)]
    pub text: String,
    /// Fields of records other than logs.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Entities, and `cause`.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
}

/// A body that must not give this signal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookAlike {
    /// Record type.
    #[serde(default)]
    pub of: Option<String>,
    /// Who speaks.
    #[serde(default)]
    pub component: Option<String>,
    /// The body.
    #[serde(default)]
    pub text: String,
    /// Fields of records other than logs.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Why it is something else.
    pub why: String,
}

/// How the cause of a wording is known.
#[derive(Debug, Clone)]
pub enum Cause {
    /// Always this one.
    Fixed(String),
    /// From a captured text, by a table of the vocabulary.
    Table {
        /// The capture.
        from: String,
        /// The table.
        by: String,
    },
}

#[derive(Debug, Clone)]
enum Body {
    Any,
    Plain(Pattern),
    Structured(Pattern, Vec<Pair>),
}

/// A named value that a structured wording wants.
#[derive(Debug, Clone)]
struct Pair {
    key: String,
    /// It may be missing, or be something else: written `key?=`.
    optional: bool,
    pattern: Pattern,
}

/// One wording of a signal.
#[derive(Debug, Clone)]
pub struct Wording {
    /// Record type.
    pub of: String,
    /// Who may say it; empty for anybody.
    pub components: Vec<String>,
    /// Version range, as text.
    pub versions: (Option<String>, Option<String>),
    /// The pattern as written.
    pub text: String,
    /// Where the text is found.
    pub source: Option<String>,
    body: Body,
    fields: Vec<(String, Vec<Pattern>)>,
    not: Vec<String>,
    cause: Option<Cause>,
    set: Vec<(String, String)>,
    /// A text that every line with this wording holds.
    pub needle: String,
    /// What else every such line holds.
    pub needs: Needs,
}

/// One kind of signal.
#[derive(Debug, Clone)]
pub struct SignalKind {
    /// Kind: the file name with underscores.
    pub kind: String,
    /// Title.
    pub title: String,
    /// What it proves.
    pub proves: String,
    /// What it does not prove.
    pub does_not_prove: Vec<String>,
    /// Entities none of which may differ between two witnesses of one fact.
    pub identity: Vec<String>,
    /// How far the times of two witnesses may be apart.
    pub within: chrono::TimeDelta,
    /// Happens at most once per such entity.
    pub once_per: Option<String>,
    /// A state object tells this only after one of these.
    pub only_after: Vec<String>,
    /// Its pod is on no node yet: the node that takes it later is not the fact's.
    pub before_node: bool,
    /// An everyday fact, which is told only beside another one.
    pub beside: Option<Beside>,
    /// Wordings.
    pub wordings: Vec<Wording>,
    /// Samples.
    pub samples: Vec<SignalSample>,
    /// Look-alikes.
    pub look_alikes: Vec<LookAlike>,
}

/// Beside what an everyday fact is told: anything else that its source tells, or one of these.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Another fact with the same value of one of these entities.
    pub share: Vec<String>,
    /// A fault at most this far away in time.
    pub within: Option<chrono::TimeDelta>,
}

/// What a wording found in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Cause.
    pub cause: Option<String>,
    /// Entities.
    pub entities: Entities,
    /// The only component that says this.
    pub component: Option<String>,
    /// How much literal text the wording has.
    pub weight: usize,
}

/// The shortest needle that is worth searching for.
const SHORTEST_NEEDLE: usize = 4;

impl SignalKind {
    pub(crate) fn load(
        kind: &str,
        file: &str,
        text: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<SignalKind> {
        let parsed: SignalFile = super::parse_toml(file, text, mistakes)?;
        let before = mistakes.len();
        let within = match &parsed.fact.within {
            None => chrono::TimeDelta::seconds(2),
            Some(written) => {
                super::physics::parse_duration(written.get_ref()).unwrap_or_else(|reason| {
                    mistakes.push(Mistake::new(file, written.span(), reason));
                    chrono::TimeDelta::zero()
                })
            }
        };
        let beside = parsed.fact.beside.as_ref().map(|beside| Beside {
            share: beside.share.clone(),
            within: beside.within.as_ref().and_then(|written| {
                super::physics::parse_duration(written.get_ref())
                    .map_err(|reason| mistakes.push(Mistake::new(file, written.span(), reason)))
                    .ok()
            }),
        });
        let wordings: Vec<Wording> = parsed
            .wording
            .into_iter()
            .filter_map(|wording| wording.compile(file, text, mistakes))
            .flatten()
            .collect();
        if !wordings.is_empty() && parsed.sample.is_empty() {
            mistakes.push(
                Mistake::new(
                    file,
                    0..0,
                    "wordings must prove themselves with at least one sample",
                )
                .with_example("[[sample]]\ntext = '''…'''\nexpect = { image = \"shop/cart:v9\" }"),
            );
        }
        (mistakes.len() == before).then(|| SignalKind {
            kind: kind.to_owned(),
            title: parsed.title,
            proves: parsed.proves,
            does_not_prove: parsed.does_not_prove,
            identity: parsed.fact.identity,
            within,
            once_per: parsed.fact.once_per,
            before_node: parsed.fact.before_node,
            only_after: parsed
                .fact
                .only_after
                .map(|kinds| kinds.list().into_iter().map(str::to_owned).collect())
                .unwrap_or_default(),
            beside,
            wordings,
            samples: parsed.sample,
            look_alikes: parsed.look_alike,
        })
    }
}

impl WordingFile {
    fn compile(
        self,
        file: &str,
        source: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Vec<Wording>> {
        let before = mistakes.len();
        let place = self
            .pattern
            .as_ref()
            .map(Spanned::span)
            .or_else(|| self.fields.values().next().map(Spanned::span))
            .unwrap_or(0..0);
        let body = match &self.pattern {
            None => Body::Any,
            Some(pattern) => match compile_body(pattern.get_ref()) {
                Ok(body) => body,
                Err(mistake) => {
                    mistakes.push(Mistake::in_pattern(file, source, pattern.span(), &mistake));
                    return None;
                }
            },
        };
        let mut fields = Vec::new();
        for (name, wanted) in &self.fields {
            let mut alternatives = Vec::new();
            for text in wanted.get_ref().list() {
                // An empty text stands for "this field is absent or empty".
                if text.is_empty() {
                    continue;
                }
                match Pattern::parse(text, true) {
                    Ok(pattern) => alternatives.push(pattern),
                    Err(mistake) => {
                        mistakes.push(Mistake::in_pattern(file, source, wanted.span(), &mistake))
                    }
                }
            }
            fields.push((name.clone(), alternatives));
        }
        if matches!(body, Body::Any) && fields.is_empty() {
            mistakes.push(
                Mistake::new(file, place.clone(), "a wording needs a pattern or fields")
                    .with_example("pattern = \"Successfully pulled image {image:quoted}\""),
            );
        }
        let types: Vec<String> = self.of.as_ref().map_or_else(
            || vec!["log".to_owned()],
            |of| of.list().into_iter().map(str::to_owned).collect(),
        );
        let needle = needle_of(&body, &fields);
        let needs = needs_of(&body, &fields, &needle);
        let needed = types.iter().any(|of| {
            !matches!(
                of.as_str(),
                "node-condition"
                    | "node-taint"
                    | "pod-status"
                    | "container-status"
                    | "registry-audit"
                    | "alert"
                    | "deploy"
            )
        });
        if needed && needle.len() < SHORTEST_NEEDLE && mistakes.len() == before {
            mistakes.push(
                Mistake::new(file, place, format!("no literal of {SHORTEST_NEEDLE} or more plain characters: every line would have to be read"))
                    .with_example("pattern = \"Successfully pulled image {image:quoted}\""),
            );
        }
        let cause = self.cause.map(|cause| match cause {
            CauseFile::Fixed(cause) => Cause::Fixed(cause),
            CauseFile::Table { from, by } => Cause::Table { from, by },
        });
        if mistakes.len() > before {
            return None;
        }
        let first = Wording {
            of: String::new(),
            components: self
                .component
                .map(|c| c.list().into_iter().map(str::to_owned).collect())
                .unwrap_or_default(),
            versions: (self.since, self.until),
            text: self.pattern.map(Spanned::into_inner).unwrap_or_default(),
            source: self.source,
            body,
            fields,
            not: self.not,
            cause,
            set: self.set.into_iter().collect(),
            needle,
            needs,
        };
        // The same text in an Event and in a log is one wording to its author, and two to the search.
        Some(
            types
                .into_iter()
                .map(|of| Wording {
                    of,
                    ..first.clone()
                })
                .collect(),
        )
    }
}

/// Returns the longest literal of a wording.
fn needle_of(body: &Body, fields: &[(String, Vec<Pattern>)]) -> String {
    let mut literals = match body {
        Body::Any => Vec::new(),
        Body::Plain(pattern) => pattern.literals(),
        Body::Structured(message, pairs) => message
            .literals()
            .into_iter()
            .chain(
                pairs
                    .iter()
                    .filter(|pair| !pair.optional)
                    .flat_map(|pair| pair.pattern.literals()),
            )
            .collect(),
    };
    // A field with alternatives has no text in common; one with a single value has.
    literals.extend(
        fields
            .iter()
            .filter(|(_, patterns)| patterns.len() == 1)
            .flat_map(|(_, patterns)| patterns[0].literals()),
    );
    literals
        .into_iter()
        .max_by_key(|literal| (literal.len(), std::cmp::Reverse(literal.clone())))
        .unwrap_or_default()
}

/// Returns what a line with a wording holds beside its needle.
fn needs_of(body: &Body, fields: &[(String, Vec<Pattern>)], needle: &str) -> Needs {
    let mut needs = Needs::default();
    match body {
        Body::Any => {}
        Body::Plain(pattern) => needs.all.extend(pattern.words()),
        Body::Structured(message, pairs) => {
            needs.all.extend(message.words());
            needs.all.extend(
                pairs
                    .iter()
                    .filter(|pair| !pair.optional)
                    .flat_map(|pair| pair.pattern.words()),
            );
        }
    }
    for (_, patterns) in fields.iter().filter(|(name, _)| name != "level") {
        // What all alternatives have in common, and what one of them is.
        let mut words = patterns.iter().map(Pattern::words);
        if let Some(first) = words.next() {
            let rest: Vec<Vec<String>> = words.collect();
            needs.all.extend(
                first
                    .into_iter()
                    .filter(|word| rest.iter().all(|words| words.contains(word))),
            );
        }
        let values: Vec<&str> = patterns.iter().filter_map(Pattern::only_literal).collect();
        let written = |value: &&str| {
            value.len() > 2
                && value
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !values.is_empty() && values.len() == patterns.len() && values.iter().all(written) {
            needs
                .one_of
                .push(values.into_iter().map(str::to_owned).collect());
        }
    }
    needs.all.retain(|word| !needle.contains(word.as_str()));
    needs.all.sort_unstable();
    needs.all.dedup();
    needs
}

/// Keys under which structured records carry the error that they are about.
const ERROR_KEYS: &[&str] = &["err", "error"];

/// Finds a plain pattern in the message of a record, or in the error that stands beside it as a named value.
/// Returns what was captured, and how much literal text fitted: a wording of the whole message says more than one of its error alone.
fn find_plain(pattern: &Pattern, record: &Record) -> Option<(super::pattern::Captures, usize)> {
    if let Some(found) = pattern.find(&record.body, &[]) {
        return Some((found, pattern.weight()));
    }
    if !record.structured {
        return None;
    }
    let mut errors = ERROR_KEYS.iter().filter_map(|key| record.fields.get(*key));
    let found = errors.find_map(|error| pattern.find(error, &[]))?;
    Some((found, pattern.weight() / 2))
}

/// Matches a message and its named values. Returns what was captured, and how much literal text fitted.
fn find_pairs(
    message: &Pattern,
    pairs: &[Pair],
    body: &str,
    fields: &BTreeMap<String, String>,
) -> Option<(Vec<(String, String)>, usize)> {
    let mut captured = message.find(body, &[])?.values;
    let mut weight = message.weight();
    for pair in pairs {
        let found = fields
            .get(&pair.key)
            .and_then(|value| pair.pattern.find(value, &[]));
        match found {
            Some(found) => captured.extend(found.values),
            None if pair.optional => continue,
            None => return None,
        }
        weight += pair.pattern.weight();
    }
    Some((captured, weight))
}

/// Takes apart the structured message in which a needle stands, if it stands in one: behind a prompt, a prefix or inside quotes of another writer.
fn structured_inside(body: &str, needle: &str) -> Option<(String, BTreeMap<String, String>)> {
    let text = without_escapes(body);
    let at = text.find(needle)?;
    let quote = text[..at].rfind('"')?;
    let (message, pairs) = super::structured::klog(&text[quote..])?;
    Some((message, pairs.into_iter().collect()))
}

/// Adds what a structured record names beside its message, where the wording took nothing.
///
/// # Source
/// Kubernetes' structured logging guidelines: `pod` is an object reference `namespace/name`, `podUID`, `node` and `containerName` are plain.
/// Argo CD, application events: `dest-namespace`.
fn name_from_pairs(
    fields: &BTreeMap<String, String>,
    entities: &mut Entities,
    vocabulary: &Vocabulary,
) {
    if let Some((namespace, pod)) = fields.get("pod").and_then(|pod| pod.split_once('/'))
        && !entities.contains_key("pod")
        && is_name(namespace)
        && is_name(pod)
    {
        entities.insert("pod".to_owned(), pod.to_owned());
        entities.insert("namespace".to_owned(), namespace.to_owned());
    }
    for (key, entity) in [
        ("podUID", "uid"),
        ("node", "node"),
        ("containerName", "container"),
        ("image", "image"),
        ("dest-namespace", "namespace"),
    ] {
        if let Some(value) = fields.get(key).filter(|value| is_reference(value))
            && vocabulary.entity.contains_key(entity)
        {
            entities
                .entry(entity.to_owned())
                .or_insert_with(|| value.clone());
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
}

/// Returns whether a value is one name and not an object printed whole.
fn is_reference(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._/:@".contains(c))
}

/// Parses `"message" key=pattern …`, or a plain pattern.
fn compile_body(text: &str) -> Result<Body, super::pattern::PatternMistake> {
    let Some(inner) = text.strip_prefix('"') else {
        return Pattern::parse(text, false).map(Body::Plain);
    };
    let close = closing_quote(inner).ok_or_else(|| super::pattern::PatternMistake {
        at: 0,
        reason: "the message's closing quote is missing".into(),
        example: "\"Failed to pull image\" err={reason:quoted}".into(),
    })?;
    let message = Pattern::parse(&inner[..close], true).map_err(|m| shift(m, 1))?;
    let mut pairs = Vec::new();
    let mut at = 1 + close + 1;
    loop {
        let left = &text[at..];
        let trimmed = left.trim_start();
        at += left.len() - trimmed.len();
        if trimmed.is_empty() {
            return Ok(Body::Structured(message, pairs));
        }
        let bad = |at: usize| super::pattern::PatternMistake {
            at,
            reason: "after the message only key={name:kind} pairs may stand".into(),
            example: "\"Failed to pull image\" err={reason:quoted}".into(),
        };
        let equals = trimmed.find('=').ok_or_else(|| bad(at))?;
        let (key, optional) = match trimmed[..equals].strip_suffix('?') {
            Some(key) => (key, true),
            None => (&trimmed[..equals], false),
        };
        if key.is_empty()
            || !key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        {
            return Err(bad(at));
        }
        let value = &trimmed[equals + 1..];
        let (pattern_text, length, inset) = if let Some(inner) = value.strip_prefix('"') {
            let close = closing_quote(inner).ok_or_else(|| bad(at + equals))?;
            (&inner[..close], close + 2, 1)
        } else {
            let end = field_end(value).ok_or_else(|| bad(at + equals))?;
            (&value[..end], end, 0)
        };
        // The whole value is given to the field already decoded.
        let decoded = pattern_text.replace(":quoted}", ":rest}");
        let whole = inset == 0 && decoded.ends_with(":rest}");
        let pattern = Pattern::parse(if whole { &decoded } else { pattern_text }, true)
            .map_err(|m| shift(m, at + equals + 1 + inset))?;
        pairs.push(Pair {
            key: key.to_owned(),
            optional,
            pattern,
        });
        at += equals + 1 + length;
    }
}

/// Returns where the quote that ends a quoted part stands: before a space or the end, and outside of fields.
fn closing_quote(text: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            '"' if depth <= 0 && text[at + 1..].chars().next().is_none_or(|next| next == ' ') => {
                return Some(at);
            }
            _ => {}
        }
    }
    None
}

/// Fields that follow each other without a blank are one value.
fn field_end(text: &str) -> Option<usize> {
    if !text.starts_with('{') {
        return Some(text.find(' ').unwrap_or(text.len()));
    }
    let mut end = one_field_end(text)?;
    while text[end..].starts_with('{') {
        end += one_field_end(&text[end..])?;
    }
    Some(end)
}

fn one_field_end(text: &str) -> Option<usize> {
    if text.contains(":/") && text.find(":/")? < text.find('}')? {
        return text.find("/}").map(|at| at + 2);
    }
    text.find('}').map(|at| at + 1)
}

fn shift(mistake: super::pattern::PatternMistake, by: usize) -> super::pattern::PatternMistake {
    super::pattern::PatternMistake {
        at: mistake.at + by,
        ..mistake
    }
}

impl Wording {
    /// Matches a record: its type, who speaks, its fields and its body.
    pub fn find(&self, record: &Record, vocabulary: &Vocabulary) -> Option<Found> {
        if self.of != record.of {
            return None;
        }
        if let Some(component) = &record.component
            && !self.components.is_empty()
            && !self.components.contains(component)
        {
            return None;
        }
        let mut captured: Vec<(String, String)> = Vec::new();
        let mut weight = 0;
        for (name, patterns) in &self.fields {
            let value = record
                .fields
                .get(name)
                .map(String::as_str)
                .unwrap_or_default();
            if patterns.is_empty() {
                if !value.is_empty() {
                    return None;
                }
                continue;
            }
            let (pattern, captures) = patterns
                .iter()
                .find_map(|p| p.find(value, &[]).map(|c| (p, c)))?;
            weight += pattern.weight();
            captured.extend(captures.values);
        }
        match &self.body {
            Body::Any => {}
            Body::Plain(pattern) => {
                let (found, said) = find_plain(pattern, record)?;
                captured.extend(found.values);
                weight += said;
            }
            Body::Structured(message, pairs) if record.structured => {
                let (values, said) = find_pairs(message, pairs, &record.body, &record.fields)?;
                captured.extend(values);
                weight += said;
            }
            Body::Structured(message, pairs) => {
                let (body, fields) = structured_inside(&record.body, &self.needle)?;
                let (values, said) = find_pairs(message, pairs, &body, &fields)?;
                captured.extend(values);
                weight += said;
            }
        }
        if !self.not.is_empty()
            && self.not.iter().any(|bad| {
                record.body.contains(bad.as_str())
                    || record
                        .fields
                        .values()
                        .any(|value| value.contains(bad.as_str()))
            })
        {
            return None;
        }
        let mut told = Vec::new();
        let cause = match &self.cause {
            None => None,
            Some(Cause::Fixed(cause)) => Some(cause.clone()),
            Some(Cause::Table { from, by }) => {
                let text = captured
                    .iter()
                    .find(|(name, _)| name == from)
                    .map(|(_, value)| value.as_str())
                    .or_else(|| record.fields.get(from).map(String::as_str))
                    .unwrap_or(&record.body);
                let (cause, entities) = vocabulary.read_error(by, text);
                told = entities;
                cause.map(str::to_owned)
            }
        };
        // What the wording itself names counts before what the error text tells.
        told.retain(|(name, _)| {
            !record.entities.contains_key(name)
                && !captured
                    .iter()
                    .any(|(known, value)| known == name && !value.is_empty())
        });
        let mut entities = record.entities.clone();
        for (name, value) in told
            .into_iter()
            .chain(captured)
            .chain(self.set.iter().cloned())
        {
            // Which object an Event is about stands in its reference; the message may say it otherwise.
            let told = record.of == "event"
                && matches!(name.as_str(), "namespace" | "container")
                && record.entities.contains_key(&name);
            if vocabulary.entity.contains_key(&name) && !value.is_empty() && !told {
                entities.insert(name, value);
            }
        }
        if record.structured {
            name_from_pairs(&record.fields, &mut entities, vocabulary);
        }
        for (name, value) in vocabulary.read_message(&record.body) {
            entities.entry(name).or_insert(value);
        }
        Some(Found {
            cause,
            entities,
            component: match self.components.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            },
            weight,
        })
    }

    /// Returns the wording as its file has it: the pattern, or the fields it wants.
    pub fn shown(&self) -> String {
        if !self.text.is_empty() {
            return self.text.clone();
        }
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|(name, patterns)| {
                let texts: Vec<&str> = patterns.iter().map(Pattern::text).collect();
                format!("{name} = {}", texts.join(" or "))
            })
            .collect();
        fields.join(", ")
    }

    /// Returns where a wording stops to fit a record, as a sentence; `None` if nothing plain can be said.
    pub fn broke_off(&self, record: &Record) -> Option<String> {
        if let Some(component) = &record.component
            && !self.components.is_empty()
            && !self.components.contains(component)
        {
            return Some(format!(
                "said by {}, not by {component}",
                self.components.join(" or ")
            ));
        }
        if let Some((name, patterns)) = self.fields.iter().find(|(name, patterns)| {
            let value = record.fields.get(name).map_or("", String::as_str);
            !patterns.is_empty() && !patterns.iter().any(|p| p.find(value, &[]).is_some())
        }) {
            let value = record.fields.get(name).map_or("not there", String::as_str);
            let wanted: Vec<&str> = patterns.iter().map(Pattern::text).collect();
            return Some(format!(
                "field {name} is \"{value}\", not {}",
                wanted.join(" or ")
            ));
        }
        let (pattern, pairs): (&Pattern, &[Pair]) = match &self.body {
            Body::Any => return None,
            Body::Plain(pattern) => (pattern, &[]),
            Body::Structured(pattern, pairs) => (pattern, pairs),
        };
        if let Some(missing) = pattern
            .literals()
            .into_iter()
            .find(|literal| !literal.trim().is_empty() && !record.body.contains(literal.trim()))
        {
            return Some(format!("\"{}\" is not in the message", missing.trim()));
        }
        if !pairs.is_empty() && !record.structured {
            return Some("the message has no named values".to_owned());
        }
        if let Some(pair) = pairs.iter().find(|pair| {
            !pair.optional
                && record
                    .fields
                    .get(&pair.key)
                    .is_none_or(|value| pair.pattern.find(value, &[]).is_none())
        }) {
            let key = &pair.key;
            return Some(match record.fields.get(key) {
                None => format!("the value {key} is not there"),
                Some(value) => format!("the value {key} is \"{value}\", which does not fit"),
            });
        }
        if let Some(not) = self
            .not
            .iter()
            .find(|not| record.body.contains(not.as_str()))
        {
            return Some(format!("refused because \"{not}\" is in it"));
        }
        Some("its words are there, but not in this order".to_owned())
    }

    /// Returns how much of a wording fits a record, as a fraction of its parts, for "almost matched" messages.
    pub fn nearness(&self, record: &Record) -> f64 {
        let mut parts = 0;
        let mut fits = 0;
        for (name, patterns) in &self.fields {
            parts += 1;
            let value = record
                .fields
                .get(name)
                .map(String::as_str)
                .unwrap_or_default();
            fits += usize::from(patterns.iter().any(|p| p.find(value, &[]).is_some()));
        }
        if let Body::Plain(pattern) | Body::Structured(pattern, _) = &self.body {
            // Word by word: a text of another version differs in a few.
            for literal in pattern.literals() {
                for word in literal.split(|c: char| !c.is_ascii_alphanumeric()) {
                    if word.len() > 3 {
                        parts += 1;
                        fits += usize::from(record.body.contains(word));
                    }
                }
            }
        }
        if parts == 0 {
            0.0
        } else {
            fits as f64 / parts as f64
        }
    }
}
