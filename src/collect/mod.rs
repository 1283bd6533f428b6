//! Stage 1, collect: paths → sources, and a list of what cannot be one.
//!
//! Takes the paths that the user gave; gives sources in a stable order and problems. Recognises compression and archives by content, never
//! by name. Does not look at what the bytes mean. Rootline's own reports are left out, so that a report beside its input changes nothing.

mod archive;
mod content;
mod guard;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::{Content, Limits, Problem, Skipped, Source};
use content::{Stored, compression_of};
pub use guard::Budget;
use guard::Watched;

/// Compressions one inside another that are taken off.
const LAYERS: usize = 3;

/// What was found at the given paths.
#[derive(Debug, Default)]
pub struct Collection {
    /// Sources, ordered by path.
    pub sources: Vec<Source>,
    /// Files of which nothing can be read.
    pub skipped: Vec<Skipped>,
    /// Reports of Rootline itself that lay beside the input.
    pub own_reports: Vec<String>,
    /// Files in which people complete the postmortem: read by who asks for them, never as evidence.
    pub human_texts: Vec<String>,
    /// Archives that were opened.
    pub archives: u64,
    /// What may be read, and how much was.
    pub budget: Budget,
    /// Packed bytes kept for members of compressed archives.
    in_memory: u64,
}

/// Something found: a file, standard input or a member of an archive.
struct Found {
    /// The path given, then `!member`.
    path: String,
    /// The same without the given argument.
    name: String,
    /// Size as stored, in bytes.
    bytes: u64,
    /// What the container says about when it was written.
    stamp: Option<DateTime<Utc>>,
    /// How many archives it lies in.
    depth: usize,
}

impl Found {
    fn member(&self, name: &str, bytes: u64, stamp: Option<DateTime<Utc>>) -> Found {
        let name = name.trim_start_matches("./");
        Found {
            path: format!("{}!{name}", self.path),
            name: format!("{}!{name}", self.name),
            bytes,
            stamp,
            depth: self.depth + 1,
        }
    }
}

/// Finds every file under the paths. `-` is standard input. A path that does not exist but has `*`, `?` or `[` in it is a pattern.
pub fn collect(paths: &[PathBuf]) -> (Collection, Vec<Problem>) {
    collect_within(paths, Limits::default())
}

/// Finds every file as [`collect`] does, within limits other than the usual ones.
pub fn collect_within(paths: &[PathBuf], limits: Limits) -> (Collection, Vec<Problem>) {
    let mut collection = Collection {
        budget: Budget::new(limits),
        ..Collection::default()
    };
    let mut problems = Vec::new();
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    for path in paths {
        if path.as_os_str() == "-" {
            collection.add_stdin(&mut problems);
        } else if path.is_dir() {
            collection.add_directory(path, None, &mut seen, &mut problems);
        } else if let Some((root, pattern)) = pattern_of(path) {
            collection.add_directory(&root, Some(&pattern), &mut seen, &mut problems);
        } else {
            let root = path.parent().unwrap_or(Path::new(""));
            collection.add(path, root, false, &mut seen, &mut problems);
        }
    }
    collection
        .sources
        .sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    collection.skipped.sort();
    collection.own_reports.sort();
    (collection, problems)
}

/// Splits a path with wildcards into the directory before them and a matcher for whole paths.
fn pattern_of(path: &Path) -> Option<(PathBuf, globset::GlobMatcher)> {
    let text = path.to_str()?;
    if path.exists() || !text.contains(['*', '?', '[']) {
        return None;
    }
    let glob = globset::GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .ok()?;
    let root: PathBuf = path
        .components()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']))
        .collect();
    let root = if root.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        root
    };
    root.is_dir().then(|| (root, glob.compile_matcher()))
}

impl Collection {
    fn add_directory(
        &mut self,
        root: &Path,
        pattern: Option<&globset::GlobMatcher>,
        seen: &mut BTreeSet<PathBuf>,
        problems: &mut Vec<Problem>,
    ) {
        let before = self.sources.len() + self.skipped.len();
        for entry in walkdir::WalkDir::new(root)
            .follow_root_links(true)
            .sort_by_file_name()
        {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    let plain = entry.path().strip_prefix("./").unwrap_or(entry.path());
                    if entry.depth() == 1 && pattern.is_none() && is_human_text(entry.file_name()) {
                        self.human_texts.push(slashed(entry.path()));
                    } else if pattern.is_none_or(|p| p.is_match(plain) || p.is_match(entry.path()))
                    {
                        self.add(entry.path(), root, entry.path_is_symlink(), seen, problems);
                    }
                }
                Err(error) => {
                    let at = error.path().map_or_else(|| slashed(root), slashed);
                    let why = error
                        .io_error()
                        .map_or_else(|| "a loop of links".to_owned(), plain_reason);
                    problems.push(Problem {
                        source: None,
                        first: None,
                        what: format!("\"{at}\" could not be listed: {why}"),
                        count: 1,
                    });
                    self.skipped.push(Skipped {
                        path: at,
                        why,
                        bytes: 0,
                    });
                }
            }
        }
        if let Some(pattern) = pattern
            && self.sources.len() + self.skipped.len() == before
        {
            self.skipped.push(Skipped {
                path: pattern.glob().to_string(),
                why: "no file fits this pattern".to_owned(),
                bytes: 0,
            });
        }
    }

    fn add(
        &mut self,
        path: &Path,
        root: &Path,
        link: bool,
        seen: &mut BTreeSet<PathBuf>,
        problems: &mut Vec<Problem>,
    ) {
        let mut found = Found {
            path: slashed(path),
            name: slashed(path.strip_prefix(root).unwrap_or(path)),
            bytes: 0,
            stamp: None,
            depth: 0,
        };
        if link {
            return self.skip(&found, "a symbolic link; its target is read where it lies");
        }
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.skip(&found, &plain_reason(&error)),
        };
        if !metadata.is_file() {
            return self.skip(&found, "not a regular file");
        }
        if let Ok(real) = path.canonicalize() {
            // The same file given twice is one witness, not two.
            if !seen.insert(real) {
                return;
            }
        }
        found.bytes = metadata.len();
        self.add_stored(Stored::file(path.to_owned()), &found, problems);
    }

    fn add_stdin(&mut self, problems: &mut Vec<Problem>) {
        if self.sources.iter().any(|source| source.path == "-") {
            return;
        }
        let mut found = Found {
            path: "-".into(),
            name: "-".into(),
            bytes: 0,
            stamp: None,
            depth: 0,
        };
        // It can only be read once, but detection and scan both read.
        let mut bytes = Vec::new();
        match std::io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => {
                found.bytes = bytes.len() as u64;
                self.add_stored(Stored::memory(bytes.into()), &found, problems);
            }
            Err(error) => self.skip(&found, &plain_reason(&error)),
        }
    }

    fn skip(&mut self, found: &Found, why: &str) {
        self.skipped.push(Skipped {
            path: found.path.clone(),
            why: why.to_owned(),
            bytes: found.bytes,
        });
    }

    /// Takes compression off, opens archives, and makes everything else a source.
    fn add_stored(&mut self, stored: Stored, found: &Found, problems: &mut Vec<Problem>) {
        let mut content = stored;
        let mut compression = None;
        let mut stamp = found.stamp;
        for _ in 0..=LAYERS {
            let mut head = Vec::new();
            let read = content
                .open()
                .and_then(|stream| stream.take(512).read_to_end(&mut head));
            if let Err(error) = read
                && head.is_empty()
                && compression.is_none()
            {
                return self.skip(found, &plain_reason(&error));
            }
            if is_own_report(&head) {
                return self.own_reports.push(found.path.clone());
            }
            if let Some(layer) = compression_of(&head) {
                stamp = stamp.or(content::gzip_stamp(&head));
                compression = compression.or(Some(layer));
                content = content.unpacked(layer);
                continue;
            }
            if let Some(kind) = archive::archive_of(&head) {
                return self.add_archive(kind, &content, found, problems);
            }
            break;
        }
        let stored = content.end().map(|end| end.saturating_sub(content.offset));
        self.sources.push(Source {
            name: found.name.clone(),
            path: found.path.clone(),
            stored_bytes: found.bytes,
            compression,
            stamped_at: stamp,
            content: Arc::new(Watched {
                content: Arc::new(content),
                budget: self.budget.clone(),
                stored,
            }),
        });
    }
}

/// What `rootline init` writes into an incident's directory for people to fill in.
fn is_human_text(name: &std::ffi::OsStr) -> bool {
    name == "rootline.toml" || name == "notes.md"
}

/// The first bytes of everything that Rootline writes.
fn is_own_report(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    head.contains("<meta name=\"generator\" content=\"rootline")
        || head.starts_with("{\"schema\":\"rootline.report/")
        || head.starts_with("<!-- rootline.report/")
}

/// Returns a path with `/` between its parts.
fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

/// Returns an error of the system without its number.
fn plain_reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error")
                .next()
                .unwrap_or(&text)
                .to_lowercase()
        }
    }
}
