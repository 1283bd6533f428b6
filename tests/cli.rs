//! Odd and damaged input, options, and the promise of the same bytes.

use std::io::Write;

use crate::common::{copy_of, incident, report, root, rootline, run};

const LINE: &str = "2024-05-22T03:15:44.123456+0000 node-7 kubelet[835]: I0522 03:15:44.123400     835 kubelet_node_status.go:1] \"Recording event message for node\" node=\"node-7\" event=\"NodeHasDiskPressure\"\n";

fn signals_of(report: &serde_json::Value) -> Vec<String> {
    report["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .map(|s| s["signal"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn problems_of(report: &serde_json::Value) -> String {
    report["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .flat_map(|s| s["problems"].as_array().expect("problems"))
        .filter_map(|p| p.as_str())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn an_empty_directory_is_a_failure_and_a_report_that_says_so() {
    let folder = incident(&[]);
    let path = folder.path().display().to_string();
    let output = run(
        &[
            "report",
            &path,
            "--format",
            "json",
            "-o",
            "-",
            "--fail-on",
            "cascade",
        ],
        1,
    );
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains(&format!("hint: \"{path}\": there is nothing in it"))
    );
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(found["ledger"]["files"], 0);
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(0));
    assert!(
        found["incident"]["summary"][0]
            .as_str()
            .expect("a sentence")
            .contains("No known signal was found in 0 sources")
    );
}

#[test]
fn a_path_that_is_not_there_is_a_failure_with_a_hint() {
    let output = run(&["report", "no/such/path"], 1);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("error: cannot read \"no/such/path\"") && said.contains("hint: "),
        "{said}"
    );
    let output = run(&["report"], 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: rootline report"));
    run(&["raport"], 2);
}

#[test]
fn an_unwritable_place_is_a_failure() {
    let folder = incident(&[("kubelet.log", LINE.as_bytes())]);
    let output = run(
        &[
            "report",
            &folder.path().display().to_string(),
            "-o",
            "no/such/folder/page.html",
        ],
        1,
    );
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("cannot write \"no/such/folder/page.html\"")
    );
}

#[test]
fn binary_empty_and_foreign_files_are_named_with_a_reason() {
    let binary = noise();
    let folder = incident(&[
        ("app.bin", &binary),
        ("empty.log", b""),
        ("page.html", b"<!DOCTYPE html><html><body>no space left on device</body></html>"),
        ("readme.md", b"# Notes\n\nwrite /x: no space left on device\n"),
        ("poem.txt", b"The wind was a torrent of darkness\namong the gusty trees\n"),
        ("data.json", b"{\"message\": \"The node was low on resource: memory. \",\n \"reason\": \"Evicted\"}\n"),
        ("wide.txt", b"\xff\xfeh\0i\0"),
        ("a.tar", &{
            let mut tar = vec![0_u8; 1024];
            tar[257..262].copy_from_slice(b"ustar");
            tar
        }),
        ("kubelet.log", LINE.as_bytes()),
    ]);
    let found = report(folder.path());
    assert_eq!(signals_of(&found), ["disk_pressure_on"]);
    let skipped: Vec<(String, String)> = found["ledger"]["skipped"]
        .as_array()
        .expect("skipped")
        .iter()
        .map(|s| {
            (
                s["path"]
                    .as_str()
                    .unwrap_or_default()
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                s["why"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    for (name, why) in [
        ("app.bin", "binary"),
        ("empty.log", "empty"),
        ("page.html", "web page"),
        ("readme.md", "a note"),
        ("data.json", "no known shape"),
        ("a.tar", "damaged archive"),
    ] {
        assert!(
            skipped.iter().any(|(n, w)| n == name && w.contains(why)),
            "{name}: {skipped:?}"
        );
    }
    assert_eq!(found["ledger"]["files"], 9);
}

#[test]
fn a_directory_of_foreign_logs_is_a_report_without_claims() {
    let folder = incident(&[
        ("nginx.log", b"10.0.0.1 - - [22/May/2024:03:15:44 +0000] \"GET / HTTP/1.1\" 200 17 \"-\" \"curl/8\"\n".repeat(50).as_slice()),
        ("app.log", b"2024-05-22 03:15:44,120 - app - ERROR - Traceback (most recent call last):\n  File \"x.py\"\nOSError: [Errno 28] inotify_add_watch: no space left on device\n"),
    ]);
    let found = report(folder.path());
    assert_eq!(found["cascades"].as_array().map(Vec::len), Some(0));
    assert_eq!(signals_of(&found), Vec::<String>::new());
}

#[test]
fn damaged_streams_give_what_stands_before_the_damage() {
    let content = LINE.to_owned()
        + &"2024-05-22T03:15:45.000000+0000 node-7 kubelet[835]: nothing of note here\n"
            .repeat(20_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(content.as_bytes()).expect("gzip");
    let gzip = gzip.finish().expect("gzip");
    let xz = std::fs::read(root().join("samples/death-spiral/kube-controller-manager.log.xz"))
        .expect("a sample");
    let zstd = zstd::encode_all(content.as_bytes(), 3).expect("zstd");
    for (name, whole) in [("a.log.gz", &gzip), ("b.log.xz", &xz), ("c.log.zst", &zstd)] {
        let folder = incident(&[(name, &whole[..whole.len() * 2 / 3])]);
        let found = report(folder.path());
        assert!(
            problems_of(&found).contains("cut off or damaged after "),
            "{name}: {}",
            problems_of(&found)
        );
        assert!(
            found["gaps"]
                .as_array()
                .expect("gaps")
                .iter()
                .any(|g| g["what"]
                    .as_str()
                    .unwrap_or_default()
                    .contains("cut off or damaged")),
            "{name}"
        );
    }
    // A list that ends in the middle of an object keeps the objects before.
    let event = |name: &str| {
        format!(
            "{{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{{\"name\":\"{name}.1\"}},\"involvedObject\":{{\"kind\":\"Node\",\"name\":\"{name}\"}},\"reason\":\"NodeHasDiskPressure\",\"message\":\"Node {name} status is now: NodeHasDiskPressure\",\"source\":{{\"component\":\"kubelet\",\"host\":\"{name}\"}},\"firstTimestamp\":\"2024-05-22T03:15:44Z\"}}"
        )
    };
    let list = format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{},\n{},\n{}",
        event("n1"),
        event("n2"),
        &event("n3")[..60]
    );
    let found = report(incident(&[("events.json", list.as_bytes())]).path());
    assert_eq!(signals_of(&found), ["disk_pressure_on", "disk_pressure_on"]);
    assert!(
        problems_of(&found).contains("damaged JSON at line 4"),
        "{}",
        problems_of(&found)
    );
}

#[test]
fn a_line_of_fifty_megabytes_is_cut_and_counted() {
    let mut content = Vec::with_capacity(53_000_000);
    content.extend(LINE.as_bytes());
    content.resize(content.len() + 50 * 1024 * 1024, b'x');
    content.push(b'\n');
    content.extend(LINE.replace("03:15:44", "03:25:44").as_bytes());
    let folder = incident(&[("kubelet.log", &content)]);
    let found = report(folder.path());
    assert_eq!(
        signals_of(&found),
        ["disk_pressure_on", "disk_pressure_on"],
        "what stands before and behind is read"
    );
    assert!(
        problems_of(&found).contains("longer than 1024 KiB"),
        "{}",
        problems_of(&found)
    );
    let source = &found["sources"][0];
    assert!(source["bytes_read"].as_u64() < source["bytes"].as_u64());
    assert_eq!(source["bytes"].as_u64(), Some(content.len() as u64));
}

#[test]
fn invalid_utf8_is_shown_and_its_range_is_right() {
    let mut content = b"\xff\xfe\xfd garbage \x80\n".to_vec();
    content[0] = b'a';
    content.extend(b"2024-05-22T03:15:44Z node-7 containerd[1]: time=\"2024-05-22T03:15:44Z\" level=error msg=\"PullImage \\\"a/\x80b:1\\\" failed\" error=\"no space left on device\"\n");
    let folder = incident(&[("containerd.log", &content)]);
    let found = report(folder.path());
    assert_eq!(signals_of(&found), ["pull_failed"]);
    let evidence = &found["signals"][0]["evidence"][0];
    assert!(
        evidence["text"]
            .as_str()
            .expect("text")
            .contains('\u{fffd}')
    );
    let (from, to) = (
        evidence["byte"][0].as_u64().expect("from") as usize,
        evidence["byte"][1].as_u64().expect("to") as usize,
    );
    assert_eq!(
        evidence["text"].as_str(),
        Some(String::from_utf8_lossy(&content[from..to]).as_ref())
    );
}

#[test]
fn a_stray_audit_record_in_a_long_log_is_not_lost() {
    let mut text = "2024-05-22T03:15:45.000000+0000 node-7 kubelet[835]: nothing of note here\n"
        .repeat(30_000);
    text.push_str("{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"stage\":\"ResponseComplete\",\"verb\":\"create\",\"user\":{\"username\":\"system:kube-scheduler\"},\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"shop\",\"name\":\"cart-1\",\"subresource\":\"binding\"},\"responseStatus\":{\"code\":201},\"requestObject\":{\"target\":{\"kind\":\"Node\",\"name\":\"node-7\"}},\"requestReceivedTimestamp\":\"2024-05-22T03:15:44.123456Z\"}\n");
    text.push_str(
        &"2024-05-22T03:15:46.000000+0000 node-7 kubelet[835]: nothing of note here\n"
            .repeat(30_000),
    );
    let found = report(incident(&[("mixed.log.x", text.as_bytes())]).path());
    assert_eq!(signals_of(&found), ["scheduled"]);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_opened_is_listed_and_nothing_else_is_lost() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = incident(&[
        ("kubelet.log", LINE.as_bytes()),
        ("secret.log", LINE.as_bytes()),
    ]);
    std::fs::set_permissions(
        folder.path().join("secret.log"),
        std::fs::Permissions::from_mode(0o000),
    )
    .expect("permissions");
    symlink(
        folder.path().join("kubelet.log"),
        folder.path().join("link.log"),
    )
    .expect("a link");
    symlink("/nowhere", folder.path().join("dangling.log")).expect("a link");
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("pipe.log"))
        .status()
        .is_ok_and(|s| s.success());
    let found = report(folder.path());
    assert_eq!(signals_of(&found), ["disk_pressure_on"]);
    let skipped = found["ledger"]["skipped"].to_string();
    assert_eq!(skipped.matches("a symbolic link").count(), 2, "{skipped}");
    assert!(!made || skipped.contains("not a regular file"), "{skipped}");
    // The super-user may read everything.
    if std::fs::read(folder.path().join("secret.log")).is_err() {
        assert!(skipped.contains("no permission to read it"), "{skipped}");
        let alone = folder.path().join("secret.log").display().to_string();
        let output = run(&["report", &alone, "-o", "-"], 1);
        assert!(String::from_utf8_lossy(&output.stderr).contains("nothing could be read"));
    }
}

/// Bytes that no text and no archive begins with.
fn noise() -> Vec<u8> {
    (0..20_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[test]
fn a_run_that_could_read_nothing_leaves_the_last_postmortem_alone() {
    let folder = incident(&[
        ("page.html", b"the last postmortem"),
        ("in/heap.bin", &noise()),
        ("in/empty.log", b""),
    ]);
    let page = folder.path().join("page.html").display().to_string();
    let nothing = folder.path().join("in").display().to_string();
    let pattern = folder.path().join("*.nomatch").display().to_string();
    for input in [&nothing, &pattern] {
        let output = run(&["report", input, "-o", &page, "--fail-on", "cascade"], 1);
        assert_eq!(std::fs::read(&page).expect("there"), b"the last postmortem");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("nothing could be read") && said.contains("hint: "),
            "{said}"
        );
    }
    let mut stdin = rootline();
    let output = stdin
        .args(["signals", "-"])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1), "standard input is empty");
    run(&["timeline", &nothing], 1);
    // One line is something.
    std::fs::write(folder.path().join("in/kubelet.log"), LINE).expect("written");
    run(&["report", &nothing, "-o", &page], 0);
    assert_ne!(std::fs::read(&page).expect("there"), b"the last postmortem");
}

#[test]
fn a_time_in_which_nothing_lies_is_said_and_one_that_cannot_be_is_refused() {
    let folder = incident(&[("kubelet.log", LINE.as_bytes())]);
    let path = folder.path().display().to_string();
    let late = ["--since", "2030-01-01T00:00:00Z"];
    let page = folder.path().join("page.html").display().to_string();
    let said = run(&["report", &path, late[0], late[1], "-o", &page], 0).stdout;
    let said = String::from_utf8_lossy(&said)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        said.contains(
            "all 1 signals that were recognised in 1 sources with 1 records lie outside of it"
        ),
        "{said}"
    );
    assert!(
        said.contains("nothing in the time that was asked for")
            && !said.contains("No known signal"),
        "{said}"
    );
    let found = run(
        &[
            "report", &path, late[0], late[1], "--format", "json", "-o", "-",
        ],
        0,
    )
    .stdout;
    let found: serde_json::Value = serde_json::from_slice(&found).expect("a report");
    assert_eq!(found["ledger"]["outside"], 1);
    assert!(
        found["gaps"]
            .to_string()
            .contains("One signal lies outside of the time")
    );
    let whole = report(folder.path());
    assert_eq!(whole["ledger"]["outside"], 0);
    assert!(!whole["gaps"].to_string().contains("--since"));
    let output = run(
        &[
            "signals",
            &path,
            late[0],
            late[1],
            "--until",
            "2024-01-01T00:00:00Z",
        ],
        2,
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing lies after 2030-01-01"));
}

#[test]
fn outputs_that_make_no_sense_are_refused_or_said() {
    let folder = incident(&[("kubelet.log", LINE.as_bytes())]);
    let path = folder.path().display().to_string();
    let said = |arguments: &[&str], code: i32| {
        let mut all = vec!["report", &path, "-q"];
        all.extend(arguments);
        String::from_utf8_lossy(&run(&all, code).stderr).into_owned()
    };
    let pdf = folder.path().join("x.pdf").display().to_string();
    let refused = said(&["-o", &pdf], 2);
    assert!(
        refused.contains("there is no format for .pdf") && refused.contains("--format"),
        "{refused}"
    );
    said(&["-o", &pdf, "--format", "html"], 0);
    let page = folder.path().join("no/such/x.html").display().to_string();
    let failed = said(&["-o", &page], 1);
    assert!(
        failed.contains("make it first") && !failed.contains(".rootline-"),
        "{failed}"
    );
    let map = folder.path().join("no/map.toml").display().to_string();
    let failed = said(&["-o", &pdf, "--format", "html", "--role-map", &map], 1);
    assert!(
        failed.contains("map.toml") && !failed.contains("-o FILE"),
        "{failed}"
    );
    // Patterns that fit nothing, and no guard-rails: a note.
    let page = folder.path().join("x.html").display().to_string();
    let rails = folder.path().join("rails").display().to_string();
    let quiet = folder.path().join("quiet/kubelet.log");
    std::fs::create_dir(folder.path().join("quiet")).expect("a folder");
    std::fs::write(&quiet, "2024-05-22T03:15:44Z nothing of note here\n").expect("written");
    let quiet = quiet.display().to_string();
    let output = run(
        &[
            "report",
            &quiet,
            "-o",
            &page,
            "--actions",
            &rails,
            "--node-of",
            "other*=n1",
        ],
        0,
    );
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        notes.contains("--node-of: no file fits \"other*\""),
        "{notes}"
    );
    assert!(
        notes.contains("no guard-rail fits") && !folder.path().join("rails").exists(),
        "{notes}"
    );
    let output = run(
        &["report", &path, "-o", &page, "--node-of", "*kubelet*=n1"],
        0,
    );
    assert!(!String::from_utf8_lossy(&output.stderr).contains("no file fits"));
    let output = run(&["report", &path, "--jobs", "-3"], 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a number from 1 to 1024"));
}

#[test]
fn a_record_without_a_year_says_so_in_its_head() {
    let line = "I1123 21:01:00.000000     101 kubelet_node_status.go:1] \"Recording event message for node\" node=\"worker-q\" event=\"NodeHasDiskPressure\"\n";
    let folder = incident(&[("kubelet.log", line.as_bytes())]);
    let path = folder.path().display().to_string();
    let page = folder.path().join("x.html").display().to_string();
    let head = |arguments: &[&str]| {
        let mut all = vec!["report", &path, "-o", &page];
        all.extend(arguments);
        String::from_utf8_lossy(&run(&all, 0).stdout).into_owned()
    };
    assert!(head(&[]).contains("no record tells the year: --year sets it"));
    assert!(head(&["--year", "2024"]).contains("2024-11-23"));
}

#[test]
fn nothing_readable_at_all_is_exit_one() {
    let folder = incident(&[("a.zip", b"PK\x03\x04rest")]);
    let output = run(
        &["report", &folder.path().display().to_string(), "-o", "-"],
        1,
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("nothing could be read") && said.contains("damaged archive"),
        "{said}"
    );
    let written: serde_json::Value = serde_json::from_slice(
        &run(
            &[
                "report",
                &folder.path().display().to_string(),
                "--format",
                "json",
                "-o",
                "-",
            ],
            1,
        )
        .stdout,
    )
    .expect("a report that says so");
    assert_eq!(
        written["ledger"]["skipped"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn markup_in_a_log_stays_text() {
    let folder = incident(&[(
        "deploy.log",
        "[2024-05-22 03:14:02] ERROR: Failed to pull image “<script>alert(1)</script>/a:b”\n[2024-05-22 03:14:02] ERROR: failed to register layer: write /<img src=x onerror=alert(1)>: no space left on device \u{1b}[31m\u{202e}\n".as_bytes(),
    )]);
    let path = folder.path().display().to_string();
    let page = String::from_utf8(run(&["report", &path, "--format", "html", "-o", "-"], 0).stdout)
        .expect("UTF-8");
    assert!(
        page.contains("&#60;script&#62;alert(1)"),
        "the line is shown"
    );
    assert!(
        page.matches("<script").count() == 2
            && !page.contains("<script>alert")
            && !page.contains("<img")
            && !page.contains('\u{1b}')
            && !page.contains('\u{202e}')
    );
    let markdown =
        String::from_utf8(run(&["report", &path, "--format", "md", "-o", "-"], 0).stdout)
            .expect("UTF-8");
    for part in markdown.split("```").step_by(2) {
        assert!(!part.contains("<script"), "{part}");
    }
    let terminal = run(&["timeline", &path], 0).stdout;
    assert!(!terminal.contains(&0x1b));
}

#[test]
fn people_appear_by_role() {
    let folder = incident(&[(
        "deploy.log",
        "[2024-05-22 03:14:02] INFO: Deployment triggered by ‘Jane_Doe_1’\n".as_bytes(),
    )]);
    let path = folder.path().display().to_string();
    for format in ["html", "md", "json"] {
        let text =
            String::from_utf8(run(&["report", &path, "--format", format, "-o", "-"], 0).stdout)
                .expect("UTF-8");
        assert!(
            !text.contains("Jane_Doe_1") && text.contains("Developer A"),
            "{format}"
        );
    }
    let robot = incident(&[(
        "deploy.log",
        "[2024-05-22 03:14:02] INFO: Deployment triggered by ‘ci-deploy-bot’\n".as_bytes(),
    )]);
    let text = report(robot.path()).to_string();
    assert!(
        text.contains("Automation 1") && !text.contains("ci-deploy-bot"),
        "an account that acts for people is hidden, and is no person"
    );
}

#[test]
fn years_and_zones_are_found_given_or_said_to_be_missing() {
    let klog = "E0522 03:15:44.123456     812 kubelet.go:43] \"Recording event message for node\" node=\"n1\" event=\"NodeHasDiskPressure\"\n";
    let folder = incident(&[("kubelet.log", klog.as_bytes())]);
    let path = folder.path().display().to_string();
    let at = |arguments: &[&str]| {
        let mut all = vec!["signals", path.as_str(), "--output", "ndjson"];
        all.extend(arguments);
        let value: serde_json::Value =
            serde_json::from_slice(&run(&all, 0).stdout).expect("one signal");
        (
            value["at"].as_str().map(str::to_owned),
            value["time_basis"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(at(&[]), (None, "none".into()));
    assert_eq!(
        at(&["--year", "2023"]),
        (
            Some("2023-05-22T03:15:44.123456Z".into()),
            "year_inferred".into()
        )
    );
    assert_eq!(
        at(&["--year", "2023", "--zone", "+02:00"]),
        (
            Some("2023-05-22T01:15:44.123456Z".into()),
            "year_inferred".into()
        )
    );
    std::fs::write(folder.path().join("job.log"), "2021-05-22T09:00:00Z a dated line, the pull of this bundle: Successfully pulled image \"a:b\" in 1s\n").expect("written");
    let output = run(&["signals", &path, "--output", "csv"], 0);
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("2021-05-22T03:15:44.123456Z,1us,year_inferred"),
        "the dated neighbour tells the year"
    );
    // A header in another zone: the outer stamp has the offset.
    let journal = "2024-05-22T03:15:44.200000+0000 n1 kubelet[835]: E0522 05:15:44.123456     835 a.go:1] \"Recording event message for node\" node=\"n1\" event=\"NodeHasDiskPressure\"\n";
    let folder = incident(&[("kubelet.log", journal.as_bytes())]);
    let found = report(folder.path());
    assert_eq!(found["signals"][0]["at"], "2024-05-22T03:15:44.123456Z");
    assert_eq!(found["signals"][0]["time_basis"], "stamp");
}

#[test]
fn nodes_are_named_by_path_or_by_the_user() {
    let containerd = "time=\"2024-05-22T03:15:44.123456789Z\" level=error msg=\"PullImage \\\"shop/cart:v9\\\" failed\" error=\"failed to extract layer: no space left on device\"\n";
    let folder = incident(&[("containerd-worker-3.log", containerd.as_bytes())]);
    let found = report(folder.path());
    assert_eq!(found["signals"][0]["entities"]["node"], "worker-3");
    assert_eq!(
        found["signals"][0]["inferred"]["node"],
        "path name containerd-worker-3.log"
    );
    let output = run(
        &[
            "signals",
            &folder.path().display().to_string(),
            "--output",
            "csv",
            "--node-of",
            "**/containerd-*=other",
        ],
        0,
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("pull_failed,no_space,other"));
    run(
        &[
            "signals",
            &folder.path().display().to_string(),
            "--node-of",
            "nonsense",
        ],
        2,
    );
}

#[test]
fn the_same_bytes_whatever_the_surroundings() {
    let sample = copy_of(&root().join("samples/death-spiral"));
    let path = sample.path().display().to_string();
    let bytes = |change: &dyn Fn(&mut std::process::Command), paths: &[&str]| {
        let mut command = rootline();
        command
            .arg("report")
            .args(paths)
            .args(["--format", "json", "-o", "-"]);
        change(&mut command);
        let output = command.output().expect("runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    };
    let expected = bytes(&|_| {}, &[&path]);
    assert!(expected.len() > 100_000);
    let same = |name: &str, other: Vec<u8>| assert!(expected == other, "{name} changed the report");
    for jobs in ["1", "2", "7"] {
        same(
            "--jobs",
            bytes(
                &|c| {
                    c.args(["--jobs", jobs]);
                },
                &[&path],
            ),
        );
    }
    same(
        "TZ",
        bytes(
            &|c| {
                c.env("TZ", "Pacific/Kiritimati")
                    .env("LANG", "tr_TR.UTF-8")
                    .env("LC_ALL", "de_DE");
            },
            &[&path],
        ),
    );
    same(
        "the directory",
        bytes(
            &|c| {
                c.current_dir("/");
            },
            &[&path],
        ),
    );
    // Files given one by one, forwards and backwards.
    let files: Vec<String> = walkdir::WalkDir::new(sample.path())
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file())
        .map(|e| e.path().display().to_string())
        .collect();
    let forwards: Vec<&str> = files.iter().map(String::as_str).collect();
    let one = bytes(&|_| {}, &forwards);
    let backwards: Vec<&str> = forwards.iter().rev().copied().collect();
    assert!(
        one == bytes(&|_| {}, &backwards),
        "the order of arguments changed the report"
    );
    assert!(
        one == bytes(&|_| {}, &[forwards.as_slice(), &forwards[..3]].concat()),
        "a file given twice changed the report"
    );
}

#[test]
fn standard_input_and_standard_output() {
    let mut child = rootline()
        .args(["signals", "-", "--output", "ndjson"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(LINE.as_bytes())
        .expect("written");
    let output = child.wait_with_output().expect("ends");
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one signal");
    assert_eq!(
        (
            value["signal"].as_str(),
            value["evidence"][0]["path"].as_str()
        ),
        (Some("disk_pressure_on"), Some("-"))
    );
}

#[test]
fn fail_on_cascade_is_three_only_where_one_was_found() {
    run(
        &[
            "report",
            "samples/awesome-app-2024-05-22",
            "-q",
            "--format",
            "json",
            "-o",
            "-",
            "--fail-on",
            "cascade",
        ],
        3,
    );
    run(
        &[
            "report",
            "samples/quiet-day",
            "-q",
            "--format",
            "json",
            "-o",
            "-",
            "--fail-on",
            "cascade",
        ],
        0,
    );
}

#[test]
fn several_formats_stand_beside_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("postmortem.html");
    run(
        &[
            "report",
            "samples/awesome-app-2024-05-22",
            "-q",
            "--format",
            "html,md,json",
            "-o",
            &page.display().to_string(),
        ],
        0,
    );
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .expect("listed")
        .map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["postmortem.html", "postmortem.json", "postmortem.md"]
    );
}

#[test]
fn detect_says_what_why_and_whom() {
    let said = String::from_utf8(
        run(
            &[
                "detect",
                "samples/death-spiral",
                "samples/awesome-app-2024-05-22",
            ],
            0,
        )
        .stdout,
    )
    .expect("UTF-8");
    for part in [
        "format     journal-iso > klog-text",
        "component  kubelet",
        "reads      every object of the document",
        "reads      nothing: a note, not a log",
        "kube-scheduler.log.gz (gzip)",
        "(xz)",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}
