//! Made-up incidents with known truth: what the engine must get right of them, and what it must never claim.
//!
//! A few hundred here; `cargo run --release --example accuracy` judges thousands and prints the table that the README shows.

use rayon::prelude::*;
use rootline::grammar::Grammars;

use crate::generator::score::{Score, judge};
use crate::generator::{LOOK_ALIKES, MECHANISMS, generate, look_alike};

/// Enough for each mechanism to be told more than ten times.
const INCIDENTS: u64 = 270;

#[test]
fn verdicts_are_right_and_look_alikes_are_left_alone() {
    let grammars = Grammars::embedded().expect("grammars");
    let scores: Vec<Score> = (0..INCIDENTS)
        .into_par_iter()
        .map(|seed| judge(seed, &generate(seed), &grammars))
        .collect();
    let mut score = Score::default();
    scores.into_iter().for_each(|one| score.add(one));
    let told = format!("{}\n{}", score.table(), score.mistakes.join("\n"));
    for mechanism in MECHANISMS {
        assert!(
            score.rows.contains_key(mechanism),
            "{mechanism} is never told"
        );
    }
    let row = score.total();
    let at_least = |part: usize, whole: usize, share: f64| part as f64 >= share * whole as f64;
    assert!(at_least(row.right, row.stories, 0.98), "mechanism\n{told}");
    assert!(at_least(row.culprit, row.stories, 0.97), "culprit\n{told}");
    assert!(
        at_least(row.claimed.1, row.claimed.0, 0.98),
        "link precision\n{told}"
    );
    assert!(
        at_least(row.expected.1, row.expected.0, 0.95),
        "link recall\n{told}"
    );
    assert!(
        at_least(
            score.decoys.0 - score.decoys.1.min(score.decoys.0),
            score.decoys.0,
            0.995
        ),
        "false claims\n{told}"
    );
    assert_eq!(
        row.hidden.1, 0,
        "something is claimed that nobody could know\n{told}"
    );
}

#[test]
fn a_seed_gives_the_same_bytes() {
    let (one, two) = (generate(7), generate(7));
    let bytes = |incident: &crate::generator::Incident| -> Vec<(String, Vec<u8>)> {
        incident
            .files
            .iter()
            .map(|f| (f.name.clone(), f.bytes.clone()))
            .collect()
    };
    assert_eq!(bytes(&one), bytes(&two));
    assert_ne!(bytes(&one), bytes(&generate(8)));
}

/// Incidents that hold nothing but one look-alike: other clusters, versions, runtimes and lost files each time.
const EACH: u64 = 12;

fn is_left_alone(name: &'static str) {
    let grammars = Grammars::embedded().expect("grammars");
    let mistakes: Vec<String> = (0..EACH)
        .into_par_iter()
        .flat_map(|seed| judge(seed, &look_alike(name, seed), &grammars).mistakes)
        .collect();
    assert!(mistakes.is_empty(), "{name}\n{}", mistakes.join("\n"));
}

macro_rules! is_no_cascade {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            is_left_alone(stringify!($name));
        })*

        #[test]
        fn every_look_alike_has_its_test() {
            assert_eq!(LOOK_ALIKES, &[$(stringify!($name)),*]);
        }
    };
}

/// Each look-alike by itself, from its files to the report: nothing is blamed.
mod look_alikes {
    use super::{LOOK_ALIKES, is_left_alone};

    is_no_cascade! {
        drain
        cordon
        scale_down
        rolling_update
        autoscaler_step
        job_completion
        node_replacement
        startup_warnings
        stale_event
        blob_unknown
        inotify_limit
        cgroup_limit
        shm_full
        tmpfs_full
        quota_exceeded
        own_volume_full
        emptydir_limit
        leader_election
        deletion_cancelled
        tolerations
        lease_during_outage
        all_nodes_unknown
        clock_jump
        pull_healed
        scheduled_later
        one_crash
        oom_once
    }
}
