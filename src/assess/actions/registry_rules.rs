//! Guard-rail: rules of the registry that keep tags from moving and images in use from being collected.
//!
//! Tried on the pushes of the record: those that moved a tag would have been refused.

use serde_json::{Value, json};

use crate::assess::images;
use crate::model::entity::joining_form;
use crate::model::{Backtest, GuardRail, Incident};

pub(super) fn make(incident: &Incident) -> Vec<GuardRail> {
    let Some(culprit) = incident
        .cascades
        .iter()
        .find_map(|c| images::culprit(incident, c))
    else {
        return Vec::new();
    };
    if !super::pull_filled_disk(incident) || culprit.image.contains('@') {
        return Vec::new();
    }
    let name = culprit
        .image
        .split_once('/')
        .map_or(culprit.image.as_str(), |(_, rest)| rest);
    let repository = name
        .rsplit_once(':')
        .map_or(name, |(repository, _)| repository);
    let form = joining_form("image", &culprit.image);
    let moves: Vec<_> = incident
        .facts
        .iter()
        .filter(|f| {
            f.kind == "tag_moved"
                && f.entity("image")
                    .is_some_and(|i| joining_form("image", i) == form)
        })
        .collect();
    let first = moves.iter().filter_map(|f| f.moment).min().map(|m| m.at);
    let backtest = match first {
        Some(at) => Backtest {
            said: format!(
                "Would have refused {} {} of {} that moved its tag, the first at {}.",
                moves.len(),
                if moves.len() == 1 { "push" } else { "pushes" },
                culprit.image,
                at.format("%H:%M:%S")
            ),
            first: Some(at),
            ..Backtest::default()
        },
        None => super::untested("no push that moved a tag is in the record"),
    };
    let rail = |id: &str, file: &str, value: Value, about: &str, backtest: Backtest| GuardRail {
        id: id.to_owned(),
        file: file.to_owned(),
        text: format!("{value:#}\n"),
        class: "prevent",
        about: about.to_owned(),
        done_when: "pushing a tag a second time with another image fails in a test repository"
            .to_owned(),
        backtest,
    };
    vec![
        rail(
            "registry-immutable-tags-harbor",
            "registry/harbor-immutable-tags.json",
            harbor(repository),
            "Harbor: tags of the repository cannot be overwritten (immutable tag rule of its project).",
            backtest.clone(),
        ),
        rail(
            "registry-immutable-tags-ecr",
            "registry/ecr-immutable-tags.json",
            json!({"repositoryName": repository, "imageTagMutability": "IMMUTABLE"}),
            "Amazon ECR: input of put-image-tag-mutability, so that tags of the repository cannot be overwritten.",
            backtest,
        ),
        rail(
            "registry-retention-ecr",
            "registry/ecr-lifecycle-policy.json",
            lifecycle(),
            "Amazon ECR: lifecycle policy that drops what bears no tag after two weeks and keeps the last 30 images. Mistaken when a tag has moved: then the image to go back to bears none, and needs one of its own to stay.",
            super::untested("which images are in use beyond the record is not known"),
        ),
    ]
}

/// # Source
/// Harbor API v2.0, ImmutableRule.
fn harbor(repository: &str) -> Value {
    let repository = repository.rsplit('/').next().unwrap_or(repository);
    json!({
        "disabled": false,
        "action": "immutable",
        "template": "immutable_template",
        "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": repository}]},
        "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": "**"}],
    })
}

/// # Source
/// Amazon ECR user guide, lifecycle policy template. A rule for `any` must have the last priority.
fn lifecycle() -> Value {
    json!({"rules": [
        {
            "rulePriority": 1,
            "description": "what bears no tag goes after two weeks",
            "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "the last 30 images stay",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 30},
            "action": {"type": "expire"},
        },
    ]})
}
