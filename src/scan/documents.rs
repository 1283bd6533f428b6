//! Documents: JSON lists cut into their items, and what the [`cutters`](super::cutters) cut.
//!
//! Pieces keep their byte range; a damaged document gives what stands before the damage, and says how much could not be read.

use std::io::Read;
use std::ops::Range;

use super::blocks::Block;
use super::cutters::inside::{Stretch, stretches};
use super::cutters::{self, DiskRow, Piece};
use super::{Part, Scanner, artefacts, encoding};
use crate::grammar::{items, yaml};
use crate::model::artefact::parse_bytes;
use crate::model::limits::reached;
use crate::model::{
    Detection, DiskSample, Evidence, Origin, Problem, Shape, Source, SourceReading,
};

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
        let largest = self.limits.document_bytes;
        let mut bytes = Vec::new();
        let sum = super::Sum::default();
        let read = source
            .content
            .open()
            .map(|stream| encoding::as_utf8(sum.over(stream), detection.encoding))
            .and_then(|stream| {
                stream
                    .take(largest.saturating_add(1))
                    .read_to_end(&mut bytes)
            });
        let whole = read.is_ok() && bytes.len() as u64 <= largest;
        if let Err(error) = read {
            problems.push(Problem::of_source(
                index,
                super::broke_off(bytes.len() as u64, &error.to_string()),
            ));
        }
        if bytes.len() as u64 > largest {
            bytes.truncate(usize::try_from(largest).unwrap_or(usize::MAX));
            problems.push(Problem::of_source(
                index,
                super::broke_off(largest, &reached("document-bytes", largest)),
            ));
        }
        reading.bytes = encoding::measure(&bytes, detection.encoding);
        reading.bytes_read = reading.bytes;
        reading.crc32 = sum.of(reading.bytes).filter(|_| whole);
        match &detection.shape {
            Shape::Document(reader) => match cutters::cut(reader, &bytes) {
                Some(pieces) => {
                    self.pieces(index, detection, &bytes, pieces, part, reading, problems)
                }
                None if self.artefacts(index, source, detection, reader, &bytes, part) => {}
                None => problems.push(Problem::of_source(
                    index,
                    format!("no reader is called \"{reader}\""),
                )),
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
            self.cited(origin, &bytes[range], detection)
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
                Piece::Lines(range) => self.text(index, detection, bytes, range, &mut line, part),
                Piece::Disk(range, row) => {
                    part.records += 1;
                    part.coverage.extend(row.at.clone());
                    let origin = origin(index, bytes, &range, &mut line);
                    let evidence = self.cited(origin, &bytes[range], detection);
                    part.disks.push(disk_sample(row, evidence));
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

    /// Reads plain text: objects that stand in it as objects, the rest as lines.
    fn text(
        &self,
        index: usize,
        detection: &Detection,
        bytes: &[u8],
        range: Range<usize>,
        line: &mut super::Counter,
        part: &mut Part,
    ) {
        let text = cutters::same_length_text(&bytes[range.clone()]);
        for stretch in stretches(&text) {
            match stretch {
                Stretch::Lines(inner) => {
                    let place = range.start + inner.start..range.start + inner.end;
                    self.plain_lines(index, detection, bytes, place, line, part);
                }
                Stretch::Json(inner) => {
                    let place = range.start + inner.start..range.start + inner.end;
                    self.json(index, detection, bytes, place, line, part);
                }
                Stretch::Yaml(inner) => {
                    for piece in yaml::cut(&text[inner.clone()]) {
                        let at = range.start + inner.start;
                        let whole = |part: &Range<usize>| at + part.start..at + part.end;
                        match piece {
                            yaml::Part::Object(inner, value) => {
                                let place = whole(&inner);
                                let origin = origin(index, bytes, &place, line);
                                part.records += 1;
                                let records = self.grammars.peeler.peel_value(value);
                                part.cover(&records);
                                self.take(detection, records, origin, &bytes[place], part);
                            }
                            yaml::Part::Text(inner) | yaml::Part::Damaged(inner, _) => {
                                let place = whole(&inner);
                                self.plain_lines(index, detection, bytes, place, line, part);
                            }
                        }
                    }
                }
            }
        }
    }

    fn plain_lines(
        &self,
        index: usize,
        detection: &Detection,
        bytes: &[u8],
        range: Range<usize>,
        line: &mut super::Counter,
        part: &mut Part,
    ) {
        let (first_line, offset) = line.place(bytes, range.start);
        let data = bytes[range].to_vec();
        let block = Block {
            lines: data.split(|b| *b == b'\n').count() as u64,
            data,
            offset,
            first_line,
        };
        part.append(self.block(index, detection, &block, None));
    }

    /// Reads JSON documents in a row. Returns how many bytes they take, how many items they have, and what is wrong with what follows.
    fn json(
        &self,
        index: usize,
        detection: &Detection,
        bytes: &[u8],
        range: Range<usize>,
        line: &mut super::Counter,
        part: &mut Part,
    ) -> (usize, usize, Option<items::Damage>) {
        let content = &bytes[range.clone()];
        let (documents, length, error) = items::cut(content, &self.grammars.peeler);
        let count: usize = documents.iter().map(|d| d.items.len()).sum();
        for document in documents {
            for item in document.items {
                let raw = item.get().as_bytes();
                // A raw value borrows from the content: its address tells its place.
                let start = range.start + (raw.as_ptr() as usize - content.as_ptr() as usize);
                let origin = origin(index, bytes, &(start..start + raw.len()), line);
                part.records += 1;
                let Ok(mut value) = serde_json::from_str::<serde_json::Value>(item.get()) else {
                    part.add_broken(1, origin);
                    continue;
                };
                document.head.complete(&mut value);
                let records = self.grammars.peeler.peel_value(value);
                part.cover(&records);
                self.take(detection, records, origin, raw, part);
            }
        }
        (length, count, error)
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
        let mut line = super::Counter::new(1, 0, detection.encoding);
        let whole = skipped..bytes.len();
        let (length, count, error) = self.json(index, detection, bytes, whole, &mut line, part);
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
            // Something else follows: it is read as text.
            self.text(index, detection, bytes, rest..bytes.len(), &mut line, part);
        }
    }
}

fn disk_sample(row: DiskRow, evidence: Evidence) -> DiskSample {
    let number = |printed: &str| match row.unit {
        Some(unit) => printed
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(unit)),
        // `df -h` prints two digits and a binary unit.
        None if printed.ends_with(['K', 'M', 'G', 'T']) => parse_bytes(&format!("{printed}i")),
        None => None,
    };
    let bytes = number(&row.total)
        .zip(number(&row.available))
        .filter(|_| !row.inodes);
    DiskSample {
        source: evidence.origin.source,
        node: None,
        at: row.at,
        filesystem: row.filesystem,
        mounted_on: row.mounted_on,
        used_percent: row.used_percent,
        inodes: row.inodes,
        rounded: bytes.is_some() && row.unit.is_none(),
        bytes,
        evidence: Some(evidence),
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
