//! Field kind `word`: up to the next white space, or less if the rest of the pattern needs it.

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "word",
    about: "up to the next white space, or less if the rest of the pattern needs it",
    example: "kuberuntime_image.go",
    take: Take::Shortest(|input| input.find(char::is_whitespace).unwrap_or(input.len())),
    sets: nothing,
};
