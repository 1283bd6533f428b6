//! No input panics; the order of lines and files changes nothing; a shifted clock shifts the story and nothing else.

use chrono::{DateTime, TimeDelta};
use proptest::prelude::*;
use rootline::grammar::Grammars;
use rootline::grammar::pattern::Pattern;

use crate::common::{incident, report};

fn grammars() -> &'static Grammars {
    static GRAMMARS: std::sync::OnceLock<Grammars> = std::sync::OnceLock::new();
    GRAMMARS.get_or_init(|| Grammars::embedded().expect("grammars"))
}

/// Texts that look like log lines often enough to get deep.
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("2024-05-22T03:15:44.123Z ".to_owned()),
        Just("E0522 03:15:44.123456     812 a.go:1] ".to_owned()),
        Just("time=\"2024-05-22T03:15:44Z\" level=error msg=\"PullImage \\\"".to_owned()),
        Just("\"Failed to pull image\" err=\"".to_owned()),
        Just("{\"kind\":\"Event\",\"apiVersion\":\"v1\",\"involvedObject\":{".to_owned()),
        Just("no space left on device".to_owned()),
        Just("\\\"".to_owned()),
        Just("[2024-05-22 03:14:02] ERROR: ".to_owned()),
        "[ -~]{0,12}",
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_line_panics(text in line()) {
        for record in grammars().peeler.peel_line(&text) {
            let _ = grammars().find_signal(&record);
        }
    }

    #[test]
    fn no_pattern_panics(pattern in "[a-z{}:/ \"^$\\\\]{0,24}", text in line()) {
        if let Ok(pattern) = Pattern::parse(&pattern, false) {
            let _ = pattern.find(&text, &[]);
        }
    }

    #[test]
    fn durations_survive(ms in 0_i64..400_000_000) {
        let said = rootline::model::moment::spoken(TimeDelta::milliseconds(ms));
        prop_assert!(!said.is_empty() && !said.contains('-'), "{}", said);
    }
}

#[path = "fuzz/targets.rs"]
#[allow(dead_code, reason = "the fuzz crate runs all of them")]
pub(crate) mod targets;

/// Bytes that are nearly something: pieces of what the targets read, and noise.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => line().prop_map(String::into_bytes),
        2 => prop::sample::select(vec![
            "[secret.x]\nabout = \"a\"\nsource = \"b\"\nkeyword = [\"kk\"]\npattern = ['(?P<secret>x+)']\n",
            "title = \"t\"\nabout = \"a\"\nsource = \"s\"\nshape = \"lines\"\npattern = \"{at:time} {body:rest}\"\n[time]\nreads = [\"rfc3339\"]\n",
            "password=", "Bearer ", "://user:", "eyJhbGciOi", "\"data\":{\"a\":\"b\"", "kind: Secret\ndata:\n  a: b\n", "-----BEGIN RSA PRIVATE KEY-----",
            "%m%d %H:%M:%S%.6f\n", "10:00 pull_failed image=a/b:c pod=d\n", "{\"items\":[{\"kind\":\"Pod\"},", "[[[[[[[[", "---\n", "apiVersion: v1\nkind: List\nitems:\n- ",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..16),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Runs of each fuzz target; `ROOTLINE_CASES=100000` for many.
fn cases() -> u32 {
    std::env::var("ROOTLINE_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_fuzz_target_fails(data in nearly()) {
        targets::line(&data);
        targets::pattern(&data);
        targets::stamps(&data);
        targets::json(&data);
        targets::secrets(&data);
        targets::escapes(&data);
    }
}

proptest! {
    // All grammars are loaded in each.
    #![proptest_config(ProptestConfig { cases: cases() / 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_grammar_file_panics(data in nearly()) {
        targets::grammar(&data);
    }
}

const STORY: &[&str] = &[
    "2024-05-22T03:14:02.000000+0000 n1 kubelet[8]: I0522 03:14:02.000000     8 kubelet.go:1] \"Eviction manager: attempting to reclaim\" resourceName=\"ephemeral-storage\"",
    "2024-05-22T03:14:05.000000+0000 n1 kubelet[8]: E0522 03:14:05.000000     8 kuberuntime_image.go:43] \"Failed to pull image\" err=\"failed to extract layer: write /x: no space left on device\" image=\"shop/cart:v9\"",
    "2024-05-22T03:14:09.000000+0000 n1 kubelet[8]: I0522 03:14:09.000000     8 kubelet_node_status.go:1] \"Recording event message for node\" node=\"n1\" event=\"NodeHasDiskPressure\"",
    "2024-05-22T03:15:09.000000+0000 n1 kubelet[8]: I0522 03:15:09.000000     8 kubelet_node_status.go:1] \"Recording event message for node\" node=\"n1\" event=\"NodeHasNoDiskPressure\"",
];

/// What is left of a report when times and places are taken out.
fn gist(report: &serde_json::Value) -> (Vec<String>, Vec<String>) {
    let signals = report["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .map(|s| format!("{} {}", s["signal"], s["entities"]))
        .collect();
    let cascades = report["cascades"]
        .as_array()
        .expect("cascades")
        .iter()
        .map(|c| {
            format!(
                "{} {} {}",
                c["mechanism"],
                c["culprit"],
                c["links"].as_array().map_or(0, Vec::len)
            )
        })
        .collect();
    (signals, cascades)
}

#[test]
fn shuffled_lines_tell_the_same_story() {
    let straight = report(incident(&[("a.log", (STORY.join("\n") + "\n").as_bytes())]).path());
    assert_eq!(
        straight["cascades"][0]["mechanism"],
        "image_pull_filled_disk"
    );
    let mut lines = STORY.to_vec();
    for turn in 0..lines.len() {
        lines.rotate_left(1);
        if turn % 2 == 0 {
            lines.swap(0, 2);
        }
        assert_eq!(
            gist(&report(
                incident(&[("a.log", (lines.join("\n") + "\n").as_bytes())]).path()
            )),
            gist(&straight)
        );
    }
}

#[test]
fn told_twice_is_still_one_fact() {
    let once = STORY.join("\n") + "\n";
    let single = report(incident(&[("a.log", once.as_bytes())]).path());
    let double = report(
        incident(&[
            ("a.log", once.as_bytes()),
            ("copy-of-a.log", once.as_bytes()),
        ])
        .path(),
    );
    assert_eq!(gist(&single), gist(&double));
    // A copy is no second witness, and the report says that it is one.
    for signal in double["signals"].as_array().expect("signals") {
        assert_eq!(
            signal["evidence"].as_array().map(Vec::len),
            Some(1),
            "{signal}"
        );
    }
    let said = double["sources"][1]["problems"].to_string();
    assert!(said.contains("holds the same as"), "{said}");
    // In other words, it is.
    let retold = once.replace("+0000", "Z");
    let double =
        report(incident(&[("a.log", once.as_bytes()), ("b.log", retold.as_bytes())]).path());
    assert_eq!(gist(&single), gist(&double));
    for signal in double["signals"].as_array().expect("signals") {
        assert_eq!(
            signal["evidence"].as_array().map(Vec::len),
            Some(2),
            "{signal}"
        );
    }
}

#[test]
fn a_shifted_clock_shifts_the_story_and_nothing_else() {
    let straight = report(incident(&[("a.log", (STORY.join("\n") + "\n").as_bytes())]).path());
    let shifted_text = STORY
        .join("\n")
        .replace("T03:", "T11:")
        .replace("0522 03:", "0522 11:")
        + "\n";
    let shifted = report(incident(&[("a.log", shifted_text.as_bytes())]).path());
    assert_eq!(gist(&straight), gist(&shifted));
    let time = |report: &serde_json::Value, index: usize| {
        DateTime::parse_from_rfc3339(report["signals"][index]["at"].as_str().expect("a time"))
            .expect("a time")
    };
    for index in 0..4 {
        assert_eq!(
            time(&shifted, index) - time(&straight, index),
            TimeDelta::hours(8)
        );
    }
}

#[test]
fn a_clock_that_runs_wrong_is_found_by_what_both_saw_and_corrected() {
    // The same six pods were scheduled according to both; one source is 90 s ahead in all of them.
    let lines = |ahead: i64| -> String {
        (0..6)
            .map(|i| {
                let at = DateTime::parse_from_rfc3339("2024-05-22T03:14:00Z").expect("a time")
                    + TimeDelta::seconds(i * 7 + ahead);
                format!(
                    "{} Successfully assigned shop/cart-{i} to n{i}\n",
                    at.format("%Y-%m-%dT%H:%M:%SZ")
                )
            })
            .collect()
    };
    let found = report(
        incident(&[
            ("a.log", lines(0).as_bytes()),
            ("b.log", lines(0).as_bytes()),
            ("c.log", lines(90).as_bytes()),
        ])
        .path(),
    );
    let clock = found["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .find(|s| s["path"].as_str().unwrap_or_default().ends_with("c.log"))
        .expect("c.log")["clock"]
        .clone();
    assert_eq!(
        (clock["status"].as_str(), clock["offset_ms"].as_i64()),
        (Some("corrected"), Some(90_000)),
        "{clock}"
    );
    assert_eq!(found["signals"].as_array().map(Vec::len), Some(6));
    // Two anchors are too few to touch a clock.
    let two = |ahead| {
        lines(ahead)
            .lines()
            .take(2)
            .map(|l| format!("{l}\n"))
            .collect::<String>()
    };
    let found = report(
        incident(&[
            ("a.log", two(0).as_bytes()),
            ("b.log", two(0).as_bytes()),
            ("c.log", two(90).as_bytes()),
        ])
        .path(),
    );
    assert!(
        found["sources"]
            .as_array()
            .expect("sources")
            .iter()
            .all(|s| s["clock"]["status"] == "none"),
        "{}",
        found["sources"]
    );
}
