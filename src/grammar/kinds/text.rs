//! Field kind `text`: as little as makes the rest of the pattern fit.

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "text",
    about: "as little as makes the rest of the pattern fit",
    example: "some words, up to what follows",
    take: Take::Shortest(str::len),
    sets: nothing,
};
