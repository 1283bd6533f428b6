//! Outputs: text of the input acts on no reader, and a result is written whole or not at all.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::common::{incident, root, rootline, run};

/// What a hostile line may hold.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "\"><svg onload=alert(4)>",
    "' onmouseover='alert(5)",
    "</pre></style><iframe src=//evil.example></iframe>",
    "<!--<script>",
    "{{ 7*7 }} {% raw %} ${x}",
    "[click](javascript:alert(6)) ![x](https://evil.example/p.png)",
    "```\n# heading",
    "| a | b |",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{1b}]8;;https://evil.example\u{1b}\\x",
    "\u{202e}gnp.exe\u{2066}x",
    "=cmd|' /C calc'!A0",
];

/// A record with hostile names in it.
fn record(index: usize, text: &str) -> String {
    let text = text.replace('\n', " ");
    format!(
        "2024-05-22T03:{index:02}:05Z n1 kubelet[8]: E0522 03:{index:02}:05.000000     8 kuberuntime_image.go:43] \"Failed to pull image\" err=\"write /x: no space left on device\" image=\"shop/c{index}:v9\" pod=\"shop/{}\" {text}\n",
        text.replace(['"', '\\'], "'")
    )
}

fn hostile() -> tempfile::TempDir {
    let log: String = HOSTILE
        .iter()
        .enumerate()
        .map(|(index, text)| record(index, text))
        .collect();
    incident(&[
        ("kubelet.log", log.as_bytes()),
        ("=1+1 <b>\u{1b}[31m\u{202e}.log", log.as_bytes()),
    ])
}

fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn the_page_has_no_element_attribute_or_control_of_the_input() {
    let folder = hostile();
    let path = folder.path().display().to_string();
    let page = String::from_utf8(run(&["report", &path, "--format", "html", "-o", "-"], 0).stdout)
        .expect("UTF-8");
    assert!(page.contains("alert(1)"), "the text itself is shown");
    let lower = page.to_lowercase();
    for bad in [
        "<script>alert",
        "<img",
        "<iframe",
        "<svg onload",
        "<!--",
        "evil.example/p.png\"",
        "href=\"javascript",
    ] {
        assert!(!lower.contains(bad), "{bad}");
    }
    // In tags, quotes are only those of our own attributes.
    let mut rest = page.as_str();
    while let Some(start) = rest.find('<') {
        let end = rest[start..].find('>').expect("a tag that ends") + start;
        let tag = &rest[start..=end];
        assert!(
            !tag.to_lowercase().contains(" on") || !tag.contains("alert"),
            "{tag}"
        );
        rest = &rest[end + 1..];
    }
    let ours = |c: &char| *c != '\t' && is_hidden(*c);
    assert_eq!(page.chars().find(ours), None);
}

#[test]
fn nothing_acts_on_the_terminal() {
    let folder = hostile();
    let path = folder.path().display().to_string();
    for arguments in [
        vec!["signals", path.as_str()],
        vec!["timeline", path.as_str()],
        vec!["detect", path.as_str()],
        vec!["report", path.as_str(), "--format", "md", "-o", "-"],
        vec!["signals", path.as_str(), "--output", "csv"],
    ] {
        let output = run(&arguments, 0);
        let text = String::from_utf8(output.stdout).expect("UTF-8")
            + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(text.chars().find(|c| is_hidden(*c)), None, "{arguments:?}");
    }
    // Also where it is the name of a file that is not there.
    let missing = rootline()
        .args(["report", "no\u{1b}[31m\u{202e}.log"])
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert_eq!(said.chars().find(|c| is_hidden(*c)), None, "{said}");
}

#[test]
fn markdown_and_tables_hold_no_markup_and_no_formula() {
    let folder = hostile();
    let path = folder.path().display().to_string();
    let text = String::from_utf8(run(&["report", &path, "--format", "md", "-o", "-"], 0).stdout)
        .expect("UTF-8");
    let mut fence: Option<String> = None;
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|c| *c == '`').collect();
        if ticks.len() >= 3 {
            match &fence {
                Some(open) if *open == line => fence = None,
                None => fence = Some(ticks),
                _ => {}
            }
            continue;
        }
        // Outside of code, nothing of the input is read as markup.
        if fence.is_none() {
            let outside: String = line.split('`').step_by(2).collect();
            for bad in ["<script", "<img", "](javascript", "![x](", "https://evil"] {
                assert!(!outside.contains(bad), "{line}");
            }
        }
    }
    let csv =
        String::from_utf8(run(&["signals", &path, "--output", "csv"], 0).stdout).expect("UTF-8");
    for line in csv.lines() {
        for cell in line.split(',') {
            let cell = cell.trim_start_matches('"');
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{line}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_keeps_what_it_has() {
    let folder = incident(&[("kubelet.log", record(1, "x").as_bytes())]);
    let input = folder.path().display().to_string();
    let out = tempfile::tempdir().expect("a folder");
    let page = out.path().join("p.html");
    let said = |to: &Path| {
        let output = rootline()
            .args(["report", &input, "-o"])
            .arg(to)
            .output()
            .expect("runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    // A directory in the place of the file, and one that is not there.
    std::fs::create_dir(out.path().join("d.html")).expect("a folder");
    assert!(said(&out.path().join("d.html")).contains("what stood there before is unchanged"));
    assert!(said(&out.path().join("none/p.html")).contains("make it first"));
    // A disk that is full.
    if Path::new("/dev/full").exists() {
        let text = said(Path::new("/dev/full"));
        assert!(text.contains("No space left on device"), "{text}");
    }
    // What cannot be renamed to is written straight.
    if Path::new("/dev/null").exists() {
        run(&["report", &input, "-o", "/dev/null"], 0);
    }
    run(&["report", &input, "-o", &page.display().to_string()], 0);
    assert!(page.is_file());
    let left: Vec<_> = std::fs::read_dir(out.path())
        .expect("a folder")
        .filter_map(|e| e.ok())
        .filter(|e| e.file_name().to_string_lossy().contains("rootline-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Number of runs that are killed; `ROOTLINE_KILLS=500` for many.
fn kills() -> u32 {
    std::env::var("ROOTLINE_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(12)
}

#[test]
fn whoever_is_killed_leaves_the_old_page_or_the_new_one() {
    let old: String = (0..400)
        .map(|i| record(i % 60, &format!("old {i}")))
        .collect();
    let new: String = (0..400)
        .map(|i| record(i % 60, &format!("new {i}")))
        .collect();
    let (before, after) = (
        incident(&[("kubelet.log", old.as_bytes())]),
        incident(&[("kubelet.log", new.as_bytes())]),
    );
    let out = tempfile::tempdir().expect("a folder");
    let page = out.path().join("p.html");
    let write = |input: &Path| -> Duration {
        let start = std::time::Instant::now();
        run(
            &[
                "report",
                &input.display().to_string(),
                "-q",
                "-o",
                &page.display().to_string(),
            ],
            0,
        );
        start.elapsed()
    };
    write(after.path());
    let whole_new = std::fs::read(&page).expect("a page");
    let time = write(before.path());
    let whole_old = std::fs::read(&page).expect("a page");
    assert_ne!(whole_old, whole_new);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut kept, mut done) = (0, 0);
    for _ in 0..kills() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Most fall into the end, where the file is written.
        let share = 0.5 + (seed >> 40) as f64 / (1_u64 << 24) as f64 * 0.7;
        std::fs::write(&page, &whole_old).expect("the old page");
        let mut child = rootline()
            .args(["report", &after.path().display().to_string(), "-q", "-o"])
            .arg(&page)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        std::thread::sleep(time.mul_f64(share));
        let _ = child.kill();
        child.wait().expect("ends");
        let found = std::fs::read(&page).expect("a page");
        if found == whole_old {
            kept += 1;
        } else {
            assert!(found == whole_new, "a torn page of {} bytes", found.len());
            done += 1;
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{kept} kept the old page, {done} wrote the new one"
    );
}

#[test]
fn the_default_build_has_no_network_code() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let tree = std::process::Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "-f",
            "{p}",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let tree = if tree.status.success() {
        String::from_utf8_lossy(&tree.stdout).into_owned()
    } else {
        // Without the sources at hand, everything in the lock file counts, which is more.
        lock.lines()
            .filter_map(|l| l.strip_prefix("name = \""))
            .map(|l| l.trim_end_matches('"').to_owned() + "\n")
            .collect()
    };
    let names: Vec<&str> = tree
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert!(names.contains(&"rootline") && names.len() > 50, "{names:?}");
    for network in [
        "reqwest",
        "hyper",
        "hyper-util",
        "h2",
        "ureq",
        "curl",
        "curl-sys",
        "isahc",
        "attohttpc",
        "tokio",
        "mio",
        "socket2",
        "async-std",
        "smol",
        "rustls",
        "native-tls",
        "openssl",
        "openssl-sys",
        "trust-dns-resolver",
        "hickory-resolver",
        "object_store",
        "quinn",
        "tungstenite",
        "tonic",
        "libp2p",
    ] {
        assert!(
            !names.contains(&network),
            "{network} is among the dependencies"
        );
    }
    // Nor does our own code open one.
    for entry in walkdir::WalkDir::new(root().join("src")) {
        let entry = entry.expect("an entry");
        if entry.file_type().is_file() {
            let text = std::fs::read_to_string(entry.path()).expect("text");
            for word in [
                "TcpStream",
                "TcpListener",
                "UdpSocket",
                "ToSocketAddrs",
                "UnixStream",
            ] {
                assert!(
                    !text.contains(word),
                    "{} knows {word}",
                    entry.path().display()
                );
            }
        }
    }
}

#[test]
fn a_report_is_made_where_there_is_no_network() {
    let folder = incident(&[("kubelet.log", record(1, "x").as_bytes())]);
    let output = std::process::Command::new("unshare")
        .args([
            "--net",
            "--map-root-user",
            env!("CARGO_BIN_EXE_rootline"),
            "report",
        ])
        .arg(folder.path())
        .args(["--format", "json", "-o", "-"])
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let here = run(
                &[
                    "report",
                    &folder.path().display().to_string(),
                    "--format",
                    "json",
                    "-o",
                    "-",
                ],
                0,
            );
            assert_eq!(output.stdout, here.stdout);
        }
        _ => eprintln!("skipped: no network namespace can be made here"),
    }
}

#[test]
fn no_code_of_ours_is_unsafe() {
    let mut found = Vec::new();
    for folder in ["src", "tests", "build.rs"] {
        for entry in walkdir::WalkDir::new(root().join(folder)) {
            let entry = entry.expect("an entry");
            if entry.path().extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(entry.path()).expect("text");
                let word = concat!("un", "safe {");
                if text.contains(word) {
                    found.push(entry.path().display().to_string());
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:?}");
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
}
