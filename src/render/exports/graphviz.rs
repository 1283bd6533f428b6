//! Graphviz: the cascades as a directed graph in the DOT language.
//!
//! # Source
//! Graphviz documentation, "DOT Language": in a quoted text only `"` and `\` mean something.

use std::fmt::Write as _;

use super::graph::graph_of;
use crate::render::terminal::safe;
use crate::render::view::Titles;
use crate::wire::v1::Report;

/// Renders the cascades of a report.
pub fn render_graphviz(report: &Report, titles: &Titles) -> String {
    let mut out = format!(
        "digraph incident {{\n  graph [label=\"{}\", labelloc=t, fontname=\"sans-serif\", rankdir=TB]\n  node [shape=box, style=filled, fontname=\"sans-serif\"]\n  edge [fontname=\"sans-serif\", fontsize=10]\n",
        text(&report.incident.title)
    );
    for cluster in graph_of(report, titles) {
        let _ = writeln!(
            out,
            "  subgraph \"cluster_{}\" {{\n    label=\"{}\"",
            cluster.id,
            text(&cluster.title)
        );
        for (at, (node, marks)) in cluster.groups.iter().enumerate() {
            if !node.is_empty() {
                let _ = writeln!(
                    out,
                    "    subgraph \"cluster_{}_{at}\" {{ label=\"{}\"; style=rounded",
                    cluster.id,
                    text(node)
                );
            }
            for mark in marks {
                let lines: Vec<String> = mark.lines.iter().map(|l| text(l)).collect();
                let (fill, line) = match mark.tone {
                    "fault" => ("#fde8e6", "#b3261e"),
                    "change" => ("#e3edfb", "#1f5fae"),
                    "recovery" => ("#e2f3e6", "#2b7a3d"),
                    _ => ("#f2f2f2", "#666666"),
                };
                let _ = writeln!(
                    out,
                    "      \"{}{}\" [label=\"{}\", fillcolor=\"{fill}\", color=\"{line}\"]",
                    cluster.id,
                    mark.id,
                    lines.join("\\n")
                );
            }
            if !node.is_empty() {
                out.push_str("    }\n");
            }
        }
        if cluster.left_out > 0 {
            let _ = writeln!(
                out,
                "    \"{}more\" [label=\"{} further links are not drawn\", style=dashed]",
                cluster.id, cluster.left_out
            );
        }
        out.push_str("  }\n");
        for (cause, effect, label, certain) in &cluster.edges {
            let style = if *certain { "solid" } else { "dashed" };
            let _ = writeln!(
                out,
                "  \"{0}{cause}\" -> \"{0}{effect}\" [label=\"{1}\", style={style}]",
                cluster.id,
                text(label)
            );
        }
    }
    out.push_str("}\n");
    out
}

fn text(raw: &str) -> String {
    safe(raw).replace('\\', "\\\\").replace('"', "\\\"")
}
