//! What people add, and how they appear: `rootline init`, text that survives, corrections, roles, and the words of our own templates.

use crate::common::{copy_of, root, run, samples};

fn page(path: &std::path::Path, more: &[&str]) -> String {
    text(path, "html", more)
}

fn text(path: &std::path::Path, format: &str, more: &[&str]) -> String {
    let path = path.display().to_string();
    let mut arguments = vec!["report", path.as_str(), "--format", format, "-o", "-"];
    arguments.extend(more);
    String::from_utf8(run(&arguments, 0).stdout).expect("UTF-8")
}

fn awaiting(page: &str) -> usize {
    page.split(" sections await you")
        .next()
        .and_then(|before| before.rsplit('>').next())
        .and_then(|count| count.split(' ').next())
        .and_then(|count| count.parse().ok())
        .unwrap_or(0)
}

#[test]
fn init_writes_a_skeleton_once_and_changes_nothing_on_the_page_but_where_it_is_read() {
    let folder = copy_of(&root().join("samples/awesome-app-2024-05-22"));
    let before = page(folder.path(), &[]);
    let path = folder.path().display().to_string();
    run(&["init", &path], 0);
    let fields = folder.path().join("rootline.toml");
    let notes = folder.path().join("notes.md");
    assert!(fields.is_file() && notes.is_file());
    let after = page(folder.path(), &[]);
    assert_eq!(awaiting(&before), awaiting(&after));
    assert!(awaiting(&before) > 3, "{}", awaiting(&before));
    std::fs::write(&fields, "[postmortem]\nowner = \"Ops\"\n").expect("written");
    run(&["init", &path], 0);
    assert_eq!(
        std::fs::read_to_string(&fields).expect("text"),
        "[postmortem]\nowner = \"Ops\"\n",
        "what people wrote is never written over"
    );
    run(&["init", "no/such/directory"], 1);
}

#[test]
fn what_people_write_is_shown_as_theirs_counts_as_done_and_is_no_evidence() {
    let folder = copy_of(&root().join("samples/awesome-app-2024-05-22"));
    let before = page(folder.path(), &[]);
    let found = crate::common::report(folder.path());
    std::fs::write(
        folder.path().join("rootline.toml"),
        "[postmortem]\nid = \"INC-7\"\nseverity = \"SEV-2\"\nowner = \"Ops\"\nreviewers = [\"Platform\"]\n[impact]\ncustomers = \"Nobody noticed\"\n[lessons]\nwent_well = [\"a\"]\nwent_badly = [\"b\"]\nlucky = [\"c\"]\n[[correction]]\nrecord = \"incident.log:2\"\nsays = \"not part of this\"\nbecause = \"a drill\"\n[[correction]]\nsignal = \"s999\"\nsays = \"gone\"\n[[action]]\nid = \"ours\"\ntext = \"Try the runbook\"\nclass = \"process\"\nowner = \"Ops\"\ndue = \"2024-06-30\"\n",
    )
    .expect("written");
    std::fs::write(
        folder.path().join("notes.md"),
        "## Root cause\nWe think **this** <script>x</script>\n\n2024-05-22T03:20:00Z kubelet: no space left on device\n",
    )
    .expect("written");
    for format in ["html", "md"] {
        let text = text(folder.path(), format, &[]);
        for shown in [
            "INC-7",
            "SEV-2",
            "Nobody noticed",
            "not part of this",
            "a drill",
            "Try the runbook",
            "No such signal is in this report",
        ] {
            assert!(text.contains(shown), "{format}: {shown}");
        }
    }
    let after = page(folder.path(), &[]);
    assert!(awaiting(&after) < awaiting(&before));
    assert!(after.contains("Written by people") && after.contains("<b>this</b>"));
    assert!(!after.contains("<script>x"));
    assert!(
        after.contains("class=\"cite corrected\""),
        "a correction stands beside every citation"
    );
    assert_eq!(
        after,
        page(folder.path(), &[]),
        "written again, it is the same"
    );
    let again = crate::common::report(folder.path());
    for key in ["signals", "cascades", "conditions", "metrics", "ledger"] {
        assert_eq!(
            found[key], again[key],
            "{key}: people's text is no evidence"
        );
    }
    assert_eq!(found["generator"]["inputs"], again["generator"]["inputs"]);
    assert_eq!(again["human"]["postmortem"]["id"], "INC-7");
    std::fs::write(
        folder.path().join("rootline.toml"),
        "[postmortem]\nid = 7\n",
    )
    .expect("written");
    assert!(page(folder.path(), &[]).contains("rootline.toml (line 2): nothing of it was used"));
}

#[test]
fn names_are_shown_only_where_somebody_asks_and_the_page_says_so() {
    let folder = crate::common::incident(&[(
        "deploy.log",
        "[2024-05-22 03:14:02] INFO: Deployment triggered by ‘Jane_Doe_1’\n".as_bytes(),
    )]);
    let map = folder.path().join("who.toml");
    for format in ["html", "md", "json"] {
        let hidden = text(folder.path(), format, &[]);
        assert!(
            !hidden.contains("Jane_Doe_1") && hidden.contains("Developer A"),
            "{format}"
        );
        let shown = text(folder.path(), format, &["--reveal-identities"]);
        assert!(shown.contains("Jane_Doe_1"), "{format}");
        let stamp = if format == "json" {
            "\"identities\":\"revealed\""
        } else {
            "Names are shown"
        };
        assert!(shown.contains(stamp) && !hidden.contains(stamp), "{format}");
    }
    assert!(!map.exists());
    text(
        folder.path(),
        "json",
        &["--role-map", &map.display().to_string()],
    );
    let map = std::fs::read_to_string(map).expect("a map");
    assert!(map.contains("\"Developer A\" = \"Jane_Doe_1\""), "{map}");
}

#[test]
fn sections_stand_in_the_same_order_on_the_page_and_in_markdown() {
    const ORDER: &[&str] = &[
        "Summary",
        "The cascade",
        "Impact and blast radius",
        "Metrics",
        "Timeline",
        "Root cause",
        "Detection",
        "Resolution and recovery",
        "What went well, and where we were lucky",
        "Action items",
        "Similar past incidents",
        "Contradictions, gaps and open questions",
        "Sources and ledger",
        "Glossary",
        "Raw evidence",
    ];
    for sample in samples() {
        for (format, mark) in [("html", "<h2>"), ("md", "\n## ")] {
            let text = text(&sample, format, &[]);
            let found: Vec<String> = text
                .split(mark)
                .skip(1)
                .map(|rest| {
                    rest.split(['<', '\n'])
                        .next()
                        .unwrap_or_default()
                        .trim()
                        .to_owned()
                })
                .collect();
            assert_eq!(found, ORDER, "{} {format}", sample.display());
        }
    }
}

#[test]
fn the_summary_fits_on_one_screen() {
    for sample in samples() {
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join("p.html").display().to_string();
        let output = run(&["report", &sample.display().to_string(), "-o", &to], 0);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.lines().count() <= 24, "{}\n{text}", sample.display());
        for line in text.lines() {
            assert!(
                line.chars().count() <= 80 || line.trim().split(' ').count() <= 2,
                "{line}"
            );
        }
    }
}

/// Says every line that blames somebody.
fn blaming(text: &str) -> Vec<String> {
    const NEVER: &[&str] = &[
        "human error",
        "operator error",
        "user error",
        "pilot error",
        "should have",
        "shouldn't have",
        "ought to have",
        "forgot to",
        "neglected",
        "negligen",
        "careless",
        "at fault",
        "to blame",
        "whose fault",
        "incompetent",
    ];
    const PEOPLE: &[&str] = &[
        "engineer",
        "operator",
        "developer",
        "responder",
        "person",
        "people",
        "team",
        "on-call",
        "somebody",
        "someone",
        "nobody",
        "who",
        "we",
        "they",
        "user",
        "admin",
    ];
    let mut found = Vec::new();
    for line in text.lines() {
        let lower = line.to_lowercase();
        let failed = lower.find("failed to").is_some_and(|at| {
            lower[..at]
                .split(|c: char| !c.is_alphanumeric() && c != '-')
                .rev()
                .filter(|w| !w.is_empty())
                .take(3)
                .any(|w| PEOPLE.contains(&w.trim_end_matches('s')) || PEOPLE.contains(&w))
        });
        if failed || NEVER.iter().any(|n| lower.contains(n)) {
            found.push(line.trim().to_owned());
        }
    }
    found
}

#[test]
fn our_own_words_blame_nobody() {
    assert_eq!(
        blaming(
            "The engineer failed to notice.\nIt should have been seen.\nthe kubelet failed to pull"
        )
        .len(),
        2
    );
    let mut wrong = Vec::new();
    for folder in [
        "reports",
        "src/render",
        "src/assess",
        "src/correlate",
        "src/wire",
        "grammars/mechanisms",
        "grammars/cascades",
    ] {
        for entry in walkdir::WalkDir::new(root().join(folder)).sort_by_file_name() {
            let entry = entry.expect("an entry");
            if entry.file_type().is_file() {
                let text = std::fs::read_to_string(entry.path()).expect("text");
                for line in blaming(&text) {
                    wrong.push(format!("{}: {line}", entry.path().display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
