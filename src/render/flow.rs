//! The flow: a cascade as a drawing, trigger → faults → hops → end. One strip a hop; boxes are signals, arrows are links.
//!
//! Takes a published report; gives SVG text in which everything from the input is escaped. A box leads to its records, an arrow to its link below.
//! Signals that only pass something on (a pod created, scheduled) are not drawn: an arrow goes through them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use super::columns::cut;
use super::svg::{escape, mark, wrap};
use super::view::cascades::{CascadeView, Step};
use crate::wire::v1::{CascadeRow, LinkRow};

const BOX: (f64, f64) = (166.0, 62.0);
const GAP: f64 = 54.0;
const COLUMNS: usize = 5;
const LEFT: f64 = 16.0;
const WIDTH: f64 = LEFT * 2.0 + COLUMNS as f64 * BOX.0 + (COLUMNS as f64 - 1.0) * GAP;
const HEAD: f64 = 34.0;
const LINE: f64 = BOX.1 + 40.0;
/// Boxes of one strip; the list below the drawing has the others.
const BOXES: usize = 10;
/// Strips; the list below has the others.
const STRIPS: usize = 24;

struct Cell {
    ids: Vec<String>,
    title: String,
    time: String,
    tone: String,
    href: String,
    x: f64,
    y: f64,
}

struct Strip {
    head: String,
    note: String,
    class: &'static str,
    y: f64,
    height: f64,
}

#[derive(Default)]
struct Drawing {
    strips: Vec<Strip>,
    cells: Vec<Cell>,
    y: f64,
}

impl Drawing {
    fn strip(&mut self, head: String, note: String, class: &'static str, steps: &[&Step]) {
        let cells = merged(steps);
        let left_out = cells.len().saturating_sub(BOXES);
        let shown = cells.len().min(BOXES);
        let lines = shown.div_ceil(COLUMNS).max(1);
        let height = HEAD + lines as f64 * LINE - 18.0;
        for (index, mut cell) in cells.into_iter().take(BOXES).enumerate() {
            cell.x = LEFT + (index % COLUMNS) as f64 * (BOX.0 + GAP);
            cell.y = self.y + HEAD + (index / COLUMNS) as f64 * LINE;
            self.cells.push(cell);
        }
        let note = match left_out {
            0 => note,
            n => format!("{note} · {n} more below")
                .trim_start_matches(" · ")
                .to_owned(),
        };
        self.strips.push(Strip {
            head,
            note,
            class,
            y: self.y,
            height,
        });
        self.y += height + 18.0;
    }
}

/// Makes boxes of steps: repetitions in a row become one.
fn merged(steps: &[&Step]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for step in steps {
        if let Some(last) = cells.last_mut().filter(|c| c.title == step.title) {
            last.ids.push(step.cite.id.clone());
            continue;
        }
        cells.push(Cell {
            ids: vec![step.cite.id.clone()],
            title: step.title.clone(),
            time: step.time.clone(),
            tone: step.tone.clone(),
            href: step.cite.href.clone(),
            x: 0.0,
            y: 0.0,
        });
    }
    cells
}

/// Orders the steps of a hop by cause and effect, and by time where no link decides: the first record of a cause can be younger than that of its effect.
fn in_causal_order<'a>(cascade: &CascadeRow, steps: Vec<&'a Step>) -> Vec<&'a Step> {
    let here: BTreeSet<&str> = steps.iter().map(|s| s.cite.id.as_str()).collect();
    let mut causes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for link in &cascade.links {
        if here.contains(link.cause.as_str()) && here.contains(link.effect.as_str()) {
            causes
                .entry(&link.effect)
                .or_default()
                .insert(link.cause.as_str());
        }
    }
    let mut left = steps;
    let mut ordered: Vec<&Step> = Vec::new();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    while !left.is_empty() {
        let free = left.iter().position(|s| {
            causes
                .get(s.cite.id.as_str())
                .is_none_or(|c| c.iter().all(|cause| placed.contains(cause)))
        });
        // Links that go round in a circle are left in the order of time.
        let next = left.remove(free.unwrap_or(0));
        placed.insert(&next.cite.id);
        ordered.push(next);
    }
    ordered
}

/// An arrow: from box to box, the links it stands for (the first is its anchor), and its label.
struct Arrow {
    from: usize,
    to: usize,
    link: usize,
    through: usize,
    lag_ms: i64,
}

/// Draws a cascade; empty if there is nothing to draw.
pub fn render_flow(cascade: &CascadeRow, view: &CascadeView) -> String {
    let mut drawing = Drawing {
        y: 4.0,
        ..Drawing::default()
    };
    let changes: Vec<&Step> = view.before.iter().chain(&view.trigger).collect();
    if !changes.is_empty() {
        let note = if view.trigger.is_some() {
            String::new()
        } else {
            "before it".to_owned()
        };
        drawing.strip("Trigger".to_owned(), note, "change", &changes);
    }
    for hop in view.hops.iter().take(STRIPS) {
        let steps = in_causal_order(cascade, hop.steps.iter().collect());
        let note = if hop.arrived.is_empty() {
            hop.span.clone()
        } else {
            format!("{} · {}", hop.span, hop.arrived)
        };
        drawing.strip(
            format!("{} · {}", hop.number, hop.node),
            note,
            "fault",
            &steps,
        );
    }
    if !view.end.is_empty() {
        let steps: Vec<&Step> = view.end.iter().collect();
        drawing.strip("Recovery".to_owned(), String::new(), "recovery", &steps);
    }
    if drawing.cells.is_empty() {
        return String::new();
    }
    let height = drawing.y - 10.0;
    let id = escape(&cascade.id);
    let mut svg = format!(
        "<svg class=\"flow\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"group\" aria-labelledby=\"flow-{id}\"><title id=\"flow-{id}\">The cascade “{}” as a drawing; the list below says the same in words</title>",
        escape(&view.title)
    );
    for strip in &drawing.strips {
        let _ = write!(
            svg,
            "<rect class=\"strip {}\" x=\"1\" y=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\"/><rect class=\"edge {}\" x=\"1\" y=\"{:.0}\" width=\"5\" height=\"{:.0}\" rx=\"2.5\"/>",
            strip.class,
            strip.y,
            WIDTH - 2.0,
            strip.height,
            strip.class,
            strip.y,
            strip.height
        );
    }
    for arrow in arrows(cascade, &drawing.cells) {
        draw_arrow(&mut svg, cascade, &drawing.cells, &arrow);
    }
    // Over the arrows, with a rim of the strip's colour: an arrow that passes behind a name does not strike it out.
    for strip in &drawing.strips {
        let room = 136 - strip.head.chars().count().min(52);
        let _ = write!(
            svg,
            "<text class=\"head\" x=\"{LEFT}\" y=\"{:.0}\">{}<tspan class=\"note\" dx=\"12\">{}</tspan></text>",
            strip.y + 22.0,
            escape(&cut(&strip.head, 52)),
            escape(&cut(&strip.note, room))
        );
    }
    for cell in &drawing.cells {
        draw_cell(&mut svg, cell);
    }
    svg.push_str("</svg>");
    svg
}

fn draw_cell(svg: &mut String, cell: &Cell) {
    let count = match cell.ids.len() {
        1 => String::new(),
        n => format!(" × {n}"),
    };
    let _ = write!(
        svg,
        "<a class=\"cell {}\" href=\"#{}\"><rect x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"6\"/><g class=\"mark {}\">{}</g>",
        escape(&cell.tone),
        escape(&cell.href),
        cell.x,
        cell.y,
        BOX.0,
        BOX.1,
        escape(&cell.tone),
        mark(&cell.tone, cell.x + 15.0, cell.y + 16.0)
    );
    for (index, line) in wrap(&cell.title, 18, 2).iter().enumerate() {
        let _ = write!(
            svg,
            "<text class=\"title\" x=\"{:.0}\" y=\"{:.0}\">{} </text>",
            cell.x + 27.0,
            cell.y + 20.0 + index as f64 * 14.0,
            escape(line)
        );
    }
    let _ = write!(
        svg,
        "<text class=\"when\" x=\"{:.0}\" y=\"{:.0}\">{}{count}</text></a>",
        cell.x + 27.0,
        cell.y + BOX.1 - 9.0,
        escape(&cell.time)
    );
}

/// Finds what leads to each box: links from other boxes, also through signals that are not drawn.
fn arrows(cascade: &CascadeRow, cells: &[Cell]) -> Vec<Arrow> {
    let mut box_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, cell) in cells.iter().enumerate() {
        for id in &cell.ids {
            box_of.entry(id).or_insert(index);
        }
    }
    let mut into: BTreeMap<&str, Vec<(usize, &LinkRow)>> = BTreeMap::new();
    for (index, link) in cascade.links.iter().enumerate() {
        into.entry(&link.effect).or_default().push((index, link));
    }
    let mut arrows: Vec<Arrow> = Vec::new();
    for (to, cell) in cells.iter().enumerate() {
        let mut best: BTreeMap<usize, Arrow> = BTreeMap::new();
        for id in &cell.ids {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            let mut queue: VecDeque<(&str, usize, i64, Option<usize>)> =
                VecDeque::from([(id.as_str(), 0, 0, None)]);
            while let Some((at, depth, lag_ms, first)) = queue.pop_front() {
                if depth > 12 || !seen.insert(at) {
                    continue;
                }
                for (index, link) in into.get(at).into_iter().flatten() {
                    let link_index = first.unwrap_or(*index);
                    let lag = lag_ms + link.lag_ms;
                    match box_of.get(link.cause.as_str()) {
                        Some(from) if *from == to => {}
                        Some(from) => {
                            let arrow = Arrow {
                                from: *from,
                                to,
                                link: link_index,
                                through: depth,
                                lag_ms: lag,
                            };
                            let known = best.entry(*from);
                            known
                                .and_modify(|old| {
                                    if old.through > depth {
                                        old.through = depth;
                                        old.link = link_index;
                                        old.lag_ms = lag;
                                    }
                                })
                                .or_insert(arrow);
                        }
                        None => queue.push_back((&link.cause, depth + 1, lag, Some(link_index))),
                    }
                }
            }
        }
        // Two causes of one box can be followed by the eye; the table has all.
        let mut found: Vec<Arrow> = best.into_values().collect();
        found.sort_by_key(|a| (a.through, to.abs_diff(a.from), a.from));
        found.truncate(2);
        arrows.extend(found);
    }
    arrows
}

fn draw_arrow(svg: &mut String, cascade: &CascadeRow, cells: &[Cell], arrow: &Arrow) {
    let (from, to) = (&cells[arrow.from], &cells[arrow.to]);
    let same_line = (from.y - to.y).abs() < 1.0;
    let middle = BOX.0 / 2.0;
    let neighbours = same_line && (to.x - from.x - BOX.0 - GAP).abs() < 1.0;
    let (path, head, label) = if neighbours {
        let (x1, x2, y) = (from.x + BOX.0, to.x, from.y + BOX.1 / 2.0);
        (
            format!("M{x1:.1} {y:.1}H{:.1}", x2 - 6.0),
            format!("M{x2:.1} {y:.1}l-8 -4.5v9z"),
            Some((f64::midpoint(x1, x2) - 3.0, y - 7.0)),
        )
    } else if same_line {
        // Under the boxes, the deeper the further.
        let (floor, sign) = (from.y + BOX.1, if to.x > from.x { 1.0 } else { -1.0 });
        let dip = floor + 12.0 + (to.x - from.x).abs() / (BOX.0 + GAP) * 4.0;
        let (x1, x2) = (from.x + middle + sign * 14.0, to.x + middle - sign * 20.0);
        (
            format!(
                "M{x1:.1} {floor:.1}C{x1:.1} {dip:.1} {x2:.1} {dip:.1} {x2:.1} {:.1}",
                floor + 6.0
            ),
            format!("M{x2:.1} {floor:.1}l-4.5 8h9z"),
            None,
        )
    } else {
        let down = to.y > from.y;
        let (y1, y2) = if down {
            (from.y + BOX.1, to.y)
        } else {
            (from.y, to.y + BOX.1)
        };
        let (x1, x2) = (from.x + middle, to.x + middle);
        let bend = (y2 - y1) / 2.0;
        let tip = if down { -6.0 } else { 6.0 };
        (
            format!(
                "M{x1:.1} {y1:.1}C{x1:.1} {:.1} {x2:.1} {:.1} {x2:.1} {:.1}",
                y1 + bend,
                y2 - bend,
                y2 + tip
            ),
            if down {
                format!("M{x2:.1} {y2:.1}l-4.5 -8h9z")
            } else {
                format!("M{x2:.1} {y2:.1}l-4.5 8h9z")
            },
            None,
        )
    };
    let link = &cascade.links[arrow.link];
    let through = match arrow.through {
        0 => String::new(),
        1 => ", through 1 step that is not drawn".to_owned(),
        n => format!(", through {n} steps that are not drawn"),
    };
    let said = format!(
        "{} to {}: {}{through}; {}",
        from.title,
        to.title,
        short_lag(arrow.lag_ms),
        link.confidence
    );
    let sure = if link.confidence == "certain" {
        ""
    } else {
        " unsure"
    };
    let _ = write!(
        svg,
        "<a class=\"arrow{sure}\" href=\"#{}-l{}\" aria-label=\"{}\"><title>{}</title><path class=\"reach\" d=\"{path}\"/><path class=\"line\" d=\"{path}\"/><path class=\"tip\" d=\"{head}\"/>",
        escape(&cascade.id),
        arrow.link + 1,
        escape(&said),
        escape(&said)
    );
    if let Some((x, y)) = label {
        let _ = write!(
            svg,
            "<text class=\"lag\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>",
            short_lag(arrow.lag_ms)
        );
    }
    svg.push_str("</a>");
}

/// Returns a lag for a narrow place: `+2.4 s`, `−4 s`, `+1 m 15 s`.
fn short_lag(ms: i64) -> String {
    let sign = if ms < 0 { "−" } else { "+" };
    let ms = ms.unsigned_abs();
    let body = match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{:.1} s", ms as f64 / 1000.0),
        10_000..60_000 => format!("{} s", (ms as f64 / 1000.0).round()),
        60_000..3_600_000 => format!("{} m {} s", ms / 60_000, ms % 60_000 / 1000),
        3_600_000..86_400_000 => format!("{} h {} m", ms / 3_600_000, ms % 3_600_000 / 60_000),
        _ => format!("{} d {} h", ms / 86_400_000, ms % 86_400_000 / 3_600_000),
    };
    format!("{sign}{body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_fit_between_boxes() {
        for (ms, said) in [
            (0, "+0 ms"),
            (2_447, "+2.4 s"),
            (-3_961, "−4.0 s"),
            (59_400, "+59 s"),
            (75_382, "+1 m 15 s"),
            (7_300_000, "+2 h 1 m"),
            (200_000_000, "+2 d 7 h"),
        ] {
            assert_eq!(short_lag(ms), said);
        }
    }
}
