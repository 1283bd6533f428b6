//! Field kind `image`: an image reference.

use super::{FieldKind, Take, nothing, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "image",
    about: "an image reference",
    example: "registry.example:5000/shop/cart:v9",
    take: Take::Token(|input| {
        run_of(
            input,
            |c| c.is_ascii_alphanumeric() || "./_-:@".contains(c),
            &[':', '.', '/'],
        )
    }),
    sets: nothing,
};
