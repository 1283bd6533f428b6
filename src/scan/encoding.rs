//! Text encodings: UTF-16 as Windows tools write it, read as UTF-8 and measured as it was.
//!
//! Everything after this sees UTF-8; byte ranges and hashes of evidence still mean the original bytes.

use std::borrow::Cow;
use std::io::Read;

use crate::model::Encoding;

/// Opens a stream as UTF-8.
pub fn as_utf8(stream: Box<dyn Read + Send>, encoding: Encoding) -> Box<dyn Read + Send> {
    match encoding {
        Encoding::Utf8 => stream,
        Encoding::Utf16Le | Encoding::Utf16Be => Box::new(Utf16 {
            stream,
            encoding,
            stored: Vec::new(),
            text: Vec::new(),
            given: 0,
            done: false,
        }),
    }
}

/// Returns how many original bytes a piece of text stands for.
pub(super) fn measure(text: &[u8], encoding: Encoding) -> u64 {
    match encoding {
        Encoding::Utf8 => text.len() as u64,
        // One unit a character, two above U+FFFF, which takes four bytes in UTF-8.
        Encoding::Utf16Le | Encoding::Utf16Be => text
            .iter()
            .map(|byte| match byte {
                0x80..0xc0 => 0,
                0xf0.. => 4,
                _ => 2,
            })
            .sum(),
    }
}

/// Returns the original bytes of a piece of text.
pub(super) fn original(text: &[u8], encoding: Encoding) -> Cow<'_, [u8]> {
    let units = || String::from_utf8_lossy(text).into_owned();
    match encoding {
        Encoding::Utf8 => Cow::Borrowed(text),
        Encoding::Utf16Le => {
            Cow::Owned(units().encode_utf16().flat_map(u16::to_le_bytes).collect())
        }
        Encoding::Utf16Be => {
            Cow::Owned(units().encode_utf16().flat_map(u16::to_be_bytes).collect())
        }
    }
}

struct Utf16 {
    stream: Box<dyn Read + Send>,
    encoding: Encoding,
    /// Bytes that are no whole character yet.
    stored: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    done: bool,
}

impl Read for Utf16 {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.text.len() {
            if self.done {
                return Ok(0);
            }
            let mut piece = vec![0; 128 * 1024];
            let count = self.stream.read(&mut piece)?;
            self.done = count == 0;
            self.stored.extend_from_slice(&piece[..count]);
            let mut length = self.stored.len() / 2 * 2;
            let unit = |pair: &[u8]| match self.encoding {
                Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
                _ => u16::from_le_bytes([pair[0], pair[1]]),
            };
            // The first half of a pair waits for the second.
            if !self.done
                && length >= 2
                && (0xd800..0xdc00).contains(&unit(&self.stored[length - 2..length]))
            {
                length -= 2;
            }
            let text: String = char::decode_utf16(self.stored[..length].chunks_exact(2).map(unit))
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            self.stored.drain(..length);
            self.text = text.into_bytes();
            self.given = 0;
        }
        let count = into.len().min(self.text.len() - self.given);
        into[..count].copy_from_slice(&self.text[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_measured() {
        let text = "\u{feff}kubelet 𝄞 ü\r\n".repeat(20_000);
        for encoding in [Encoding::Utf16Le, Encoding::Utf16Be] {
            let stored = original(text.as_bytes(), encoding).into_owned();
            assert_eq!(measure(text.as_bytes(), encoding), stored.len() as u64);
            let mut read = String::new();
            as_utf8(Box::new(std::io::Cursor::new(stored)), encoding)
                .read_to_string(&mut read)
                .expect("text");
            assert!(read == text);
        }
    }
}
