//! Plots where people would rather look than read: free disk of each node with pulls below it, and pulls in flight.
//!
//! Takes a published report; gives SVG text in which everything from the input is escaped, or nothing where there are no samples.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::columns::cut;
use super::svg::{Scale, escape};
use super::view::{Clock, parse};
use crate::wire::v1::Report;

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 34.0;
const PLOT: f64 = 84.0;
const PULLS: f64 = 20.0;
/// Most nodes that are drawn; those under pressure come first.
const NODES: usize = 12;
/// Points of one line; more samples than pixels say nothing more.
const POINTS: usize = 900;
/// Free shares at which the kubelet evicts by default, in percent: `imagefs.available` and `nodefs.available`.
///
/// # Source
/// Kubernetes documentation, "Node-pressure eviction", hard eviction thresholds.
const THRESHOLDS: [f64; 2] = [15.0, 10.0];

/// One image pull on one node.
struct Pull<'a> {
    node: &'a str,
    image: &'a str,
    from: DateTime<Utc>,
    to: Option<DateTime<Utc>>,
    failed: bool,
}

type Samples = Vec<(DateTime<Utc>, f64)>;

/// Draws the plots; empty if there are no samples.
pub(super) fn render_plots(report: &Report) -> String {
    let window = report
        .incident
        .window
        .as_ref()
        .and_then(|w| parse(&w.from).zip(parse(&w.to)));
    let Some((from, to)) = window else {
        return String::new();
    };
    let nodes = nodes(report);
    let pulls = pulls(report);
    if nodes.is_empty() {
        return String::new();
    }
    let scale = Scale::over(from, to, LEFT, WIDTH - RIGHT);
    let clock = Clock::of(report);
    let height = TOP + nodes.len() as f64 * (PLOT + PULLS + 16.0) + 62.0;
    let mut svg = format!(
        "<svg class=\"plots\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-labelledby=\"plots-title plots-desc\"><title id=\"plots-title\">Free disk and image pulls over time</title><desc id=\"plots-desc\">One plot a node: the free share of its fullest file system in percent, and below it the image pulls; at the bottom the number of pulls in flight.</desc>"
    );
    scale.ticks(&mut svg, TOP - 8.0, height - 8.0, &clock);
    let mut y = TOP;
    for (node, mount, samples) in &nodes {
        plot(&mut svg, report, &scale, y, node, mount, samples);
        bars(
            &mut svg,
            &scale,
            y + PLOT + 4.0,
            pulls.iter().filter(|p| p.node == *node),
        );
        y += PLOT + PULLS + 16.0;
    }
    flight(&mut svg, &scale, y, &pulls);
    svg.push_str("</svg>");
    svg
}

/// Returns the nodes with samples of their fullest file system, those under pressure first.
fn nodes(report: &Report) -> Vec<(&str, &str, Samples)> {
    let mut by_mount: BTreeMap<(&str, &str), Samples> = BTreeMap::new();
    for row in report.disks.iter().filter(|d| !d.inodes) {
        if let (Some(node), Some(at)) = (row.node.as_deref(), parse(&row.at)) {
            by_mount
                .entry((node, &row.mounted_on))
                .or_default()
                .push((at, 100.0 - row.used_percent.clamp(0.0, 100.0)));
        }
    }
    let lowest = |samples: &Samples| samples.iter().map(|s| s.1).fold(100.0, f64::min);
    let mut fullest: BTreeMap<&str, (&str, Samples)> = BTreeMap::new();
    for ((node, mount), samples) in by_mount {
        if samples.len() < 2 {
            continue;
        }
        let better = fullest
            .get(node)
            .is_none_or(|(_, known)| lowest(&samples) < lowest(known));
        if better {
            fullest.insert(node, (mount, samples));
        }
    }
    let pressed: BTreeSet<&str> = report
        .conditions
        .iter()
        .filter(|c| c.condition == "DiskPressure")
        .map(|c| c.node.as_str())
        .collect();
    let mut nodes: Vec<_> = fullest
        .into_iter()
        .map(|(node, (mount, samples))| (node, mount, samples))
        .collect();
    nodes.sort_by_key(|(node, ..)| (!pressed.contains(node), *node));
    nodes.truncate(NODES);
    nodes
}

fn plot(
    svg: &mut String,
    report: &Report,
    scale: &Scale,
    y: f64,
    node: &str,
    mount: &str,
    samples: &Samples,
) {
    let height = |free: f64| y + PLOT - free / 100.0 * PLOT;
    let width = WIDTH - RIGHT - LEFT;
    let short = node
        .split('.')
        .next()
        .filter(|s| s.len() > 4)
        .unwrap_or(node);
    let _ = write!(
        svg,
        "<rect class=\"lane\" x=\"{LEFT}\" y=\"{y:.0}\" width=\"{width:.0}\" height=\"{PLOT}\"/><text class=\"name\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text><text class=\"axis\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">free on {}</text>",
        LEFT - 34.0,
        y + 34.0,
        escape(&cut(short, 20)),
        LEFT - 34.0,
        y + 50.0,
        escape(&cut(mount, 16))
    );
    for percent in [100.0, 50.0, 0.0] {
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{percent:.0} %</text>",
            LEFT - 5.0,
            height(percent)
                + if percent == 100.0 {
                    9.0
                } else if percent == 0.0 {
                    0.0
                } else {
                    3.5
                }
        );
    }
    for condition in report
        .conditions
        .iter()
        .filter(|c| c.node == node && c.condition == "DiskPressure")
    {
        let Some(from) = condition.from.as_deref().and_then(parse) else {
            continue;
        };
        let x1 = scale.x(from);
        let x2 = condition
            .to
            .as_deref()
            .and_then(parse)
            .map_or(scale.right, |to| scale.x(to));
        let _ = write!(
            svg,
            "<rect class=\"pressure\" x=\"{x1:.1}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"{PLOT}\"><title>DiskPressure</title></rect>",
            (x2 - x1).max(2.0)
        );
    }
    for percent in THRESHOLDS {
        let _ = write!(
            svg,
            "<line class=\"threshold\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            scale.right,
            height(percent),
            height(percent)
        );
    }
    let inside: Vec<_> = samples.iter().filter(|(at, _)| scale.has(*at)).collect();
    let step = inside.len().div_ceil(POINTS).max(1);
    // Of each group of samples the lowest is kept: it is the one that matters.
    let points: Vec<(f64, f64)> = inside
        .chunks(step)
        .filter_map(|group| group.iter().min_by(|a, b| a.1.total_cmp(&b.1)))
        .map(|(at, free)| (scale.x(*at), height(*free)))
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return;
    };
    let line: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{x:.1} {y:.1}"))
        .collect();
    let line = line.join("L");
    let lowest = inside.iter().map(|s| s.1).fold(100.0, f64::min);
    let floor = y + PLOT;
    let _ = write!(
        svg,
        "<path class=\"under\" d=\"M{:.1} {floor:.1}L{line}L{:.1} {floor:.1}Z\"/><path class=\"free\" d=\"M{line}\"><title>{}: lowest sample {lowest:.0} % free</title></path>",
        first.0,
        last.0,
        escape(node)
    );
}

/// Pairs each start of a pull with the next end of a pull of the same image on the same node.
fn pulls(report: &Report) -> Vec<Pull<'_>> {
    let mut pulls: Vec<Pull<'_>> = Vec::new();
    let mut open: BTreeMap<(&str, &str, Option<&str>), usize> = BTreeMap::new();
    for signal in &report.signals {
        let (Some(node), Some(image), Some(at)) = (
            signal.entities.get("node"),
            signal.entities.get("image"),
            signal.at.as_deref().and_then(parse),
        ) else {
            continue;
        };
        let key = (
            node.as_str(),
            image.as_str(),
            signal.entities.get("pod").map(String::as_str),
        );
        match signal.signal.as_str() {
            "pulling" => {
                open.insert(key, pulls.len());
                pulls.push(Pull {
                    node,
                    image,
                    from: at,
                    to: None,
                    failed: false,
                });
            }
            "pulled" | "pull_failed" => {
                if let Some(index) = open.remove(&key) {
                    pulls[index].to = Some(at);
                    pulls[index].failed = signal.signal == "pull_failed";
                }
            }
            _ => {}
        }
    }
    pulls
}

fn bars<'a>(svg: &mut String, scale: &Scale, y: f64, pulls: impl Iterator<Item = &'a Pull<'a>>) {
    let inside = pulls.filter(|p| scale.has(p.from) || p.to.is_some_and(|to| scale.has(to)));
    for (index, pull) in inside.take(300).enumerate() {
        let x1 = scale.x(pull.from);
        let x2 = pull.to.map_or(x1 + 3.0, |to| scale.x(to));
        let row = y + (index % 3) as f64 * 5.5;
        let failed = if pull.failed { " failed" } else { "" };
        let said = match (pull.to, pull.failed) {
            (Some(to), failed) => format!(
                "pull of {} {} after {}",
                pull.image,
                if failed { "failed" } else { "ended" },
                crate::model::moment::spoken(to - pull.from)
            ),
            (None, _) => format!("pull of {}; its end is not in the record", pull.image),
        };
        let _ = write!(
            svg,
            "<rect class=\"pull{failed}\" x=\"{x1:.1}\" y=\"{row:.1}\" width=\"{:.1}\" height=\"4\" rx=\"1.5\"><title>{}</title></rect>",
            (x2 - x1).max(2.0),
            escape(&said)
        );
        if pull.failed {
            let _ = write!(
                svg,
                "<path class=\"mark fault\" d=\"M{:.1} {:.1}l6 6m0 -6l-6 6\"/>",
                x2 - 3.0,
                row - 1.0
            );
        }
    }
}

/// Draws how many pulls were under way. A pull whose end is not in the record is not counted: its length is not known.
fn flight(svg: &mut String, scale: &Scale, y: f64, pulls: &[Pull<'_>]) {
    let mut steps: Vec<(DateTime<Utc>, i32)> = Vec::new();
    for pull in pulls {
        if let Some(to) = pull.to {
            steps.push((pull.from, 1));
            steps.push((to, -1));
        }
    }
    steps.sort();
    let mut level = 0;
    let mut most = 0;
    for (at, step) in &steps {
        level += step;
        if scale.has(*at) {
            most = most.max(level);
        }
    }
    let _ = write!(
        svg,
        "<text class=\"name\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">pulls in flight</text><text class=\"axis\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{most}</text><text class=\"axis\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">0</text>",
        LEFT - 34.0,
        y + 24.0,
        LEFT - 5.0,
        y + 9.0,
        LEFT - 5.0,
        y + 40.0
    );
    if most == 0 {
        return;
    }
    let height = |level: i32| y + 40.0 - f64::from(level.min(most)) / f64::from(most) * 36.0;
    let mut path = format!("M{LEFT} {:.1}", height(0));
    level = 0;
    for (at, step) in steps {
        level += step;
        // What began before the window is in flight at its left edge.
        if scale.has(at) || at < scale.from {
            let _ = write!(path, "H{:.1}V{:.1}", scale.x(at), height(level));
        }
    }
    let _ = write!(
        svg,
        "<path class=\"flight\" d=\"{path}H{:.1}\"/>",
        scale.right
    );
}
