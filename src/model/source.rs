//! Sources: one named stream of bytes each, and what was read from it.
//!
//! Opening is behind [`Content`], so that the scan can read a source block by block without knowing files, archives or compression.

use std::io::Read;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::moment::Reading;

/// Components that speak about the node they run on.
pub const NODE_AGENTS: &[&str] = &[
    "kubelet",
    "containerd",
    "dockerd",
    "cri-o",
    "crio",
    "cri-dockerd",
    "kernel",
    "systemd",
];

/// Something that can be read from its beginning, several times.
pub trait Content: Send + Sync {
    /// Opens the decompressed content.
    ///
    /// # Errors
    /// Whatever the file system says; errors of the compression appear while reading.
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>>;

    /// Reads up to `length` bytes from an offset counted from the end, where the content allows that without reading all of it.
    fn read_near_end(&self, back: u64, length: usize) -> Option<Vec<u8>> {
        let _ = (back, length);
        None
    }
}

/// What `detect` found out about a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Lines, of which those with known words are read.
    Lines,
    /// Lines, all of which are read: they hold state.
    EveryLine,
    /// One JSON document: a list, an array or a single object.
    JsonDocument,
    /// A document for a Rust reader.
    Document(String),
    /// Nothing is read, and why.
    Unread(String),
}

/// How text is written as bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, or bytes that are nearly that.
    #[default]
    Utf8,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

/// What a source is, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// How it is cut into records.
    pub shape: Shape,
    /// Format stacks met, outermost first, joined by ` > `; in order of how often.
    pub formats: Vec<String>,
    /// Why, as a fragment.
    pub why: String,
    /// Whom it speaks for.
    pub speaks_for: SpeaksFor,
    /// How its text is encoded.
    pub encoding: Encoding,
    /// A date that it tells outside its records, and where.
    pub own_date: Option<(NaiveDate, &'static str)>,
}

/// One named stream of bytes.
#[derive(Clone)]
pub struct Source {
    /// The path as given by the user (then `!member` inside an archive), with `/` between its parts.
    pub path: String,
    /// The path of the incident's own tree: the given argument is cut off. Order and hashes use it, so that they do not depend on where the incident lies.
    pub name: String,
    /// Size as stored, in bytes.
    pub stored_bytes: u64,
    /// How it is compressed: `gzip`, `xz`, `zstd`, or `None`.
    pub compression: Option<&'static str>,
    /// A year that the container of the bytes tells (gzip header).
    pub stamped_at: Option<DateTime<Utc>>,
    /// How to read it.
    pub content: Arc<dyn Content>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("path", &self.path)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

/// Which node, component, cluster and pod a source speaks for, and how that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpeaksFor {
    /// Node name.
    pub node: Option<String>,
    /// How the node is known, as a fragment.
    pub node_from: Option<String>,
    /// Component.
    pub component: Option<String>,
    /// How the component is known.
    pub component_from: Option<String>,
    /// Cluster name.
    pub cluster: Option<String>,
    /// How the cluster is known.
    pub cluster_from: Option<String>,
    /// The pod whose output it is, as `namespace/pod`.
    pub pod: Option<String>,
    /// How the pod is known.
    pub pod_from: Option<String>,
    /// What else speaks for a node: another name, and where it stands.
    pub node_hints: Vec<(String, String)>,
}

/// What was read from a source.
#[derive(Debug, Clone, Default)]
pub struct SourceReading {
    /// Formats met, outermost first, joined by ` > `; in order of how often.
    pub formats: Vec<String>,
    /// Why these formats, as a fragment; or why nothing is read.
    pub why: String,
    /// Named but deliberately not read, with the reason.
    pub unread: Option<String>,
    /// Decompressed bytes seen.
    pub bytes: u64,
    /// Of these, bytes that were looked at (a line that is too long is only read up to the limit).
    pub bytes_read: u64,
    /// CRC-32 of the decompressed bytes, where they were read to the end.
    pub crc32: Option<u32>,
    /// Records (lines, or items of a list).
    pub records: u64,
    /// Signals found.
    pub signals: u64,
    /// Lines that hold a signal's words but no time.
    pub undated: u64,
    /// Whom it speaks for.
    pub speaks_for: SpeaksFor,
    /// First and last time seen, after `align`.
    pub from: Option<DateTime<Utc>>,
    /// Last time seen.
    pub to: Option<DateTime<Utc>>,
    /// Correction of its clock in milliseconds, the number of anchors it rests on, and `none`, `corrected` or `refused`.
    pub clock: (i64, usize, &'static str),
    /// A date that it tells outside its records, and where: what completes its stamps without a year.
    pub own_date: Option<(NaiveDate, &'static str)>,
    /// Stamps at its beginning and end, for `align` to resolve.
    pub coverage: Vec<Reading>,
}
