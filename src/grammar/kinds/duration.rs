//! Field kind `duration`: a Go duration.

use super::{FieldKind, Take, nothing, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "duration",
    about: "a Go duration",
    example: "1m41.5s",
    take: Take::Token(|input| {
        run_of(
            input,
            |c| c.is_ascii_digit() || "hmsnuµ.".contains(c),
            &['.'],
        )
    }),
    sets: nothing,
};
