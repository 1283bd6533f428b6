//! Which records speak of the culprit image and of the one before it, and how large they say it is.
//!
//! Compressed and unpacked sizes are kept apart. A record counts only if its digest or, where the name did not move, its name fits.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::model::artefact::{ClusterObject, ImageArtefact, ImageSource, Measure, parse_bytes};
use crate::model::entity::joining_form;
use crate::model::{Amount, Cascade, Fact, Incident};

/// The image that a cascade is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Culprit {
    pub(super) image: String,
    pub(super) digest: Option<String>,
    pub(super) workload: Option<String>,
}

/// Returns the culprit image of a cascade, if it has one.
pub(super) fn culprit(incident: &Incident, cascade: &Cascade) -> Option<Culprit> {
    let get = |kind: &str| {
        cascade
            .culprit
            .iter()
            .find(|(k, _)| k == kind)
            .map(|(_, value)| value.clone())
    };
    let image = get("image")?;
    let workload = get("workload").or_else(|| owner(incident, cascade, &image));
    Some(Culprit {
        image,
        digest: get("digest"),
        workload,
    })
}

/// The workload that owns the pods of a cascade which ask for its image, by their objects; `None` where they name none, or several.
fn owner(incident: &Incident, cascade: &Cascade, image: &str) -> Option<String> {
    let objects = &incident.artefacts.objects;
    let befell = |pod: &ClusterObject| {
        let mut members = cascade.members.iter().chain([&cascade.origin]);
        members.any(|id| {
            let named = incident.facts[*id].entity("pod");
            named.is_some_and(|named| named.rsplit('/').next() == Some(pod.name.as_str()))
        })
    };
    let owners = objects
        .iter()
        .filter(|o| o.kind == "Pod" && o.names_image(image) && befell(o))
        .map(|pod| {
            let (kind, name) = controller(pod)?;
            let set = |o: &&ClusterObject| {
                o.kind == "ReplicaSet" && o.name == name && o.namespace == pod.namespace
            };
            let deployment = |name: &str| {
                let mut all = objects.iter();
                all.any(|o| {
                    o.kind == "Deployment" && o.name == name && o.namespace == pod.namespace
                })
            };
            let above = match kind.as_str() {
                "ReplicaSet" => objects.iter().find(set).and_then(controller).or_else(|| {
                    let (stem, _) = name.rsplit_once('-')?;
                    deployment(stem).then(|| ("Deployment".to_owned(), stem.to_owned()))
                }),
                _ => None,
            };
            let (kind, name) = above.unwrap_or((kind, name));
            Some(format!("{}/{kind}/{name}", pod.namespace))
        });
    let mut one: Option<String> = None;
    for owner in owners {
        match (owner, &one) {
            (Some(owner), None) => one = Some(owner),
            (Some(owner), Some(known)) if owner == *known => {}
            _ => return None,
        }
    }
    one
}

/// Kind and name of what an object's first owner reference names.
fn controller(object: &ClusterObject) -> Option<(String, String)> {
    let owners = object.value.get("metadata")?.get("ownerReferences")?;
    let owner = owners.as_array()?.first()?;
    let get = |key: &str| owner.get(key).and_then(Value::as_str).map(str::to_owned);
    Some((get("kind")?, get("name")?))
}

/// Returns whether pulls of an image ran out of space in a cascade.
pub(super) fn pull_ran_out_of_space(incident: &Incident, cascade: &Cascade) -> bool {
    cascade.mechanism == "image_pull_filled_disk"
        && cascade.members.iter().chain([&cascade.origin]).any(|id| {
            let fact = &incident.facts[*id];
            fact.kind == "pull_failed" && fact.cause.as_deref() == Some("no_space")
                || fact.kind == "no_space"
        })
}

/// Returns when the change came that began a cascade, or else its first fault.
pub(super) fn begin(incident: &Incident, cascade: &Cascade) -> Option<DateTime<Utc>> {
    let at = |id: usize| incident.facts[id].moment.map(|m| m.at);
    cascade.trigger.and_then(at).or_else(|| at(cascade.origin))
}

/// Returns a time as people say it beside an incident: with its date only where that is another day than the incident's first fault.
pub(super) fn clock(incident: &Incident, at: DateTime<Utc>) -> String {
    let day = incident
        .cascades
        .first()
        .and_then(|c| incident.facts[c.origin].moment)
        .map(|m| m.at.date_naive());
    match day {
        Some(day) if day != at.date_naive() => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        _ => at.format("%H:%M:%S").to_string(),
    }
}

fn same_name(a: &str, b: &str) -> bool {
    joining_form("image", a) == joining_form("image", b)
}

/// How a record is known to be about an image; `None` if it is not.
pub(super) fn is_of(
    incident: &Incident,
    artefact: &ImageArtefact,
    image: &str,
    digest: Option<&str>,
) -> Option<&'static str> {
    if let (Some(own), Some(digest)) = (artefact.digest.as_deref(), digest) {
        return (own == digest).then_some("its digest is the same");
    }
    let named = artefact.names.iter().any(|name| same_name(name, image));
    if named {
        let moved = incident.facts.iter().any(|f| {
            f.kind == "tag_moved" && f.entity("image").is_some_and(|i| same_name(i, image))
        });
        // A name that stood for several images does not tell which of them a record shows.
        return (!moved).then_some("it has the same name");
    }
    // A description without a name is only taken for that of the image that the incident is about.
    let of_culprit = incident
        .cascades
        .iter()
        .filter_map(|c| culprit(incident, c))
        .any(|c| same_name(&c.image, image) && (digest.is_none() || c.digest.as_deref() == digest));
    let only = of_culprit
        && artefact.names.is_empty()
        && artefact.digest.is_none()
        && artefact.kind == ImageSource::History
        && nameless_histories(incident).count() == 1
        && !incident
            .artefacts
            .images
            .iter()
            .any(|a| a.kind == ImageSource::History && !a.names.is_empty());
    only.then_some("it names no image and is the only description of one in the input: assumed to be this image")
}

/// Returns the descriptions of images that name none.
pub(super) fn nameless_histories(incident: &Incident) -> impl Iterator<Item = &ImageArtefact> {
    incident.artefacts.images.iter().filter(|a| {
        a.names.is_empty()
            && a.digest.is_none()
            && matches!(a.kind, ImageSource::History | ImageSource::Inspect)
    })
}

/// Returns what the records say of an image's size, the best record of each measure first.
pub(super) fn sizes(incident: &Incident, image: &str, digest: Option<&str>) -> Vec<Amount> {
    let mut found: Vec<(u8, Amount)> = Vec::new();
    for artefact in &incident.artefacts.images {
        let (Some(bytes), Some(_)) = (artefact.total, is_of(incident, artefact, image, digest))
        else {
            continue;
        };
        let rank = match artefact.kind {
            ImageSource::Inspect | ImageSource::Manifest => 0,
            ImageSource::NodeList => 1,
            ImageSource::History | ImageSource::Config => 2,
        };
        found.push((
            rank,
            Amount {
                bytes,
                measure: artefact.measure,
                rounded: artefact.rounded,
                at_least: false,
                from: artefact.kind.title().to_owned(),
                citations: vec![artefact.evidence.clone()],
            },
        ));
    }
    found.extend(of_pulls(incident, image, digest).map(|amount| (1, amount)));
    found.extend(
        digest
            .and_then(|digest| pushed(incident, digest))
            .map(|amount| (3, amount)),
    );
    found.sort_by_key(|(rank, amount)| (amount.measure, *rank));
    let mut sizes: Vec<Amount> = Vec::new();
    for (_, amount) in found {
        // Two records that would be spoken alike are one size.
        if !sizes
            .iter()
            .any(|s| s.measure == amount.measure && s.spoken() == amount.spoken())
        {
            sizes.push(amount);
        }
    }
    // Beside the whole, a lower bound says nothing.
    let whole: Vec<Measure> = sizes
        .iter()
        .filter(|s| !s.at_least)
        .map(|s| s.measure)
        .collect();
    sizes.retain(|s| !s.at_least || !whole.contains(&s.measure));
    sizes
}

/// Returns the best known size of a measure.
pub(super) fn best(sizes: &[Amount], measure: Measure) -> Option<&Amount> {
    sizes.iter().find(|s| s.measure == measure)
}

/// Sizes that pull messages tell.
///
/// # Source
/// Kubelet event since 1.25: `Successfully pulled image … Image size: N bytes.`, the number of the runtime's ImageStatus.
fn of_pulls(incident: &Incident, image: &str, digest: Option<&str>) -> Option<Amount> {
    incident.facts.iter().find_map(|fact| {
        let same = match (fact.entity("digest"), digest) {
            (Some(own), Some(digest)) => own == digest,
            _ => digest.is_none() && fact.entity("image").is_some_and(|i| same_name(i, image)),
        };
        if fact.kind != "pulled" || !same {
            return None;
        }
        let (_, tail) = fact.message.split_once("Image size: ")?;
        let bytes = tail.split_whitespace().next()?.parse().ok()?;
        Some(Amount {
            bytes,
            measure: fact
                .entity("node")
                .and_then(|node| runtime_of(incident, node))
                .map_or(Measure::Unknown, |runtime| Measure::of_runtime(&runtime)),
            rounded: false,
            at_least: false,
            from: "the kubelet's message of a finished pull".to_owned(),
            citations: fact.evidence.first().cloned().into_iter().collect(),
        })
    })
}

/// Blobs that a registry took in for a manifest: what was sent since the manifest before. Layers that it had already are not sent again, so this is
/// no more than a lower bound.
fn pushed(incident: &Incident, digest: &str) -> Option<Amount> {
    let pushes = &incident.artefacts.pushes;
    let manifest = pushes
        .iter()
        .filter(|p| p.manifest && p.digest == digest && p.moment.is_some())
        .min_by_key(|p| p.moment)?;
    let own: Vec<_> = pushes
        .iter()
        .filter(|p| p.repository == manifest.repository && p.moment <= manifest.moment)
        .collect();
    let before = own
        .iter()
        .filter(|p| p.manifest && p.digest != digest)
        .map(|p| p.moment)
        .max()
        .flatten();
    let mut blobs: Vec<_> = own
        .into_iter()
        .filter(|p| !p.manifest && p.moment.is_some() && p.moment > before)
        .collect();
    blobs.sort_by(|a, b| a.digest.cmp(&b.digest).then(a.moment.cmp(&b.moment)));
    blobs.dedup_by(|a, b| a.digest == b.digest);
    if blobs.is_empty() {
        return None;
    }
    let count = blobs.len();
    blobs.sort_by_key(|b| std::cmp::Reverse(b.bytes));
    Some(Amount {
        bytes: blobs.iter().map(|b| b.bytes).sum(),
        measure: Measure::Compressed,
        rounded: false,
        at_least: true,
        from: format!(
            "the {} that the registry took in for this manifest; layers it had already are not sent again and come on top",
            if count == 1 {
                "one blob".to_owned()
            } else {
                format!("{count} blobs")
            }
        ),
        citations: blobs
            .iter()
            .take(3)
            .map(|b| b.evidence.clone())
            .chain([manifest.evidence.clone()])
            .collect(),
    })
}

/// Returns the object of a node.
pub(super) fn node<'a>(incident: &'a Incident, name: &str) -> Option<&'a ClusterObject> {
    incident
        .artefacts
        .objects
        .iter()
        .find(|o| o.kind == "Node" && o.name == name)
}

/// Returns the container runtime of a node, `containerd://2.1.9`.
pub(super) fn runtime_of(incident: &Incident, name: &str) -> Option<String> {
    let value = &node(incident, name)?.value;
    let told = value
        .get("status")?
        .get("nodeInfo")?
        .get("containerRuntimeVersion")?;
    told.as_str().map(str::to_owned)
}

/// Returns the kubelet's configuration of a node: what a source of this node holds, or else the only one that is of no node.
pub(super) fn kubelet_config<'a>(incident: &'a Incident, node: &str) -> Option<&'a ClusterObject> {
    let of = |object: &ClusterObject| {
        let reading = incident.readings.get(object.evidence.origin.source);
        reading.and_then(|r| r.speaks_for.node.clone())
    };
    let all = || {
        let objects = incident.artefacts.objects.iter();
        objects.filter(|o| o.kind == "KubeletConfiguration")
    };
    if let Some(own) = all().find(|o| of(o).as_deref() == Some(node)) {
        return Some(own);
    }
    let mut of_none = all().filter(|o| of(o).is_none());
    let first = of_none.next()?;
    of_none.all(|o| o.value == first.value).then_some(first)
}

/// Returns a quantity of a node's status, `capacity` or `allocatable`.
pub(super) fn node_storage(incident: &Incident, name: &str, part: &str) -> Option<u64> {
    let status = node(incident, name)?.value.get("status")?;
    let quantity = status.get(part)?.get("ephemeral-storage")?;
    match quantity {
        Value::String(text) => parse_bytes(text),
        other => other.as_u64(),
    }
}

/// Returns the image that the culprit's name stood for before, by the registry's trail: reference and digest.
pub(super) fn before(incident: &Incident, culprit: &Culprit) -> Option<(String, String, usize)> {
    let digest = culprit.digest.as_deref()?;
    let pushes = || {
        incident.facts.iter().enumerate().filter(|(_, f)| {
            f.kind == "image_pushed"
                && f.entity("image")
                    .is_some_and(|i| same_name(i, &culprit.image))
        })
    };
    let first = pushes()
        .filter(|(_, f)| f.entity("digest") == Some(digest))
        .filter_map(|(_, f)| f.moment)
        .min()?;
    let (id, fact) = pushes()
        .filter(|(_, f)| f.moment.is_some_and(|m| m < first))
        .filter(|(_, f)| f.entity("digest").is_some_and(|d| d != digest))
        .max_by_key(|(_, f)| f.moment)?;
    Some((culprit.image.clone(), fact.entity("digest")?.to_owned(), id))
}

/// Returns whether a pod object belongs to a workload, `namespace/Kind/name`.
pub(super) fn belongs(object: &ClusterObject, workload: &str) -> bool {
    let mut parts = workload.splitn(3, '/');
    let (namespace, kind, name) = match (parts.next(), parts.next(), parts.next()) {
        (Some(namespace), Some(kind), Some(name)) => (Some(namespace), kind, name),
        (Some(kind), Some(name), None) => (None, kind, name),
        _ => return false,
    };
    if namespace.is_some_and(|n| n != object.namespace) {
        return false;
    }
    if object.kind == kind && object.name == name {
        return true;
    }
    let owners = object
        .value
        .get("metadata")
        .and_then(|m| m.get("ownerReferences"));
    owners.and_then(Value::as_array).is_some_and(|owners| {
        owners.iter().any(|owner| {
            let get = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
            get("kind") == kind && get("name") == name
                || kind == "Deployment"
                    && get("kind") == "ReplicaSet"
                    && get("name")
                        .rsplit_once('-')
                        .is_some_and(|(stem, _)| stem == name)
        })
    })
}

/// Returns the facts of a kind about an image on a node, in time order.
pub(super) fn facts_on<'a>(
    incident: &'a Incident,
    kind: &'a str,
    node: &'a str,
    image: &'a str,
) -> impl Iterator<Item = (usize, &'a Fact)> {
    incident.facts.iter().enumerate().filter(move |(_, f)| {
        f.kind == kind
            && f.entity("node") == Some(node)
            && f.entity("image").is_some_and(|i| same_name(i, image))
    })
}
