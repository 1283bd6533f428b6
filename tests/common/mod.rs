//! What the tests share: the binary run in a clean environment, and reports read back.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The project's own folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The binary, with nothing of the caller's environment.
pub(crate) fn rootline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootline"));
    command.env_clear().current_dir(root());
    command
}

/// Runs it; on an unexpected exit code shows everything.
pub(crate) fn run(arguments: &[&str], expected: i32) -> Output {
    let output = rootline()
        .args(arguments)
        .output()
        .expect("the binary starts");
    assert_eq!(
        output.status.code(),
        Some(expected),
        "rootline {arguments:?}\nstdout: {}\nstderr: {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Returns the JSON report of a path.
pub(crate) fn report(path: &Path) -> serde_json::Value {
    let output = run(
        &[
            "report",
            &path.display().to_string(),
            "--format",
            "json",
            "-o",
            "-",
        ],
        0,
    );
    serde_json::from_slice(&output.stdout).expect("a JSON report")
}

/// Returns the lines of a text as one folder's files: a name and its content each.
pub(crate) fn incident(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    folder
}

/// Returns a copy of a folder, without golden pages.
pub(crate) fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.expect("an entry");
        let to = copy
            .path()
            .join(entry.path().strip_prefix(folder).expect("inside"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(to).expect("a folder");
        } else if entry.file_name() != "postmortem.html" {
            std::fs::copy(entry.path(), to).expect("a copy");
        }
    }
    copy
}

/// Returns every sample incident.
pub(crate) fn samples() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root().join("samples"))
        .expect("samples")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.is_dir())
        .collect();
    found.sort();
    found
}
