//! Factor `package-cache-kept`: package managers' own files stay in the image.
//!
//! Reads RUN steps of layers and of the Dockerfile's last stage; gives one finding an image.

use crate::assess::built;
use crate::assess::shell::caches_left;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let stage = built.stage();
        let mut citations = Vec::new();
        let mut caches: Vec<&str> = Vec::new();
        let set = |name: &str| {
            let written = stage
                .iter()
                .any(|i| i.verb == "ENV" && i.text.contains(name));
            written
                || built
                    .layer(|l| l.verb == "ENV" && l.text.contains(name))
                    .is_some()
        };
        for instruction in stage.iter().filter(|i| i.verb == "RUN") {
            let flags = instruction
                .flags
                .iter()
                .any(|(name, value)| name == "mount" && value.contains("cache"));
            let left = caches_left(&instruction.text, set);
            if !left.is_empty() && !flags {
                citations.push(instruction.evidence.clone());
                caches.extend(left);
            }
        }
        if citations.is_empty() {
            for layer in built
                .layers
                .iter()
                .filter(|l| l.verb == "RUN" && !l.text.ends_with(['…', '.']))
            {
                let left = caches_left(&layer.text, set);
                if !left.is_empty() {
                    citations.push(layer.citation.clone());
                    caches.extend(left);
                }
            }
        }
        caches.sort_unstable();
        caches.dedup();
        if citations.is_empty() {
            continue;
        }
        let mut finding = built.finding(
            "package-cache-kept",
            format!(
                "Packages are installed and the package manager's files stay in the layer: {}.",
                caches.join(", ")
            ),
            citations,
        );
        finding.counterfactual =
            "How many bytes of these layers they are is not in the record.".to_owned();
        finding.action = "Clean in the same RUN, or use a cache mount.".to_owned();
        findings.push(finding);
    }
    findings
}

factor!(
    PackageCacheKept,
    "package-cache-kept",
    "What it looks for: apt, apk, yum, dnf, pip, npm or yarn installing packages in a step that does not empty their lists and caches in the same step.\n\
Why it matters: what a layer holds is pulled by every node, even if a later layer deletes it.\n\
Example: `RUN apt-get update && apt-get install -y make` without `rm -rf /var/lib/apt/lists/*`.\n\
When it is mistaken: the base image is set up to clean by itself (Debian's official image empties the archives, not the lists); a cut line of a history is not judged.\n\
What to do: clean in the same RUN, or use a cache mount.\n\
References: hadolint DL3009 (apt lists), DL3019 (apk), DL3032 (yum), DL3040 (dnf), DL3042 (pip), DL3060 (yarn) agree.",
    check
);
