//! Markdown: the same sections as the page, for repositories and tickets. Log text stands only in code blocks and is never read as Markdown.

use std::fmt::Write as _;

use super::escape::{markdown as plain, markdown_block as block, markdown_code as code};
use super::prose::{Block, Span};
use super::view::cascades::{CascadeView, Step};
use super::view::frame::SectionView;
use super::view::{Cite, Sentence, Titles, View, view};
use crate::wire::v1::Report;

/// Renders the report as Markdown: the sections of the page in the same order, the cascade as a Mermaid chart.
pub fn render_markdown(report: &Report, titles: &Titles) -> String {
    let v = view(report, titles);
    let mut out = String::from("<!-- rootline.report/v1 -->\n");
    head(&mut out, &v);
    for section in v.sections.iter().skip(1) {
        let _ = writeln!(out, "\n## {}\n", section.title);
        match section.id {
            "summary" => {
                for sentence in &v.summary {
                    let _ = writeln!(out, "- {}", cited(sentence));
                }
            }
            "cascade" => cascades(&mut out, &v),
            "impact" => impact(&mut out, &v),
            "metrics" => metrics(&mut out, &v),
            "timeline" => timeline(&mut out, &v),
            "root-cause" => root_cause(&mut out, &v),
            "detection" => {
                let _ = writeln!(out, "{}\n", cited(&v.detection.told));
                steps(&mut out, &v.detection.alerts, "");
            }
            "resolution" => {
                let _ = writeln!(out, "{}\n", cited(&v.resolution.told));
                steps(&mut out, &v.resolution.deeds, "");
                steps(&mut out, &v.resolution.ends, "");
            }
            "lessons" => lessons(&mut out, &v),
            "actions" => {
                actions(&mut out, &v);
                remedies(&v, &mut out);
            }
            "similar" => similar(&mut out, &v),
            "open" => open(&mut out, &v),
            "sources" => sources(&mut out, &v),
            "glossary" => glossary(&mut out, &v),
            "evidence" => evidence(&mut out, &v),
            _ => {}
        }
        people(&mut out, section);
    }
    out
}

fn head(out: &mut String, v: &View) {
    let _ = writeln!(out, "# {}\n", plain(&v.title));
    if v.head.revealed {
        out.push_str("**Names are shown: this copy was written with `--reveal-identities`. Do not pass it on as it is.**\n\n");
    }
    let _ = writeln!(
        out,
        "- Number: {}\n- Status: {}\n- Window: {}",
        plain(&v.head.id),
        plain(&v.head.status),
        v.window
    );
    for field in &v.head.fields {
        let value = if field.value.is_empty() {
            format!("_to be filled in: `{}`_", field.key)
        } else {
            plain(&field.value)
        };
        let _ = writeln!(out, "- {}: {value}", field.name);
    }
    let _ = writeln!(
        out,
        "- Written by: Rootline {}, grammars {}\n- Inputs: {} sources {}",
        plain(&v.version),
        plain(&v.grammars),
        v.sources.len(),
        plain(&v.head.inputs)
    );
    if v.head.awaiting > 0 {
        let _ = writeln!(
            out,
            "\n**{} of {} sections await you.** What only people can know is left open and marked.",
            v.head.awaiting,
            v.sections.len()
        );
    }
}

/// Writes what people wrote for a section, and what it awaits.
fn people(out: &mut String, section: &SectionView) {
    for block in &section.prose {
        let text = match block {
            Block::Paragraph(line) => spans(line),
            Block::Heading(text) => format!("**{}**", plain(text)),
            Block::List(items) => items
                .iter()
                .map(|i| format!("- {}", spans(i)))
                .collect::<Vec<_>>()
                .join("\n> "),
            Block::Code(text) => {
                let text = super::escape::markdown_block(text);
                text.trim_end().replace('\n', "\n> ")
            }
        };
        let _ = writeln!(out, "\n> {text}");
    }
    for prompt in &section.prompts {
        let _ = writeln!(
            out,
            "\n- [ ] **{}** — to be written by people: {}",
            plain(&prompt.what),
            plain(&prompt.place)
        );
    }
}

fn spans(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|s| match s {
            Span::Text(text) => plain(text),
            Span::Bold(text) => format!("**{}**", plain(text)),
            Span::Code(text) => code(text),
            Span::Link(text, address) => {
                format!("[{}](<{}>)", plain(text), address.replace(['<', '>'], ""))
            }
        })
        .collect()
}

fn cascades(out: &mut String, v: &View) {
    if v.cascades.is_empty() {
        out.push_str("No chain of faults was found that a known mechanism explains.\n");
    }
    for c in &v.cascades {
        let _ = writeln!(
            out,
            "### {} ({})\n\n{}\n",
            plain(&c.title),
            c.confidence,
            plain(&c.explanation)
        );
        for pair in &c.culprit {
            let _ = writeln!(out, "- {}: {}", pair.name, code(&pair.value));
        }
        let _ = writeln!(out, "- spread: {}\n\n{}", c.spread, mermaid(c));
        if let Some(trigger) = &c.trigger {
            let _ = writeln!(out, "- trigger: {}", step(trigger));
        }
        for hop in &c.hops {
            let arrived = if hop.arrived.is_empty() {
                String::new()
            } else {
                format!(" — {}", plain(&hop.arrived))
            };
            let _ = writeln!(
                out,
                "\n{}. **{}** {}{arrived}",
                hop.number,
                plain(&hop.node),
                hop.span
            );
            steps(out, &hop.steps, "   ");
            if hop.more > 0 {
                let _ = writeln!(out, "   - {} further steps", hop.more);
            }
            for note in [&hop.unnoticed, &hop.ended_by]
                .into_iter()
                .filter(|n| !n.is_empty())
            {
                let _ = writeln!(out, "   - {}", plain(note));
            }
        }
        out.push('\n');
    }
    if !v.cascades_more.is_empty() {
        let _ = writeln!(out, "{}\n", v.cascades_more);
    }
}

/// Draws a cascade for wikis that know Mermaid. What a label may not hold is written as Mermaid's own character codes.
fn mermaid(c: &CascadeView) -> String {
    let label = |lines: &[String]| -> String {
        lines
            .iter()
            .map(|l| chart_text(l))
            .collect::<Vec<_>>()
            .join("<br/>")
    };
    let mut chart = String::from("```mermaid\nflowchart TD\n");
    let mut before: Option<String> = None;
    if let Some(trigger) = &c.trigger {
        let lines = [
            "Trigger".to_owned(),
            trigger.title.clone(),
            trigger.time.clone(),
        ];
        let _ = writeln!(chart, "  t([\"{}\"])", label(&lines));
        before = Some("t".to_owned());
    }
    for hop in &c.hops {
        let mut lines = vec![format!("{} · {}", hop.number, hop.node), hop.span.clone()];
        let mut count = 0;
        for (index, step) in hop.steps.iter().enumerate() {
            count += 1;
            if hop
                .steps
                .get(index + 1)
                .is_none_or(|next| next.title != step.title)
            {
                lines.push(match count {
                    1 => step.title.clone(),
                    n => format!("{} × {n}", step.title),
                });
                count = 0;
            }
        }
        let _ = writeln!(chart, "  h{}[\"{}\"]", hop.number, label(&lines));
        if let Some(before) = &before {
            if hop.arrived.is_empty() {
                let _ = writeln!(chart, "  {before} --> h{}", hop.number);
            } else {
                let _ = writeln!(
                    chart,
                    "  {before} -->|\"{}\"| h{}",
                    chart_text(&hop.arrived),
                    hop.number
                );
            }
        }
        before = Some(format!("h{}", hop.number));
    }
    if !c.end.is_empty() {
        let mut lines = vec!["Recovery".to_owned()];
        lines.extend(c.end.iter().map(|s| format!("{} {}", s.time, s.title)));
        let _ = writeln!(chart, "  e([\"{}\"])", label(&lines));
        if let Some(before) = &before {
            let _ = writeln!(chart, "  {before} --> e");
        }
    }
    chart.push_str("```\n");
    chart
}

fn chart_text(text: &str) -> String {
    text.chars().fold(String::new(), |mut safe, c| {
        if c.is_alphanumeric()
            || matches!(
                c,
                ' ' | '.' | ',' | ':' | '-' | '–' | '/' | '(' | ')' | '·' | '×'
            )
        {
            safe.push(c);
        } else {
            let _ = write!(safe, "#{};", u32::from(c));
        }
        safe
    })
}

fn step(step: &Step) -> String {
    let corrected = if step.cite.corrected.is_empty() {
        String::new()
    } else {
        format!(" (corrected by people: {})", plain(&step.cite.corrected))
    };
    format!(
        "{} {} [{}]{corrected}",
        plain(&step.time),
        plain(&step.what),
        step.cite.id
    )
}

fn steps(out: &mut String, list: &[Step], indent: &str) {
    for one in list {
        let _ = writeln!(out, "{indent}- {}", step(one));
    }
}

fn impact(out: &mut String, v: &View) {
    if !v.impact.customers.is_empty() {
        let _ = writeln!(out, "> Customers: {}\n", plain(&v.impact.customers));
    }
    if v.cascades.is_empty() {
        out.push_str("No cascade was found, so nothing can be said to have been hit by one.\n");
    } else {
        out.push_str("| what | direct | collateral | share |\n|---|---|---|---|\n");
        let names = |list: &[String]| match list.len() {
            0 => "none".to_owned(),
            n => {
                let shown: Vec<String> = list.iter().take(12).map(|x| code(x)).collect();
                let more = if n > 12 {
                    format!(" and {} more", n - 12)
                } else {
                    String::new()
                };
                format!("{n}: {}{more}", shown.join(" "))
            }
        };
        for r in &v.impact.reach {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                r.kind,
                names(&r.direct),
                names(&r.collateral),
                r.share
            );
        }
        let _ = writeln!(out, "\nPotential: {}", plain(&v.impact.potential));
    }
    if !v.impact.conditions.is_empty() {
        out.push_str("\nAbnormal conditions:\n\n");
        for c in &v.impact.conditions {
            let _ = writeln!(out, "- **{}** {}", plain(&c.name), plain(&c.value));
        }
    }
}

fn metrics(out: &mut String, v: &View) {
    out.push_str("| metric | value | status | baseline | definition |\n|---|---|---|---|---|\n");
    for m in &v.metrics {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            m.name,
            m.value,
            m.status,
            if m.baseline.is_empty() {
                "none"
            } else {
                &m.baseline
            },
            plain(&m.definition)
        );
    }
    let _ = writeln!(out, "\n{}", v.baseline);
}

fn timeline(out: &mut String, v: &View) {
    out.push_str(
        "Times are UTC.\n\n| time | what | about | node | evidence |\n|---|---|---|---|---|\n",
    );
    for r in &v.timeline {
        let corrected = if r.cite.corrected.is_empty() {
            String::new()
        } else {
            format!(" (corrected by people: {})", plain(&r.cite.corrected))
        };
        let _ = writeln!(
            out,
            "| {} | {}{corrected} | {} | {} | {} {} |",
            plain(&r.time),
            plain(&r.title),
            plain(&r.about),
            plain(&r.node),
            r.id,
            code(&r.place)
        );
    }
    if v.timeline_more > 0 {
        let _ = writeln!(
            out,
            "\n{} further signals of the cascades are in JSON and in `rootline signals`.",
            v.timeline_more
        );
    }
    let others = v.others.len() + v.others_more;
    if others > 0 {
        let _ = writeln!(
            out,
            "\n{others} further signals were recognised and belong to no cascade; `rootline signals` lists them."
        );
    }
}

fn root_cause(out: &mut String, v: &View) {
    if v.cascades.is_empty() {
        out.push_str("Nothing in the record asks for one.\n");
    }
    for c in &v.cascades {
        let trigger = c.trigger.as_ref().map_or_else(
            || "no change that leads to this is in the record".to_owned(),
            step,
        );
        let _ = writeln!(
            out,
            "- Initiating condition: {trigger}\n- Mechanism: {} ({}). {}",
            plain(&c.title),
            c.confidence,
            plain(&c.explanation)
        );
        if !c.ruled_out.is_empty() {
            out.push_str("- Weighed and ruled out:\n");
            for (mechanism, why) in &c.ruled_out {
                let _ = writeln!(out, "  - {}: {}", plain(mechanism), cited(why));
            }
        }
    }
    if !v.factors.is_empty() {
        out.push_str("\nContributing factors:\n\n");
        for f in &v.factors {
            let _ = writeln!(
                out,
                "- **{}** ({}): {} {} {} Mistaken when: {}",
                plain(&f.id),
                plain(&f.strength),
                cited(&f.because),
                plain(&f.beside),
                plain(&f.action),
                plain(&f.doubt)
            );
        }
    }
}

fn lessons(out: &mut String, v: &View) {
    for (list, name) in v
        .lessons
        .by_people
        .iter()
        .zip(["Went well", "Went less well", "Lucky"])
    {
        for line in list {
            let _ = writeln!(out, "> {name}: {}\n", plain(line));
        }
    }
    for (list, name) in [
        (&v.lessons.well, "seems to have gone well"),
        (&v.lessons.lucky, "may have been luck"),
    ] {
        for sentence in list {
            let _ = writeln!(out, "- Suggested, {name}: {}", cited(sentence));
        }
    }
}

fn actions(out: &mut String, v: &View) {
    if v.actions.is_empty() {
        out.push_str("None are suggested.\n");
        return;
    }
    out.push_str("| | class | action | done when | owner | due |\n|---|---|---|---|---|---|\n");
    for a in &v.actions {
        let open = |value: &str| {
            if value.is_empty() {
                "_to be filled in_".to_owned()
            } else {
                plain(value)
            }
        };
        let origin = if a.is_suggested {
            "suggested"
        } else {
            "by people"
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} ({origin}, {}{}) | {} | {} | {} |",
            plain(&a.status),
            plain(&a.class),
            plain(&a.text),
            code(&a.id),
            if a.ticket.is_empty() {
                String::new()
            } else {
                format!(", {}", plain(&a.ticket))
            },
            plain(&a.done_when),
            open(&a.owner),
            open(&a.due)
        );
    }
}

fn similar(out: &mut String, v: &View) {
    let Some(past) = &v.similar else {
        out.push_str("Not looked for: no past incidents were given.\n");
        return;
    };
    if past.is_empty() {
        out.push_str("None of the past incidents that were given is like this one.\n");
        return;
    }
    out.push_str(
        "| past incident | alike | both | only here | only there |\n|---|---|---|---|---|\n",
    );
    for p in past {
        let _ = writeln!(
            out,
            "| {} ({} {}) | {} | {} | {} | {} |",
            plain(&p.title),
            code(&p.incident),
            p.day,
            p.overlap,
            plain(&p.shared),
            plain(&p.only_here),
            plain(&p.only_there)
        );
    }
}

fn open(out: &mut String, v: &View) {
    for c in &v.corrections {
        let about = c
            .cite
            .as_ref()
            .map(|c| format!("[{}] ", c.id))
            .unwrap_or_default();
        let because = if c.because.is_empty() {
            String::new()
        } else {
            format!(": {}", plain(&c.because))
        };
        let _ = writeln!(
            out,
            "- Corrected by people: {about}{}{because}. {}",
            plain(&c.says),
            plain(&c.note)
        );
    }
    for (what, explanations) in v.cascades.iter().flat_map(|c| &c.contradictions) {
        let _ = writeln!(
            out,
            "- Contradiction: {} Possible explanations:",
            cited(what)
        );
        for explanation in explanations {
            let _ = writeln!(out, "  - {}", plain(explanation));
        }
    }
    if v.gaps.is_empty() {
        out.push_str("- Nothing that this report needed was missing.\n");
    }
    for g in &v.gaps {
        let _ = writeln!(out, "- {} {}.", plain(&g.name), plain(&g.value));
    }
    if !v.left_alone.is_empty() {
        out.push_str("\nFaults left alone:\n\n");
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
        if v.left_alone_more > 0 {
            let _ = writeln!(out, "- {} more are in JSON", v.left_alone_more);
        }
    }
}

fn sources(out: &mut String, v: &View) {
    let _ = writeln!(
        out,
        "{}\n\n| path | formats | speaks for | records | signals | problems |\n|---|---|---|---|---|---|",
        plain(&v.totals)
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
    for file in &v.human_files {
        let _ = writeln!(out, "- written by people, no evidence: {}", code(file));
    }
    for problem in &v.human_problems {
        let _ = writeln!(out, "- {}", plain(problem));
    }
}

fn glossary(out: &mut String, v: &View) {
    for word in &v.glossary {
        let _ = writeln!(out, "- **{}**: {}", plain(&word.name), plain(&word.value));
    }
    for role in &v.roles {
        let _ = writeln!(
            out,
            "- **{}**: {}",
            plain(&role.role),
            plain(&role.did.join(", "))
        );
    }
}

fn evidence(out: &mut String, v: &View) {
    if v.evidence_more > 0 {
        let _ = writeln!(
            out,
            "The records of {} further signals are in JSON and in `rootline signals`.",
            v.evidence_more
        );
    }
    for e in &v.evidence {
        let _ = writeln!(out, "\n### {} {}\n", e.id, plain(&e.title));
        if !e.corrected.is_empty() {
            let _ = writeln!(out, "> Corrected by people: {}\n", plain(&e.corrected));
        }
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

/// Layers, disks, the image to go back to, and guard-rails.
fn remedies(v: &super::view::View, out: &mut String) {
    for image in &v.remedies.images {
        let _ = writeln!(
            out,
            "\n### What {} is made of\n\n{}\n\n| layer | size | share | what stands out | where |\n|---|---|---|---|---|",
            plain(&image.subject),
            plain(&image.about)
        );
        for l in &image.layers {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                plain(&l.what),
                plain(&l.size),
                plain(&l.share),
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
        out.push_str("\n### Disk budget\n\n| node | disk | free before | needed | fits | least seen |\n|---|---|---|---|---|---|\n");
        for b in &v.remedies.budgets {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} |",
                plain(&b.node),
                plain(&b.capacity),
                plain(&b.free),
                plain(&b.needed),
                plain(&b.fits),
                plain(&b.lowest)
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
            "\n### What to go back to\n\n{}\n\n{}",
            code(&r.image),
            cited(&r.known)
        );
        if !r.command.is_empty() {
            let _ = writeln!(out, "\n{}", block(&r.command));
        }
    }
    if !v.remedies.guard_rails.is_empty() {
        out.push_str("\n### Guard-rails, tried on this incident\n\n| file | what it does | back-test |\n|---|---|---|\n");
        for g in &v.remedies.guard_rails {
            let _ = writeln!(
                out,
                "| {} | {} | {}: {} |",
                code(&g.file),
                plain(&g.about),
                plain(g.state),
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
        assert_eq!(chart_text("a\"]; click x`"), "a#34;#93;#59; click x#96;");
    }
}
