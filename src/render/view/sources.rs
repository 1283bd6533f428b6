//! Sources and ledger: what each file is, whom it speaks for, and what was not read.

use super::Maker;

/// A source.
#[derive(Debug, Clone)]
pub struct SourceView {
    /// Path.
    pub path: String,
    /// Formats.
    pub formats: String,
    /// Whom it speaks for.
    pub speaks_for: String,
    /// Records.
    pub records: u64,
    /// Signals.
    pub signals: u64,
    /// Bytes in words.
    pub bytes: String,
    /// From and to.
    pub span: String,
    /// Clock in words; empty if nothing was found.
    pub clock: String,
    /// Problems.
    pub problems: Vec<String>,
}

impl Maker<'_> {
    pub(super) fn sources(&self) -> Vec<SourceView> {
        self.report
            .sources
            .iter()
            .map(|s| {
                let speaks = |name: &str| s.speaks_for.get(name).cloned().unwrap_or_default();
                let speaks_for = [speaks("component"), speaks("node")]
                    .into_iter()
                    .filter(|t| !t.is_empty())
                    .collect::<Vec<_>>()
                    .join(" on ");
                let span = match (&s.from, &s.to) {
                    (Some(from), Some(to)) => {
                        format!("{} – {}", self.clock.show(from), self.clock.show(to))
                    }
                    _ => String::new(),
                };
                let clock = match s.clock.status.as_str() {
                    "corrected" => format!(
                        "corrected by {:.1} s ({} anchors)",
                        -(s.clock.offset_ms as f64) / 1000.0,
                        s.clock.anchors
                    ),
                    "refused" => format!(
                        "differs, but not consistently ({} anchors): left alone",
                        s.clock.anchors
                    ),
                    _ => String::new(),
                };
                SourceView {
                    path: s.path.clone(),
                    formats: if s.format.is_empty() {
                        "none known".to_owned()
                    } else {
                        s.format
                            .iter()
                            .take(3)
                            .cloned()
                            .collect::<Vec<_>>()
                            .join("; ")
                    },
                    speaks_for,
                    records: s.records,
                    signals: s.signals,
                    bytes: size(s.bytes),
                    span,
                    clock,
                    problems: s.problems.clone(),
                }
            })
            .collect()
    }

    pub(super) fn totals(&self) -> String {
        let l = &self.report.ledger;
        let left = l.bytes - l.bytes_read.min(l.bytes);
        let undated = if l.undated == 0 {
            String::new()
        } else {
            format!(" {} signals have no time.", l.undated)
        };
        let skipped = match l.skipped.len() {
            0 => String::new(),
            1 => format!(
                ", {} not read (one file, listed in the ledger with the reason)",
                size(left)
            ),
            n => format!(
                ", {} not read ({n} files, listed in the ledger with the reasons)",
                size(left)
            ),
        };
        format!(
            "{} {}, {}: {} read in {} records{skipped}.{undated} {}",
            l.files,
            if l.files == 1 { "file" } else { "files" },
            size(l.bytes),
            size(l.bytes_read),
            l.records,
            self.redaction()
        )
    }

    /// Tells what was looked for and hidden.
    fn redaction(&self) -> String {
        let row = &self.report.redaction;
        if row.hides.is_empty() {
            return "Nothing was looked for to be hidden: secrets, if there are any, stand in here.".to_owned();
        }
        let hidden: Vec<String> = row
            .hidden
            .iter()
            .map(|(kind, r)| {
                let places = if r.places == 1 { "place" } else { "places" };
                format!("{kind} ({} in {} {places})", r.values, r.places)
            })
            .collect();
        if hidden.is_empty() {
            format!(
                "Looked for to be hidden, and not found: {}.",
                row.hides.join(", ")
            )
        } else {
            format!(
                "Hidden, each value behind one pseudonym: {}.",
                hidden.join(", ")
            )
        }
    }
}

/// Returns a size with three digits.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 || unit == "GiB" {
            return if unit == "B" {
                format!("{bytes} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{bytes} B")
}
