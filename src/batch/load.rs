//! The one file of this room that touches the file system: finds incidents, and reads and writes a fleet's directory.
//!
//! ```text
//! OUT/reports/<id>.json.zst    the published report        OUT/pages/<id>.html   its page
//! OUT/state/<id>.json          what it was made from: written last, so it marks an incident as finished
//! OUT/tables/<table>/dt=YYYY-MM-DD/part-<shard>-of-<shards>-<number>.parquet
//! OUT/fleet.html, OUT/fleet.json   the answers
//! ```
//! Files are replaced whole by the writer that the caller gives. Nothing outside OUT is written.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::hash;
use crate::wire::v1::Report;

/// One incident that is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id: letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// Where its files are: a directory, an archive or a compressed file.
    pub path: PathBuf,
}

/// What an incident's report was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Id.
    pub id: String,
    /// `done` or `failed`.
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// The path given.
    pub path: String,
    /// Hash of names, sizes and times of change of its files: where it is the same, nothing is read.
    pub listing: String,
    /// Hash of names and bytes of its files.
    pub content: String,
    /// Hash of the grammars in force.
    pub grammars: String,
    /// Version that made it.
    pub version: String,
    /// Day of its rows.
    pub day: Option<String>,
    /// Hash of the stored report.
    pub report: Option<String>,
}

/// How the name of a file begins and ends while it is being written.
pub const UNFINISHED: (&str, &str) = (".rootline-", ".tmp");

/// Writes a file whole or not at all; until then its name is an [`UNFINISHED`] one.
pub type Writer<'a> = &'a (dyn Fn(&Path, &[u8]) -> io::Result<()> + Sync);

/// Why the list of incidents could not be made. Usually a mistyped path or a wrong line of a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A path cannot be read.
    #[error("cannot read \"{path}\": {error}")]
    Read {
        /// The path.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A manifest's line is wrong.
    #[error("\"{manifest}\", line {line}: {what}")]
    Manifest {
        /// The manifest.
        manifest: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Two incidents would have one id.
    #[error("two incidents have the id \"{id}\": \"{first}\" and \"{second}\"")]
    Twice {
        /// The id.
        id: String,
        /// Where the first is.
        first: String,
        /// Where the second is.
        second: String,
    },
}

/// Why a file of the fleet was not written. Usually a full disk or a directory that must not be written.
#[derive(Debug, thiserror::Error)]
#[error("\"{path}\": {error}")]
pub struct Unwritten {
    /// The file.
    pub path: String,
    /// Why.
    pub error: io::Error,
}

/// What was found at the given paths.
#[derive(Debug, Default)]
pub struct Found {
    /// Incidents, sorted by id.
    pub candidates: Vec<Candidate>,
    /// Files beside them that are no incident.
    pub passed_over: Vec<PathBuf>,
}

/// Finds incidents: each child of a directory that is a directory, an archive or a compressed file; an archive that is named itself;
/// and each line of a manifest, `PATH` or `ID<tab>PATH`, relative to the manifest.
///
/// # Errors
/// [`ListError`].
pub fn find_incidents(paths: &[PathBuf]) -> Result<Found, ListError> {
    let mut found = Found::default();
    for path in paths {
        let fail = |error| ListError::Read {
            path: path.display().to_string(),
            error,
        };
        if path.is_dir() {
            for entry in std::fs::read_dir(path).map_err(fail)? {
                let child = entry.map_err(fail)?.path();
                if child.is_dir() || is_packed(&child) {
                    found.candidates.push(Candidate {
                        id: id_of(&child),
                        path: child,
                    });
                } else {
                    found.passed_over.push(child);
                }
            }
        } else if is_packed(path) {
            found.candidates.push(Candidate {
                id: id_of(path),
                path: path.clone(),
            });
        } else {
            read_manifest(path, &mut found)?;
        }
    }
    found
        .candidates
        .sort_by(|a, b| (&a.id, &a.path).cmp(&(&b.id, &b.path)));
    found.passed_over.sort();
    found.candidates.dedup();
    for pair in found.candidates.windows(2) {
        if pair[0].id == pair[1].id {
            return Err(ListError::Twice {
                id: pair[0].id.clone(),
                first: pair[0].path.display().to_string(),
                second: pair[1].path.display().to_string(),
            });
        }
    }
    Ok(found)
}

fn read_manifest(path: &Path, found: &mut Found) -> Result<(), ListError> {
    let manifest = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| ListError::Read {
        path: manifest.clone(),
        error,
    })?;
    let root = path.parent().unwrap_or(Path::new(""));
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |what: String| ListError::Manifest {
            manifest: manifest.clone(),
            line: index + 1,
            what,
        };
        let (id, place) = match line.split_once('\t') {
            Some((id, place)) => (Some(id.trim()), place.trim()),
            None => (None, line.trim()),
        };
        let place = root.join(place);
        if !place.exists() {
            return Err(wrong(format!("there is no \"{}\"", place.display())));
        }
        let id = match id {
            Some(id) if !id.is_empty() && id == plain(id) => id.to_owned(),
            Some(id) => {
                return Err(wrong(format!(
                    "\"{id}\" is no id: letters, digits, \".\", \"_\" and \"-\" only"
                )));
            }
            None => id_of(&place),
        };
        found.candidates.push(Candidate { id, path: place });
    }
    Ok(())
}

/// First bytes of archives and compressed files.
const MAGIC: &[&[u8]] = &[
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"PK\x03\x04",
    b"PK\x05\x06",
];

fn is_packed(path: &Path) -> bool {
    let mut head = Vec::new();
    let opened = path
        .is_file()
        .then(|| std::fs::File::open(path).ok())
        .flatten();
    let read = opened.and_then(|file| file.take(512).read_to_end(&mut head).ok());
    read.is_some()
        && (MAGIC.iter().any(|magic| head.starts_with(magic))
            || head.get(257..262) == Some(b"ustar"))
}

/// Endings that say how a file is packed, and nothing about the incident.
const ENDINGS: &[&str] = &[
    ".gz", ".bz2", ".xz", ".zst", ".lz4", ".tar", ".tgz", ".tbz2", ".txz", ".zip",
];

/// Returns the id of an incident at this path: its name, without what says how it is packed.
pub fn id_of(path: &Path) -> String {
    let name = path
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let mut id = name.as_str();
    while let Some(shorter) = ENDINGS
        .iter()
        .find_map(|ending| id.strip_suffix(ending))
        .filter(|s| !s.is_empty())
    {
        id = shorter;
    }
    plain(id)
}

/// Replaces what may not stand in an id. A name is a path and a URL on many systems.
fn plain(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if kept.is_empty() || kept.starts_with('.') {
        format!("_{kept}")
    } else {
        kept
    }
}

/// Returns every file of an incident, sorted, by its path below the incident.
fn files_of(path: &Path) -> Vec<(String, PathBuf)> {
    walkdir::WalkDir::new(path)
        .follow_root_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            (
                entry
                    .path()
                    .strip_prefix(path)
                    .unwrap_or(entry.path())
                    .display()
                    .to_string(),
                entry.into_path(),
            )
        })
        .collect()
}

/// Returns a hash of names, sizes and times of change. Reads no content.
pub fn listing_of(path: &Path) -> String {
    let mut digest = Sha256::new();
    for (name, file) in files_of(path) {
        let metadata = std::fs::metadata(&file).ok();
        let size = metadata.as_ref().map_or(0, std::fs::Metadata::len);
        let changed = metadata
            .and_then(|m| m.modified().ok())
            .and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |d| d.as_nanos());
        digest.update(format!("{name}\0{size}\0{changed}\n"));
    }
    format!("sha256:{}", hash::hex(&digest.finalize()))
}

/// Returns a hash of names and bytes. A file that cannot be read counts with the reason.
pub fn content_of(path: &Path) -> String {
    let mut digest = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 18];
    for (name, file) in files_of(path) {
        digest.update(format!("\n{name}\0"));
        let mut read = || -> io::Result<()> {
            let mut stream = std::fs::File::open(&file)?;
            loop {
                match stream.read(&mut buffer)? {
                    0 => return Ok(()),
                    count => digest.update(&buffer[..count]),
                }
            }
        };
        if let Err(error) = read() {
            digest.update(format!("\0{}", error.kind()));
        }
    }
    format!("sha256:{}", hash::hex(&digest.finalize()))
}

/// Returns a hash of bytes.
pub fn hash_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hash::of(bytes))
}

fn parquet_under(directory: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(directory)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file() && e.path().extension().is_some_and(|e| e == "parquet"))
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// The directory of a fleet.
#[derive(Debug, Clone)]
pub struct Store {
    /// OUT.
    pub root: PathBuf,
}

impl Store {
    /// Returns the place of an incident's report.
    pub fn report_path(&self, id: &str) -> PathBuf {
        self.root.join("reports").join(format!("{id}.json.zst"))
    }

    /// Returns the place of an incident's page.
    pub fn page_path(&self, id: &str) -> PathBuf {
        self.root.join("pages").join(format!("{id}.html"))
    }

    /// Returns the place of what is known about how an incident's report was made.
    pub fn state_path(&self, id: &str) -> PathBuf {
        self.root.join("state").join(format!("{id}.json"))
    }

    /// Returns the place of a table's rows of one day.
    pub fn day_path(&self, table: &str, day: &str) -> PathBuf {
        self.root
            .join("tables")
            .join(table)
            .join(format!("dt={day}"))
    }

    /// Returns the place of the list of days whose parts one shard has written, each with a hash of what they were made from.
    pub fn index_path(&self, shard: (u64, u64)) -> PathBuf {
        self.root
            .join("tables")
            .join(format!("index-{}-of-{}.json", shard.0, shard.1))
    }

    /// Returns the place of the mark of which tables the answers were made from.
    pub fn answered_path(&self) -> PathBuf {
        self.root.join("tables").join("answered")
    }

    /// Tells whether there is a page of any incident.
    pub fn has_pages(&self) -> bool {
        self.root
            .join("pages")
            .read_dir()
            .is_ok_and(|mut d| d.next().is_some())
    }

    /// Makes the directories of a fleet.
    ///
    /// # Errors
    /// If one cannot be made.
    pub fn prepare(&self) -> io::Result<()> {
        for part in ["reports", "pages", "state", "tables"] {
            std::fs::create_dir_all(self.root.join(part))?;
        }
        Ok(())
    }

    /// Removes what runs that were killed left behind: files begun and never named. Not for a run that shares the directory with others.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn sweep(&self) -> io::Result<()> {
        for entry in walkdir::WalkDir::new(&self.root)
            .into_iter()
            .filter_map(Result::ok)
        {
            let name = entry.file_name().to_string_lossy();
            if entry.file_type().is_file()
                && name.starts_with(UNFINISHED.0)
                && name.ends_with(UNFINISHED.1)
            {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Returns how an incident's report was made; nothing if it was not, or not to the end.
    pub fn state(&self, id: &str) -> Option<State> {
        serde_json::from_slice(&std::fs::read(self.state_path(id)).ok()?).ok()
    }

    /// Returns the states of all incidents of the fleet, sorted by id.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn states(&self) -> io::Result<Vec<State>> {
        let mut states = Vec::new();
        for entry in std::fs::read_dir(self.root.join("state"))? {
            let path = entry?.path();
            if let Some(id) = path
                .file_name()
                .and_then(|n| n.to_str())
                .and_then(|n| n.strip_suffix(".json"))
                && let Some(state) = self.state(id)
            {
                states.push(state);
            }
        }
        states.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(states)
    }

    /// Reads an incident's report.
    ///
    /// # Errors
    /// If it cannot be read, or is no report.
    pub fn report(&self, id: &str) -> io::Result<Report> {
        let bytes = zstd::decode_all(std::fs::File::open(self.report_path(id))?)?;
        serde_json::from_slice(&bytes).map_err(io::Error::other)
    }

    /// Packs a report for storing.
    ///
    /// # Errors
    /// If it cannot be compressed: out of memory.
    pub fn pack(report: &str) -> io::Result<Vec<u8>> {
        zstd::encode_all(report.as_bytes(), 3)
    }

    /// Reads a small file of the fleet; nothing if there is none.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        std::fs::read(path).ok()
    }

    /// Returns the Parquet files of a table, sorted by path.
    pub fn parts(&self, table: &str) -> Vec<PathBuf> {
        parquet_under(&self.root.join("tables").join(table))
    }

    /// Returns the Parquet files of one day of a table, sorted by path.
    pub fn parts_of_day(&self, table: &str, day: &str) -> Vec<PathBuf> {
        parquet_under(&self.day_path(table, day))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(&self, directory: &Path) -> io::Result<()> {
        std::fs::create_dir_all(directory)
    }

    /// Removes a file of the fleet, and its directory if that is empty then.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)?;
        if let Some(directory) = path.parent() {
            // Not empty is no mistake: other parts of that day stay.
            let _ = std::fs::remove_dir(directory);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_name_without_what_says_how_it_is_packed() {
        for (name, id) in [
            ("2024-05-22", "2024-05-22"),
            ("a/INC-7.tar.gz", "INC-7"),
            ("b c.zip", "b_c"),
            (".tar", "_.tar"),
            ("x.tgz", "x"),
        ] {
            assert_eq!(id_of(Path::new(name)), id, "{name}");
        }
    }
}
