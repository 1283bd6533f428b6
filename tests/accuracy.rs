//! Made-up incidents with known truth: what the engine must get right of them, and what it must never claim.
//!
//! A few hundred here; `cargo run --release --example accuracy` judges thousands and prints the table that the README shows.

use rayon::prelude::*;
use rootline::grammar::Grammars;

use crate::generator::score::{Score, judge};
use crate::generator::{MECHANISMS, generate};

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
