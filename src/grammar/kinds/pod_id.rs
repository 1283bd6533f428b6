//! Field kind `pod_id`: `pod_namespace(uid)`, as the kubelet formats a pod in error texts.

use std::borrow::Cow;

use super::{FieldKind, Take};

pub(super) static KIND: FieldKind = FieldKind {
    name: "pod_id",
    about: "pod_namespace(uid); sets pod, namespace and uid",
    example: "cart-5f8d6c7b9-x2x4z_shop(8ba0a638-ad16-425b-8c6b-233128eab918)",
    take: Take::Token(take),
    sets: |value| {
        let Some((pod, rest)) = value.split_once('_') else {
            return Vec::new();
        };
        let (namespace, uid) = rest.split_once('(').unwrap_or((rest, ""));
        let mut sets = vec![("pod", pod.to_owned()), ("namespace", namespace.to_owned())];
        if !uid.is_empty() {
            sets.push(("uid", uid.trim_end_matches(')').to_owned()));
        }
        sets
    },
};

fn take(input: &str) -> Option<(usize, Cow<'_, str>)> {
    let open = input.find('(')?;
    let close = open + input[open..].find(')')?;
    let (pod, namespace) = input[..open].split_once('_')?;
    let fits = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
    };
    (fits(pod) && fits(namespace)).then(|| (close + 1, Cow::Borrowed(&input[..=close])))
}
