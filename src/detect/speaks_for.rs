//! Whom a source speaks for: the component and the node, by what its records say, then by what it says of itself, then by its name.

use std::collections::BTreeMap;

use crate::grammar::peel::Record;
use crate::model::{Source, SpeaksFor};

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

/// Finds the component and the node.
pub(super) fn find(source: &Source, records: &[Record], text: &str) -> SpeaksFor {
    let mut found = SpeaksFor::default();
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
    } else if let Some((word, component)) = component_in(&source.name) {
        found.component = Some(component.to_owned());
        found.component_from = Some(format!("path name {}", last_part(&source.name, word)));
    }
    if let Some(host) = most(records.iter().filter_map(|r| r.host.as_deref()))
        .filter(|_| records.iter().all(|r| r.of == "log"))
    {
        found.node = Some(host.to_owned());
        found.node_from = Some("its records name their host".to_owned());
    } else if let Some(node) = says_of_itself(text) {
        found.node = Some(node);
        found.node_from = Some("the log names its own node".to_owned());
    }
    found
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

fn component_in(name: &str) -> Option<(&'static str, &'static str)> {
    let lower = name.to_lowercase();
    // The file name says more than its folders.
    let file = lower.rsplit('/').next().unwrap_or(&lower);
    [file, lower.as_str()].into_iter().find_map(|text| {
        COMPONENT_WORDS
            .iter()
            .find(|(word, _)| text.contains(word))
            .copied()
    })
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
