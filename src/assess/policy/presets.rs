//! Policies that come with Rootline: those that the account which it was conceived from announced, and those that its factors ask for.
//!
//! Each is one list of CEL checks on pods; `actions` writes it as a ValidatingAdmissionPolicy and for Kyverno, and the back-test evaluates the same text.

use super::{Check, Effect, Policy, SIZE_ANNOTATION, Scope};

/// A policy with its documentation.
pub struct Preset {
    /// Id, and name of the object.
    pub id: &'static str,
    /// What it demands, in a sentence.
    pub about: &'static str,
    /// What it does not stop, or refuses wrongly.
    pub mistaken_when: &'static str,
    /// CEL and the message of its refusal.
    checks: &'static [(&'static str, &'static str)],
}

/// Every container that a pod starts, those of its initialisation too.
pub(crate) const CONTAINERS: (&str, &str) = (
    "containers",
    "object.spec.containers + (has(object.spec.initContainers) ? object.spec.initContainers : [])",
);

/// The namespace that the presets are not for: what a cluster starts with cannot wait for a policy.
pub(crate) const LEFT_ALONE: &str = "kube-system";

/// Every preset, by id.
pub static ALL: &[Preset] = &[
    Preset {
        id: "no-latest-tag",
        about: "Images are named by digest, or by a tag that is not latest.",
        mistaken_when: "another tag is moved all the same: only a digest cannot be",
        checks: &[(
            "variables.containers.all(c, c.image.contains('@sha256:') || (c.image.matches(':[^/:@]+$') && !c.image.endsWith(':latest')))",
            "an image is named without a tag or by the tag latest",
        )],
    },
    Preset {
        id: "image-by-digest",
        about: "Images are named by digest, which cannot be moved.",
        mistaken_when: "a tool that resolves tags at admission runs later than this policy",
        checks: &[(
            "variables.containers.all(c, c.image.matches('@sha256:[a-f0-9]{64}$'))",
            "an image is not named by digest",
        )],
    },
    Preset {
        id: "max-image-size",
        about: "The build says how large the image is, and it is at most 500 MB.",
        mistaken_when: "the annotation is wrong: the API server cannot look at the image itself",
        checks: &[
            (
                "has(object.metadata.annotations) && 'policy.local/largest-image-bytes' in object.metadata.annotations",
                "the annotation policy.local/largest-image-bytes, which the build sets, is missing",
            ),
            (
                "has(object.metadata.annotations) && 'policy.local/largest-image-bytes' in object.metadata.annotations && int(object.metadata.annotations['policy.local/largest-image-bytes']) <= 500000000",
                "an image is larger than 500 MB",
            ),
        ],
    },
    Preset {
        id: "run-as-non-root",
        about: "Containers do not run as root.",
        mistaken_when: "a container needs root for a moment; the field is missing although the image sets a user",
        checks: &[(
            "variables.containers.all(c, has(c.securityContext) && has(c.securityContext.runAsUser) ? c.securityContext.runAsUser > 0 : has(c.securityContext) && has(c.securityContext.runAsNonRoot) ? c.securityContext.runAsNonRoot : has(object.spec.securityContext) && (has(object.spec.securityContext.runAsUser) ? object.spec.securityContext.runAsUser > 0 : has(object.spec.securityContext.runAsNonRoot) && object.spec.securityContext.runAsNonRoot))",
            "a container may run as root",
        )],
    },
    Preset {
        id: "ephemeral-storage-limits",
        about: "Containers have a limit for what they write to the node's disk.",
        mistaken_when: "the disk is filled by an image: layers do not count as a pod's storage",
        checks: &[(
            "variables.containers.all(c, has(c.resources) && has(c.resources.limits) && 'ephemeral-storage' in c.resources.limits)",
            "a container has no limit for ephemeral-storage",
        )],
    },
];

impl Preset {
    /// Returns the policy to evaluate.
    pub fn policy(&self) -> Policy {
        Policy {
            name: self.id.to_owned(),
            scope: Scope::All(vec![
                Scope::Resource(vec![String::new()], vec!["pods".to_owned()]),
                Scope::Not(Box::new(Scope::Inside(vec![LEFT_ALONE.to_owned()]))),
            ]),
            effect: Effect::Refuses,
            unbound: false,
            variables: vec![(CONTAINERS.0.to_owned(), CONTAINERS.1.to_owned())],
            conditions: Vec::new(),
            checks: self
                .checks
                .iter()
                .map(|(expression, message)| Check {
                    expression: (*expression).to_owned(),
                    message: (*message).to_owned(),
                })
                .collect(),
            ignores_errors: false,
            wants_size: self.checks.iter().any(|(e, _)| e.contains(SIZE_ANNOTATION)),
            untested: None,
        }
    }
}

/// Returns a preset by its id.
pub fn find(id: &str) -> Option<&'static Preset> {
    ALL.iter().find(|p| p.id == id)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Verdict, verdict};
    use super::find;

    fn check(id: &str, spec: Value, admits: bool) {
        let pod = json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": spec});
        let said = verdict(&find(id).expect("a preset").policy(), &pod);
        assert_eq!(said == Verdict::Admits, admits, "{id}: {said:?} on {pod}");
    }

    #[test]
    fn each_preset_admits_the_good_and_refuses_the_bad() {
        let image = |image: &str| json!({"containers": [{"name": "c", "image": image}]});
        let digest = format!("r.example/a@sha256:{}", "a1".repeat(32));
        check("no-latest-tag", image("r.example/a:1.2"), true);
        check("no-latest-tag", image(&digest), true);
        check("no-latest-tag", image("r.example/a:latest"), false);
        check("no-latest-tag", image("localhost:5000/a"), false);
        check("image-by-digest", image(&digest), true);
        check("image-by-digest", image("r.example/a:1.2"), false);
        check("run-as-non-root", image("a:1"), false);
        check(
            "run-as-non-root",
            json!({"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "c", "image": "a:1"}]}),
            true,
        );
        check(
            "run-as-non-root",
            json!({"securityContext": {"runAsNonRoot": true}, "containers": [{"name": "c", "image": "a:1", "securityContext": {"runAsNonRoot": false}}]}),
            false,
        );
        // A user that is not root says as much as the demand that there is one.
        for (of_pod, of_container, admits) in [
            (json!({"runAsUser": 10001}), json!({}), true),
            (json!({}), json!({"runAsUser": 10001}), true),
            (json!({"runAsUser": 10001}), json!({"runAsUser": 0}), false),
            (json!({"runAsUser": 0}), json!({}), false),
        ] {
            check(
                "run-as-non-root",
                json!({"securityContext": of_pod, "containers": [{"name": "c", "image": "a:1", "securityContext": of_container}]}),
                admits,
            );
        }
        check(
            "ephemeral-storage-limits",
            json!({"containers": [{"name": "c", "image": "a:1", "resources": {"limits": {"ephemeral-storage": "1Gi"}}}]}),
            true,
        );
        check(
            "ephemeral-storage-limits",
            json!({"containers": [{"name": "c", "image": "a:1", "resources": {}}]}),
            false,
        );
        // An init container counts, too.
        check(
            "no-latest-tag",
            json!({"containers": [{"name": "c", "image": "a:1"}], "initContainers": [{"name": "i", "image": "b"}]}),
            false,
        );
    }

    #[test]
    fn the_size_comes_from_the_annotation() {
        let sized = |bytes: &str| {
            let pod = json!({"kind": "Pod", "metadata": {"name": "a", "annotations": {"policy.local/largest-image-bytes": bytes}}, "spec": {"containers": []}});
            verdict(&find("max-image-size").expect("a preset").policy(), &pod)
        };
        assert_eq!(sized("150000000"), Verdict::Admits);
        assert!(matches!(sized("2840000000"), Verdict::Refuses(_)));
    }
}
