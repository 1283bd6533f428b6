//! Copies: a file that lies twice in a bundle is one witness.
//!
//! Takes the signals of all sources; leaves out those of sources that hold the same as an earlier one. Does not compare single records:
//! two sources that tell the same thing in their own words are two witnesses, and are merged later.

use std::collections::{BTreeMap, BTreeSet};

use super::Timed;
use crate::model::{DiskSample, Source, SourceReading};

/// What tells one content from another without keeping it: its size, its records, and where in it which bytes gave a signal or a sample.
type Content<'a> = (u64, u64, Vec<(u64, u64, &'a str)>, Vec<String>);

/// Leaves copies out; returns which sources they are, and what is said of them.
pub(super) fn leave_out(
    timed: &mut Vec<Timed>,
    disks: &mut Vec<DiskSample>,
    sources: &[Source],
    readings: &[SourceReading],
) -> Vec<(usize, String)> {
    let mut contents: BTreeMap<usize, Content<'_>> = BTreeMap::new();
    let content = |index: usize| {
        (
            readings[index].bytes,
            readings[index].records,
            Vec::new(),
            Vec::new(),
        )
    };
    for one in timed.iter() {
        let evidence = &one.signal.evidence;
        let index = evidence.origin.source;
        let entry = contents.entry(index).or_insert_with(|| content(index));
        entry
            .2
            .push((evidence.origin.start, evidence.origin.end, &evidence.sha256));
    }
    for one in disks.iter() {
        let entry = contents
            .entry(one.source)
            .or_insert_with(|| content(one.source));
        entry
            .3
            .push(format!("{one:?}").replacen(&format!("source: {}", one.source), "", 1));
    }
    let mut first: BTreeMap<Content<'_>, Vec<usize>> = BTreeMap::new();
    let mut said = Vec::new();
    for (index, content) in contents {
        let same = first.entry(content).or_default();
        // Equal words from two nodes, or of two pods, are two witnesses.
        let differ = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        let of = |index: usize| &readings[index].speaks_for;
        let original = same.iter().copied().find(|other| {
            !differ(&of(*other).node, &of(index).node) && !differ(&of(*other).pod, &of(index).pod)
        });
        match original {
            Some(original) => said.push((
                index,
                format!(
                    "holds the same as {}: it is no second witness, and what it says is told once",
                    sources[original].path
                ),
            )),
            None => same.push(index),
        }
    }
    let copies: BTreeSet<usize> = said.iter().map(|(index, _)| *index).collect();
    timed.retain(|one| !copies.contains(&one.signal.evidence.origin.source));
    disks.retain(|one| !copies.contains(&one.source));
    said
}
