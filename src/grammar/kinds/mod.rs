//! Kinds of field: what may stand in `{name:kind}` of a pattern, one file each.
//!
//! A kind says how much of the text it takes and what that means; a new kind is a new file and one line in [`ALL`].

mod csv;
mod digest;
mod duration;
mod host;
mod image;
mod int;
mod letter;
mod level;
mod name;
mod number;
mod path;
mod pod_id;
mod pod_ref;
mod quantity;
mod quoted;
mod rest;
mod text;
mod word;

use std::borrow::Cow;

pub use quoted::{decode as decode_quoted, take as take_quoted};

/// A taken token: its length in the text, and its decoded value.
pub type Token<'a> = Option<(usize, Cow<'a, str>)>;

/// How much of the text a kind takes.
#[derive(Clone, Copy)]
pub enum Take {
    /// Exactly this: the length taken and the decoded value.
    Token(fn(&str) -> Token<'_>),
    /// As little as lets the rest of the pattern fit, at most this many bytes.
    Shortest(fn(&str) -> usize),
    /// Everything that is left.
    Rest,
}

/// One kind of field.
pub struct FieldKind {
    /// Name in patterns.
    pub name: &'static str,
    /// What it takes, as a fragment.
    pub about: &'static str,
    /// A text it takes whole.
    pub example: &'static str,
    /// How it takes.
    pub take: Take,
    /// Further fields that a value of this kind sets: `namespace/pod` sets both.
    pub sets: fn(&str) -> Vec<(&'static str, String)>,
}

/// Every kind, by name.
pub static ALL: &[&FieldKind] = &[
    &csv::KIND,
    &digest::KIND,
    &duration::KIND,
    &host::KIND,
    &image::KIND,
    &int::KIND,
    &letter::KIND,
    &level::KIND,
    &name::KIND,
    &number::KIND,
    &path::KIND,
    &pod_id::KIND,
    &pod_ref::KIND,
    &quantity::KIND,
    &quoted::KIND,
    &rest::KIND,
    &text::KIND,
    &word::KIND,
];

/// Finds a kind by its name.
pub fn find(name: &str) -> Option<&'static FieldKind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}

/// Returns nothing: for kinds that set only their own field.
fn nothing(_: &str) -> Vec<(&'static str, String)> {
    Vec::new()
}

/// Takes the leading characters that fit, without trailing ones that only end a sentence.
fn run_of<'a>(
    input: &'a str,
    fits: fn(char) -> bool,
    never_last: &[char],
) -> Option<(usize, Cow<'a, str>)> {
    let end = input.find(|c: char| !fits(c)).unwrap_or(input.len());
    let taken = input[..end].trim_end_matches(never_last);
    (!taken.is_empty()).then_some((taken.len(), Cow::Borrowed(taken)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_takes_its_own_example_whole() {
        for kind in ALL {
            let taken = match kind.take {
                Take::Token(take) => take(kind.example).map(|(length, _)| length),
                Take::Shortest(most) => Some(most(kind.example)),
                Take::Rest => Some(kind.example.len()),
            };
            assert_eq!(taken, Some(kind.example.len()), "{}", kind.name);
        }
    }

    #[test]
    fn quoted_is_decoded_whatever_the_quotes() {
        let check = |input: &str, value: &str| {
            assert_eq!(
                take_quoted(input).map(|(_, v)| v.into_owned()).as_deref(),
                Some(value),
                "{input}"
            )
        };
        check(r#""a \"b\" c" rest"#, r#"a "b" c"#);
        check(
            "“registry.example/app:latest” now",
            "registry.example/app:latest",
        );
        check("‘Dev_1’", "Dev_1");
        check(r#""tab\tnew\nline \u00e9""#, "tab\tnew\nline é");
        assert_eq!(take_quoted("\"never closed"), None);
    }
}
