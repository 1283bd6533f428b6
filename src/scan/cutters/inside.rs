//! Objects inside text: what `-o json` or `-o yaml` printed between the lines of a log or in the record of a terminal.
//!
//! Takes text; gives the ranges of plain lines, of JSON and of YAML in it, in their order, without a gap. Does not parse YAML, and JSON only
//! as far as needed to find its end.

use std::ops::Range;

use serde_json::value::RawValue;

use super::lines;

/// A stretch of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scan) enum Stretch {
    Lines(Range<usize>),
    Json(Range<usize>),
    Yaml(Range<usize>),
}

/// Cuts text into its stretches.
pub(in crate::scan) fn stretches(text: &str) -> Vec<Stretch> {
    let all: Vec<(Range<usize>, &str)> = lines(text).collect();
    let mut found: Vec<Stretch> = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let (range, line) = &all[at];
        let object = json_end(text, range.start, line)
            .map(|end| Stretch::Json(range.start..end))
            .or_else(|| yaml_end(&all[at..]).map(|end| Stretch::Yaml(range.start..end)));
        match object {
            Some(stretch) => {
                let (Stretch::Json(range) | Stretch::Yaml(range) | Stretch::Lines(range)) =
                    &stretch;
                let end = range.end;
                found.push(stretch);
                at += all[at..]
                    .iter()
                    .take_while(|(line, _)| line.start < end)
                    .count()
                    .max(1);
            }
            None => {
                match found.last_mut() {
                    Some(Stretch::Lines(last)) => last.end = range.end,
                    _ => found.push(Stretch::Lines(range.clone())),
                }
                at += 1;
            }
        }
    }
    found
}

/// Returns where the JSON ends that begins with a line, if it takes several lines: what fits in one is a line like any other.
fn json_end(text: &str, start: usize, line: &str) -> Option<usize> {
    if !(line.starts_with('{') || line.starts_with('['))
        || line.ends_with(']') && line.starts_with('[')
    {
        return None;
    }
    let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<&RawValue>();
    let value = stream.next()?.ok()?;
    let end = start + stream.byte_offset();
    // What follows it in its last line is not JSON's own: then it was no document.
    let left = text[end..].lines().next().unwrap_or_default();
    (value.get().contains('\n') && left.trim().is_empty()).then_some(end)
}

/// Returns where the API object or List in YAML ends that begins with a line.
fn yaml_end(all: &[(Range<usize>, &str)]) -> Option<usize> {
    let (first, line) = all.first()?;
    let begins = ["apiVersion: ", "- apiVersion: "];
    if !begins.iter().any(|b| line.starts_with(b)) {
        return None;
    }
    let is_key = |line: &str| {
        line.split_once(':').is_some_and(|(key, value)| {
            !key.is_empty()
                && key.chars().all(|c| c.is_ascii_alphanumeric())
                && (value.is_empty() || value.starts_with(' '))
        })
    };
    let goes_on = |line: &str| {
        line.is_empty()
            || line.starts_with([' ', '#'])
            || line.starts_with("- ")
            || line == "---"
            || is_key(line)
    };
    all.iter()
        .take_while(|(_, line)| goes_on(line))
        .filter(|(_, line)| !line.is_empty())
        .last()
        .map(|(range, _)| range.end)
        .filter(|end| *end > first.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(&str, &str)> = stretches(text)
            .into_iter()
            .map(|stretch| match stretch {
                Stretch::Lines(range) => ("lines", &text[range]),
                Stretch::Json(range) => ("json", &text[range]),
                Stretch::Yaml(range) => ("yaml", &text[range]),
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn objects_are_told_from_the_lines_around_them() {
        check(
            "a line\n{\n  \"a\": 1\n}\nanother\n",
            &[
                ("lines", "a line"),
                ("json", "{\n  \"a\": 1\n}"),
                ("lines", "another"),
            ],
        );
        check(
            "$ kubectl get -o yaml\napiVersion: v1\nkind: Node\nmetadata:\n  name: a\n\n$ exit\n",
            &[
                ("lines", "$ kubectl get -o yaml"),
                ("yaml", "apiVersion: v1\nkind: Node\nmetadata:\n  name: a"),
                ("lines", "\n$ exit"),
            ],
        );
        check(
            "{\"a\":1}\n[x] y\n{ not json\n",
            &[("lines", "{\"a\":1}\n[x] y\n{ not json")],
        );
        check("apiVersion: v1\n", &[("lines", "apiVersion: v1")]);
    }
}
