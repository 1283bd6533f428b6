//! Factor `cache-busting-copy`: sources are copied before dependencies are installed.
//!
//! Reads the order of the Dockerfile's instructions; gives one finding a stage, for the last stage only if it installs itself.

use crate::assess::built;
use crate::model::{Finding, Incident};

const INSTALLS: &[&str] = &[
    "npm install",
    "npm ci",
    "yarn install",
    "pnpm install",
    "pip install",
    "poetry install",
    "bundle install",
    "composer install",
    "go mod download",
    "cargo fetch",
    "mvn dependency:",
];

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let Some(build) = built.build else { continue };
        let all = &build.instructions;
        let pair = all.iter().enumerate().find_map(|(at, copy)| {
            let whole = matches!(copy.verb, "COPY" | "ADD")
                && copy
                    .words
                    .first()
                    .is_some_and(|w| matches!(w.as_str(), "." | "./"))
                && !copy.flags.iter().any(|(name, _)| name == "from");
            let install = all[at..].iter().find(|i| {
                i.stage == copy.stage
                    && i.verb == "RUN"
                    && INSTALLS.iter().any(|c| i.text.contains(c))
            });
            // Dependencies that were installed before the copy are in the cache whatever the copy changes.
            let earlier = all[..at].iter().any(|i| {
                i.stage == copy.stage
                    && i.verb == "RUN"
                    && INSTALLS.iter().any(|c| i.text.contains(c))
            });
            (whole && !earlier).then(|| install.map(|i| (copy, i)))?
        });
        let Some((copy, install)) = pair else {
            continue;
        };
        let mut finding = built.finding(
            "cache-busting-copy",
            format!(
                "The whole build context is copied before dependencies are installed ({} {}).",
                install.verb,
                install
                    .text
                    .split_whitespace()
                    .take(2)
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
            vec![copy.evidence.clone(), install.evidence.clone()],
        );
        finding.counterfactual = "The image would be as large; a new version of it would share more layers with the one that the nodes have already.".to_owned();
        finding.action = "Copy the package list first, install, then copy the sources.".to_owned();
        findings.push(finding);
    }
    findings
}

factor!(
    CacheBustingCopy,
    "cache-busting-copy",
    "What it looks for: `COPY . .` before the step that installs dependencies, in the same stage.\n\
Why it matters: every change of any file makes the builder install everything again, and every node pull that layer again.\n\
Example: `COPY . .`, then `RUN npm install`.\n\
When it is mistaken: the ignore file leaves nothing but the package list in the context.\n\
What to do: copy the package list first, install, then copy the sources.\n\
References: Docker documentation, \"Optimize cache usage\"; hadolint has no rule for it.",
    check
);
