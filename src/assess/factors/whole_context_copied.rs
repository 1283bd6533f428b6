//! Factor `whole-context-copied`: the image holds the build context with what nobody needs at run time.
//!
//! Reads copy steps, their sizes and the ignore file if there is one; gives one finding an image. What exactly was in the context is in no such record.

use crate::assess::built;
use crate::model::artefact::spoken_bytes;
use crate::model::{Finding, Incident};

/// What nobody needs at run time, and a pattern that keeps it out.
const NOT_NEEDED: &[&str] = &[".git", "node_modules", ".env", "tests"];

fn source(text: &str) -> &str {
    text.split_whitespace()
        .find(|w| !w.starts_with("--"))
        .unwrap_or_default()
}

/// Whether an ignore file keeps a directory or file of the context's top out: the last pattern that fits it decides.
///
/// # Source
/// Docker documentation, ".dockerignore files": a pattern that begins with `!` is an exception, and order counts.
fn keeps_out(patterns: &[String], name: &str) -> bool {
    let fits = |pattern: &str| {
        pattern.trim_matches(['/', '*']) == name
            || pattern.contains(&format!("/{name}"))
            || pattern == "*"
    };
    let last = patterns.iter().rev().find(|p| {
        let pattern = p.strip_prefix('!').unwrap_or(p);
        // An exception for something deeper does not let the whole in.
        match p.starts_with('!') {
            true => pattern.trim_matches(['/', '*']) == name,
            false => fits(pattern),
        }
    });
    last.is_some_and(|p| !p.starts_with('!'))
}

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let whole = |text: &str| matches!(source(text).trim_end_matches('/'), "." | "");
        // A history of the classic builder shows `dir:hash in /app` for a copied directory.
        let bulky = |text: &str| {
            whole(text)
                || text.starts_with("dir:")
                || matches!(
                    source(text).trim_matches(['.', '/']),
                    "git" | "cache" | "tests" | "test" | "node_modules"
                )
        };
        let stage = built.stage();
        let written = stage.iter().find(|i| {
            matches!(i.verb, "COPY" | "ADD")
                && matches!(
                    i.words.first().map(|w| w.trim_end_matches('/')),
                    Some("." | "")
                )
                && !i.flags.iter().any(|(n, _)| n == "from")
        });
        let layers: Vec<_> = built
            .layers
            .iter()
            .filter(|l| {
                matches!(l.verb.as_str(), "COPY" | "ADD")
                    && bulky(&l.text)
                    && l.size.is_some_and(|s| s > 50_000_000)
            })
            .collect();
        let size: Option<u64> =
            (!layers.is_empty()).then(|| layers.iter().filter_map(|l| l.size).sum());
        if size.is_none() && written.is_none() {
            continue;
        }
        let ignore = incident.artefacts.ignores.first();
        let let_through: Vec<&str> = match ignore {
            Some(file) => NOT_NEEDED
                .iter()
                .copied()
                .filter(|name| !keeps_out(&file.patterns, name))
                .collect(),
            None => Vec::new(),
        };
        if ignore.is_some() && let_through.is_empty() && size.is_none() {
            continue;
        }
        let ignored = match ignore {
            Some(_) if let_through.is_empty() => {
                "The ignore file in the input keeps the usual suspects out.".to_owned()
            }
            Some(_) => format!(
                "The ignore file in the input lets {} through.",
                let_through.join(", ")
            ),
            None => "Whether there was an ignore file is not in the record.".to_owned(),
        };
        let what = match size {
            Some(size) => {
                let texts: Vec<String> = layers
                    .iter()
                    .map(|l| format!("{} {}", l.verb, l.text))
                    .collect();
                format!(
                    "Copies from the build context make up {} of the image ({}).",
                    spoken_bytes(size),
                    texts.join("; ")
                )
            }
            None => "The whole build context is copied into the image.".to_owned(),
        };
        let citations = layers
            .iter()
            .map(|l| l.citation.clone())
            .chain(written.map(|i| i.evidence.clone()))
            .chain(ignore.map(|f| f.evidence.clone()))
            .collect();
        let finding = built.finding(
            "whole-context-copied",
            format!("{what} {ignored}"),
            citations,
        );
        let mut finding = match size {
            Some(size) => built.by_saving(finding, size),
            None => finding,
        };
        if size.is_some() {
            finding.counterfactual.push_str(" What the application itself needs of them is not in the record, so this is the most that could be saved.");
        }
        finding.action = "Add an ignore file, and copy only what is needed.".to_owned();
        findings.push(finding);
    }
    findings
}

factor!(
    WholeContextCopied,
    "whole-context-copied",
    "What it looks for: `COPY . …` into the image, or copies of tests, caches, `.git` and `node_modules`; and ignore files that let these through.\n\
Why it matters: history, tests and caches are pulled by every node; `.env` files may leak secrets.\n\
Example: a layer of 1.1 GB from `COPY . .`.\n\
When it is mistaken: the ignore file keeps all of that out; where one is in the input and names them, there is no finding for it. A missing ignore file cannot be told from one that was not collected.\n\
What to do: an ignore file, and copies of only what is needed.\n\
References: hadolint has no rule for it; CIS Docker Benchmark 4.9 asks for COPY in place of ADD only.",
    check
);
