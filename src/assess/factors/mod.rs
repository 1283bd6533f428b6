//! Contributing factors: what allowed it, one check a file. A new check is a new file and one line in [`ALL`].

/// Declares a factor: its type, id and documentation (written once, read everywhere), and the function that checks.
macro_rules! factor {
    ($name:ident, $id:literal, $doc:literal, $check:path) => {
        #[doc = $doc]
        pub(super) struct $name;

        impl super::Factor for $name {
            fn id(&self) -> &'static str {
                $id
            }

            fn explain(&self) -> &'static str {
                $doc
            }

            fn check(&self, incident: &crate::model::Incident) -> Vec<crate::model::Finding> {
                $check(incident)
            }
        }
    };
}

mod always_pull_of_moving_tag;
mod build_tools_in_image;
mod cache_busting_copy;
mod full_base_image;
mod invalid_dockerfile;
mod late_progress_deadline;
mod mutable_tag;
mod no_automatic_rollback;
mod no_disruption_budget;
mod no_ephemeral_storage_limit;
mod no_init_process;
mod oversized_image;
mod package_cache_kept;
mod parallel_pulls;
mod pulls_everywhere_at_once;
mod removed_in_later_layer;
mod root_user;
mod secret_in_build;
mod shared_image_disk;
mod shell_form_command;
mod short_event_retention;
mod silent_alerting;
mod small_node_disk;
mod unpinned_base_image;
mod whole_context_copied;

use crate::model::{Finding, Incident};

/// A check for one contributing factor.
pub trait Factor: Sync {
    /// Returns the id: the file name with dashes.
    fn id(&self) -> &'static str;
    /// Returns one finding for each thing that the factor is found in.
    fn check(&self, incident: &Incident) -> Vec<Finding>;
    /// Returns the documentation: what it looks for, why it matters, when it is mistaken, what to do.
    fn explain(&self) -> &'static str;
}

/// Every factor, by id.
pub static ALL: &[&dyn Factor] = &[
    &always_pull_of_moving_tag::AlwaysPullOfMovingTag,
    &build_tools_in_image::BuildToolsInImage,
    &cache_busting_copy::CacheBustingCopy,
    &full_base_image::FullBaseImage,
    &invalid_dockerfile::InvalidDockerfile,
    &late_progress_deadline::LateProgressDeadline,
    &mutable_tag::MutableTag,
    &no_automatic_rollback::NoAutomaticRollback,
    &no_disruption_budget::NoDisruptionBudget,
    &no_ephemeral_storage_limit::NoEphemeralStorageLimit,
    &no_init_process::NoInitProcess,
    &oversized_image::OversizedImage,
    &package_cache_kept::PackageCacheKept,
    &parallel_pulls::ParallelPulls,
    &pulls_everywhere_at_once::PullsEverywhereAtOnce,
    &removed_in_later_layer::RemovedInLaterLayer,
    &root_user::RootUser,
    &secret_in_build::SecretInBuild,
    &shared_image_disk::SharedImageDisk,
    &shell_form_command::ShellFormCommand,
    &short_event_retention::ShortEventRetention,
    &silent_alerting::SilentAlerting,
    &small_node_disk::SmallNodeDisk,
    &unpinned_base_image::UnpinnedBaseImage,
    &whole_context_copied::WholeContextCopied,
];

/// Returns the part of a factor's documentation below a heading: its line without the heading.
pub(super) fn documented<'a>(explain: &'a str, heading: &str) -> &'a str {
    explain
        .lines()
        .find_map(|line| line.strip_prefix(heading)?.strip_prefix(": "))
        .unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod case {
    //! `check(factor, timeline, expected)`: the one way in for factor tests.

    use super::Factor;
    use crate::grammar::timeline;
    use crate::model::{Cascade, Confidence, Incident, Spread};

    /// Runs a factor on a timeline whose facts all belong to one cascade; the first `pull_failed` is its origin.
    pub(crate) fn check(factor: &dyn Factor, text: &str, expected: &[&str]) {
        let facts = timeline::facts(&timeline::parse(text).expect("a timeline"));
        let origin = facts
            .iter()
            .position(|f| f.kind == "pull_failed")
            .unwrap_or(0);
        let cascade = Cascade {
            mechanism: "unknown".into(),
            confidence: Confidence::Probable,
            culprit: facts[origin]
                .entities
                .iter()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            trigger: None,
            origin,
            members: (0..facts.len()).collect(),
            hops: Vec::new(),
            links: Vec::new(),
            spread: Spread::Single,
            explanation: String::new(),
            ruled_out: Vec::new(),
            contradictions: Vec::new(),
            without_pressure: Vec::new(),
            reasons: Vec::new(),
            recovery: Vec::new(),
            recovered_at: None,
            direct: Default::default(),
            collateral: Default::default(),
        };
        let incident = Incident {
            facts,
            cascades: vec![cascade],
            ..Incident::default()
        };
        let found: Vec<String> = factor
            .check(&incident)
            .into_iter()
            .map(|f| {
                format!(
                    "{} {}, evidence {}",
                    f.factor,
                    f.subject,
                    f.evidence
                        .iter()
                        .map(|id| (id + 1).to_string())
                        .collect::<Vec<_>>()
                        .join(" ")
                )
            })
            .collect();
        assert_eq!(found, expected);
    }
}
