//! Redaction: secrets, and on request addresses and names, are taken out of a published report before anything shows it.
//!
//! Takes a [`Report`] as `wire` made it; changes its texts in place, marks the records that changed and counts what was hidden, by kind.
//! Byte ranges and hashes stay those of the original. Does not know any output: all of them show what leaves here. Start with [`redact`];
//! which fields hold text of the input is told by [`fields`], shapes of secrets by the grammars, addresses and names by [`identities`].

mod fields;
mod identities;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use sha2::{Digest, Sha256};

use crate::grammar::secrets::{Secrets, is_mixed};
use crate::model::hash;
use crate::wire::v1::{EvidenceRow, RedactedRow, RedactionRow, Report};
use fields::Visitor;
use identities::Identities;

/// Shortest value that is hidden wherever it stands, once it was recognised in one place, in bytes.
const LEARNED: usize = 8;
/// Shortest beginning of such a value that is hidden where a text was cut off, in bytes.
const CUT: usize = 6;

/// What is hidden.
#[derive(Debug, Clone)]
pub struct Options {
    /// Credentials.
    pub secrets: bool,
    /// IP addresses.
    pub ips: bool,
    /// E-mail addresses.
    pub emails: bool,
    /// Names of nodes and hosts.
    pub hosts: bool,
    /// Names of accounts.
    pub names: bool,
    /// Makes the pseudonyms of several incidents the same, and nobody else's. Without it the key comes from the records themselves.
    pub key: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            secrets: true,
            ips: false,
            emails: false,
            hosts: false,
            names: false,
            key: None,
        }
    }
}

impl Options {
    /// Returns what tells these options from the usual ones, as a text; empty for the usual ones. Does not give the key away.
    pub fn difference(&self) -> String {
        let Options {
            secrets,
            ips,
            emails,
            hosts,
            names,
            key,
        } = self;
        let usual = *secrets && !(*ips || *emails || *hosts || *names) && key.is_none();
        if usual {
            return String::new();
        }
        let key = key.as_ref().map(|key| hash::of(key.as_bytes()));
        format!("{secrets} {ips} {emails} {hosts} {names} {key:?}")
    }
}

/// Hides in a whole report what the options name.
pub fn redact(report: &mut Report, options: &Options, secrets: &Secrets) {
    let mut study = Study {
        options,
        secrets,
        learned: BTreeMap::new(),
        key: Sha256::new(),
    };
    study.key.update(b"rootline redaction 1");
    fields::visit(report, &mut study);
    let key = match &options.key {
        Some(key) => Sha256::digest(key.as_bytes()),
        None => study.key.finalize(),
    };
    let learned: Vec<(String, String)> = study.learned.into_iter().collect();
    let mut pen = Pen {
        key: key.into(),
        identities: Identities::of(report, options),
        needles: AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(learned.iter().map(|(value, _)| value))
            .ok()
            .filter(|_| !learned.is_empty()),
        learned,
        options,
        secrets,
        counts: BTreeMap::new(),
    };
    fields::visit(report, &mut pen);
    let named = [
        ("secrets", options.secrets),
        ("ips", options.ips),
        ("emails", options.emails),
        ("hosts", options.hosts),
        ("names", options.names),
    ];
    report.redaction = RedactionRow {
        hides: named
            .iter()
            .filter(|(_, on)| *on)
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        hidden: pen
            .counts
            .into_iter()
            .map(|(kind, (values, places))| {
                let values = values.len() as u64;
                (kind, RedactedRow { values, places })
            })
            .collect(),
    };
}

/// Hides in one text what the options name, where there is no report: names that only a report could tell stay.
pub fn redact_text(text: &str, options: &Options, secrets: &Secrets) -> String {
    let mut key = Sha256::new();
    key.update(b"rootline redaction 1");
    key.update(options.key.as_deref().unwrap_or(text));
    let mut pen = Pen {
        key: key.finalize().into(),
        identities: Identities::alone(options),
        needles: None,
        learned: Vec::new(),
        options,
        secrets,
        counts: BTreeMap::new(),
    };
    pen.hidden(text, false).unwrap_or_else(|| text.to_owned())
}

/// The first walk: secrets are learned, so that they are hidden where their surroundings do not give them away; and the key is made.
struct Study<'a> {
    options: &'a Options,
    secrets: &'a Secrets,
    /// Values by kind.
    learned: BTreeMap<String, String>,
    key: Sha256,
}

impl Visitor for Study<'_> {
    fn text(&mut self, text: &mut String) {
        if !self.options.secrets {
            return;
        }
        for (range, kind) in self.secrets.find(text) {
            let value = &text[range];
            if value.len() >= LEARNED && is_mixed(value) && !value.contains(char::is_whitespace) {
                self.learned
                    .entry(value.to_owned())
                    .or_insert_with(|| kind.to_owned());
            }
        }
    }

    fn evidence(&mut self, row: &mut EvidenceRow) {
        // The text before anything is hidden: who has only the report cannot make the key.
        self.key.update((row.text.len() as u64).to_le_bytes());
        self.key.update(&row.text);
        self.text(&mut row.text);
        self.text(&mut row.path);
    }
}

/// The second walk: what is to be hidden gets its pseudonym.
struct Pen<'a> {
    key: [u8; 32],
    identities: Identities,
    /// Finds values that were learned.
    needles: Option<AhoCorasick>,
    /// Values and their kinds, in the order of the needles.
    learned: Vec<(String, String)>,
    options: &'a Options,
    secrets: &'a Secrets,
    /// By kind: the pseudonyms given, and in how many places of evidence.
    counts: BTreeMap<String, (BTreeSet<String>, u64)>,
}

impl Visitor for Pen<'_> {
    fn text(&mut self, text: &mut String) {
        if let Some(hidden) = self.hidden(text, false) {
            *text = hidden;
        }
    }

    fn evidence(&mut self, row: &mut EvidenceRow) {
        if let Some(hidden) = self.hidden(&row.text, true) {
            row.text = hidden;
            row.redacted = true;
        }
        self.text(&mut row.path);
    }
}

impl Pen<'_> {
    /// Returns the text with pseudonyms, or nothing if it stays as it is.
    fn hidden(&mut self, text: &str, evidence: bool) -> Option<String> {
        let mut found: Vec<(Range<usize>, String)> = Vec::new();
        if self.options.secrets {
            let shapes = self.secrets.find(text);
            found.extend(shapes.into_iter().map(|(r, k)| (r, k.to_owned())));
            if let Some(needles) = &self.needles {
                let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                for hit in needles.find_iter(text) {
                    // The beginning of a digest may be somebody's token.
                    let before = text[..hit.start()].chars().next_back();
                    let after = text[hit.end()..].chars().next();
                    if word(before) || word(after) {
                        continue;
                    }
                    let (_, kind) = &self.learned[hit.pattern().as_usize()];
                    found.push((hit.range(), kind.clone()));
                }
            }
            self.cut_off(text, &mut found);
        }
        // Secrets first: a host inside a secret is part of it.
        let free = |range: &Range<usize>, found: &[(Range<usize>, String)]| {
            found
                .iter()
                .all(|(taken, _)| range.end <= taken.start || taken.end <= range.start)
        };
        found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut kept: Vec<(Range<usize>, String)> = Vec::new();
        for (range, kind) in found {
            match kept.last_mut() {
                Some((last, _)) if range.start < last.end => last.end = last.end.max(range.end),
                _ => kept.push((range, kind)),
            }
        }
        for (range, kind) in self.identities.find(text) {
            if free(&range, &kept) {
                kept.push((range, kind.to_owned()));
            }
        }
        if kept.is_empty() {
            return None;
        }
        kept.sort_by_key(|(range, _)| range.start);
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for (range, kind) in kept {
            shown.push_str(&text[at..range.start]);
            let pseudonym = self.pseudonym(&kind, &text[range.clone()]);
            shown.push_str(&pseudonym);
            at = range.end;
            let (values, places) = self.counts.entry(kind).or_default();
            values.insert(pseudonym);
            *places += u64::from(evidence);
        }
        shown.push_str(&text[at..]);
        Some(shown)
    }

    /// Finds beginnings of learned values right before the sign that stands where a text was cut off.
    fn cut_off(&self, text: &str, found: &mut Vec<(Range<usize>, String)>) {
        if self.learned.is_empty() {
            return;
        }
        for (end, _) in text.match_indices('…') {
            let before = &text[..end];
            let fits = |value: &str| {
                (CUT..value.len()).rev().find(|length| {
                    value
                        .get(..*length)
                        .is_some_and(|start| before.ends_with(start))
                })
            };
            let longest = self
                .learned
                .iter()
                .filter_map(|(value, kind)| Some((fits(value)?, kind)))
                .max();
            if let Some((length, kind)) = longest {
                found.push((end - length..end, kind.clone()));
            }
        }
    }

    /// Returns what stands in a value's place: the same for the same value, and told apart from others by 40 bits.
    fn pseudonym(&self, kind: &str, value: &str) -> String {
        let mut digest = Sha256::new();
        digest.update(self.key);
        digest.update((kind.len() as u64).to_le_bytes());
        digest.update(kind);
        digest.update(value);
        let digits = &hash::hex(&digest.finalize())[..10];
        if identities::KINDS.contains(&kind) {
            format!("{kind}-{digits}")
        } else {
            format!("[redacted:{kind}:{digits}]")
        }
    }
}
