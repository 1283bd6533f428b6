//! Every signal's byte range, cut from the decompressed input, is the text it says; where a name was replaced, the hash is that of the original.

use std::collections::BTreeMap;
use std::io::Read;

use crate::common::{run, samples};

fn decompressed(path: &str) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut out = Vec::new();
    match path.rsplit('.').next() {
        Some("xz") => drop(
            liblzma::read::XzDecoder::new_multi_decoder(bytes.as_slice())
                .read_to_end(&mut out)
                .expect("xz"),
        ),
        Some("gz") => drop(
            flate2::read::MultiGzDecoder::new(bytes.as_slice())
                .read_to_end(&mut out)
                .expect("gzip"),
        ),
        Some("zst") => drop(
            zstd::stream::read::Decoder::new(bytes.as_slice())
                .expect("zstd")
                .read_to_end(&mut out)
                .expect("zstd"),
        ),
        _ => out = bytes,
    }
    out
}

#[test]
fn every_citation_is_what_stands_there() {
    let mut checked = 0;
    let mut redacted = 0;
    for sample in samples() {
        let output = run(
            &[
                "signals",
                &sample.display().to_string(),
                "--output",
                "ndjson",
            ],
            0,
        );
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for line in String::from_utf8(output.stdout).expect("UTF-8").lines() {
            let signal: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(
                !signal["evidence"].as_array().expect("evidence").is_empty(),
                "{line}"
            );
            for evidence in signal["evidence"].as_array().expect("evidence") {
                let path = evidence["path"].as_str().expect("a path");
                let content = files
                    .entry(path.to_owned())
                    .or_insert_with(|| decompressed(path));
                let (from, to) = (
                    evidence["byte"][0].as_u64().expect("from") as usize,
                    evidence["byte"][1].as_u64().expect("to") as usize,
                );
                let cut = &content[from..to];
                assert_eq!(
                    evidence["sha256"],
                    rootline::model::hash::of(cut),
                    "{path} {from}..{to}"
                );
                let lines = content[..from].iter().filter(|b| **b == b'\n').count() as u64 + 1;
                assert_eq!(evidence["line"].as_u64(), Some(lines), "{path} {from}");
                if evidence["redacted"] == true {
                    redacted += 1;
                } else {
                    assert_eq!(
                        evidence["text"].as_str(),
                        Some(String::from_utf8_lossy(cut).as_ref()),
                        "{path} {from}..{to}"
                    );
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 500, "{checked} citations");
    assert!(redacted > 0, "the person who deployed appears by role");
}
