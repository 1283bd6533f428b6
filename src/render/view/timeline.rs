//! The timeline: one row a signal, conditions in words, and faults left alone.

use super::{Cite, Maker, Pair};
use crate::wire::v1::{SignalRow, SourceRow};

/// A row of the timeline.
#[derive(Debug, Clone)]
pub struct Row {
    /// Signal id.
    pub id: String,
    /// Its records.
    pub cite: Cite,
    /// Time.
    pub time: String,
    /// How sure the time is, as a hint; empty if it stands in the record with a zone.
    pub time_note: String,
    /// `fault`, `change`, `recovery` or `other`.
    pub tone: String,
    /// Signal in words.
    pub title: String,
    /// What about, in words.
    pub about: String,
    /// Node.
    pub node: String,
    /// Who says it.
    pub witnesses: String,
    /// It belongs to a cascade.
    pub in_cascade: bool,
    /// Where the best record stands.
    pub place: String,
}

/// A fault left alone.
#[derive(Debug, Clone)]
pub struct LeftAlone {
    /// The row.
    pub row: Row,
    /// Why.
    pub why: String,
}

impl Maker<'_> {
    pub(super) fn row(&self, signal: &SignalRow, in_cascade: bool) -> Row {
        let time = signal
            .at
            .as_deref()
            .map(|at| self.clock.show(at))
            .or_else(|| signal.as_written.clone())
            .unwrap_or_else(|| "–".to_owned());
        let time_note = match signal.time_basis.as_str() {
            "stamp" => String::new(),
            "zone_inferred" => "zone not written".to_owned(),
            "year_inferred" => "year not written".to_owned(),
            "file_order" => "from its place in the file".to_owned(),
            "relative" => "from an age".to_owned(),
            _ => "time not known".to_owned(),
        };
        // A corrected clock never hides what was written.
        let corrected = signal.evidence.first().is_some_and(|evidence| {
            let of = |s: &&SourceRow| s.path == evidence.path && s.clock.offset_ms != 0;
            self.report.sources.iter().any(|s| of(&s))
        });
        let time_note = match &signal.as_written {
            Some(written) if corrected && signal.at.is_some() => {
                let apart = if time_note.is_empty() { "" } else { "; " };
                format!("{time_note}{apart}clock corrected, written as {written}")
            }
            _ => time_note,
        };
        let count = if signal.count > 1 {
            format!(" × {}", signal.count)
        } else {
            String::new()
        };
        let retry = signal
            .retry_of
            .as_ref()
            .map(|first| format!(" (retry of {first})"))
            .unwrap_or_default();
        Row {
            id: signal.id.clone(),
            cite: self.cite(&signal.id),
            time,
            time_note,
            tone: self.tone(signal),
            title: format!("{}{count}{retry}", self.title_of(signal)),
            about: self.about(signal),
            node: signal.entities.get("node").cloned().unwrap_or_default(),
            witnesses: signal.witnesses.join(", "),
            in_cascade,
            place: signal
                .evidence
                .first()
                .map(|e| format!("{}:{}", e.path, e.line))
                .unwrap_or_default(),
        }
    }

    pub(super) fn conditions(&self) -> Vec<Pair> {
        self.report
            .conditions
            .iter()
            .map(|c| {
                let from = c
                    .from
                    .as_deref()
                    .map_or_else(|| "?".to_owned(), |at| self.clock.show(at));
                let to = match (&c.to, c.to_open) {
                    (Some(to), false) => self.clock.show(to),
                    (Some(to), true) => format!(
                        "{} (then overwritten with Unknown; its true end is not known)",
                        self.clock.show(to)
                    ),
                    (None, _) => "end not in the record".to_owned(),
                };
                let also = if c.also.is_empty() {
                    String::new()
                } else {
                    format!("; {} became Unknown in the same write", c.also.join(", "))
                };
                Pair {
                    name: c.node.clone(),
                    value: format!("{}={} from {from} to {to}{also}", c.condition, c.status),
                }
            })
            .collect()
    }
}
