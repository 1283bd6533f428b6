//! The catalogue's foreign files and examples, where it lies beside the project: every file named, every byte accounted for, nothing claimed.

use std::path::{Path, PathBuf};

use rootline::grammar::Grammars;
use serde_json::Value;

use crate::common::{report, root};

/// What no foreign file shows.
const DISK: &[&str] = &[
    "image_pull_filled_disk",
    "workload_filled_disk",
    "disk_full_unknown_writer",
    "inodes_exhausted",
    "eviction_threshold_misconfigured",
];

fn beside(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(name);
    if !path.exists() {
        eprintln!("skipped: no catalogue beside the project");
        return None;
    }
    Some(path)
}

fn mechanisms(found: &Value) -> Vec<String> {
    let cascades = found["cascades"].as_array().expect("cascades");
    cascades
        .iter()
        .map(|c| c["mechanism"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Files below a folder, as the report must account for them.
fn files_below(folder: &Path) -> u64 {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter(|e| e.as_ref().is_ok_and(|e| e.file_type().is_file()))
        .count() as u64
}

fn check_ledger(folder: &Path, found: &Value) {
    let ledger = &found["ledger"];
    let skipped = ledger["skipped"].as_array().expect("skipped");
    let left: u64 = skipped
        .iter()
        .map(|s| s["bytes"].as_u64().expect("bytes"))
        .sum();
    let read = ledger["bytes_read"].as_u64().expect("bytes");
    assert_eq!(
        ledger["bytes"].as_u64(),
        Some(read + left),
        "{}: {ledger}",
        folder.display()
    );
    assert!(
        skipped
            .iter()
            .all(|s| s["why"].as_str().is_some_and(|w| !w.is_empty())),
        "{ledger}"
    );
    assert!(
        ledger["files"].as_u64() >= Some(files_below(folder)),
        "{}: {ledger}",
        folder.display()
    );
}

/// Every file is one source, or is skipped with a reason, and its bytes are counted as they are when it is unpacked.
fn check_bytes(folder: &Path, found: &Value) {
    use std::io::Read;
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let rows = list(&found["sources"]);
    let skipped = list(&found["ledger"]["skipped"]);
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.expect("an entry");
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path().display().to_string();
        let stored = std::fs::read(entry.path()).expect("a file");
        let mut bytes = Vec::new();
        let whole = match stored.as_slice() {
            [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(stored.as_slice())
                .read_to_end(&mut bytes)
                .is_ok(),
            [0xfd, b'7', b'z', ..] => liblzma::read::XzDecoder::new(stored.as_slice())
                .read_to_end(&mut bytes)
                .is_ok(),
            [b'B', b'Z', b'h', ..] => bzip2::read::MultiBzDecoder::new(stored.as_slice())
                .read_to_end(&mut bytes)
                .is_ok(),
            _ => {
                bytes = stored;
                true
            }
        };
        let row = rows.iter().find(|row| row["path"] == path.as_str());
        let members = rows.iter().filter(|row| {
            row["path"]
                .as_str()
                .is_some_and(|p| p.starts_with(&format!("{path}!")))
        });
        if let Some(row) = row {
            let unread = skipped
                .iter()
                .find(|s| s["path"] == path.as_str())
                .map_or(0, |s| s["bytes"].as_u64().expect("bytes"));
            let read = row["bytes_read"].as_u64().expect("bytes");
            assert_eq!(row["bytes"].as_u64(), Some(read + unread), "{row}");
            // What is not opened is counted as it is stored.
            if whole && read > 0 {
                assert_eq!(row["bytes"].as_u64(), Some(bytes.len() as u64), "{row}");
            }
            let why = row["why"].as_str().is_some_and(|w| !w.is_empty());
            assert!(why, "named, or said why not: {row}");
        } else {
            let known = members.count() > 0 || skipped.iter().any(|s| s["path"] == path.as_str());
            assert!(known, "{path} is not accounted for");
        }
    }
}

#[test]
fn foreign_files_are_accounted_for_and_blamed_for_nothing() {
    let Some(corpus) = beside("corpus") else {
        return;
    };
    for entry in std::fs::read_dir(&corpus).expect("corpus") {
        let folder = entry.expect("an entry").path();
        if !folder.is_dir() {
            continue;
        }
        let found = report(&folder);
        check_ledger(&folder, &found);
        check_bytes(&folder, &found);
        let claimed = mechanisms(&found);
        assert!(
            !claimed.iter().any(|m| DISK.contains(&m.as_str())),
            "{}: {claimed:?}",
            folder.display()
        );
    }
    // What foreign tools write is not what Kubernetes says.
    let found = report(&corpus.join("lnav-logfiles"));
    assert_eq!(
        found["signals"].as_array().map(Vec::len),
        Some(0),
        "{}",
        found["signals"]
    );
}

#[test]
fn small_real_incidents_are_told_as_far_as_they_go() {
    let Some(threads) = beside("threads") else {
        return;
    };
    for (name, allowed, absent) in [
        (
            "argocd-resync-diskpressure",
            &["workload_filled_disk", "disk_full_unknown_writer"][..],
            &[
                "pull_failed",
                "no_space",
                "node_not_ready",
                "status_stale",
                "taint_eviction",
            ][..],
        ),
        (
            "inotify-watches-exhausted",
            &[],
            &[
                "no_space",
                "kubelet_write_failed",
                "disk_pressure_on",
                "evicted",
                "pull_failed",
                "node_not_ready",
            ],
        ),
        (
            "pleg-docker-inspect-hang",
            &["runtime_failed"],
            &[
                "pull_failed",
                "no_space",
                "disk_pressure_on",
                "evicted",
                "status_stale",
                "taint_eviction",
            ],
        ),
        (
            "router-reboot-taint-eviction",
            &["node_lost", "unknown"],
            &[
                "pull_failed",
                "no_space",
                "disk_pressure_on",
                "evicted",
                "image_gc_failed",
            ],
        ),
    ] {
        let folder = threads.join(name);
        let found = report(&folder);
        check_ledger(&folder, &found);
        check_bytes(&folder, &found);
        let claimed = mechanisms(&found);
        assert!(
            claimed.iter().all(|m| allowed.contains(&m.as_str())),
            "{name}: {claimed:?}"
        );
        for signal in found["signals"].as_array().expect("signals") {
            let kind = signal["signal"].as_str().expect("a kind");
            assert!(!absent.contains(&kind), "{name}: {signal}");
        }
        // "Cancelling deletion of Pod" has the reason of an eviction and is the opposite.
        if name == "router-reboot-taint-eviction" {
            let evicted: Vec<&Value> = found["signals"]
                .as_array()
                .expect("signals")
                .iter()
                .filter(|s| s["signal"] == "taint_eviction")
                .collect();
            assert!(
                evicted.iter().all(|s| s["entities"]["pod"] == "nginx") && !evicted.is_empty(),
                "{evicted:?}"
            );
        }
        // The journal is in UTC, the description at +09:00.
        if name == "argocd-resync-diskpressure" {
            let rejected = found["signals"]
                .as_array()
                .expect("signals")
                .iter()
                .find(|s| s["signal"] == "evicted" && s["at"].is_string())
                .expect("the rejected pod");
            assert!(
                rejected["at"]
                    .as_str()
                    .is_some_and(|t| t.starts_with("2025-06-17T21:16:54")),
                "{rejected}"
            );
            let journal = found["signals"]
                .as_array()
                .expect("signals")
                .iter()
                .find(|s| s["signal"] == "image_gc_started")
                .expect("the journal");
            assert!(
                journal["at"]
                    .as_str()
                    .is_some_and(|t| t.starts_with("2025-06-18T00:00:14.229")),
                "{journal}"
            );
        }
    }
}

#[test]
fn every_example_line_of_the_catalogue_has_a_format() {
    let Some(file) = beside("formats/formats.md") else {
        return;
    };
    let grammars = Grammars::embedded().expect("grammars");
    let text = std::fs::read_to_string(file).expect("the catalogue");
    let mut inside = false;
    let mut tried = 0;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            continue;
        }
        let continues = line.starts_with("    \t")
            || line.starts_with("     >")
            || line.trim_start().starts_with("----");
        let head = ["Lmmdd", "TIMESTAMP", "Events:", "  Type "]
            .iter()
            .any(|h| line.starts_with(h));
        if !inside || continues || head || line.trim().is_empty() {
            continue;
        }
        // The catalogue's own mark of where a line comes from.
        let marked = ["   [R", "   [C"]
            .iter()
            .find_map(|mark| line.rfind(mark))
            .map_or(line, |at| &line[..at]);
        let formats = grammars
            .peeler
            .peel_line(marked)
            .last()
            .map(|r| r.formats.clone())
            .unwrap_or_default();
        assert!(!formats.is_empty(), "no format reads: {marked}");
        tried += 1;
    }
    assert!(tried > 15, "only {tried} lines were found");
}
