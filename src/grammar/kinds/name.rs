//! Field kind `name`: a Kubernetes object name.

use super::{FieldKind, Take, nothing, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "name",
    about: "a Kubernetes object name",
    example: "cart-5f8d6c7b9-x2x4z",
    take: Take::Token(|input| {
        run_of(
            input,
            |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.',
            &['-', '.'],
        )
    }),
    sets: nothing,
};
