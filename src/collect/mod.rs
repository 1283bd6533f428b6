//! Stage 1, collect: paths → sources, and a list of what cannot be one.
//!
//! Takes the paths that the user gave; gives sources in a stable order and problems. Recognises compression by content, never by name.
//! Does not look at what the bytes mean. Rootline's own reports are left out, so that a report beside its input changes nothing.

mod content;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::{Problem, Skipped, Source};
use content::{Compressed, StandardInput};

/// What was found at the given paths.
#[derive(Debug, Default)]
pub struct Collection {
    /// Sources, ordered by path.
    pub sources: Vec<Source>,
    /// Files of which nothing can be read.
    pub skipped: Vec<Skipped>,
    /// Reports of Rootline itself that lay beside the input.
    pub own_reports: Vec<String>,
}

/// Finds every file under the paths. `-` is standard input.
pub fn collect(paths: &[PathBuf]) -> (Collection, Vec<Problem>) {
    let mut collection = Collection::default();
    let mut problems = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            collection.add_stdin();
            continue;
        }
        if path.is_dir() {
            for entry in walkdir::WalkDir::new(path)
                .follow_root_links(true)
                .sort_by_file_name()
            {
                match entry {
                    Ok(entry) if entry.file_type().is_dir() => {}
                    Ok(entry) => {
                        collection.add(entry.path(), path, entry.path_is_symlink(), &mut seen)
                    }
                    Err(error) => {
                        let at = error.path().map_or_else(|| slashed(path), slashed);
                        let why = error
                            .io_error()
                            .map_or_else(|| "a loop of links".to_owned(), plain_reason);
                        problems.push(Problem {
                            source: None,
                            first: None,
                            what: format!("\"{at}\" could not be listed: {why}"),
                            count: 1,
                        });
                        collection.skipped.push(Skipped {
                            path: at,
                            why,
                            bytes: 0,
                        });
                    }
                }
            }
        } else {
            let root = path.parent().unwrap_or(Path::new(""));
            collection.add(path, root, false, &mut seen);
        }
    }
    collection
        .sources
        .sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    collection.skipped.sort();
    collection.own_reports.sort();
    (collection, problems)
}

impl Collection {
    fn add(&mut self, path: &Path, root: &Path, link: bool, seen: &mut Vec<PathBuf>) {
        let shown = slashed(path);
        let mut skip = |why: String, bytes: u64| {
            self.skipped.push(Skipped {
                path: shown.clone(),
                why,
                bytes,
            })
        };
        if link {
            return skip(
                "a symbolic link; its target is read where it lies".to_owned(),
                0,
            );
        }
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return skip(plain_reason(&error), 0),
        };
        if !metadata.is_file() {
            return skip("not a regular file".to_owned(), 0);
        }
        if let Ok(real) = path.canonicalize() {
            // The same file given twice is one witness, not two.
            if seen.contains(&real) {
                return;
            }
            seen.push(real);
        }
        let mut head = Vec::new();
        if let Err(error) = File::open(path).and_then(|file| file.take(512).read_to_end(&mut head))
        {
            return skip(plain_reason(&error), metadata.len());
        }
        if is_own_report(&head) {
            return self.own_reports.push(shown);
        }
        let compression = match compression_of(&head) {
            Ok(compression) => compression,
            Err(why) => return skip(why.to_owned(), metadata.len()),
        };
        self.sources.push(Source {
            name: slashed(path.strip_prefix(root).unwrap_or(path)),
            path: shown,
            stored_bytes: metadata.len(),
            compression,
            stamped_at: content::gzip_stamp(&head),
            content: Arc::new(Compressed {
                path: path.to_owned(),
                compression,
            }),
        });
    }

    fn add_stdin(&mut self) {
        if self.sources.iter().any(|source| source.path == "-") {
            return;
        }
        match StandardInput::read() {
            Ok(input) => {
                let stored_bytes = input.stored_bytes();
                let compression = compression_of(input.head()).unwrap_or(None);
                self.sources.push(Source {
                    path: "-".into(),
                    name: "-".into(),
                    stored_bytes,
                    compression,
                    stamped_at: None,
                    content: Arc::new(input),
                });
            }
            Err(error) => self.skipped.push(Skipped {
                path: "-".into(),
                why: plain_reason(&error),
                bytes: 0,
            }),
        }
    }
}

/// Returns how content is compressed, from its first bytes.
///
/// # Errors
/// What it is, if it is something that cannot be opened.
///
/// # Source
/// RFC 1952 (gzip), RFC 8878 (zstd), the xz, bzip2, lz4 frame, zip and tar file formats.
fn compression_of(head: &[u8]) -> Result<Option<&'static str>, &'static str> {
    match head {
        [0x1f, 0x8b, ..] => Ok(Some("gzip")),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Ok(Some("xz")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Ok(Some("zstd")),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => {
            Err("a bzip2 file; unpack it first, this version does not open it")
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => {
            Err("an lz4 file; unpack it first, this version does not open it")
        }
        [b'P', b'K', 3, 4, ..] => {
            Err("a zip archive; unpack it first, this version does not open it")
        }
        _ if head.len() > 262 && &head[257..262] == b"ustar" => {
            Err("a tar archive; unpack it first, this version does not open it")
        }
        _ => Ok(None),
    }
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
