//! Field kind `number`: a number, with a sign or a fraction if there is one.

use super::{FieldKind, Take, nothing, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "number",
    about: "a number, with a sign or a fraction if there is one",
    example: "-1.5",
    take: Take::Token(|input| run_of(input, |c| c.is_ascii_digit() || "+-.".contains(c), &['.'])),
    sets: nothing,
};
