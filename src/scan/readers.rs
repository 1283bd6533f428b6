//! Readers for shapes that data cannot express: Node, Pod and workload objects, registry envelopes.
//!
//! Each takes a JSON object and gives records for the wordings, and relations that `align` joins by.

use serde_json::Value;

use crate::grammar::peel::{Record, plain};
use crate::grammar::stamp::Layout;
use crate::model::{Reading, Relation, Witness};

/// Runs the reader that a format names.
pub(super) fn read(
    reader: &str,
    value: &Value,
    outer: &Record,
    source: usize,
    relations: &mut Vec<Relation>,
) -> Vec<Record> {
    match reader {
        "kube-node" => node(value, outer, source, relations),
        "kube-pod" => pod(value, outer, source, relations),
        "kube-workload" => {
            workload(value, source, relations);
            Vec::new()
        }
        "kubelet-config" => {
            settings_of_kubelet(value, source, relations);
            Vec::new()
        }
        "collect-manifest" => {
            not_collected(value, source, relations);
            Vec::new()
        }
        "registry-envelope" => notifications(value, outer),
        "stages" => stages(outer),
        _ => Vec::new(),
    }
}

fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter()
        .try_fold(value, |at, part| at.get(part))
        .and_then(Value::as_str)
        .filter(|t| !t.is_empty())
}

fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    path.iter()
        .try_fold(value, |at, part| at.get(part))
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn stamp(written: Option<&str>) -> Option<Reading> {
    let text = written?;
    Layout::Iso
        .take(text)
        .or_else(|| rfc1123().take(text))
        .map(|(_, reading)| reading)
}

/// # Source
/// kubectl describe prints times as RFC 1123 with a numeric zone: `Wed, 22 May 2024 03:16:10 +0000`.
fn rfc1123() -> Layout {
    Layout::parse("%a, %d %b %Y %H:%M:%S %z").unwrap_or(Layout::Iso)
}

/// Starts a record of another type that came in the same envelopes.
fn part_of(outer: &Record, of: &str) -> Record {
    Record {
        of: of.to_owned(),
        formats: outer.formats.clone(),
        entities: outer.entities.clone(),
        readings: outer.readings.clone(),
        count: 1,
        component: None,
        ..Record::default()
    }
}

/// What was asked of the cluster and did not come. What the cluster does not have is not missing.
///
/// # Source
/// Rootline, the manifest of `rootline collect`: `requests[].status`, `nodes_not_asked`, `stopped`.
fn not_collected(value: &Value, source: usize, relations: &mut Vec<Relation>) {
    let mut say = |name: &str, value: String| {
        relations.push(Relation {
            subject: "collection",
            name: name.to_owned(),
            says: "missing",
            value,
            source,
        });
    };
    for request in list(value, &["requests"]) {
        let status = match text(request, &["status"]) {
            Some("refused") => "it was refused",
            Some("failed") => "asking for it failed",
            Some("timed_out") => "it did not come in time",
            Some("stopped") => "collecting was stopped before it came",
            Some("cut") => "it was too large, and is cut off",
            _ => continue,
        };
        let what = text(request, &["what"]).unwrap_or("something unnamed");
        // kubectl's logs about its own cache stand before the reason.
        let said = text(request, &["said"]).and_then(|said| {
            let own = |line: &&str| line.contains("memcache.go:");
            said.lines().find(|l| !own(l)).or(said.lines().next())
        });
        say(
            what,
            said.map_or(status.to_owned(), |said| format!("{status}: {said}")),
        );
    }
    if value.get("stopped").and_then(Value::as_bool) == Some(true) {
        say(
            "what would have been asked next",
            "collecting was stopped before its end".to_owned(),
        );
    }
    let left: Vec<&str> = list(value, &["nodes_not_asked"])
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if !left.is_empty() {
        let some = left.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = if left.len() > 5 { ", …" } else { "" };
        say(
            &format!("logs of {} nodes ({some}{more})", left.len()),
            "these nodes were not asked".to_owned(),
        );
    }
}

/// # Source
/// core/v1 Node: conditions with `lastTransitionTime` (whole seconds), taints with `timeAdded` (NoExecute only).
fn node(
    value: &Value,
    outer: &Record,
    source: usize,
    relations: &mut Vec<Relation>,
) -> Vec<Record> {
    let Some(name) = text(value, &["metadata", "name"]) else {
        return Vec::new();
    };
    let mut say = |says: &'static str, value: Option<&str>| {
        if let Some(value) = value {
            relations.push(Relation {
                subject: "node",
                name: name.to_owned(),
                says,
                value: value.to_owned(),
                source,
            });
        }
    };
    say(
        "version",
        text(value, &["status", "nodeInfo", "kubeletVersion"]),
    );
    say(
        "runtime",
        text(value, &["status", "nodeInfo", "containerRuntimeVersion"]),
    );
    say("created", text(value, &["metadata", "creationTimestamp"]));
    say(
        "disk",
        text(value, &["status", "capacity", "ephemeral-storage"]),
    );
    for address in list(value, &["status", "addresses"]) {
        say("address", text(address, &["address"]));
    }
    // The cloud's name of the machine, whole and its last part: `aws:///eu-1a/i-0c0d7a52`.
    let provider = text(value, &["spec", "providerID"]);
    say("address", provider);
    say(
        "address",
        provider
            .and_then(|id| id.rsplit('/').next())
            .filter(|id| !id.is_empty()),
    );
    let mut records = Vec::new();
    for condition in list(value, &["status", "conditions"]) {
        let mut record = part_of(outer, "node-condition");
        record.entities.insert("node".into(), name.to_owned());
        for (field, path) in [
            ("condition", "type"),
            ("status", "status"),
            ("reason", "reason"),
            ("message", "message"),
        ] {
            record.fields.insert(
                field.into(),
                text(condition, &[path]).unwrap_or_default().to_owned(),
            );
        }
        record
            .entities
            .insert("condition".into(), record.fields["condition"].clone());
        record.body = format!(
            "{} is {}: {}",
            record.fields["condition"], record.fields["status"], record.fields["message"]
        );
        match stamp(text(condition, &["lastTransitionTime"])) {
            Some(reading) => {
                record.readings.push(reading);
                record.witness = Some(Witness::Transition);
            }
            None => record.witness = Some(Witness::SeenBy),
        }
        // The node controller writes Unknown, the kubelet everything else.
        record.component = Some(
            if record.fields["status"] == "Unknown" {
                "kube-controller-manager"
            } else {
                "kubelet"
            }
            .to_owned(),
        );
        records.push(record);
    }
    for taint in list(value, &["spec", "taints"]) {
        let (Some(key), Some(effect)) = (text(taint, &["key"]), text(taint, &["effect"])) else {
            continue;
        };
        let mut record = part_of(outer, "node-taint");
        record.entities.insert("node".into(), name.to_owned());
        record
            .entities
            .insert("taint".into(), format!("{key}:{effect}"));
        record.fields.insert("key".into(), key.to_owned());
        record.fields.insert("effect".into(), effect.to_owned());
        record.body = format!("taint {key}:{effect}");
        match stamp(text(taint, &["timeAdded"])) {
            Some(reading) => {
                record.readings.push(reading);
                record.witness = Some(Witness::Transition);
            }
            None => record.witness = Some(Witness::SeenBy),
        }
        records.push(record);
    }
    records
}

/// # Source
/// core/v1 Pod: `status.reason`, `containerStatuses[].state`; a waiting state has no time. The condition `DisruptionTarget` (1.26 and later) has one.
fn pod(value: &Value, outer: &Record, source: usize, relations: &mut Vec<Relation>) -> Vec<Record> {
    let (Some(name), Some(namespace)) = (
        text(value, &["metadata", "name"]),
        text(value, &["metadata", "namespace"]),
    ) else {
        return Vec::new();
    };
    settings_of_pod(value, source, relations);
    let full = format!("{namespace}/{name}");
    let mut say = |says: &'static str, value: Option<&str>| {
        if let Some(value) = value {
            relations.push(Relation {
                subject: "pod",
                name: full.clone(),
                says,
                value: value.to_owned(),
                source,
            });
        }
    };
    let node = text(value, &["spec", "nodeName"]);
    say("node", node);
    say("uid", text(value, &["metadata", "uid"]));
    say("created", text(value, &["metadata", "creationTimestamp"]));
    say(
        "hash",
        text(value, &["metadata", "labels", "pod-template-hash"]),
    );
    for owner in list(value, &["metadata", "ownerReferences"]) {
        if owner.get("controller").and_then(Value::as_bool) == Some(true) {
            let owner = format!(
                "{namespace}/{}/{}",
                text(owner, &["kind"]).unwrap_or_default(),
                text(owner, &["name"]).unwrap_or_default()
            );
            say("owner", Some(&owner));
        }
    }
    for container in list(value, &["spec", "containers"]) {
        say("image", text(container, &["image"]));
    }
    let mut start = part_of(outer, "pod-status");
    start.entities.extend([
        ("pod".to_owned(), name.to_owned()),
        ("namespace".to_owned(), namespace.to_owned()),
    ]);
    if let Some(node) = node {
        start.entities.insert("node".into(), node.to_owned());
    }
    start.component = Some("kubelet".to_owned());
    let mut records = Vec::new();
    if let Some(reason) = text(value, &["status", "reason"]) {
        let mut record = start.clone();
        record.fields.extend([
            (
                "phase".to_owned(),
                text(value, &["status", "phase"])
                    .unwrap_or_default()
                    .to_owned(),
            ),
            ("reason".to_owned(), reason.to_owned()),
            (
                "message".to_owned(),
                text(value, &["status", "message"])
                    .unwrap_or_default()
                    .to_owned(),
            ),
        ]);
        record.body = format!("{reason}: {}", record.fields["message"]);
        let disrupted = list(value, &["status", "conditions"])
            .iter()
            .find(|c| text(c, &["type"]) == Some("DisruptionTarget"));
        record.witness = Some(Witness::SeenBy);
        if let Some(reading) = disrupted.and_then(|c| stamp(text(c, &["lastTransitionTime"]))) {
            record.readings.push(reading);
        } else if record.fields["message"].starts_with("Pod was rejected")
            && let Some(reading) = stamp(text(value, &["status", "startTime"]))
        {
            // A pod that a node refuses gets its start time from the refusal.
            record.readings.push(reading);
            record.witness = Some(Witness::Transition);
        }
        records.push(record);
    }
    for statuses in ["initContainerStatuses", "containerStatuses"] {
        for status in list(value, &["status", statuses]) {
            let Some((state, detail)) = status
                .get("state")
                .and_then(Value::as_object)
                .and_then(|states| states.iter().next())
            else {
                continue;
            };
            let mut record = start.clone();
            record.of = "container-status".into();
            let container = text(status, &["name"]).unwrap_or_default();
            let image = text(status, &["image"]).unwrap_or_default();
            record.fields.extend([
                ("state".to_owned(), state.clone()),
                (
                    "reason".to_owned(),
                    text(detail, &["reason"]).unwrap_or_default().to_owned(),
                ),
                (
                    "message".to_owned(),
                    text(detail, &["message"]).unwrap_or_default().to_owned(),
                ),
                (
                    "exit_code".to_owned(),
                    detail.get("exitCode").map(plain).unwrap_or_default(),
                ),
                ("container".to_owned(), container.to_owned()),
                ("image".to_owned(), image.to_owned()),
            ]);
            record
                .entities
                .insert("container".into(), container.to_owned());
            if !image.is_empty() {
                record.entities.insert("image".into(), image.to_owned());
            }
            record.body = format!("{}: {}", record.fields["reason"], record.fields["message"]);
            record.witness = Some(Witness::SeenBy);
            let changed = match state.as_str() {
                "terminated" => text(detail, &["finishedAt"]),
                "running" => text(detail, &["startedAt"]),
                _ => None,
            };
            if let Some(reading) = stamp(changed) {
                record.readings.push(reading);
                record.witness = Some(Witness::Transition);
            }
            if let Some((_, digest)) = text(status, &["imageID"]).and_then(|id| id.split_once('@'))
            {
                relations.push(Relation {
                    subject: "image",
                    name: image.to_owned(),
                    says: "digest",
                    value: digest.to_owned(),
                    source,
                });
            }
            records.push(record);
        }
    }
    records
}

/// Components whose flags a static pod shows.
const CONFIGURED: &[&str] = &[
    "kube-controller-manager",
    "kube-apiserver",
    "kube-scheduler",
];

fn setting(component: &str, key: &str, value: &str, source: usize) -> Relation {
    Relation {
        subject: "setting",
        name: format!("{component} {key}"),
        says: "value",
        value: value.to_owned(),
        source,
    }
}

/// # Source
/// Static pods of kubeadm and others: the command and its arguments are the component's flags, `--name=value`.
fn settings_of_pod(value: &Value, source: usize, relations: &mut Vec<Relation>) {
    for container in list(value, &["spec", "containers"]) {
        let mut words = ["command", "args"]
            .into_iter()
            .flat_map(|part| list(container, &[part]))
            .filter_map(Value::as_str);
        let Some(component) = words.next().and_then(|first| first.rsplit('/').next()) else {
            continue;
        };
        if !CONFIGURED.contains(&component) {
            continue;
        }
        for (flag, value) in words.filter_map(|word| word.split_once('=')) {
            if flag.starts_with("--") {
                relations.push(setting(component, flag, value, source));
            }
        }
    }
}

/// # Source
/// kubelet.config.k8s.io/v1beta1 KubeletConfiguration; `/configz` wraps it in `kubeletconfig`.
fn settings_of_kubelet(value: &Value, source: usize, relations: &mut Vec<Relation>) {
    let config = value.get("kubeletconfig").unwrap_or(value);
    for (name, value) in config.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => relations.push(setting("kubelet", name, text, source)),
            Value::Number(number) => {
                relations.push(setting("kubelet", name, &number.to_string(), source));
            }
            Value::Object(inner) => {
                for (key, value) in inner {
                    if let Some(text) = value.as_str() {
                        relations.push(setting("kubelet", &format!("{name}.{key}"), text, source));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Reads who made a pod from what a controller says of it: "Created pod: X", told as an Event about the owner.
///
/// # Source
/// Kubernetes controllers, 1.20 to 1.36: SuccessfulCreate and SuccessfulDelete of ReplicaSet, DaemonSet, ReplicationController, StatefulSet, Job.
pub(super) fn made_by(record: &Record, source: usize) -> Option<Relation> {
    let get = |name: &str| record.fields.get(name).map(String::as_str);
    if record.of != "event" || !matches!(get("reason")?, "SuccessfulCreate" | "SuccessfulDelete") {
        return None;
    }
    let pod = [
        "Created pod: ",
        "Deleted pod: ",
        "create Pod ",
        "delete Pod ",
    ]
    .iter()
    .find_map(|begin| record.body.strip_prefix(begin))?
    .split_whitespace()
    .next()?;
    let kind = match get("object_kind")?.to_lowercase().split('.').next()? {
        "replicaset" | "rs" => "ReplicaSet",
        "daemonset" | "ds" => "DaemonSet",
        "statefulset" | "sts" => "StatefulSet",
        "replicationcontroller" | "rc" => "ReplicationController",
        "job" => "Job",
        _ => return None,
    };
    let namespace = get("object_namespace").filter(|n| !n.is_empty())?;
    Some(Relation {
        subject: "pod",
        name: format!("{namespace}/{pod}"),
        says: "owner",
        value: format!("{namespace}/{kind}/{}", get("object_name")?),
        source,
    })
}

fn workload(value: &Value, source: usize, relations: &mut Vec<Relation>) {
    let (Some(kind), Some(name)) = (text(value, &["kind"]), text(value, &["metadata", "name"]))
    else {
        return;
    };
    let full = format!(
        "{}/{kind}/{name}",
        text(value, &["metadata", "namespace"]).unwrap_or("default")
    );
    for owner in list(value, &["metadata", "ownerReferences"]) {
        if owner.get("controller").and_then(Value::as_bool) == Some(true) {
            let namespace = text(value, &["metadata", "namespace"]).unwrap_or("default");
            let owner = format!(
                "{namespace}/{}/{}",
                text(owner, &["kind"]).unwrap_or_default(),
                text(owner, &["name"]).unwrap_or_default()
            );
            relations.push(Relation {
                subject: "workload",
                name: full.clone(),
                says: "owner",
                value: owner,
                source,
            });
        }
    }
    for container in list(value, &["spec", "template", "spec", "containers"]) {
        if let Some(image) = text(container, &["image"]) {
            relations.push(Relation {
                subject: "workload",
                name: full.clone(),
                says: "image",
                value: image.to_owned(),
                source,
            });
        }
        if let Some(policy) = text(container, &["imagePullPolicy"]) {
            relations.push(Relation {
                subject: "workload",
                name: full.clone(),
                says: "policy",
                value: policy.to_owned(),
                source,
            });
        }
    }
}

/// Gives one record for each stage that an object has a time for: fields `<stage>_at`, or `event` with `event_at`.
fn stages(outer: &Record) -> Vec<Record> {
    let stage_of_event = |event: &str| {
        let event = event.to_lowercase();
        [
            ("trigger", "fired"),
            ("create", "fired"),
            ("acknowledge", "acknowledged"),
            ("resolve", "resolved"),
            ("close", "resolved"),
        ]
        .into_iter()
        .find(|(word, _)| event.contains(word))
        .map(|(_, stage)| stage.to_owned())
    };
    let event = outer
        .fields
        .get("event")
        .and_then(|event| stage_of_event(event));
    outer
        .fields
        .iter()
        .filter_map(|(name, written)| {
            let stage = match name.strip_suffix("_at")? {
                "event" => event.clone()?,
                stage => stage.to_owned(),
            };
            let reading = any_stamp(written)?;
            let mut record = part_of(outer, &outer.of);
            record.fields.clone_from(&outer.fields);
            record.fields.insert("stage".to_owned(), stage);
            record.readings = vec![reading];
            record.component = Some(
                if outer.of == "alert" {
                    "alerting"
                } else {
                    "deploy"
                }
                .to_owned(),
            );
            record.body = outer.fields.get("name").cloned().unwrap_or_default();
            Some(record)
        })
        .collect()
}

/// Reads an ISO stamp, or an epoch whose unit its size tells.
///
/// # Source
/// Opsgenie writes milliseconds and nanoseconds in one object; Spinnaker milliseconds; all mean times after 2001.
fn any_stamp(written: &str) -> Option<Reading> {
    let layout = match written
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then_some(written.len())
    {
        Some(9 | 10) => Layout::EpochSeconds,
        Some(12 | 13) => Layout::EpochMillis,
        Some(15 | 16) => Layout::EpochMicros,
        Some(18 | 19) => Layout::EpochNanos,
        _ => Layout::Iso,
    };
    layout.take(written).map(|(_, reading)| reading)
}

/// # Source
/// CNCF distribution notifications: `events[]` with action, target, request and actor.
fn notifications(value: &Value, outer: &Record) -> Vec<Record> {
    list(value, &["events"])
        .iter()
        .map(|event| {
            let mut record = part_of(outer, "registry-notification");
            record.component = Some("registry".to_owned());
            let fields = [
                ("action", text(event, &["action"])),
                ("media_type", text(event, &["target", "mediaType"])),
                ("repository", text(event, &["target", "repository"])),
                ("tag", text(event, &["target", "tag"])),
                ("digest", text(event, &["target", "digest"])),
                ("host", text(event, &["request", "host"])),
                ("useragent", text(event, &["request", "useragent"])),
                ("addr", text(event, &["request", "addr"])),
            ];
            record.fields.extend(
                fields
                    .iter()
                    .filter_map(|(name, value)| value.map(|v| ((*name).to_owned(), v.to_owned()))),
            );
            if let (Some(host), Some(repository)) = (
                text(event, &["request", "host"]),
                text(event, &["target", "repository"]),
            ) {
                if let Some(tag) = text(event, &["target", "tag"]) {
                    record
                        .entities
                        .insert("image".into(), format!("{host}/{repository}:{tag}"));
                } else if let Some(digest) = text(event, &["target", "digest"]) {
                    record
                        .entities
                        .insert("image".into(), format!("{host}/{repository}@{digest}"));
                }
            }
            if let Some(digest) = text(event, &["target", "digest"]) {
                record.entities.insert("digest".into(), digest.to_owned());
            }
            record.readings.extend(stamp(text(event, &["timestamp"])));
            record.body = format!(
                "{} {}",
                record.fields.get("action").map_or("", String::as_str),
                record.fields.get("repository").map_or("", String::as_str)
            );
            record
        })
        .collect()
}
