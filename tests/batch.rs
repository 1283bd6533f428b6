//! Many incidents: tables, what is done again and what is not, shards, answers, the page of the fleet.

use std::collections::BTreeMap;
use std::path::Path;

use rootline::batch::columns::{INCIDENT, MECHANISM, TABLES};
use rootline::batch::frames;
use rootline::batch::load::Store;

use crate::common::{incident, rootline, run};

/// A small incident: a pull that fills a disk, on one day of May.
fn full_disk(day: u32, node: &str) -> String {
    let mut log = String::new();
    for (second, level, text) in [
        (
            10,
            'E',
            "\"Failed to pull image\" err=\"rpc error: code = Unknown desc = failed to pull and unpack image \\\"reg.example.net/shop/cart:v9\\\": write /var/lib/containerd/x: no space left on device\" image=\"reg.example.net/shop/cart:v9\"",
        ),
        (
            20,
            'I',
            "\"Recording event message for node\" node=\"NODE\" event=\"NodeHasDiskPressure\"",
        ),
    ] {
        log.push_str(&format!("2024-05-{day:02}T03:15:{second}.000000+0000 {node} kubelet[835]: {level}05{day:02} 03:15:{second}.000000     835 kubelet.go:1] {}\n", text.replace("NODE", node)));
    }
    log
}

/// Four incidents: two alike, a quiet one, and one in which there is nothing.
fn incidents() -> tempfile::TempDir {
    let folder = incident(&[]);
    for (name, log) in [
        ("a", full_disk(20, "worker-1")),
        ("b", full_disk(27, "worker-2")),
        ("quiet", "2024-05-22T03:15:44.000000+0000 worker-1 kubelet[835]: I0522 03:15:44.000000     835 kubelet.go:1] \"SyncLoop ADD\" source=\"api\"\n".to_owned()),
    ] {
        std::fs::create_dir(folder.path().join(name)).expect("a directory");
        std::fs::write(folder.path().join(name).join("kubelet.log"), log).expect("a file");
    }
    std::fs::create_dir(folder.path().join("void")).expect("a directory");
    std::fs::write(folder.path().join("README"), "not an incident").expect("a file");
    folder
}

fn batch(folder: &Path, fleet: &Path, more: &[&str]) -> String {
    let (folder, fleet) = (folder.display().to_string(), fleet.display().to_string());
    let mut arguments = vec!["batch", folder.as_str(), "-o", fleet.as_str()];
    arguments.extend(more);
    String::from_utf8(run(&arguments, 0).stdout).expect("UTF-8")
}

/// Every file under a directory with its bytes.
pub(crate) fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let name = entry
                .path()
                .strip_prefix(root)
                .expect("inside")
                .display()
                .to_string();
            (name, std::fs::read(entry.path()).expect("a file"))
        })
        .collect()
}

/// Rows of a table over all its parts, as text, sorted.
fn rows(fleet: &Path, table: &str) -> Vec<String> {
    let store = Store {
        root: fleet.to_owned(),
    };
    let mut found = Vec::new();
    for part in store.parts(table) {
        let frame = frames::read(std::fs::read(part).expect("a part")).expect("Parquet");
        found.extend(
            rootline::batch::answer::rows(&frame)
                .into_iter()
                .map(|row| serde_json::to_string(&row).expect("JSON")),
        );
    }
    found.sort();
    found
}

#[test]
fn each_child_is_an_incident_and_a_bad_one_is_a_row_with_its_reason() {
    let folder = incidents();
    // The fleet may lie among the incidents; it is none.
    let fleet = folder.path().join("fleet");
    batch(folder.path(), &fleet, &[]);
    std::fs::remove_file(fleet.join("state/a.json")).expect("removed");
    std::fs::remove_file(fleet.join("state/b.json")).expect("removed");
    std::fs::remove_file(fleet.join("state/quiet.json")).expect("removed");
    let said = batch(folder.path(), &fleet, &[]);
    assert!(
        said.contains("3 incidents read, 0 as before, 1 failed"),
        "{said}"
    );
    assert!(said.contains("void: there is no file in it"), "{said}");
    let store = Store {
        root: fleet.clone(),
    };
    let mut seen = BTreeMap::new();
    for part in store.parts("incidents") {
        let frame = frames::read(std::fs::read(part).expect("a part")).expect("Parquet");
        let ids = frames::texts(&frame, INCIDENT).expect("ids");
        let mechanisms = frames::texts(&frame, MECHANISM).expect("mechanisms");
        seen.extend(ids.into_iter().map(|id| id.expect("an id")).zip(mechanisms));
    }
    let filled = Some("image_pull_filled_disk".to_owned());
    assert_eq!(
        seen,
        BTreeMap::from([
            ("a".to_owned(), filled.clone()),
            ("b".to_owned(), filled),
            ("quiet".to_owned(), None),
            ("void".to_owned(), None)
        ])
    );
    // The families: a and b are the same kind of incident, a week apart.
    let answer = String::from_utf8(
        run(
            &[
                "batch",
                "ask",
                &fleet.display().to_string(),
                "recurrence",
                "--output",
                "ndjson",
            ],
            0,
        )
        .stdout,
    )
    .expect("UTF-8");
    let answer: serde_json::Value = serde_json::from_str(answer.trim()).expect("one row");
    assert_eq!(
        (
            answer["incidents"].as_u64(),
            answer["days between, median"].as_f64(),
            answer["which"].as_str()
        ),
        (Some(2), Some(7.0), Some("b a"))
    );
    let page = std::fs::read_to_string(fleet.join("fleet.html")).expect("a page");
    assert!(page.contains("href=\"pages/a.html\"") && fleet.join("pages/a.html").is_file());
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    // A later report names its like.
    let new = incident(&[("kubelet.log", full_disk(30, "worker-9").as_bytes())]);
    let json = run(
        &[
            "report",
            &new.path().display().to_string(),
            "--fleet",
            &fleet.display().to_string(),
            "--format",
            "json",
            "-o",
            "-",
        ],
        0,
    )
    .stdout;
    let report: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let similar: Vec<&str> = report["similar"]
        .as_array()
        .expect("similar")
        .iter()
        .filter_map(|s| s["incident"].as_str())
        .collect();
    assert_eq!(similar, ["a", "b"]);
}

#[test]
fn what_has_not_changed_is_not_done_again_and_bytes_are_the_same() {
    let folder = incidents();
    let (one, two) = (incident(&[]), incident(&[]));
    batch(folder.path(), one.path(), &["--jobs", "1"]);
    let before = files(one.path());
    let said = batch(folder.path(), one.path(), &[]);
    assert!(
        said.contains("0 incidents read, 3 as before, 1 failed; 0 parts"),
        "{said}"
    );
    assert_eq!(before, files(one.path()), "a second run changes nothing");
    batch(folder.path(), two.path(), &["--jobs", "4"]);
    let tables = |all: BTreeMap<String, Vec<u8>>| {
        all.into_iter()
            .filter(|(name, _)| !name.starts_with("state"))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(
        tables(before),
        tables(files(two.path())),
        "another directory and other threads give the same bytes"
    );
    // One more record: only that incident, and only its day.
    let log = folder.path().join("quiet/kubelet.log");
    let more = std::fs::read_to_string(&log).expect("a log") + &full_disk(22, "worker-1");
    std::fs::write(&log, more).expect("written");
    let said = batch(folder.path(), one.path(), &[]);
    assert!(
        said.contains("1 incidents read, 2 as before, 1 failed"),
        "{said}"
    );
    assert_eq!(rows(one.path(), "cascades").len(), 3);
    // Touched, but the same bytes.
    let bytes = std::fs::read(&log).expect("a log");
    std::fs::write(&log, bytes).expect("written");
    let said = batch(folder.path(), one.path(), &[]);
    assert!(said.contains("0 incidents read, 3 as before"), "{said}");
}

#[test]
fn shards_together_are_the_whole() {
    let folder = incidents();
    let (whole, parts) = (incident(&[]), incident(&[]));
    batch(folder.path(), whole.path(), &["--no-pages"]);
    for shard in ["2/3", "0/3", "1/3"] {
        batch(
            folder.path(),
            parts.path(),
            &["--no-pages", "--shard", shard],
        );
    }
    for table in TABLES {
        assert_eq!(
            rows(whole.path(), table.name),
            rows(parts.path(), table.name),
            "{}",
            table.name
        );
    }
    let place = parts.path().display().to_string();
    // Parts of another number of shards would count incidents twice.
    let refused = run(
        &["batch", &folder.path().display().to_string(), "-o", &place],
        2,
    );
    assert!(String::from_utf8_lossy(&refused.stderr).contains("batch compact"));
    run(&["batch", "compact", &place], 0);
    let of = |root: &Path| files(&root.join("tables"));
    assert_eq!(
        of(whole.path()),
        of(parts.path()),
        "joined, they are the same bytes"
    );
}

#[test]
fn a_run_that_was_broken_off_goes_on_where_it_stopped() {
    let folder = incidents();
    let (whole, broken) = (incident(&[]), incident(&[]));
    batch(folder.path(), whole.path(), &[]);
    batch(folder.path(), broken.path(), &[]);
    // As after a kill between a report and its mark, with the tables half written.
    std::fs::remove_file(broken.path().join("state/b.json")).expect("removed");
    std::fs::write(broken.path().join("reports/b.json.zst"), b"half").expect("written");
    let part = Store {
        root: broken.path().to_owned(),
    }
    .parts("links")
    .remove(0);
    std::fs::remove_file(part).expect("removed");
    std::fs::write(broken.path().join("tables/index-0-of-1.json"), b"{}").expect("written");
    let said = batch(folder.path(), broken.path(), &[]);
    assert!(
        said.contains("1 incidents read, 2 as before, 1 failed"),
        "{said}"
    );
    assert_eq!(files(whole.path()), files(broken.path()));
}

#[test]
fn a_manifest_names_incidents_and_its_mistakes_have_a_line() {
    let folder = incidents();
    let manifest = folder.path().join("list.txt");
    std::fs::write(&manifest, "# past incidents\nINC-7\ta\n\nquiet\n").expect("written");
    let fleet = incident(&[]);
    let said = batch(&manifest, fleet.path(), &[]);
    assert!(said.contains("2 incidents read"), "{said}");
    assert!(
        fleet.path().join("state/INC-7.json").is_file()
            && fleet.path().join("state/quiet.json").is_file()
    );
    for (text, wrong) in [
        ("a\nno-such\n", "line 2: there is no \""),
        ("x/y\ta\n", "line 1: \"x/y\" is no id"),
        ("INC\ta\nINC\tb\n", "two incidents have the id \"INC\""),
    ] {
        std::fs::write(&manifest, text).expect("written");
        let output = run(
            &[
                "batch",
                &manifest.display().to_string(),
                "-o",
                &fleet.path().display().to_string(),
            ],
            2,
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(wrong), "{said}");
    }
}

#[test]
fn a_worker_gives_the_rows_of_the_tables() {
    let folder = incidents();
    let fleet = incident(&[]);
    batch(folder.path(), fleet.path(), &["--no-pages"]);
    let paths: String = ["a", "b", "quiet", "void"]
        .iter()
        .map(|name| format!("{}\n", folder.path().join(name).display()))
        .collect();
    let list = folder.path().join("list.txt");
    std::fs::write(&list, paths).expect("written");
    let output = rootline()
        .arg("worker")
        .stdin(std::fs::File::open(list).expect("a list"))
        .output()
        .expect("the binary starts")
        .stdout;
    let mut by_table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output).expect("UTF-8").lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let table = TABLES
            .iter()
            .find(|t| Some(t.name) == row["table"].as_str())
            .expect("a table");
        let values: Vec<&serde_json::Value> = table.columns.iter().map(|c| &row[c.name]).collect();
        // Times are text here and numbers there: only their presence is compared.
        let shown: Vec<serde_json::Value> = table
            .columns
            .iter()
            .zip(values)
            .map(|(c, v)| {
                if c.kind == rootline::batch::columns::Kind::Time {
                    serde_json::Value::Null
                } else {
                    v.clone()
                }
            })
            .collect();
        by_table
            .entry(table.name.to_owned())
            .or_default()
            .push(serde_json::to_string(&shown).expect("JSON"));
    }
    for table in TABLES {
        let mut got = by_table.remove(table.name).unwrap_or_default();
        got.sort();
        assert_eq!(got, rows(fleet.path(), table.name), "{}", table.name);
    }
}
