//! Opening: plain and compressed files, and standard input, as streams of decompressed bytes.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::Content;

/// A file, decompressed while it is read.
pub(super) struct Compressed {
    pub(super) path: PathBuf,
    pub(super) compression: Option<&'static str>,
}

impl Content for Compressed {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        decompress(
            BufReader::with_capacity(256 * 1024, File::open(&self.path)?),
            self.compression,
        )
    }

    fn read_near_end(&self, back: u64, length: usize) -> Option<Vec<u8>> {
        if self.compression.is_some() {
            return None;
        }
        let mut file = File::open(&self.path).ok()?;
        let size = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(back))).ok()?;
        let mut bytes = Vec::new();
        file.take(length as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

fn decompress(
    stored: impl Read + Send + 'static,
    compression: Option<&'static str>,
) -> std::io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        // Rotated logs are often several gzip members in a row.
        Some("gzip") => Box::new(flate2::read::MultiGzDecoder::new(stored)),
        Some("xz") => Box::new(liblzma::read::XzDecoder::new_multi_decoder(stored)),
        Some("zstd") => Box::new(zstd::stream::read::Decoder::new(stored)?),
        _ => Box::new(stored),
    })
}

/// Standard input, kept in memory: it can only be read once, but detection and scan both read.
pub(super) struct StandardInput {
    bytes: Arc<[u8]>,
}

impl StandardInput {
    pub(super) fn read() -> std::io::Result<StandardInput> {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(StandardInput {
            bytes: bytes.into(),
        })
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.bytes[..self.bytes.len().min(512)]
    }

    pub(super) fn stored_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl Content for StandardInput {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        let compression = super::compression_of(self.head()).unwrap_or(None);
        decompress(Cursor::new(Arc::clone(&self.bytes)), compression)
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
