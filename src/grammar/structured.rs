//! Structured message bodies: klog's `"message" key=value` and logrus' `key=value` lines, taken apart with nom.

use std::collections::BTreeMap;

use nom::bytes::complete::take_while1;
use nom::character::complete::{char, space0};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use serde_json::{Value, json};

use super::kinds::take_quoted;

/// Message and named values of a klog structured body; `None` if it is none.
///
/// # Source
/// klog v2 structured logging: the message is Go-quoted, strings are Go-quoted, other values are `%+v` or JSON.
pub fn klog(text: &str) -> Option<(String, Vec<(String, String)>)> {
    if !text.starts_with('"') {
        return None;
    }
    let (length, message) = take_quoted(text)?;
    let message = message.into_owned();
    let mut left = &text[length..];
    let mut pairs = Vec::new();
    if !left.is_empty() && !left.starts_with(' ') {
        return None;
    }
    loop {
        left = left.trim_start();
        if left.is_empty() {
            return Some((message, pairs));
        }
        let Ok((after, key)) = key(left) else {
            return (!pairs.is_empty()).then_some((message, pairs));
        };
        let (value, length) = value(after);
        pairs.push((key.to_owned(), value));
        left = &after[length..];
    }
}

/// Named values of a logrus text line; `None` unless it begins with `time=`, `ts=` or `level=`.
///
/// # Source
/// logrus TextFormatter: time, level, msg, then the other keys sorted; Go quoting where needed. go-kit's logger begins with `ts=`, Go's slog with `time=`.
pub fn logfmt(text: &str) -> Option<Vec<(String, String)>> {
    let text = text.trim();
    if !["time=", "level=", "ts="]
        .iter()
        .any(|k| text.starts_with(k))
    {
        return None;
    }
    let mut left = text;
    let mut pairs = Vec::new();
    while !left.is_empty() {
        let Ok((after, key)) = key(left) else { break };
        if let Some(unquoted) = after.strip_prefix('"') {
            match quoted_value(after) {
                Some((value, length)) => {
                    pairs.push((key.to_owned(), value));
                    left = after[length..].trim_start();
                    continue;
                }
                // The closing quote is missing: the line was cut.
                None => {
                    pairs.push((key.to_owned(), unquoted.to_owned()));
                    break;
                }
            }
        }
        let end = after.find(' ').unwrap_or(after.len());
        pairs.push((key.to_owned(), after[..end].to_owned()));
        left = after[end..].trim_start();
    }
    (pairs.len() >= 2).then_some(pairs)
}

/// Takes a quoted value that must be followed by a space or the end. Pipelines that un-escape inner quotes exist:
/// then the value ends where ` key="` or the end follows.
fn quoted_value(text: &str) -> Option<(String, usize)> {
    if let Some((length, value)) = take_quoted(text)
        && text[length..].chars().next().is_none_or(|c| c == ' ')
    {
        return Some((value.into_owned(), length));
    }
    let mut from = 1;
    while let Some(found) = text[from..].find('"') {
        let at = from + found;
        let after = &text[at + 1..];
        if after.is_empty()
            || after
                .strip_prefix(' ')
                .is_some_and(|next| key(next).is_ok())
        {
            return Some((text[1..at].to_owned(), at + 1));
        }
        from = at + 1;
    }
    None
}

/// The Event object that a controller tells in its log, if the message is that.
///
/// # Source
/// client-go's event broadcaster: `"Event occurred" object=… kind=… reason=… message=…` (1.20 and later); before that, and where a component
/// still logs by format, `Event(v1.ObjectReference{Kind:"…", …}): type: '…' reason: '…' …`.
pub fn event_in_log(body: &str, fields: &BTreeMap<String, String>) -> Option<Value> {
    if body == "Event occurred" {
        let get = |key: &str| fields.get(key).map_or("", String::as_str);
        let (namespace, name) = get("object").split_once('/').unwrap_or(("", get("object")));
        if get("reason").is_empty() || name.is_empty() {
            return None;
        }
        return Some(json!({
            "apiVersion": "v1", "kind": "Event", "type": get("type"), "reason": get("reason"), "message": get("message"),
            "involvedObject": {"kind": get("kind"), "namespace": namespace, "name": name, "fieldPath": get("fieldPath")},
        }));
    }
    let reference = body.strip_prefix("Event(v1.ObjectReference{")?;
    let (reference, said) = reference.split_once("}): type: '")?;
    let (kind, said) = said.split_once("' reason: '")?;
    let (reason, message) = said.split_once("' ")?;
    let part = |key: &str| {
        let from = reference.find(&format!("{key}:\""))? + key.len() + 2;
        reference[from..].split('"').next()
    };
    Some(json!({
        "apiVersion": "v1", "kind": "Event", "type": kind, "reason": reason, "message": message,
        "involvedObject": {"kind": part("Kind")?, "namespace": part("Namespace").unwrap_or_default(), "name": part("Name")?,
            "uid": part("UID").unwrap_or_default(), "fieldPath": part("FieldPath").unwrap_or_default()},
    }))
}

fn key(input: &str) -> IResult<&str, &str> {
    let name = take_while1(|c: char| c.is_ascii_alphanumeric() || "._-/@".contains(c));
    preceded(space0, terminated(name, char('='))).parse(input)
}

/// Takes one klog value: quoted, over several lines, balanced, or up to the next ` key=`.
fn value(text: &str) -> (String, usize) {
    for (open, line_end, tab) in [("<\n", "\n", "\t"), ("<#012", "#012", "#011")] {
        // rsyslog writes line ends and tabs as #012 and #011.
        if let Some(block) = text.strip_prefix(open) {
            let close = format!("{line_end} >");
            let end = block.find(&close);
            let lines: Vec<&str> = block[..end.unwrap_or(block.len())]
                .split(line_end)
                .map(|line| line.strip_prefix(tab).unwrap_or(line))
                .collect();
            let length = end.map_or(text.len(), |end| open.len() + end + close.len());
            return (lines.join("\n"), length);
        }
    }
    if let Some((length, value)) = take_quoted(text).filter(|_| text.starts_with('"')) {
        return (value.into_owned(), length);
    }
    let mut depth = 0_i32;
    let mut in_quotes = false;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            '{' | '[' | '(' if !in_quotes => depth += 1,
            '}' | ']' | ')' if !in_quotes => depth -= 1,
            ' ' if !in_quotes && depth <= 0 && key(&text[at..]).is_ok() => {
                return (text[..at].to_owned(), at);
            }
            _ => {}
        }
    }
    (text.trim_end().to_owned(), text.len())
}

/// Returns the audit record that an entry of Google's audit log was made of; `None` if it is about no object of the API.
///
/// # Source
/// Google Cloud audit logs of `k8s.io`: `methodName` is `io.k8s.<group>.<version>.<resource>[.<subresource>].<verb>`, `resourceName`
/// `<group>/<version>[/namespaces/<ns>]/<resource>/<name>[/<subresource>]`; `status.code` is a `google.rpc.Code`, left out when 0.
pub(super) fn audit_in_cloud(entry: &Value) -> Option<Value> {
    let payload = entry.get("protoPayload")?;
    let text = |path: &str| payload.pointer(path).and_then(Value::as_str);
    let method: Vec<&str> = text("/methodName")?
        .strip_prefix("io.k8s.")?
        .split('.')
        .collect();
    let (verb, left) = method.split_last()?;
    // The version stands before the resource; the group may have dots of its own.
    let version = left.iter().rposition(|part| {
        part.strip_prefix('v')
            .is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
    })?;
    let resource = left.get(version + 1)?;
    let subresource = left.get(version + 2);
    let parts: Vec<&str> = text("/resourceName")
        .unwrap_or_default()
        .split('/')
        .collect();
    let after = |word: &str| {
        let at = parts.iter().position(|part| *part == word)?;
        parts.get(at + 1).copied().filter(|name| !name.is_empty())
    };
    // An object of the resource "namespaces" itself has no namespace in front.
    let name = parts
        .iter()
        .rposition(|part| part == resource)
        .and_then(|at| parts.get(at + 1))
        .copied();
    let namespace = after("namespaces").filter(|_| *resource != "namespaces");
    let code = match payload.pointer("/status/code").and_then(Value::as_i64) {
        None | Some(0) if *verb == "create" => 201,
        None | Some(0) => 200,
        Some(3) => 400,
        Some(5) => 404,
        Some(6 | 10) => 409,
        Some(7) => 403,
        Some(8) => 429,
        Some(16) => 401,
        Some(_) => 500,
    };
    let mut audit = serde_json::json!({
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "stage": "ResponseComplete",
        "verb": verb,
        "objectRef": {"resource": resource, "name": name, "namespace": namespace, "subresource": subresource},
        "responseStatus": {"code": code},
    });
    let object = audit.as_object_mut()?;
    let taken = [
        ("auditID", entry.get("insertId")),
        ("requestReceivedTimestamp", entry.get("timestamp")),
        ("requestObject", payload.get("request")),
        ("responseObject", payload.get("response")),
        (
            "userAgent",
            payload.pointer("/requestMetadata/callerSuppliedUserAgent"),
        ),
    ];
    for (key, value) in taken {
        if let Some(value) = value.filter(|v| !v.is_null()) {
            object.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(user) = text("/authenticationInfo/principalEmail") {
        object.insert("user".to_owned(), serde_json::json!({"username": user}));
    }
    Some(audit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clouds_audit_entry_is_the_request_it_was() {
        let entry = serde_json::json!({"timestamp": "2024-05-22T03:15:44Z", "protoPayload": {
            "methodName": "io.k8s.networking.k8s.io.v1.ingresses.status.update",
            "resourceName": "networking.k8s.io/v1/namespaces/shop/ingresses/cart/status",
            "authenticationInfo": {"principalEmail": "someone"}, "status": {"code": 6}}});
        let audit = audit_in_cloud(&entry).expect("an audit record");
        assert_eq!(audit["verb"], "update");
        assert_eq!(
            audit["objectRef"],
            serde_json::json!({"resource": "ingresses", "name": "cart", "namespace": "shop", "subresource": "status"})
        );
        assert_eq!(audit["responseStatus"]["code"], 409);
        let other = serde_json::json!({"protoPayload": {"methodName": "google.container.v1.ClusterManager.CreateNodePool"}});
        assert_eq!(audit_in_cloud(&other), None);
    }

    fn check_klog(text: &str, expected: Option<(&str, &[(&str, &str)])>) {
        let found = klog(text);
        let expected = expected.map(|(m, pairs)| {
            (
                m.to_owned(),
                pairs
                    .iter()
                    .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                    .collect::<Vec<_>>(),
            )
        });
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn klog_values_end_where_the_next_key_begins() {
        check_klog(
            r#""Failed to pull image" err="a \"b\" c" image="x:1""#,
            Some((
                "Failed to pull image",
                &[("err", r#"a "b" c"#), ("image", "x:1")],
            )),
        );
        check_klog(
            r#""Event" event=&{ID:1 Type:ContainerStarted Data:x=y} pod="a/b""#,
            Some((
                "Event",
                &[
                    ("event", "&{ID:1 Type:ContainerStarted Data:x=y}"),
                    ("pod", "a/b"),
                ],
            )),
        );
        check_klog(
            r#""Became" condition={"type":"Ready","a b":"c=d"} n=3"#,
            Some((
                "Became",
                &[("condition", r#"{"type":"Ready","a b":"c=d"}"#), ("n", "3")],
            )),
        );
        check_klog(
            "\"Probe failed\" output=<\n\tline 1\n\tline 2\n > pod=\"a/b\"",
            Some((
                "Probe failed",
                &[("output", "line 1\nline 2"), ("pod", "a/b")],
            )),
        );
        check_klog(
            "\"Failed\" err=<#012#011one#012#011two#012 > n=1",
            Some(("Failed", &[("err", "one\ntwo"), ("n", "1")])),
        );
        check_klog(r#""only a message""#, Some(("only a message", &[])));
        check_klog("free text", None);
    }

    #[test]
    fn logrus_lines_survive_lost_escapes() {
        let found = logfmt(r#"time="2024-05-22T03:15:44Z" level=error msg="PullImage "a:b" failed" error="no space" id="#).expect("pairs");
        assert_eq!(
            found[2],
            ("msg".to_owned(), r#"PullImage "a:b" failed"#.to_owned())
        );
        assert_eq!(found[3], ("error".to_owned(), "no space".to_owned()));
        assert_eq!(found[4], ("id".to_owned(), String::new()));
        assert_eq!(logfmt("timeless text"), None);
    }
}
