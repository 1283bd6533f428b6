//! The corpus of the speed bench: the files of one incident, made up, of any size and with what is true in them.
//!
//! `cargo bench --bench corpus -- make --bytes 256M DIR` writes the files to `DIR` and, beside it, `DIR.truth.tsv` with one line for each
//! signal: file, first line, number of lines, kind, time. `cargo bench --bench corpus -- needles` prints the texts that Rootline searches for, one a line.
//! The same arguments give the same bytes. Start with [`files::make`]; who says what is in [`voices`].

mod files;
mod random;
mod voices;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// What to make.
struct Order {
    bytes: u64,
    seed: u64,
    nodes: usize,
    /// Signals outside the cascade, for each ten thousand lines.
    density: f64,
    compress: files::Compress,
    into: PathBuf,
}

const USAGE: &str = "usage: cargo bench --bench corpus -- needles\n       cargo bench --bench corpus -- make [--bytes 256M] [--seed 1] [--nodes 6] [--density 5] [--compress none|gz|zst] DIR";

fn main() -> ExitCode {
    // Cargo adds `--bench` of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let result = match arguments.split_first() {
        Some((first, _)) if first == "needles" => needles(),
        Some((first, rest)) if first == "make" => {
            order(rest).and_then(|order| files::make(&order).map_err(|e| e.to_string()))
        }
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::from(2)
        }
    }
}

fn needles() -> Result<(), String> {
    let grammars = rootline::grammar::Grammars::embedded().map_err(|m| format!("{m:?}"))?;
    let mut needles: Vec<&str> = grammars
        .signals
        .iter()
        .flat_map(|s| &s.wordings)
        .map(|w| w.needle.as_str())
        .filter(|n| !n.is_empty())
        .collect();
    needles.sort_unstable();
    needles.dedup();
    let text: String = needles.iter().flat_map(|n| [n, "\n"]).collect();
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|e| e.to_string())
}

fn order(arguments: &[String]) -> Result<Order, String> {
    let mut order = Order {
        bytes: 256 << 20,
        seed: 1,
        nodes: 6,
        density: 5.0,
        compress: files::Compress::None,
        into: PathBuf::new(),
    };
    let mut left = arguments.iter();
    while let Some(argument) = left.next() {
        let mut value = || {
            left.next()
                .ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))
        };
        let wrong = |text: &str| format!("\"{text}\" is no value of {argument}\n{USAGE}");
        match argument.as_str() {
            "--bytes" => {
                order.bytes = value().and_then(|text| size(text).ok_or_else(|| wrong(text)))?
            }
            "--seed" => {
                order.seed = value().and_then(|text| text.parse().map_err(|_| wrong(text)))?
            }
            "--nodes" => {
                order.nodes = value().and_then(|text| text.parse().map_err(|_| wrong(text)))?
            }
            "--density" => {
                order.density = value().and_then(|text| text.parse().map_err(|_| wrong(text)))?
            }
            "--compress" => {
                order.compress = match value()?.as_str() {
                    "none" => files::Compress::None,
                    "gz" => files::Compress::Gzip,
                    "zst" => files::Compress::Zstd,
                    other => return Err(wrong(other)),
                }
            }
            path => order.into = PathBuf::from(path),
        }
    }
    if order.into.as_os_str().is_empty() || order.nodes < 2 {
        return Err(USAGE.to_owned());
    }
    Ok(order)
}

/// Reads a size as `512K`, `256M` or `16G`.
fn size(text: &str) -> Option<u64> {
    let (number, shift) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 10),
        b'M' => (&text[..text.len() - 1], 20),
        b'G' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    number.parse::<u64>().ok().map(|n| n << shift)
}
