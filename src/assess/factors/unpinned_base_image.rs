//! Factor `unpinned-base-image`: the base image is named by a tag that moves.
//!
//! Reads the Dockerfile; gives one finding for its last stage.

use crate::assess::built;
use crate::model::{Finding, Incident};

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let Some(build) = built.build else { continue };
        let Some(from) = build.base() else { continue };
        let Some(image) = from.words.first() else {
            continue;
        };
        if image.contains('$') || image.contains('@') || image == "scratch" || build.is_stage(image)
        {
            continue;
        }
        let tag = image
            .rsplit_once(':')
            .filter(|(_, tag)| !tag.contains('/'))
            .map(|(_, tag)| tag);
        let what = match tag {
            None => "without a tag, which means latest",
            Some("latest") => "by latest",
            Some(_) => "by a tag without a digest",
        };
        let mut finding = built.finding(
            "unpinned-base-image",
            format!("The base image {image} is named {what}."),
            vec![from.evidence.clone()],
        );
        finding.counterfactual =
            "It did not make the image larger; it makes it unknown what the image contains."
                .to_owned();
        finding.action = "Name the base image by version and digest.".to_owned();
        findings.push(finding);
    }
    findings
}

factor!(
    UnpinnedBaseImage,
    "unpinned-base-image",
    "What it looks for: a last stage built on an image without a tag, with `latest`, or with a tag and no digest.\n\
Why it matters: the same Dockerfile gives another image tomorrow, and nobody can tell from it which one was deployed.\n\
Example: `FROM node:20`.\n\
When it is mistaken: the base is a stage of the same file or comes from a build argument; those are not looked at.\n\
What to do: name the base by version and digest, and let a bot raise both.\n\
References: hadolint DL3006 (no tag) and DL3007 (latest) agree; hadolint is content with a tag that has no digest.",
    check
);
