//! Stage 2, detect: what each source is, from its content, and whom it speaks for.
//!
//! Takes sources and grammars; gives one [`Detection`] a source. Looks at the beginning, and where it can at the middle and the end.
//! Able to say "none": binary files, notes, pages and unknown JSON are named and not read. Start with [`detect`].

mod speaks_for;

use std::collections::BTreeMap;
use std::io::Read;

use rayon::prelude::*;

use crate::grammar::Grammars;
use crate::grammar::{format, items};
use crate::model::{Detection, Encoding, Problem, Shape, Source, SpeaksFor};

/// How much of the beginning is looked at.
const HEAD: usize = 128 * 1024;
/// How much of the middle and the end is looked at.
const PEEK: usize = 16 * 1024;
/// How many lines are tried.
const LINES: usize = 240;

/// Finds out what each source is.
pub fn detect(sources: &[Source], grammars: &Grammars) -> (Vec<Detection>, Vec<Problem>) {
    let found: Vec<(Detection, Option<Problem>)> = sources
        .par_iter()
        .enumerate()
        .map(|(index, source)| detect_one(index, source, grammars))
        .collect();
    let mut problems = Vec::new();
    let mut detections = Vec::new();
    for (detection, problem) in found {
        detections.push(detection);
        problems.extend(problem);
    }
    (detections, problems)
}

fn detect_one(index: usize, source: &Source, grammars: &Grammars) -> (Detection, Option<Problem>) {
    let mut head = Vec::new();
    let read = source
        .content
        .open()
        .and_then(|stream| stream.take(HEAD as u64).read_to_end(&mut head));
    if let Err(error) = read
        && head.is_empty()
    {
        let what = format!("cannot be read: {error}");
        let problem = Problem::of_source(index, what.clone());
        return (unread(&what, "none"), Some(problem));
    }
    if head.is_empty() {
        return (unread("empty", "empty"), None);
    }
    let encoding = encoding_of(&head);
    let head_is_cut = head.len() == HEAD;
    if encoding != Encoding::Utf8 {
        head = decoded(&head, encoding).into_bytes();
    } else if let Some(what) = binary_kind(&head) {
        return (unread(what, "binary"), None);
    }
    let (mut detection, problem) = text_of(head, head_is_cut, source, grammars);
    detection.encoding = encoding;
    if encoding != Encoding::Utf8 {
        detection.why = format!("UTF-16 text; {}", detection.why);
    }
    (detection, problem)
}

fn text_of(
    head: Vec<u8>,
    head_is_cut: bool,
    source: &Source,
    grammars: &Grammars,
) -> (Detection, Option<Problem>) {
    let mut text = String::from_utf8_lossy(&head).into_owned();
    if head_is_cut {
        // Leave the line that the limit cut.
        if let Some(end) = text.rfind('\n') {
            text.truncate(end + 1);
        }
    }
    if let Some(format) = grammars.peeler.document(&text) {
        return (document(format, source, &text), None);
    }
    if let Some(detection) = json_document(&text, source, grammars) {
        return (detection, None);
    }
    let text = with_peeks(text, source);
    if let Some(format) = grammars.peeler.document_inside(&text) {
        return (document(format, source, &text), None);
    }
    (lines(&text, source, grammars), None)
}

/// A document format: one that is named only, or one that a Rust reader takes apart.
fn document(format: &format::Format, source: &Source, text: &str) -> Detection {
    if let Some(reason) = &format.unread {
        let mut detection = unread(reason, &format.id);
        detection.why = format!("begins like {}", format.title);
        return detection;
    }
    Detection {
        shape: Shape::Document(format.reader.clone().unwrap_or_default()),
        formats: vec![format.id.clone()],
        why: format!("its text is that of {}", format.title),
        speaks_for: speaks_for::find(source, &[], text),
        encoding: Encoding::Utf8,
    }
}

fn unread(why: &str, format: &str) -> Detection {
    Detection {
        shape: Shape::Unread(why.to_owned()),
        formats: vec![format.to_owned()],
        why: why.to_owned(),
        speaks_for: SpeaksFor::default(),
        encoding: Encoding::Utf8,
    }
}

/// # Source
/// Unicode 15, section 23.8: the byte order mark. Without one, Latin text in UTF-16 has a NUL in nearly every second byte.
fn encoding_of(head: &[u8]) -> Encoding {
    match head {
        [0xff, 0xfe, ..] => return Encoding::Utf16Le,
        [0xfe, 0xff, ..] => return Encoding::Utf16Be,
        _ => {}
    }
    let pairs = head.len() / 2;
    let nuls = |at: usize| head.iter().skip(at).step_by(2).filter(|b| **b == 0).count();
    match (nuls(0), nuls(1)) {
        (even, odd) if pairs > 16 && odd * 10 > pairs * 9 && even * 20 < pairs => Encoding::Utf16Le,
        (even, odd) if pairs > 16 && even * 10 > pairs * 9 && odd * 20 < pairs => Encoding::Utf16Be,
        _ => Encoding::Utf8,
    }
}

fn decoded(bytes: &[u8], encoding: Encoding) -> String {
    let units = bytes.chunks_exact(2).map(|pair| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
        _ => u16::from_le_bytes([pair[0], pair[1]]),
    });
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Names what is no text. Text has hardly any control characters; NULs in long runs are holes that a crash or a full disk left.
fn binary_kind(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"LPKSHHRH") {
        return Some("a binary journal; export it with `journalctl --file FILE -o export`");
    }
    let mut text: Vec<u8> = Vec::with_capacity(head.len());
    let mut holes = 0;
    for run in head.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
        if run[0] == 0 && run.len() >= 16 {
            holes += 1;
        } else {
            text.extend_from_slice(run);
        }
    }
    if text.is_empty() {
        return Some("nothing but NUL bytes where it was looked at");
    }
    let controls = text
        .iter()
        .filter(|b| **b < 0x20 && !matches!(**b, b'\n' | b'\r' | b'\t' | 0x1b | 0x1e | 0x0c))
        .count();
    let invalid = String::from_utf8_lossy(&text).matches('\u{fffd}').count();
    let lines = text.iter().filter(|b| **b == b'\n').count();
    (controls * 50 > text.len()
        || controls * 4 + invalid > text.len() / 4
        || (holes > 0 && (invalid > 0 || lines == 0)))
        .then_some("a binary file")
}

/// A JSON document begins with a bracket, and its first line is not a record of its own.
fn json_document(text: &str, source: &Source, grammars: &Grammars) -> Option<Detection> {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let object = start.starts_with('{');
    if !(object || start.starts_with('[') && start[1..].trim_start().starts_with(['{', ']'])) {
        return None;
    }
    let first_line = start.lines().next().unwrap_or_default();
    let whole_line: Option<serde_json::Value> = serde_json::from_str(first_line).ok();
    if let Some(value) = &whole_line {
        let list = value.get("items").is_some_and(serde_json::Value::is_array) || value.is_array();
        if !list
            && (start.lines().nth(1).is_some()
                || !grammars.peeler.readers_of(first_line).is_empty())
        {
            return None;
        }
    }
    let (documents, length, error) = items::cut(start.as_bytes(), &grammars.peeler);
    let whole = documents.iter().any(|d| !d.items.is_empty());
    // Braces do not make JSON: a log may begin with one, or have an object in front.
    if (!whole && error.as_ref().is_some_and(|e| !e.at_end))
        || (error.is_none() && !start[length..].trim().is_empty())
    {
        return None;
    }
    let list = documents.iter().any(|d| d.list);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = 0;
    let mut records = Vec::new();
    for document in &documents {
        for item in document.items.iter().take(LINES) {
            seen += 1;
            let Ok(mut value) = serde_json::from_str::<serde_json::Value>(item.get()) else {
                continue;
            };
            document.head.complete(&mut value);
            let peeled = grammars.peeler.peel_value(value);
            if let Some(record) = peeled.last().filter(|r| !r.formats.is_empty()) {
                *counts.entry(record.formats.join(" > ")).or_default() += 1;
            }
            records.extend(peeled);
        }
    }
    if seen == 0 {
        // The first item is longer than what is looked at: the kinds that it names must do.
        for format in kinds_named(start, grammars) {
            counts.insert(format, 1);
        }
    }
    let mut order: Vec<(usize, String)> = counts.into_iter().map(|(s, c)| (c, s)).collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let known: Vec<String> = order.into_iter().map(|(_, stack)| stack).collect();
    if known.is_empty() {
        let why = if list && seen == 0 {
            "an empty list: there were no such objects"
        } else {
            "JSON of no known shape"
        };
        let mut detection = unread(why, "json");
        detection.why = "no format knows its objects".to_owned();
        return Some(detection);
    }
    let speaks_for = speaks_for::find(source, &records, "");
    let why = format!(
        "{} of {}",
        if list { "a JSON list" } else { "JSON objects" },
        known.join(", ")
    );
    Some(Detection {
        shape: Shape::JsonDocument,
        formats: known,
        why,
        speaks_for,
        encoding: Encoding::Utf8,
    })
}

/// Formats of the object kinds that a text names.
fn kinds_named(text: &str, grammars: &Grammars) -> Vec<String> {
    let kinds: Vec<String> = text
        .split("\"kind\"")
        .skip(1)
        .map(|piece| {
            piece
                .trim_start_matches([':', ' '])
                .trim_start_matches('"')
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric())
                .collect()
        })
        .collect();
    let named = |condition: &format::Condition| match condition {
        format::Condition::Fits(patterns) => patterns.iter().any(|p| {
            kinds
                .iter()
                .any(|k| p.find(k.strip_suffix("List").unwrap_or(k), &[]).is_some())
        }),
        format::Condition::Present => true,
    };
    grammars
        .peeler
        .formats()
        .iter()
        .filter(|f| f.shape == format::Shape::Json && f.always)
        .filter(|f| {
            f.conditions.iter().any(|(paths, condition)| {
                paths.iter().any(|p| p.len() == 1 && p[0] == "kind") && named(condition)
            })
        })
        .map(|f| f.id.clone())
        .collect()
}

/// The beginning, and what of the middle and the end can be looked at without reading everything.
fn with_peeks(mut text: String, source: &Source) -> String {
    for back in [source.stored_bytes / 2, PEEK as u64] {
        if source.stored_bytes > HEAD as u64
            && let Some(bytes) = source.content.read_near_end(back, PEEK)
        {
            if bytes.iter().step_by(2).all(|b| *b == 0)
                || bytes.iter().skip(1).step_by(2).all(|b| *b == 0)
            {
                continue;
            }
            // The first and the last line of a peek are cut.
            let peek = String::from_utf8_lossy(&bytes);
            let from = peek.find('\n').map_or(0, |at| at + 1);
            let to = peek.rfind('\n').map_or(from, |at| at.max(from));
            text.push('\n');
            text.push_str(&peek[from..to]);
        }
    }
    text
}

fn lines(text: &str, source: &Source, grammars: &Grammars) -> Detection {
    let all: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let step = (all.len() / LINES).max(1);
    let mut stacks: BTreeMap<String, usize> = BTreeMap::new();
    let mut records = Vec::new();
    let mut tried = 0;
    let mut always = false;
    for line in all.iter().step_by(step).filter(|line| line.len() < HEAD) {
        tried += 1;
        let peeled = grammars.peeler.peel_line(line);
        let formats = peeled.last().map(|r| r.formats.clone()).unwrap_or_default();
        if !formats.is_empty() {
            *stacks.entry(formats.join(" > ")).or_default() += 1;
            let outer = grammars.peeler.format(&formats[0]);
            always |= outer.is_some_and(|f| f.always);
        }
        records.extend(peeled);
    }
    let known: usize = stacks.values().sum();
    let mut order: Vec<(usize, String)> = stacks
        .into_iter()
        .map(|(stack, count)| (count, stack))
        .collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let formats: Vec<String> = order.iter().map(|(_, stack)| stack.clone()).collect();
    let speaks_for = speaks_for::find(source, &records, text);
    let why = match order.first() {
        None => format!(
            "none of {tried} lines tried has a known envelope; searched for known messages only"
        ),
        Some((count, stack)) => {
            format!("{known} of {tried} lines tried are known, {count} of them {stack}")
        }
    };
    Detection {
        shape: if always {
            Shape::EveryLine
        } else {
            Shape::Lines
        },
        formats,
        why,
        speaks_for,
        encoding: Encoding::Utf8,
    }
}
