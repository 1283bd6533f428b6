//! Index of wordings by their needles: of many hundred wordings, the few that a record can fit.
//!
//! Takes the signals' wordings; gives, for a record, the places of those whose needle stands in its message or in a field's value, and of
//! those that have none. Decides nothing else.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::peel::Record;
use super::signal::SignalKind;

/// What the text of a line must hold for something to be in it, whatever its envelopes are.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needs {
    /// All of these texts.
    pub all: Vec<String>,
    /// Of each list one word, which no letter or digit may touch.
    pub one_of: Vec<Vec<String>>,
}

/// A wording's place: the signal's, then its own.
pub type Place = (usize, usize);

/// Wordings by needle.
#[derive(Debug, Clone, Default)]
pub struct WordingIndex {
    needles: Option<AhoCorasick>,
    by_needle: Vec<Vec<Place>>,
    /// Wordings without a needle.
    always: Vec<Place>,
}

impl WordingIndex {
    /// Builds the index.
    pub fn new(signals: &[SignalKind]) -> WordingIndex {
        let mut places: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
        let mut always = Vec::new();
        for (kind, signal) in signals.iter().enumerate() {
            for (index, wording) in signal.wordings.iter().enumerate() {
                if wording.needle.is_empty() {
                    always.push((kind, index));
                } else {
                    places
                        .entry(&wording.needle)
                        .or_default()
                        .push((kind, index));
                }
            }
        }
        let needles = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(places.keys())
            .ok();
        WordingIndex {
            needles,
            by_needle: places.into_values().collect(),
            always,
        }
    }

    /// Returns the wordings that a record can fit, in the order of the signals.
    pub fn candidates(&self, record: &Record) -> Vec<Place> {
        let mut found = self.always.clone();
        let Some(needles) = &self.needles else {
            return found;
        };
        let mut seen = vec![false; self.by_needle.len()];
        for text in std::iter::once(&record.body).chain(record.fields.values()) {
            for hit in needles.find_overlapping_iter(text) {
                let needle = hit.pattern().as_usize();
                if !std::mem::replace(&mut seen[needle], true) {
                    found.extend(&self.by_needle[needle]);
                }
            }
        }
        found.sort_unstable();
        found
    }
}
