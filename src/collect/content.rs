//! Opening: files, parts of files and bytes in memory, as streams of decompressed bytes.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::Content;

/// Where stored bytes lie.
#[derive(Clone)]
pub(super) enum Base {
    /// In a file.
    File(PathBuf),
    /// In memory: standard input, and members of compressed archives, which could only be reached again by unpacking everything before them.
    Memory(Arc<[u8]>),
}

/// A range of stored bytes, decompressed while it is read.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) base: Base,
    pub(super) offset: u64,
    /// Number of stored bytes; `None`: up to the end.
    pub(super) length: Option<u64>,
    /// How the bytes are compressed, outermost first.
    pub(super) layers: Vec<&'static str>,
}

impl Stored {
    pub(super) fn file(path: PathBuf) -> Stored {
        Stored {
            base: Base::File(path),
            offset: 0,
            length: None,
            layers: Vec::new(),
        }
    }

    pub(super) fn memory(bytes: Arc<[u8]>) -> Stored {
        Stored {
            base: Base::Memory(bytes),
            offset: 0,
            length: None,
            layers: Vec::new(),
        }
    }

    /// The same bytes with one more layer of compression taken off.
    pub(super) fn unpacked(&self, layer: &'static str) -> Stored {
        let mut inner = self.clone();
        inner.layers.push(layer);
        inner
    }

    /// Returns where the stored bytes end in their base, if that can be told.
    pub(super) fn end(&self) -> Option<u64> {
        let size = match &self.base {
            Base::File(path) => std::fs::metadata(path).ok()?.len(),
            Base::Memory(bytes) => bytes.len() as u64,
        };
        Some(
            self.length
                .map_or(size, |length| size.min(self.offset + length)),
        )
    }

    /// Returns a reader that can jump, if nothing is compressed.
    pub(super) fn seekable(&self) -> std::io::Result<Option<Box<dyn SeekRead>>> {
        if !self.layers.is_empty() || self.offset != 0 || self.length.is_some() {
            return Ok(None);
        }
        Ok(Some(match &self.base {
            Base::File(path) => Box::new(BufReader::new(File::open(path)?)),
            Base::Memory(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        }))
    }
}

/// Something that can be read and jumped in.
pub(super) trait SeekRead: Read + Seek + Send {}
impl<T: Read + Seek + Send> SeekRead for T {}

impl Content for Stored {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        let mut stream: Box<dyn Read + Send> = match &self.base {
            Base::File(path) => {
                let mut file = File::open(path)?;
                if self.offset > 0 {
                    file.seek(SeekFrom::Start(self.offset))?;
                }
                if self.layers.is_empty() {
                    Box::new(file)
                } else {
                    Box::new(BufReader::with_capacity(256 * 1024, file))
                }
            }
            Base::Memory(bytes) => {
                let mut cursor = Cursor::new(Arc::clone(bytes));
                cursor.set_position(self.offset);
                Box::new(cursor)
            }
        };
        if let Some(length) = self.length {
            stream = Box::new(stream.take(length));
        }
        for layer in &self.layers {
            stream = decompress(stream, layer)?;
        }
        Ok(stream)
    }

    fn read_near_end(&self, back: u64, length: usize) -> Option<Vec<u8>> {
        let Base::File(path) = &self.base else {
            return None;
        };
        if !self.layers.is_empty() {
            return None;
        }
        let mut file = File::open(path).ok()?;
        let end = match self.length {
            Some(length) => self.offset + length,
            None => file.metadata().ok()?.len(),
        };
        let start = end.saturating_sub(back).max(self.offset);
        file.seek(SeekFrom::Start(start)).ok()?;
        let mut bytes = Vec::new();
        file.take((length as u64).min(end - start))
            .read_to_end(&mut bytes)
            .ok()?;
        Some(bytes)
    }
}

fn decompress(stored: Box<dyn Read + Send>, layer: &str) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match layer {
        // Rotated logs are often several gzip members in a row.
        "gzip" => Box::new(flate2::read::MultiGzDecoder::new(stored)),
        "deflate" => Box::new(flate2::read::DeflateDecoder::new(stored)),
        "xz" => Box::new(liblzma::read::XzDecoder::new_multi_decoder(stored)),
        "zstd" => Box::new(zstd::stream::read::Decoder::new(stored)?),
        "bzip2" => Box::new(bzip2::read::MultiBzDecoder::new(stored)),
        "lz4" => Box::new(lz4_flex::frame::FrameDecoder::new(stored)),
        _ => stored,
    })
}

/// Returns how content is compressed, from its first bytes.
///
/// # Source
/// RFC 1952 (gzip), RFC 8878 (zstd), the xz, bzip2 and lz4 frame formats.
pub(super) fn compression_of(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f, 0x8b, 8, ..] => Some("gzip"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("xz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..] => Some("bzip2"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("lz4"),
        _ => None,
    }
}

/// Returns the time in a gzip header, if it has one.
///
/// # Source
/// RFC 1952, section 2.3.1: MTIME, seconds since 1970, 0 for none.
pub(super) fn gzip_stamp(head: &[u8]) -> Option<DateTime<Utc>> {
    let [0x1f, 0x8b, _, _, a, b, c, d, ..] = head else {
        return None;
    };
    let seconds = u32::from_le_bytes([*a, *b, *c, *d]);
    (seconds != 0)
        .then(|| DateTime::from_timestamp(i64::from(seconds), 0))
        .flatten()
}
