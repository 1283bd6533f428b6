//! Factor `removed-in-later-layer`: files are deleted in a later layer than the one that brought them.
//!
//! Reads RUN steps; gives one finding an image.

use crate::assess::built;
use crate::model::{Finding, Incident};

fn only_deletes(text: &str) -> bool {
    let text = text.trim();
    let parts = text.split("&&").map(str::trim);
    let deletes = |part: &str| {
        [
            "rm ",
            "apt-get clean",
            "apt-get autoclean",
            "apt-get autoremove",
            "yum clean",
            "dnf clean",
            "npm cache clean",
            "yarn cache clean",
            "apk cache clean",
        ]
        .iter()
        .any(|d| part.starts_with(d))
    };
    !text.is_empty() && parts.into_iter().all(deletes)
}

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let stage = built.stage();
        let written = stage
            .iter()
            .find(|i| i.verb == "RUN" && only_deletes(&i.text));
        let layer = built.layer(|l| l.verb == "RUN" && only_deletes(&l.text));
        let (text, citation) = match (written, layer) {
            (Some(written), _) => (written.text.clone(), written.evidence.clone()),
            (None, Some(layer)) => (layer.text.clone(), layer.citation.clone()),
            (None, None) => continue,
        };
        let mut finding = built.finding(
            "removed-in-later-layer",
            format!("“RUN {text}” only deletes: what it deletes stays in the layers below."),
            vec![citation],
        );
        finding.strength = "amplifier";
        finding.counterfactual = "How many bytes it deletes is not in the record.".to_owned();
        finding.action = "Delete in the RUN that brought the files.".to_owned();
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::only_deletes;

    #[test]
    fn a_step_that_also_installs_is_not_meant() {
        assert!(only_deletes("rm -rf /var/lib/apt/lists/*"));
        assert!(only_deletes("apt-get clean && rm -rf /tmp/*"));
        assert!(!only_deletes(
            "apt-get install -y make && rm -rf /var/lib/apt/lists/*"
        ));
    }
}

factor!(
    RemovedInLaterLayer,
    "removed-in-later-layer",
    "What it looks for: a RUN that only deletes (`rm -rf …`, `apt-get clean`), after a step of its own that installed or copied.\n\
Why it matters: layers are added and never subtracted: the deleted bytes are stored, sent and unpacked all the same.\n\
Example: `RUN apt-get install …` and then `RUN rm -rf /var/lib/apt/lists/*`.\n\
When it is mistaken: the image is squashed afterwards, or the deletion is for secrecy and not for size (it does not serve that either).\n\
What to do: delete in the RUN that brought the files.\n\
References: hadolint DL3059 (several RUNs in a row) is near; Dockerfile best practices, \"RUN\".",
    check
);
