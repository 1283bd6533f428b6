//! Field kind `int`: a whole number.

use super::{FieldKind, Take, nothing, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "int",
    about: "a whole number",
    example: "812",
    take: Take::Token(|input| run_of(input, |c| c.is_ascii_digit(), &[])),
    sets: nothing,
};
