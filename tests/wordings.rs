//! Wordings of the catalogue: every message of the tables beside this file, in every envelope it may come in, says what its row says.
//!
//! A row is a template of a component's source with made-up values; `none` rows are messages that look like a signal and state none.
//! Each message is wrapped as its writer, a collector or a person would, so that a wording cannot lean on one envelope.

use rootline::grammar::Grammars;
use rootline::grammar::peel::Record;

use crate::common::{incident, root, run};

/// What a row says must come out.
struct Row {
    who: String,
    says: String,
    about: Vec<(String, String)>,
    /// Type and reason, of an Event.
    kind: String,
    text: String,
    place: String,
}

/// Reads a table: tab-separated, comments begin with `#`.
fn rows(name: &str, columns: usize) -> Vec<Row> {
    let path = root().join("tests/wordings").join(name);
    let table = std::fs::read_to_string(&path).expect("a table");
    let rows: Vec<Row> = table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#') && !line.is_empty())
        .map(|(number, line)| {
            let cells: Vec<&str> = line.splitn(columns, '\t').collect();
            assert_eq!(cells.len(), columns, "{name}:{}", number + 1);
            Row {
                who: cells[0].to_owned(),
                says: cells[2].to_owned(),
                about: cells[3]
                    .split_whitespace()
                    .map(|pair| pair.split_once('=').expect("name=value"))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
                kind: if columns == 6 {
                    cells[4].to_owned()
                } else {
                    String::new()
                },
                text: cells[columns - 1].to_owned(),
                place: format!("{name}:{}", number + 1),
            }
        })
        .collect();
    assert!(rows.len() > 20, "{name}");
    rows
}

/// Returns what a line says: signal and cause, and its entities.
fn read(grammars: &Grammars, line: &str) -> (String, Vec<(String, String)>) {
    let records: Vec<Record> = grammars.peeler.peel_line(line);
    for record in &records {
        if let Some((kind, found)) = grammars.find_signal(record) {
            // Everyday kinds are told only beside something else.
            if kind.beside.is_some() {
                continue;
            }
            let says = match &found.cause {
                Some(cause) => format!("{}/{cause}", kind.kind),
                None => kind.kind.clone(),
            };
            return (says, found.entities.into_iter().collect());
        }
    }
    ("none".to_owned(), Vec::new())
}

/// Checks a row in one envelope; gives a line for the list of what is wrong.
fn check(grammars: &Grammars, row: &Row, envelope: &str, line: &str, wrong: &mut Vec<String>) {
    let (says, about) = read(grammars, line);
    if says != row.says {
        wrong.push(format!(
            "{} in {envelope}: says {says}, not {}\n    {line}",
            row.place, row.says
        ));
        return;
    }
    for wanted in &row.about {
        if !about.contains(wanted) {
            wrong.push(format!(
                "{} in {envelope}: {wanted:?} is not among {about:?}\n    {line}",
                row.place
            ));
        }
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[test]
fn log_messages_say_it_in_every_envelope() {
    let grammars = Grammars::embedded().expect("grammars");
    let mut wrong = Vec::new();
    for row in rows("kubernetes.tsv", 5) {
        let file = if row.who == "kubelet" {
            "kubelet.go"
        } else {
            "controller.go"
        };
        let klog = format!("E0522 03:15:44.123456     812 {file}:310] {}", row.text);
        let who = &row.who;
        for (envelope, line) in [
            ("klog", klog.clone()),
            (
                "klog without process",
                format!("E0522 03:15:44.123456 {file}:310] {}", row.text),
            ),
            (
                "klog without header",
                format!("... {file}:310] {}", row.text),
            ),
            ("nothing", row.text.clone()),
            (
                "journal",
                format!("May 22 03:15:44 wk-7 {who}[812]: {klog}"),
            ),
            (
                "journal, precise",
                format!("May 22 03:15:44.123456 wk-7 {who}[812]: {klog}"),
            ),
            (
                "journal in another language",
                format!("5月 22 03:15:44 wk-7 {who}[812]: {klog}"),
            ),
            (
                "journal, iso",
                format!("2024-05-22T03:15:44+0000 wk-7 {who}[812]: {klog}"),
            ),
            (
                "journal of a distribution",
                format!("May 22 03:15:44 wk-7 k3s[812]: {klog}"),
            ),
            (
                "journal of docker",
                format!("May 22 03:15:44 wk-7 docker[812]: {klog}"),
            ),
            (
                "cri",
                format!("2024-05-22T03:15:44.123456789Z stderr F {klog}"),
            ),
            (
                "docker json-file",
                format!(
                    "{{\"log\":{},\"stream\":\"stderr\",\"time\":\"2024-05-22T03:15:44.123456789Z\"}}",
                    json(&format!("{klog}\n"))
                ),
            ),
            ("mail quote", format!("> {klog}")),
            ("bold", format!("**{klog}**")),
            ("numbered", format!("   17  {klog}")),
            ("indented", format!("      {klog}")),
            ("identifier", format!("{who}[812]: {klog}")),
        ] {
            check(&grammars, &row, envelope, &line, &mut wrong);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn events_say_it_in_every_shape() {
    let grammars = Grammars::embedded().expect("grammars");
    let mut wrong = Vec::new();
    for row in rows("events.tsv", 6) {
        let (who, object) = row.who.split_once('/').expect("who/kind");
        let (kind, reason) = row.kind.split_once(' ').expect("type reason");
        let (namespace, name) = match object {
            "Node" => ("default", "wk-7.lab.example"),
            "Pod" => ("shop", "cart-0"),
            _ => ("shop", "cart-5c9d7b64f8"),
        };
        let text = &row.text;
        let lower = object.to_lowercase();
        let host = if who == "kubelet" {
            ", wk-7.lab.example"
        } else {
            ""
        };
        let quoted = json(text);
        for (envelope, line) in [
            (
                "core/v1",
                format!(
                    "{{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{{\"name\":\"{name}.17b3f5e0a1b2c3d4\",\"namespace\":\"{namespace}\"}},\"involvedObject\":{{\"kind\":\"{object}\",\"namespace\":\"{namespace}\",\"name\":\"{name}\"}},\"reason\":\"{reason}\",\"message\":{quoted},\"type\":\"{kind}\",\"source\":{{\"component\":\"{who}\"}},\"firstTimestamp\":\"2024-05-22T03:15:44Z\",\"lastTimestamp\":\"2024-05-22T03:15:44Z\",\"count\":1}}"
                ),
            ),
            (
                "events.k8s.io/v1",
                format!(
                    "{{\"apiVersion\":\"events.k8s.io/v1\",\"kind\":\"Event\",\"metadata\":{{\"name\":\"{name}.17b3f5e0a1b2c3d4\",\"namespace\":\"{namespace}\"}},\"regarding\":{{\"kind\":\"{object}\",\"namespace\":\"{namespace}\",\"name\":\"{name}\"}},\"reason\":\"{reason}\",\"note\":{quoted},\"type\":\"{kind}\",\"reportingController\":\"{who}\",\"eventTime\":\"2024-05-22T03:15:44.123456Z\"}}"
                ),
            ),
            (
                "description",
                format!("  {kind}   {reason}   3m5s (x4 over 17d)   {who}   {text}"),
            ),
            (
                "description up to 1.20",
                format!("  {kind}  {reason}  3m5s  {who}{host}  {text}"),
            ),
            (
                "table",
                format!("3m5s        {kind}   {reason}   {lower}/{name}   {text}"),
            ),
            (
                "table with namespace",
                format!("{namespace}   3m5s   {kind}   {reason}   {lower}/{name}   {text}"),
            ),
            (
                "controller's log",
                format!(
                    "I0522 03:15:44.123456       1 event.go:294] \"Event occurred\" object=\"{namespace}/{name}\" fieldPath=\"\" kind=\"{object}\" apiVersion=\"v1\" type=\"{kind}\" reason=\"{reason}\" message={quoted}"
                ),
            ),
            (
                "controller's log up to 1.19",
                format!(
                    "I0522 03:15:44.123456       1 event.go:278] Event(v1.ObjectReference{{Kind:\"{object}\", Namespace:\"{namespace}\", Name:\"{name}\", UID:\"0c0d7a52\", APIVersion:\"v1\", ResourceVersion:\"17\", FieldPath:\"\"}}): type: '{kind}' reason: '{reason}' {text}"
                ),
            ),
        ] {
            check(&grammars, &row, envelope, &line, &mut wrong);
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn runtimes_registries_and_tools_say_it_in_every_envelope() {
    let grammars = Grammars::embedded().expect("grammars");
    let mut wrong = Vec::new();
    for row in rows("runtimes.tsv", 5) {
        let logrus = format!("time=\"2024-05-22T03:15:44.123456789Z\" {}", row.text);
        let who = &row.who;
        for (envelope, line) in [
            ("logrus", logrus.clone()),
            (
                "journal",
                format!("May 22 03:15:44 wk-7 {who}[812]: {logrus}"),
            ),
            (
                "cri",
                format!("2024-05-22T03:15:44.123456789Z stderr F {logrus}"),
            ),
            (
                "docker json-file",
                format!(
                    "{{\"log\":{},\"stream\":\"stderr\",\"time\":\"2024-05-22T03:15:44.123456789Z\"}}",
                    json(&format!("{logrus}\n"))
                ),
            ),
            ("identifier", format!("{who}[812]: {logrus}")),
            ("mail quote", format!("> {logrus}")),
        ] {
            check(&grammars, &row, envelope, &line, &mut wrong);
        }
    }
    for row in rows("plain.tsv", 5) {
        let text = &row.text;
        for (envelope, line) in [
            ("nothing", text.clone()),
            (
                "a job's log",
                format!("2024-05-22T03:15:44.1234567Z {text}"),
            ),
            ("indented", format!("        {text}")),
        ] {
            check(&grammars, &row, envelope, &line, &mut wrong);
        }
        if row.who == "kernel" {
            for (envelope, line) in [
                ("dmesg", format!("[ 7063.247407] {text}")),
                ("dmesg -T", format!("[Wed May 22 03:15:44 2024] {text}")),
                (
                    "syslog",
                    format!("May 22 03:15:44 wk-7 kernel: [ 7063.247407] {text}"),
                ),
                ("journal", format!("May 22 03:15:44 wk-7 kernel: {text}")),
            ] {
                check(&grammars, &row, envelope, &line, &mut wrong);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Returns the signals of a small incident, one JSON object each.
fn signals_of(files: &[(&str, &str)]) -> Vec<serde_json::Value> {
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (*name, text.as_bytes()))
        .collect();
    let folder = incident(&files);
    let path = folder.path().display().to_string();
    let output = run(&["signals", &path, "--output", "ndjson"], 0);
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn one_of<'a>(signals: &'a [serde_json::Value], kind: &str) -> &'a serde_json::Value {
    signals
        .iter()
        .find(|s| s["signal"] == kind)
        .unwrap_or_else(|| panic!("no {kind} in {signals:#?}"))
}

#[test]
fn a_pod_is_known_by_its_uid_and_its_maker() {
    let events = concat!(
        "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"agent.17b3f5e0a1b2c3d4\",\"namespace\":\"ops\"},",
        "\"involvedObject\":{\"kind\":\"DaemonSet\",\"namespace\":\"ops\",\"name\":\"agent\",\"uid\":\"d1\"},\"reason\":\"SuccessfulCreate\",",
        "\"message\":\"Created pod: agent-abcde\",\"type\":\"Normal\",\"source\":{\"component\":\"daemonset-controller\"},",
        "\"firstTimestamp\":\"2024-05-22T03:15:40Z\",\"lastTimestamp\":\"2024-05-22T03:15:40Z\",\"count\":1}\n",
        "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"agent-abcde.17b3f5e0a1b2c3d5\",\"namespace\":\"ops\"},",
        "\"involvedObject\":{\"kind\":\"Pod\",\"namespace\":\"ops\",\"name\":\"agent-abcde\",\"uid\":\"0c0d7a52-91a3-4a0e-8b3f-0f5f4c1e2d3a\"},",
        "\"reason\":\"Evicted\",\"message\":\"The node was low on resource: memory. \",\"type\":\"Warning\",\"source\":{\"component\":\"kubelet\",\"host\":\"wk-7\"},",
        "\"firstTimestamp\":\"2024-05-22T03:15:44Z\",\"lastTimestamp\":\"2024-05-22T03:15:44Z\",\"count\":1}\n",
    );
    let kernel = "May 22 03:15:50 wk-7 kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=12ab,mems_allowed=0,oom_memcg=/kubepods/burstable/pod0c0d7a52-91a3-4a0e-8b3f-0f5f4c1e2d3a,task=java,pid=4711,uid=0\n";
    let found = signals_of(&[("events.json", events), ("kern.log", kernel)]);
    let evicted = one_of(&found, "evicted");
    assert_eq!(
        evicted["entities"]["workload"], "ops/DaemonSet/agent",
        "{evicted}"
    );
    let killed = one_of(&found, "oom_killed");
    assert_eq!(killed["entities"]["pod"], "agent-abcde", "{killed}");
    assert_eq!(
        killed["inferred"]["pod"], "the pod with this uid",
        "{killed}"
    );
}

#[test]
fn a_node_is_known_by_its_machine() {
    let node = concat!(
        "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"wk-7.lab.example\"},",
        "\"spec\":{\"providerID\":\"aws:///eu-1a/i-0c0d7a52\"},",
        "\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.2.3.7\"}],\"conditions\":[]}}\n",
    );
    let log = "2024-05-22T03:15:44Z [Normal] Node i-0c0d7a52 status is now: NodeHasDiskPressure\n2024-05-22T04:15:44Z [Normal] Node 10.2.3.7 status is now: NodeNotReady\n";
    let found = signals_of(&[("node.json", node), ("collected.log", log)]);
    for kind in ["disk_pressure_on", "node_not_ready"] {
        let signal = one_of(&found, kind);
        assert_eq!(signal["entities"]["node"], "wk-7.lab.example", "{signal}");
    }
}

#[test]
fn everyday_facts_are_told_only_beside_others() {
    let start = "May 22 03:15:40 wk-7 kubelet[812]: I0522 03:15:40.123456     812 kubelet.go:2337] \"Starting kubelet main sync loop\"\n";
    let pressure = "May 22 03:15:44 wk-7 kubelet[812]: I0522 03:15:44.123456     812 kubelet_node_status.go:669] \"Recording event message for node\" node=\"wk-7\" event=\"NodeHasDiskPressure\"\n";
    let helm = "Error: UPGRADE FAILED: timed out waiting for the condition\n";
    assert_eq!(
        signals_of(&[("kubelet.log", start)]),
        Vec::<serde_json::Value>::new()
    );
    assert_eq!(
        signals_of(&[("helm.log", helm)]),
        Vec::<serde_json::Value>::new()
    );
    let both = format!("{start}{pressure}");
    let found = signals_of(&[("kubelet.log", &both)]);
    one_of(&found, "kubelet_started");
    // A deploy that failed after it was seen to begin.
    let helm = format!("upgrade.go:155: [debug] preparing upgrade for cart\n{helm}");
    let found = signals_of(&[("helm.log", &helm)]);
    one_of(&found, "deploy_failed");
}

#[test]
fn explain_says_in_words_what_the_file_holds() {
    for (id, file) in [
        ("pull_failed", "signals/pull-failed.toml"),
        (
            "no-space-pull-then-disk-pressure",
            "cascades/no-space-pull-then-disk-pressure.toml",
        ),
        (
            "image_pull_filled_disk",
            "mechanisms/image-pull-filled-disk.toml",
        ),
        ("klog-text", "formats/klog-text.toml"),
    ] {
        let text = std::fs::read(root().join("grammars").join(file)).expect("the file");
        assert_eq!(run(&["grammar", "show", id], 0).stdout, text, "{id}");
        // In words: its title, and none of the file's own syntax.
        let shown = run(&["explain", id], 0).stdout;
        let shown = String::from_utf8_lossy(&shown);
        let text: toml::Table = String::from_utf8_lossy(&text).parse().expect("TOML");
        let title = text["title"].as_str().expect("a title");
        assert!(
            shown.lines().next().is_some_and(|l| l.ends_with(title)),
            "{shown}"
        );
        assert!(
            !shown.contains("[[") && shown.contains("`rootline grammar show "),
            "{shown}"
        );
    }
    let shown = run(&["explain", "pull_failed"], 0).stdout;
    let shown = String::from_utf8_lossy(&shown);
    for word in ["  is ", "  proves ", "  not ", "  wording "] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let shown = run(&["explain", "mutable-tag"], 0).stdout;
    assert!(String::from_utf8_lossy(&shown).contains("What it looks for"));
    let shown = run(&["explain", "node_monitor_grace_period"], 0).stdout;
    assert!(String::from_utf8_lossy(&shown).contains("node-monitor-grace-period"));
}
