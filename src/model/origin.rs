//! Where something was read: source, line and byte range, and the verbatim text.
//!
//! Byte offsets count in the decompressed content of the source, from 0, end exclusive; lines count from 1.

use std::sync::Arc;

/// The place of a record in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// Index into the list of sources.
    pub source: usize,
    /// Byte range in the decompressed content.
    pub start: u64,
    /// End of the byte range, exclusive.
    pub end: u64,
    /// Line of the first byte, from 1.
    pub line: u64,
}

/// One verbatim record that a signal rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where it stands.
    pub origin: Origin,
    /// The bytes as text; invalid UTF-8 is shown as U+FFFD.
    pub text: Arc<str>,
    /// Bytes of the record beyond those in the text.
    pub left_out: u64,
    /// SHA-256 of the original bytes, in hexadecimal.
    pub sha256: String,
}
