//! What is asked for, in which order: first what expires and what names the nodes, then logs of the control plane and of the nodes.
//!
//! # Source
//! Kubernetes documentation: "System Logs" (node log query: beta and off by default from 1.30, with the parameters used here), "Kubelet
//! authentication/authorization" (`nodes/proxy`), kubelet `/configz`, `/stats/summary` and `/logs/`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::kubectl::{Answer, Request, Status};

/// Most bytes of a list that is read for names.
const LIST: u64 = 256 * 1024 * 1024;

fn request(what: &str, file: &str, arguments: &[&str]) -> Request {
    Request {
        what: what.to_owned(),
        file: file.to_owned(),
        arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
        may_list: false,
    }
}

/// Objects and Events. Events first: they expire.
pub(super) fn first(namespaces: &[String]) -> Vec<Request> {
    let mut asked = Vec::new();
    let mut list = |kind: &str| {
        if namespaces.is_empty() {
            asked.push(request(
                kind,
                &format!("{kind}.json"),
                &["get", kind, "--all-namespaces", "-o", "json"],
            ));
        }
        for namespace in namespaces {
            asked.push(request(
                &format!("{kind} in {namespace}"),
                &format!("namespaces/{}/{kind}.json", file_name(namespace)),
                &["get", kind, "--namespace", namespace, "-o", "json"],
            ));
        }
    };
    list("events");
    for kind in [
        "pods",
        "replicasets.apps",
        "deployments.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
    ] {
        list(kind);
    }
    if !namespaces.is_empty() && !namespaces.iter().any(|n| n == "default") {
        // Events about nodes lie in this namespace.
        asked.push(request(
            "events about nodes",
            "events-nodes.json",
            &[
                "get",
                "events",
                "--namespace",
                "default",
                "--field-selector",
                "involvedObject.kind=Node",
                "-o",
                "json",
            ],
        ));
    }
    asked.push(request(
        "nodes",
        "nodes.json",
        &["get", "nodes", "-o", "json"],
    ));
    asked.push(request(
        "version",
        "version.json",
        &["version", "-o", "json"],
    ));
    asked.push(request(
        "control-plane pods",
        "control-plane-pods.json",
        &[
            "get",
            "pods",
            "--namespace",
            "kube-system",
            "-l",
            "tier=control-plane",
            "-o",
            "json",
        ],
    ));
    asked
}

/// Returns whether a request is for Events, which expire.
pub(super) fn is_events(request: &Request) -> bool {
    let name = request.file.rsplit('/').next().unwrap_or_default();
    name.starts_with("events")
}

/// Returns whether a report can be made of its answer: who may know the version may know nothing yet.
pub(super) fn is_evidence(request: &Request) -> bool {
    request.file != "version.json"
}

#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: ItemStatus,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    containers: Vec<Metadata>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    r#type: String,
    status: String,
    last_transition_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(default)]
    restart_count: u64,
}

fn items(answers: &[Answer], file: &str) -> Vec<Item> {
    answers
        .iter()
        .find(|a| a.request.file == file)
        .and_then(|a| serde_json::from_slice::<List>(&a.read(LIST)).ok())
        .map_or_else(Vec::new, |list| list.items)
}

/// The nodes whose logs are asked for.
pub(super) struct Nodes {
    pub(super) asked: Vec<String>,
    /// Nodes that are too many.
    pub(super) left_out: Vec<String>,
}

impl Nodes {
    /// Chooses nodes: those that were named; otherwise those in trouble now, or whose state changed since, then all others.
    pub(super) fn choose(
        answers: &[Answer],
        named: &[String],
        most: usize,
        since: DateTime<Utc>,
    ) -> Nodes {
        if !named.is_empty() {
            return Nodes {
                asked: named.to_vec(),
                left_out: Vec::new(),
            };
        }
        let mut nodes: Vec<(bool, String)> = items(answers, "nodes.json")
            .into_iter()
            .map(|node| {
                let trouble = node.status.conditions.iter().any(|c| {
                    let expected = if c.r#type == "Ready" { "True" } else { "False" };
                    let changed = c
                        .last_transition_time
                        .as_deref()
                        .and_then(|at| DateTime::parse_from_rfc3339(at).ok());
                    c.status != expected || changed.is_some_and(|at| at >= since)
                });
                (!trouble, node.metadata.name)
            })
            .collect();
        nodes.sort();
        let mut asked: Vec<String> = nodes.into_iter().map(|(_, name)| name).collect();
        let left_out = asked.split_off(asked.len().min(most));
        Nodes { asked, left_out }
    }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Logs of the control plane's pods, where it runs in pods that the user may read.
pub(super) fn control_plane(answers: &[Answer], since: DateTime<Utc>) -> Vec<Request> {
    let mut asked = Vec::new();
    for pod in items(answers, "control-plane-pods.json") {
        let name = &pod.metadata.name;
        for container in &pod.spec.containers {
            let log = |ending: &str, extra: &[&str]| {
                let mut request = request(
                    &format!("log of {name}{ending}"),
                    &format!(
                        "control-plane/{}-{}{ending}.log",
                        file_name(name),
                        file_name(&container.name)
                    ),
                    &[
                        "logs",
                        "--namespace",
                        "kube-system",
                        name,
                        "--container",
                        &container.name,
                        "--timestamps",
                        &format!("--since-time={}", rfc3339(since)),
                    ],
                );
                request
                    .arguments
                    .extend(extra.iter().map(|a| (*a).to_owned()));
                request
            };
            asked.push(log("", &[]));
            let restarted = pod
                .status
                .container_statuses
                .iter()
                .any(|s| s.name == container.name && s.restart_count > 0);
            if restarted {
                asked.push(log("-previous", &["--previous"]));
            }
        }
    }
    asked
}

/// Units whose logs a report can use.
const UNITS: &[&str] = &["kubelet", "containerd", "crio", "docker"];
/// Files of a node's `/var/log` that hold them, where the node has no log query.
const FILES: &[&str] = &[
    "kubelet.log",
    "containerd.log",
    "crio.log",
    "docker.log",
    "messages",
    "syslog",
    "daemon.log",
    "kern.log",
];

/// What one node can tell.
pub(super) fn node(name: &str, since: DateTime<Utc>) -> Vec<Request> {
    let raw = |what: &str, file: &str, path: &str| {
        request(
            &format!("{what} of node {name}"),
            &format!("nodes/{}/{file}", file_name(name)),
            &[
                "get",
                "--raw",
                &format!("/api/v1/nodes/{name}/proxy/{path}"),
            ],
        )
    };
    let mut asked = vec![
        raw("settings", "configz.json", "configz"),
        raw("usage", "stats-summary.json", "stats/summary"),
    ];
    for unit in UNITS {
        let mut log = raw(
            &format!("{unit} log"),
            &format!("{unit}.log"),
            &format!("logs/?query={unit}&sinceTime={}", rfc3339(since)),
        );
        log.may_list = true;
        asked.push(log);
    }
    asked
}

/// Takes a list of files for what it is, not for a log, and returns requests for those of them that hold what was asked for.
/// All units of a node get the same list: only the first one's is followed.
pub(super) fn from_listing(answer: &mut Answer) -> Vec<Request> {
    if !answer.request.may_list || answer.status != Status::Came {
        return Vec::new();
    }
    let head = answer.read(64 * 1024);
    let text = String::from_utf8_lossy(&head);
    let Some(names) = listing(&text) else {
        return Vec::new();
    };
    answer.status = Status::NotThere;
    answer.said = Some("this node has no log query (kubelet feature NodeLogQuery with enableSystemLogQuery); it listed the files of /var/log instead".to_owned());
    (answer.bytes, answer.content) = (0, None);
    let (Some((folder, file)), Some(path)) = (
        answer.request.file.rsplit_once('/'),
        answer.request.arguments.last(),
    ) else {
        return Vec::new();
    };
    if file != format!("{}.log", UNITS[0]) {
        return Vec::new();
    }
    let base = path.split('?').next().unwrap_or(path).to_owned();
    FILES
        .iter()
        .filter(|file| names.iter().any(|n| n == *file))
        .map(|file| {
            request(
                &format!("/var/log/{file} of {}", folder.replace("nodes/", "node ")),
                &format!("{folder}/var-log-{file}"),
                &["get", "--raw", &format!("{base}{file}")],
            )
        })
        .collect()
}

/// Returns the names in a list of files as Go's file server writes it; nothing for anything else.
fn listing(text: &str) -> Option<Vec<String>> {
    let start = text.trim_start();
    if !start.starts_with("<pre>") && !start.to_lowercase().starts_with("<!doctype html>") {
        return None;
    }
    Some(
        text.split("<a href=\"")
            .skip(1)
            .filter_map(|part| part.split('"').next())
            .map(str::to_owned)
            .collect(),
    )
}

/// A name of the cluster as a name of a file: names of objects hold no more than this, and one that does must not leave the bundle.
fn file_name(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if safe.chars().all(|c| c == '.') {
        "_".to_owned()
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::{file_name, listing};

    #[test]
    fn a_list_of_files_is_no_log() {
        let go =
            "<pre>\n<a href=\"kubelet.log\">kubelet.log</a>\n<a href=\"pods/\">pods/</a>\n</pre>\n";
        assert_eq!(
            listing(go),
            Some(vec!["kubelet.log".to_owned(), "pods/".to_owned()])
        );
        assert!(
            listing(&format!(
                "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n{go}"
            ))
            .is_some()
        );
        assert_eq!(listing("May 22 03:15:44.123456 n1 kubelet[1]: <pre>"), None);
    }

    #[test]
    fn names_do_not_leave_the_bundle() {
        assert_eq!(
            file_name("ip-192-0-2-7.example.internal"),
            "ip-192-0-2-7.example.internal"
        );
        assert_eq!(file_name("../../etc"), ".._.._etc");
        assert_eq!(file_name(".."), "_");
    }
}
