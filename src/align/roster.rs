//! Roster: one name for each node, pod and workload, and who belongs to whom.
//!
//! Takes relations stated by objects and by signals; fills in entities that a record does not name, and says how each is known.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::{Options, Timed};
use crate::model::entity::{joining_form, registry_of};
use crate::model::{Relation, Source, SourceReading, source};

/// How the pod of a runtime's record is known.
pub(super) const ONLY_POD: &str = "the only pod with this image on this node";

/// Names and owners.
#[derive(Debug, Default)]
pub struct Roster {
    /// Every known node name.
    pub nodes: BTreeSet<String>,
    aliases: BTreeMap<String, String>,
    pod_node: BTreeMap<String, BTreeSet<String>>,
    pod_owner: BTreeMap<String, String>,
    pod_images: BTreeMap<String, BTreeSet<String>>,
    pod_uid: BTreeMap<String, String>,
    namespaces_of: BTreeMap<String, BTreeSet<String>>,
    owners: BTreeMap<String, String>,
    workloads: BTreeSet<String>,
    /// Digests that an image reference was seen to stand for.
    pub digests: BTreeMap<String, BTreeSet<String>>,
    /// Image pull policy by workload.
    pub policies: BTreeMap<String, String>,
    /// Kubernetes version of the nodes, the commonest minor (`1.36`).
    pub version: Option<String>,
    /// Creation time by node, as written.
    pub node_created: BTreeMap<String, String>,
    /// Bytes of each node's disk, as its object tells.
    pub node_disk: BTreeMap<String, f64>,
    /// Sources whose records and path name different nodes.
    pub disagreements: Vec<(usize, String)>,
    name_shape: Option<Regex>,
    cron_shape: Option<Regex>,
    /// Pods, as namespace and name, that a node was told to run with an image.
    image_pods: BTreeMap<(String, String), BTreeSet<(String, String)>>,
}

impl Roster {
    pub(super) fn new(
        relations: &[Relation],
        timed: &[Timed],
        sources: &[Source],
        readings: &mut [SourceReading],
        options: &Options,
    ) -> Roster {
        // Kubernetes' generated suffixes use an alphabet without vowels and look-alike digits. What stands before them is the hash of a
        // ReplicaSet, or the time that a CronJob made its Job for: minutes since 1970, seconds before 1.21.
        let mut roster = Roster { cron_shape: Regex::new("^(?P<name>.+)-(?:[23][0-9]{7}|1[5-9][0-9]{8})-[bcdfghjklmnpqrstvwxz2456789]{5}$").ok(), name_shape: Regex::new("^(?P<name>.+)-(?P<hash>[bcdfghjklmnpqrstvwxz0-9]{6,10})-[bcdfghjklmnpqrstvwxz2456789]{5}$").ok(), ..Roster::default() };
        let mut versions: BTreeMap<String, usize> = BTreeMap::new();
        for relation in relations {
            let (name, value) = (relation.name.clone(), relation.value.clone());
            match (relation.subject, relation.says) {
                ("node", says) => {
                    roster.nodes.insert(name.clone());
                    match says {
                        "address" => drop(roster.aliases.insert(value, name)),
                        "version" => *versions.entry(minor_of(&value)).or_default() += 1,
                        "created" => drop(roster.node_created.insert(name, value)),
                        "disk" => {
                            if let Some(bytes) = quantity(&value) {
                                roster.node_disk.insert(name, bytes);
                            }
                        }
                        _ => {}
                    }
                }
                ("pod", says) => {
                    if let Some((namespace, pod)) = name.split_once('/') {
                        roster
                            .namespaces_of
                            .entry(pod.to_owned())
                            .or_default()
                            .insert(namespace.to_owned());
                    }
                    match says {
                        "node" => {
                            roster.nodes.insert(value.clone());
                            roster.pod_node.entry(name).or_default().insert(value);
                        }
                        "owner" => drop(roster.pod_owner.insert(name, value)),
                        "image" => drop(roster.pod_images.entry(name).or_default().insert(value)),
                        "uid" => drop(roster.pod_uid.insert(value, name)),
                        _ => {}
                    }
                }
                ("workload", "owner") => {
                    roster.workloads.insert(value.clone());
                    roster.owners.insert(name, value);
                }
                ("workload", "policy") => {
                    roster.workloads.insert(name.clone());
                    roster.policies.insert(name, value);
                }
                ("workload", _) => drop(roster.workloads.insert(name)),
                ("image", "digest") => drop(roster.digests.entry(name).or_default().insert(value)),
                _ => {}
            }
        }
        roster.version = versions
            .into_iter()
            .max_by_key(|(version, count)| (*count, version.clone()))
            .map(|(version, _)| version);
        for one in timed {
            let entities = &one.signal.entities;
            // A host may be written without its domain, or with one that the cluster does not use: what records themselves name is its name.
            let node = entities.get("node");
            let own_host = node.is_some() && node == one.signal.host.as_ref();
            if let Some(node) = node.filter(|_| !own_host) {
                roster.nodes.insert(node.clone());
            }
            if let (Some(namespace), Some(pod)) = (entities.get("namespace"), entities.get("pod")) {
                roster
                    .namespaces_of
                    .entry(pod.clone())
                    .or_default()
                    .insert(namespace.clone());
                if let Some(node) = entities.get("node").filter(|_| {
                    matches!(
                        one.signal.kind.as_str(),
                        "scheduled" | "pulling" | "pulled" | "pull_failed" | "container_started"
                    )
                }) {
                    roster
                        .pod_node
                        .entry(format!("{namespace}/{pod}"))
                        .or_default()
                        .insert(node.clone());
                }
            }
            if let (Some(uid), Some(namespace), Some(pod)) = (
                entities.get("uid"),
                entities.get("namespace"),
                entities.get("pod"),
            ) {
                roster
                    .pod_uid
                    .entry(uid.clone())
                    .or_insert_with(|| format!("{namespace}/{pod}"));
            }
            if let (Some(image), Some(digest), "pulled") = (
                entities.get("image"),
                entities.get("digest"),
                one.signal.kind.as_str(),
            ) {
                roster
                    .digests
                    .entry(image.clone())
                    .or_default()
                    .insert(digest.clone());
            }
            if let Some(workload) = entities
                .get("workload")
                .filter(|w| w.split('/').count() == 3)
            {
                roster.workloads.insert(workload.clone());
                // Whoever made a pod says so: the controller's Event is about the workload and names the pod.
                if let (Some(namespace), Some(pod)) =
                    (entities.get("namespace"), entities.get("pod"))
                    && one.signal.kind == "pod_created"
                {
                    roster
                        .pod_owner
                        .entry(format!("{namespace}/{pod}"))
                        .or_insert_with(|| workload.clone());
                }
            }
        }
        roster.own_names(readings);
        roster.name_sources(timed, sources, readings, options);
        roster.know_pods(timed, readings);
        roster
    }

    /// A kubelet says which Node it is, and that may not be what its host is called: the API's name is the one that others use.
    fn own_names(&mut self, readings: &[SourceReading]) {
        for reading in readings {
            let speaks = &reading.speaks_for;
            let (Some(host), Some("kubelet")) = (&speaks.node, speaks.component.as_deref()) else {
                continue;
            };
            let own = speaks
                .node_hints
                .iter()
                .find(|(_, how)| how == "the log names its own node");
            let Some((node, _)) =
                own.filter(|(node, _)| !contains_name(node, host) && !contains_name(host, node))
            else {
                continue;
            };
            if !self.node_created.contains_key(host) {
                self.nodes.remove(host);
                self.nodes.insert(node.clone());
                self.aliases.insert(host.clone(), node.clone());
            }
        }
    }

    /// Learns the workloads that pods' names tell of, and which pods had which image on which node.
    fn know_pods(&mut self, timed: &[Timed], readings: &[SourceReading]) {
        for one in timed {
            let entities = &one.signal.entities;
            let (Some(namespace), Some(pod)) = (entities.get("namespace"), entities.get("pod"))
            else {
                continue;
            };
            if let Some((workload, _)) = self.workload_of(namespace, pod) {
                self.workloads.insert(workload);
            }
            let node = entities.get("node").map(|node| self.canonical(node));
            let node = node.or_else(|| {
                let agent = one.signal.component.as_deref()?;
                source::NODE_AGENTS.contains(&agent).then_some(())?;
                readings[one.signal.evidence.origin.source]
                    .speaks_for
                    .node
                    .clone()
            });
            if let (Some(node), Some(image)) = (node, entities.get("image")) {
                self.image_pods
                    .entry((node, joining_form("image", image)))
                    .or_default()
                    .insert((namespace.clone(), pod.clone()));
            }
        }
    }

    /// Finds the node of sources whose records do not tell it.
    fn name_sources(
        &mut self,
        timed: &[Timed],
        sources: &[Source],
        readings: &mut [SourceReading],
        options: &Options,
    ) {
        let bound = self.nodes_of_pods(timed, sources.len());
        for (index, (source, reading)) in sources.iter().zip(readings.iter_mut()).enumerate() {
            if let Some((_, node)) = options
                .node_of
                .iter()
                .find(|(glob, _)| glob.is_match(&source.path) || glob.is_match(&source.name))
            {
                reading.speaks_for.node = Some(node.clone());
                reading.speaks_for.node_from = Some("given on the command line".to_owned());
                self.nodes.insert(node.clone());
                continue;
            }
            let in_path = self
                .nodes
                .iter()
                .filter(|node| contains_name(&source.name, node))
                .max_by_key(|node| node.len())
                .cloned();
            if let Some(node) = reading.speaks_for.node.clone() {
                let node = self.canonical(&node);
                let folder = reading
                    .speaks_for
                    .component
                    .as_deref()
                    .and_then(|agent| folder_of_node(&source.name, agent))
                    .map(|folder| self.canonical(folder));
                let hints = std::mem::take(&mut reading.speaks_for.node_hints)
                    .into_iter()
                    .map(|(other, how)| (self.canonical(&other), how));
                let named = in_path
                    .or(folder)
                    .map(|other| (other, "its path names it".to_owned()));
                let other = hints.chain(named).find(|(other, _)| {
                    *other != node && !contains_name(&node, other) && !contains_name(other, &node)
                });
                if let Some((other, how)) = other {
                    let known = reading.speaks_for.node_from.as_deref();
                    self.disagreements.push((
                        index,
                        format!(
                            "it speaks for {node} ({}), but {other} is told too ({how}); the first was believed",
                            known.unwrap_or("its content")
                        ),
                    ));
                }
                reading.speaks_for.node = Some(node);
                continue;
            }
            let file = source.name.rsplit('/').next().unwrap_or(&source.name);
            let agent = reading
                .speaks_for
                .component
                .clone()
                .filter(|c| source::NODE_AGENTS.contains(&c.as_str()));
            let from_name = in_path.or_else(|| {
                let agent = agent.as_deref()?;
                if let Some(folder) = folder_of_node(&source.name, agent) {
                    return Some(self.canonical(folder));
                }
                let rest = file.strip_prefix(agent)?.strip_prefix(['-', '_', '.'])?;
                let stem = rest
                    .split(".log")
                    .next()?
                    .split(".journal")
                    .next()?
                    .split(".txt")
                    .next()?
                    .trim_end_matches(".json");
                (!stem.is_empty()
                    && stem.chars().any(|c| c.is_ascii_digit())
                    && stem.parse::<f64>().is_err())
                .then(|| self.canonical(stem))
            });
            let of_pod = reading
                .speaks_for
                .pod
                .as_ref()
                .and_then(|pod| self.pod_node.get(pod))
                .filter(|nodes| nodes.len() == 1)
                .and_then(BTreeSet::first)
                .cloned();
            if let Some(node) = from_name {
                reading.speaks_for.node = Some(node);
                reading.speaks_for.node_from = Some(format!("path name {file}"));
            } else if let (Some(_), Some(node)) = (agent, bound.get(&index)) {
                reading.speaks_for.node = Some(node.clone());
                reading.speaks_for.node_from =
                    Some("all pods it speaks of were bound to this node".to_owned());
            } else if let Some(node) = of_pod {
                reading.speaks_for.node = Some(self.canonical(&node));
                reading.speaks_for.node_from =
                    Some("the pod whose log it is was bound to this node".to_owned());
            }
        }
    }

    /// Finds the node to which all of several pods that a source speaks of were bound.
    fn nodes_of_pods(&self, timed: &[Timed], sources: usize) -> BTreeMap<usize, String> {
        const PODS: usize = 3;
        let mut pods: Vec<BTreeSet<(&String, &String)>> = vec![BTreeSet::new(); sources];
        for one in timed {
            let entities = &one.signal.entities;
            if let (Some(namespace), Some(pod)) = (entities.get("namespace"), entities.get("pod")) {
                pods[one.signal.evidence.origin.source].insert((namespace, pod));
            }
        }
        pods.iter()
            .enumerate()
            .filter(|(_, pods)| pods.len() >= PODS)
            .filter_map(|(index, pods)| {
                let mut nodes: BTreeSet<&String> = BTreeSet::new();
                for (namespace, pod) in pods {
                    nodes.extend(self.pod_node.get(&format!("{namespace}/{pod}"))?);
                }
                let only = nodes.first().filter(|_| nodes.len() == 1)?;
                Some((index, self.canonical(only)))
            })
            .collect()
    }

    /// Returns the full name of a node that is written as an address or without its domain.
    pub fn canonical(&self, node: &str) -> String {
        // A record that names a node by its address makes that look like a name.
        if let Some(name) = self.aliases.get(node) {
            return name.clone();
        }
        if self.nodes.contains(node) {
            return node.to_owned();
        }
        let mut longer = self.nodes.iter().filter(|full| {
            full.split('.').next() == Some(node) || node.split('.').next() == Some(full.as_str())
        });
        match (longer.next(), longer.next()) {
            (Some(only), None) => only.clone(),
            _ => node.to_owned(),
        }
    }

    /// Completes the entities of a signal. What happens before a pod has a node takes none from it.
    pub(super) fn name(&self, one: &mut Timed, readings: &[SourceReading], before_node: bool) {
        let signal = &mut one.signal;
        let mut infer =
            |entities: &mut crate::model::Entities, kind: &str, value: String, how: &str| {
                entities.insert(kind.to_owned(), value);
                one.inferred.insert(kind.to_owned(), how.to_owned());
            };
        if let Some(node) = signal.entities.get("node") {
            let full = self.canonical(node);
            signal.entities.insert("node".to_owned(), full);
        } else if signal
            .component
            .as_deref()
            .is_some_and(|c| source::NODE_AGENTS.contains(&c))
        {
            let speaks_for = &readings[signal.evidence.origin.source].speaks_for;
            if let Some(node) = &speaks_for.node {
                infer(
                    &mut signal.entities,
                    "node",
                    self.canonical(node),
                    speaks_for.node_from.as_deref().unwrap_or("the source"),
                );
            }
        }
        if !signal.entities.contains_key("pod")
            && let Some((namespace, pod)) = signal
                .entities
                .get("uid")
                .and_then(|uid| self.pod_uid.get(uid))
                .and_then(|full| full.split_once('/'))
        {
            infer(
                &mut signal.entities,
                "pod",
                pod.to_owned(),
                "the pod with this uid",
            );
            infer(
                &mut signal.entities,
                "namespace",
                namespace.to_owned(),
                "the pod with this uid",
            );
        }
        // A registry's refusal names the repository; which tag was asked for, others tell.
        if signal.kind == "pull_failed"
            && let Some(image) = signal.entities.get("image")
            && let Some(full) = self.with_its_tag(image, &signal.entities)
        {
            infer(
                &mut signal.entities,
                "image",
                full,
                "the only tag of this image on this node",
            );
        }
        // A runtime knows images, not pods.
        if matches!(signal.kind.as_str(), "pulling" | "pulled" | "pull_failed")
            && !signal.entities.contains_key("pod")
            && let (Some(node), Some(image)) =
                (signal.entities.get("node"), signal.entities.get("image"))
            && let Some((namespace, pod)) = self
                .image_pods
                .get(&(node.clone(), joining_form("image", image)))
                .filter(|pods| pods.len() == 1)
                .and_then(BTreeSet::first)
        {
            infer(&mut signal.entities, "pod", pod.clone(), ONLY_POD);
            infer(
                &mut signal.entities,
                "namespace",
                namespace.clone(),
                ONLY_POD,
            );
        }
        if let Some(pod) = signal.entities.get("pod").cloned() {
            if !signal.entities.contains_key("namespace")
                && let Some(only) = self
                    .namespaces_of
                    .get(&pod)
                    .filter(|n| n.len() == 1)
                    .and_then(BTreeSet::first)
            {
                infer(
                    &mut signal.entities,
                    "namespace",
                    only.clone(),
                    "the only pod of this name",
                );
            }
            if let Some(namespace) = signal.entities.get("namespace").cloned() {
                let full = format!("{namespace}/{pod}");
                if !before_node
                    && !signal.entities.contains_key("node")
                    && let Some(node) = self
                        .pod_node
                        .get(&full)
                        .filter(|n| n.len() == 1)
                        .and_then(BTreeSet::first)
                {
                    infer(
                        &mut signal.entities,
                        "node",
                        self.canonical(node),
                        "the node this pod was bound to",
                    );
                }
                if !signal.entities.contains_key("workload")
                    && let Some((workload, how)) = self.workload_of(&namespace, &pod)
                {
                    infer(&mut signal.entities, "workload", workload, how);
                }
                if !signal.entities.contains_key("image")
                    && let Some(image) = self
                        .pod_images
                        .get(&full)
                        .filter(|i| i.len() == 1)
                        .and_then(BTreeSet::first)
                {
                    infer(
                        &mut signal.entities,
                        "image",
                        image.clone(),
                        "the only image of this pod",
                    );
                }
            }
        }
        if let Some(workload) = signal
            .entities
            .get("workload")
            .filter(|w| w.split('/').count() == 2)
            .cloned()
        {
            let mut full = self
                .workloads
                .iter()
                .filter(|w| w.split_once('/').is_some_and(|(_, rest)| rest == workload));
            if let (Some(only), None) = (full.next(), full.next()) {
                infer(
                    &mut signal.entities,
                    "workload",
                    only.clone(),
                    "the only workload of this name",
                );
            }
        }
        if signal.kind == "pull_failed"
            && let Some(image) = signal.entities.get("image").cloned()
        {
            signal
                .entities
                .insert("registry".to_owned(), registry_of(&image).to_owned());
        }
    }

    /// Returns the one reference with a tag or a digest that was told on this node of an image that is written without, of this pod if it is known.
    fn with_its_tag(&self, image: &str, entities: &crate::model::Entities) -> Option<String> {
        let bare = joining_form("image", image);
        let name = bare
            .strip_suffix(":latest")
            .filter(|_| !image.ends_with(":latest"))?;
        let node = entities.get("node")?;
        let pod = entities.get("namespace").zip(entities.get("pod"));
        let on_node = self
            .image_pods
            .range((node.clone(), String::new())..)
            .take_while(|((place, _), _)| place == node);
        let mut tagged = on_node.filter(|((_, form), pods)| {
            let rest = form.strip_prefix(name);
            let of_pod =
                pod.is_none_or(|(namespace, pod)| pods.contains(&(namespace.clone(), pod.clone())));
            *form != bare && of_pod && rest.is_some_and(|rest| rest.starts_with([':', '@']))
        });
        let ((_, full), pods) = tagged.next()?;
        // Another pod may have asked for it without a tag.
        let bare_too = self.image_pods.get(&(node.clone(), bare.clone()));
        let same = bare_too.is_none_or(|others| others.is_subset(pods));
        (tagged.next().is_none() && (pod.is_some() || same)).then(|| full.clone())
    }

    /// Returns the workload that owns a pod, and how that is known.
    pub fn workload_of(&self, namespace: &str, pod: &str) -> Option<(String, &'static str)> {
        if let Some(owner) = self.pod_owner.get(&format!("{namespace}/{pod}")) {
            if let Some(above) = self.owners.get(owner) {
                return Some((above.clone(), "ownerReferences"));
            }
            let (rest, name) = owner.rsplit_once('/')?;
            if rest.ends_with("/ReplicaSet")
                && let Some((stem, _)) = name.rsplit_once('-')
            {
                return Some((
                    format!("{namespace}/Deployment/{stem}"),
                    "ownerReferences and the ReplicaSet's pod-template-hash",
                ));
            }
            return Some((owner.clone(), "ownerReferences"));
        }
        let named = |shape: &Option<Regex>| {
            let parts = shape.as_ref()?.captures(pod)?;
            Some(parts["name"].to_owned())
        };
        let workload = match named(&self.cron_shape) {
            Some(name) => format!("{namespace}/CronJob/{name}"),
            None => format!("{namespace}/Deployment/{}", named(&self.name_shape)?),
        };
        Some((workload, "the shape of the pod's name"))
    }
}

/// Returns the folder that a node agent's file lies in, if bundles name it after the node: `node-a1/kubelet.log`.
///
/// # Source
/// `kind export logs` and most collectors make one folder a node; the names here are those that layouts use for anything else.
fn folder_of_node<'a>(path: &'a str, agent: &str) -> Option<&'a str> {
    const OTHERS: &[&str] = &[
        "log",
        "logs",
        "var",
        "journal",
        "journald",
        "systemd",
        "nodes",
        "node",
        "kubelet",
        "containerd",
        "docker",
        "host",
        "host_service_logs",
        "services",
        "incident",
        "bundle",
        "cluster",
        "captures",
        "samples",
        "data",
    ];
    let (folders, file) = path.rsplit_once('/')?;
    let folder = folders.rsplit(['/', '!']).next()?;
    let stem = file.split('.').next()?;
    let own_file = stem == agent || stem == "journal";
    (own_file
        && !OTHERS.contains(&folder)
        && !folder.contains(".tar")
        && folder.chars().any(|c| c.is_ascii_digit() || c == '-'))
    .then_some(folder)
}

/// Returns whether a path holds a node's name as a word of its own, so that `node-1` is not found in `node-12`.
fn contains_name(path: &str, node: &str) -> bool {
    path.match_indices(node).any(|(at, _)| {
        let before = path[..at].chars().next_back();
        let after = path[at + node.len()..].chars().next();
        before.is_none_or(|c| !c.is_ascii_alphanumeric())
            && after.is_none_or(|c| !c.is_ascii_alphanumeric())
    })
}

pub(super) fn minor_of(version: &str) -> String {
    version
        .trim_start_matches('v')
        .split('.')
        .take(2)
        .collect::<Vec<_>>()
        .join(".")
}

/// Returns whether an eviction message tells that a container used much more than it asked for.
///
/// # Source
/// Kubernetes API conventions, quantities.
pub(super) fn quantity(text: &str) -> Option<f64> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let unit = match &text[end..] {
        "" => 1.0,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    Some(number * unit)
}
