//! Documents: JSON lists cut into their items, and what the [`cutters`](super::cutters) cut.
//!
//! Pieces keep their byte range; a damaged document gives what stands before the damage, and says how much could not be read.

use std::io::Read;
use std::ops::Range;

use super::blocks::Block;
use super::cutters::{self, Piece};
use super::{Part, Scanner, artefacts, cited, encoding, readers};
use crate::grammar::items;
use crate::model::{Detection, Origin, Problem, Shape, Source, SourceReading};

/// Documents larger than this are not held in memory.
const LARGEST: u64 = 1024 * 1024 * 1024;

impl Scanner<'_> {
    pub(super) fn document(
        &self,
        index: usize,
        source: &Source,
        detection: &Detection,
        part: &mut Part,
        reading: &mut SourceReading,
        problems: &mut Vec<Problem>,
    ) {
        let mut bytes = Vec::new();
        let read = source
            .content
            .open()
            .map(|stream| encoding::as_utf8(stream, detection.encoding))
            .and_then(|stream| stream.take(LARGEST).read_to_end(&mut bytes));
        if let Err(error) = read {
            problems.push(Problem::of_source(
                index,
                format!(
                    "cut off or damaged after {} readable bytes: {error}",
                    bytes.len()
                ),
            ));
        }
        if bytes.len() as u64 == LARGEST {
            problems.push(Problem::of_source(
                index,
                format!(
                    "larger than {} MiB: only the beginning was read",
                    LARGEST / 1024 / 1024
                ),
            ));
        }
        reading.bytes = encoding::measure(&bytes, detection.encoding);
        reading.bytes_read = reading.bytes;
        match &detection.shape {
            Shape::Document(reader) => match cutters::cut(reader, &bytes) {
                Some(pieces) => {
                    self.pieces(index, detection, &bytes, pieces, part, reading, problems)
                }
                None if self.artefacts(index, source, detection, reader, &bytes, part) => {}
                None => {
                    let text = cutters::same_length_text(&bytes);
                    let mut place = super::Counter::new(1, 0, detection.encoding);
                    let samples = readers::disk_samples(&text, index, &mut |range| {
                        let origin = origin(index, &bytes, &range, &mut place);
                        cited(origin, &bytes[range], detection)
                    });
                    part.records = samples.len() as u64;
                    part.coverage = samples
                        .first()
                        .into_iter()
                        .chain(samples.last())
                        .filter_map(|s| s.at.clone())
                        .collect();
                    part.disks = samples;
                }
            },
            _ => self.items(index, detection, &bytes, part, reading, problems),
        }
    }

    /// Reads a document that tells how an image is built. Returns whether its reader is one of those.
    fn artefacts(
        &self,
        index: usize,
        source: &Source,
        detection: &Detection,
        reader: &str,
        bytes: &[u8],
        part: &mut Part,
    ) -> bool {
        // Each byte keeps its place, so that a range of the text is one of the bytes.
        let text = cutters::same_length_text(bytes);
        let mut cite = |range: Range<usize>| {
            let mut place = super::Counter::new(1, 0, detection.encoding);
            let origin = origin(index, bytes, &range, &mut place);
            cited(origin, &bytes[range], detection)
        };
        let Some((found, records)) = artefacts::document(reader, source, &text, &mut cite) else {
            return false;
        };
        part.artefacts.append(found);
        part.records = records;
        true
    }

    /// Reads what a cutter cut: objects as if they had come as JSON, the rest as lines.
    #[expect(
        clippy::too_many_arguments,
        reason = "one source's input and its three outputs"
    )]
    fn pieces(
        &self,
        index: usize,
        detection: &Detection,
        bytes: &[u8],
        pieces: Vec<Piece>,
        part: &mut Part,
        reading: &mut SourceReading,
        problems: &mut Vec<Problem>,
    ) {
        let mut line = super::Counter::new(1, 0, detection.encoding);
        let outer = detection.formats.first().map_or("", String::as_str);
        let mut unread: Option<(Origin, String, u64, u64)> = None;
        for piece in pieces {
            match piece {
                Piece::Object(range, value) => {
                    let origin = origin(index, bytes, &range, &mut line);
                    part.records += 1;
                    let records = self.grammars.peeler.peel_value_in(outer, value);
                    part.cover(&records);
                    self.take(detection, records, origin, &bytes[range], part);
                }
                Piece::Lines(range) => {
                    let (first_line, offset) = line.place(bytes, range.start);
                    let data = bytes[range.clone()].to_vec();
                    let block = Block {
                        lines: data.split(|b| *b == b'\n').count() as u64,
                        data,
                        offset,
                        first_line,
                    };
                    part.append(self.block(index, detection, &block, None));
                }
                Piece::Unread(range, why) => {
                    let first = origin(index, bytes, &range, &mut line);
                    let (_, _, count, lost) = unread.get_or_insert((first, why, 0, 0));
                    *count += 1;
                    *lost += range.len() as u64;
                }
            }
        }
        if let Some((first, why, count, lost)) = unread {
            reading.bytes_read -= lost.min(reading.bytes_read);
            problems.push(Problem {
                source: Some(index),
                first: Some(first),
                what: format!("not readable, {lost} bytes were left out: {why}"),
                count,
            });
        }
    }

    fn items(
        &self,
        index: usize,
        detection: &Detection,
        bytes: &[u8],
        part: &mut Part,
        reading: &mut SourceReading,
        problems: &mut Vec<Problem>,
    ) {
        let skipped = if bytes.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let content = &bytes[skipped..];
        let (documents, length, error) = items::cut(content, &self.grammars.peeler);
        let count: usize = documents.iter().map(|d| d.items.len()).sum();
        let mut line = super::Counter::new(1, 0, detection.encoding);
        for document in documents {
            for item in document.items {
                let raw = item.get().as_bytes();
                // A raw value borrows from the content: its address tells its place.
                let start = skipped + (raw.as_ptr() as usize - content.as_ptr() as usize);
                let origin = origin(index, bytes, &(start..start + raw.len()), &mut line);
                part.records += 1;
                let Ok(mut value) = serde_json::from_str::<serde_json::Value>(item.get()) else {
                    continue;
                };
                document.head.complete(&mut value);
                let records = self.grammars.peeler.peel_value(value);
                part.cover(&records);
                self.take(detection, records, origin, raw, part);
            }
        }
        let rest = skipped + length;
        let left = bytes[rest..].trim_ascii().len() as u64;
        if let Some(error) = error {
            reading.bytes_read -= left.min(reading.bytes_read);
            problems.push(Problem::of_source(
                index,
                format!(
                    "damaged JSON at line {}, column {}: {count} items before it were read, {left} bytes were not",
                    error.line, error.column,
                ),
            ));
        } else if left > 0 {
            // Something else follows: it is read as lines.
            let (first_line, offset) = line.place(bytes, rest);
            let data = bytes[rest..].to_vec();
            let block = Block {
                lines: data.split(|b| *b == b'\n').count() as u64,
                data,
                offset,
                first_line,
            };
            part.append(self.block(index, detection, &block, None));
        }
    }
}

fn origin(index: usize, bytes: &[u8], range: &Range<usize>, place: &mut super::Counter) -> Origin {
    let (line, start) = place.place(bytes, range.start);
    Origin {
        source: index,
        start,
        end: start + encoding::measure(&bytes[range.clone()], place.encoding),
        line,
    }
}
