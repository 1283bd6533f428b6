//! Stage 2, detect: what each source is, from its content, and whom it speaks for.
//!
//! Takes sources and grammars; gives one [`Detection`] a source. Looks at the beginning, and where it can at the middle and the end.
//! Able to say "none": binary files, notes, pages and unknown JSON are named and not read. Start with [`detect`].

mod dates;
mod layout;
mod speaks_for;

use std::collections::BTreeMap;
use std::io::Read;

use rayon::prelude::*;

use crate::grammar::Grammars;
use crate::grammar::{format, items, yaml};
use crate::model::{Detection, Encoding, Problem, Shape, Source, SpeaksFor};
use layout::Layouts;

/// How much of the beginning is looked at.
const HEAD: usize = 128 * 1024;
/// How much of the middle and the end is looked at.
const PEEK: usize = 16 * 1024;
/// How many lines are tried.
const LINES: usize = 240;
/// How many lines or items are tried by every format, to find the runner-up.
const COMPARED: usize = 60;

/// Finds out what each source is.
pub fn detect(sources: &[Source], grammars: &Grammars) -> (Vec<Detection>, Vec<Problem>) {
    let layouts = Layouts::new(sources.iter().map(|source| source.name.as_str()));
    let found: Vec<(Detection, Option<Problem>)> = sources
        .par_iter()
        .enumerate()
        .map(|(index, source)| detect_one(index, source, &layouts, grammars))
        .collect();
    let mut problems = Vec::new();
    let mut detections = Vec::new();
    for (detection, problem) in found {
        detections.push(detection);
        problems.extend(problem);
    }
    (detections, problems)
}

fn detect_one(
    index: usize,
    source: &Source,
    layouts: &Layouts,
    grammars: &Grammars,
) -> (Detection, Option<Problem>) {
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
    let own_date = dates::find(&String::from_utf8_lossy(&head), &source.name);
    let (mut detection, problem) = text_of(head, head_is_cut, source, layouts, grammars);
    detection.own_date = own_date;
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
    layouts: &Layouts,
    grammars: &Grammars,
) -> (Detection, Option<Problem>) {
    let mut text = String::from_utf8_lossy(&head).into_owned();
    if head_is_cut {
        // Leave the line that the limit cut.
        if let Some(end) = text.rfind('\n') {
            text.truncate(end + 1);
        }
    }
    if let Some(format) = grammars.peeler.document(&text, Some(&source.name)) {
        return (document(format, source, &text, layouts, grammars), None);
    }
    if let Some(detection) = json_document(&text, source, layouts, grammars) {
        return (detection, None);
    }
    if let Some(detection) = yaml_document(&text, source, layouts, grammars) {
        return (detection, None);
    }
    let text = with_peeks(text, source);
    if let Some(format) = grammars.peeler.document_inside(&text) {
        return (document(format, source, &text, layouts, grammars), None);
    }
    (lines(&text, source, layouts, grammars), None)
}

/// Another format that a source could be taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerUp {
    /// The format, or a whole stack that other lines of the source have.
    pub format: String,
    /// Lines or items that it reads.
    pub reads: usize,
    /// Lines or items that were tried.
    pub tried: usize,
    /// It reads other lines than the first one, and does not compete for the same.
    pub other_lines: bool,
}

/// Finds the format that reads the most of a source besides the one that was chosen. Reads the source's beginning again.
pub fn runner_up(source: &Source, detection: &Detection, grammars: &Grammars) -> Option<RunnerUp> {
    let mut head = Vec::new();
    let stream = source.content.open().ok()?;
    stream.take(HEAD as u64).read_to_end(&mut head).ok()?;
    let text = match detection.encoding {
        Encoding::Utf8 => String::from_utf8_lossy(&head).into_owned(),
        encoding => decoded(&head, encoding),
    };
    let outermost = |stack: &str| stack.split(" > ").next().unwrap_or(stack).to_owned();
    let chosen = detection.formats.first().map(|stack| outermost(stack));
    let tried: Vec<String> = match &detection.shape {
        Shape::Unread(_) | Shape::Document(_) => vec![text],
        Shape::JsonDocument => {
            let (documents, _, _) = items::cut(text.as_bytes(), &grammars.peeler);
            let items = documents.iter().flat_map(|document| &document.items);
            items
                .take(COMPARED)
                .map(|item| item.get().to_owned())
                .collect()
        }
        Shape::Lines | Shape::EveryLine => {
            let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
            let step = (lines.len() / COMPARED).max(1);
            lines
                .iter()
                .step_by(step)
                .map(|line| (*line).to_owned())
                .collect()
        }
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in &tried {
        for id in grammars.peeler.readers_of(one) {
            if Some(id) != chosen.as_deref() {
                *counts.entry(id.to_owned()).or_default() += 1;
            }
        }
    }
    let others: Vec<String> = detection
        .formats
        .iter()
        .skip(1)
        .map(|s| outermost(s))
        .collect();
    let (reads, format) = by_count(counts).into_iter().next()?;
    Some(RunnerUp {
        other_lines: others.contains(&format),
        format,
        reads,
        tried: tried.len(),
    })
}

/// A document format: one that is named only, or one that a Rust reader takes apart.
fn document(
    format: &format::Format,
    source: &Source,
    text: &str,
    layouts: &Layouts,
    grammars: &Grammars,
) -> Detection {
    if format.reader.as_deref() == Some("yaml")
        && let Some(detection) = yaml_document(text, source, layouts, grammars)
    {
        return detection;
    }
    if let Some(reason) = &format.unread {
        let mut detection = unread(reason, &format.id);
        detection.why = format!("begins like {}", format.title);
        return detection;
    }
    let mut formats = vec![format.id.clone()];
    let mut speaks_for = speaks_for::find(source, layouts, &[], text);
    if format.anywhere {
        // What stands around tables and objects are lines, and they say whose they are.
        let around = lines(text, source, layouts, grammars);
        formats.extend(
            around
                .formats
                .into_iter()
                .filter(|stack| *stack != format.id),
        );
        let speaks = around.speaks_for;
        if speaks.node_from.as_deref() == Some("its records name their host") {
            speaks_for = speaks;
        }
    }
    Detection {
        shape: Shape::Document(format.reader.clone().unwrap_or_default()),
        formats,
        why: format!("its text is that of {}", format.title),
        speaks_for,
        encoding: Encoding::Utf8,
        own_date: None,
    }
}

/// YAML of objects, one of which at least a format knows.
fn yaml_document(
    text: &str,
    source: &Source,
    layouts: &Layouts,
    grammars: &Grammars,
) -> Option<Detection> {
    let format = grammars
        .peeler
        .formats()
        .iter()
        .find(|f| f.reader.as_deref() == Some("yaml"))?;
    if !yaml::begins(text) {
        return None;
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut records = Vec::new();
    for part in yaml::cut(text).into_iter().take(LINES) {
        let yaml::Part::Object(_, value) = part else {
            continue;
        };
        let peeled = grammars.peeler.peel_value_in(&format.id, value);
        if let Some(record) = peeled.last().filter(|r| r.formats.len() > 1) {
            *counts.entry(record.formats.join(" > ")).or_default() += 1;
        }
        records.extend(peeled);
    }
    let known = by_count(counts);
    let (count, stack) = known.first()?;
    let why = format!("YAML documents or list items, {count} of those tried are {stack}");
    Some(Detection {
        shape: Shape::Document("yaml".to_owned()),
        formats: known.iter().map(|(_, stack)| stack.clone()).collect(),
        why,
        speaks_for: speaks_for::find(source, layouts, &records, ""),
        encoding: Encoding::Utf8,
        own_date: None,
    })
}

/// Stacks with their count, the commonest first.
fn by_count(counts: BTreeMap<String, usize>) -> Vec<(usize, String)> {
    let mut order: Vec<(usize, String)> = counts.into_iter().map(|(s, c)| (c, s)).collect();
    order.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    order
}

fn unread(why: &str, format: &str) -> Detection {
    Detection {
        shape: Shape::Unread(why.to_owned()),
        formats: vec![format.to_owned()],
        why: why.to_owned(),
        speaks_for: SpeaksFor::default(),
        encoding: Encoding::Utf8,
        own_date: None,
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
fn json_document(
    text: &str,
    source: &Source,
    layouts: &Layouts,
    grammars: &Grammars,
) -> Option<Detection> {
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
    if !whole && error.as_ref().is_some_and(|e| !e.at_end) {
        return None;
    }
    // What follows is read as text, if what stands before it are records: `kubectl cluster-info dump` prints both.
    if error.is_none() && !start[length..].trim().is_empty() {
        let known = documents.iter().flat_map(|d| &d.items).any(|item| {
            serde_json::from_str(item.get()).is_ok_and(|value| grammars.peeler.knows(&value))
        });
        if !known || whole_line.is_some() {
            return None;
        }
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
    let known: Vec<String> = by_count(counts).into_iter().map(|(_, s)| s).collect();
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
    let speaks_for = speaks_for::find(source, layouts, &records, "");
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
        own_date: None,
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

fn lines(text: &str, source: &Source, layouts: &Layouts, grammars: &Grammars) -> Detection {
    // A progress bar writes over its line with carriage returns.
    let all: Vec<&str> = text
        .split(['\n', '\r'])
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
    let order = by_count(stacks);
    let formats: Vec<String> = order.iter().map(|(_, stack)| stack.clone()).collect();
    let speaks_for = speaks_for::find(source, layouts, &records, text);
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
        own_date: None,
    }
}
