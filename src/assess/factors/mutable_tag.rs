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
         What to do: deploy by digest or by a tag that is never reused, and make the registry refuse to overwrite tags."
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
            let because = if moves.is_empty() {
                format!(
                    "{image} was deployed under a tag that every push moves: the record does not show which image it stood for."
                )
            } else {
                format!(
                    "the tag of {image} was given another digest during the record: the name alone did not say which image was meant."
                )
            };
            let mut evidence = moves;
            evidence.extend(same("pull_failed"));
            evidence.sort_unstable();
            findings.push(Finding {
                factor: self.id(),
                subject: image.clone(),
                strength: "necessary",
                evidence,
                because,
                action: "Deploy by digest or by a tag that is never reused; make the registry refuse to overwrite tags.".to_owned(),
            });
        }
        findings
    }
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
