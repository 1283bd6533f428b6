//! Blocks: a stream cut into pieces of whole lines, so that pieces can be searched at the same time.
//!
//! Takes a stream of bytes; gives blocks with their offset and first line. A line longer than [`LONGEST_LINE`] is cut, and that is counted.

use std::io::Read;

use super::encoding::measure;
use crate::model::{Encoding, Origin, Problem};

/// Usual size of a block in bytes.
const BLOCK: usize = 4 * 1024 * 1024;
/// Blocks are longer than that by no more than this.
const PIECE: usize = 256 * 1024;
/// Longest line that is looked at in bytes, unless another length is given; longer ones are cut here.
const LONGEST_LINE: usize = 1024 * 1024;

/// Whole lines of a source.
pub(super) struct Block {
    /// The bytes.
    pub(super) data: Vec<u8>,
    /// Offset of the first byte in the decompressed content.
    pub(super) offset: u64,
    /// Number of the first line, from 1.
    pub(super) first_line: u64,
    /// Number of lines.
    pub(super) lines: u64,
}

/// An iterator over the blocks of a stream.
pub(super) struct Blocks {
    stream: Box<dyn Read + Send>,
    encoding: Encoding,
    /// Longest line that is looked at in bytes.
    longest: usize,
    /// Bytes read but not given out yet: the beginning of a line.
    rest: Vec<u8>,
    /// Memory of blocks that are done with.
    spare: Vec<Vec<u8>>,
    offset: u64,
    line: u64,
    left_out: u64,
    long_lines: u64,
    first_long: Option<(u64, u64)>,
    broken: Option<String>,
    done: bool,
}

impl Blocks {
    pub(super) fn new(stream: Box<dyn Read + Send>, encoding: Encoding) -> Blocks {
        Blocks {
            encoding,
            stream,
            longest: LONGEST_LINE,
            rest: Vec::new(),
            spare: Vec::new(),
            offset: 0,
            line: 1,
            left_out: 0,
            long_lines: 0,
            first_long: None,
            broken: None,
            done: false,
        }
    }

    /// Cuts lines at another length, of at most a block.
    pub(super) fn within(mut self, longest: u64) -> Blocks {
        self.longest = usize::try_from(longest).unwrap_or(BLOCK).clamp(1, BLOCK);
        self
    }

    /// Returns whether the stream broke off before its end.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Bytes seen so far.
    pub(super) fn bytes(&self) -> u64 {
        self.offset + measure(&self.rest, self.encoding)
    }

    /// Bytes of over-long lines that were not looked at.
    pub(super) fn bytes_left_out(&self) -> u64 {
        self.left_out
    }

    /// What was wrong with the stream.
    pub(super) fn problems(&self, source: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(reason) = &self.broken {
            problems.push(Problem::of_source(
                source,
                super::broke_off(self.bytes(), reason),
            ));
        }
        if let Some((line, start)) = self.first_long {
            let first = Origin {
                source,
                start,
                end: start + self.longest as u64,
                line,
            };
            let what = format!(
                "longer than {} KiB: only the beginning of the line was read, {} bytes were not",
                self.longest / 1024,
                self.left_out
            );
            problems.push(Problem {
                source: Some(source),
                first: Some(first),
                what,
                count: self.long_lines,
            });
        }
        problems
    }

    /// Reads until the buffer holds a block or the stream ends.
    fn fill(&mut self, data: &mut Vec<u8>, size: usize) {
        if data.len() >= size || self.done {
            return;
        }
        let wanted = (size - data.len()).next_multiple_of(PIECE);
        data.reserve(wanted);
        match (&mut self.stream).take(wanted as u64).read_to_end(data) {
            Ok(count) => self.done = count < wanted,
            Err(error) => {
                self.broken = Some(error.to_string());
                self.done = true;
            }
        }
    }

    /// Takes back the memory of a block, for one of the next.
    pub(super) fn give_back(&mut self, block: Block) {
        self.spare.push(block.data);
    }

    /// Drops the rest of a line that is too long.
    fn skip_line(&mut self) {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.rest) {
                self.left_out += measure(&self.rest[..end], self.encoding);
                self.offset += measure(&self.rest[..=end], self.encoding);
                self.line += 1;
                self.rest.drain(..=end);
                return;
            }
            let length = measure(&self.rest, self.encoding);
            self.left_out += length;
            self.offset += length;
            self.rest.clear();
            let mut more = Vec::new();
            self.fill(&mut more, BLOCK);
            if more.is_empty() {
                return;
            }
            self.rest = more;
        }
    }
}

impl Iterator for Blocks {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let mut data = self.spare.pop().unwrap_or_default();
        data.clear();
        data.append(&mut self.rest);
        self.fill(&mut data, BLOCK);
        if data.is_empty() {
            return None;
        }
        let end = match memchr::memrchr(b'\n', &data) {
            Some(end) => end + 1,
            None if self.done && data.len() <= self.longest => data.len(),
            None => {
                // No line ends in a whole block.
                self.long_lines += 1;
                self.first_long.get_or_insert((self.line, self.offset));
                let cut = data.len().min(self.longest);
                self.rest = data.split_off(cut);
                let block = Block {
                    offset: self.offset,
                    first_line: self.line,
                    lines: 1,
                    data,
                };
                self.offset += measure(&block.data, self.encoding);
                self.skip_line();
                return Some(block);
            }
        };
        if self.done {
            // The last line of a file often has no end.
            let block = Block {
                lines: count_lines(&data),
                offset: self.offset,
                first_line: self.line,
                data,
            };
            self.offset += measure(&block.data, self.encoding);
            self.line += block.lines;
            return Some(block);
        }
        let end = before_open_record(&data, end);
        self.rest = data.split_off(end);
        let block = Block {
            lines: count_lines(&data),
            offset: self.offset,
            first_line: self.line,
            data,
        };
        self.offset += measure(&block.data, self.encoding);
        self.line += block.lines;
        Some(block)
    }
}

/// Moves the end of a block up to before a record that goes on in the next block, if it is not far.
fn before_open_record(data: &[u8], end: usize) -> usize {
    const LINES: usize = 512;
    let mut cut = end;
    for _ in 0..LINES {
        let start = memchr::memrchr(b'\n', &data[..cut - 1]).map_or(0, |n| n + 1);
        let line = data[start..cut].trim_ascii_end();
        if !(line.starts_with(b"\t") || line.ends_with(b"=<") || is_fragment(line)) {
            return cut;
        }
        if start == 0 {
            return end;
        }
        cut = start;
    }
    end
}

/// Returns whether a line looks like a fragment that goes on: CRI's tag P, docker's text without a line end.
fn is_fragment(line: &[u8]) -> bool {
    let head = &line[..line.len().min(80)];
    memchr::memmem::find(head, b" P ").is_some()
        || memchr::memmem::find(head, b" P:").is_some()
        || (line.starts_with(b"{\"log\":") && memchr::memmem::find(line, b"\\n\",").is_none())
}

/// Returns whether a line is a fragment that goes on, or the line above it is.
pub(super) fn continues_fragment(data: &[u8], line: &std::ops::Range<usize>) -> bool {
    let above = &data[..line.start.saturating_sub(1)];
    let begin = memchr::memrchr(b'\n', above).map_or(0, |n| n + 1);
    is_fragment(&data[line.clone()]) || is_fragment(&above[begin..])
}

/// Returns the lines of a block that look like fragments that go on.
pub(super) fn open_lines(data: &[u8]) -> Vec<std::ops::Range<usize>> {
    let line_of = |at: usize| {
        let start = memchr::memrchr(b'\n', &data[..at]).map_or(0, |n| n + 1);
        let end = memchr::memchr(b'\n', &data[at..]).map_or(data.len(), |n| at + n);
        start..end
    };
    // Each fragment that goes on holds one of these; hardly any other line does.
    let mut found: Vec<std::ops::Range<usize>> = Vec::new();
    for mark in [&b" P"[..], b"{\"log\":"] {
        let mut passed = 0;
        for at in memchr::memmem::find_iter(data, mark) {
            if at < passed {
                continue;
            }
            let line = line_of(at);
            passed = line.end;
            if is_fragment(&data[line.clone()]) {
                found.push(line);
            }
        }
    }
    found.sort_by_key(|line| line.start);
    found.dedup();
    found
}

fn count_lines(data: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', data).count() as u64;
    ends + u64::from(!data.is_empty() && !data.ends_with(b"\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: Vec<u8>, lines: u64, left_out: u64) {
        let size = content.len() as u64;
        let mut blocks = Blocks::new(Box::new(std::io::Cursor::new(content)), Encoding::Utf8);
        let found: Vec<Block> = blocks.by_ref().collect();
        assert_eq!(found.iter().map(|b| b.lines).sum::<u64>(), lines);
        assert_eq!((blocks.bytes(), blocks.bytes_left_out()), (size, left_out));
        for pair in found.windows(2) {
            assert_eq!(pair[1].first_line, pair[0].first_line + pair[0].lines);
        }
    }

    #[test]
    fn every_byte_is_in_a_block_or_counted() {
        check(Vec::new(), 0, 0);
        check(b"one\ntwo".to_vec(), 2, 0);
        check(b"one\ntwo\n".repeat(1_000_000), 2_000_000, 0);
        let long = 6 * 1024 * 1024;
        let mut content = vec![b'x'; long];
        content.extend(b"\nshort\n");
        check(content, 2, (long - LONGEST_LINE) as u64);
        check(vec![b'x'; long], 1, (long - LONGEST_LINE) as u64);
    }
}
