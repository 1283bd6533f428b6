//! Field kind `rest`: all that is left.

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "rest",
    about: "all that is left",
    example: "anything at all: \"even\" this",
    take: Take::Rest,
    sets: nothing,
};
