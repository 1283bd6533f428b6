//! Guard-rail: an ignore file for the build context.
//!
//! What was in the context is in no record, so what it would have saved is not tested.

use crate::model::{Finding, GuardRail};

/// What no image needs: history, dependencies that the build installs itself, secrets, tests, editors' and build tools' leavings.
const PATTERNS: &[&str] = &[
    ".git",
    ".gitignore",
    ".github",
    "**/node_modules",
    "**/__pycache__",
    "**/.venv",
    "**/.env",
    "**/.env.*",
    "**/*.pem",
    "**/*.key",
    "**/.cache",
    "**/coverage",
    "**/tests",
    "**/test",
    "**/*.log",
    "npm-debug.log*",
    "dist",
    "target",
    ".idea",
    ".vscode",
    "Dockerfile*",
    ".dockerignore",
    "*.md",
];

pub(super) fn make(findings: &[Finding]) -> Option<GuardRail> {
    let finding = findings
        .iter()
        .find(|f| f.factor == "whole-context-copied")?;
    let mut text = String::from(
        "# Proposal. Read it line by line: what the build needs must not be in here.\n",
    );
    for pattern in PATTERNS {
        text.push_str(pattern);
        text.push('\n');
    }
    Some(GuardRail {
        id: "build-context".to_owned(),
        file: "build/.dockerignore".to_owned(),
        text,
        class: "prevent",
        about: "Ignore file: history, dependencies, secrets, tests and caches stay out of the build context.".to_owned(),
        done_when: "the build prints a context of a few megabytes".to_owned(),
        backtest: super::untested(&format!(
            "what was in the build context is not in the record; {}",
            if finding.counterfactual.is_empty() {
                "nor how large the copies are".to_owned()
            } else {
                format!("at most: {}", finding.counterfactual.trim_end_matches('.').replace("Without", "without"))
            }
        )),
    })
}
