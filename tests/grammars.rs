//! Grammar files: the built-in ones prove themselves; toy ones are added as one new file each; broken ones are located with an example that works.

use crate::common::{incident, root, run};
use rootline::grammar::Grammars;
use rootline::pipeline;

#[test]
fn every_built_in_file_proves_itself() {
    let grammars = Grammars::embedded().unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let mistakes = pipeline::prove(&grammars, &|_| true);
    assert!(
        mistakes.is_empty(),
        "{}",
        rootline::grammar::mistake::explain(&mistakes, |f| grammars.files.get(f).cloned(), false)
    );
    assert!(
        grammars.signals.len() >= 46
            && grammars.rules.len() >= 50
            && grammars.mechanisms.len() >= 15
    );
}

#[test]
fn formats_do_not_claim_each_others_samples() {
    let grammars = Grammars::embedded().expect("grammars");
    for format in grammars.peeler.formats() {
        for sample in &format.samples {
            let records = grammars.peeler.peel_line(&sample.text);
            if format.shape == rootline::grammar::format::Shape::Document {
                continue;
            }
            let first = records
                .first()
                .and_then(|r| r.formats.first())
                .cloned()
                .unwrap_or_default();
            assert!(
                first == format.id,
                "a sample of {} is claimed by {first}: {}",
                format.id,
                sample.text
            );
        }
    }
}

const TOY_FORMAT: &str = r#"
title   = "toy log"
about   = "A toy."
source  = "nowhere"
shape   = "lines"
pattern = "TOY<{at:time}> {host:host} says {body:rest}"
component = "toyd"
[time]
reads   = ["rfc3339"]
[entities]
node = "host"
[[sample]]
text   = '''TOY<2024-05-22T03:15:44Z> toy-1 says the wheel came off'''
expect = { node = "toy-1", body = "the wheel came off" }
[[not_mine]]
text = "TOY is not a line"
"#;

const TOY_WORDING: &str = r#"
title  = "Wheel lost"
proves = "A wheel came off."
[fact]
identity = ["node"]
[[wording]]
pattern = "the wheel came off"
[[sample]]
text   = "the wheel came off"
[[look_alike]]
text = "the wheel came on"
why  = "it is on"
"#;

const TOY_RULE: &str = r#"
title   = "A wheel came off, then the disk was under pressure"
cause   = "wheel_lost"
effect  = "disk_pressure_on"
share   = ["node"]
within  = "{pull_backoff_first} + 50s"
because = "{node} lost a wheel {delay} before"
confidence = "probable"
[[case]]
name  = "soon after"
links = true
timeline = """
10:00:00 wheel_lost node=toy-1
10:00:30 disk_pressure_on node=toy-1
"""
[[case]]
name  = "too late"
links = false
timeline = """
10:00:00 wheel_lost node=toy-1
10:05:00 disk_pressure_on node=toy-1
"""
"#;

#[test]
fn a_toy_format_wording_and_rule_are_one_new_file_each() {
    let log = b"TOY<2024-05-22T03:15:44Z> toy-1 says the wheel came off\nTOY<2024-05-22T03:15:50Z> toy-1 says Node toy-1 status is now: NodeHasDiskPressure\n";
    let input = incident(&[("toy.log", log.as_slice())]);
    let path = input.path().display().to_string();
    let signals = |grammars: &tempfile::TempDir| {
        let output = run(
            &[
                "signals",
                &path,
                "--output",
                "csv",
                "--grammars",
                &grammars.path().display().to_string(),
            ],
            0,
        );
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    // The format alone: the known message in it gets a time and a node.
    let grammars = incident(&[("formats/toy-log.toml", TOY_FORMAT.as_bytes())]);
    run(
        &["grammar", "check", &grammars.path().display().to_string()],
        0,
    );
    let found = signals(&grammars);
    assert!(
        found.contains("2024-05-22T03:15:50.000000Z,1s,stamp,disk_pressure_on,,toy-1"),
        "{found}"
    );
    assert!(!found.contains("wheel_lost"));
    // The wording beside it.
    std::fs::create_dir_all(grammars.path().join("signals")).expect("a folder");
    std::fs::write(grammars.path().join("signals/wheel-lost.toml"), TOY_WORDING).expect("written");
    run(
        &["grammar", "check", &grammars.path().display().to_string()],
        0,
    );
    assert!(signals(&grammars).contains("2024-05-22T03:15:44.000000Z,1s,stamp,wheel_lost,,toy-1"));
    // The rule beside both.
    std::fs::create_dir_all(grammars.path().join("cascades")).expect("a folder");
    std::fs::write(
        grammars
            .path()
            .join("cascades/wheel-lost-then-disk-pressure.toml"),
        TOY_RULE,
    )
    .expect("written");
    let checked = run(
        &["grammar", "check", &grammars.path().display().to_string()],
        0,
    );
    assert_eq!(
        String::from_utf8_lossy(&checked.stdout),
        "3 files are right: they load, and their samples, look-alikes and cases hold\n"
    );
    let output = run(
        &[
            "report",
            &path,
            "--grammars",
            &grammars.path().display().to_string(),
            "--format",
            "json",
            "-o",
            "-",
        ],
        0,
    );
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("\"rule\":\"wheel-lost-then-disk-pressure\"")
    );
}

#[test]
fn broken_files_are_located_and_shown_what_works() {
    let folder = root().join("tests/broken");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("tests/broken")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.is_dir())
        .collect();
    names.sort();
    assert!(names.len() >= 8);
    for name in names {
        let output = run(&["grammar", "check", &name.display().to_string()], 1);
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        let expected = name.join("message.txt");
        if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
            std::fs::write(&expected, &said).expect("written");
        }
        assert_eq!(
            said,
            std::fs::read_to_string(&expected).unwrap_or_default(),
            "{}",
            name.display()
        );
    }
}

#[test]
fn lists_and_files_are_shown() {
    let list = String::from_utf8(run(&["grammar", "list"], 0).stdout).expect("UTF-8");
    for id in [
        "klog-text",
        "pull_failed",
        "no-space-pull-then-disk-pressure",
        "image_pull_filled_disk",
        "node_monitor_grace_period",
    ] {
        assert!(list.contains(id), "{id}");
    }
    let shown = run(&["grammar", "show", "pull_failed"], 0).stdout;
    assert_eq!(
        shown,
        std::fs::read(root().join("grammars/signals/pull-failed.toml")).expect("the file")
    );
    let said = run(&["grammar", "show", "pul_failed"], 2).stderr;
    assert!(String::from_utf8_lossy(&said).contains("did you mean \"pull-failed\"?"));
}
