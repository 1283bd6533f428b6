//! Items: JSON documents cut into the records they list, each as it stands.
//!
//! Takes the bytes of one or more JSON documents in a row; gives each item's raw text, which borrows from the input, so that its address
//! tells its place. What stands before a damage is kept. Does not know what an item means.

use std::borrow::Cow;
use std::cell::RefCell;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::peel::Peeler;

/// Documents in a row after which the rest is left.
const MOST_DOCUMENTS: usize = 1_000_000;

/// What a list says of its items: the API server writes kind and version once, kubectl in each item.
#[derive(Debug, Clone, Default)]
pub struct ListHead {
    kind: Option<String>,
    api_version: Option<String>,
}

impl ListHead {
    /// Gives an item the kind and version that only its list has.
    pub fn complete(&self, item: &mut Value) {
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

/// One JSON document, cut.
#[derive(Debug, Default)]
pub struct Cut<'a> {
    /// Its items; the document itself if it is no list.
    pub items: Vec<&'a RawValue>,
    /// What the list says of them.
    pub head: ListHead,
    /// It is a list.
    pub list: bool,
}

/// Where JSON stops being JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// It just stops there.
    pub at_end: bool,
}

/// Cuts documents in a row. Returns them, how many bytes they take, and what is wrong with what follows.
pub fn cut<'a>(content: &'a [u8], peeler: &Peeler) -> (Vec<Cut<'a>>, usize, Option<Damage>) {
    let mut documents = Vec::new();
    let mut from = 0;
    while documents.len() < MOST_DOCUMENTS {
        let left = &content[from..];
        let blank = left
            .iter()
            .take_while(|b| b.is_ascii_whitespace() || matches!(**b, b',' | 0x1e))
            .count();
        from += blank;
        let left = &left[blank..];
        match left.first() {
            Some(b'[' | b'{') => {}
            _ => return (documents, from, None),
        }
        let start = from;
        let (document, length, error) = cut_one(left, peeler);
        from += length;
        if !document.items.is_empty() || document.list {
            documents.push(document);
        }
        if let Some(error) = error {
            let above = memchr::memchr_iter(b'\n', &content[..start]).count();
            let damage = Damage {
                line: above + error.line(),
                column: error.column(),
                at_end: error.is_eof(),
            };
            return (documents, from, Some(damage));
        }
    }
    (documents, from, None)
}

fn cut_one<'a>(content: &'a [u8], peeler: &Peeler) -> (Cut<'a>, usize, Option<serde_json::Error>) {
    let found = RefCell::new(Vec::new());
    let head = RefCell::new(ListHead::default());
    let mut stream = serde_json::Deserializer::from_slice(content).into_iter::<&RawValue>();
    let whole = stream.next();
    let length = stream.byte_offset();
    let array = content.first() == Some(&b'[');
    if let (Some(Ok(whole)), false) = (&whole, array) {
        // An object that a format reads as it is may well have a list inside.
        let small = whole.get().len() < 4 * 1024 * 1024;
        if small
            && let Ok(value) = serde_json::from_str::<Value>(whole.get())
            && (value.get("items").is_none() && peeler.knows(&value))
        {
            let items = vec![*whole];
            return (
                Cut {
                    items,
                    ..Cut::default()
                },
                length,
                None,
            );
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(content);
    let cut = if array {
        Items(&found).deserialize(&mut reader).map(|()| true)
    } else {
        List {
            found: &found,
            head: &head,
            peeler,
        }
        .deserialize(&mut reader)
    };
    let (list, error) = match cut {
        Ok(list) => (list, None),
        Err(wrong) => (true, Some(wrong)),
    };
    let (items, error) = match (list, whole) {
        (false, Some(Ok(whole))) => (vec![whole], error),
        // Passing over strings does not notice that one of them is no text.
        (false, Some(Err(wrong))) => (found.into_inner(), error.or(Some(wrong))),
        _ => (found.into_inner(), error),
    };
    let length = if error.is_some() {
        let last = items.last().map(|item| item.get().as_bytes());
        // An item's address tells how far the document is good.
        last.map_or(0, |raw| {
            raw.as_ptr() as usize + raw.len() - content.as_ptr() as usize
        })
    } else {
        length
    };
    (
        Cut {
            items,
            head: head.into_inner(),
            list,
        },
        length,
        error,
    )
}

/// Pushes each element of an array; passes over anything else.
struct Items<'s, 'de>(&'s RefCell<Vec<&'de RawValue>>);

impl<'de> DeserializeSeed<'de> for Items<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
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
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Looks for a list in an object; tells whether there was one.
struct List<'s, 'de> {
    found: &'s RefCell<Vec<&'de RawValue>>,
    head: &'s RefCell<ListHead>,
    peeler: &'s Peeler,
}

impl<'de> DeserializeSeed<'de> for List<'_, 'de> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_, 'de> {
    type Value = bool;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list or an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut list = false;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if self.peeler.is_list_key(&key) {
                let before = self.found.borrow().len();
                map.next_value_seed(Items(self.found))?;
                list |= key == "items" || self.found.borrow().len() > before;
            } else if key == "kind" {
                self.head.borrow_mut().kind = map.next_value()?;
            } else if key == "apiVersion" {
                self.head.borrow_mut().api_version = map.next_value()?;
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
        let peeler = Peeler::default();
        let (documents, _, error) = cut(content.as_bytes(), &peeler);
        let items: Vec<&str> = documents
            .iter()
            .flat_map(|d| &d.items)
            .map(|i| i.get())
            .collect();
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
        // Several documents in a row, as a pretty printer or two commands leave them.
        check(
            "{\"a\":1}\n{\"items\":[{\"b\":2}]}\n",
            &[r#"{"a":1}"#, r#"{"b":2}"#],
            false,
        );
        check("{\"a\":\n1}\n{\"b\":2", &["{\"a\":\n1}"], true);
        check("{\"items\":null}", &[], false);
    }

    #[test]
    fn an_object_with_a_string_that_is_no_text_is_damaged_and_ends() {
        let (documents, _, damage) = cut(b"{\"a\":\"\xc1D\"}", &Peeler::default());
        assert!(documents.is_empty() && damage.is_some());
    }
}
