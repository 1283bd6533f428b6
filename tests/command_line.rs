//! The command line itself: help, suggestions, settings and where they come from, completions in real shells, manual pages, the schema.
//!
//! `INSTA_UPDATE=always cargo test command_line` rewrites the recorded help in `tests/help`; read the diff.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{incident, root, rootline, run, samples};

const LINE: &[u8] = b"E0522 03:15:44.123456     812 kubelet.go:43] \"Recording event message for node\" node=\"n1\" event=\"NodeHasDiskPressure\"\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns every command, as the help itself lists them.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = found.get(next).cloned() {
        next += 1;
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("-h");
        let help = text(&run(&arguments, 0).stdout);
        let Some((_, list)) = help.split_once("Commands:\n") else {
            continue;
        };
        for line in list.lines().take_while(|l| l.starts_with("  ")) {
            let name = line.split_whitespace().next().expect("a name");
            if !line.starts_with("    ") && name != "help" {
                let mut inner = command.clone();
                inner.push(name.to_owned());
                found.push(inner);
            }
        }
    }
    found
}

#[test]
fn all_help_is_as_recorded() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let usual = manifest
        .lines()
        .any(|l| l.starts_with("default") && l.contains("\"batch\""));
    if cfg!(feature = "batch") != usual {
        eprintln!("skipped: help is recorded with the usual features");
        return;
    }
    let update = std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always");
    let folder = root().join("tests/help");
    let mut recorded: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for command in commands() {
        let mut name = vec!["rootline".to_owned()];
        name.extend(command.clone());
        let mut shown = String::new();
        for flag in ["-h", "--help"] {
            let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            arguments.push(flag);
            shown.push_str(&format!("$ {} {flag}\n", name.join(" ")));
            shown.push_str(&text(&run(&arguments, 0).stdout));
            shown.push('\n');
        }
        assert!(
            shown.lines().all(|l| l.chars().count() <= 110),
            "{name:?}: a line of help is too long for a terminal"
        );
        let file = format!("{}.txt", name.join("-"));
        if update {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join(&file), &shown).expect("written");
        } else if std::fs::read_to_string(folder.join(&file)).unwrap_or_default() != shown {
            wrong.push(file.clone());
        }
        recorded.push(file);
    }
    for entry in std::fs::read_dir(&folder).expect("tests/help") {
        let name = entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned();
        if !recorded.contains(&name) {
            wrong.push(format!("{name} (no such command)"));
        }
    }
    assert!(
        wrong.is_empty(),
        "the help differs from tests/help; INSTA_UPDATE=always rewrites it: {wrong:?}"
    );
}

#[test]
fn every_command_and_option_is_explained() {
    for command in commands() {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["-h"]).collect();
        let help = text(&run(&arguments, 0).stdout);
        let lines: Vec<&str> = help.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let trimmed = line.trim_start();
            if line.starts_with("  ") && trimmed.starts_with('-') && !trimmed.contains("  ") {
                // The text stands on the next line where the option is long.
                assert!(
                    lines
                        .get(at + 1)
                        .is_some_and(|l| l.starts_with("          ")),
                    "{command:?}: {line}"
                );
            }
        }
        assert!(help.contains("Examples:\n"), "{command:?} has no example");
    }
}

#[test]
fn a_mistyped_name_is_suggested() {
    for (arguments, code, meant) in [
        (vec!["raport", "x"], 2, "'report'"),
        (vec!["report", "x", "--formt", "md"], 2, "'--format'"),
        (vec!["signals", "x", "--output", "ndjso"], 2, "'ndjson'"),
        (vec!["explain", "pull_faild"], 2, "\"pull-failed\""),
        (vec!["grammar", "show", "klog-txt"], 2, "\"klog-text\""),
        (
            vec!["report", "sampels/death-spiral"],
            1,
            "there is no \"sampels\" either",
        ),
        (
            vec!["report", "samples/deth-spiral"],
            1,
            "\"samples/death-spiral\"",
        ),
    ] {
        let said = text(&run(&arguments, code).stderr);
        assert!(said.contains(meant), "{arguments:?}: {said}");
    }
}

#[test]
fn what_was_not_meant_is_not_suggested() {
    for (arguments, code, said, not) in [
        (
            vec!["explain", "no/such.log:3"],
            1,
            "cannot read \"no/such.log\"",
            "grammar",
        ),
        (
            vec!["explain", "samples/awesome-app-2024-05-22/incident.log"],
            2,
            "which of its lines?",
            "did you mean",
        ),
        (
            vec!["explain", "samples/awesome-app-2024-05-22:1"],
            1,
            "it is a directory",
            "did you mean",
        ),
        (
            vec!["grammar", "show", "nope"],
            2,
            "`rootline grammar list`",
            "did you mean",
        ),
        (
            vec!["init", "samples/awesome-app-2024-05-22/incident.log"],
            2,
            "is a file",
            "there is no such",
        ),
    ] {
        let shown = text(&run(&arguments, code).stderr);
        assert!(
            shown.contains(said) && !shown.contains(not),
            "{arguments:?}: {shown}"
        );
    }
    let folder = incident(&[("heap.bin", &[0, 159, 146, 150].repeat(5_000))]);
    let place = format!("{}:1", folder.path().join("heap.bin").display());
    let shown = text(&run(&["explain", &place], 1).stderr);
    assert!(shown.contains("it is no text"), "{shown}");
}

#[test]
fn each_value_says_where_it_comes_from() {
    let home = incident(&[(
        "rootline/config.toml",
        b"[options]\nzone = \"+01:00\"\nyear = 2021\njobs = 2\n",
    )]);
    let folder = incident(&[
        ("kubelet.log", LINE),
        ("rootline.toml", b"[incident]\ntitle = \"somebody else's\"\n\n[options]\nyear = 2022\nnode-of = [\"*=n1\"]\nsince = 2020-01-01T00:00:00Z\n"),
    ]);
    let shown = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = rootline();
        command
            .args(["config", "show"])
            .arg(folder.path())
            .args(arguments);
        command
            .env("XDG_CONFIG_HOME", home.path())
            .envs(variables.iter().copied());
        let output = command.output().expect("runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let row = |shown: &str, name: &str| {
        shown
            .lines()
            .find(|l| l.split_whitespace().next() == Some(name))
            .unwrap_or_else(|| panic!("{name} in {shown}"))
            .split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let plain = shown(&[], &[]);
    let user = home
        .path()
        .join("rootline/config.toml")
        .display()
        .to_string();
    let own = folder.path().join("rootline.toml").display().to_string();
    assert_eq!(row(&plain, "zone"), format!("+01:00 {user}"));
    assert_eq!(
        row(&plain, "year"),
        format!("2022 {own}"),
        "the incident's wins over the user's"
    );
    assert_eq!(row(&plain, "node-of"), format!("*=n1 {own}"));
    assert_eq!(row(&plain, "since"), format!("2020-01-01T00:00:00Z {own}"));
    assert_eq!(row(&plain, "jobs"), format!("2 {user}"));
    assert!(row(&plain, "until").starts_with("- not set"));
    assert!(
        row(&plain, "quiet").starts_with("- not set")
            && row(&plain, "kubectl").starts_with("- not set")
    );
    let quiet = shown(&[], &[("ROOTLINE_QUIET", "1"), ("ROOTLINE_KUBECTL", "oc")]);
    assert_eq!(row(&quiet, "quiet"), "yes ROOTLINE_QUIET");
    assert_eq!(row(&quiet, "kubectl"), "oc ROOTLINE_KUBECTL");
    let set = shown(
        &["--zone", "-05:00"],
        &[
            ("ROOTLINE_YEAR", "2023"),
            ("ROOTLINE_ZONE", "+09:00"),
            ("ROOTLINE_YAER", "1"),
        ],
    );
    assert_eq!(row(&set, "year"), "2023 ROOTLINE_YEAR");
    assert_eq!(
        row(&set, "zone"),
        "-05:00 --zone",
        "an argument wins over a variable"
    );
    assert!(
        set.contains("ROOTLINE_YAER means nothing to Rootline; did you mean ROOTLINE_YEAR?"),
        "{set}"
    );
    let none = shown(&["--no-config"], &[]);
    assert!(
        none.contains("not looked for") && row(&none, "year").starts_with("- not set"),
        "{none}"
    );
}

#[test]
fn settings_have_the_effect_of_the_options() {
    let at = |file: &str, variables: &[(&str, &str)], arguments: &[&str]| {
        let folder = incident(&[("kubelet.log", LINE), ("rootline.toml", file.as_bytes())]);
        let output = rootline()
            .args(["signals", "--output", "ndjson"])
            .arg(folder.path())
            .args(arguments)
            .envs(variables.iter().copied())
            .output()
            .expect("runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let signal: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one signal");
        signal["at"].as_str().map(str::to_owned)
    };
    let year = "[options]\nyear = 2022\nzone = \"+02:00\"\n";
    assert_eq!(at("", &[], &[]), None);
    assert_eq!(
        at(year, &[], &[]).as_deref(),
        Some("2022-05-22T01:15:44.123456Z")
    );
    assert_eq!(
        at(year, &[("ROOTLINE_YEAR", "2023")], &[]).as_deref(),
        Some("2023-05-22T01:15:44.123456Z")
    );
    assert_eq!(
        at(
            year,
            &[("ROOTLINE_YEAR", "2023")],
            &["--year", "2024", "--zone", "UTC"]
        )
        .as_deref(),
        Some("2024-05-22T03:15:44.123456Z")
    );
    assert_eq!(at(year, &[], &["--no-config"]), None);
}

#[test]
fn mistakes_in_settings_say_file_reason_and_remedy() {
    for (file, said) in [
        (
            "[options]\nzon = \"x\"\n",
            &["there is no setting \"zon\"", "did you mean \"zone\"?"][..],
        ),
        (
            "[options]\nzone = \"x\"\n",
            &[
                "\"x\" is no value of zone: not an offset",
                "zone = \"+02:00\"",
            ],
        ),
        (
            "[options]\nyear = [1]\n",
            &["\"year\" cannot be array", "year = 2024"],
        ),
        (
            "[options]\nyear = 20240\n",
            &["\"20240\" is no value of year", "year = 2024"],
        ),
        (
            "[options\n",
            &["TOML parse error at line 1", "settings are TOML"],
        ),
        ("options = 1\n", &["\"options\" is not a table"]),
        (
            "[options]\njobs = 3\n",
            &["who reads the incident, not of the incident"],
        ),
        (
            "[options]\ngrammars = [\"../elsewhere\"]\n",
            &["lies outside of the incident"],
        ),
        (
            "[options]\ngrammars = [\"/etc\"]\n",
            &["lies outside of the incident"],
        ),
    ] {
        let folder = incident(&[("kubelet.log", LINE), ("rootline.toml", file.as_bytes())]);
        let path = folder.path().display().to_string();
        let output = text(&run(&["signals", &path], 2).stderr);
        assert!(output.contains("rootline.toml"), "{file}: {output}");
        for said in said {
            assert!(output.contains(said), "{file}: {output}");
        }
        run(&["signals", &path, "--no-config"], 0);
    }
    // All mistakes of a file at once, each with its line; also those that stand in the wrong place.
    let folder = incident(&[
        ("kubelet.log", LINE),
        ("rootline.toml", b"year = 2024\n[postmortem]\nid = \"1\"\n[options]\nyeer = 2024\nzoone = \"+02:00\"\nnode-of = [\"*=n1\"]\n[option]\n"),
    ]);
    let path = folder.path().display().to_string();
    let said = text(&run(&["signals", &path], 2).stderr);
    for line in [
        "line 1: \"year\" stands outside of [options]",
        "line 5: there is no setting \"yeer\"",
        "line 6: there is no setting \"zoone\"",
        "line 8: \"option\" is no table of settings",
        "did you mean \"zone\"?",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let folder = incident(&[
        ("kubelet.log", LINE),
        ("rootline.toml", b"[options]\nnode-of = [\"worker-a\"]\n"),
    ]);
    let path = folder.path().display().to_string();
    let said = text(&run(&["signals", &path], 2).stderr);
    assert!(
        said.contains("rootline.toml\": \"worker-a\" is no value of node-of: not GLOB=NODE"),
        "{said}"
    );
    // A variable is named, not the option that nobody typed.
    let with = |variable: &str, value: &str, arguments: &[&str]| {
        let mut command = rootline();
        command
            .args(["signals", "samples/awesome-app-2024-05-22"])
            .args(arguments)
            .env(variable, value);
        let output = command.output().expect("runs");
        (output.status.code(), text(&output.stderr))
    };
    for (variable, value, why) in [
        (
            "ROOTLINE_YEAR",
            "abc",
            "the variable ROOTLINE_YEAR: \"abc\" is no value of year",
        ),
        (
            "ROOTLINE_COLOR",
            "sometimes",
            "the variable ROOTLINE_COLOR: \"sometimes\" is no value of color: known are auto, always, never",
        ),
        (
            "ROOTLINE_LIMIT",
            "line-bytes=2MiB,members=x",
            "the variable ROOTLINE_LIMIT: \"members=x\"",
        ),
        (
            "ROOTLINE_CONFIG",
            "/no/such/file",
            "ROOTLINE_CONFIG names \"/no/such/file\"",
        ),
    ] {
        let (code, said) = with(variable, value, &[]);
        assert!(code == Some(2) && said.contains(why), "{variable}: {said}");
    }
    let (_, said) = with("ROOTLINE_YEAR", "2024", &["--year", "abc"]);
    assert!(said.contains("'--year <YEAR>'"), "{said}");
    // Two incidents that disagree are asked about, and an argument settles it.
    let a = incident(&[
        ("kubelet.log", LINE),
        ("rootline.toml", b"[options]\nyear = 2022\n"),
    ]);
    let b = incident(&[
        ("kubelet.log", LINE),
        ("rootline.toml", b"[options]\nyear = 2023\n"),
    ]);
    let paths = [
        a.path().display().to_string(),
        b.path().display().to_string(),
    ];
    let said = text(&run(&["signals", &paths[0], &paths[1]], 2).stderr);
    assert!(
        said.contains("disagree on year") && said.contains("--year"),
        "{said}"
    );
}

#[test]
fn colours_and_links_come_when_they_are_asked_for() {
    let sample = "samples/awesome-app-2024-05-22";
    let shown = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = rootline();
        command
            .args(["timeline", sample])
            .args(arguments)
            .envs(variables.iter().copied());
        text(&command.output().expect("runs").stdout)
    };
    assert!(
        !shown(&[], &[]).contains('\u{1b}'),
        "no terminal, no colour"
    );
    let coloured = shown(&["--color", "always"], &[]);
    assert!(coloured.contains("\u{1b}[") && !coloured.contains("\u{1b}]8"));
    assert!(shown(&[], &[("ROOTLINE_COLOR", "always")]).contains("\u{1b}["));
    assert!(!shown(&["--color=never"], &[("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
    let linked = shown(&["--color", "always", "--hyperlinks", "always"], &[]);
    let target = format!(
        "\u{1b}]8;;file://{}/{sample}/incident.log\u{1b}\\",
        root().display()
    );
    assert!(linked.contains(&target), "{linked:?}");
    assert!(
        !shown(&["--hyperlinks", "always"], &[]).contains('\u{1b}'),
        "links are escapes, too"
    );
    let failure = rootline()
        .args(["--color=always", "raport"])
        .output()
        .expect("runs");
    assert!(
        text(&failure.stderr).contains("\u{1b}["),
        "wrong usage is coloured as well"
    );
}

#[cfg(unix)]
#[test]
fn open_hands_the_page_to_the_desktop() {
    use std::os::unix::fs::PermissionsExt;
    let folder = incident(&[("bin/xdg-open", b"#!/bin/sh\necho \"$1\" > \"$OPENED\"\n")]);
    let opener = folder.path().join("bin/xdg-open");
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    let (page, opened) = (
        folder.path().join("page.html"),
        folder.path().join("opened"),
    );
    let output = rootline()
        .args(["report", "samples/quiet-day", "--open", "-o"])
        .arg(&page)
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", folder.path().join("bin").display()),
        )
        .env("OPENED", &opened)
        .output()
        .expect("runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    for _ in 0..100 {
        if opened.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let named = std::fs::read_to_string(&opened).expect("the opener ran");
    assert_eq!(named.trim(), page.display().to_string());
    run(&["report", "samples/quiet-day", "--open", "-o", "-"], 2);
}

/// Runs a script in a shell; nothing where there is no such shell.
fn in_shell(shell: &str, arguments: &[&str], script: &str, directory: &Path) -> Option<String> {
    let mut command = Command::new(shell);
    command
        .args(arguments)
        .arg(script)
        .current_dir(directory)
        .stdin(Stdio::null());
    command
        .env_clear()
        .env("PATH", path_with_binary())
        .env("HOME", directory)
        .env("TERM", "dumb");
    match command.output() {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{shell}: {}{}",
                text(&output.stdout),
                text(&output.stderr)
            );
            Some(text(&output.stdout))
        }
        Err(_) => {
            eprintln!("skipped: there is no {shell} here");
            None
        }
    }
}

fn path_with_binary() -> String {
    let own = Path::new(env!("CARGO_BIN_EXE_rootline"))
        .parent()
        .expect("a folder")
        .display()
        .to_string();
    format!("{own}:{}", std::env::var("PATH").unwrap_or_default())
}

#[test]
fn completions_load_and_complete_in_real_shells() {
    let folder = tempfile::tempdir().expect("a folder");
    let bash = "source <(rootline completions bash)\nCOMP_WORDS=(rootline re); COMP_CWORD=1; _rootline rootline re rootline; echo \"${COMPREPLY[@]}\"\nCOMP_WORDS=(rootline report x --fo); COMP_CWORD=3; _rootline rootline --fo x; echo \"${COMPREPLY[@]}\"\nCOMP_WORDS=(rootline report x --color ''); COMP_CWORD=4; _rootline rootline '' --color; echo \"${COMPREPLY[@]}\"\n";
    if let Some(said) = in_shell("bash", &["-c"], bash, folder.path()) {
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines, ["report", "--format", "auto always never"]);
    }
    let zsh = "rootline completions zsh > _rootline\nfpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D\nprint $_comps[rootline]\nautoload +X _rootline; whence -w _rootline\nzsh -n _rootline && print sound\n";
    if let Some(said) = in_shell("zsh", &["-f", "-c"], zsh, folder.path()) {
        assert_eq!(said, "_rootline\n_rootline: function\nsound\n");
    }
    let fish = "rootline completions fish | source; complete -C 'rootline re' | string split -f1 \\t; complete -C 'rootline report --fo' | string split -f1 \\t";
    if let Some(said) = in_shell("fish", &["--no-config", "-c"], fish, folder.path()) {
        assert_eq!(said, "report\n--format\n");
    }
    let power = text(&run(&["completions", "powershell"], 0).stdout);
    assert!(power.contains("Register-ArgumentCompleter -Native -CommandName 'rootline'"));
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("man1");
    run(&["man", "-o", &directory.display().to_string()], 0);
    for command in commands() {
        let mut name = vec!["rootline".to_owned()];
        name.extend(command);
        let page = std::fs::read_to_string(directory.join(format!("{}.1", name.join("-"))))
            .unwrap_or_else(|e| panic!("{name:?}: {e}"));
        assert!(page.contains(&format!(".TH {}", name.join("-"))), "{page}");
        // What a person would read, where there is something that formats it.
        let checked = Command::new("man")
            .args(["--warnings", "-l", "-E", "UTF-8", "-"])
            .env("MANWIDTH", "100")
            .stdin(
                std::fs::File::open(directory.join(format!("{}.1", name.join("-"))))
                    .expect("a page"),
            )
            .output();
        if let Ok(output) = checked.as_ref().map_err(|_| ())
            && output.status.success()
        {
            assert!(text(&output.stdout).contains("NAME"), "{name:?}");
            assert_eq!(text(&output.stderr), "", "{name:?}");
        }
    }
    let report = std::fs::read_to_string(directory.join("rootline-report.1")).expect("a page");
    assert!(report.contains("ROOTLINE_YEAR"), "{report}");
    assert!(
        report.contains(".SH EXAMPLES") && !report.contains("EXTRA"),
        "{report}"
    );
    let first = run(&["man"], 0).stdout;
    assert_eq!(
        first,
        std::fs::read(directory.join("rootline.1")).expect("a page")
    );
}

/// Says what in a value is not as its schema tells. Knows the words that our schemas use, and fails on any other.
fn mismatches(
    value: &serde_json::Value,
    schema: &serde_json::Value,
    whole: &serde_json::Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let serde_json::Value::Object(words) = schema else {
        if schema == &serde_json::Value::Bool(false) {
            found.push(format!("{at}: not allowed"));
        }
        return;
    };
    for (word, want) in words {
        match word.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "format" | "default" => {}
            "$ref" => {
                let name = want
                    .as_str()
                    .and_then(|r| r.strip_prefix("#/$defs/"))
                    .expect("a local name");
                mismatches(value, &whole["$defs"][name], whole, at, found);
            }
            "type" => {
                let kinds: Vec<&str> = match want {
                    serde_json::Value::Array(kinds) => {
                        kinds.iter().filter_map(|k| k.as_str()).collect()
                    }
                    one => one.as_str().into_iter().collect(),
                };
                let is = |kind: &&str| match *kind {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("{other} is no type"),
                };
                if !kinds.iter().any(is) {
                    found.push(format!("{at}: {value} is not {kinds:?}"));
                }
            }
            "properties" => {
                for (name, inner) in want.as_object().expect("properties") {
                    if let Some(value) = value.get(name) {
                        mismatches(value, inner, whole, &format!("{at}.{name}"), found);
                    }
                }
                // A schema may allow more; ours must know every field that we write.
                for name in value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name)
                {
                    if want.get(name).is_none() {
                        found.push(format!("{at}: the schema has no {name}"));
                    }
                }
            }
            "required" => {
                for name in want
                    .as_array()
                    .expect("names")
                    .iter()
                    .filter_map(|n| n.as_str())
                {
                    if value.is_object() && value.get(name).is_none() {
                        found.push(format!("{at}: no {name}"));
                    }
                }
            }
            "additionalProperties" => {
                let named = |name: &str| {
                    words
                        .get("properties")
                        .is_some_and(|p| p.get(name).is_some())
                };
                let fields = value.as_object().into_iter().flatten();
                for (name, value) in fields.filter(|(name, _)| !named(name)) {
                    mismatches(value, want, whole, &format!("{at}.{name}"), found);
                }
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    mismatches(value, want, whole, &format!("{at}[{index}]"), found);
                }
            }
            "anyOf" => {
                let fits = want.as_array().expect("choices").iter().any(|choice| {
                    let mut inner = Vec::new();
                    mismatches(value, choice, whole, at, &mut inner);
                    inner.is_empty()
                });
                if !fits {
                    found.push(format!("{at}: fits none of {want}"));
                }
            }
            "enum" => {
                if !want.as_array().expect("words").contains(value) {
                    found.push(format!("{at}: {value} is none of {want}"));
                }
            }
            "const" => {
                if value != want {
                    found.push(format!("{at}: {value} is not {want}"));
                }
            }
            "minimum" => {
                if value
                    .as_f64()
                    .zip(want.as_f64())
                    .is_some_and(|(v, least)| v < least)
                {
                    found.push(format!("{at}: below {want}"));
                }
            }
            "minItems" | "maxItems" => {
                let (is, want) = (
                    value.as_array().map_or(0, Vec::len) as u64,
                    want.as_u64().expect("a number"),
                );
                if value.is_array()
                    && ((word == "minItems" && is < want) || (word == "maxItems" && is > want))
                {
                    found.push(format!("{at}: {is} items"));
                }
            }
            other => panic!("{at}: the schema says {other}, which this test does not know"),
        }
    }
}

#[test]
fn what_is_written_is_as_the_schema_says() {
    let schema = |what: &str| -> serde_json::Value {
        serde_json::from_slice(&run(&["schema", what], 0).stdout).expect("JSON")
    };
    let (of_report, of_signal) = (schema("report"), schema("signals"));
    // Words that are fixed are listed; those of the grammars are not.
    let word =
        |row: &str, field: &str| of_report["$defs"][row]["properties"][field]["enum"].clone();
    assert_eq!(
        word("CascadeRow", "confidence"),
        serde_json::json!(["certain", "probable", "possible", "unknown"])
    );
    for (row, field) in [
        ("LinkRow", "confidence"),
        ("CascadeRow", "spread"),
        ("ConditionRow", "status"),
        ("MetricRow", "status"),
        ("ClockRow", "status"),
        ("SignalRow", "time_basis"),
        ("FactorRow", "strength"),
        ("ActionRow", "class"),
    ] {
        assert!(word(row, field).is_array(), "{row}.{field}");
    }
    assert!(word("CascadeRow", "mechanism").is_null());
    assert_eq!(
        of_report["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    for sample in samples() {
        let report = crate::common::report(&sample);
        let mut found = Vec::new();
        mismatches(&report, &of_report, &of_report, "report", &mut found);
        assert!(found.is_empty(), "{}: {found:#?}", sample.display());
        // What is missing or of another type is noticed.
        for (field, value) in [
            ("schema", serde_json::Value::Null),
            ("signals", serde_json::Value::from(1)),
            ("identities", serde_json::Value::from("hidden")),
            ("extra", serde_json::Value::from(1)),
        ] {
            let mut broken = report.clone();
            if field == "schema" {
                broken.as_object_mut().expect("an object").remove(field);
            } else {
                broken[field] = value;
            }
            let mut found = Vec::new();
            mismatches(&broken, &of_report, &of_report, "report", &mut found);
            assert_eq!(found.len(), 1, "{field}: {found:?}");
        }
        let lines = run(
            &[
                "signals",
                &sample.display().to_string(),
                "--output",
                "ndjson",
            ],
            0,
        )
        .stdout;
        for line in text(&lines).lines() {
            let mut found = Vec::new();
            mismatches(
                &serde_json::from_str(line).expect("JSON"),
                &of_signal,
                &of_signal,
                "signal",
                &mut found,
            );
            assert!(found.is_empty(), "{found:?}");
        }
    }
}
