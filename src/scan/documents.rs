//! Documents: a JSON list cut into its items, or a table read by a Rust reader.
//!
//! Items keep their byte range; a damaged document gives the items before the damage.

use std::cell::RefCell;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Part, Scanner, readers};
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
        reading.bytes = bytes.len() as u64;
        reading.bytes_read = reading.bytes;
        match &detection.shape {
            Shape::Document(_) => {
                let text = String::from_utf8_lossy(&bytes);
                let samples = readers::disk_samples(&text, index);
                part.records = samples.len() as u64;
                part.coverage = samples
                    .first()
                    .into_iter()
                    .chain(samples.last())
                    .filter_map(|s| s.at.clone())
                    .collect();
                part.disks = samples;
            }
            _ => self.items(index, detection, &bytes, part, problems),
        }
    }

    fn items(
        &self,
        index: usize,
        detection: &Detection,
        bytes: &[u8],
        part: &mut Part,
        problems: &mut Vec<Problem>,
    ) {
        let skipped = if bytes.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let content = &bytes[skipped..];
        let (items, list, error) = cut_items(content);
        if let Some(error) = error {
            problems.push(Problem::of_source(
                index,
                format!(
                    "damaged JSON at line {}, column {}: {} items before it were read",
                    error.line(),
                    error.column(),
                    items.len()
                ),
            ));
        }
        let base = content.as_ptr() as usize;
        let mut line = super::Counter { at: 0, line: 1 };
        for item in items {
            let raw = item.get().as_bytes();
            // A raw value borrows from the content: its address tells its place.
            let start = raw.as_ptr() as usize - base;
            let place = line.line_of(content, start);
            let origin = Origin {
                source: index,
                start: (skipped + start) as u64,
                end: (skipped + start + raw.len()) as u64,
                line: place,
            };
            part.records += 1;
            let Ok(mut value) = serde_json::from_str::<serde_json::Value>(item.get()) else {
                continue;
            };
            list.complete(&mut value);
            let records = self.grammars.peeler.peel_value(value);
            self.take(detection, records, origin, raw, part);
        }
    }
}

/// What a list says of its items: the API server writes kind and version once, kubectl in each item.
#[derive(Debug, Default)]
struct ListHead {
    kind: Option<String>,
    api_version: Option<String>,
}

impl ListHead {
    /// Gives an item the kind and version that only its list has.
    fn complete(&self, item: &mut serde_json::Value) {
        let Some(object) = item.as_object_mut() else {
            return;
        };
        let kind = self
            .kind
            .as_deref()
            .and_then(|k| k.strip_suffix("List"))
            .filter(|k| !k.is_empty());
        if let Some(kind) = kind {
            object.entry("kind").or_insert_with(|| kind.into());
        }
        if object.contains_key("kind") {
            let version = self.api_version.as_deref().unwrap_or("v1");
            object.entry("apiVersion").or_insert_with(|| version.into());
        }
    }
}

/// Cuts a List, an array or a single object into raw items. Returns the items before an error, and the error.
fn cut_items(content: &[u8]) -> (Vec<&RawValue>, ListHead, Option<serde_json::Error>) {
    let found = RefCell::new(Vec::new());
    let head = RefCell::new(ListHead::default());
    let mut error = None;
    let first = content.iter().copied().find(|b| !b.is_ascii_whitespace());
    let mut reader = serde_json::Deserializer::from_slice(content);
    if first == Some(b'[') {
        error = Items(&found).deserialize(&mut reader).err();
    } else {
        match List(&found, &head).deserialize(&mut reader) {
            Ok(true) => {}
            Ok(false) => match serde_json::from_slice::<&RawValue>(content) {
                Ok(whole) => return (vec![whole], ListHead::default(), None),
                Err(wrong) => error = Some(wrong),
            },
            Err(wrong) => error = Some(wrong),
        }
    }
    (found.into_inner(), head.into_inner(), error)
}

/// Pushes each element of an array.
struct Items<'s, 'de>(&'s RefCell<Vec<&'de RawValue>>);

impl<'de> DeserializeSeed<'de> for Items<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of objects")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&RawValue>()? {
            self.0.borrow_mut().push(item);
        }
        Ok(())
    }
}

/// Looks for `items` in an object; tells whether there was one.
struct List<'s, 'de>(&'s RefCell<Vec<&'de RawValue>>, &'s RefCell<ListHead>);

impl<'de> DeserializeSeed<'de> for List<'_, 'de> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_, 'de> {
    type Value = bool;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a Kubernetes list or object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut list = false;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == "items" {
                list = true;
                map.next_value_seed(Items(self.0))?;
            } else if key == "kind" {
                self.1.borrow_mut().kind = map.next_value()?;
            } else if key == "apiVersion" {
                self.1.borrow_mut().api_version = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: &[&str], damaged: bool) {
        let (items, _, error) = cut_items(content.as_bytes());
        let items: Vec<&str> = items.iter().map(|i| i.get()).collect();
        assert_eq!(
            (items.as_slice(), error.is_some()),
            (expected, damaged),
            "{content}"
        );
    }

    #[test]
    fn items_are_cut_as_they_stand_and_kept_before_damage() {
        check(
            r#"{"kind":"List","items":[{"a":1}, {"b": 2}],"metadata":{}}"#,
            &[r#"{"a":1}"#, r#"{"b": 2}"#],
            false,
        );
        check(r#"[{"a":1},{"b":2}]"#, &[r#"{"a":1}"#, r#"{"b":2}"#], false);
        check(r#" {"kind":"Node"}"#, &[r#"{"kind":"Node"}"#], false);
        check(r#"{"items":[{"a":1},{"b":"#, &[r#"{"a":1}"#], true);
        check(r#"{"items":[{"a":1},{"b":2"#, &[r#"{"a":1}"#], true);
    }
}
