//! The archive: every answer under its name, and a manifest of what was asked, what came and what did not.
//!
//! Written beside and then renamed, so that there is never half a bundle. Members carry the time at which they were asked for: that is
//! what the ages in them count from.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::kubectl::Answer;
use crate::cli::{Failure, temporary_beside};

/// The folder inside of the archive.
const FOLDER: &str = "bundle";

/// How the archive is compressed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packing {
    Zstd,
    Gzip,
    Plain,
}

impl Packing {
    /// Returns what a file's ending says.
    ///
    /// # Errors
    /// An ending that says nothing.
    pub(super) fn of(path: &Path) -> Result<Packing, Failure> {
        let name = path.to_string_lossy().to_lowercase();
        for (endings, packing) in [
            (&[".tar.zst", ".tzst"][..], Packing::Zstd),
            (&[".tar.gz", ".tgz"], Packing::Gzip),
            (&[".tar"], Packing::Plain),
        ] {
            if endings.iter().any(|ending| name.ends_with(ending)) {
                return Ok(packing);
            }
        }
        Err(Failure::Usage {
            what: format!("\"{}\" does not say what archive it is", path.display()),
            hint: "name it .tar.zst, .tar.gz or .tar".into(),
        })
    }
}

/// What the whole bundle is about.
pub(super) struct Head {
    pub(super) asked_at: DateTime<Utc>,
    pub(super) since: DateTime<Utc>,
    pub(super) namespaces: Vec<String>,
    pub(super) context: Option<String>,
    /// Nodes that were too many.
    pub(super) not_asked: Vec<String>,
    /// The user stopped before all was asked.
    pub(super) stopped: bool,
}

/// Begins the archive beside its place, before anything is asked: a place that cannot be written to should not cost the answers.
/// It is readable by its owner alone, as a temporary file is: it holds what the cluster wrote.
///
/// # Errors
/// The place is not writable.
pub(super) fn begin(path: &Path) -> Result<NamedTempFile, Failure> {
    temporary_beside(path).map_err(|error| Failure::Write {
        path: path.display().to_string(),
        error,
    })
}

/// Writes the archive.
///
/// # Errors
/// The place is full.
pub(super) fn write(
    file: NamedTempFile,
    path: &Path,
    packing: Packing,
    head: &Head,
    answers: &mut [Answer],
) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::Write {
        path: path.display().to_string(),
        error,
    };
    match packing {
        Packing::Zstd => {
            let packed = zstd::stream::write::Encoder::new(file.as_file(), 6).map_err(fail)?;
            members(packed, head, answers)
                .and_then(zstd::stream::write::Encoder::finish)
                .map_err(fail)?;
        }
        Packing::Gzip => {
            let packed =
                flate2::write::GzEncoder::new(file.as_file(), flate2::Compression::default());
            members(packed, head, answers)
                .and_then(flate2::write::GzEncoder::finish)
                .map_err(fail)?;
        }
        Packing::Plain => {
            members(file.as_file(), head, answers).map_err(fail)?;
        }
    }
    file.persist_noclobber(path)
        .map_err(|error| fail(error.error))?;
    Ok(())
}

fn members<W: Write>(into: W, head: &Head, answers: &mut [Answer]) -> std::io::Result<W> {
    let mut archive = tar::Builder::new(into);
    let mut requests = Vec::new();
    for answer in answers {
        let mut row = json!({
            "what": answer.request.what,
            "command": answer.request.arguments,
            "status": answer.status.name(),
            "said": answer.said,
        });
        if let Some(content) = answer.content.as_mut() {
            row["file"] = json!(answer.request.file);
            row["bytes"] = json!(answer.bytes);
            row["sha256"] = json!(hash(content, answer.bytes)?);
            content.seek(SeekFrom::Start(0))?;
            let mut header = header(answer.bytes, head);
            let name = format!("{FOLDER}/{}", answer.request.file);
            archive.append_data(&mut header, name, content.take(answer.bytes))?;
        }
        requests.push(row);
    }
    let stamp = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let manifest = json!({
        "schema": "rootline.collect/v1",
        "generator": {"version": env!("CARGO_PKG_VERSION")},
        "asked_at": stamp(head.asked_at),
        "logs_since": stamp(head.since),
        "context": head.context,
        "namespaces": head.namespaces,
        "nodes_not_asked": head.not_asked,
        "stopped": head.stopped,
        "requests": requests,
    });
    let text = format!("{manifest:#}\n");
    archive.append_data(
        &mut header(text.len() as u64, head),
        format!("{FOLDER}/manifest.json"),
        text.as_bytes(),
    )?;
    archive.into_inner()
}

fn header(bytes: u64, head: &Head) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(head.asked_at.timestamp()).unwrap_or(0));
    header
}

fn hash(content: &mut std::fs::File, bytes: u64) -> std::io::Result<String> {
    content.seek(SeekFrom::Start(0))?;
    let mut content = content.take(bytes);
    let mut hasher = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        match content.read(&mut block)? {
            0 => break,
            count => hasher.update(&block[..count]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
