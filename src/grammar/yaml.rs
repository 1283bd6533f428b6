//! YAML: documents and list items, each with the lines it stands on.
//!
//! Takes text; gives the values in it with their byte ranges. A damaged item is told apart from the others. Does not know what a value means.

use std::ops::Range;

use serde_json::{Map, Value};

/// A part of a YAML text.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// An object, and the bytes it stands on.
    Object(Range<usize>, Value),
    /// Text that is YAML, but no object.
    Text(Range<usize>),
    /// Bytes that could not be read, and why.
    Damaged(Range<usize>, String),
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

/// Returns whether a text could be YAML of objects: after comments and document marks, a key or a list item with a key.
pub fn begins(text: &str) -> bool {
    let first = text.trim_start_matches('\u{feff}').lines().find(|line| {
        let line = line.trim();
        !(line.is_empty() || line.starts_with('#') || line == "---")
    });
    let Some(first) = first else { return false };
    let first = first.strip_prefix("- ").unwrap_or(first);
    let quotes = ['"', '\''];
    let Some((key, value)) = first.split_once(':') else {
        return false;
    };
    let key = key.trim_matches(quotes);
    let is_key =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '/' | '$');
    !key.is_empty()
        && key.len() <= 64
        && key.chars().all(is_key)
        && (value.is_empty() || value.starts_with(' '))
}

/// Cuts YAML into its documents, and lists into their items. A damaged item is left out with the reason; the others are read.
pub fn cut(text: &str) -> Vec<Part> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (range, line) in lines(text) {
        if line == "---" || line.starts_with("--- ") || line == "..." {
            document(text, from..range.start, &mut pieces);
            from = (range.end + 1).min(text.len());
        }
    }
    document(text, from..text.len(), &mut pieces);
    pieces
}

fn document(text: &str, range: Range<usize>, pieces: &mut Vec<Part>) {
    let content = &text[range.clone()];
    if content
        .lines()
        .all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'))
    {
        return;
    }
    let (items, head) = items_of(content);
    if items.is_empty() {
        // An empty list has nothing to say.
        return object(content, range, &Map::new(), pieces);
    }
    for item in items {
        let indented: String = content[item.clone()]
            .replacen('-', " ", 1)
            .trim_end()
            .to_owned();
        let place = range.start + item.start..range.start + item.end;
        object(&indented, place, &head, pieces);
    }
}

fn object(content: &str, range: Range<usize>, head: &Map<String, Value>, pieces: &mut Vec<Part>) {
    // The range ends with the last line that says something.
    let text_end = range.start + content.trim_end().len();
    let range = range.start..text_end.min(range.end).max(range.start);
    match parse(content) {
        Ok(Value::Object(mut found)) => {
            for (key, value) in head {
                if key == "kind" {
                    let of_item = value.as_str().and_then(|k| k.strip_suffix("List"));
                    if let Some(kind) = of_item.filter(|k| !k.is_empty()) {
                        found.entry(key.clone()).or_insert_with(|| kind.into());
                    }
                } else {
                    found.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
            pieces.push(Part::Object(range, Value::Object(found)));
        }
        Ok(_) => pieces.push(Part::Text(range)),
        Err(why) => pieces.push(Part::Damaged(range, why)),
    }
}

fn parse(content: &str) -> Result<Value, String> {
    // `NO` and `y` are names of things in Kubernetes, not booleans as in YAML 1.1.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(content, options).map_err(|error| {
        let text = error.to_string();
        text.lines().next().unwrap_or("not YAML").to_owned()
    })
}

/// Finds the items of a top-level list, or of `items:` in a List; and what the List says of them.
fn items_of(content: &str) -> (Vec<Range<usize>>, Map<String, Value>) {
    let mut head = Map::new();
    let mut items: Vec<Range<usize>> = Vec::new();
    let mut dash: Option<usize> = None;
    let mut inside = false;
    let mut listed = false;
    for (range, line) in lines(content) {
        let indent = line.len() - line.trim_start().len();
        let bare = line.trim_start();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        if indent == 0 && !bare.starts_with("- ") && bare != "-" {
            inside = bare == "items:";
            listed |= inside;
            dash = None;
            for key in ["kind", "apiVersion"] {
                if let Some(value) = bare.strip_prefix(key).and_then(|l| l.strip_prefix(": ")) {
                    head.insert(key.to_owned(), value.trim().trim_matches('"').into());
                }
            }
        }
        let begins = (bare.starts_with("- ") || bare == "-") && dash.is_none_or(|d| d == indent);
        if begins
            && (inside || (items.is_empty() && indent == 0 && head.is_empty()) || dash.is_some())
        {
            dash = Some(indent);
            items.push(range.clone());
        } else if dash.is_some()
            && let Some(last) = items.last_mut()
        {
            last.end = range.end;
        }
    }
    if !listed {
        head.clear();
    }
    (items, head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(String, String)> = cut(text)
            .into_iter()
            .map(|piece| match piece {
                Part::Object(range, value) => (text[range].to_owned(), value.to_string()),
                Part::Text(range) => (text[range].to_owned(), "lines".to_owned()),
                Part::Damaged(range, _) => (text[range].to_owned(), "unread".to_owned()),
            })
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn lists_and_documents_are_cut_where_they_stand() {
        check(
            "kind: Node\nname: NO\n",
            &[("kind: Node\nname: NO", r#"{"kind":"Node","name":"NO"}"#)],
        );
        check(
            "apiVersion: v1\nitems:\n- a: 1\n  b:\n  - x\n- a: 2\nkind: EventList\n",
            &[
                (
                    "- a: 1\n  b:\n  - x",
                    r#"{"a":1,"apiVersion":"v1","b":["x"],"kind":"Event"}"#,
                ),
                ("- a: 2", r#"{"a":2,"apiVersion":"v1","kind":"Event"}"#),
            ],
        );
        check(
            "# notice\n---\na: 1\n---\na: [\n---\na: 3\n",
            &[
                ("a: 1", r#"{"a":1}"#),
                ("a: [", "unread"),
                ("a: 3", r#"{"a":3}"#),
            ],
        );
        check(
            "- a: 1\n- a: 2\n",
            &[("- a: 1", r#"{"a":1}"#), ("- a: 2", r#"{"a":2}"#)],
        );
        check(
            "spec:\n  containers:\n  - name: x\n  - name: y\n",
            &[(
                "spec:\n  containers:\n  - name: x\n  - name: y",
                r#"{"spec":{"containers":[{"name":"x"},{"name":"y"}]}}"#,
            )],
        );
    }
}
