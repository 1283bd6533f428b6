//! Field kind `digest`: a content digest, algorithm and hexadecimal.

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "digest",
    about: "a content digest, algorithm and hexadecimal",
    example: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    take: Take::Token(take),
    sets: nothing,
};

/// # Source
/// OCI image specification, descriptor digests; at least 12 digits, as tools shorten them.
fn take(input: &str) -> Option<(usize, std::borrow::Cow<'_, str>)> {
    let colon = input.find(':')?;
    matches!(&input[..colon], "sha256" | "sha512").then_some(())?;
    let digits = input[colon + 1..]
        .bytes()
        .take_while(u8::is_ascii_hexdigit)
        .count();
    let end = colon + 1 + digits;
    (digits >= 12).then(|| (end, std::borrow::Cow::Borrowed(&input[..end])))
}
