//! Mermaid: the cascades as a flowchart, for Markdown that draws it (GitHub, GitLab, wikis).
//!
//! # Source
//! Mermaid documentation, "Flowcharts", with its entity codes (`#35;`) for whatever could be read as syntax.

use std::fmt::Write as _;

use super::graph::graph_of;
use crate::render::view::Titles;
use crate::wire::v1::Report;

/// Renders the cascades of a report.
pub fn render_mermaid(report: &Report, titles: &Titles) -> String {
    let mut out = String::from("flowchart TD\n");
    let clusters = graph_of(report, titles);
    if clusters.is_empty() {
        out.push_str("  none[\"no cascade was found\"]\n");
    }
    for cluster in &clusters {
        let _ = writeln!(
            out,
            "  subgraph {}[\"{}\"]",
            cluster.id,
            text(&cluster.title)
        );
        for (at, (node, marks)) in cluster.groups.iter().enumerate() {
            let indent = if node.is_empty() { "    " } else { "      " };
            if !node.is_empty() {
                let _ = writeln!(out, "    subgraph {}n{at}[\"{}\"]", cluster.id, text(node));
            }
            for mark in marks {
                let lines: Vec<String> = mark.lines.iter().map(|l| text(l)).collect();
                let _ = writeln!(
                    out,
                    "{indent}{}{}[\"{}\"]:::{}",
                    cluster.id,
                    mark.id,
                    lines.join("<br/>"),
                    mark.tone
                );
            }
            if !node.is_empty() {
                out.push_str("    end\n");
            }
        }
        if cluster.left_out > 0 {
            let _ = writeln!(
                out,
                "    {}more[\"{} further links are not drawn\"]",
                cluster.id, cluster.left_out
            );
        }
        out.push_str("  end\n");
        for (cause, effect, label, certain) in &cluster.edges {
            let arrow = if *certain { "-->" } else { "-.->" };
            let _ = writeln!(
                out,
                "  {0}{cause} {arrow}|\"{1}\"| {0}{effect}",
                cluster.id,
                text(label)
            );
        }
    }
    out.push_str("  classDef fault fill:#fde8e6,stroke:#b3261e,color:#410e0b\n  classDef change fill:#e3edfb,stroke:#1f5fae,color:#0b2545\n  classDef recovery fill:#e2f3e6,stroke:#2b7a3d,color:#0d3317\n  classDef other fill:#f2f2f2,stroke:#666,color:#222\n");
    out
}

/// Text that cannot be syntax: everything but letters, digits and some harmless signs is an entity.
fn text(raw: &str) -> String {
    raw.chars().fold(String::new(), |mut shown, c| {
        if c.is_alphanumeric() || " .,:/-_@+=()·".contains(c) {
            shown.push(c);
        } else if c.is_control() {
            shown.push(' ');
        } else {
            let _ = write!(shown, "#{};", u32::from(c));
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_could_be_syntax_is_an_entity() {
        assert_eq!(
            text("a\"]-->b#35;`<i>\n"),
            "a#34;#93;--#62;b#35;35#59;#96;#60;i#62; "
        );
        assert_eq!(text("registry/shop:v1@sha256"), "registry/shop:v1@sha256");
    }
}
