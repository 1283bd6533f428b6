//! Secrets: what must not leave the house, known by its shape or by what stands before it.
//!
//! Takes `grammars/secrets.toml`; gives [`Secrets::find`], which tells where in a text secrets stand and of which kind.
//! Does not replace anything: that is for `redact`. Keywords keep it cheap: a pattern is compiled and run only where one of its keywords stands.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::Regex;
use serde::Deserialize;

use super::mistake::Mistake;

/// The kind of the values of a Secret object.
pub const BODY: &str = "secret-body";
/// A mark that is taken out of samples: it keeps scanners of repositories from taking a made-up token for a real one.
const MARK: char = '¦';

/// `grammars/secrets.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Kinds of secret, by name.
    #[serde(default)]
    pub secret: BTreeMap<String, Secret>,
    /// Needles of all keywords, and whose each is.
    #[serde(skip)]
    needles: OnceLock<Option<(AhoCorasick, Vec<usize>)>>,
}

/// A kind of secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// One sentence.
    pub about: String,
    /// Where its shape is documented.
    pub source: String,
    /// Texts of which one must occur; letter case does not count.
    pub keyword: Vec<String>,
    /// Regular expressions; what the group `secret` holds is the secret.
    pub pattern: Vec<String>,
    /// It holds a letter and a digit, or it is none.
    #[serde(default)]
    pub mixed: bool,
    /// Shorter values are none, in characters.
    #[serde(default)]
    pub at_least: usize,
    /// A name that Kubernetes would accept is none.
    #[serde(default)]
    pub not_a_name: bool,
    /// Texts that hold one.
    #[serde(default)]
    pub sample: Vec<Sample>,
    /// Texts that look as if.
    #[serde(default)]
    pub look_alike: Vec<LookAlike>,
    /// Compiled when it is needed first.
    #[serde(skip)]
    compiled: OnceLock<Vec<Regex>>,
}

/// A text with secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The text; the mark `¦` is left out.
    pub text: String,
    /// The values to be found, in order.
    pub hidden: Vec<String>,
}

/// A text without secrets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookAlike {
    /// The text.
    pub text: String,
    /// Why it is none.
    pub why: String,
}

impl Secret {
    fn patterns(&self) -> &[Regex] {
        // A pattern that does not compile was a mistake at load, or fails the tests.
        self.compiled.get_or_init(|| {
            self.pattern
                .iter()
                .filter_map(|pattern| Regex::new(pattern).ok())
                .collect()
        })
    }

    fn is_one(&self, value: &str) -> bool {
        !value.is_empty()
            && value.chars().count() >= self.at_least
            && !is_placeholder(value)
            && (!self.mixed || is_mixed(value))
            && (!self.not_a_name || !is_a_name(value))
    }
}

impl Secrets {
    /// Finds what is wrong in patterns.
    pub fn check(&self, file: &str, text: &str, mistakes: &mut Vec<Mistake>) {
        for (kind, secret) in &self.secret {
            let at = text.find(&format!("[secret.{kind}]")).unwrap_or(0);
            let mut say = |reason: String| {
                mistakes.push(
                    Mistake::new(file, at..at + kind.len() + 9, reason).with_example(
                        "keyword = [\"acme_\"] and pattern = ['\\b(?P<secret>acme_[A-Za-z0-9]{32})\\b']",
                    ),
                );
            };
            if secret.keyword.iter().all(|keyword| keyword.len() < 2) {
                say(format!("\"{kind}\" has no keyword of two characters"));
            }
            for pattern in &secret.pattern {
                match Regex::new(pattern) {
                    Err(error) => say(format!("the pattern of \"{kind}\" cannot be read: {error}")),
                    Ok(regex) if !regex.capture_names().flatten().any(|n| n == "secret") => {
                        say(format!(
                            "the pattern of \"{kind}\" has no group named secret"
                        ));
                    }
                    Ok(_) => {}
                }
            }
        }
    }

    /// Takes over everything another file defines. It adds to a kind that is known, and takes nothing from it: grammars that came with
    /// a stranger's bundle must not show what was hidden.
    pub fn overlay(&mut self, other: Secrets) {
        for (kind, more) in other.secret {
            match self.secret.entry(kind) {
                Entry::Vacant(place) => drop(place.insert(more)),
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    known.keyword.extend(more.keyword);
                    known.pattern.extend(more.pattern);
                    known.sample.extend(more.sample);
                    known.look_alike.extend(more.look_alike);
                    known.compiled = OnceLock::new();
                }
            }
        }
        self.needles = OnceLock::new();
    }

    fn needles(&self) -> Option<&(AhoCorasick, Vec<usize>)> {
        self.needles
            .get_or_init(|| {
                let (mut texts, mut owners) = (Vec::new(), Vec::new());
                for (index, secret) in self.secret.values().enumerate() {
                    texts.extend(secret.keyword.iter().map(String::as_str));
                    owners.extend(secret.keyword.iter().map(|_| index));
                }
                let needles = AhoCorasick::builder()
                    .ascii_case_insensitive(true)
                    .build(texts)
                    .ok()?;
                Some((needles, owners))
            })
            .as_ref()
    }

    /// Finds the secrets in a text: byte ranges in order, which do not overlap, and the kind of each.
    pub fn find<'a>(&'a self, text: &str) -> Vec<(Range<usize>, &'a str)> {
        let mut found: Vec<(Range<usize>, &str)> = bodies(text)
            .into_iter()
            .map(|range| (range, BODY))
            .collect();
        if let Some((needles, owners)) = self.needles() {
            let mut wanted = vec![false; self.secret.len()];
            for hit in needles.find_overlapping_iter(text) {
                wanted[owners[hit.pattern().as_usize()]] = true;
            }
            for ((kind, secret), _) in self.secret.iter().zip(wanted).filter(|(_, w)| *w) {
                for pattern in secret.patterns() {
                    found.extend(
                        pattern
                            .captures_iter(text)
                            .filter_map(|groups| groups.name("secret"))
                            .filter(|group| secret.is_one(group.as_str()))
                            .map(|group| (group.range(), kind.as_str())),
                    );
                }
            }
        }
        disjoint(found)
    }

    /// Runs the samples and look-alikes.
    pub fn prove(&self, file: &str, text: &str, mistakes: &mut Vec<Mistake>) {
        let mut wrong = |at: &str, reason: String| {
            let place = text.find(at).unwrap_or(0);
            mistakes.push(Mistake::new(file, place..place + at.len(), reason));
        };
        for (kind, secret) in &self.secret {
            for sample in &secret.sample {
                let shown = sample.text.replace(MARK, "");
                let hidden: Vec<String> =
                    sample.hidden.iter().map(|h| h.replace(MARK, "")).collect();
                let found = self.find(&shown);
                let values: Vec<&str> = found.iter().map(|(r, _)| &shown[r.clone()]).collect();
                if values != hidden || !found.iter().any(|(_, k)| k == kind) {
                    wrong(
                        &sample.text,
                        format!(
                            "found here are {values:?} as {:?}, not {hidden:?} as \"{kind}\"",
                            found.iter().map(|f| f.1).collect::<Vec<_>>()
                        ),
                    );
                }
            }
            for look_alike in &secret.look_alike {
                let shown = look_alike.text.replace(MARK, "");
                for (range, kind) in self.find(&shown) {
                    wrong(
                        &look_alike.text,
                        format!("\"{}\" is taken for a {kind}", &shown[range]),
                    );
                }
            }
        }
    }
}

/// Merges ranges that overlap; the first one's kind stays.
fn disjoint(mut found: Vec<(Range<usize>, &str)>) -> Vec<(Range<usize>, &str)> {
    found.sort_by(|a, b| {
        (a.0.start, std::cmp::Reverse(a.0.end), a.1).cmp(&(
            b.0.start,
            std::cmp::Reverse(b.0.end),
            b.1,
        ))
    });
    let mut kept: Vec<(Range<usize>, &str)> = Vec::with_capacity(found.len());
    for (range, kind) in found {
        match kept.last_mut() {
            Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => kept.push((range, kind)),
        }
    }
    kept
}

/// Returns whether a value holds a letter and a digit.
pub fn is_mixed(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_digit()) && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Returns whether Kubernetes would take a value for an object's name, with or without a namespace, and not only because it has no capitals.
fn is_a_name(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-./".contains(&b);
    value.bytes().all(allowed) && (value.bytes().any(|b| b"-./".contains(&b)) || value.len() < 20)
}

/// Returns whether a value only stands for one: `***`, `$(PASSWORD)`, `<nil>`, `[redacted]`.
fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let variable = |rest: &str| {
        rest.starts_with(['{', '('])
            || (rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && !rest.contains('$'))
    };
    lower.starts_with(['<', '{', '[', '%', '*', '@'])
        || lower.strip_prefix('$').is_some_and(variable)
        || lower.bytes().all(|b| b"x*.-_#?".contains(&b))
        || lower.contains("redacted")
        || matches!(
            lower.as_str(),
            "null"
                | "nil"
                | "none"
                | "true"
                | "false"
                | "undefined"
                | "empty"
                | "masked"
                | "hidden"
                | "removed"
                | "filtered"
                | "omitted"
                | "unset"
        )
}

/// Finds the values in the `data` and `stringData` of Secret objects, as JSON at any depth of quoting or as YAML.
///
/// # Source
/// Kubernetes API, core/v1 Secret; `kubectl apply` keeps a quoted copy of the object in an annotation.
fn bodies(text: &str) -> Vec<Range<usize>> {
    static PATTERNS: OnceLock<Option<(Regex, Regex, Regex, Regex)>> = OnceLock::new();
    if !text.contains("Secret") && !text.contains("secrets") {
        return Vec::new();
    }
    let patterns = PATTERNS.get_or_init(|| {
        Some((
            Regex::new(r#"\\*"kind\\*"\s*:\s*\\*"Secret(?:List)?\\*"|\\*"resource\\*"\s*:\s*\\*"secrets\\*"|(?m:^[\s-]*kind:\s*"?Secret(?:List)?"?\s*$)"#).ok()?,
            Regex::new(r#"\\*"(?:data|stringData)\\*"\s*:\s*\{([^{}]*)"#).ok()?,
            Regex::new(r#"\\*"[^"\\]*\\*"\s*:\s*\\*"([^"\\]*(?:\\+[^"\\]+)*)"#).ok()?,
            Regex::new(r"(?m)^([\s-]*)(?:data|stringData):[ \t]*$").ok()?,
        ))
    });
    let Some((secret, json, pair, yaml)) = patterns else {
        return Vec::new();
    };
    if !secret.is_match(text) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for block in json.captures_iter(text).filter_map(|groups| groups.get(1)) {
        for value in pair
            .captures_iter(block.as_str())
            .filter_map(|groups| groups.get(1))
        {
            found.push(block.start() + value.start()..block.start() + value.end());
        }
    }
    for head in yaml.captures_iter(text) {
        let (Some(whole), Some(indent)) = (head.get(0), head.get(1)) else {
            continue;
        };
        let depth = indent.as_str().trim_start_matches('\n').len();
        let mut at = whole.end();
        for line in text[whole.end()..].split_inclusive('\n') {
            let body = line.trim_end();
            let inside = body.len() - body.trim_start().len() > depth;
            if !body.is_empty() && !inside {
                break;
            }
            // A block scalar's lines have no key: they are values as a whole.
            let key = body.find(": ").map_or_else(
                || {
                    if body.ends_with(':') {
                        body.len()
                    } else {
                        body.len() - body.trim_start().len()
                    }
                },
                |colon| colon + 2,
            );
            let value = body[key..].trim_start_matches(['"', '\'']);
            let value_at = at + body.len() - value.len();
            let value = value.trim_end_matches(['"', '\'']);
            if !value.is_empty() && !matches!(value, "|" | "|-" | ">" | ">-") {
                found.push(value_at..value_at + value.len());
            }
            at += line.len();
        }
    }
    found.retain(|range| !is_placeholder(&text[range.clone()]) && !range.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found = bodies(text);
        let values: Vec<&str> = found.into_iter().map(|range| &text[range]).collect();
        assert_eq!(values, expected, "{text}");
    }

    #[test]
    fn values_of_secrets_are_found_at_any_depth_of_quoting() {
        check(
            r#"{"kind":"Secret","data":{"user":"YWRtaW4=","password":"aHVudGVyMg=="},"type":"Opaque"}"#,
            &["YWRtaW4=", "aHVudGVyMg=="],
        );
        check(
            r#"{"requestObject":"{\"kind\":\"Secret\",\"stringData\":{\"a\":\"b c\"}}"}"#,
            &["b c"],
        );
        check(
            "kind: Secret\ndata:\n  a: YQ==\n  b: |\n    line one\nmetadata:\n  name: x\n",
            &["YQ==", "line one"],
        );
        check(r#"{"kind":"ConfigMap","data":{"a":"b"}}"#, &[]);
        check(r#"{"kind":"SecretStore","data":{"a":"b"}}"#, &[]);
    }

    #[test]
    fn what_stands_for_a_secret_is_none() {
        for value in [
            "***",
            "$(DB_PASSWORD)",
            "${X}",
            "<nil>",
            "$HOME",
            "[redacted:jwt:00]",
            "xxxxx",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in ["hunter2", "$2a$10$abcdefghijklmnopqrstuv", "p@ss"] {
            assert!(!is_placeholder(value), "{value}");
        }
    }
}
