//! Field kind `csv`: a cell of a table with commas that stands in quotes, decoded: a quote inside it is written twice.

use std::borrow::Cow;

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "csv",
    about: "a quoted cell of a CSV row, decoded",
    example: r#""a ""quoted"" text""#,
    take: Take::Token(take),
    sets: nothing,
};

/// # Source
/// RFC 4180, section 2: a double quote inside a quoted cell is escaped by another one; after the cell comes a comma or the end.
fn take(input: &str) -> Option<(usize, Cow<'_, str>)> {
    let inner = input.strip_prefix('"')?;
    let mut at = 0;
    loop {
        at += inner[at..].find('"')?;
        if inner[at + 1..].starts_with('"') {
            at += 2;
            continue;
        }
        let left = &inner[at + 1..];
        return (left.is_empty() || left.starts_with(','))
            .then(|| (at + 2, Cow::Owned(inner[..at].replace("\"\"", "\""))));
    }
}

#[cfg(test)]
mod tests {
    use super::take;

    #[test]
    fn a_cell_ends_at_a_single_quote() {
        let check = |text: &str, expected: Option<(usize, &str)>| {
            let found = take(text);
            let found = found.as_ref().map(|(n, value)| (*n, value.as_ref()));
            assert_eq!(found, expected, "{text}");
        };
        check(r#""a ""b"" c",7"#, Some((11, r#"a "b" c"#)));
        check(r#""""""#, Some((4, "\"")));
        check(r#""""#, Some((2, "")));
        check(r#""a" b"#, None);
        check(r#""a"#, None);
        check("a", None);
    }
}
