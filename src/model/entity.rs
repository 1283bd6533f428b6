//! Entities: the things that signals are about, and how two of them are compared.
//!
//! Takes names as they stand in records; gives ordered maps, and canonical forms used only for joining.
//! Does not resolve anything: which pod ran on which node is for `align`.

use std::collections::BTreeMap;

/// Names of things by entity kind (`node`, `pod`, `image` …, see `grammars/vocabulary.toml`), in a stable order.
pub type Entities = BTreeMap<String, String>;

/// Returns the form of an entity value under which two records mean the same thing.
///
/// Image references lose Docker Hub's implied parts, so `nginx`, `nginx:latest` and `docker.io/library/nginx:latest` are equal.
/// Everything else is compared as written.
pub fn joining_form(kind: &str, value: &str) -> String {
    match kind {
        "image" => image_form(value),
        _ => value.to_owned(),
    }
}

/// # Source
/// distribution/reference: the normalized form of familiar names.
fn image_form(image: &str) -> String {
    let image = image.strip_prefix("docker-pullable://").unwrap_or(image);
    let (name, suffix) = match image.find('@') {
        Some(at) => image.split_at(at),
        None => match image.rfind(':') {
            Some(colon) if !image[colon..].contains('/') => image.split_at(colon),
            _ => (image, ""),
        },
    };
    let name = name
        .strip_prefix("docker.io/")
        .or_else(|| name.strip_prefix("index.docker.io/"))
        .unwrap_or(name);
    let name = name.strip_prefix("library/").unwrap_or(name);
    let suffix = if suffix.is_empty() { ":latest" } else { suffix };
    format!("{name}{suffix}")
}

/// Returns an image reference in its joining form without tag and digest.
pub fn repository_of(image: &str) -> String {
    let form = image_form(image);
    let name = form.split('@').next().unwrap_or_default();
    let end = name
        .rfind(':')
        .filter(|colon| !name[*colon..].contains('/'))
        .unwrap_or(name.len());
    name[..end].to_owned()
}

/// Returns the registry host of an image reference, `docker.io` where none is written.
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains('.') || host.contains(':') || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// Returns whether a name used in an API request or a log belongs to a machine rather than to a person.
///
/// Kubernetes' own accounts, shared ones such as `kubernetes-admin`, and names that call themselves bot, robot, ci or service account are no persons.
pub fn is_machine_account(actor: &str) -> bool {
    let lower = actor.to_ascii_lowercase();
    lower.starts_with("system:")
        || lower
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| {
                matches!(
                    word,
                    "admin"
                        | "root"
                        | "bot"
                        | "robot"
                        | "ci"
                        | "cd"
                        | "serviceaccount"
                        | "svc"
                        | "argocd"
                        | "flux"
                        | "helm"
                )
            })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_joined_by_their_normalized_form() {
        let check = |a: &str, b: &str, same: bool| {
            assert_eq!(
                joining_form("image", a) == joining_form("image", b),
                same,
                "{a} {b}"
            )
        };
        check("nginx", "docker.io/library/nginx:latest", true);
        check("nginx:1.25", "nginx", false);
        check("localhost:5000/app", "localhost:5000/app:latest", true);
        check("r.example/app@sha256:aa", "r.example/app@sha256:aa", true);
        check("r.example/app:1", "other.example/app:1", false);
    }

    #[test]
    fn a_repository_has_neither_tag_nor_digest() {
        for (image, repository) in [
            ("docker.io/library/nginx:1.25", "nginx"),
            ("localhost:5000/app", "localhost:5000/app"),
            ("r.example/app:2@sha256:aa", "r.example/app"),
        ] {
            assert_eq!(repository_of(image), repository);
        }
    }

    #[test]
    fn people_are_not_machines() {
        assert!(is_machine_account("ci-deploy-bot"));
        assert!(is_machine_account("kubernetes-admin"));
        assert!(is_machine_account("system:node:n1"));
        assert!(!is_machine_account("Jane_Doe_1"));
        assert!(!is_machine_account("cicero"));
    }
}
