//! Field kind `path`: an absolute path.

use std::borrow::Cow;

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "path",
    about: "an absolute path",
    example: "/var/lib/containerd/ingest/data",
    take: Take::Token(take),
    sets: nothing,
};

/// Paths end at white space, quotes, or a colon that ends a clause of an error text.
fn take(input: &str) -> Option<(usize, Cow<'_, str>)> {
    if !input.starts_with('/') {
        return None;
    }
    let mut end = input.len();
    for (at, c) in input.char_indices() {
        let clause = c == ':'
            && input[at + 1..]
                .chars()
                .next()
                .is_none_or(char::is_whitespace);
        if c.is_whitespace() || clause || "\"'“”‘’`,;()\\".contains(c) {
            end = at;
            break;
        }
    }
    (end > 1).then(|| (end, Cow::Borrowed(&input[..end])))
}
