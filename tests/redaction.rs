//! Secrets leave by no output, look-alikes stay in all of them, and citations still mean the original.

use std::path::Path;

use rootline::grammar::Grammars;

use crate::common::{incident, root, run};

/// Every output of one incident, by name. `extra` are further arguments.
fn outputs(folder: &Path, extra: &[&str]) -> Vec<(String, String)> {
    let path = folder.display().to_string();
    let mut found = Vec::new();
    for (name, arguments) in [
        ("html", ["report", "--format", "html", "-o", "-"].as_slice()),
        ("md", &["report", "--format", "md", "-o", "-"]),
        ("json", &["report", "--format", "json", "-o", "-"]),
        ("table", &["signals"]),
        ("ndjson", &["signals", "--output", "ndjson"]),
        ("csv", &["signals", "--output", "csv"]),
        ("timeline", &["timeline"]),
        ("detect", &["detect"]),
        ("detect ndjson", &["detect", "--output", "ndjson"]),
    ] {
        let mut all = vec![arguments[0], path.as_str()];
        all.extend(&arguments[1..]);
        all.extend(extra);
        let output = run(&all, 0);
        let mut text = String::from_utf8(output.stdout).expect("UTF-8");
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        found.push((name.to_owned(), text));
    }
    let summary = folder.join("x.html").display().to_string();
    let mut all = vec!["report", path.as_str(), "-o", summary.as_str()];
    all.extend(extra);
    found.push((
        "summary".to_owned(),
        String::from_utf8(run(&all, 0).stdout).expect("UTF-8"),
    ));
    std::fs::remove_file(summary).expect("the page");
    found
}

/// The JSON report.
fn as_json(folder: &Path, extra: &[&str]) -> String {
    let path = folder.display().to_string();
    let mut all = vec!["report", path.as_str(), "--format", "json", "-o", "-"];
    all.extend(extra);
    String::from_utf8(run(&all, 0).stdout).expect("UTF-8")
}

/// A record that is quoted as evidence, with a text in it.
fn record(second: usize, text: &str) -> String {
    format!(
        "2024-05-22T03:{:02}:{:02}Z n1 kubelet[8]: E0522 03:14:05.000000     8 kuberuntime_image.go:43] \"Failed to pull image\" err=\"write /x: no space left on device\" image=\"shop/c{second}:v9\" {text}\n",
        second / 60,
        second % 60
    )
}

fn samples(grammars: &Grammars) -> Vec<(&str, String, Vec<String>)> {
    grammars
        .secrets
        .secret
        .iter()
        .flat_map(|(kind, secret)| {
            secret.sample.iter().map(move |sample| {
                let plain = |text: &str| text.replace('¦', "");
                let hidden = sample.hidden.iter().map(|h| plain(h)).collect();
                (kind.as_str(), plain(&sample.text), hidden)
            })
        })
        .collect()
}

#[test]
fn no_secret_of_the_table_leaves_by_any_output_and_no_look_alike_is_touched() {
    let grammars = Grammars::embedded().expect("grammars");
    let mut mistakes = Vec::new();
    let text = &grammars.files["secrets.toml"];
    grammars.secrets.check("secrets.toml", text, &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let secrets = samples(&grammars);
    let look_alikes: Vec<&str> = grammars
        .secrets
        .secret
        .values()
        .flat_map(|s| s.look_alike.iter().map(|l| l.text.as_str()))
        .collect();
    assert!(
        secrets.len() >= 25 && look_alikes.len() >= 20,
        "{} secrets, {} look-alikes",
        secrets.len(),
        look_alikes.len()
    );
    let mut log = String::new();
    for (index, (_, text, _)) in secrets.iter().enumerate() {
        log.push_str(&record(index * 20, text));
    }
    let body = r#"{"kind":"Secret","apiVersion":"v1","data":{"user":"YWRtaW5pc3RyYXRvcg==","pass":"aHVudGVyMg=="}}"#;
    log.push_str(&record(secrets.len() * 20, body));
    for (index, text) in look_alikes.iter().enumerate() {
        log.push_str(&record((secrets.len() + 1 + index) * 20, text));
    }
    let folder = incident(&[("kubelet.log", log.as_bytes())]);
    let outputs = outputs(folder.path(), &[]);
    let mut values: Vec<(&str, &str)> = vec![
        ("secret-body", "YWRtaW5pc3RyYXRvcg=="),
        ("secret-body", "aHVudGVyMg=="),
    ];
    for (kind, _, hidden) in &secrets {
        values.extend(hidden.iter().map(|value| (*kind, value.as_str())));
    }
    for (name, output) in &outputs {
        for (kind, value) in &values {
            // JSON and HTML write some characters differently: every piece of a value must be missing.
            let longest = value
                .split(['"', '\\', '<', '>', '&', '\'', ' ', '+', '='])
                .max_by_key(|piece| piece.len())
                .expect("a piece");
            assert!(
                !output.contains(longest),
                "{kind}: {longest} stands in {name}"
            );
        }
    }
    let json: serde_json::Value =
        serde_json::from_str(outputs[2].1.lines().next().expect("a line")).expect("JSON");
    let texts: Vec<&str> = json["signals"]
        .as_array()
        .expect("signals")
        .iter()
        .flat_map(|s| s["evidence"].as_array().expect("evidence"))
        .filter_map(|e| e["text"].as_str())
        .collect();
    for look_alike in &look_alikes {
        assert!(
            texts
                .iter()
                .any(|text| text.ends_with(look_alike.trim_end())),
            "{look_alike} was touched"
        );
    }
    let hidden = json["redaction"]["hidden"].as_object().expect("kinds");
    let places: u64 = hidden
        .values()
        .filter_map(|row| row["places"].as_u64())
        .sum();
    assert_eq!(places as usize, values.len(), "{hidden:?}");
    for (kind, _, _) in &secrets {
        assert!(hidden.contains_key(*kind), "{kind} is not counted");
    }
    // Same input, same bytes: pseudonyms, too. Shown where it is asked for.
    assert_eq!(json, crate::common::report(folder.path()));
    assert!(as_json(folder.path(), &["--redact", "none"]).contains("hunter2"));
}

#[test]
fn ranges_and_hashes_stay_those_of_the_original_and_the_place_is_marked() {
    let log = record(1, "password=hunter2 Authorization: Bearer abcdef0123456789");
    let folder = incident(&[("kubelet.log", log.as_bytes())]);
    let json = crate::common::report(folder.path());
    let signal = &json["signals"][0];
    let evidence = &signal["evidence"][0];
    assert_eq!(evidence["redacted"], true);
    let text = evidence["text"].as_str().expect("text");
    assert!(text.contains("password=[redacted:password:"), "{text}");
    let (from, to) = (
        evidence["byte"][0].as_u64().expect("from") as usize,
        evidence["byte"][1].as_u64().expect("to") as usize,
    );
    assert_eq!(
        evidence["sha256"],
        rootline::model::hash::of(&log.as_bytes()[from..to])
    );
}

#[test]
fn a_value_has_one_pseudonym_a_key_makes_others_and_what_was_recognised_once_is_hidden_everywhere()
{
    let token = "Zx9abcDEF1234567890";
    let log = record(1, &format!("client_secret={token}"))
        + &record(80, &format!("retry with {token} failed"))
        + &record(160, "client_secret=Zx9abcDEF1234567891");
    let folder = incident(&[("kubelet.log", log.as_bytes())]);
    let marks = |extra: &[&str]| -> Vec<String> {
        let path = folder.path().display().to_string();
        let mut all = vec!["signals", path.as_str(), "--output", "ndjson"];
        all.extend(extra);
        let text = String::from_utf8(run(&all, 0).stdout).expect("UTF-8");
        assert!(!text.contains(token), "{text}");
        text.split("[redacted:credential:")
            .skip(1)
            .map(|rest| rest[..10].to_owned())
            .collect()
    };
    let plain = marks(&[]);
    assert_eq!(plain.len(), 3, "{plain:?}");
    assert_eq!(plain[0], plain[1]);
    assert_ne!(plain[0], plain[2]);
    let keyed = marks(&["--redact-key", "ours"]);
    assert_eq!(keyed, marks(&["--redact-key", "ours"]));
    assert_ne!(keyed, marks(&["--redact-key", "theirs"]));
    assert_ne!(keyed, plain);
}

#[test]
fn addresses_and_names_are_hidden_on_request_and_stay_joined() {
    let log = record(1, "dial tcp 10.1.2.3:443 by jane@mail.example from /home/jdoe, lookup db.shop.internal on 10.1.2.3")
        .replace(" n1 ", " worker-7.shop.internal ");
    let folder = incident(&[("kubelet.log", log.as_bytes())]);
    let asked = ["--redact", "ips,emails,hosts,names"];
    for (name, text) in outputs(folder.path(), &asked) {
        let folder = folder.path().display().to_string();
        let text = text.replace(&folder, "");
        for value in ["10.1.2.3", "jane@", "jdoe", "db.shop", "worker-7"] {
            assert!(!text.contains(value), "{value} stands in {name}: {text}");
        }
    }
    // By default they stay: they are what a postmortem is about.
    let json = as_json(folder.path(), &[]);
    for value in [
        "10.1.2.3",
        "jane@mail.example",
        "db.shop.internal",
        "worker-7",
    ] {
        assert!(json.contains(value), "{value}");
    }
    // One pseudonym for the node, wherever it is named.
    let report: serde_json::Value =
        serde_json::from_str(&as_json(folder.path(), &asked)).expect("JSON");
    let node = report["signals"][0]["entities"]["node"]
        .as_str()
        .expect("a node");
    assert!(node.starts_with("host-"), "{node}");
    let text = report["signals"][0]["evidence"][0]["text"]
        .as_str()
        .expect("text");
    assert!(text.contains(node), "{text}");
}

#[test]
fn one_line_is_explained_without_its_secrets() {
    let folder = incident(&[("kubelet.log", record(1, "password=hunter2").as_bytes())]);
    let place = format!("{}:1", folder.path().join("kubelet.log").display());
    let text = String::from_utf8(run(&["explain", &place], 0).stdout).expect("UTF-8");
    assert!(
        !text.contains("hunter2") && text.contains("[redacted:password:"),
        "{text}"
    );
    let text =
        String::from_utf8(run(&["explain", &place, "--redact", "none"], 0).stdout).expect("UTF-8");
    assert!(text.contains("hunter2"), "{text}");
}

#[test]
fn a_private_kind_of_secret_is_added_without_rust() {
    let grammars = incident(&[(
        "secrets.toml",
        "[secret.acme]\nabout = \"ours\"\nsource = \"ours\"\nkeyword = [\"acme_\"]\npattern = ['\\b(?P<secret>acme_[a-z]{8})\\b']\n\n[[secret.acme.sample]]\ntext = \"with acme_abcdefgh\"\nhidden = [\"acme_abcdefgh\"]\n".as_bytes(),
    )]);
    let directory = grammars.path().display().to_string();
    run(&["grammar", "check", &directory], 0);
    let folder = incident(&[("kubelet.log", record(1, "acme_abcdefgh").as_bytes())]);
    let path = folder.path().display().to_string();
    let text = String::from_utf8(
        run(
            &[
                "signals",
                &path,
                "--output",
                "ndjson",
                "--grammars",
                &directory,
            ],
            0,
        )
        .stdout,
    )
    .expect("UTF-8");
    assert!(
        text.contains("[redacted:acme:") && !text.contains("acme_abcdefgh"),
        "{text}"
    );
    std::fs::write(
        grammars.path().join("secrets.toml"),
        "[secret.acme]\nabout = \"ours\"\nsource = \"ours\"\nkeyword = [\"acme_\"]\npattern = ['acme_[a-z']\n",
    )
    .expect("a file");
    let broken = run(&["grammar", "check", &directory], 1);
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(
        said.contains("the pattern of \"acme\" cannot be read"),
        "{said}"
    );
}

/// Texts that look like tokens: long, mixed, with capitals and digits, or with a known beginning.
fn token_like(text: &str) -> Vec<String> {
    const BEGINNINGS: &[&str] = &[
        "ghp_",
        "glpat-",
        "AKIA",
        "ASIA",
        "xoxb-",
        "eyJhbGciOi",
        "Bearer ey",
        "-----BEGIN RSA PRIVATE",
        "-----BEGIN PRIVATE",
        "-----BEGIN EC PRIVATE",
        "hvs.",
        "dckr_pat_",
    ];
    BEGINNINGS
        .iter()
        .filter(|b| text.contains(**b))
        .map(|b| (*b).to_owned())
        .collect()
}

#[test]
fn recorded_incidents_leave_no_token_and_lose_no_digest() {
    let captures = root().join("../shared/captures");
    let mut folders = crate::common::samples();
    if let Ok(found) = std::fs::read_dir(captures) {
        let mut more: Vec<_> = found
            .filter_map(|e| Some(e.ok()?.path()))
            .filter(|p| p.is_dir())
            .collect();
        more.sort();
        folders.extend(more.into_iter().take(3));
    }
    for folder in folders {
        let path = folder.display().to_string();
        let shown = String::from_utf8(
            run(
                &["signals", &path, "--output", "ndjson", "--redact", "none"],
                0,
            )
            .stdout,
        )
        .expect("UTF-8");
        let hidden = String::from_utf8(run(&["signals", &path, "--output", "ndjson"], 0).stdout)
            .expect("UTF-8");
        assert_eq!(token_like(&hidden), Vec::<String>::new(), "{path}");
        let digests = |text: &str| text.matches("sha256:").count();
        assert_eq!(digests(&shown), digests(&hidden), "{path}");
    }
}
