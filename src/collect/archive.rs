//! Archives: members of tar and zip, however compressed, each a source of its own. Nothing is ever written to disk.
//!
//! Members of uncompressed archives are read where they lie. Members of a compressed tar are kept in memory, packed, because they could
//! only be reached again by unpacking everything before them. What is too large or too deep is left out, and said.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::content::{Base, Stored, compression_of};
use super::{Collection, Found};
use crate::model::limits::reached;
use crate::model::{Content, Problem};

/// Returns whether content is a tar or a zip archive, from its first bytes.
///
/// # Source
/// POSIX.1 ustar: `ustar` at 257; pre-POSIX tar has no mark and is known by its header's checksum. APPNOTE.TXT: `PK\3\4`, or `PK\5\6` when empty.
pub(super) fn archive_of(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some("zip"),
        _ if head.len() >= 512 && (&head[257..262] == b"ustar" || is_old_tar(head)) => Some("tar"),
        _ => None,
    }
}

fn is_old_tar(head: &[u8]) -> bool {
    let written = std::str::from_utf8(&head[148..156])
        .ok()
        .map(|text| text.trim_matches(['\0', ' ']))
        .and_then(|text| u64::from_str_radix(text, 8).ok());
    let sum: u64 = head[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u64::from(*byte)
            }
        })
        .sum();
    head[0] != 0 && written == Some(sum)
}

impl Collection {
    /// Adds the members of an archive.
    pub(super) fn add_archive(
        &mut self,
        kind: &str,
        archive: &Stored,
        found: &Found,
        problems: &mut Vec<Problem>,
    ) {
        let nesting = self.budget.limits.nesting;
        if found.depth as u64 >= nesting {
            let why = format!(
                "an archive in other archives: {}",
                reached("nesting", nesting)
            );
            return self.skip(found, &why);
        }
        self.archives += 1;
        let before = self.sources.len() + self.skipped.len();
        let read = if kind == "zip" {
            self.zip(archive, found, problems)
        } else {
            self.tar(archive, found, problems)
        };
        let members = self.sources.len() + self.skipped.len() - before;
        if let Err(error) = read {
            problems.push(Problem {
                source: None,
                first: None,
                what: format!(
                    "\"{}\" is cut off or damaged: {members} members before that were found: {error}",
                    found.path
                ),
                count: 1,
            });
            if members == 0 {
                self.skip(found, "a damaged archive in which no member could be found");
            }
        }
    }

    fn tar(
        &mut self,
        archive: &Stored,
        found: &Found,
        problems: &mut Vec<Problem>,
    ) -> std::io::Result<()> {
        let in_place = archive.layers.is_empty();
        let members = self.budget.limits.members;
        let stored = archive.end().map(|end| end.saturating_sub(archive.offset));
        let mut reader = tar::Archive::new(self.budget.guard(archive.open()?, stored));
        for (count, entry) in reader.entries()?.enumerate() {
            let mut entry = entry?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let member = found.member(&name, entry.size(), stamp_of(entry.header().mtime().ok()));
            if count as u64 >= members {
                self.skip(&member, &reached("members", members));
                return Err(std::io::Error::other(reached("members", members)));
            }
            let kind = entry.header().entry_type();
            if kind.is_dir() || kind.is_pax_global_extensions() {
                continue;
            }
            if !(kind.is_file() || kind.is_contiguous()) {
                self.skip(&member, "a link or device in an archive");
                continue;
            }
            if in_place {
                let end = archive.offset + entry.raw_file_position() + entry.size();
                if archive.end().is_some_and(|size| size < end) {
                    problems.push(Problem {
                        source: None,
                        first: None,
                        what: format!(
                            "\"{}\" is cut off: its archive ends before it does",
                            member.path
                        ),
                        count: 1,
                    });
                }
                let stored = Stored {
                    base: archive.base.clone(),
                    offset: archive.offset + entry.raw_file_position(),
                    length: Some(entry.size()),
                    layers: Vec::new(),
                };
                self.add_stored(stored, &member, problems);
                continue;
            }
            let (packed, layers, broken) = match self.pack(&mut entry) {
                Ok(packed) => packed,
                Err(why) => {
                    self.skip(&member, &why);
                    continue;
                }
            };
            let stored = Stored {
                layers,
                ..Stored::memory(packed.into())
            };
            self.add_stored(stored, &member, problems);
            if let Some(error) = broken {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Reads a member into memory. What can be packed is packed: logs shrink to a tenth.
    #[expect(
        clippy::type_complexity,
        reason = "bytes, how they are packed, and where reading broke off"
    )]
    fn pack(
        &mut self,
        entry: &mut impl Read,
    ) -> Result<(Vec<u8>, Vec<&'static str>, Option<std::io::Error>), String> {
        let mut head = vec![0; 512];
        let mut length = 0;
        let mut broken = None;
        while length < head.len() {
            match entry.read(&mut head[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        head.truncate(length);
        let stored_packed = compression_of(&head).is_some();
        let most = self.budget.limits.file_bytes;
        let mut all = std::io::Cursor::new(head)
            .chain(entry)
            .take(most.saturating_add(1));
        let mut count = 0;
        let mut packed = Vec::new();
        let mut layers = Vec::new();
        if stored_packed {
            if broken.is_none() {
                broken = all.read_to_end(&mut packed).err();
            }
            count = packed.len() as u64;
        } else {
            layers.push("zstd");
            let failed = |_| "it could not be packed in memory".to_owned();
            let mut encoder = zstd::stream::write::Encoder::new(&mut packed, 1).map_err(failed)?;
            match std::io::copy(&mut all, &mut encoder) {
                Ok(copied) => count = copied,
                Err(error) => drop(broken.get_or_insert(error)),
            }
            encoder.finish().map_err(failed)?;
        }
        if count > most {
            return Err(reached("file-bytes", most));
        }
        let memory = self.budget.limits.memory_bytes;
        if self.in_memory + packed.len() as u64 > memory {
            return Err(format!(
                "{}; unpack the archive first",
                reached("memory-bytes", memory)
            ));
        }
        self.in_memory += packed.len() as u64;
        Ok((packed, layers, broken))
    }

    fn zip(
        &mut self,
        archive: &Stored,
        found: &Found,
        problems: &mut Vec<Problem>,
    ) -> std::io::Result<()> {
        let (base, reader) = match archive.seekable()? {
            Some(reader) => (archive.base.clone(), reader),
            None => {
                // A zip is found by its end: inside something else it must be read whole.
                let memory = self.budget.limits.memory_bytes;
                let left = memory.saturating_sub(self.in_memory);
                let mut bytes = Vec::new();
                let stored = archive.end().map(|end| end.saturating_sub(archive.offset));
                let stream = self.budget.guard(archive.open()?, stored);
                stream
                    .take(left.saturating_add(1))
                    .read_to_end(&mut bytes)?;
                if bytes.len() as u64 > left {
                    return Err(std::io::Error::other(reached("memory-bytes", memory)));
                }
                self.in_memory += bytes.len() as u64;
                let bytes: Arc<[u8]> = bytes.into();
                let base = Base::Memory(Arc::clone(&bytes));
                let reader: Box<dyn super::content::SeekRead> =
                    Box::new(std::io::Cursor::new(bytes));
                (base, reader)
            }
        };
        let mut zip = zip::ZipArchive::new(reader).map_err(std::io::Error::other)?;
        let members = self.budget.limits.members;
        // Where the bytes of one member lie, no other one may: that is how a small file becomes a large one.
        let mut taken: BTreeMap<u64, u64> = BTreeMap::new();
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(std::io::Error::other)?;
            let name = entry.name().map_or_else(
                |_| String::from_utf8_lossy(entry.name_raw()).into_owned(),
                |name| name.into_owned(),
            );
            let stamp = entry
                .extra_data_fields()
                .find_map(|field| match field {
                    zip::ExtraField::ExtendedTimestamp(stamp) => stamp.mod_time(),
                    _ => None,
                })
                .and_then(|seconds| stamp_of(Some(u64::from(seconds))));
            let member = found.member(&name, entry.size(), stamp);
            if index as u64 >= members {
                self.skip(&member, &reached("members", members));
                return Err(std::io::Error::other(reached("members", members)));
            }
            if entry.is_dir() {
                continue;
            }
            let layers = match entry.compression() {
                _ if entry.encrypted() => {
                    self.skip(&member, "an encrypted member; it needs a password");
                    continue;
                }
                _ if entry.is_symlink() => {
                    self.skip(&member, "a link or device in an archive");
                    continue;
                }
                zip::CompressionMethod::Stored => Vec::new(),
                zip::CompressionMethod::Deflated => vec!["deflate"],
                other => {
                    self.skip(
                        &member,
                        &format!("compressed with \"{other}\", which this version does not open"),
                    );
                    continue;
                }
            };
            let start = entry.data_start().unwrap_or_default();
            let end = start.saturating_add(entry.compressed_size());
            let before = taken.range(..end).next_back();
            if end > start && before.is_some_and(|(_, end)| *end > start) {
                self.skip(&member, "its bytes are those of another member, too");
                continue;
            }
            taken.insert(start, end);
            let stored = Stored {
                base: base.clone(),
                offset: start,
                length: Some(entry.compressed_size()),
                layers,
            };
            self.add_stored(stored, &member, problems);
        }
        Ok(())
    }
}

fn stamp_of(seconds: Option<u64>) -> Option<DateTime<Utc>> {
    let seconds = i64::try_from(seconds.filter(|s| *s > 0)?).ok()?;
    DateTime::from_timestamp(seconds, 0)
}
