//! One recording told in other ways: other journal modes, zones, clocks, containers. The verdict and the times must stay.
//!
//! Each case rewrites the files of `samples/death-spiral` itself and compares the report with that of the untouched sample.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Utc};
use regex::{Captures, Regex};
use serde_json::Value;

use crate::common::report;

/// Every file of the sample, decompressed, by name.
fn sample() -> BTreeMap<String, Vec<u8>> {
    let root = Path::new("samples/death-spiral");
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(root) {
        let entry = entry.expect("listed");
        let name = entry
            .path()
            .strip_prefix(root)
            .expect("inside")
            .display()
            .to_string();
        if !entry.file_type().is_file()
            || ["postmortem.html", "story.md", "truth.toml"].contains(&name.as_str())
        {
            continue;
        }
        let stored = std::fs::read(entry.path()).expect("read");
        let mut bytes = Vec::new();
        let plain = match name.rsplit_once('.') {
            Some((plain, "xz")) => {
                liblzma::read::XzDecoder::new(stored.as_slice())
                    .read_to_end(&mut bytes)
                    .expect("xz");
                plain.to_owned()
            }
            Some((plain, "gz")) => {
                flate2::read::GzDecoder::new(stored.as_slice())
                    .read_to_end(&mut bytes)
                    .expect("gzip");
                plain.to_owned()
            }
            Some((plain, "zst")) => {
                bytes = zstd::decode_all(stored.as_slice()).expect("zstd");
                plain.to_owned()
            }
            _ => {
                bytes = stored;
                name
            }
        };
        files.insert(plain, bytes);
    }
    files
}

fn written(files: &BTreeMap<String, Vec<u8>>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, bytes).expect("written");
    }
    folder
}

/// What must stay: verdicts with culprit and nodes in order, links by rule and node, and when the faults were.
#[derive(Debug, PartialEq, Eq)]
struct Essence {
    cascades: Vec<(String, String, String, Vec<String>)>,
    links: BTreeSet<(String, String, String, String)>,
}

fn essence(report: &Value) -> Essence {
    let signal = |id: &Value| {
        report["signals"]
            .as_array()
            .expect("signals")
            .iter()
            .find(|s| s["id"] == *id)
            .expect("a signal")
    };
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let mut cascades = Vec::new();
    let mut links = BTreeSet::new();
    for cascade in list(&report["cascades"]) {
        cascades.push((
            cascade["mechanism"].to_string(),
            cascade["culprit"].to_string(),
            cascade["spread"].to_string(),
            list(&cascade["hops"])
                .iter()
                .map(|h| h["node"].to_string())
                .collect(),
        ));
        for link in list(&cascade["links"]) {
            let (cause, effect) = (signal(&link["cause"]), signal(&link["effect"]));
            links.insert((
                link["rule"].to_string(),
                cause["signal"].to_string(),
                effect["signal"].to_string(),
                effect["entities"]["node"].to_string(),
            ));
        }
    }
    cascades.sort();
    Essence { cascades, links }
}

/// When each condition and hop began, for comparison.
fn times(report: &Value) -> BTreeMap<String, DateTime<Utc>> {
    let mut found = BTreeMap::new();
    let at = |value: &Value| value.as_str().and_then(|t| t.parse::<DateTime<Utc>>().ok());
    for condition in report["conditions"].as_array().expect("conditions") {
        if let Some(from) = at(&condition["from"]) {
            let key = format!(
                "{} {} {}",
                condition["node"], condition["condition"], condition["status"]
            );
            found.entry(key).or_insert(from);
        }
    }
    for cascade in report["cascades"].as_array().expect("cascades") {
        for (index, hop) in cascade["hops"].as_array().expect("hops").iter().enumerate() {
            if let Some(from) = at(&hop["from"]) {
                found.insert(
                    format!("{} hop {index} {}", cascade["mechanism"], hop["node"]),
                    from,
                );
            }
        }
    }
    found
}

fn check(name: &str, path: &Path, within: TimeDelta) -> Value {
    let plain = report(Path::new("samples/death-spiral"));
    let told = report(path);
    let (found, expected) = (essence(&told), essence(&plain));
    assert_eq!(found.cascades, expected.cascades, "{name}");
    let only =
        |a: &Essence, b: &Essence| -> Vec<_> { a.links.difference(&b.links).cloned().collect() };
    assert_eq!(
        (only(&expected, &found), only(&found, &expected)),
        (Vec::new(), Vec::new()),
        "{name}: links lost, links new; clocks {}",
        told["sources"]
            .as_array()
            .expect("sources")
            .iter()
            .map(|s| format!("{} {}\n", s["path"], s["clock"]))
            .collect::<String>()
    );
    let (told_times, plain_times) = (times(&told), times(&plain));
    for (key, at) in &plain_times {
        let other = told_times
            .get(key)
            .unwrap_or_else(|| panic!("{name}: {key} is lost"));
        assert!(
            (*other - *at).abs() <= within,
            "{name}: {key} moved from {at} to {other}"
        );
    }
    told
}

/// Rewrites every stamp of a text that a pattern finds.
fn restamped(bytes: &[u8], pattern: &str, change: impl Fn(&Captures<'_>) -> String) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let regex = Regex::new(pattern).expect("a pattern");
    regex
        .replace_all(&text, |found: &Captures<'_>| change(found))
        .into_owned()
        .into_bytes()
}

const KLOG: &str = r"(?m)(^|: |\x22)([IWEF])(\d{4}) (\d\d:\d\d:\d\d\.\d{6})";
const RFC3339: &str = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|\+0000|\+00:00)";

fn klog_moved(bytes: &[u8], by: TimeDelta) -> Vec<u8> {
    restamped(bytes, KLOG, |found| {
        let at = NaiveDateTime::parse_from_str(
            &format!("2026{} {}", &found[3], &found[4]),
            "%Y%m%d %H:%M:%S%.6f",
        )
        .expect("a stamp");
        format!(
            "{}{}{}",
            &found[1],
            &found[2],
            (at + by).format("%m%d %H:%M:%S%.6f")
        )
    })
}

fn rfc3339_moved(bytes: &[u8], by: TimeDelta, zone: Option<&str>) -> Vec<u8> {
    restamped(bytes, RFC3339, |found| {
        let at = NaiveDateTime::parse_from_str(&found[1], "%Y-%m-%dT%H:%M:%S").expect("a stamp");
        let fraction = found.get(2).map_or("", |f| f.as_str());
        format!(
            "{}{fraction}{}",
            (at + by).format("%Y-%m-%dT%H:%M:%S"),
            zone.unwrap_or(&found[3])
        )
    })
}

fn micros_moved(bytes: &[u8], by: TimeDelta) -> Vec<u8> {
    restamped(bytes, r#"(_TIMESTAMP":")(\d{16})"#, |found| {
        let at: i64 = found[2].parse().expect("a number");
        format!(
            "{}{}",
            &found[1],
            at + by.num_microseconds().expect("small")
        )
    })
}

/// Whether a file is written on a node, by its clock.
fn is_of_node(name: &str, node: &str) -> bool {
    name.contains(node)
}

const STRICT: TimeDelta = TimeDelta::milliseconds(1);
/// A clock is corrected by what others say of the same facts, some of them to the second only.
const CORRECTED: TimeDelta = TimeDelta::milliseconds(2_500);

#[test]
fn unpacked_is_the_same() {
    check("unpacked", written(&sample()).path(), STRICT);
}

/// Writes one journal entry in one output mode.
type WriteEntry = fn(&BTreeMap<String, String>) -> Vec<u8>;

#[test]
fn the_journal_in_other_modes_is_the_same() {
    let name = "kubelet-ip-10-0-42-13.ec2.internal.journal.json";
    let modes: [(&str, WriteEntry); 6] = [
        ("export", |e| {
            let mut out = Vec::new();
            for (key, value) in e {
                if value.contains('\n') || key == "MESSAGE" {
                    out.extend(key.as_bytes());
                    out.push(b'\n');
                    out.extend((value.len() as u64).to_le_bytes());
                    out.extend(value.as_bytes());
                } else {
                    out.extend(format!("{key}={value}").as_bytes());
                }
                out.push(b'\n');
            }
            out.push(b'\n');
            out
        }),
        ("verbose", |e| {
            let mut out = format!(
                "{} [s=1;i=2;b=3;m=4;t=5;x=6]\n",
                stamp(e).format("%a %Y-%m-%d %H:%M:%S%.6f UTC")
            );
            for (key, value) in e.iter().filter(|(key, _)| !key.starts_with("__")) {
                out += &format!("    {key}={}\n", value.replace('\n', "\n            "));
            }
            out.into_bytes()
        }),
        ("short-full", |e| short(e, "%a %Y-%m-%d %H:%M:%S UTC")),
        ("short-unix", |e| short(e, "%s%.6f")),
        ("short-iso", |e| short(e, "%Y-%m-%dT%H:%M:%S+0000")),
        ("short", |e| short(e, "%b %d %H:%M:%S")),
    ];
    for (mode, write) in modes {
        let mut files = sample();
        let json = files.remove(name).expect("the journal");
        let mut out = Vec::new();
        for line in String::from_utf8_lossy(&json).lines() {
            let entry: BTreeMap<String, Value> = serde_json::from_str(line).expect("an entry");
            let entry: BTreeMap<String, String> = entry
                .into_iter()
                .filter_map(|(key, value)| value.as_str().map(|v| (key, v.to_owned())))
                .collect();
            out.extend(write(&entry));
        }
        files.insert(name.replace("json", mode), out);
        check(mode, written(&files).path(), TimeDelta::seconds(1));
    }
}

fn stamp(entry: &BTreeMap<String, String>) -> DateTime<Utc> {
    let micros = entry["__REALTIME_TIMESTAMP"].parse().expect("a number");
    DateTime::from_timestamp_micros(micros).expect("a time")
}

fn short(entry: &BTreeMap<String, String>, layout: &str) -> Vec<u8> {
    let field = |key: &str| entry.get(key).map_or("", String::as_str);
    let lines: Vec<&str> = field("MESSAGE").lines().collect();
    let head = format!(
        "{} {} {}[{}]: ",
        stamp(entry).format(layout),
        field("_HOSTNAME"),
        field("SYSLOG_IDENTIFIER"),
        field("_PID")
    );
    let indent = format!("\n{}", " ".repeat(head.len()));
    format!("{head}{}\n", lines.join(&indent)).into_bytes()
}

#[test]
fn local_zones_are_found_out() {
    let mut files = sample();
    let kolkata = TimeDelta::minutes(330);
    let st_johns = TimeDelta::minutes(-210);
    for (name, bytes) in &mut files {
        if name.starts_with("kubelet") && name.ends_with(".internal.log") {
            // klog says no zone: what it says is the node's local time.
            let zone = if is_of_node(name, "42-14") {
                st_johns
            } else {
                kolkata
            };
            *bytes = klog_moved(bytes, zone);
        } else if name.starts_with("containerd") && name.ends_with(".internal.log") {
            *bytes = rfc3339_moved(bytes, kolkata, Some("+05:30"));
        } else if name == "deploy.log" {
            *bytes = rfc3339_moved(bytes, st_johns, Some("-03:30"));
        }
    }
    let told = check("zones", written(&files).path(), CORRECTED);
    let said = told["sources"].to_string() + &told["gaps"].to_string();
    assert!(
        told["sources"].as_array().expect("sources").len() > 20,
        "{said}"
    );
}

#[test]
fn stripped_years_are_found_again() {
    let mut files = sample();
    for (name, bytes) in &mut files {
        if name.ends_with(".journal.txt") {
            *bytes = restamped(
                bytes,
                r"(?m)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)\+0000",
                |found| {
                    let at = NaiveDateTime::parse_from_str(&found[1], "%Y-%m-%dT%H:%M:%S")
                        .expect("a stamp");
                    assert_eq!(at.year(), 2026);
                    format!("{}{}", at.format("%b %d %H:%M:%S"), &found[2])
                },
            );
        }
    }
    check("years", written(&files).path(), STRICT);
}

#[test]
fn a_nodes_wrong_clock_is_corrected() {
    let by = TimeDelta::seconds(450);
    let mut files = sample();
    for (name, bytes) in &mut files {
        if is_of_node(name, "42-13") {
            *bytes = micros_moved(&rfc3339_moved(&klog_moved(bytes, by), by, None), by);
        }
    }
    let told = check("clock", written(&files).path(), CORRECTED);
    let corrected = told["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .filter(|s| s["clock"]["status"] == "corrected")
        .count();
    assert!(corrected >= 2, "{}", told["sources"]);
}

#[test]
fn a_tar_in_a_zip_is_the_same() {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    for (name, bytes) in sample() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, &name, bytes.as_slice())
            .expect("added");
    }
    let tar = tar
        .into_inner()
        .and_then(flate2::write::GzEncoder::finish)
        .expect("a tar");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("bundle.zip");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).expect("a file"));
    zip.start_file(
        "inner/bundle.tar.gz",
        zip::write::SimpleFileOptions::default(),
    )
    .expect("started");
    zip.write_all(&tar).expect("written");
    zip.finish().expect("a zip");
    let told = check("zip", &path, STRICT);
    let first = told["sources"][0]["path"].as_str().expect("a path");
    assert!(first.contains("bundle.zip!inner/bundle.tar.gz!"), "{first}");
}

#[test]
fn container_runtimes_cut_and_wrap() {
    let mut files = sample();
    let pieces = |line: &str| -> Vec<String> {
        let chars: Vec<char> = line.chars().collect();
        chars.chunks(90).map(|c| c.iter().collect()).collect()
    };
    let year = Regex::new(r"^[IWEF](\d\d)(\d\d) (\d\d:\d\d:\d\d\.\d{6})").expect("a pattern");
    let stamp_of = |line: &str| {
        year.captures(line)
            .map(|c| format!("2026-{}-{}T{}Z", &c[1], &c[2], &c[3]))
    };
    for (name, docker) in [
        ("kube-controller-manager.log", false),
        ("kube-scheduler.log", true),
    ] {
        let text = String::from_utf8(files.remove(name).expect("a log")).expect("text");
        let mut out = String::new();
        let mut last = "2026-11-23T20:50:36Z".to_owned();
        for line in text.lines() {
            last = stamp_of(line).unwrap_or(last);
            let pieces = pieces(line);
            for (index, piece) in pieces.iter().enumerate() {
                let more = index + 1 < pieces.len();
                if docker {
                    let end = if more { "" } else { "\n" };
                    let record = serde_json::json!({"log": format!("{piece}{end}"), "stream": "stderr", "time": last});
                    out += &format!("{record}\n");
                } else {
                    out += &format!("{last} stderr {} {piece}\n", if more { "P" } else { "F" });
                }
            }
        }
        files.insert(name.to_owned(), out.into_bytes());
    }
    check("cut", written(&files).path(), STRICT);
}

#[test]
fn windows_text_is_the_same() {
    let mut files = sample();
    let text = String::from_utf8(files.remove("deploy.log").expect("a log")).expect("text");
    let wide: Vec<u8> = format!("\u{feff}{}", text.replace('\n', "\r\n"))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    files.insert("deploy.log".to_owned(), wide.clone());
    let folder = written(&files);
    let told = check("utf-16", folder.path(), STRICT);
    let mut seen = 0;
    for signal in told["signals"].as_array().expect("signals") {
        for evidence in signal["evidence"].as_array().expect("evidence") {
            if evidence["path"]
                .as_str()
                .is_some_and(|p| p.ends_with("deploy.log"))
            {
                let range = |i: usize| {
                    usize::try_from(evidence["byte"][i].as_u64().expect("a byte")).expect("small")
                };
                let bytes = &wide[range(0)..range(1)];
                let units: Vec<u16> = bytes
                    .chunks(2)
                    .map(|p| u16::from_le_bytes([p[0], p[1]]))
                    .collect();
                assert_eq!(evidence["text"], String::from_utf16_lossy(&units).as_str());
                assert_eq!(
                    evidence["sha256"],
                    rootline::model::hash::of(bytes).as_str()
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "deploy.log gives signals");
}

#[test]
fn with_any_one_file_missing_nothing_wrong_is_said() {
    let files = sample();
    let whole = essence(&report(Path::new("samples/death-spiral")));
    let check_missing = |what: &str, keep: &dyn Fn(&str) -> bool| {
        let kept: BTreeMap<String, Vec<u8>> = files
            .iter()
            .filter(|(name, _)| keep(name))
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect();
        let found = report(written(&kept).path());
        let told = essence(&found);
        for (mechanism, culprit, _, _) in &told.cascades {
            let right = whole.cascades.iter().any(|(m, _, _, _)| m == mechanism);
            assert!(right, "without {what}: {mechanism} {culprit}");
        }
        let image = found["cascades"]
            .as_array()
            .expect("cascades")
            .iter()
            .find(|c| c["mechanism"] == "image_pull_filled_disk")
            .unwrap_or_else(|| panic!("without {what}: no verdict"))["culprit"]["image"]
            .clone();
        assert_eq!(
            image, "registry.internal/awesome-app:latest",
            "without {what}"
        );
    };
    for gone in files.keys() {
        check_missing(gone, &|name| name != gone);
    }
    check_missing("all kubelet logs", &|name| !name.starts_with("kubelet"));
    for node in ["42-12.", "42-13.", "42-14."] {
        check_missing("all but one node's logs", &|name| {
            (name.starts_with("kubelet") || name.starts_with("containerd")) && name.contains(node)
        });
    }
}
