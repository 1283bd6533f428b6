//! Objects of the cluster: each version once, and what the containers of pods were seen to run.
//!
//! Kept so that a policy can be tried on what was really asked of the cluster. Of pods the status is left out, except for what ran.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{list, text};
use crate::grammar::peel::Record;
use crate::grammar::stamp::Layout;
use crate::model::Evidence;
use crate::model::artefact::{Artefacts, ClusterObject, Ran};

/// Objects that are kept of one input. What is beyond is counted.
const MOST: usize = 20_000;

/// Keeps an object, unless the same version of it is kept already.
pub(super) fn keep(
    value: &Value,
    outer: &Record,
    found: &mut Artefacts,
    cite: &mut dyn FnMut() -> Evidence,
) {
    let kind = match text(value, &["kind"]) {
        Some(kind) => kind,
        // Objects stored one a file often lack their kind; the formats that read them are for Pods and Nodes.
        None if value
            .get("spec")
            .and_then(|s| s.get("containers"))
            .is_some() =>
        {
            "Pod"
        }
        None => "Node",
    };
    let name = text(value, &["metadata", "name"]).unwrap_or_default();
    let namespace = text(value, &["metadata", "namespace"]).unwrap_or(match kind {
        "Node" | "Namespace" | "KubeletConfiguration" => "",
        _ => "default",
    });
    let kept = slim(kind, value);
    let ran = if kind == "Pod" {
        ran(value)
    } else {
        Vec::new()
    };
    let uid = |value: &Value| {
        text(value, &["metadata", "uid"])
            .unwrap_or_default()
            .to_owned()
    };
    // Versions of one object stand near one another; what is missed here is joined in `settle`.
    if let Some(known) = found.objects.iter_mut().rev().take(256).find(|o| {
        o.kind == kind
            && o.name == name
            && o.namespace == namespace
            && same(kind, &o.value, &kept)
            && uid(&o.value) == uid(&kept)
    }) {
        merge(known, ran);
        return;
    }
    if found.objects.len() >= MOST {
        found.objects_left_out += 1;
        return;
    }
    let created = text(value, &["metadata", "creationTimestamp"])
        .and_then(|t| Layout::Iso.take(t))
        .map(|(_, reading)| reading)
        .filter(|_| kind == "Pod");
    found.objects.push(ClusterObject {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        value: kept,
        created: created.or_else(|| outer.readings.first().cloned()),
        moment: None,
        ran,
        evidence: cite(),
    });
}

/// Keeps a kubelet's configuration, as its file has it or as the kubelet shows it.
pub(super) fn of_kubelet(
    value: &Value,
    outer: &Record,
    found: &mut Artefacts,
    cite: &mut dyn FnMut() -> Evidence,
) {
    let mut own = value.get("kubeletconfig").unwrap_or(value).clone();
    if let Some(own) = own.as_object_mut() {
        own.insert("kind".to_owned(), Value::from("KubeletConfiguration"));
        keep(&Value::Object(own.clone()), outer, found, cite);
    }
}

/// Two sightings of a pod are the same object; a workload is another one when what it asks for has changed.
fn same(kind: &str, known: &Value, seen: &Value) -> bool {
    match kind {
        "Pod" | "Node" => true,
        // It has no name: which node it is for, its source tells.
        "KubeletConfiguration" => false,
        _ => known.get("spec") == seen.get("spec"),
    }
}

fn slim(kind: &str, value: &Value) -> Value {
    let mut kept = Map::new();
    let parts: &[&str] = match kind {
        "KubeletConfiguration" => return value.clone(),
        "Node" => &["apiVersion", "metadata", "spec"],
        _ => &[
            "apiVersion",
            "metadata",
            "spec",
            "webhooks",
            "data",
            "groups",
        ],
    };
    for part in parts {
        if let Some(own) = value.get(part) {
            kept.insert((*part).to_owned(), own.clone());
        }
    }
    kept.insert("kind".to_owned(), Value::from(kind));
    if let Some(metadata) = kept.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
    if let (Some(spec), true) = (
        kept.get_mut("spec").and_then(Value::as_object_mut),
        kind == "Pod",
    ) {
        // Which node it went to is not part of what was asked for.
        spec.remove("nodeName");
    }
    if kind == "Node"
        && let Some(status) = value.get("status").and_then(Value::as_object)
    {
        let told = ["capacity", "allocatable", "nodeInfo"];
        let status: Map<String, Value> = status
            .iter()
            .filter(|(name, _)| told.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        kept.insert("status".to_owned(), Value::Object(status));
    }
    Value::Object(kept)
}

/// # Source
/// core/v1 Pod: `containerStatuses[].imageID` is the digest that the runtime resolved; a running state has `startedAt`.
fn ran(value: &Value) -> Vec<Ran> {
    let node = text(value, &["spec", "nodeName"]).unwrap_or_default();
    list(value, &["status", "containerStatuses"])
        .iter()
        .filter_map(|status| {
            let (_, digest) = text(status, &["imageID"])?.split_once('@')?;
            let started = text(status, &["state", "running", "startedAt"])?;
            Some(Ran {
                image: text(status, &["image"])?.to_owned(),
                digest: digest.to_owned(),
                node: node.to_owned(),
                started: started.to_owned(),
                ready: status.get("ready").and_then(Value::as_bool) == Some(true),
            })
        })
        .collect()
}

fn merge(known: &mut ClusterObject, ran: Vec<Ran>) {
    for one in ran {
        let same = |r: &&mut Ran| {
            r.digest == one.digest && r.started == one.started && r.image == one.image
        };
        match known.ran.iter_mut().find(same) {
            Some(seen) => seen.ready |= one.ready,
            None => known.ran.push(one),
        }
    }
}

/// Joins what the parts of the input kept. The earliest sighting of a version stays.
pub(super) fn settle(found: &mut Artefacts) {
    let mut kept: Vec<ClusterObject> = Vec::new();
    let mut index: BTreeMap<(String, String, String, String), Vec<usize>> = BTreeMap::new();
    for object in found.objects.drain(..) {
        let uid = text(&object.value, &["metadata", "uid"])
            .unwrap_or_default()
            .to_owned();
        let key = (
            object.kind.clone(),
            object.namespace.clone(),
            object.name.clone(),
            uid,
        );
        let versions = index.entry(key).or_default();
        match versions
            .iter()
            .find(|at| same(&object.kind, &kept[**at].value, &object.value))
        {
            Some(at) => merge(&mut kept[*at], object.ran),
            None => {
                versions.push(kept.len());
                kept.push(object);
            }
        }
    }
    if kept.len() > MOST {
        found.objects_left_out += (kept.len() - MOST) as u64;
        kept.truncate(MOST);
    }
    found.objects = kept;
}
