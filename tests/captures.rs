//! Recorded bundles of the catalogue, where it lies beside the project: scored by its own script.

use std::process::Command;

use crate::common::root;

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
