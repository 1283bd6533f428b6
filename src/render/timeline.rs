//! The timeline on a terminal: a lane for each node, the cascades hop by hop, and every signal in time order.
//!
//! Takes a published report and what the terminal bears. State is told by a letter or sign; colour only adds to it, so that the lanes say the
//! same on paper, in a ticket and to people who do not see red. Without a width (a file, a pipe) lines are left as long as they are.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, TimeDelta, Utc};

use super::columns::{cut, padded, width_of, wrapped};
use super::terminal::{BOLD, CHANGE, DIM, FAULT, GOOD, Screen, safe, style_of};
use super::view::{Clock, Titles, View, parse, view};
use crate::wire::v1::{ConditionRow, Report, SignalRow};

/// Columns of the lanes where nothing tells how wide the output is.
const USUAL: usize = 100;
/// Narrowest and widest lanes.
const BOUNDS: (usize, usize) = (40, 300);
/// Most lanes that are drawn.
const LANES: usize = 40;

/// Renders lanes, cascades and signals.
pub fn render_timeline(report: &Report, titles: &Titles, screen: &Screen) -> String {
    let v = view(report, titles);
    let mut out = String::new();
    block(&mut out, screen, "", "", &safe(&v.title), BOLD);
    block(
        &mut out,
        screen,
        "",
        "",
        &format!("{}; times are UTC", v.window),
        DIM,
    );
    lanes(&mut out, report, titles, screen);
    for c in &v.cascades {
        out.push('\n');
        block(
            &mut out,
            screen,
            "",
            "  ",
            &format!(
                "{} {} ({}; {})",
                c.id,
                safe(&c.title),
                c.confidence,
                c.spread
            ),
            BOLD,
        );
        if let Some(t) = &c.trigger {
            block(
                &mut out,
                screen,
                "  ",
                "    ",
                &format!("{} trigger {} [{}]", t.time, safe(&t.what), t.cite.id),
                CHANGE,
            );
        }
        for hop in &c.hops {
            let arrived = if hop.arrived.is_empty() {
                String::new()
            } else {
                format!(" ← {}", safe(&hop.arrived))
            };
            block(
                &mut out,
                screen,
                "  ",
                "    ",
                &format!(
                    "hop {} {} {}{arrived}",
                    hop.number,
                    safe(&hop.node),
                    hop.span
                ),
                BOLD,
            );
            for step in &hop.steps {
                block(
                    &mut out,
                    screen,
                    "    ",
                    "      ",
                    &format!("{} {} [{}]", step.time, safe(&step.what), step.cite.id),
                    style_of(&step.tone),
                );
            }
            for note in [&hop.unnoticed, &hop.ended_by]
                .into_iter()
                .filter(|n| !n.is_empty())
            {
                block(&mut out, screen, "    ", "      ", &safe(note), DIM);
            }
        }
    }
    let _ = writeln!(out, "\n{BOLD}Timeline{BOLD:#}");
    rows(&mut out, &v, screen);
    if !v.cascades_more.is_empty() {
        out.push('\n');
        block(&mut out, screen, "", "", &v.cascades_more, DIM);
    }
    out
}

/// Writes a text in lines that fit, each with its own style: a pager may show any of them alone.
fn block(out: &mut String, screen: &Screen, first: &str, further: &str, text: &str, style: Style) {
    let lines = match screen.width {
        Some(width) => wrapped(
            text,
            width.saturating_sub(width_of(further).max(width_of(first))),
        ),
        None => vec![text.to_owned()],
    };
    for (at, line) in lines.iter().enumerate() {
        let indent = if at == 0 { first } else { further };
        let _ = writeln!(out, "{indent}{style}{line}{style:#}");
    }
}

fn rows(out: &mut String, v: &View, screen: &Screen) {
    let mut all: Vec<_> = v.timeline.iter().chain(&v.others).collect();
    all.sort_by_key(|r| {
        r.id.trim_start_matches('s')
            .parse::<usize>()
            .unwrap_or(usize::MAX)
    });
    for r in all {
        let mark = if r.in_cascade { "●" } else { " " };
        let node = if r.node.is_empty() {
            String::new()
        } else {
            format!(" on {}", safe(&r.node))
        };
        let about = if r.about.is_empty() {
            String::new()
        } else {
            format!(" {}", safe(&r.about))
        };
        let (time, place) = (safe(&r.time), safe(&r.place));
        let title = safe(&r.title);
        let text = format!("{title}{about}{node}");
        let style = style_of(&r.tone);
        let path = r
            .place
            .rsplit_once(':')
            .map_or(r.place.as_str(), |(path, _)| path);
        let tail = format!("[{}] {place}", r.id);
        let indent = width_of(&time) + 3;
        let fits = screen
            .width
            .is_none_or(|width| indent + width_of(&text) + 1 + width_of(&tail) <= width);
        if fits {
            let rest = &text[title.len()..];
            let _ = writeln!(
                out,
                "{time} {mark} {style}{title}{style:#}{rest} {DIM}[{}] {}{DIM:#}",
                r.id,
                screen.link(path, &place)
            );
            continue;
        }
        let width = screen.width.unwrap_or(USUAL);
        // On a narrow terminal the time takes a line of its own, or nothing would be left for the text.
        let (indent, first) = if indent * 2 > width {
            let _ = writeln!(out, "{} {mark}", cut(&time, width.saturating_sub(2)));
            (2, "  ".to_owned())
        } else {
            (indent, format!("{time} {mark} "))
        };
        let further = " ".repeat(indent);
        for (at, line) in wrapped(&text, width - indent).iter().enumerate() {
            let indent = if at == 0 { &first } else { &further };
            let _ = writeln!(out, "{indent}{style}{line}{style:#}");
        }
        for line in wrapped(&tail, width - indent) {
            let _ = writeln!(out, "{further}{DIM}{}{DIM:#}", screen.link(path, &line));
        }
    }
}

/// Time as columns.
struct Scale {
    from: DateTime<Utc>,
    span_ms: i64,
    columns: usize,
}

impl Scale {
    fn column(&self, at: DateTime<Utc>) -> usize {
        let part =
            (at - self.from).num_milliseconds().clamp(0, self.span_ms) as f64 / self.span_ms as f64;
        ((part * self.columns as f64) as usize).min(self.columns - 1)
    }
}

/// What a condition looks like, the gravest first.
const STATES: &[(&str, &str, char, &str, Style)] = &[
    ("Ready", "False", 'N', "not ready", FAULT),
    (
        "Ready",
        "Unknown",
        '?',
        "not known to be ready",
        Style::new().bold(),
    ),
    (
        "DiskPressure",
        "True",
        'D',
        "disk pressure",
        AnsiColor::Yellow.on_default(),
    ),
    (
        "MemoryPressure",
        "True",
        'M',
        "memory pressure",
        AnsiColor::Magenta.on_default(),
    ),
    (
        "PIDPressure",
        "True",
        'P',
        "PID pressure",
        AnsiColor::Magenta.on_default(),
    ),
    (
        "",
        "Unknown",
        'u',
        "another condition unknown",
        Style::new().bold(),
    ),
];
/// What a signal looks like, the one that is shown where several fall into one column first.
const MARKS: &[(&str, char, &str, Style)] = &[
    ("fault", 'x', "fault", FAULT),
    ("change", '^', "change", CHANGE),
    ("detection", '!', "alert", CHANGE),
    ("recovery", '+', "recovery", GOOD),
];

/// Draws the lanes: a line of states for each node, and a line of marks below it where the cascade has any.
fn lanes(out: &mut String, report: &Report, titles: &Titles, screen: &Screen) {
    let window = report
        .incident
        .window
        .as_ref()
        .and_then(|w| parse(&w.from).zip(parse(&w.to)));
    let Some((from, to)) =
        window.filter(|_| !report.cascades.is_empty() || !report.conditions.is_empty())
    else {
        return;
    };
    let members: BTreeSet<&str> = report
        .cascades
        .iter()
        .flat_map(|c| {
            c.signals
                .iter()
                .chain(&c.recovery.ended_by)
                .chain(&c.trigger)
        })
        .map(String::as_str)
        .collect();
    let signals: Vec<&SignalRow> = report
        .signals
        .iter()
        .filter(|s| members.contains(s.id.as_str()))
        .collect();
    let mut nodes: Vec<&str> = Vec::new();
    let hops = report
        .cascades
        .iter()
        .flat_map(|c| &c.hops)
        .filter_map(|h| h.node.as_deref());
    for node in hops.chain(report.conditions.iter().map(|c| c.node.as_str())) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    let left_out = nodes.len().saturating_sub(LANES);
    nodes.truncate(LANES);
    let width = screen.width.unwrap_or(USUAL).clamp(BOUNDS.0, BOUNDS.1);
    let names: Vec<String> = nodes.iter().map(|n| safe(short(n, &nodes))).collect();
    let label = names
        .iter()
        .map(|n| width_of(n))
        .max()
        .unwrap_or(0)
        .max(8)
        .min(width / 3);
    let scale = Scale {
        from,
        span_ms: (to - from).max(TimeDelta::seconds(10)).num_milliseconds(),
        columns: width - label - 1,
    };
    out.push('\n');
    let _ = writeln!(
        out,
        "{} {DIM}{}{DIM:#}",
        padded("", label),
        axis(report, &scale)
    );
    let mut used = Used::default();
    let here = |s: &&&SignalRow| {
        s.entities
            .get("node")
            .is_none_or(|n| !nodes.contains(&n.as_str()))
    };
    let elsewhere: Vec<&SignalRow> = signals.iter().filter(here).copied().collect();
    if !elsewhere.is_empty() {
        let marks = marks(&elsewhere, titles, &scale, &mut used);
        let _ = writeln!(out, "{} {marks}", padded("cluster", label));
    }
    for (node, name) in nodes.iter().zip(&names) {
        let states = states(
            report.conditions.iter().filter(|c| c.node == *node),
            &scale,
            &mut used,
        );
        let _ = writeln!(out, "{} {states}", padded(name, label));
        let own: Vec<&SignalRow> = signals
            .iter()
            .filter(|s| s.entities.get("node").is_some_and(|n| n == node))
            .copied()
            .collect();
        if !own.is_empty() {
            let _ = writeln!(
                out,
                "{} {}",
                padded("", label),
                marks(&own, titles, &scale, &mut used)
            );
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "{DIM}{left_out} more nodes are not drawn{DIM:#}");
    }
    block(out, screen, "", "", &used.legend(), DIM);
}

/// A node's name up to the first dot, where that is enough to tell the nodes apart.
fn short<'a>(name: &'a str, all: &[&str]) -> &'a str {
    let first = |n: &str| n.split('.').next().unwrap_or(n).to_owned();
    let firsts: BTreeSet<String> = all.iter().map(|n| first(n)).collect();
    let is_address = name.chars().all(|c| c.is_ascii_digit() || c == '.');
    if firsts.len() == all.len() && !is_address {
        name.split('.').next().unwrap_or(name)
    } else {
        name
    }
}

/// Round times above the lanes, as many as have room.
fn axis(report: &Report, scale: &Scale) -> String {
    let clock = Clock::of(report);
    let shown = |at: DateTime<Utc>| clock.show(&at.to_rfc3339());
    let wide = width_of(&shown(scale.from)) + 2;
    let most = (scale.columns / wide).max(1) as i64;
    let steps = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200,
        86_400, 604_800, 2_592_000,
    ];
    let step = steps
        .into_iter()
        .find(|s| scale.span_ms / 1000 / s < most)
        .unwrap_or(31_536_000);
    let mut line = String::new();
    let mut at = (scale.from.timestamp() / step) * step;
    while (at - scale.from.timestamp()) * 1000 <= scale.span_ms {
        if let Some(moment) = DateTime::from_timestamp(at, 0).filter(|m| *m >= scale.from) {
            let (column, text) = (scale.column(moment), format!("┆{}", shown(moment)));
            let free = column >= width_of(&line) && column + width_of(&text) <= scale.columns;
            if free {
                line = padded(&line, column);
                line.push_str(&text);
            }
        }
        at += step;
    }
    line
}

/// The letters that the lanes use, in the order of the legend.
#[derive(Default)]
struct Used {
    states: BTreeSet<usize>,
    marks: BTreeSet<usize>,
    open: bool,
}

impl Used {
    fn legend(&self) -> String {
        let mut parts: Vec<String> = self
            .states
            .iter()
            .map(|i| format!("{} {}", STATES[*i].2, STATES[*i].3))
            .collect();
        if self.open {
            parts.push("> end not in the record".to_owned());
        }
        parts.extend(
            self.marks
                .iter()
                .map(|i| format!("{} {}", MARKS[*i].1, MARKS[*i].2)),
        );
        parts.join(" · ")
    }
}

fn states<'a>(
    conditions: impl Iterator<Item = &'a ConditionRow>,
    scale: &Scale,
    used: &mut Used,
) -> String {
    let mut columns: Vec<Option<usize>> = vec![None; scale.columns];
    let mut open = false;
    for condition in conditions {
        let Some(from) = condition.from.as_deref().and_then(parse) else {
            continue;
        };
        let to = condition.to.as_deref().and_then(parse);
        let Some(state) = STATES.iter().position(|(name, status, ..)| {
            *status == condition.status && (*name == condition.condition || name.is_empty())
        }) else {
            continue;
        };
        let end = to.map_or(scale.columns - 1, |to| scale.column(to));
        for column in &mut columns[scale.column(from)..=end] {
            *column = Some(column.map_or(state, |other| other.min(state)));
        }
        open |= to.is_none();
        used.states.insert(state);
    }
    used.open |= open;
    let mut cells: Vec<(char, Style)> = columns
        .into_iter()
        .map(|state| state.map_or(('·', DIM), |i| (STATES[i].2, STATES[i].4)))
        .collect();
    if let Some(last) = cells.last_mut().filter(|_| open) {
        last.0 = '>';
    }
    painted(&cells)
}

fn marks(signals: &[&SignalRow], titles: &Titles, scale: &Scale, used: &mut Used) -> String {
    let mut columns: Vec<Option<usize>> = vec![None; scale.columns];
    for signal in signals {
        let Some(at) = signal.at.as_deref().and_then(parse) else {
            continue;
        };
        let tone = if titles.faults.contains(&signal.signal) {
            "fault"
        } else {
            titles
                .stages
                .get(&signal.signal)
                .map_or("other", String::as_str)
        };
        let Some(mark) = MARKS.iter().position(|(of, ..)| *of == tone) else {
            continue;
        };
        let column = &mut columns[scale.column(at)];
        *column = Some(column.map_or(mark, |other| other.min(mark)));
        used.marks.insert(mark);
    }
    let cells: Vec<(char, Style)> = columns
        .into_iter()
        .map(|mark| mark.map_or((' ', Style::new()), |i| (MARKS[i].1, MARKS[i].3)))
        .collect();
    painted(&cells).trim_end().to_owned()
}

/// Writes cells, with one pair of escapes for each run of a style.
fn painted(cells: &[(char, Style)]) -> String {
    let mut line = String::new();
    for run in cells.chunk_by(|a, b| a.1 == b.1) {
        let style = run[0].1;
        let text: String = run.iter().map(|(c, _)| c).collect();
        let _ = write!(line, "{style}{text}{style:#}");
    }
    line
}
