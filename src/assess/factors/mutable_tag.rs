//! Factor `mutable-tag`: one tag meant two images during the incident.
//!
//! Reads the finished cascades; gives one finding for each image reference, with the moves of its tag and the failed pulls as evidence.
//! Does not judge which image was better, only that the name could not tell them apart.

use super::Factor;
use crate::model::entity::joining_form;
use crate::model::{Finding, Incident};

/// # What it looks for
/// The culprit image's tag was given another digest within the record; or the tag is `latest` (or missing), which every push moves.
///
/// # Why it matters
/// The same manifest deploys a different image than the day before, and a roll-back to the same tag rolls back to nothing.
///
/// # Example
/// `registry.example/shop/cart:latest` pushed at 10:00 and again at 10:05 with another digest, deployed at 10:06.
///
/// # When it is mistaken
/// A pod that names the image by digest is not touched by a moved tag; such images are not looked at.
///
/// # What to do
/// Deploy by digest or by a tag that is never reused, and make the registry refuse to overwrite tags.
///
/// # References
/// Kubernetes documentation, "Images", section on image names and tags; `imagePullPolicy`.
pub(super) struct MutableTag;

impl Factor for MutableTag {
    fn id(&self) -> &'static str {
        "mutable-tag"
    }

    fn explain(&self) -> &'static str {
        "What it looks for: the culprit image's tag was given another digest within the record; or the tag is `latest` (or missing), which every push moves.\n\
         Why it matters: the same manifest deploys a different image than the day before, and a roll-back to the same tag rolls back to nothing.\n\
         When it is mistaken: a pod that names the image by digest is not touched by a moved tag; such images are not looked at.\n\
         What to do: deploy by digest or by a tag that is never reused, and make the registry refuse to overwrite tags.\n\
         References: hadolint DL3007 and kube-score container-image-tag look for latest only; CIS has no such rule."
    }

    fn check(&self, incident: &Incident) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for cascade in &incident.cascades {
            let Some((_, image)) = cascade
                .culprit
                .iter()
                .find(|(kind, value)| kind == "image" && !value.contains('@'))
            else {
                continue;
            };
            if findings.iter().any(|f| f.subject == *image) {
                continue;
            }
            let form = joining_form("image", image);
            let same = |kind: &str| -> Vec<usize> {
                incident
                    .facts
                    .iter()
                    .enumerate()
                    .filter(|(_, f)| {
                        f.kind == kind
                            && f.entity("image")
                                .is_some_and(|i| joining_form("image", i) == form)
                    })
                    .map(|(id, _)| id)
                    .collect()
            };
            let moves = same("tag_moved");
            let moving_name = form.ends_with(":latest");
            if moves.is_empty() && !moving_name {
                continue;
            }
            let because = match moves
                .iter()
                .find(|id| {
                    cascade.culprit.iter().any(|(k, v)| {
                        k == "digest" && incident.facts[**id].entity("digest") == Some(v.as_str())
                    })
                })
                .or(moves.first())
            {
                None => match cascade.culprit.iter().find(|(kind, _)| kind == "digest") {
                    Some((_, digest)) => format!(
                        "{image} was deployed under a tag that every push moves; in this record it stood for {digest}."
                    ),
                    None => format!(
                        "{image} was deployed under a tag that every push moves: the record does not show which image it stood for."
                    ),
                },
                Some(id) => {
                    let fact = &incident.facts[*id];
                    let new = fact.entity("digest").unwrap_or("another digest");
                    let at = fact
                        .moment
                        .map(|m| format!(" at {}", m.at.format("%H:%M:%S")))
                        .unwrap_or_default();
                    match before(&incident.facts, &form, *id) {
                        Some(old) => format!(
                            "{image} stood for {old} and{at} for {new}: the name alone did not say which image was meant."
                        ),
                        None => format!(
                            "{image} was given another digest{at}, {new}: the name alone did not say which image was meant."
                        ),
                    }
                }
            };
            // Where a deploy named this image anew, a fixed name would have deployed the same one.
            let deployed = cascade
                .trigger
                .is_some_and(|id| incident.facts[id].kind == "deploy_started");
            let (strength, counterfactual) = if moves.is_empty() || deployed {
                (
                    "amplifier",
                    "By digest, the deploy would have been the same; but the manifest would have said which image was meant, and going back to the manifest of before would have been enough.",
                )
            } else {
                (
                    "necessary",
                    "No deploy named another image: without the move, the pods would have pulled the image of before.",
                )
            };
            let mut evidence = moves;
            evidence.extend(same("pull_failed"));
            evidence.sort_unstable();
            findings.push(Finding {
                factor: self.id(),
                subject: image.clone(),
                strength,
                evidence,
                because,
                action: "Deploy by digest or by a tag that is never reused; make the registry refuse to overwrite tags.".to_owned(),
                counterfactual: counterfactual.to_owned(),
                ..Finding::default()
            });
        }
        findings
    }
}

/// The digest that a reference stood for before a move.
fn before(facts: &[crate::model::Fact], form: &str, moved: usize) -> Option<String> {
    let fact = &facts[moved];
    let same = |f: &&crate::model::Fact| {
        f.kind == "image_pushed"
            && f.moment < fact.moment
            && f.entity("image")
                .is_some_and(|i| joining_form("image", i) == form)
            && f.entity("digest") != fact.entity("digest")
    };
    let last = facts.iter().filter(same).max_by_key(|f| f.moment)?;
    last.entity("digest").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::case::check;
    use super::MutableTag;

    #[test]
    fn a_tag_that_moved_is_found() {
        check(
            &MutableTag,
            "10:05 tag_moved image=shop/cart:v9 digest=bb\n10:06 pull_failed image=shop/cart:v9 pod=cart-2",
            &["mutable-tag shop/cart:v9, evidence 1 2"],
        );
    }

    #[test]
    fn latest_is_a_moving_name_even_without_a_move() {
        check(
            &MutableTag,
            "10:06 pull_failed image=shop/cart:latest pod=cart-2",
            &["mutable-tag shop/cart:latest, evidence 1"],
        );
    }

    #[test]
    fn another_image_or_a_digest_is_not_meant() {
        check(
            &MutableTag,
            "10:05 tag_moved image=shop/other:v9 digest=bb\n10:06 pull_failed image=shop/cart:v9 pod=cart-2",
            &[],
        );
        check(
            &MutableTag,
            "10:06 pull_failed image=shop/cart@sha256:aa pod=cart-2",
            &[],
        );
    }
}
