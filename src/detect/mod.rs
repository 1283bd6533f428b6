//! Stage 2, detect: what each source is, from its content, and whom it speaks for.
//!
//! Takes sources and grammars; gives one [`Detection`] a source. Looks at the beginning, and where it can at the middle and the end.
//! Able to say "none": binary files, notes, pages and unknown JSON are named and not read. Start with [`detect`].

mod speaks_for;

use std::collections::BTreeMap;
use std::io::Read;

use rayon::prelude::*;

use crate::grammar::Grammars;
use crate::grammar::format;
use crate::model::{Detection, Problem, Shape, Source, SpeaksFor};

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
    let mut problem = None;
    if let Err(error) = read
        && head.is_empty()
    {
        let what = format!("cannot be read: {error}");
        problem = Some(Problem::of_source(index, what.clone()));
        return (unread(&what, "none"), problem);
    }
    if head.is_empty() {
        return (unread("empty", "empty"), None);
    }
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return (
            unread(
                "UTF-16 text, which this version does not read; convert it to UTF-8 first",
                "utf-16",
            ),
            None,
        );
    }
    if is_binary(&head) {
        return (unread("a binary file", "binary"), None);
    }
    let mut text = String::from_utf8_lossy(&head).into_owned();
    if head.len() == HEAD {
        // Leave the line that the limit cut.
        if let Some(end) = text.rfind('\n') {
            text.truncate(end + 1);
        }
    }
    if let Some(format) = grammars.peeler.document(&text) {
        if let Some(reason) = &format.unread {
            let mut detection = unread(reason, &format.id);
            detection.why = format!("begins like {}", format.title);
            return (detection, None);
        }
        let shape = Shape::Document(format.reader.clone().unwrap_or_default());
        return (
            Detection {
                shape,
                formats: vec![format.id.clone()],
                why: format!("its header is that of {}", format.title),
                speaks_for: speaks_for::find(source, &[], &text),
            },
            None,
        );
    }
    if let Some(detection) = json_document(&text, source, grammars) {
        return (detection, None);
    }
    (lines(text, source, grammars), problem)
}

fn unread(why: &str, format: &str) -> Detection {
    Detection {
        shape: Shape::Unread(why.to_owned()),
        formats: vec![format.to_owned()],
        why: why.to_owned(),
        speaks_for: SpeaksFor::default(),
    }
}

/// Text has no NULs but those a crash leaves in runs, and hardly any other control characters.
fn is_binary(head: &[u8]) -> bool {
    let controls = head
        .iter()
        .filter(|b| **b < 0x20 && !matches!(**b, b'\n' | b'\r' | b'\t' | 0x1b | 0x0c | 0x00))
        .count();
    let nuls = head.iter().filter(|b| **b == 0).count();
    let invalid = String::from_utf8_lossy(head).matches('\u{fffd}').count();
    controls * 50 > head.len()
        || nuls * 2 > head.len()
        || (controls + nuls) * 4 + invalid > head.len() / 4
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
    // What the list is about: the kinds that its first part names.
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for piece in start.split("\"kind\"").skip(1) {
        let kind: String = piece
            .trim_start_matches([':', ' '])
            .trim_start_matches('"')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric())
            .collect();
        *kinds.entry(kind).or_default() += 1;
    }
    let known: Vec<String> = grammars
        .peeler
        .formats()
        .iter()
        .filter(|f| f.shape == format::Shape::Json)
        .filter(|f| {
            f.conditions.iter().any(|(paths, condition)| {
                paths.iter().any(|p| p.len() == 1 && p[0] == "kind")
                    && match condition {
                        format::Condition::Fits(patterns) => patterns.iter().any(|p| {
                            kinds
                                .keys()
                                .any(|k| p.find(k.strip_suffix("List").unwrap_or(k), &[]).is_some())
                        }),
                        format::Condition::Present => true,
                    }
            })
        })
        .filter(|f| f.always)
        .map(|f| f.id.clone())
        .collect();
    let list = start.contains("\"items\"")
        || start.starts_with('[')
        || kinds.keys().any(|k| k.ends_with("List"));
    if known.is_empty() {
        let empty = start
            .replace(char::is_whitespace, "")
            .contains("\"items\":[]");
        let why = if empty {
            "an empty list: there were no such objects"
        } else {
            "JSON of no known shape"
        };
        let mut detection = unread(why, "json");
        detection.why = "no format knows its objects".to_owned();
        return Some(detection);
    }
    let speaks_for = speaks_for::find(source, &[], "");
    let why = format!(
        "{} of {}",
        if list { "a JSON list" } else { "a JSON object" },
        known.join(", ")
    );
    Some(Detection {
        shape: Shape::JsonDocument,
        formats: known,
        why,
        speaks_for,
    })
}

fn lines(mut text: String, source: &Source, grammars: &Grammars) -> Detection {
    for back in [source.stored_bytes / 2, PEEK as u64] {
        if source.stored_bytes > HEAD as u64
            && let Some(bytes) = source.content.read_near_end(back, PEEK)
        {
            // The first and the last line of a peek are cut.
            let peek = String::from_utf8_lossy(&bytes);
            let from = peek.find('\n').map_or(0, |at| at + 1);
            let to = peek.rfind('\n').map_or(from, |at| at.max(from));
            text.push('\n');
            text.push_str(&peek[from..to]);
        }
    }
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
    let speaks_for = speaks_for::find(source, &records, &text);
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
    }
}
