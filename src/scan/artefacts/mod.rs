//! Artefacts: images, build files and cluster objects, read out of whatever shows them.
//!
//! Takes JSON objects that a format hands over by its `reader`, and documents of text; gives nouns of `model::artefact` with the place of each line.
//! Judges nothing: whether a size is large or an instruction unwise is for `assess`. One file a kind: [`history`], [`build`], [`image`], [`object`].

mod build;
mod history;
mod image;
mod object;

use std::ops::Range;

use serde_json::Value;

use crate::grammar::peel::Record;
use crate::model::artefact::{Artefacts, ImageArtefact, ImageSource, Measure};
use crate::model::{Evidence, Source};

/// Cites a byte range of the document at hand.
pub(super) type Cite<'a> = dyn FnMut(Range<usize>) -> Evidence + 'a;

/// Reads a document of text by the reader that its format names; `None` if no such reader is here.
pub(super) fn document(
    reader: &str,
    source: &Source,
    text: &str,
    cite: &mut Cite<'_>,
) -> Option<(Artefacts, u64)> {
    let mut found = Artefacts::default();
    let records = match reader {
        "docker-history" => history::table(text, cite, &mut found),
        "image-table" => image::table(text, cite, &mut found),
        "dockerfile" => build::dockerfile(source, text, cite, &mut found),
        "dockerignore" => build::ignore_file(source, text, cite, &mut found),
        _ => return None,
    };
    Some((found, records))
}

/// Keeps what a JSON object tells of images and of the cluster.
pub(super) fn object(
    reader: &str,
    value: &Value,
    outer: &Record,
    found: &mut Artefacts,
    cite: &mut dyn FnMut() -> Evidence,
) {
    match reader {
        "image-inspect" => image::inspect(value, found, cite),
        "image-config" => image::config(value, found, cite),
        "image-manifest" => image::manifest(value, Vec::new(), None, found, cite),
        "image-history" => history::line(value, found, cite),
        "runtime-images" => image::of_runtime(value, found, cite),
        "registry-envelope" => image::pushes(value, found, cite),
        "kube-node" => {
            image::of_node(value, found, cite);
            object::keep(value, outer, found, cite);
        }
        "kube-pod" | "kube-workload" | "kube-object" => object::keep(value, outer, found, cite),
        "kubelet-config" => object::of_kubelet(value, outer, found, cite),
        _ => {}
    }
}

/// Reads the manifest that a registry's audit record carries as text.
pub(super) fn of_audit(record: &Record, found: &mut Artefacts, cite: &mut dyn FnMut() -> Evidence) {
    let Some(manifest) = record.fields.get("manifest") else {
        return;
    };
    let Ok(value) = serde_json::from_str::<Value>(manifest) else {
        return;
    };
    let names = record.entities.get("image").cloned().into_iter().collect();
    let digest = record.entities.get("digest").cloned();
    image::manifest(&value, names, digest, found, cite);
}

/// Puts in order what was kept block by block: one history a source, each image and object once.
pub(super) fn settle(found: &mut Artefacts) {
    history::join_lines(&mut found.images);
    let mut seen = std::collections::BTreeSet::new();
    found.images.retain(|image| {
        image.kind != ImageSource::NodeList
            || seen.insert((image.names.clone(), image.digest.clone(), image.total))
    });
    // A file that lies twice in a bundle describes one image and one build.
    let mut described = std::collections::BTreeSet::new();
    found.images.retain(|image| {
        let steps: Vec<(String, Option<u64>)> = image
            .layers
            .iter()
            .map(|l| (l.text.clone(), l.size))
            .collect();
        steps.is_empty() || described.insert((image.kind, image.names.clone(), steps))
    });
    let mut built = std::collections::BTreeSet::new();
    found.builds.retain(|build| {
        let steps: Vec<String> = build.instructions.iter().map(|i| i.text.clone()).collect();
        steps.is_empty() || built.insert(steps)
    });
    object::settle(found);
}

/// An image of which nothing is known yet but the record.
fn unknown_image(kind: ImageSource, evidence: Evidence) -> ImageArtefact {
    ImageArtefact {
        kind,
        names: Vec::new(),
        digest: None,
        layers: Vec::new(),
        total: None,
        stated: None,
        measure: Measure::Unknown,
        rounded: false,
        user: None,
        command: None,
        entrypoint: None,
        directory: None,
        evidence,
    }
}

fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter()
        .try_fold(value, |at, part| at.get(part))
        .and_then(Value::as_str)
}

fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    path.iter()
        .try_fold(value, |at, part| at.get(part))
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn strings(value: &Value, path: &[&str]) -> Vec<String> {
    list(value, path)
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
