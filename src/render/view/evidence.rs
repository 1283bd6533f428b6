//! Raw evidence: verbatim records with place, byte range and hash.

use super::{Maker, Pair};
use crate::wire::v1::SignalRow;

/// Witnesses whose text is shown for one signal; the places of the others are listed.
const WITNESSES: usize = 4;
/// Characters of one record that the page shows; JSON has all of them.
const SHOWN: usize = 1_600;
/// Places of further records of one signal.
const PLACES: usize = 40;
/// Bytes of records that the page shows in all; further ones are named by their place.
const TEXT: usize = 600_000;

/// A verbatim record.
#[derive(Debug, Clone)]
pub struct Witness {
    /// `path:line`.
    pub place: String,
    /// Byte range.
    pub bytes: String,
    /// SHA-256 of the original bytes.
    pub sha256: String,
    /// The text, possibly shortened.
    pub text: String,
    /// What was left out; empty if nothing.
    pub left_out: String,
    /// Something in the text was replaced: a name by a role, or a secret.
    pub redacted: bool,
}

/// Evidence of one signal.
#[derive(Debug, Clone)]
pub struct EvidenceView {
    /// Signal id.
    pub id: String,
    /// Title and time.
    pub title: String,
    /// What was concluded and how.
    pub inferred: Vec<Pair>,
    /// Records.
    pub witnesses: Vec<Witness>,
    /// Places of further records.
    pub more: Vec<String>,
    /// Records that are not even listed.
    pub left_out: u64,
    /// What people say about it; empty if they say nothing.
    pub corrected: String,
}

impl Maker<'_> {
    pub(super) fn evidence(&self) -> Vec<EvidenceView> {
        let signals: Vec<&SignalRow> = self
            .report
            .signals
            .iter()
            .filter(|s| self.shown.contains(s.id.as_str()))
            .collect();
        let (witnesses, characters) = room_for(&signals);
        signals
            .into_iter()
            .map(|s| EvidenceView {
                id: s.id.clone(),
                title: format!(
                    "{} {}",
                    s.at.as_deref()
                        .map(|at| self.clock.show(at))
                        .unwrap_or_default(),
                    self.title_of(s)
                )
                .trim()
                .to_owned(),
                inferred: s
                    .inferred
                    .iter()
                    .map(|(kind, how)| Pair {
                        name: format!("{kind} {}", s.entities.get(kind).map_or("", String::as_str)),
                        value: how.clone(),
                    })
                    .collect(),
                witnesses: s
                    .evidence
                    .iter()
                    .take(witnesses)
                    .map(|e| {
                        let (text, left_out) = shorten(&e.text, characters);
                        Witness {
                            place: format!("{}:{}", e.path, e.line),
                            bytes: format!("bytes {}–{}", e.byte[0], e.byte[1]),
                            sha256: e.sha256.chars().take(16).collect(),
                            text,
                            left_out,
                            redacted: e.redacted,
                        }
                    })
                    .collect(),
                more: s
                    .evidence
                    .iter()
                    .skip(witnesses)
                    .take(PLACES)
                    .map(|e| format!("{}:{}", e.path, e.line))
                    .collect(),
                left_out: s.evidence_left_out
                    + s.evidence.len().saturating_sub(witnesses + PLACES) as u64,
                corrected: self.corrected.get(&s.id).cloned().unwrap_or_default(),
            })
            .collect()
    }
}

/// Returns how many witnesses of each signal, and how many characters of each record, fit on the page.
fn room_for(signals: &[&SignalRow]) -> (usize, usize) {
    const ROOMS: &[(usize, usize)] =
        &[(WITNESSES, SHOWN), (2, SHOWN), (2, 800), (1, 800), (1, 400)];
    ROOMS
        .iter()
        .copied()
        .find(|(witnesses, characters)| {
            let total: usize = signals
                .iter()
                .flat_map(|s| s.evidence.iter().take(*witnesses))
                .map(|e| e.text.len().min(*characters))
                .sum();
            total <= TEXT
        })
        .unwrap_or((1, 400))
}

/// Cuts long records, saying so.
fn shorten(text: &str, most: usize) -> (String, String) {
    let shown: String = text.chars().take(most).collect();
    let left = text.chars().count().saturating_sub(most);
    (
        shown,
        if left == 0 {
            String::new()
        } else {
            format!("{left} more characters; JSON has all of them")
        },
    )
}
