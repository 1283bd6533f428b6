//! Lanes: nodes over time as an inline SVG drawing. Bars are conditions, marks are signals, the filled line is the disk.
//!
//! Takes a published report; gives SVG text in which everything from the input is escaped. Meaning is carried by shape and word, colour only adds to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::columns::cut;
use super::escape::html as escape;
use super::svg::{Scale, hatch, mark};
use super::view::{Clock, Titles, parse};
use crate::wire::v1::{Report, SignalRow};

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 170.0;
const RIGHT: f64 = 20.0;
const LANE: f64 = 74.0;
const TOP: f64 = 34.0;
/// Most lanes that are drawn.
const LANES: usize = 40;
/// Most marks of one lane; more would be a smear.
const MARKS: usize = 160;

/// Draws the lanes; empty if there is nothing to draw.
pub fn render_lanes(report: &Report, titles: &Titles) -> String {
    let Some(window) = report
        .incident
        .window
        .as_ref()
        .and_then(|w| parse(&w.from).zip(parse(&w.to)))
    else {
        return String::new();
    };
    if report.cascades.is_empty() && report.conditions.is_empty() {
        return String::new();
    }
    let scale = Scale::over(window.0, window.1, LEFT, WIDTH - RIGHT);
    let members: std::collections::BTreeSet<&str> = report
        .cascades
        .iter()
        .flat_map(|c| c.signals.iter().chain(&c.recovery.ended_by))
        .map(String::as_str)
        .collect();
    let mut lanes: Vec<(String, Vec<&SignalRow>)> =
        vec![("changes and alerts".to_owned(), Vec::new())];
    for node in report
        .cascades
        .iter()
        .flat_map(|c| &c.hops)
        .filter_map(|h| h.node.as_ref())
        .chain(report.conditions.iter().map(|c| &c.node))
    {
        if !lanes.iter().any(|(name, _)| name == node) && lanes.len() <= LANES {
            lanes.push((node.clone(), Vec::new()));
        }
    }
    for signal in report
        .signals
        .iter()
        .filter(|s| members.contains(s.id.as_str()))
    {
        let stage = titles
            .stages
            .get(&signal.signal)
            .map_or("other", String::as_str);
        let node = signal.entities.get("node");
        let index = match stage {
            "change" | "detection" => Some(0),
            _ if signal.signal == "rollback" => Some(0),
            _ => node
                .and_then(|n| lanes.iter().position(|(name, _)| name == n))
                .or_else(|| node.is_none().then_some(0)),
        };
        if let Some(index) = index {
            lanes[index].1.push(signal);
        }
    }
    let height = TOP + lanes.len() as f64 * LANE + 8.0;
    let clock = Clock::of(report);
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg class=\"lanes\" viewBox=\"0 0 {WIDTH} {height}\" role=\"group\" aria-labelledby=\"lanes-title\" aria-describedby=\"lanes-desc\">"
    );
    let _ = write!(
        svg,
        "<title id=\"lanes-title\">Nodes over time</title><desc id=\"lanes-desc\">One lane a node; bars are abnormal conditions, marks are signals. The timeline below has the same as a table.</desc>"
    );
    scale.ticks(&mut svg, TOP - 8.0, height - 8.0, &clock);
    for (index, (name, signals)) in lanes.iter().enumerate() {
        let y = TOP + index as f64 * LANE;
        let _ = write!(
            svg,
            "<rect class=\"lane\" x=\"{LEFT}\" y=\"{y:.0}\" width=\"{:.0}\" height=\"{:.0}\"/>",
            WIDTH - LEFT - RIGHT,
            LANE - 8.0
        );
        let short = name
            .split('.')
            .next()
            .filter(|s| s.len() > 4)
            .unwrap_or(name);
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}<title>{}</title></text>",
            LEFT - 10.0,
            y + LANE / 2.0,
            escape(&cut(short, 22)),
            escape(name)
        );
        disk(&mut svg, report, name, &scale, y);
        bars(&mut svg, report, name, &scale, y, &clock);
        marks(&mut svg, signals, titles, &scale, y, &clock);
    }
    svg.push_str("</svg>");
    svg
}

fn disk(svg: &mut String, report: &Report, node: &str, scale: &Scale, y: f64) {
    let mut by_mount: BTreeMap<&str, Vec<(DateTime<Utc>, f64)>> = BTreeMap::new();
    for row in report
        .disks
        .iter()
        .filter(|d| d.node.as_deref() == Some(node) && !d.inodes)
    {
        if let Some(at) = parse(&row.at).filter(|at| scale.has(*at)) {
            by_mount
                .entry(&row.mounted_on)
                .or_default()
                .push((at, row.used_percent));
        }
    }
    // The fullest file system of the node tells the story.
    let Some((mount, points)) = by_mount
        .into_iter()
        .filter(|(_, p)| p.len() > 1)
        .max_by(|a, b| {
            let top =
                |points: &[(DateTime<Utc>, f64)]| points.iter().map(|p| p.1).fold(0.0, f64::max);
            top(&a.1).total_cmp(&top(&b.1))
        })
    else {
        return;
    };
    let floor = y + LANE - 8.0;
    let mut path = format!("M{:.1} {floor:.1}", scale.x(points[0].0));
    let mut last = scale.x(points[0].0);
    for (at, used) in &points {
        last = scale.x(*at);
        let _ = write!(
            path,
            "L{last:.1} {:.1}",
            floor - used.clamp(0.0, 100.0) / 100.0 * (LANE - 12.0)
        );
    }
    let top = points.iter().map(|p| p.1).fold(0.0, f64::max);
    let _ = write!(
        svg,
        "<path class=\"disk\" d=\"{path}L{last:.1} {floor:.1}Z\"><title>disk use of {} on {}, highest sample {top:.0} %</title></path>",
        escape(mount),
        escape(node)
    );
}

fn bars(svg: &mut String, report: &Report, node: &str, scale: &Scale, y: f64, clock: &Clock) {
    for condition in report.conditions.iter().filter(|c| c.node == node) {
        let Some(from) = condition.from.as_deref().and_then(parse) else {
            continue;
        };
        let to = condition.to.as_deref().and_then(parse);
        let (x1, x2) = (scale.x(from), to.map_or(WIDTH - RIGHT, |to| scale.x(to)));
        let class = match (condition.condition.as_str(), condition.status.as_str()) {
            ("Ready", "Unknown") => "unknown",
            ("Ready", _) => "notready",
            _ => "pressure",
        };
        let open = if condition.to_open { " open" } else { "" };
        let row = if condition.condition == "Ready" {
            y + 40.0
        } else {
            y + 22.0
        };
        let label = if class == "pressure" {
            condition.condition.clone()
        } else {
            format!("{} {}", condition.condition, condition.status)
        };
        let until = condition
            .to
            .as_deref()
            .map_or_else(|| "end not in the record".to_owned(), |to| clock.show(to));
        let _ = write!(
            svg,
            "<g class=\"bar {class}{open}\"><rect x=\"{x1:.1}\" y=\"{row:.0}\" width=\"{:.1}\" height=\"14\" rx=\"3\"/>{}<title>{} {} to {until}</title>",
            (x2 - x1).max(3.0),
            if class == "unknown" {
                format!(
                    "<path class=\"hatch\" d=\"{}\"/>",
                    hatch(x1, row, (x2 - x1).max(3.0), 14.0)
                )
            } else {
                String::new()
            },
            escape(&label),
            condition
                .from
                .as_deref()
                .map(|f| clock.show(f))
                .unwrap_or_default()
        );
        if x2 - x1 > label.len() as f64 * 6.4 {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x1 + 5.0,
                row + if class == "unknown" { 25.0 } else { 11.0 },
                escape(&label)
            );
        }
        svg.push_str("</g>");
    }
}

fn marks(
    svg: &mut String,
    signals: &[&SignalRow],
    titles: &Titles,
    scale: &Scale,
    y: f64,
    clock: &Clock,
) {
    let mut labels: Vec<f64> = Vec::new();
    for signal in signals.iter().take(MARKS) {
        let Some(at) = signal.at.as_deref().and_then(parse) else {
            continue;
        };
        let (x, y) = (scale.x(at), y + 11.0);
        let title = titles
            .signals
            .get(&signal.signal)
            .map_or(signal.signal.as_str(), String::as_str);
        let stage = titles
            .stages
            .get(&signal.signal)
            .map_or("other", String::as_str);
        let tone = match (stage, titles.faults.contains(&signal.signal)) {
            ("detection", _) => "detection",
            (_, true) => "fault",
            ("change" | "recovery", _) => stage,
            _ => "other",
        };
        let shape = mark(tone, x, y);
        let _ = write!(
            svg,
            "<a href=\"#{}\"><g class=\"mark {tone}\">{shape}<title>{} {}</title></g></a>",
            escape(&signal.id),
            signal
                .at
                .as_deref()
                .map(|at| clock.show(at))
                .unwrap_or_default(),
            escape(title)
        );
        let worth = matches!(
            signal.signal.as_str(),
            "deploy_started" | "rollback" | "alert_fired" | "tag_moved"
        );
        if worth && labels.iter().all(|l| (l - x).abs() > 96.0) {
            labels.push(x);
            let _ = write!(
                svg,
                "<text class=\"label\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                y + 22.0,
                escape(&cut(title, 18))
            );
        }
    }
}
