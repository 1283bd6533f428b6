//! Field kind `quantity`: a Kubernetes quantity.

use super::{FieldKind, Take, nothing, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "quantity",
    about: "a Kubernetes quantity",
    example: "10710Mi",
    take: Take::Token(|input| {
        run_of(
            input,
            |c| c.is_ascii_digit() || ".KMGTPEkmi".contains(c),
            &['.'],
        )
    }),
    sets: nothing,
};
