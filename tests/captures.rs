//! Recorded bundles of the catalogue, where it lies beside the project: scored by its own script, and told again with sources missing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{report, root};

#[test]
fn recorded_bundles_are_told_as_they_were() {
    let shared = root().join("../shared");
    let script = shared.join("eval/captures.py");
    if !script.is_file() || Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: no recorded bundles beside the project");
        return;
    }
    let output = Command::new("python3")
        .arg(&script)
        .arg(env!("CARGO_BIN_EXE_rootline"))
        .args([shared.join("eval/expected"), shared.join("captures")])
        .args([
            "s1-seed-incident",
            "s2-quiet-day",
            "s3-log-filler",
            "s4-bad-tag",
        ])
        .output()
        .expect("python3 runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What a report blames.
fn mechanisms(found: &serde_json::Value) -> BTreeSet<String> {
    found["cascades"]
        .as_array()
        .expect("cascades")
        .iter()
        .filter_map(|c| c["mechanism"].as_str().map(str::to_owned))
        .collect()
}

/// Nodes on which the cascades of a report were.
fn nodes(found: &serde_json::Value) -> BTreeSet<String> {
    found["cascades"]
        .as_array()
        .expect("cascades")
        .iter()
        .flat_map(|c| c["hops"].as_array().into_iter().flatten())
        .filter_map(|h| h["node"].as_str().map(str::to_owned))
        .collect()
}

#[test]
fn what_is_missing_makes_no_verdict_wrong() {
    let captures = root().join("../shared/captures");
    if !captures.is_dir() {
        eprintln!("skipped: no recorded bundles beside the project");
        return;
    }
    for name in ["s1-seed-incident", "s3-log-filler", "s4-bad-tag"] {
        // The same logs lie there in other journal modes too: one form of each is enough.
        let files: Vec<PathBuf> = std::fs::read_dir(captures.join(name))
            .expect("a capture")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file() && !path.to_string_lossy().contains(".journal."))
            .filter(|path| !path.ends_with("truth.json"))
            .collect();
        let told = |keep: &dyn Fn(&str) -> bool| {
            let folder = tempfile::tempdir().expect("a folder");
            for path in &files {
                let file = path.file_name().and_then(|n| n.to_str()).expect("a name");
                if keep(file) {
                    std::fs::copy(path, folder.path().join(file)).expect("a copy");
                }
            }
            report(folder.path())
        };
        let whole = told(&|_| true);
        let mut allowed = mechanisms(&whole);
        let disk = [
            "image_pull_filled_disk",
            "workload_filled_disk",
            "inodes_exhausted",
        ];
        if disk.iter().any(|m| allowed.contains(*m)) {
            // Who wrote may no longer be known; that the disk was full is.
            allowed.insert("disk_full_unknown_writer".to_owned());
        }
        let agents = |file: &str| file.starts_with("kubelet") || file.starts_with("containerd");
        let check = |what: &str, keep: &dyn Fn(&str) -> bool| {
            let found = told(keep);
            let wrong: Vec<_> = mechanisms(&found).difference(&allowed).cloned().collect();
            assert!(wrong.is_empty(), "{name} without {what}: {wrong:?}");
            found
        };
        let blind = check("kubelet logs", &|file| !file.starts_with("kubelet"));
        let lost: Vec<_> = mechanisms(&whole)
            .difference(&mechanisms(&blind))
            .cloned()
            .collect();
        assert!(
            lost.is_empty(),
            "{name} without kubelet logs: not told any more: {lost:?}"
        );
        check("events", &|file| !file.starts_with("events"));
        check("the audit log", &|file| !file.starts_with("audit"));
        check("the control plane", &|file| !file.starts_with("kube-"));
        for node in nodes(&whole) {
            let own = check(&format!("all but {node}'s logs"), &|file| {
                agents(file) && file.contains(&node)
            });
            assert!(
                !mechanisms(&own).is_empty(),
                "{name}: {node} alone tells nothing"
            );
        }
    }
}
