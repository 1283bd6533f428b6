//! Field kind `pod_ref`: `namespace/pod`, as klog writes an object reference.

use super::{FieldKind, Take, run_of};

pub(super) static KIND: FieldKind = FieldKind {
    name: "pod_ref",
    about: "namespace/pod; sets both",
    example: "shop/cart-5f8d6c7b9-x2x4z",
    take: Take::Token(|input| {
        run_of(
            input,
            |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-./".contains(c),
            &['-', '.', '/'],
        )
        .filter(|(_, v)| v.matches('/').count() == 1)
    }),
    sets: |value| match value.split_once('/') {
        Some((namespace, pod)) => {
            vec![("namespace", namespace.to_owned()), ("pod", pod.to_owned())]
        }
        None => Vec::new(),
    },
};
