//! The hash of all inputs: which files exactly a report was written from.
//!
//! It is the SHA-256 of one line a file, `<sha256 of the file>  <name>` in the order of the names, as `sha256sum` prints them in the incident's directory.

use std::collections::BTreeMap;
use std::io::Read;

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::model::{Source, hash};

/// Returns `sha256:…`. Files are hashed as they are stored, archives whole; standard input as it came.
pub(super) fn hash_of(sources: &[Source]) -> String {
    let mut files: BTreeMap<(&str, &str), &Source> = BTreeMap::new();
    for source in sources {
        let stored = |path: &'_ str| path.find('!').unwrap_or(path.len());
        let name = &source.name[..stored(&source.name)];
        let path = &source.path[..stored(&source.path)];
        files.entry((name, path)).or_insert(source);
    }
    let files: Vec<((&str, &str), &Source)> = files.into_iter().collect();
    let lines: Vec<String> = files
        .par_iter()
        .map(|((name, path), source)| {
            let stream: std::io::Result<Box<dyn Read + Send>> = if *path == "-" {
                source.content.open()
            } else {
                std::fs::File::open(path).map(|file| Box::new(file) as Box<dyn Read + Send>)
            };
            match stream.and_then(hash) {
                Ok(hash) => format!("{hash}  {name}\n"),
                Err(_) => format!("unreadable  {name}\n"),
            }
        })
        .collect();
    format!("sha256:{}", hash::of(lines.concat().as_bytes()))
}

fn hash(mut stream: Box<dyn Read + Send>) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 18];
    loop {
        match stream.read(&mut block)? {
            0 => return Ok(hash::hex(&hasher.finalize())),
            n => hasher.update(&block[..n]),
        }
    }
}
