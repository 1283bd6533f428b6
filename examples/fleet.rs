//! A fleet of made-up incidents on the disk, with known recurrences; and how well those were found.
//!
//! `cargo run --release --example fleet -- write DIR [incidents] [bytes each] [seed]` writes one directory an incident; then
//! `rootline batch DIR -o OUT`; then `cargo run --release --example fleet -- judge OUT [incidents] [bytes each] [seed]`, with the same numbers,
//! prints precision and recall. The truth is made again, not read.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    missing_docs,
    unreachable_pub,
    reason = "an example that is run by hand"
)]

#[path = "../tests/generator/mod.rs"]
mod generator;

use std::collections::BTreeMap;
use std::path::PathBuf;

use generator::fleet::{Truth, judge, make, plan, truth};
use rayon::prelude::*;
use rootline::batch::load::Store;
use rootline::batch::questions::{Frames, recurrences};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual: u64| {
        arguments
            .get(place)
            .map_or(usual, |text| text.parse().expect("a number"))
    };
    let (Some(what), Some(folder)) = (arguments.first(), arguments.get(1)) else {
        eprintln!("write DIR or judge OUT; see the file's head");
        std::process::exit(2);
    };
    let folder = PathBuf::from(folder);
    let (count, bytes, seed) = (number(2, 300) as usize, number(3, 0) as usize, number(4, 1));
    let writes = what == "write";
    let truths: BTreeMap<String, (Truth, u64)> = plan(count, seed)
        .into_par_iter()
        .map(|slot| {
            let incident = make(&slot, bytes);
            let mut size = 0;
            for file in &incident.files {
                size += file.bytes.len() as u64;
                if writes {
                    let path = folder.join(&slot.id).join(&file.name);
                    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                    std::fs::write(path, &file.bytes).expect("a file");
                }
            }
            (slot.id.clone(), (truth(&slot, &incident), size))
        })
        .collect();
    let size: u64 = truths.values().map(|(_, size)| size).sum();
    println!("{} incidents, {:.2} GB", truths.len(), size as f64 / 1e9);
    if writes {
        return;
    }
    let truths: BTreeMap<String, Truth> = truths.into_iter().map(|(id, (t, _))| (id, t)).collect();
    let frames = Frames::load(&Store { root: folder }).expect("a fleet");
    let found = judge(&truths, &recurrences(&frames).expect("families"));
    println!(
        "precision {:.4} of {} pairs, recall {:.4} of {} pairs",
        found.precision(),
        found.claimed.0,
        found.recall(),
        found.expected.0
    );
    for mistake in found.mistakes.iter().take(20) {
        eprintln!("{mistake}");
    }
}
