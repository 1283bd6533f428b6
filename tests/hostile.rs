//! Hostile input: bombs, links, pipes, names that climb, files that change; and samples mutated by chance.
//!
//! Whatever comes in, a report comes out: nothing panics, the account adds up, every range is valid, a second run gives the same bytes.
//! `ROOTLINE_MUTATIONS=10000` mutates more bundles than a usual run does.

use std::io::Write;
use std::path::Path;

use rootline::collect::collect_within;
use rootline::model::Limits;
use rootline::pipeline::{self, Options};
use rootline::wire::publish;
use rootline::wire::v1::Report;

use crate::common::{incident, root};
use crate::properties::targets::{bundle, check, grammars, report_of};

/// Everything that a report says is wrong with its input.
fn said(report: &Report) -> String {
    let mut all: Vec<String> = report.problems.clone();
    all.extend(report.sources.iter().flat_map(|s| s.problems.clone()));
    all.extend(
        report
            .ledger
            .skipped
            .iter()
            .map(|s| format!("{}: {}", s.path, s.why)),
    );
    all.join("\n")
}

const LINE: &str = "2024-05-22T03:14:05Z n1 kubelet[8]: E0522 03:14:05.000000     8 kuberuntime_image.go:43] \"Failed to pull image\" err=\"write /x: no space left on device\" image=\"shop/cart:v9\"\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("gzip");
    encoder.finish().expect("gzip")
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        // The name as it is: the library would refuse one that climbs.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).expect("a member");
    }
    builder.into_inner().expect("tar")
}

#[test]
fn every_limit_stops_and_is_named() {
    let limits = |text: &str| {
        let mut limits = Limits::default();
        limits.set(text).expect("a limit");
        limits
    };
    let lines = LINE.repeat(2000);
    let packed = gzip(lines.as_bytes());
    let many: Vec<(String, &[u8])> = (0..30)
        .map(|i| (format!("m{i}.log"), LINE.as_bytes()))
        .collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    let nested = (0..6).fold(tar(&[("a.log", LINE.as_bytes())]), |inner, i| {
        tar(&[(&format!("n{i}.tar"), &inner)])
    });
    let document = format!(
        "[{}]",
        vec!["{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"a\"}}"; 2000]
            .join(",")
    );
    let long = format!("{}{}\n", LINE.trim_end(), "x".repeat(5 * 1024 * 1024));
    let incompressible: Vec<u8> = (0..200_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    for (name, content, limit) in [
        ("a.log.gz", packed.as_slice(), "file-bytes=10000"),
        ("a.tar", &tar(&many), "members=10"),
        ("a.tar", &nested, "nesting=3"),
        (
            "a.tar.gz",
            &gzip(&tar(&[
                ("x.bin", &incompressible),
                ("b.log", LINE.as_bytes()),
            ])),
            "memory-bytes=1000",
        ),
        ("a.json", document.as_bytes(), "document-bytes=1000"),
        ("a.log", lines.as_bytes(), "signals=5"),
    ] {
        let folder = incident(&[(name, content)]);
        let report = report_of(folder.path(), limits(limit));
        check(&report);
        let key = limit.split('=').next().expect("a name");
        assert!(
            said(&report).contains(&format!("the limit {key} of ")),
            "{limit}: {}",
            said(&report)
        );
        let free = said(&report_of(folder.path(), Limits::default()));
        if key != "nesting" {
            assert!(!free.contains("the limit"), "{limit}: {free}");
        }
    }
    let folder = incident(&[("a.log", long.as_bytes())]);
    let report = report_of(folder.path(), limits("line-bytes=2000"));
    check(&report);
    assert!(
        said(&report).contains("only the beginning of the line was read"),
        "{}",
        said(&report)
    );
    let folder = incident(&[("a.log", LINE.as_bytes())]);
    let report = report_of(folder.path(), limits("evidence-bytes=50"));
    let evidence = &report.signals[0].evidence[0];
    assert_eq!(
        (evidence.text.len(), evidence.text_left_out),
        (50, LINE.len() as u64 - 51)
    );
    assert_eq!(evidence.byte[1] - evidence.byte[0], LINE.len() as u64 - 1);
}

#[test]
fn a_bomb_costs_what_its_limit_allows() {
    // Hundreds of megabytes of lines in one, and that packed once more.
    let lines = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let piece = b"nothing that anybody would look for\n".repeat(30_000);
        for _ in 0..320 {
            encoder.write_all(&piece).expect("gzip");
        }
        encoder.finish().expect("gzip")
    };
    let twice = gzip(&lines);
    let folder = incident(&[("bomb.gz", &twice), ("a.log", LINE.as_bytes())]);
    let report = report_of(folder.path(), Limits::default());
    check(&report);
    assert!(
        said(&report).contains("the limit ratio of "),
        "{}",
        said(&report)
    );
    assert!(!report.signals.is_empty(), "the file beside it is read");
}

#[test]
fn names_that_climb_are_only_names() {
    let folder = incident(&[(
        "a.tar",
        &tar(&[
            ("../../../../tmp/rootline-was-here", LINE.as_bytes()),
            ("/etc/rootline-was-here", LINE.as_bytes()),
            ("a/../../b.log", LINE.as_bytes()),
        ]),
    )]);
    let report = report_of(folder.path(), Limits::default());
    check(&report);
    assert_eq!(
        report.sources.len() + report.ledger.skipped.len(),
        3,
        "{}",
        said(&report)
    );
    assert!(!Path::new("/tmp/rootline-was-here").exists());
    assert!(!Path::new("/etc/rootline-was-here").exists());
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .collect();
    assert_eq!(left.len(), 1, "nothing was written beside the archive");
}

#[cfg(unix)]
#[test]
fn links_devices_and_pipes_are_left_alone_and_named() {
    let folder = incident(&[("a.log", LINE.as_bytes())]);
    let outside = incident(&[("secret.log", LINE.replace("cart", "secret").as_bytes())]);
    std::os::unix::fs::symlink(
        outside.path().join("secret.log"),
        folder.path().join("link.log"),
    )
    .expect("a link");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("links")).expect("a link");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).expect("a link");
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero")).expect("a link");
    let pipe = std::process::Command::new("mkfifo")
        .arg(folder.path().join("pipe"))
        .status();
    let report = report_of(folder.path(), Limits::default());
    check(&report);
    let text = said(&report);
    assert_eq!(report.sources.len(), 1, "{text}");
    for name in ["link.log", "links", "loop", "zero"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    if pipe.is_ok_and(|s| s.success()) {
        assert!(text.contains("pipe: not a regular file"), "{text}");
    }
    // A pipe that is named itself is not waited for.
    let report = report_of(&folder.path().join("pipe"), Limits::default());
    assert!(report.sources.is_empty());
}

#[test]
fn files_that_change_after_they_were_found_are_said() {
    for (change, words) in [
        (LINE.repeat(9), "grew while it was read"),
        (LINE[..40].to_owned(), "is shorter than it was"),
    ] {
        let folder = incident(&[
            ("a.log", LINE.repeat(3).as_bytes()),
            ("b.log", LINE.as_bytes()),
        ]);
        let (collection, problems) = collect_within(&[folder.path().to_owned()], Limits::default());
        std::fs::write(folder.path().join("a.log"), change).expect("a file");
        std::fs::remove_file(folder.path().join("b.log")).expect("removed");
        let outcome = pipeline::run(collection, problems, grammars(), &Options::default());
        let report = publish::report(
            &outcome.incident,
            &outcome.disks,
            "x",
            &rootline::wire::roles::Roles::of(&outcome.incident),
            false,
        );
        check(&report);
        let text = said(&report);
        assert!(text.contains(words), "{text}");
        assert!(text.contains("cannot be read"), "{text}");
    }
}

/// A generator of numbers; the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Changes bytes as accidents and attackers do.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let length = bytes.len();
        let (from, size) = (chance.below(length), chance.below(400));
        let to = (from + size).min(length);
        match chance.below(11) {
            0 => bytes.truncate(from),
            1 => drop(bytes.drain(..from)),
            2 => drop(bytes.drain(from..to)),
            3 => {
                let piece = bytes[from..to].to_vec();
                let at = chance.below(length);
                bytes.splice(at..at, piece);
            }
            4 => {
                let at = chance.below(other.len());
                let piece = other[at..(at + size * 4).min(other.len())].to_vec();
                bytes.splice(from..from, piece);
            }
            5 => {
                for _ in 0..=chance.below(20) {
                    if !bytes.is_empty() {
                        let at = chance.below(bytes.len());
                        bytes[at] ^= 1 << chance.below(8);
                    }
                }
            }
            6 => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
                if lines.len() > 1 {
                    let (a, b) = (chance.below(lines.len()), chance.below(lines.len()));
                    lines.swap(a, b);
                    *bytes = lines.concat();
                }
            }
            7 => {
                const PIECES: &[&[u8]] = &[
                    b"\0",
                    b"\r",
                    b"\n",
                    b"\"",
                    b"\\\"",
                    b"{",
                    b"}",
                    b"[",
                    b"\xff\xfe",
                    b"\xef\xbb\xbf",
                    b"<script>",
                    b"\x1b[31m",
                    b"99999999999999999999",
                    b"-0",
                    b"0001-01-01T00:00:00Z",
                    b"9999-12-31T23:59:60Z",
                    b"\xf0\x9d\x84\x9e",
                    b"&anchor *anchor",
                    b"---\n",
                    b"kind: Secret\ndata:\n  a: b\n",
                ];
                let piece = PIECES[chance.below(PIECES.len())]
                    .repeat(1 + chance.below(3) * chance.below(200));
                bytes.splice(from..from, piece);
            }
            8 => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                *bytes = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            }
            9 => *bytes = gzip(bytes),
            _ => *bytes = tar(&[("m.log", bytes)]),
        }
        if bytes.is_empty() {
            return;
        }
    }
}

/// Cuttings of the samples' files, small enough for thousands of runs.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for entry in walkdir::WalkDir::new(root().join("samples")).sort_by_file_name() {
        let entry = entry.expect("an entry");
        if !entry.file_type().is_file() || entry.file_name() == "postmortem.html" {
            continue;
        }
        let bytes = std::fs::read(entry.path()).expect("a file");
        let limit = if bytes.starts_with(&[0x1f, 0x8b]) {
            bytes.len()
        } else {
            6000
        };
        let cut = bytes[..bytes.len().min(limit)].to_vec();
        if cut.len() < 40_000 {
            seeds.push(cut);
        }
    }
    // What else the formats' own samples show.
    for format in grammars().peeler.formats() {
        let text: Vec<&str> = format.samples.iter().map(|s| s.text.as_str()).collect();
        if !text.is_empty() {
            seeds.push((text.join("\n") + "\n").into_bytes());
        }
    }
    seeds
}

fn mutations() -> usize {
    std::env::var("ROOTLINE_MUTATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(60)
}

#[test]
fn whatever_is_done_to_a_bundle_a_report_comes_out() {
    let seeds = seeds();
    assert!(seeds.len() > 50, "{} seeds", seeds.len());
    let start: u64 = std::env::var("ROOTLINE_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1);
    for number in 0..mutations() {
        let mut chance =
            Chance((start << 32) ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let count = 1 + chance.below(4);
        let files: Vec<(String, Vec<u8>)> = (0..count)
            .map(|index| {
                let mut bytes = seeds[chance.below(seeds.len())].clone();
                let other = &seeds[chance.below(seeds.len())];
                mutate(&mut bytes, other, &mut chance);
                (format!("f{index}.log"), bytes)
            })
            .collect();
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(n, b)| (n.as_str(), b.as_slice()))
            .collect();
        let folder = incident(&files);
        let seen = std::panic::catch_unwind(|| bundle(folder.path(), number % 4 == 0));
        if let Err(panic) = seen {
            // Kept, so that it can be looked at and becomes a regression input.
            let kept = folder.keep();
            let _ = writeln!(
                std::io::stderr(),
                "bundle {number} of seed {start} is kept in {}",
                kept.display()
            );
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn what_was_found_by_mutation_stays_mended() {
    let folder = root().join("tests/regressions");
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        bundle(&path, true);
    }
}

/// An Event that says `pod` was evicted, with something inside that is nested so deep.
fn event(pod: &str, depth: usize) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Event","metadata":{{"name":"{pod}.17f0","namespace":"default"}},"involvedObject":{{"kind":"Pod","name":"{pod}","namespace":"default"}},"reason":"Evicted","message":"The node was low on resource: ephemeral-storage. ","type":"Warning","lastTimestamp":"2024-05-01T10:00:00Z","source":{{"component":"kubelet","host":"n1"}},"x":{}{}}}"#,
        "[".repeat(depth),
        "]".repeat(depth)
    )
}

#[test]
fn objects_that_cannot_be_read_are_counted_with_the_place_of_the_first() {
    let whole = [event("web-1", 1), event("web-2", 100)];
    let torn = &event("web-3", 1)[..200];
    let cases = [
        ("whole.jsonl", whole.join("\n"), None),
        (
            "torn.jsonl",
            [&whole[0], torn, &whole[1]].map(str::to_owned).join("\n"),
            Some((1, 2)),
        ),
        (
            "deep.jsonl",
            [&whole[0], &event("web-3", 200), torn, &whole[1]]
                .map(str::to_owned)
                .join("\n"),
            Some((2, 2)),
        ),
        (
            "deep.json",
            format!(
                "{{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{},\n{},\n{}]}}",
                whole[0],
                event("web-3", 200),
                whole[1]
            ),
            Some((1, 2)),
        ),
    ];
    for (name, text, broken) in cases {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(name);
        std::fs::write(&path, &text).expect("written");
        let report = report_of(&path, Limits::default());
        check(&report);
        assert_eq!(report.signals.len(), 2, "{name}: the others are read");
        let said = said(&report);
        assert_eq!(
            said.contains("JSON object that is torn"),
            broken.is_some(),
            "{name}: {said}"
        );
        if let Some((count, line)) = broken {
            assert!(
                said.contains(&format!("line {line}")) || said.contains(&format!(":{line}")),
                "{name}: {said}"
            );
            assert!(
                count == 1 || said.contains(&count.to_string()),
                "{name}: {said}"
            );
        }
    }
}
