//! How right the verdicts are: thousands of made-up incidents with known truth, judged, as a table.
//!
//! `cargo run --release --example accuracy -- [incidents] [first seed] [--mistakes] [--write DIR]`. Without arguments 3000 incidents, from seed 0.
//! `--mistakes` lists what went wrong on standard error; `--write DIR` writes the files of the first incident instead;
//! `--grammars DIR` tries changed grammar files without a build.

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

use generator::score::{Score, judge};
use rayon::prelude::*;
use rootline::grammar::Grammars;

/// Grammar files of a folder, to try a change without building.
fn files_of(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for kind in ["", "formats/", "signals/", "cascades/", "mechanisms/"] {
        let Ok(entries) = std::fs::read_dir(format!("{folder}/{kind}")) else {
            continue;
        };
        for path in entries
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        {
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            files.push((
                format!("{kind}{name}"),
                std::fs::read_to_string(&path).expect("a grammar file"),
            ));
        }
    }
    files.sort();
    files
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let (count, first) = (
        numbers.first().copied().unwrap_or(3000),
        numbers.get(1).copied().unwrap_or(0),
    );
    if let Some(place) = arguments.iter().position(|a| a == "--write") {
        let folder = std::path::PathBuf::from(arguments.get(place + 1).expect("a folder"));
        let incident = generator::generate(first);
        for file in &incident.files {
            let path = folder.join(&file.name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, &file.bytes).expect("a file");
        }
        println!("{}\n{:#?}", incident.about, incident.stories);
        for (id, happening) in incident.happenings.iter().enumerate() {
            println!("{id} {happening:?}");
        }
        return;
    }
    let overlay = arguments
        .iter()
        .position(|a| a == "--grammars")
        .map(|place| files_of(arguments.get(place + 1).expect("a folder")))
        .unwrap_or_default();
    let grammars = Grammars::load(&overlay).expect("the grammars are sound");
    let scores: Vec<Score> = (first..first + count)
        .into_par_iter()
        .map(|seed| judge(seed, &generator::generate(seed), &grammars))
        .collect();
    let mut total = Score::default();
    for score in scores {
        total.add(score);
    }
    if arguments.iter().any(|a| a == "--mistakes") {
        for mistake in &total.mistakes {
            eprintln!("{mistake}");
        }
    }
    println!("{}", total.table());
}
