//! What other tools read: each form against its specification, and read back by real readers where those are installed.
//!
//! DuckDB, pyarrow and the JSON Schema validator come from PyPI into `target/readers` (`tests/run` puts them there); Graphviz from the system.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{incident, report, root, rootline, run, samples};

fn text_of(arguments: &[&str]) -> String {
    String::from_utf8(run(arguments, 0).stdout).expect("UTF-8")
}

fn rows(sample: &str, output: &str) -> Vec<Value> {
    text_of(&["signals", sample, "--output", output])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

/// Signals without a time, with hostile names, and one that is repeated.
fn hostile() -> tempfile::TempDir {
    incident(&[
        (
            "deploy.log",
            "[2024-05-22 03:14:02] ERROR: Failed to pull image “shop/\"]-->x:1”\n[2024-05-22 03:14:02] ERROR: failed to register layer: write /a\\\"b]];end <script>: no space left on device\n".as_bytes(),
        ),
        ("kubelet.log", b"E0522 03:15:44.123456     812 kubelet.go:43] \"Recording event message for node\" node=\"n\\\"1\" event=\"NodeHasDiskPressure\"\n"),
    ])
}

fn value_of<'a>(attributes: &'a Value, key: &str) -> Option<&'a Value> {
    let all = attributes.as_array().expect("attributes");
    let found = all.iter().find(|a| a["key"] == key)?;
    found["value"].as_object().expect("a value").values().next()
}

#[test]
fn timesketch_has_what_a_timeline_must_have() {
    for sample in samples() {
        let path = sample.display().to_string();
        let signals = rows(&path, "ndjson");
        let timeline = rows(&path, "timesketch");
        let repeated = signals
            .iter()
            .filter(|s| s["last"].is_string() && s["last"] != s["at"] && s["at"].is_string())
            .count();
        let dated = signals.iter().filter(|s| s["at"].is_string()).count();
        assert_eq!(timeline.len(), dated + repeated);
        for row in &timeline {
            for field in ["message", "datetime", "timestamp_desc"] {
                assert!(
                    row[field].as_str().is_some_and(|v| !v.is_empty()),
                    "{field}: {row}"
                );
            }
            let at =
                chrono::DateTime::parse_from_rfc3339(row["datetime"].as_str().expect("a time"))
                    .expect("RFC 3339");
            assert_eq!(row["timestamp"], at.timestamp_micros());
            assert!(
                row.as_object()
                    .expect("an object")
                    .values()
                    .all(|v| !v.is_object() && !v.is_array()),
                "flat: {row}"
            );
        }
    }
    let line = b"E0522 03:15:44.123456     812 kubelet.go:43] \"Recording event message for node\" node=\"n1\" event=\"NodeHasDiskPressure\"\n";
    let folder = incident(&[("kubelet.log", line.as_slice())]);
    let path = folder.path().display().to_string();
    let output = run(&["signals", &path, "--output", "timesketch"], 0);
    let undated = rows(&path, "ndjson")
        .iter()
        .filter(|s| s["at"].is_null())
        .count();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        undated > 0 && said.contains(&format!("{undated} signals are left out")),
        "{said}"
    );
}

#[test]
fn open_telemetry_logs_say_the_same_as_the_signals() {
    for sample in samples() {
        let path = sample.display().to_string();
        let (signals, exports) = (rows(&path, "ndjson"), rows(&path, "otlp"));
        assert_eq!(signals.len(), exports.len());
        for (signal, export) in signals.iter().zip(&exports) {
            let resource = &export["resourceLogs"][0];
            let scope = &resource["scopeLogs"][0];
            let record = &scope["logRecords"][0];
            assert_eq!(scope["scope"]["name"], "rootline");
            assert_eq!(
                record["eventName"],
                format!("rootline.{}", signal["signal"].as_str().expect("a kind"))
            );
            assert!([9, 17].contains(&record["severityNumber"].as_u64().expect("a number")));
            // 64-bit integers are text in this mapping.
            let at = signal["at"]
                .as_str()
                .map(|at| chrono::DateTime::parse_from_rfc3339(at).expect("RFC 3339"));
            assert_eq!(
                record["timeUnixNano"].as_str().map(str::to_owned),
                at.and_then(|at| at.timestamp_nanos_opt())
                    .map(|n| n.to_string())
            );
            let about = &resource["resource"]["attributes"];
            for (ours, theirs) in [
                ("node", "k8s.node.name"),
                ("namespace", "k8s.namespace.name"),
                ("pod", "k8s.pod.name"),
                ("image", "container.image.name"),
            ] {
                assert_eq!(
                    value_of(about, theirs),
                    signal["entities"].get(ours),
                    "{theirs}"
                );
            }
            assert_eq!(
                value_of(&record["attributes"], "log.record.original"),
                Some(&signal["evidence"][0]["text"])
            );
            assert_eq!(
                value_of(&record["attributes"], "rootline.count").and_then(Value::as_str),
                Some(signal["count"].to_string().as_str())
            );
        }
    }
}

#[test]
fn a_trace_has_every_signal_condition_and_link() {
    for sample in samples() {
        let path = sample.display().to_string();
        let trace: Value =
            serde_json::from_str(&text_of(&["report", &path, "-o", "-", "--format", "trace"]))
                .expect("JSON");
        let report = report(&sample);
        let events = trace["traceEvents"].as_array().expect("events");
        let count = |field: &str, value: &str| events.iter().filter(|e| e[field] == value).count();
        let all = |name: &str| report[name].as_array().expect(name).clone();
        let undated = trace["otherData"]["left_out_without_a_time"]
            .as_u64()
            .expect("a count") as usize;
        assert_eq!(
            count("ph", "X") + undated,
            all("signals").len() + all("conditions").len()
        );
        let links: usize = all("cascades")
            .iter()
            .map(|c| c["links"].as_array().expect("links").len())
            .sum();
        let left_out = trace["otherData"]["links_left_out"]
            .as_u64()
            .expect("a count") as usize;
        assert_eq!(
            (count("ph", "s") + left_out, count("ph", "f") + left_out),
            (links, links)
        );
        // No arrow goes back in time, where viewers drop it; one that was turned round says so.
        let mut turned = 0;
        for start in events.iter().filter(|e| e["ph"] == "s") {
            let end = events
                .iter()
                .find(|e| e["ph"] == "f" && e["id"] == start["id"]);
            let end = end.unwrap_or_else(|| panic!("{start} has no end"));
            assert!(start["ts"].as_i64() <= end["ts"].as_i64(), "{start} {end}");
            let backwards = start["args"]["lag_ms"].as_i64() < Some(0);
            let name = start["name"].as_str().expect("a name");
            assert_eq!(backwards, name.contains("from effect to cause"), "{start}");
            turned += usize::from(backwards);
        }
        assert!(turned > 0 || !path.ends_with("death-spiral"));
        // Every slice lies in a thread that has a name, and every arrow begins and ends at a slice.
        for event in events.iter().filter(|e| e["ph"] != "M") {
            let named = events.iter().any(|m| {
                m["name"] == "thread_name" && m["pid"] == event["pid"] && m["tid"] == event["tid"]
            });
            assert!(named && event["ts"].as_i64().is_some(), "{event}");
            if event["ph"] == "s" || event["ph"] == "f" {
                assert!(
                    events.iter().any(|x| x["ph"] == "X"
                        && (&x["pid"], &x["tid"], &x["ts"])
                            == (&event["pid"], &event["tid"], &event["ts"])),
                    "{event}"
                );
            } else {
                assert!(event["dur"].as_i64() >= Some(1), "{event}");
            }
        }
    }
}

/// Takes the places of quoted texts out of a line of a diagram; fails where a quote is left open.
fn without_texts(line: &str, escape: bool) -> String {
    let (mut shown, mut inside, mut escaped) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' if !escaped => inside = !inside,
            _ if !inside => shown.push(c),
            _ => {}
        }
        escaped = escape && inside && c == '\\' && !escaped;
    }
    assert!(!inside, "a quote is left open: {line}");
    shown
}

#[test]
fn diagrams_are_whole_whatever_stands_in_a_log() {
    let folder = hostile();
    let mut paths = samples();
    paths.push(folder.path().to_owned());
    for path in paths {
        let report = report(&path);
        let path = path.display().to_string();
        let mermaid = text_of(&["report", &path, "-o", "-", "--format", "mermaid"]);
        let dot = text_of(&["report", &path, "-o", "-", "--format", "dot"]);
        assert!(mermaid.starts_with("flowchart TD\n"));
        let bare: Vec<String> = mermaid
            .lines()
            .map(|l| without_texts(l, false).trim().to_owned())
            .collect();
        let opened = bare.iter().filter(|l| l.starts_with("subgraph ")).count();
        assert_eq!(opened, bare.iter().filter(|l| *l == "end").count());
        let links: usize = report["cascades"]
            .as_array()
            .expect("cascades")
            .iter()
            .map(|c| c["links"].as_array().expect("links").len().min(200))
            .sum();
        assert_eq!(
            bare.iter()
                .filter(|l| l.contains("-->") || l.contains("-.->"))
                .count(),
            links
        );
        for cascade in report["cascades"].as_array().expect("cascades") {
            let origin = format!(
                "{}{}",
                cascade["id"].as_str().expect("an id"),
                cascade["origin"].as_str().expect("an origin")
            );
            assert!(
                bare.iter()
                    .any(|l| l.starts_with(&format!("{origin}[]:::"))),
                "{origin} is not drawn"
            );
        }
        let bare: Vec<String> = dot.lines().map(|l| without_texts(l, true)).collect();
        let braces = |c: char| bare.iter().map(|l| l.matches(c).count()).sum::<usize>();
        assert_eq!(braces('{'), braces('}'));
        assert_eq!(bare.iter().filter(|l| l.contains("->")).count(), links);
        graphviz(&dot, links);
    }
}

/// Lets Graphviz draw it, where it is installed, and counts what it drew.
fn graphviz(dot: &str, links: usize) {
    let Ok(mut child) = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        eprintln!("skipped: there is no Graphviz here");
        return;
    };
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(dot.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let drawn = String::from_utf8_lossy(&output.stdout)
        .matches("class=\"edge\"")
        .count();
    assert_eq!(drawn, links);
}

#[test]
fn the_endings_of_files_say_the_format() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, begins) in [
        ("a.mmd", "flowchart TD"),
        ("a.dot", "digraph incident"),
        ("a.gv", "digraph incident"),
        ("a.trace.json", "{\"displayTimeUnit\""),
        ("a.json", "{\"schema\""),
        ("a.md", "<!--"),
        ("a.ndjson", "{\"acknowledged_at\""),
        ("a.csv", "id,"),
        ("a", "<!doctype html>"),
    ] {
        let path = folder.path().join(name);
        run(
            &[
                "report",
                "samples/quiet-day",
                "-q",
                "-o",
                &path.display().to_string(),
            ],
            0,
        );
        let text = std::fs::read_to_string(&path).expect("written");
        assert!(
            text.starts_with(begins),
            "{name}: {}",
            &text[..text.len().min(60)]
        );
    }
    let several = folder.path().join("several.html");
    run(
        &[
            "report",
            "samples/quiet-day",
            "-q",
            "--format",
            "html,mermaid,dot,trace,json,ndjson,csv",
            "-o",
            &several.display().to_string(),
        ],
        0,
    );
    for ending in ["html", "mmd", "dot", "trace.json", "json", "ndjson", "csv"] {
        assert!(
            folder.path().join(format!("several.{ending}")).exists(),
            "{ending}"
        );
    }
}

#[test]
fn a_report_as_rows_is_what_a_fleet_holds_of_it() {
    let sample = "samples/death-spiral";
    let rows = text_of(&["report", sample, "-o", "-", "--format", "ndjson"]);
    let mut worker = rootline()
        .arg("worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut paths = worker.stdin.take().expect("a pipe");
    writeln!(paths, "{sample}").expect("written");
    drop(paths);
    let by_worker = worker.wait_with_output().expect("ends").stdout;
    assert_eq!(rows, String::from_utf8(by_worker).expect("UTF-8"));
    // A path without a name of its own is named by the directory it leads to.
    let here = rootline()
        .args(["report", ".", "-o", "-", "--format", "ndjson"])
        .current_dir(root().join(sample))
        .output()
        .expect("runs")
        .stdout;
    let first = String::from_utf8(here).expect("UTF-8");
    assert!(
        first.contains("\"incident.id\":\"death-spiral\""),
        "{first:.80}"
    );
}

/// A Python that has the readers; nothing where they could not be installed.
fn readers() -> Option<PathBuf> {
    let python = root().join("target/readers/bin/python");
    let has = Command::new(&python)
        .args(["-c", "import duckdb, pyarrow, jsonschema"])
        .output();
    if has.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!(
        "skipped: DuckDB, pyarrow and jsonschema are not in target/readers; tests/run installs them where PyPI is reached"
    );
    None
}

#[test]
fn duckdb_pyarrow_and_a_schema_validator_read_what_is_written() {
    let Some(python) = readers() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let sample = "samples/death-spiral";
    for (name, output) in [
        ("signals.ndjson", "ndjson"),
        ("signals.csv", "csv"),
        ("signals.otlp.jsonl", "otlp"),
        ("signals.timesketch.jsonl", "timesketch"),
    ] {
        std::fs::write(
            folder.path().join(name),
            text_of(&["signals", sample, "--output", output]),
        )
        .expect("written");
    }
    std::fs::write(
        folder.path().join("report.json"),
        text_of(&["report", sample, "-o", "-", "--format", "json"]),
    )
    .expect("written");
    #[cfg(feature = "batch")]
    write_tables(folder.path(), sample);
    for what in ["report", "signals"] {
        std::fs::write(
            folder.path().join(format!("{what}.schema.json")),
            text_of(&["schema", what]),
        )
        .expect("written");
    }
    let output = Command::new(python)
        .arg(root().join("tests/readers.py"))
        .current_dir(folder.path())
        .output()
        .expect("runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    // The readers counted what they read, and so do we.
    let said: Value = serde_json::from_slice(&output.stdout).expect("counts");
    let signals = rows(sample, "ndjson");
    let failed = signals
        .iter()
        .filter(|s| s["signal"] == "pull_failed")
        .count();
    assert_eq!(said["duckdb_ndjson"], signals.len());
    assert_eq!(said["duckdb_csv"], signals.len());
    assert_eq!(said["pyarrow_csv"], signals.len());
    assert_eq!(said["pyarrow_ndjson"], signals.len());
    assert_eq!(said["duckdb_otlp"], signals.len());
    assert_eq!(said["duckdb_failed_pulls"], failed);
    assert_eq!(said["schema_mistakes"], Value::Array(Vec::new()));
    #[cfg(feature = "batch")]
    {
        assert_eq!(said["duckdb_parquet"], signals.len());
        assert_eq!(
            said["same_in_parquet"], true,
            "Parquet says what NDJSON says"
        );
        let counted = said["tables"].as_object().expect("tables");
        for table in rootline::batch::columns::TABLES {
            assert!(
                counted[table.name].as_u64() > Some(0),
                "{} has no row",
                table.name
            );
        }
    }
}

/// Writes the signals as Parquet, and a fleet of all samples with its tables and the statements that make them in DuckDB.
#[cfg(feature = "batch")]
fn write_tables(folder: &std::path::Path, sample: &str) {
    let parquet = run(&["signals", sample, "--output", "parquet"], 0).stdout;
    assert!(parquet.starts_with(b"PAR1"));
    std::fs::write(folder.join("signals.parquet"), parquet).expect("written");
    let fleet = folder.join("fleet").display().to_string();
    run(&["batch", "samples", "--no-pages", "-o", &fleet], 0);
    let ddl = text_of(&[
        "batch",
        "schema",
        "--ddl",
        "duckdb",
        "--place",
        "fleet/tables",
    ]);
    std::fs::write(folder.join("fleet.sql"), ddl).expect("written");
    let tables: String = rootline::batch::columns::TABLES
        .iter()
        .map(|table| {
            let columns: Vec<&str> = table.columns.iter().map(|c| c.name).collect();
            format!("{} {}\n", table.name, columns.join(" "))
        })
        .collect();
    std::fs::write(folder.join("tables.txt"), tables).expect("written");
}

#[test]
fn exports_are_the_same_bytes_with_any_number_of_threads() {
    for arguments in [
        ["signals", "--output", "otlp"],
        ["signals", "--output", "timesketch"],
        ["report", "--format", "trace"],
        ["report", "--format", "mermaid"],
    ] {
        let of = |jobs: &str| {
            let mut command = rootline();
            command
                .args(arguments)
                .args(["samples/death-spiral", "--jobs", jobs]);
            if arguments[0] == "report" {
                command.args(["-o", "-"]);
            }
            command.output().expect("runs").stdout
        };
        let one = of("1");
        assert!(!one.is_empty() && one == of("3"), "{arguments:?}");
    }
}
