//! Images in JSON: inspections, configurations, manifests, lists of nodes and runtimes, and what registries took in.
//!
//! Each size gets the measure that its source defines. A size of which the source does not tell (an unknown runtime's list) is `Unknown`.

use serde_json::Value;

use super::history::{conclude, instruction, of_words};
use super::{list, strings, text, unknown_image};
use crate::grammar::stamp::Layout;
use crate::model::Evidence;
use crate::model::artefact::{Artefacts, BlobPush, ImageLayer, ImageSource, Measure, StartCommand};

type Once<'a> = dyn FnMut() -> Evidence + 'a;

fn words(value: &Value, path: &[&str]) -> Option<StartCommand> {
    let words = strings(value, path);
    (!words.is_empty()).then(|| of_words(words))
}

/// # Source
/// Docker Engine API, image inspect: `Size` is the unpacked size of all layers with the graph drivers. With the containerd image store it counts
/// the compressed content too; such an image has a `Descriptor`.
pub(super) fn inspect(value: &Value, found: &mut Artefacts, cite: &mut Once<'_>) {
    let mut image = unknown_image(ImageSource::Inspect, cite());
    image.names = strings(value, &["RepoTags"]);
    image.names.retain(|name| !name.starts_with("<none>"));
    image.digest = strings(value, &["RepoDigests"])
        .iter()
        .find_map(|name| name.split_once('@').map(|(_, digest)| digest.to_owned()));
    image.total = value.get("Size").and_then(Value::as_u64);
    image.measure = if value.get("Descriptor").is_some() {
        Measure::Unknown
    } else {
        Measure::Unpacked
    };
    image.user = value
        .get("Config")
        .map(|config| text(config, &["User"]).unwrap_or_default().to_owned());
    image.command = words(value, &["Config", "Cmd"]);
    image.entrypoint = words(value, &["Config", "Entrypoint"]);
    image.directory = text(value, &["Config", "WorkingDir"]).map(str::to_owned);
    found.images.push(image);
}

/// # Source
/// OCI image specification 1.1, image configuration: `history` is the oldest first and has no sizes.
pub(super) fn config(value: &Value, found: &mut Artefacts, cite: &mut Once<'_>) {
    let evidence = cite();
    let mut image = unknown_image(ImageSource::Config, evidence.clone());
    for step in list(value, &["history"]) {
        let (verb, said) = instruction(text(step, &["created_by"]).unwrap_or_default());
        let empty = step.get("empty_layer").and_then(Value::as_bool) == Some(true);
        image.layers.push(ImageLayer {
            verb,
            text: said,
            size: empty.then_some(0),
            digest: None,
            evidence: evidence.clone(),
        });
    }
    if let Some(config) = value.get("config") {
        image.user = Some(text(config, &["User"]).unwrap_or_default().to_owned());
        image.command = words(config, &["Cmd"]);
        image.entrypoint = words(config, &["Entrypoint"]);
        image.directory = text(config, &["WorkingDir"]).map(str::to_owned);
    }
    conclude(&mut image);
    found.images.push(image);
}

/// # Source
/// OCI image specification 1.1, image manifest: the sizes of layers are those of the blobs, so compressed.
pub(super) fn manifest(
    value: &Value,
    names: Vec<String>,
    digest: Option<String>,
    found: &mut Artefacts,
    cite: &mut Once<'_>,
) {
    if list(value, &["layers"]).is_empty() {
        return;
    }
    let evidence = cite();
    let mut image = unknown_image(ImageSource::Manifest, evidence.clone());
    image.names = names;
    image.digest = digest;
    image.measure = Measure::Compressed;
    image.layers = list(value, &["layers"])
        .iter()
        .map(|layer| ImageLayer {
            verb: String::new(),
            text: text(layer, &["digest"])
                .or_else(|| text(layer, &["mediaType"]))
                .unwrap_or_default()
                .to_owned(),
            size: layer.get("size").and_then(Value::as_u64),
            digest: text(layer, &["digest"]).map(str::to_owned),
            evidence: evidence.clone(),
        })
        .collect();
    image.total = image.layers.iter().map(|l| l.size).sum();
    found.images.push(image);
}

fn named(
    names: Vec<String>,
    bytes: Option<u64>,
    measure: Measure,
    found: &mut Artefacts,
    cite: &mut Once<'_>,
) {
    let digest = names
        .iter()
        .find_map(|name| name.split_once('@').map(|(_, digest)| digest.to_owned()));
    let names: Vec<String> = names.into_iter().filter(|n| !n.contains('@')).collect();
    let known = found.images.iter().any(|image| {
        image.kind == ImageSource::NodeList
            && image.names == names
            && image.digest == digest
            && image.total == bytes
    });
    if known || bytes.is_none() || names.is_empty() && digest.is_none() {
        return;
    }
    let mut image = unknown_image(ImageSource::NodeList, cite());
    image.names = names;
    image.digest = digest;
    image.total = bytes;
    image.measure = measure;
    found.images.push(image);
}

/// # Source
/// core/v1 Node: `status.images`, the 50 largest.
pub(super) fn of_node(value: &Value, found: &mut Artefacts, cite: &mut Once<'_>) {
    let runtime =
        text(value, &["status", "nodeInfo", "containerRuntimeVersion"]).unwrap_or_default();
    for image in list(value, &["status", "images"]) {
        let bytes = image.get("sizeBytes").and_then(Value::as_u64);
        named(
            strings(image, &["names"]),
            bytes,
            Measure::of_runtime(runtime),
            found,
            cite,
        );
    }
}

/// # Source
/// crictl images -o json: `size` is a number in text; which of the two it counts depends on the runtime, which the list does not name.
pub(super) fn of_runtime(value: &Value, found: &mut Artefacts, cite: &mut Once<'_>) {
    let mut names = strings(value, &["repoTags"]);
    names.extend(strings(value, &["repoDigests"]));
    let bytes = text(value, &["size"]).and_then(|size| size.parse().ok());
    named(names, bytes, Measure::Unknown, found, cite);
}

/// # Source
/// CNCF distribution, notifications: `push` of blobs (`application/octet-stream`) and of manifests, each with its stored size.
pub(super) fn pushes(value: &Value, found: &mut Artefacts, cite: &mut Once<'_>) {
    for event in list(value, &["events"]) {
        let target = |name: &str| text(event, &["target", name]);
        let (Some("push"), Some(repository), Some(digest), Some(bytes)) = (
            text(event, &["action"]),
            target("repository"),
            target("digest"),
            event
                .get("target")
                .and_then(|t| t.get("length").or_else(|| t.get("size")))
                .and_then(Value::as_u64),
        ) else {
            continue;
        };
        let host = text(event, &["request", "host"]).unwrap_or_default();
        found.pushes.push(BlobPush {
            repository: format!("{host}/{repository}")
                .trim_start_matches('/')
                .to_owned(),
            tag: target("tag").map(str::to_owned),
            digest: digest.to_owned(),
            bytes,
            manifest: target("mediaType")
                .is_some_and(|media| media.contains("manifest") || media.contains("image.index")),
            at: text(event, &["timestamp"])
                .and_then(|t| Layout::Iso.take(t))
                .map(|(_, reading)| reading),
            moment: None,
            evidence: cite(),
        });
    }
}
