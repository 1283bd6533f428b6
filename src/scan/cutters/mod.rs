//! Cutters: documents for people and binary streams → pieces with their byte range.
//!
//! What a table row, a description or a journal entry prints is given back as the JSON object it was printed from, so that one format
//! reads it whatever way it came. Lines that belong to no such piece are given back as plain lines. Nothing is interpreted here.

mod disks;
pub(super) mod inside;
mod journal;
mod kubectl;

use std::ops::Range;

use serde_json::Value;

use crate::grammar::yaml;
use crate::model::Reading;

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// An object, and the bytes it was printed in.
    Object(Range<usize>, Value),
    /// Plain lines.
    Lines(Range<usize>),
    /// A row of a df table.
    Disk(Range<usize>, DiskRow),
    /// Bytes that could not be read, and why.
    Unread(Range<usize>, String),
}

/// How full a file system is, as df prints it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DiskRow {
    /// The stamp above the table.
    pub(super) at: Option<Reading>,
    pub(super) filesystem: String,
    pub(super) mounted_on: String,
    /// Used share of what non-root may use, in percent.
    pub(super) used_percent: f64,
    /// The row counts inodes.
    pub(super) inodes: bool,
    /// Size and what non-root may still use, as printed.
    pub(super) total: String,
    pub(super) available: String,
    /// Bytes of a block, where the header tells.
    pub(super) unit: Option<u64>,
}

/// Cuts a document by the reader that its format names; `None` if there is no such cutter.
pub(super) fn cut(reader: &str, bytes: &[u8]) -> Option<Vec<Piece>> {
    match reader {
        "yaml" => Some(of_yaml(&same_length_text(bytes))),
        // The record of a terminal holds tables of both.
        "kubectl" | "df" => {
            let text = same_length_text(bytes);
            Some(disks::cut_out(&text, kubectl::cut(&text)))
        }
        "journal-verbose" => Some(journal::cut_verbose(&same_length_text(bytes))),
        "journal-export" => Some(journal::cut_export(bytes)),
        _ => None,
    }
}

fn of_yaml(text: &str) -> Vec<Piece> {
    yaml::cut(text)
        .into_iter()
        .map(|part| match part {
            yaml::Part::Object(range, value) => Piece::Object(range, value),
            yaml::Part::Text(range) => Piece::Lines(range),
            yaml::Part::Damaged(range, why) => Piece::Unread(range, why),
        })
        .collect()
}

/// Text in which each byte has its place: bytes that are no UTF-8 become question marks, one each.
pub(super) fn same_length_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n('?', chunk.invalid().len()));
    }
    text
}

/// Lines with the range they take, without their ends.
fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let bare = line.trim_end_matches(['\n', '\r']);
        (start..start + bare.len(), bare)
    })
}
