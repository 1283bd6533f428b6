//! The pages in a real browser: those of all samples, one whose every text is hostile, and one with 50,000 signals.
//!
//! `tests/browser/check.mjs` uses them as a reader would, in headless Chromium and under the page's own security policy. `tests/run` installs what
//! that needs and asks for it with ROOTLINE_BROWSER=1; elsewhere it is skipped where something is missing. Screenshots and prints stay under `target/browser`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use rootline::render::view::Titles;
use rootline::render::{html, markdown};
use rootline::wire::human::{ActionNote, Correction, Human};
use rootline::wire::v1::Report;

use crate::common::{report, root, run, samples};

/// What must stay text wherever it stands.
const HOSTILE: &str = "\"'><img src=x onerror=planted=1 data-planted></script><script>planted=1</script><!-- ]](javascript:planted=1) ``` | {{7*7}} \u{2028}\u{202e}%3Cb%3E";

fn titles() -> Titles {
    let grammars = rootline::grammar::Grammars::load(&[]).expect("the built-in grammars load");
    let kinds = || grammars.signals.iter().map(|s| s.kind.clone());
    Titles {
        signals: grammars
            .signals
            .iter()
            .map(|s| (s.kind.clone(), s.title.clone()))
            .collect(),
        faults: kinds().filter(|k| grammars.is_fault(k)).collect(),
        stages: kinds()
            .map(|k| (k.clone(), grammars.stage(&k).to_owned()))
            .collect(),
        ..Titles::default()
    }
}

fn sample_report(name: &str) -> Report {
    serde_json::from_value(report(&root().join("samples").join(name))).expect("a report")
}

/// Adds the hostile text to every text of a report that is not an id, a time or a word of the schema.
fn poison(value: &mut serde_json::Value, key: &str) {
    const WORDS: &[&str] = &[
        "schema",
        "signal",
        "status",
        "confidence",
        "spread",
        "condition",
        "time_basis",
        "precision",
        "identities",
        "sha256",
    ];
    match value {
        serde_json::Value::String(text) => {
            let is_id = text.len() > 1
                && text.starts_with(['s', 'c'])
                && text[1..].bytes().all(|b| b.is_ascii_digit());
            let is_time = chrono::DateTime::parse_from_rfc3339(text).is_ok();
            if !is_id && !is_time && !WORDS.contains(&key) {
                text.push_str(HOSTILE);
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|v| poison(v, key)),
        serde_json::Value::Object(map) => map.iter_mut().for_each(|(k, v)| poison(v, k)),
        _ => {}
    }
}

fn hostile_report() -> Report {
    let mut value = report(&root().join("samples/awesome-app-2024-05-22"));
    value["similar"] = serde_json::json!([{"incident": "a", "title": "b", "from": null, "overlap": 0.5, "shared": ["c"], "only_here": ["d"], "only_there": ["e"]}]);
    poison(&mut value, "");
    let mut report: Report = serde_json::from_value(value).expect("still a report");
    let mut human = Human::default();
    human.read_notes("notes.md", &format!("## Root cause\n{HOSTILE}\n\n- {HOSTILE}\n\n```\n{HOSTILE}\n```\n[a](javascript:planted=1) [b](https://x.example/\"onclick=\"planted=1)\n"));
    human.postmortem.owner = HOSTILE.to_owned();
    human.impact.customers = HOSTILE.to_owned();
    human.lessons.lucky = vec![HOSTILE.to_owned()];
    human.actions = vec![ActionNote {
        id: HOSTILE.to_owned(),
        text: HOSTILE.to_owned(),
        status: HOSTILE.to_owned(),
        ..ActionNote::default()
    }];
    human.corrections = vec![Correction {
        signal: "s1".to_owned(),
        says: HOSTILE.to_owned(),
        because: HOSTILE.to_owned(),
        ..Correction::default()
    }];
    human.files = vec![HOSTILE.to_owned()];
    human.problems = vec![HOSTILE.to_owned()];
    report.human = human;
    report
}

/// A report with so many signals: those of a sample, again and again on ever more nodes and pods.
fn many_signals(count: usize) -> Report {
    let mut report = sample_report("death-spiral");
    let once = report.signals.clone();
    let mut round = 0;
    while report.signals.len() < count {
        round += 1;
        for signal in &once {
            if report.signals.len() == count {
                break;
            }
            let mut signal = signal.clone();
            signal.id = format!("s{}", report.signals.len() + 1);
            signal.at = signal.at.as_deref().map(|at| {
                let at = chrono::DateTime::parse_from_rfc3339(at).expect("a time");
                let later = at + chrono::TimeDelta::seconds(i64::from(round) * 7);
                later.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
            });
            if let Some(node) = signal.entities.get_mut("node") {
                *node = format!("{node}-{}", round % 40);
            }
            if let Some(pod) = signal.entities.get_mut("pod") {
                *pod = format!("{pod}-{round}");
            }
            report.signals.push(signal);
        }
    }
    report
}

#[test]
fn fifty_thousand_signals_make_a_page_of_bounded_size_in_little_time() {
    let report = many_signals(50_000);
    let titles = titles();
    let began = std::time::Instant::now();
    let page = html::render_html(&report, &titles).expect("a page");
    let took = began.elapsed();
    eprintln!("50,000 signals: {} bytes in {took:?}", page.len());
    // A test build on a busy machine is many times slower than a release build, which takes far less than a second.
    assert!(took.as_secs() < 20, "{took:?}");
    assert!(page.len() < 8_000_000, "{} bytes", page.len());
    assert!(page.contains("further signals are not on this page"));
    let twice = html::render_html(&many_signals(100_000), &titles).expect("a page");
    assert!(
        twice.len() < page.len() * 5 / 4,
        "what is beyond the limits does not make the page grow: {} and {}",
        page.len(),
        twice.len()
    );
}

#[test]
fn a_thousand_cascades_make_no_endless_page() {
    let mut report = sample_report("death-spiral");
    let one = report.cascades[0].clone();
    let titles = titles();
    let page = html::render_html(&report, &titles).expect("a page");
    while report.cascades.len() < 1_000 {
        let mut other = one.clone();
        other.id = format!("c{}", report.cascades.len() + 1);
        report.cascades.push(other);
    }
    let many = html::render_html(&report, &titles).expect("a page");
    assert!(many.contains("960 more cascades are in the JSON report."));
    assert!(!page.contains("more cascades are in the JSON report"));
    assert!(
        many.len() < page.len() + 40 * 120_000,
        "{} against {}",
        many.len(),
        page.len()
    );
    assert!(markdown::render_markdown(&report, &titles).contains("960 more cascades"));
}

#[test]
fn hostile_text_stays_text_in_html_and_markdown() {
    let report = hostile_report();
    let page = html::render_html(&report, &titles()).expect("a page");
    assert!(page.contains("onerror=planted"), "it is there, as text");
    for alive in ["<img", "<script>planted", "<b>7", "href=\"javascript"] {
        assert!(!page.contains(alive), "{alive}");
    }
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    let text = markdown::render_markdown(&report, &titles());
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let line = line.trim_start_matches("> ");
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 && !line[ticks.len()..].contains('`') => fence = Some(ticks),
            None => {
                let outside = without_code(line);
                for alive in ["<img", "<script", "</script", "<!-- ]", "](javascript"] {
                    let alive_at = outside.find(alive);
                    assert!(
                        alive_at.is_none_or(|at| outside[..at].ends_with('\\')),
                        "{alive} in {line}"
                    );
                }
            }
        }
    }
    assert_eq!(fence, None, "every fence is closed");
}

/// Takes code spans out of a line of Markdown.
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        // An escaped mark opens nothing.
        let escaped = rest[..at].ends_with('\\');
        let ticks = rest[at..].chars().take_while(|c| *c == '`').count();
        out.push_str(&rest[..at]);
        rest = &rest[at + ticks..];
        if !escaped {
            let fence = "`".repeat(ticks);
            match rest.find(&fence) {
                Some(end) => rest = &rest[end + ticks..],
                None => break,
            }
        }
    }
    out + rest
}

fn write_pages(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).expect("a folder");
    for sample in samples() {
        let name = sample
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // Not the golden page, which another test may be rewriting.
        let page = folder.join(format!("{name}.html")).display().to_string();
        run(
            &["report", &format!("samples/{name}"), "-o", &page, "--quiet"],
            0,
        );
    }
    let titles = titles();
    for (name, report) in [
        ("hostile", hostile_report()),
        ("many-signals", many_signals(50_000)),
    ] {
        let page = html::render_html(&report, &titles).expect("a page");
        std::fs::write(folder.join(format!("{name}.html")), page).expect("written");
    }
}

#[test]
fn pages_work_in_a_browser() {
    let required = std::env::var_os("ROOTLINE_BROWSER").is_some();
    let tools = root().join("tests/browser");
    let chromium = [
        "/usr/bin/chromium",
        "/usr/bin/chromium-browser",
        "/usr/bin/google-chrome",
    ]
    .into_iter()
    .any(|p| Path::new(p).exists());
    let missing: BTreeMap<&str, bool> = [
        ("Chromium", chromium),
        (
            "node_modules (npm ci)",
            tools.join("node_modules/playwright-core").is_dir(),
        ),
        (
            "Node.js",
            Command::new("node").arg("--version").output().is_ok(),
        ),
    ]
    .into();
    let missing: BTreeSet<&str> = missing
        .into_iter()
        .filter(|(_, there)| !there)
        .map(|(name, _)| name)
        .collect();
    if !missing.is_empty() {
        assert!(!required, "asked for, and missing: {missing:?}");
        eprintln!(
            "SKIPPED: the pages were not opened in a browser; missing: {missing:?}. tests/run installs them."
        );
        return;
    }
    let pages: PathBuf = root().join("target/browser/pages");
    write_pages(&pages);
    let output = Command::new("node")
        .arg(tools.join("check.mjs"))
        .arg(&pages)
        .arg(root().join("target/browser/screenshots"))
        .output()
        .expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}");
    assert!(
        output.status.success(),
        "{}\n{}",
        said.lines()
            .filter(|l| !l.starts_with("ok "))
            .collect::<Vec<_>>()
            .join("\n"),
        String::from_utf8_lossy(&output.stderr)
    );
}
