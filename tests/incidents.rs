//! Each folder of `samples/`: the report against `truth.toml`, and the page against the golden one, byte for byte.
//!
//! `INSTA_UPDATE=always cargo test` rewrites golden pages; read the diff.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{copy_of, report, root, run, samples};

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn near(a: &str, b: &str, seconds: i64) -> bool {
    let parse = |t: &str| chrono::DateTime::parse_from_rfc3339(t).ok();
    match (parse(a), parse(b)) {
        (Some(a), Some(b)) => (a - b).num_seconds().abs() <= seconds,
        _ => false,
    }
}

fn strings(value: Option<&toml::Value>) -> Vec<String> {
    value
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

/// Says everything in which a report differs from the truth.
fn differences(truth: &toml::Table, report: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let empty = Vec::new();
    let signals = report["signals"].as_array().unwrap_or(&empty);
    let signal = |id: &str| signals.iter().find(|s| s["id"] == id);
    let cascades = report["cascades"].as_array().unwrap_or(&empty);
    let wanted: Vec<&toml::Value> = truth
        .get("cascade")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    for (index, want) in wanted.iter().enumerate() {
        let mechanism = want["mechanism"].as_str().unwrap_or_default();
        let Some(found) = cascades.iter().find(|c| c["mechanism"] == mechanism) else {
            wrong.push(format!("cascade {index}: no {mechanism}"));
            continue;
        };
        for (kind, value) in want
            .get("culprit")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flatten()
        {
            if found["culprit"][kind] != value.as_str().unwrap_or_default() {
                wrong.push(format!(
                    "{mechanism}: culprit {kind} is {}, want {value}",
                    found["culprit"][kind]
                ));
            }
        }
        let mut nodes: Vec<&str> = Vec::new();
        for node in found["hops"]
            .as_array()
            .unwrap_or(&empty)
            .iter()
            .map(|h| text(h, "node"))
        {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        if want.get("nodes").is_some() && nodes != strings(want.get("nodes")) {
            wrong.push(format!("{mechanism}: hops {nodes:?}"));
        }
        if let Some(spread) = want.get("spread").and_then(toml::Value::as_str)
            && text(found, "spread") != spread
        {
            wrong.push(format!("{mechanism}: spread {}", text(found, "spread")));
        }
        if let Some(trigger) = want.get("trigger") {
            let got = signal(text(found, "trigger"));
            let right = got.is_some_and(|s| {
                text(s, "signal") == trigger["signal"].as_str().unwrap_or_default()
                    && near(text(s, "at"), trigger["at"].as_str().unwrap_or_default(), 2)
            });
            if !right {
                wrong.push(format!("{mechanism}: trigger {got:?}"));
            }
        }
    }
    let allowed: BTreeSet<&str> = wanted
        .iter()
        .filter_map(|c| c["mechanism"].as_str())
        .collect();
    for cascade in cascades
        .iter()
        .filter(|c| !allowed.contains(text(c, "mechanism")))
    {
        wrong.push(format!(
            "claims {} of {}",
            text(cascade, "mechanism"),
            cascade["culprit"]
        ));
    }
    let conditions = report["conditions"].as_array().unwrap_or(&empty);
    for want in truth
        .get("condition")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        let get = |key: &str| {
            want.get(key)
                .and_then(toml::Value::as_str)
                .unwrap_or_default()
        };
        let found = conditions.iter().any(|c| {
            text(c, "node") == get("node")
                && text(c, "condition") == get("condition")
                && text(c, "status") == get("status")
                && near(text(c, "from"), get("from"), 2)
                && (get("to").is_empty() || near(text(c, "to"), get("to"), 2))
        });
        if !found {
            wrong.push(format!("no condition {want}"));
        }
    }
    if let Some(all) = truth.get("condition").and_then(toml::Value::as_array)
        && all.len() != conditions.len()
    {
        wrong.push(format!(
            "{} conditions, want {}",
            conditions.len(),
            all.len()
        ));
    }
    for (name, want) in truth
        .get("metrics")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten()
    {
        let metric = &report["metrics"][name];
        let same = match want {
            toml::Value::Float(number) => metric["value"].as_f64() == Some(*number),
            other => metric["value"].as_str() == other.as_str(),
        };
        if !same || text(metric, "definition").is_empty() {
            wrong.push(format!("metric {name} is {metric}, want {want}"));
        }
    }
    for want in truth
        .get("contradiction")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        let kinds = strings(want.get("signals"));
        let found = cascades
            .iter()
            .flat_map(|c| c["contradictions"].as_array().unwrap_or(&empty))
            .any(|c| {
                let got: Vec<&str> = c["signals"]
                    .as_array()
                    .unwrap_or(&empty)
                    .iter()
                    .filter_map(|id| signal(id.as_str()?))
                    .map(|s| text(s, "signal"))
                    .collect();
                got == kinds
                    && c["possible_explanations"]
                        .as_array()
                        .is_some_and(|e| e.len() >= 2)
            });
        if !found {
            wrong.push(format!("no contradiction of {kinds:?}"));
        }
    }
    for want in truth
        .get("factor")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        if !report["factors"]
            .as_array()
            .unwrap_or(&empty)
            .iter()
            .any(|f| f["id"] == want["id"].as_str().unwrap_or_default())
        {
            wrong.push(format!("no factor {want}"));
        }
    }
    if let Some(want) = truth.get("without_pressure") {
        let count: usize = cascades
            .iter()
            .flat_map(|c| c["hops"].as_array().unwrap_or(&empty))
            .filter(|h| h["node"] == want["node"].as_str().unwrap_or_default())
            .map(|h| h["without_pressure"].as_array().map_or(0, Vec::len))
            .sum();
        if count as i64 != want["count"].as_integer().unwrap_or(-1) {
            wrong.push(format!(
                "{count} failed pulls without pressure, want {want}"
            ));
        }
    }
    let never = truth
        .get("must_not")
        .and_then(toml::Value::as_table)
        .cloned()
        .unwrap_or_default();
    let forbidden = strings(never.get("mechanisms"));
    for cascade in cascades {
        if forbidden
            .iter()
            .any(|f| f == "*" || f == text(cascade, "mechanism"))
        {
            wrong.push(format!(
                "blames {}, which must not be blamed",
                text(cascade, "mechanism")
            ));
        }
        for link in cascade["links"].as_array().unwrap_or(&empty) {
            let kinds = [&link["cause"], &link["effect"]].map(|id| {
                id.as_str()
                    .and_then(signal)
                    .map(|s| text(s, "signal").to_owned())
                    .unwrap_or_default()
            });
            if never
                .get("links")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
                .any(|pair| strings(Some(pair)) == kinds)
            {
                wrong.push(format!("links {kinds:?}"));
            }
        }
    }
    let evicted: BTreeSet<&str> = signals
        .iter()
        .filter(|s| s["signal"] == "evicted")
        .filter_map(|s| s["entities"]["pod"].as_str())
        .collect();
    if let Some(want) = never.get("evicted") {
        let want = strings(Some(want));
        if evicted != want.iter().map(String::as_str).collect() {
            wrong.push(format!("evicted {evicted:?}, want {want:?}"));
        }
    }
    let ledger = &report["ledger"];
    let skipped: u64 = ledger["skipped"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .filter_map(|s| s["bytes"].as_u64())
        .sum();
    if ledger["bytes_read"].as_u64().unwrap_or(0) + skipped != ledger["bytes"].as_u64().unwrap_or(1)
    {
        wrong.push(format!("ledger does not add up: {ledger}"));
    }
    wrong
}

#[test]
fn reports_tell_the_truth() {
    let mut wrong = Vec::new();
    for sample in samples() {
        let truth: toml::Table = toml::from_str(
            &std::fs::read_to_string(sample.join("truth.toml")).expect("a truth.toml"),
        )
        .expect("valid TOML");
        assert!(
            sample.join("story.md").is_file(),
            "{} has no story.md",
            sample.display()
        );
        for difference in differences(&truth, &report(&sample)) {
            wrong.push(format!(
                "{}: {difference}",
                sample.file_name().unwrap_or_default().to_string_lossy()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_false_truth_is_noticed() {
    // The comparison itself must be able to fail.
    let sample = root().join("samples/awesome-app-2024-05-22");
    let truth: toml::Table = toml::from_str("[[cascade]]\nmechanism = \"node_lost\"\nculprit = { node = \"x\" }\n[metrics]\nttd_s = 1.0\n[must_not]\nevicted = [\"nobody\"]").expect("valid TOML");
    let found = differences(&truth, &report(&sample));
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn pages_are_the_golden_ones() {
    let update = std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always");
    for sample in samples() {
        let name = sample
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let output = run(
            &[
                "report",
                &format!("samples/{name}"),
                "--format",
                "html",
                "-o",
                "-",
            ],
            0,
        );
        let page = String::from_utf8(output.stdout).expect("UTF-8");
        let golden = sample.join("postmortem.html");
        if update {
            std::fs::write(&golden, &page).expect("written");
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        let first = page.lines().zip(expected.lines()).position(|(a, b)| a != b);
        assert!(
            page == expected,
            "{name}: the page differs from postmortem.html, first at line {first:?}; INSTA_UPDATE=always rewrites it"
        );
    }
}

#[test]
fn pages_load_nothing_and_run_only_their_own_script() {
    for sample in samples() {
        let page = std::fs::read_to_string(sample.join("postmortem.html")).expect("a golden page");
        for active in [
            "<img",
            "<link",
            "<iframe",
            "<object",
            "javascript:",
            " onclick",
            " onload",
            "@import",
            "url(",
        ] {
            assert!(!page.contains(active), "{}: {active}", sample.display());
        }
        assert!(page.contains(
            "Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"
        ));
        assert!(!page.contains("unsafe-inline") && !page.contains("unsafe-eval"));
        let scripts: Vec<&str> = page.split("<script").skip(1).collect();
        assert!(
            scripts.len() == 2
                && scripts[0].starts_with(" type=\"application/json\" id=\"data\">")
                && scripts[1].starts_with(">\"use strict\";"),
            "{}: a script that is not the page's own",
            sample.display()
        );
        assert!(
            !page.contains(" style=\""),
            "{}: a style attribute is refused by the page's own policy",
            sample.display()
        );
        // Every citation leads somewhere.
        let ids: BTreeSet<&str> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|p| p.split('"').next())
            .collect();
        for target in page
            .split("href=\"#")
            .skip(1)
            .filter_map(|p| p.split('"').next())
        {
            assert!(
                ids.contains(target),
                "{}: #{target} leads nowhere",
                sample.display()
            );
        }
    }
}

#[test]
fn the_story_does_not_become_evidence() {
    let sample = root().join("samples/awesome-app-2024-05-22");
    let copy = copy_of(&sample);
    std::fs::write(
        copy.path().join("postmortem.html"),
        run(
            &[
                "report",
                "samples/awesome-app-2024-05-22",
                "--format",
                "html",
                "-o",
                "-",
            ],
            0,
        )
        .stdout,
    )
    .expect("written");
    let with = report(copy.path());
    std::fs::remove_file(copy.path().join("postmortem.html")).expect("removed");
    assert_eq!(
        with,
        report(copy.path()),
        "a report beside its input changes nothing"
    );
    for evidence in with["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .flat_map(|s| s["evidence"].as_array().expect("evidence"))
    {
        assert!(
            text(evidence, "path").ends_with("incident.log"),
            "{evidence}"
        );
    }
}
