//! Images in JSON: inspections, configurations, manifests, lists of nodes and runtimes, and what registries took in.
//!
//! Each size gets the measure that its source defines. A size of which the source does not tell (an unknown runtime's list) is `Unknown`.

use serde_json::Value;

use super::history::{conclude, instruction, of_words};
use super::{Cite, list, strings, text, unknown_image};
use crate::grammar::stamp::Layout;
use crate::model::Evidence;
use crate::model::artefact::{
    Artefacts, BlobPush, ImageLayer, ImageSource, Measure, StartCommand, parse_bytes,
};

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
/// OCI image specification 1.1, image manifest: the sizes of layers are those of the blobs, so compressed. `docker manifest inspect --verbose` puts
/// reference and digest beside it; `skopeo inspect` has a list of its own, and names all tags of the repository, not the one that was asked for.
pub(super) fn manifest(
    value: &Value,
    mut names: Vec<String>,
    mut digest: Option<String>,
    found: &mut Artefacts,
    cite: &mut Once<'_>,
) {
    let inner = value.get("OCIManifest").or(value.get("SchemaV2Manifest"));
    if inner.is_some() {
        names.extend(text(value, &["Ref"]).map(str::to_owned));
        digest = text(value, &["Descriptor", "digest"]).map(str::to_owned);
    }
    let (layers, [named, sized]) = match inner.unwrap_or(value) {
        skopeo if skopeo.get("LayersData").is_some() => {
            digest = text(skopeo, &["Digest"]).map(str::to_owned);
            (list(skopeo, &["LayersData"]), ["Digest", "Size"])
        }
        manifest => (list(manifest, &["layers"]), ["digest", "size"]),
    };
    if layers.is_empty() {
        return;
    }
    let evidence = cite();
    let mut image = unknown_image(ImageSource::Manifest, evidence.clone());
    image.names = names;
    // A manifest's name is the hash of its bytes. One that was printed anew has another hash, and is then nobody's.
    image.digest = digest.or_else(|| Some(format!("sha256:{}", evidence.sha256)));
    image.measure = Measure::Compressed;
    image.layers = layers
        .iter()
        .map(|layer| ImageLayer {
            verb: String::new(),
            text: text(layer, &[named])
                .or_else(|| text(layer, &["mediaType"]))
                .unwrap_or_default()
                .to_owned(),
            size: layer.get(sized).and_then(Value::as_u64),
            digest: text(layer, &[named]).map(str::to_owned),
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
/// crictl images -o json, and `status` of crictl inspecti: `size` is a number in text; which of the two it counts depends on the runtime, which the list does not name.
pub(super) fn of_runtime(value: &Value, found: &mut Artefacts, cite: &mut Once<'_>) {
    let value = value.get("status").unwrap_or(value);
    let mut names = strings(value, &["repoTags"]);
    names.extend(strings(value, &["repoDigests"]));
    let bytes = text(value, &["size"]).and_then(|size| size.parse().ok());
    named(names, bytes, Measure::Unknown, found, cite);
}

/// Reads a table of images: each name with its size. Returns the number of rows.
///
/// # Source
/// docker images and podman images: unpacked layers, and a column CREATED; crictl images has none, and counts what its runtime does. With Docker's
/// containerd image store the table has a column BLOB SIZE, and SIZE counts both.
pub(super) fn table(text: &str, cite: &mut Cite<'_>, found: &mut Artefacts) -> u64 {
    let (mut rows, mut at) = (0, 0);
    let mut measure = Measure::Unknown;
    let mut columns: Vec<(usize, &str)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let range = at..at + line.trim_end_matches(['\n', '\r']).len();
        at += line.len();
        let row = &text[range.clone()];
        if row.contains(" TAG ") && row.contains("IMAGE ID") && row.contains("SIZE") {
            columns = ["TAG", "DIGEST", "SIZE"]
                .into_iter()
                .filter_map(|name| Some((row.find(&format!(" {name}"))? + 1, name)))
                .collect();
            measure = match row.contains("CREATED") && !row.contains("BLOB") {
                true => Measure::Unpacked,
                false => Measure::Unknown,
            };
            continue;
        }
        let words: Vec<&str> = row.split_whitespace().collect();
        let [repository, tag, ..] = words.as_slice() else {
            continue;
        };
        // The size is what begins below its title, or to the left of it where the title is wider set.
        let cell = |name: &str| {
            let (start, _) = columns.iter().find(|(_, n)| *n == name)?;
            let tail = row.get(*start..)?;
            let mut words = tail.split_whitespace();
            let (first, second) = (words.next()?, words.next().unwrap_or_default());
            parse_bytes(first)
                .filter(|_| first.ends_with('B'))
                .or_else(|| parse_bytes(&format!("{first}{second}")))
        };
        let Some(bytes) = cell("SIZE") else { continue };
        rows += 1;
        if *repository == "<none>" {
            continue;
        }
        let digest = words
            .iter()
            .find(|w| w.len() == 71 && w.starts_with("sha256:"))
            .map(|w| (*w).to_owned());
        let named = columns.iter().any(|(_, name)| *name == "DIGEST") && digest.is_some();
        let mut image = unknown_image(ImageSource::NodeList, cite(range));
        if *tag != "<none>" {
            image.names.push(format!("{repository}:{tag}"));
        }
        image.digest = digest.filter(|_| named);
        image.total = Some(bytes);
        image.measure = measure;
        image.rounded = true;
        if !image.names.is_empty() || image.digest.is_some() {
            found.images.push(image);
        }
    }
    rows
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
