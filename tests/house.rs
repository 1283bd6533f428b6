//! The house: which room may import which, headers, ids, and paths named in our own documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::common::{root, run};

/// Rooms, and the rooms each may import. What stands on the left never imports what is missing on the right.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("grammar", &["model"]),
    ("collect", &["model", "grammar"]),
    ("detect", &["model", "grammar"]),
    ("scan", &["model", "grammar"]),
    ("align", &["model", "grammar"]),
    ("correlate", &["model", "grammar"]),
    ("assess", &["model", "grammar"]),
    (
        "pipeline",
        &[
            "model",
            "grammar",
            "collect",
            "detect",
            "scan",
            "align",
            "correlate",
            "assess",
        ],
    ),
    ("wire", &["model"]),
    ("redact", &["model", "grammar", "wire"]),
    ("render", &["model", "wire"]),
    ("batch", &["model", "wire"]),
    (
        "cli",
        &[
            "model", "grammar", "collect", "align", "pipeline", "wire", "redact", "render", "batch",
        ],
    ),
];

/// Crates that only one room may know.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("askama", &["render"]),
    ("clap", &["cli"]),
    ("std::fs", &["collect", "batch", "cli"]),
    ("std::env", &["cli"]),
    ("anstream", &["cli"]),
    ("println!", &[]),
    ("polars", &["batch"]),
];

fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.expect("an entry");
        if entry.path().extension().is_some_and(|e| e == "rs") {
            let name = entry
                .path()
                .strip_prefix(folder)
                .expect("inside")
                .display()
                .to_string();
            found.push((name, std::fs::read_to_string(entry.path()).expect("text")));
        }
    }
    found
}

fn room_of(name: &str) -> &str {
    name.split('/')
        .next()
        .unwrap_or(name)
        .trim_end_matches(".rs")
}

/// Code without its tests, comments and strings that only mention things.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or(text);
    text.lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Says every arrow that points the wrong way.
fn wrong_arrows(files: &[(String, String)]) -> Vec<String> {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, text) in files {
        let room = room_of(name);
        if matches!(room, "lib" | "main") {
            continue;
        }
        let Some(allowed) = arrows.get(room) else {
            wrong.push(format!("{name}: a room that the house does not know"));
            continue;
        };
        let code = code(text);
        for used in code.split("crate::").skip(1) {
            let word: String = used
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if arrows.contains_key(word.as_str())
                && word != room
                && !allowed.contains(&word.as_str())
            {
                wrong.push(format!("{name}: {room} imports {word}"));
            }
        }
        // `use crate::{a, b}` would hide from the search above.
        if code.contains("use crate::{") {
            wrong.push(format!("{name}: import rooms one by one"));
        }
        for (thing, rooms) in ONLY_IN {
            if code.contains(thing) && !rooms.contains(&room) {
                wrong.push(format!("{name}: {thing} is for {rooms:?}"));
            }
        }
    }
    wrong
}

#[test]
fn arrows_point_one_way() {
    let wrong = wrong_arrows(&sources(&root().join("src")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_planted_wrong_import_is_noticed() {
    let mut files = sources(&root().join("src"));
    for (planted, said) in [
        (
            "use crate::scan::scan;\n",
            "correlate/links.rs: correlate imports scan",
        ),
        (
            "use std::fs;\n",
            "correlate/links.rs: std::fs is for [\"collect\", \"batch\", \"cli\"]",
        ),
        (
            "use crate::{model, wire};\n",
            "correlate/links.rs: import rooms one by one",
        ),
    ] {
        let file = files
            .iter_mut()
            .find(|(name, _)| name == "correlate/links.rs")
            .expect("links.rs");
        let before = file.1.clone();
        file.1.insert_str(0, planted);
        assert_eq!(wrong_arrows(&files), [said]);
        files
            .iter_mut()
            .find(|(name, _)| name == "correlate/links.rs")
            .expect("links.rs")
            .1 = before;
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (name, text) in sources(&root().join("src"))
        .into_iter()
        .chain(sources(&root().join("tests")))
    {
        let text = text.trim_start_matches("#![").to_owned();
        assert!(
            text.starts_with("//! ") || text.contains("\n//! "),
            "{name} has no header"
        );
    }
}

#[test]
fn every_factor_file_is_registered_and_explained() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("src/assess/factors"))
        .expect("factors")
        .map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|n| n != "mod.rs")
        .map(|n| n.trim_end_matches(".rs").replace('_', "-"))
        .collect();
    names.sort();
    let mut registered: Vec<&str> = rootline::assess::factors::ALL
        .iter()
        .map(|f| f.id())
        .collect();
    registered.sort_unstable();
    assert_eq!(registered, names);
    for factor in rootline::assess::factors::ALL {
        for heading in [
            "What it looks for",
            "Why it matters",
            "When it is mistaken",
            "What to do",
        ] {
            assert!(
                factor.explain().contains(heading),
                "{}: {heading}",
                factor.id()
            );
        }
    }
}

#[test]
fn each_signal_kind_is_in_the_vocabulary_and_the_other_way_round() {
    let grammars = rootline::grammar::Grammars::embedded().expect("grammars");
    let mut words: Vec<&str> = grammars
        .vocabulary
        .signal
        .keys()
        .map(String::as_str)
        .collect();
    let mut kinds: Vec<&str> = grammars.signals.iter().map(|s| s.kind.as_str()).collect();
    words.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(words, kinds);
}

#[test]
fn names_of_the_published_vocabulary_are_all_there() {
    let grammars = rootline::grammar::Grammars::embedded().expect("grammars");
    for kind in [
        "deploy_started",
        "image_pushed",
        "tag_moved",
        "pull_failed",
        "no_space",
        "inode_exhausted",
        "evicted",
        "disk_pressure_on",
        "status_stale",
        "taint_eviction",
        "alert_fired",
        "alert_acknowledged",
        "remediation",
    ] {
        assert!(grammars.signal(kind).is_some(), "{kind}");
    }
    for mechanism in [
        "image_pull_filled_disk",
        "workload_filled_disk",
        "disk_full_unknown_writer",
        "inodes_exhausted",
        "eviction_threshold_misconfigured",
        "image_not_found",
        "registry_auth_failed",
        "registry_unreachable",
        "registry_rate_limited",
        "registry_tls_failed",
        "node_lost",
        "runtime_failed",
        "memory_exhausted",
        "crash_loop",
        "unschedulable",
    ] {
        assert!(
            grammars.mechanisms.iter().any(|m| m.id == mechanism),
            "{mechanism}"
        );
    }
    assert!(
        !grammars.rules.iter().any(|r| r.cause == "disk_pressure_on"
            && matches!(r.effect.as_str(), "node_not_ready" | "status_stale")),
        "DiskPressure alone never makes a node NotReady"
    );
}

#[test]
fn nothing_in_the_code_or_grammars_knows_a_sample() {
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["src", "grammars", "reports"] {
        files.extend(
            walkdir::WalkDir::new(root().join(folder))
                .into_iter()
                .filter_map(Result::ok)
                .filter(|e| e.file_type().is_file())
                .map(walkdir::DirEntry::into_path),
        );
    }
    for file in files {
        let text = std::fs::read_to_string(&file).expect("text");
        for name in [
            "awesome-app",
            "Rockstar",
            "ip-10-0-42",
            "registry.internal",
            "storefront",
            "payments-api",
        ] {
            assert!(!text.contains(name), "{} knows {name}", file.display());
        }
    }
}

#[test]
fn every_output_is_made_of_a_redacted_report() {
    let calls: Vec<String> = sources(&root().join("src"))
        .into_iter()
        .filter(|(name, text)| {
            !name.starts_with("wire/") && code(text).contains("publish::report(")
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        calls,
        ["cli/mod.rs"],
        "`publish` makes reports, and redacts them"
    );
}

#[test]
fn paths_named_in_documents_exist() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "grammars/README.md",
        "docs/collecting.md",
    ] {
        let text = std::fs::read_to_string(root().join(document))
            .unwrap_or_else(|e| panic!("{document}: {e}"));
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|p| p.split(')').next())
            .filter(|l| !l.starts_with("http") && !l.starts_with('#'))
        {
            let target = link.split('#').next().unwrap_or(link);
            let base = root().join(document).parent().expect("a folder").to_owned();
            assert!(base.join(target).exists(), "{document} names {link}");
        }
    }
}

#[test]
fn the_readme_commands_work() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    assert!(text.contains(
        "cargo run --release -- report samples/awesome-app-2024-05-22 -o postmortem.html"
    ));
    assert!(text.contains("tests/run"));
    for line in text.lines().map(str::trim).filter(|l| {
        l.starts_with("rootline ")
            && !l.contains('|')
            && !l.contains("./")
            && !l.contains('>')
            && !l.contains('<')
            // Reads what the command above it wrote: the guide's test runs them together.
            && !l.starts_with("rootline verify")
    }) {
        let line = line.split(" #").next().unwrap_or(line);
        let arguments: Vec<&str> = line.split_whitespace().skip(1).collect();
        if arguments.iter().any(|a| a.starts_with("samples/")) {
            let folder = tempfile::tempdir().expect("a folder");
            let mut command = crate::common::rootline();
            let arguments: Vec<String> = arguments
                .iter()
                .map(|a| {
                    if a.starts_with("samples/") {
                        root().join(a).display().to_string()
                    } else {
                        (*a).to_owned()
                    }
                })
                .collect();
            let output = command
                .current_dir(folder.path())
                .args(&arguments)
                .output()
                .expect("runs");
            assert!(
                output.status.success(),
                "{line}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    run(&["--help"], 0);
}
