//! Factor `full-base-image`: the image is built on a full distribution where a slim one exists.
//!
//! Reads the last stage of the Dockerfile and the history's base; gives one finding.

use crate::assess::built;
use crate::model::artefact::spoken_bytes;
use crate::model::{Finding, Incident};

/// Official images that are published with `-slim` or `-alpine` variants.
///
/// # Source
/// Docker Hub, descriptions of the official images.
const WITH_SLIM: &[&str] = &[
    "node",
    "python",
    "ruby",
    "golang",
    "rust",
    "openjdk",
    "eclipse-temurin",
    "php",
    "perl",
    "erlang",
    "elixir",
    "gradle",
    "maven",
    "debian",
];

fn is_full(image: &str) -> bool {
    let (name, tag) = image.split_once(':').unwrap_or((image, "latest"));
    let name = name.rsplit_once("library/").map_or(name, |(_, n)| n);
    let tag = tag.split('@').next().unwrap_or(tag);
    WITH_SLIM.contains(&name)
        && ![
            "slim",
            "alpine",
            "distroless",
            "jre",
            "nanoserver",
            "busybox",
        ]
        .iter()
        .any(|v| tag.contains(v))
}

fn check(incident: &Incident) -> Vec<Finding> {
    let mut findings = Vec::new();
    for built in built::all(incident) {
        let from = built.build.and_then(|b| {
            b.base()
                .filter(|f| f.words.first().is_some_and(|i| is_full(i)))
        });
        let layer = built
            .layer(|l| l.verb == "FROM" && l.text.split_whitespace().next().is_some_and(is_full));
        let (image, citations) = match (from, layer) {
            (Some(from), layer) => (
                from.words.concat(),
                [
                    Some(from.evidence.clone()),
                    layer.map(|l| l.citation.clone()),
                ]
                .into_iter()
                .flatten()
                .collect(),
            ),
            (None, Some(layer)) => (layer.text.clone(), vec![layer.citation.clone()]),
            (None, None) => continue,
        };
        let size = layer.and_then(|l| l.size);
        let said = size
            .map(|s| format!(" Its layer has {}.", spoken_bytes(s)))
            .unwrap_or_default();
        let mut finding = built.finding("full-base-image", format!("The image is built on {image}, the full variant of an image that has a slim one.{said}"), citations);
        finding.strength = "amplifier";
        finding.counterfactual = match size {
            Some(size) => format!(
                "A smaller base saves part of these {}; how much is not in the record.",
                spoken_bytes(size)
            ),
            None => "How large the base is, is not in the record.".to_owned(),
        };
        finding.action =
            "Build in the full variant and copy the result into the slim one.".to_owned();
        findings.push(finding);
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::is_full;

    #[test]
    fn only_full_variants_of_known_images_are_meant() {
        for (image, full) in [
            ("node:20", true),
            ("node", true),
            ("node:20-alpine3.19", false),
            ("python:3.12-slim@sha256:ab", false),
            ("registry.example/team/node:20", false),
            ("alpine:3.19", false),
        ] {
            assert_eq!(is_full(image), full, "{image}");
        }
    }
}

factor!(
    FullBaseImage,
    "full-base-image",
    "What it looks for: a last stage on an official language image in its full variant (`node:20`, `python:3.12-bookworm`), which has slim and Alpine variants.\n\
Why it matters: the full variants carry compilers, version control and headers; they are several hundred megabytes larger.\n\
Example: `FROM node:20` with a base layer of 850 MB.\n\
When it is mistaken: the application needs native libraries or tools that only the full variant has at run time.\n\
What to do: build in the full variant, and copy the result into the slim one.\n\
References: hadolint has no rule for it; Docker documentation, \"Best practices\", choose the right base image.",
    check
);
