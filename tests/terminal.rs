//! The timeline on terminals of every width: nothing is wider than the terminal, nothing is lost, and colour only adds to what is said.

use unicode_width::UnicodeWidthStr;

use crate::common::{incident, report, root, run};

const SPIRAL: &str = "samples/death-spiral";

fn shown(path: &str, arguments: &[&str]) -> String {
    let mut all = vec!["timeline", path];
    all.extend(arguments);
    String::from_utf8(run(&all, 0).stdout).expect("UTF-8")
}

/// Takes escapes away: colours, and the addresses of links.
fn bare(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        shown.push_str(before);
        rest = if after.starts_with(']') {
            after.split_once("\u{1b}\\").expect("an end").1
        } else {
            let end = after
                .find(|c: char| c.is_ascii_alphabetic())
                .expect("an end");
            &after[end + 1..]
        };
    }
    shown + rest
}

/// An incident whose names are wide, combine, and are long.
fn wide() -> tempfile::TempDir {
    let lines = "2024-05-22T03:15:44.123456+0000 結節点 kubelet[835]: E0522 03:15:44.123400     835 kuberuntime_image.go:55] \"Failed to pull image\" err=\"rpc error: write /\u{65}\u{301}\u{65}\u{301}/日本語の長い長い長い名前の/ｆｉｌｅ: no space left on device\" image=\"registry.example/とても長い名前の画像/とても長い名前の画像/とても長い名前の画像:v1\"\n2024-05-22T03:15:50.123456+0000 結節点 kubelet[835]: I0522 03:15:50.123400     835 kubelet_node_status.go:1] \"Recording event message for node\" node=\"結節点\" event=\"NodeHasDiskPressure\"\n";
    incident(&[(
        "とても長い名前の記録と、もっと長い名前の記録.log",
        lines.as_bytes(),
    )])
}

#[test]
fn no_line_is_wider_than_the_terminal_and_nothing_is_lost() {
    let folder = wide();
    let paths = [SPIRAL.to_owned(), folder.path().display().to_string()];
    for path in &paths {
        let signals = report(std::path::Path::new(path))["signals"]
            .as_array()
            .expect("signals")
            .clone();
        assert!(!signals.is_empty());
        for width in [40, 41, 57, 80, 100, 132, 213, 300] {
            let text = shown(path, &["--width", &width.to_string()]);
            for line in text.lines() {
                assert!(
                    line.width() <= width,
                    "{width} columns, but {}: {line}",
                    line.width()
                );
            }
            // Broken lines put together again, without the spaces at which they were broken.
            let whole: String = text
                .split_once("\nTimeline\n")
                .expect("a timeline")
                .1
                .chars()
                .filter(|c| !c.is_whitespace())
                .collect();
            for signal in &signals {
                let first = &signal["evidence"][0];
                let place = format!(
                    "[{}]{}:{}",
                    signal["id"].as_str().expect("an id"),
                    first["path"].as_str().expect("a path"),
                    first["line"]
                );
                let place: String = place.chars().filter(|c| !c.is_whitespace()).collect();
                assert!(whole.contains(&place), "{width} columns: {place} is lost");
            }
        }
    }
}

#[test]
fn colour_adds_nothing_that_the_text_does_not_say() {
    for width in ["40", "120"] {
        let plain = shown(SPIRAL, &["--width", width, "--color", "never"]);
        let coloured = shown(SPIRAL, &["--width", width, "--color", "always"]);
        let linked = shown(
            SPIRAL,
            &[
                "--width",
                width,
                "--color",
                "always",
                "--hyperlinks",
                "always",
            ],
        );
        assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
        assert_eq!(bare(&coloured), plain);
        assert_eq!(bare(&linked), plain);
        // A pager shows lines one by one: none begins in the middle of a colour.
        for line in coloured.lines() {
            let (opened, closed) = (
                line.matches("\u{1b}[").count(),
                line.matches("\u{1b}[0m").count(),
            );
            assert!(
                opened == 0
                    || (closed > 0 && line.trim_end().ends_with("\u{1b}[0m"))
                    || !line.ends_with('m'),
                "{line:?}"
            );
        }
    }
}

#[test]
fn lanes_show_each_condition_where_it_was() {
    let found = report(&root().join(SPIRAL));
    for width in [60_usize, 140] {
        let text = shown(SPIRAL, &["--width", &width.to_string()]);
        let lane = |node: &str| {
            let short = node.split('.').next().expect("a name");
            let line = text
                .lines()
                .find(|l| l.starts_with(short))
                .unwrap_or_else(|| panic!("no lane of {node}: {text}"));
            line.chars()
                .skip(short.chars().count() + 1)
                .collect::<Vec<char>>()
        };
        let stamp = |text: &str| {
            chrono::DateTime::parse_from_rfc3339(text)
                .expect("RFC 3339")
                .timestamp_millis() as f64
        };
        let window = &found["incident"]["window"];
        let (from, to) = (
            stamp(window["from"].as_str().expect("from")),
            stamp(window["to"].as_str().expect("to")),
        );
        let mut seen = 0;
        for condition in found["conditions"].as_array().expect("conditions") {
            let letter = match (
                condition["condition"].as_str().expect("a name"),
                condition["status"].as_str().expect("a status"),
            ) {
                ("DiskPressure", "True") => 'D',
                ("Ready", "False") => 'N',
                ("Ready", "Unknown") => '?',
                _ => continue,
            };
            let lane = lane(condition["node"].as_str().expect("a node"));
            let begin = stamp(condition["from"].as_str().expect("from"));
            let end = condition["to"].as_str().map_or(to, stamp);
            let middle =
                ((f64::midpoint(begin, end) - from) / (to - from) * lane.len() as f64) as usize;
            // A graver condition may hide this one; then its letter is there.
            let there = lane[middle.min(lane.len() - 1)];
            assert!(
                there == letter || ['N', '?'].contains(&there),
                "{condition} at column {middle}: {}",
                lane.iter().collect::<String>()
            );
            seen += 1;
        }
        assert!(seen >= 3);
        let legend = text
            .lines()
            .find(|l| l.contains("disk pressure"))
            .expect("a legend");
        assert!(legend.contains("D disk pressure"));
    }
}

#[test]
fn in_a_pipe_a_signal_is_one_line() {
    let signals = report(&root().join(SPIRAL))["signals"]
        .as_array()
        .expect("signals")
        .len();
    let text = shown(SPIRAL, &[]);
    let (_, rows) = text.split_once("\nTimeline\n").expect("a timeline");
    assert_eq!(rows.lines().count(), signals);
}
