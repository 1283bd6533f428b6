//! Raw evidence: verbatim records with place, byte range and hash.

use super::{Maker, Pair};

/// Witnesses whose text is shown for one signal; the places of the others are listed.
const WITNESSES: usize = 4;
/// Characters of one record that the page shows; JSON has all of them.
const SHOWN: usize = 1_600;

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
}

impl Maker<'_> {
    pub(super) fn evidence(&self) -> Vec<EvidenceView> {
        self.report
            .signals
            .iter()
            .filter(|s| self.shown.contains(s.id.as_str()))
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
                    .take(WITNESSES)
                    .map(|e| {
                        let (text, left_out) = shorten(&e.text);
                        Witness {
                            place: format!("{}:{}", e.path, e.line),
                            bytes: format!("bytes {}–{}", e.byte[0], e.byte[1]),
                            sha256: e.sha256.chars().take(16).collect(),
                            text,
                            left_out,
                        }
                    })
                    .collect(),
                more: s
                    .evidence
                    .iter()
                    .skip(WITNESSES)
                    .map(|e| format!("{}:{}", e.path, e.line))
                    .collect(),
            })
            .collect()
    }
}

/// Cuts long records, saying so.
fn shorten(text: &str) -> (String, String) {
    let shown: String = text.chars().take(SHOWN).collect();
    let left = text.chars().count().saturating_sub(SHOWN);
    (
        shown,
        if left == 0 {
            String::new()
        } else {
            format!("{left} more characters; JSON has all of them")
        },
    )
}
