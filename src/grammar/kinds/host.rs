//! Field kind `host`: a host name or an address, with an optional port.

use super::{FieldKind, Take, nothing, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "host",
    about: "a host name or an address, with an optional port",
    example: "10.0.42.12:48230",
    take: Take::Token(|input| {
        run_of(
            input,
            |c| c.is_alphanumeric() || ".-_:[]".contains(c),
            &[':', '.'],
        )
    }),
    sets: nothing,
};
