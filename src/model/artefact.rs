//! Artefacts: what is neither a log nor an event, but tells how an image is built, how large it is, and what was asked of the cluster.
//!
//! Takes shape in `scan`; read by `assess`. Sizes always carry their [`Measure`]: a compressed and an unpacked size are different things.

use serde_json::Value;

use super::moment::{Moment, Reading};
use super::origin::Evidence;

/// Everything of that kind in one input, ordered by source and place.
#[derive(Debug, Clone, Default)]
pub struct Artefacts {
    /// Images as histories, inspections, manifests, node objects and pull messages show them.
    pub images: Vec<ImageArtefact>,
    /// Manifests and blobs that a registry took in.
    pub pushes: Vec<BlobPush>,
    /// Dockerfiles.
    pub builds: Vec<BuildFile>,
    /// Ignore files of a build context.
    pub ignores: Vec<IgnoreFile>,
    /// Objects of the cluster.
    pub objects: Vec<ClusterObject>,
    /// Objects beyond the number that is kept.
    pub objects_left_out: u64,
}

impl Artefacts {
    /// Adds what another part of the input gave.
    pub fn append(&mut self, other: Artefacts) {
        self.images.extend(other.images);
        self.pushes.extend(other.pushes);
        self.builds.extend(other.builds);
        self.ignores.extend(other.ignores);
        self.objects.extend(other.objects);
        self.objects_left_out += other.objects_left_out;
    }
}

/// What a number of bytes counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Layers as they are stored in a registry and sent over the network.
    Compressed,
    /// Layers as they lie on a node's disk for running.
    Unpacked,
    /// The record does not tell which of the two.
    Unknown,
}

impl Measure {
    /// Returns what a container runtime (`containerd://2.1.9`) means by the size of an image.
    ///
    /// # Source
    /// Catalogue of timings, section 3: containerd's CRI gives the compressed content size; CRI-O and Docker's graph drivers the unpacked one.
    pub fn of_runtime(runtime: &str) -> Measure {
        match runtime.split("://").next().unwrap_or_default() {
            "containerd" => Measure::Compressed,
            "cri-o" | "docker" => Measure::Unpacked,
            _ => Measure::Unknown,
        }
    }

    /// Returns the published name.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Compressed => "compressed",
            Measure::Unpacked => "unpacked",
            Measure::Unknown => "unknown",
        }
    }
}

/// What kind of record shows an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageSource {
    /// `docker history`, as a table or as JSON.
    History,
    /// `docker image inspect`.
    Inspect,
    /// An image configuration.
    Config,
    /// An image manifest.
    Manifest,
    /// `node.status.images`, or the runtime's own list.
    NodeList,
}

impl ImageSource {
    /// Returns what people call it.
    pub fn title(self) -> &'static str {
        match self {
            ImageSource::History => "image history",
            ImageSource::Inspect => "image inspection",
            ImageSource::Config => "image configuration",
            ImageSource::Manifest => "image manifest",
            ImageSource::NodeList => "list of a node's images",
        }
    }
}

/// An image, as one record shows it.
#[derive(Debug, Clone)]
pub struct ImageArtefact {
    /// What kind of record.
    pub kind: ImageSource,
    /// References, where the record names any.
    pub names: Vec<String>,
    /// Digest of its manifest.
    pub digest: Option<String>,
    /// Layers, the oldest first; those without content too.
    pub layers: Vec<ImageLayer>,
    /// Size of the whole, if the record tells one or all layers have one.
    pub total: Option<u64>,
    /// What the record itself gives as its sum, and where, beside layers with sizes of their own.
    pub stated: Option<(u64, Evidence)>,
    /// What its sizes count.
    pub measure: Measure,
    /// Sizes were printed with few digits.
    pub rounded: bool,
    /// The user it runs as; empty where the record says that none is set.
    pub user: Option<String>,
    /// What it starts, by `CMD`.
    pub command: Option<StartCommand>,
    /// What it starts, by `ENTRYPOINT`.
    pub entrypoint: Option<StartCommand>,
    /// The working directory.
    pub directory: Option<String>,
    /// The record.
    pub evidence: Evidence,
}

/// A step of an image's history, or a layer of its manifest.
#[derive(Debug, Clone)]
pub struct ImageLayer {
    /// `RUN`, `COPY` …; empty where the record does not tell.
    pub verb: String,
    /// What was run or copied, without the builder's decoration; may be shortened by whoever printed it.
    pub text: String,
    /// Bytes.
    pub size: Option<u64>,
    /// Digest.
    pub digest: Option<String>,
    /// Where it stands.
    pub evidence: Evidence,
}

/// Whether a command runs by itself or under a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandForm {
    /// A list of words.
    Exec,
    /// A line for `/bin/sh -c`.
    Shell,
}

/// What a container starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartCommand {
    /// Its form.
    pub form: CommandForm,
    /// Its words, without the shell.
    pub words: Vec<String>,
}

/// A blob or manifest that a registry took in.
#[derive(Debug, Clone)]
pub struct BlobPush {
    /// Registry host and repository.
    pub repository: String,
    /// Tag, of a manifest.
    pub tag: Option<String>,
    /// Digest.
    pub digest: String,
    /// Bytes as stored: compressed for layers.
    pub bytes: u64,
    /// It is a manifest, not a layer or configuration.
    pub manifest: bool,
    /// The stamp.
    pub at: Option<Reading>,
    /// The same on the common clock.
    pub moment: Option<Moment>,
    /// The record.
    pub evidence: Evidence,
}

/// A Dockerfile.
#[derive(Debug, Clone)]
pub struct BuildFile {
    /// Path of the source.
    pub path: String,
    /// Instructions in their order, as far as they could be read.
    pub instructions: Vec<BuildInstruction>,
    /// Where reading stopped, and why.
    pub fault: Option<(u64, String)>,
    /// Its first instruction, or its first line.
    pub evidence: Evidence,
}

/// One instruction of a Dockerfile.
#[derive(Debug, Clone)]
pub struct BuildInstruction {
    /// `FROM`, `RUN` …
    pub verb: &'static str,
    /// Its arguments as written, continuation lines included.
    pub text: String,
    /// Words: sources and destination of a copy, words of an exec form, the image of a stage.
    pub words: Vec<String>,
    /// `--name=value`.
    pub flags: Vec<(String, String)>,
    /// Form of a command.
    pub form: Option<CommandForm>,
    /// Name given to a stage.
    pub alias: Option<String>,
    /// The stage it belongs to, from 0; `None` before the first `FROM`.
    pub stage: Option<usize>,
    /// Where it stands.
    pub evidence: Evidence,
}

impl BuildFile {
    /// Returns the instructions of the stage that becomes the image.
    pub fn final_stage(&self) -> Vec<&BuildInstruction> {
        let last = self.instructions.iter().filter_map(|i| i.stage).max();
        self.instructions
            .iter()
            .filter(|i| i.stage.is_some() && i.stage == last)
            .collect()
    }

    /// Returns how many stages there are.
    pub fn stages(&self) -> usize {
        self.instructions
            .iter()
            .filter(|i| i.verb == "FROM")
            .count()
    }

    /// Returns the image that a stage is built on, or the name of the stage that it continues.
    pub fn base(&self) -> Option<&BuildInstruction> {
        self.final_stage().into_iter().find(|i| i.verb == "FROM")
    }

    /// Returns whether a name is that of a stage of this file.
    pub fn is_stage(&self, name: &str) -> bool {
        self.instructions.iter().any(|i| {
            i.alias
                .as_deref()
                .is_some_and(|a| a.eq_ignore_ascii_case(name))
        })
    }
}

/// An ignore file of a build context.
#[derive(Debug, Clone)]
pub struct IgnoreFile {
    /// Path of the source.
    pub path: String,
    /// Its patterns.
    pub patterns: Vec<String>,
    /// Its first line.
    pub evidence: Evidence,
}

/// An object of the cluster, as it was first seen in this version.
#[derive(Debug, Clone)]
pub struct ClusterObject {
    /// Kind.
    pub kind: String,
    /// Namespace; empty for what has none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The object, without its status where that changes all the time.
    pub value: Value,
    /// When it was made, or first seen.
    pub created: Option<Reading>,
    /// The same on the common clock.
    pub moment: Option<Moment>,
    /// What its containers are known to have run.
    pub ran: Vec<Ran>,
    /// The record.
    pub evidence: Evidence,
}

/// A container that was seen running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The image asked for.
    pub image: String,
    /// The digest that it stood for.
    pub digest: String,
    /// Node.
    pub node: String,
    /// When it started, as written.
    pub started: String,
    /// It passed its readiness check.
    pub ready: bool,
}

impl ClusterObject {
    /// Returns its published name, `namespace/Kind/name`.
    pub fn title(&self) -> String {
        match self.namespace.as_str() {
            "" => format!("{}/{}", self.kind, self.name),
            namespace => format!("{namespace}/{}/{}", self.kind, self.name),
        }
    }

    /// Returns the pod specification: of the pod itself, or of the pods that a workload makes.
    pub fn pod_spec(&self) -> Option<&Value> {
        let spec = self.value.get("spec")?;
        match self.kind.as_str() {
            "Pod" => Some(spec),
            "CronJob" => spec
                .get("jobTemplate")?
                .get("spec")?
                .get("template")?
                .get("spec"),
            _ => spec.get("template")?.get("spec"),
        }
    }

    /// Returns the containers of the pod specification, init containers last.
    pub fn containers(&self) -> Vec<&Value> {
        let Some(spec) = self.pod_spec() else {
            return Vec::new();
        };
        ["containers", "initContainers"]
            .iter()
            .filter_map(|list| spec.get(*list)?.as_array())
            .flatten()
            .collect()
    }

    /// Returns whether a container of it asks for an image, however its reference is written.
    pub fn names_image(&self, image: &str) -> bool {
        let form = super::entity::joining_form("image", image);
        self.containers().iter().any(|container| {
            container
                .get("image")
                .and_then(Value::as_str)
                .is_some_and(|own| super::entity::joining_form("image", own) == form)
        })
    }
}

/// Returns a number of bytes as people say it, in decimal units: `2.84 GB`.
pub fn spoken_bytes(bytes: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    for (unit, size) in UNITS {
        let value = bytes as f64 / size;
        if value >= 0.9995 {
            return match value {
                v if v >= 100.0 => format!("{v:.0} {unit}"),
                v if v >= 10.0 => format!("{v:.1} {unit}"),
                v => format!("{v:.2} {unit}"),
            };
        }
    }
    format!("{bytes} B")
}

/// Reads a number of bytes with a unit: Kubernetes quantities (`302002999`, `228344Ki`, `20Gi`) and printed sizes (`1.8GB`, `2.65 MiB`).
///
/// # Source
/// Kubernetes resource quantities: `k` and `M` are decimal, `Ki` and `Mi` binary. Docker's `HumanSize`: decimal `kB`, `MB`, `GB`.
pub fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let factor: f64 = match text[end..].trim() {
        "" | "B" | "bytes" => 1.0,
        "k" | "K" | "kB" | "KB" => 1e3,
        "M" | "MB" => 1e6,
        "G" | "GB" => 1e9,
        "T" | "TB" => 1e12,
        "Ki" | "KiB" => 1024.0,
        "Mi" | "MiB" => 1024.0 * 1024.0,
        "Gi" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        "Ti" | "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * factor;
    (bytes.is_finite() && bytes < 1e18).then(|| bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_and_read() {
        let check = |text: &str, bytes: u64| assert_eq!(parse_bytes(text), Some(bytes), "{text}");
        check("302002999", 302_002_999);
        check("228344Ki", 233_824_256);
        check("1.8GB", 1_800_000_000);
        check("0B", 0);
        check("2.65 MiB", 2_778_726);
        assert_eq!(parse_bytes("100m"), None);
        assert_eq!(parse_bytes("GB"), None);
        assert_eq!(spoken_bytes(2_835_800_000), "2.84 GB");
        assert_eq!(spoken_bytes(3_748_163), "3.75 MB");
        assert_eq!(spoken_bytes(850_000_000), "850 MB");
        assert_eq!(spoken_bytes(999), "999 B");
    }
}
