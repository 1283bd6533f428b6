//! Field kind `letter`: the severity letter of a klog header, decoded to a level.

use std::borrow::Cow;

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "letter",
    about: "a klog severity letter, decoded to a level",
    example: "E",
    take: Take::Token(take),
    sets: nothing,
};

/// # Source
/// klog v2, header format.
fn take(input: &str) -> Option<(usize, Cow<'_, str>)> {
    let level = match input.bytes().next()? {
        b'I' => "info",
        b'W' => "warning",
        b'E' => "error",
        b'F' => "fatal",
        _ => return None,
    };
    Some((1, Cow::Borrowed(level)))
}
