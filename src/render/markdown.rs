//! Markdown: the same sections as the page, for repositories and tickets. Log text stands only in code blocks and is never read as Markdown.

use std::fmt::Write as _;

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
                "- **{}** ({}): {} {} {}",
                f.id,
                f.strength,
                cited(&f.because),
                plain(&f.beside),
                plain(&f.action)
            );
        }
    }
    remedies(&v, &mut out);
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

/// Escapes everything that Markdown or HTML would read.
fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, c| {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\n' | '\r' => safe.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
        safe
    })
}

/// Returns a code span whose fence is longer than any run of back quotes inside.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    let text: String = text
        .chars()
        .map(|c| {
            if c == '|' {
                '¦'
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect();
    format!("{fence}{text}{fence}")
}

fn block(text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}text\n{text}\n{fence}\n")
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Layers, disks, the image to go back to, and guard-rails.
fn remedies(v: &super::view::View, out: &mut String) {
    for image in &v.remedies.images {
        let _ = writeln!(
            out,
            "\n## What {} is made of\n\n{}\n\n| layer | size | share | what stands out | where |\n|---|---|---|---|---|",
            plain(&image.subject),
            plain(&image.about)
        );
        for l in &image.layers {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                plain(&l.what),
                l.size,
                l.share,
                plain(&l.notes),
                plain(&l.places)
            );
        }
        let _ = writeln!(out, "| together | {} | | | |\n", image.total);
        for size in &image.sizes {
            let _ = writeln!(out, "- {}", plain(size));
        }
        for (what, places) in &image.contradictions {
            let _ = writeln!(out, "- contradiction: {} ({})", plain(what), plain(places));
        }
    }
    if !v.remedies.budgets.is_empty() {
        out.push_str("\n## Disk budget\n\n| node | disk | free before | needed | fits | least seen |\n|---|---|---|---|---|---|\n");
        for b in &v.remedies.budgets {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                plain(&b.node),
                b.capacity,
                b.free,
                b.needed,
                b.fits,
                b.lowest
            );
        }
        out.push('\n');
        for b in &v.remedies.budgets {
            let _ = writeln!(
                out,
                "- {} {}",
                cited(&b.because),
                plain(&b.counterfactuals.join(" "))
            );
        }
    }
    for r in &v.remedies.rollbacks {
        let _ = writeln!(
            out,
            "\n## What to go back to\n\n{}\n\n{}\n\n{}",
            code(&r.image),
            cited(&r.known),
            block(&r.command)
        );
    }
    if !v.remedies.guard_rails.is_empty() {
        out.push_str("\n## Guard-rails, tried on this incident\n\n| file | what it does | back-test |\n|---|---|---|\n");
        for g in &v.remedies.guard_rails {
            let _ = writeln!(
                out,
                "| {} | {} | {}: {} |",
                code(&g.file),
                plain(&g.about),
                g.state,
                plain(&g.backtest)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_text_never_becomes_markdown() {
        assert_eq!(
            plain("<b> *x* [a](b) |"),
            "&lt;b&gt; \\*x\\* \\[a\\](b) \\|"
        );
        assert_eq!(block("a\n```\n# b"), "````text\na\n```\n# b\n````\n");
    }
}
