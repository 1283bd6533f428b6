//! The guide: every command block on its pages is run, every settings block read, every page found from the first one.

#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::collecting::cluster;
use crate::common::root;

/// A fenced block of a page.
struct Block {
    language: String,
    text: String,
    line: usize,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (at, line) in text.lines().enumerate() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        match open.take() {
            None => {
                if let Some(language) = bare.strip_prefix("```").filter(|l| !l.contains('`')) {
                    let block = Block {
                        language: language.trim().to_owned(),
                        text: String::new(),
                        line: at + 1,
                    };
                    open = Some((block, indent));
                }
            }
            Some((block, _)) if bare.trim_end() == "```" => found.push(block),
            Some((mut block, indent)) => {
                // A block in a list is indented with it.
                block.text.push_str(
                    line.get(indent.min(line.len() - bare.len())..)
                        .unwrap_or(bare),
                );
                block.text.push('\n');
                open = Some((block, indent));
            }
        }
    }
    assert!(open.is_none(), "a block is left open");
    found
}

fn pages() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .expect("docs")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "md"))
        .collect();
    found.sort();
    found.push(root().join("README.md"));
    found
}

/// Where commands are run: the samples are there, `rootline` and `kubectl` are on the path, and the cluster is a recorded one.
struct Desk {
    folder: tempfile::TempDir,
    tools: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let (tools, _) = cluster();
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["samples", "grammars"] {
            std::os::unix::fs::symlink(root().join(name), folder.path().join(name))
                .expect("a link");
        }
        let line = "2026-11-23T20:53:04+0000 worker-a kubelet[101]: I1123 20:53:04.000000     101 kubelet_node_status.go:1] \"Recording event message for node\" node=\"worker-a\" event=\"NodeHasDiskPressure\"\n";
        std::fs::write(folder.path().join("kubelet-worker-a.log"), line).expect("written");
        std::fs::write(
            folder.path().join("deploy.log"),
            "2026-11-23T20:51:50Z Error: UPGRADE FAILED: timed out waiting for the condition\n",
        )
        .expect("written");
        std::os::unix::fs::symlink(
            env!("CARGO_BIN_EXE_rootline"),
            tools.path().join("rootline"),
        )
        .expect("a link");
        // A pager that shows everything, where there is none.
        if Command::new("less").arg("--version").output().is_err() {
            std::os::unix::fs::symlink("/bin/cat", tools.path().join("less")).expect("a link");
        }
        Desk { folder, tools }
    }

    fn run(&self, script: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("bash")
            .args(["-eu", "-o", "pipefail", "-c", script])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.tools.path().display()))
            .env("HOME", self.folder.path())
            .env("GITHUB_STEP_SUMMARY", self.folder.path().join("summary.md"))
            .env("CI_JOB_STATUS", "failed")
            .stdin(std::process::Stdio::null())
            .output()
            .expect("bash")
    }
}

fn name_of(page: &Path) -> String {
    page.strip_prefix(root())
        .expect("inside")
        .display()
        .to_string()
}

#[test]
fn every_command_of_the_guide_works() {
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let mut run = 0;
    for page in pages() {
        let desk = Desk::new();
        let text = std::fs::read_to_string(&page).expect("a page");
        for block in blocks(&text).iter().filter(|b| b.language == "console") {
            if block.text.contains("| jq") && !has("jq") {
                eprintln!("skipped: {}:{} needs jq", name_of(&page), block.line);
                continue;
            }
            // How the project itself is built, tested and measured cannot be run from inside its tests.
            let script: String = block
                .text
                .lines()
                .filter(|l| {
                    let own = ["cargo ", "tests/", "benches/"];
                    !own.iter().any(|tool| l.starts_with(*tool))
                })
                .map(|l| format!("{l}\n"))
                .collect();
            let output = desk.run(&script);
            assert!(
                output.status.success(),
                "{}:{}\n{script}\n{}{}",
                name_of(&page),
                block.line,
                String::from_utf8_lossy(&output.stdout)
                    .chars()
                    .take(2000)
                    .collect::<String>(),
                String::from_utf8_lossy(&output.stderr)
            );
            run += script.lines().filter(|l| l.contains("rootline ")).count();
        }
        // A command that stands in another kind of block would be one that nobody runs.
        let other: Vec<usize> = blocks(&text)
            .iter()
            .filter(|b| ["sh", "bash", "shell", ""].contains(&b.language.as_str()))
            .map(|b| b.line)
            .collect();
        assert!(
            other.is_empty(),
            "{}: say console in lines {other:?}, or text for what is not run",
            name_of(&page)
        );
    }
    assert!(run > 40, "only {run} commands were found");
}

#[test]
fn the_pipelines_of_the_guide_work() {
    let desk = Desk::new();
    let text = std::fs::read_to_string(root().join("docs/ci.md")).expect("ci.md");
    let mut run = 0;
    for block in blocks(&text).iter().filter(|b| b.language == "yaml") {
        let jobs: serde_json::Value = serde_saphyr::from_str(&block.text)
            .unwrap_or_else(|e| panic!("ci.md:{}: {e}", block.line));
        let mut scripts: Vec<String> = Vec::new();
        let steps = jobs["jobs"]["deploy"]["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|s| &s["run"]);
        let after = jobs["deploy"]["after_script"]
            .as_array()
            .into_iter()
            .flatten();
        scripts.extend(
            steps
                .chain(after)
                .filter_map(|s| s.as_str())
                .filter(|s| s.contains("rootline report"))
                .map(str::to_owned),
        );
        assert_eq!(scripts.len(), 1, "ci.md:{}", block.line);
        for script in scripts {
            for made in ["bundle.tar.zst", "postmortem.html"] {
                let _ = std::fs::remove_file(desk.folder.path().join(made));
            }
            let output = desk.run(&script);
            assert!(
                output.status.success(),
                "{script}\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            for made in ["bundle.tar.zst", "postmortem.html"] {
                assert!(desk.folder.path().join(made).exists(), "{made}");
            }
            run += 1;
            // A cluster that does not answer still leaves a report of the job's own log.
            let alone = Desk::new();
            std::fs::write(
                alone.tools.path().join("kubectl"),
                "#!/bin/sh\necho 'Unable to connect to the server: i/o timeout' >&2\nexit 1\n",
            )
            .expect("written");
            let output = alone.run(&script);
            assert!(
                output.status.success(),
                "{script}\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let page = std::fs::read_to_string(alone.folder.path().join("postmortem.html"))
                .expect("a page");
            assert!(page.contains("deploy.log") && page.contains("no file fits this pattern"));
            assert!(!alone.folder.path().join("bundle.tar.zst").exists());
        }
    }
    assert_eq!(run, 2);
    let summary =
        std::fs::read_to_string(desk.folder.path().join("summary.md")).expect("a summary");
    assert!(summary.contains("## Summary"));
}

#[test]
fn settings_and_links_of_the_guide_are_right() {
    let first = std::fs::read_to_string(root().join("docs/README.md")).expect("docs/README.md");
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for block in blocks(&text).iter().filter(|b| b.language == "toml") {
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("rootline.toml"), &block.text).expect("written");
            let output = crate::common::rootline()
                .args(["config", "show"])
                .arg(folder.path())
                .output()
                .expect("runs");
            assert!(
                output.status.success(),
                "{}:{}: {}",
                name_of(&page),
                block.line,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|p| p.split(')').next())
            .filter(|l| !l.starts_with("http") && !l.starts_with('#'))
        {
            let target = link.split('#').next().unwrap_or(link);
            assert!(
                page.parent().expect("a folder").join(target).exists(),
                "{} names {link}",
                name_of(&page)
            );
        }
        let name = page
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(
            name == "README.md" || first.contains(&format!("({name})")),
            "docs/README.md does not name {name}"
        );
    }
}

#[test]
fn the_documented_command_line_is_the_real_one() {
    // Each option that a page names in code exists somewhere; a renamed one would be noticed.
    let help: String = std::fs::read_dir(root().join("tests/help"))
        .expect("tests/help")
        .map(|e| std::fs::read_to_string(e.expect("an entry").path()).expect("text"))
        .collect();
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("a page");
        for block in blocks(&text).iter().filter(|b| b.language == "console") {
            for line in block.text.lines().filter(|l| l.contains("rootline ")) {
                let own = line.split('|').next().unwrap_or(line);
                for option in own
                    .split_whitespace()
                    .filter(|w| w.starts_with("--") && w.len() > 2)
                {
                    let option = option.split('=').next().unwrap_or(option);
                    assert!(
                        help.contains(option) || own.trim_start().starts_with("cargo"),
                        "{}: {option}",
                        name_of(&page)
                    );
                }
            }
        }
    }
}
