//! Markdown: the same sections as the page, for repositories and tickets. Log text stands only in code blocks and is never read as Markdown.

use std::fmt::Write as _;

use super::escape::{markdown as plain, markdown_block as block, markdown_code as code};
use super::view::{Cite, Sentence, Titles, view};
use crate::wire::v1::Report;

/// Renders the report as Markdown.
pub fn render_markdown(report: &Report, titles: &Titles) -> String {
    let v = view(report, titles);
    let mut out = String::from("<!-- rootline.report/v1 -->\n");
    let _ = writeln!(
        out,
        "# {}\n\n- Status: Draft\n- Window: {}\n- Rootline {}, grammars {}\n",
        plain(&v.title),
        v.window,
        v.version,
        v.grammars
    );
    out.push_str("## Summary\n\n");
    for sentence in &v.summary {
        let _ = writeln!(out, "- {}", cited(sentence));
    }
    for c in &v.cascades {
        let _ = writeln!(
            out,
            "\n## {} ({})\n\n{}\n",
            plain(&c.title),
            c.confidence,
            plain(&c.explanation)
        );
        for pair in &c.culprit {
            let _ = writeln!(out, "- {}: {}", pair.name, code(&pair.value));
        }
        let _ = writeln!(out, "- spread: {}", c.spread);
        if let Some(trigger) = &c.trigger {
            let _ = writeln!(
                out,
                "- trigger: {} {} [{}]",
                trigger.time,
                plain(&trigger.what),
                trigger.cite.id
            );
        }
        for hop in &c.hops {
            let _ = writeln!(
                out,
                "\n{}. **{}** {}{}",
                hop.number,
                plain(&hop.node),
                hop.span,
                if hop.arrived.is_empty() {
                    String::new()
                } else {
                    format!(" — {}", plain(&hop.arrived))
                }
            );
            for step in &hop.steps {
                let _ = writeln!(
                    out,
                    "   - {} {} [{}]",
                    step.time,
                    plain(&step.what),
                    step.cite.id
                );
            }
            for note in [&hop.unnoticed, &hop.ended_by]
                .into_iter()
                .filter(|n| !n.is_empty())
            {
                let _ = writeln!(out, "   - {}", plain(note));
            }
        }
        for (what, explanations) in &c.contradictions {
            let _ = writeln!(
                out,
                "\nContradiction: {} Possible explanations:\n",
                cited(what)
            );
            for explanation in explanations {
                let _ = writeln!(out, "- {}", plain(explanation));
            }
        }
        if !c.ruled_out.is_empty() {
            out.push_str("\nRuled out:\n\n");
            for (mechanism, why) in &c.ruled_out {
                let _ = writeln!(out, "- {}: {}", plain(mechanism), cited(why));
            }
        }
    }
    out.push_str("\n## Metrics\n\n| metric | value | status | definition |\n|---|---|---|---|\n");
    for m in &v.metrics {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            m.name,
            m.value,
            m.status,
            plain(&m.definition)
        );
    }
    out.push_str(
        "\n## Timeline (UTC)\n\n| time | what | about | node | evidence |\n|---|---|---|---|---|\n",
    );
    for r in &v.timeline {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} {} |",
            plain(&r.time),
            plain(&r.title),
            plain(&r.about),
            plain(&r.node),
            r.id,
            code(&r.place)
        );
    }
    if !v.others.is_empty() {
        let _ = writeln!(
            out,
            "\n{} further signals were recognised and belong to no cascade; `rootline signals` lists them.",
            v.others.len()
        );
    }
    if !v.left_alone.is_empty() {
        out.push_str("\n## Faults left alone\n\n");
        for l in &v.left_alone {
            let _ = writeln!(
                out,
                "- {} {} {}: {} [{}]",
                plain(&l.row.time),
                plain(&l.row.title),
                plain(&l.row.node),
                plain(&l.why),
                l.row.id
            );
        }
    }
    if !v.factors.is_empty() {
        out.push_str("\n## Contributing factors\n\n");
        for f in &v.factors {
            let _ = writeln!(
                out,
                "- **{}** ({}): {} {}",
                f.id,
                f.strength,
                cited(&f.because),
                plain(&f.action)
            );
        }
    }
    if !v.actions.is_empty() {
        out.push_str("\n## Action items (suggestions)\n\n");
        for (class, text, done) in &v.actions {
            let _ = writeln!(
                out,
                "- [ ] {class}: {} Done when {}.",
                plain(text),
                plain(done)
            );
        }
    }
    out.push_str("\n## What is not known\n\n");
    for g in &v.gaps {
        let _ = writeln!(out, "- {} {}.", plain(&g.name), plain(&g.value));
    }
    let _ = writeln!(
        out,
        "\n## Sources\n\n{}\n\n| path | formats | speaks for | records | signals | problems |\n|---|---|---|---|---|---|",
        v.totals
    );
    for s in &v.sources {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            code(&s.path),
            plain(&s.formats),
            plain(&s.speaks_for),
            s.records,
            s.signals,
            plain(&s.problems.join("; "))
        );
    }
    for s in &v.skipped {
        let _ = writeln!(out, "- not read: {} — {}", code(&s.name), plain(&s.value));
    }
    out.push_str("\n## Evidence\n");
    for e in &v.evidence {
        let _ = writeln!(out, "\n### {} {}\n", e.id, plain(&e.title));
        for w in &e.witnesses {
            let _ = writeln!(
                out,
                "{} ({}, sha256 {}…)\n\n{}",
                code(&w.place),
                w.bytes,
                w.sha256,
                block(&w.text)
            );
        }
    }
    out
}

fn cited(sentence: &Sentence) -> String {
    let ids: Vec<&str> = sentence
        .cites
        .iter()
        .map(|Cite { id, .. }| id.as_str())
        .collect();
    let more = if sentence.more > 0 {
        format!(" and {} more", sentence.more)
    } else {
        String::new()
    };
    if ids.is_empty() {
        plain(&sentence.text)
    } else {
        format!("{} [{}{more}]", plain(&sentence.text), ids.join(", "))
    }
}
