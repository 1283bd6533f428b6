//! Whom a source speaks for: component, node, cluster and pod, by what its records say, then by what it says of itself, then by its place.

use std::collections::{BTreeMap, BTreeSet};

use super::layout::Layouts;
use crate::grammar::peel::Record;
use crate::model::{Source, SpeaksFor};

/// How a node is known that a log says it is.
const NAMES_ITSELF: &str = "the log names its own node";

/// Words in a path that name a component, the longest first where one holds another.
const COMPONENT_WORDS: &[(&str, &str)] = &[
    ("kube-controller-manager", "kube-controller-manager"),
    ("controller-manager", "kube-controller-manager"),
    ("kube-apiserver", "kube-apiserver"),
    ("kube-scheduler", "kube-scheduler"),
    ("cri-dockerd", "cri-dockerd"),
    ("containerd", "containerd"),
    ("kubelet", "kubelet"),
    ("dockerd", "dockerd"),
    ("docker", "dockerd"),
    ("crio", "cri-o"),
    ("cri-o", "cri-o"),
    ("etcd", "etcd"),
    ("registry", "registry"),
    ("deploy", "deploy"),
    ("pipeline", "deploy"),
    ("rollout", "deploy"),
    ("alertmanager", "alerting"),
    ("pagerduty", "alerting"),
];

/// Finds the component, the node, the cluster and the pod.
pub(super) fn find(
    source: &Source,
    layouts: &Layouts,
    records: &[Record],
    text: &str,
) -> SpeaksFor {
    let mut found = SpeaksFor::default();
    let place = layouts.read(&source.name).unwrap_or_default();
    let by_place = || format!("its place in the {} layout", place.layout);
    // What is no log says nothing by its path: a list of Deployments is no deploy tool's.
    let objects = !records.is_empty() && records.iter().all(|r| r.of != "log");
    if let Some(component) = most(
        records
            .iter()
            .filter(|r| r.formats.len() > 1 || r.of != "log")
            .filter_map(|r| r.component.as_deref()),
    )
    .filter(|_| same_component(records))
    {
        found.component = Some(component.to_owned());
        found.component_from = Some("its records name it".to_owned());
    } else if let Some(component) = &place.component {
        found.component = Some(component.clone());
        found.component_from = Some(by_place());
    } else if let Some((word, component)) =
        component_in_path(&source.name).filter(|_| !objects && place.pod.is_none())
    {
        found.component = Some(component.to_owned());
        found.component_from = Some(format!("path name {}", last_part(&source.name, word)));
    }
    let host = most(records.iter().filter_map(|r| r.host.as_deref()))
        .filter(|_| records.iter().all(|r| r.of == "log"))
        .map(str::to_owned);
    // Where several hosts speak, one that names its node does not say which of them it is.
    let hosts: BTreeSet<&str> = records.iter().filter_map(|r| r.host.as_deref()).collect();
    let mut nodes: Vec<(String, String)> = Vec::new();
    nodes.extend(host.map(|host| (host, "its records name their host".to_owned())));
    if hosts.len() < 2 {
        let own = says_of_itself(text);
        nodes.extend(own.map(|node| (node, NAMES_ITSELF.to_owned())));
    }
    nodes.extend(place.node.clone().map(|node| (node, by_place())));
    if !nodes.is_empty() {
        let (node, from) = nodes.remove(0);
        found.node = Some(node);
        found.node_from = Some(from);
        found.node_hints = nodes;
    }
    if let Some(cluster) = most(records.iter().filter_map(|r| r.cluster.as_deref())) {
        found.cluster = Some(cluster.to_owned());
        found.cluster_from = Some("its records name it".to_owned());
    } else if let Some(cluster) = &place.cluster {
        found.cluster = Some(cluster.clone());
        found.cluster_from = Some(by_place());
    }
    if let Some(pod) = dumped_pod(text) {
        found.pod = Some(pod);
        found.pod_from = Some("the dump names the pod whose log it is".to_owned());
    } else if let (Some(namespace), Some(pod)) = (&place.namespace, &place.pod) {
        found.pod = Some(format!("{namespace}/{pod}"));
        found.pod_from = Some(by_place());
    }
    found
}

/// # Source
/// `kubectl cluster-info dump`: `==== START logs for container X of pod NS/POD ====`.
fn dumped_pod(text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let left = first.strip_prefix("==== START logs for container ")?;
    let (_, pod) = left.split_once(" of pod ")?;
    let pod = pod.strip_suffix(" ====")?;
    (pod.split('/').count() == 2).then(|| pod.to_owned())
}

/// Returns whether nearly all records that name a component name the same one (systemd speaks in every unit's journal).
fn same_component(records: &[Record]) -> bool {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for component in records
        .iter()
        .filter_map(|r| r.component.as_deref())
        .filter(|c| *c != "systemd")
    {
        *counts.entry(component).or_default() += 1;
    }
    let all: usize = counts.values().sum();
    counts
        .values()
        .max()
        .is_some_and(|most| most * 10 >= all * 9)
}

fn most<'a>(values: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)))
        .map(|(value, _)| value)
}

/// Finds the component that a path names. The file's name says more than its folders.
fn component_in_path(name: &str) -> Option<(&'static str, &'static str)> {
    let lower = name.to_lowercase();
    let (folders, file) = lower.rsplit_once('/').unwrap_or(("", &lower));
    // Where the runtime keeps the logs of containers it does not speak itself.
    let of_container = folders.contains("docker/containers") || folders.contains("log/pods");
    component_in(file).or_else(|| component_in(folders).filter(|_| !of_container))
}

/// Finds the component that a name holds as a word of its own.
pub(super) fn component_in(name: &str) -> Option<(&'static str, &'static str)> {
    let lower = name.to_lowercase();
    COMPONENT_WORDS
        .iter()
        .find(|(word, _)| {
            lower.match_indices(word).any(|(at, _)| {
                let before = lower[..at].chars().next_back();
                let after = &lower[at + word.len()..];
                before.is_none_or(|c| !c.is_ascii_alphanumeric())
                    && !after.starts_with(|c: char| c.is_ascii_alphabetic())
                    && !(*word == "docker" && is_of_docker(after))
            })
        })
        .copied()
}

/// What docker is asked about, or what it starts, is not what its daemon says.
fn is_of_docker(after: &str) -> bool {
    const THINGS: &[&str] = &[
        "compose", "history", "info", "images", "image", "inspect", "ps", "df", "hub", "build",
    ];
    let next = after.trim_start_matches(['-', '_', '.', ' ']);
    THINGS.iter().any(|thing| next.starts_with(thing))
}

fn last_part(name: &str, word: &str) -> String {
    name.rsplit('/')
        .find(|part| part.to_lowercase().contains(word))
        .unwrap_or(name)
        .to_owned()
}

/// # Source
/// klog's file preamble; kubelet start-up messages "Attempting to register node" and "Successfully registered node" (1.21 and later).
fn says_of_itself(text: &str) -> Option<String> {
    for (before, stop) in [
        ("Running on machine: ", '\n'),
        ("\"Successfully registered node\" node=\"", '"'),
        ("\"Attempting to register node\" node=\"", '"'),
        ("Attempting to register node ", '\n'),
    ] {
        if let Some(at) = text.find(before) {
            let rest = &text[at + before.len()..];
            let name = rest.split([stop, '\r']).next().unwrap_or_default().trim();
            if !name.is_empty() && name.len() < 254 && !name.contains(char::is_whitespace) {
                return Some(name.to_owned());
            }
        }
    }
    None
}
