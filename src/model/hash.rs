//! Hash: SHA-256 as text. What a report was made of, and each of its quotations, is known again by it.
//!
//! Takes bytes; gives hexadecimal digits. Start with [`of`].

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of bytes as 64 digits.
pub fn of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            use std::fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        })
}
