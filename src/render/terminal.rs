//! Terminal: the summary after a report, and the table of signals; the timeline has a file of its own. Control characters of the input are shown, not sent.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::columns::wrapped_at_words;
use super::escape::csv_cell;
pub use super::escape::visible as safe;
use super::view::{Titles, view};
use crate::wire::v1::{Report, SignalRow};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const FAULT: Style = AnsiColor::Red.on_default().bold();
pub(super) const CHANGE: Style = AnsiColor::Blue.on_default();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();

/// What the terminal bears; everything off by default.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// Directory that relative paths start from, if evidence is to be clickable.
    pub base: Option<String>,
    /// Columns, if lines are to fit; without, they are as long as they are.
    pub width: Option<usize>,
}

impl Screen {
    /// Returns text that opens a file when it is clicked, or the text alone. What stands behind a `!` is inside of the file.
    ///
    /// # Source
    /// OSC 8, "Hyperlinks in Terminal Emulators"; RFC 8089 for the address.
    pub(super) fn link(&self, path: &str, shown: &str) -> String {
        let stored = path.split('!').next().unwrap_or(path);
        let Some(base) = self.base.as_ref().filter(|_| stored != "-") else {
            return shown.to_owned();
        };
        let mut address = String::from("file://");
        let absolute = if stored.starts_with('/') {
            stored.to_owned()
        } else {
            format!("{base}/{stored}")
        };
        for byte in absolute.replace("/./", "/").bytes() {
            if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
                address.push(char::from(byte));
            } else {
                let _ = write!(address, "%{byte:02X}");
            }
        }
        format!("\u{1b}]8;;{address}\u{1b}\\{shown}\u{1b}]8;;\u{1b}\\")
    }
}

/// Lines and columns of the summary: one screen, with room for the prompt below it.
const ROOM: (usize, usize) = (23, 80);

/// Renders the summary that `report` prints: at most one screen. What does not fit is counted; the report has it.
pub fn render_summary(report: &Report, titles: &Titles) -> String {
    let v = view(report, titles);
    let width = ROOM.1 - 2;
    let mut top: Vec<String> = wrapped_at_words(&safe(&v.title), width)
        .into_iter()
        .take(2)
        .map(|line| format!("{BOLD}{line}{BOLD:#}"))
        .collect();
    top.push(format!("{DIM}{}{DIM:#}", v.window));
    top.push(String::new());
    let mut bottom: Vec<String> = vec![String::new()];
    let contradictions = v.cascades.iter().flat_map(|c| &c.contradictions).count();
    let counted = [
        (v.cascades_found, "cascade", "cascades"),
        (contradictions, "contradiction", "contradictions"),
        (v.gaps.len(), "thing not known", "things not known"),
        (v.actions.len(), "action suggested", "actions suggested"),
        (
            v.human_problems.len(),
            "mistake in people's text",
            "mistakes in people's text",
        ),
    ];
    let counted: Vec<String> = counted
        .iter()
        .filter(|(n, ..)| *n > 0)
        .map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many }))
        .collect();
    if !counted.is_empty() {
        bottom.extend(wrapped_at_words(&counted.join(" · "), width));
    }
    if v.head.awaiting > 0 {
        bottom.push(format!(
            "{} of {} sections await you; `rootline init DIR` begins them",
            v.head.awaiting,
            v.sections.len()
        ));
    }
    if v.head.revealed {
        bottom.push(format!(
            "{FAULT}names are shown: --reveal-identities{FAULT:#}"
        ));
    }
    bottom.extend(
        wrapped_at_words(&v.totals, width)
            .into_iter()
            .map(|line| format!("{DIM}{line}{DIM:#}")),
    );
    let mut room = ROOM.0.saturating_sub(top.len() + bottom.len() + 1);
    let mut middle: Vec<String> = Vec::new();
    let said = v.summary.iter().map(|s| (s, false)).chain(
        v.cascades
            .iter()
            .flat_map(|c| c.contradictions.iter().map(|(what, _)| (what, true))),
    );
    let mut left_out = 0;
    for (sentence, contradiction) in said {
        let mut text = safe(&sentence.text);
        if contradiction {
            text.insert_str(0, "Contradiction: ");
        }
        let ids: Vec<&str> = sentence
            .cites
            .iter()
            .take(4)
            .map(|c| c.id.as_str())
            .collect();
        if !ids.is_empty() {
            let _ = write!(text, " [{}]", ids.join(" "));
        }
        let lines = wrapped_at_words(&text, width - 2);
        if lines.len() > room {
            left_out += 1;
            continue;
        }
        room -= lines.len();
        middle.extend(
            lines
                .into_iter()
                .enumerate()
                .map(|(index, line)| format!("{}{line}", if index == 0 { "• " } else { "  " })),
        );
    }
    if left_out > 0 {
        middle.push(format!(
            "{DIM}  … {left_out} more {} in the report{DIM:#}",
            if left_out == 1 { "is" } else { "are" }
        ));
    }
    let mut out = String::new();
    for line in top.into_iter().chain(middle).chain(bottom) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Returns the style of a tone.
pub(super) fn style_of(tone: &str) -> Style {
    match tone {
        "fault" => FAULT,
        "change" | "detection" => CHANGE,
        "recovery" => GOOD,
        _ => Style::new(),
    }
}

/// Renders signals as a table: time, signal, entities, place.
pub fn render_signals(signals: &[SignalRow], screen: &Screen) -> String {
    let mut out = String::new();
    for s in signals {
        let time = s.at.as_deref().unwrap_or("-");
        let cause = s
            .cause
            .as_ref()
            .map(|c| format!("({c})"))
            .unwrap_or_default();
        let entities: Vec<String> = s
            .entities
            .iter()
            .filter(|(k, _)| *k != "uid")
            .map(|(k, v)| format!("{k}={}", safe(v)))
            .collect();
        let place = s
            .evidence
            .first()
            .map(|e| screen.link(&e.path, &format!("{}:{}", safe(&e.path), e.line)))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{time:<27} {BOLD}{:<24}{BOLD:#} {} {DIM}{place} ({} witnesses){DIM:#}",
            format!("{}{cause}", s.signal),
            entities.join(" "),
            s.evidence.len()
        );
    }
    let _ = writeln!(out, "{DIM}{} signals{DIM:#}", signals.len());
    out
}

/// Renders signals as CSV. A cell that a spreadsheet would compute is made text.
pub fn render_signals_csv(signals: &[SignalRow]) -> String {
    let mut out = String::from(
        "id,at,precision,time_basis,signal,cause,node,namespace,pod,image,workload,component,count,path,line,byte_start,byte_end,sha256\n",
    );
    for s in signals {
        let entity = |kind: &str| s.entities.get(kind).cloned().unwrap_or_default();
        let first = s.evidence.first();
        let cells = [
            s.id.clone(),
            s.at.clone().unwrap_or_default(),
            s.precision.clone(),
            s.time_basis.clone(),
            s.signal.clone(),
            s.cause.clone().unwrap_or_default(),
            entity("node"),
            entity("namespace"),
            entity("pod"),
            entity("image"),
            entity("workload"),
            s.component.clone().unwrap_or_default(),
            s.count.to_string(),
            first.map(|e| e.path.clone()).unwrap_or_default(),
            first.map(|e| e.line.to_string()).unwrap_or_default(),
            first.map(|e| e.byte[0].to_string()).unwrap_or_default(),
            first.map(|e| e.byte[1].to_string()).unwrap_or_default(),
            first.map(|e| e.sha256.clone()).unwrap_or_default(),
        ];
        out.push_str(
            &cells
                .iter()
                .map(|c| csv_cell(c))
                .collect::<Vec<_>>()
                .join(","),
        );
        out.push('\n');
    }
    out
}

/// Renders rows of cells as a table; the first row is its head. Cells must be safe to show.
pub fn render_table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let line = cells.join("  ");
        if index == 0 {
            let _ = writeln!(out, "{BOLD}{}{BOLD:#}", line.trim_end());
        } else {
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    out
}
