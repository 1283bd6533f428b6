//! Journal entries over several lines: `journalctl -o verbose` and the binary-safe `-o export`, as the objects `-o json` would print.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{Piece, lines};

/// # Source
/// journalctl(1), systemd 252, `-o verbose`: a line with the time, then `    FIELD=value` lines; further lines of a value are indented too.
pub(super) fn cut_verbose(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut entry: Option<(Range<usize>, Map<String, Value>)> = None;
    let mut last_field: Option<String> = None;
    for (range, line) in lines(text) {
        if let Some(field) = line.strip_prefix("    ") {
            let Some((whole, fields)) = entry.as_mut() else {
                pieces.push(Piece::Lines(range));
                continue;
            };
            whole.end = range.end;
            match field.split_once('=') {
                Some((name, value)) if is_field_name(name) => {
                    fields.insert(name.to_owned(), value.into());
                    last_field = Some(name.to_owned());
                }
                _ => {
                    if let Some(Value::String(value)) =
                        last_field.as_ref().and_then(|name| fields.get_mut(name))
                    {
                        value.push('\n');
                        value.push_str(field.trim_start());
                    }
                }
            }
        } else {
            finish(&mut entry, &mut pieces);
            last_field = None;
            if let Some(stamp) = stamp_of(line) {
                let mut fields = Map::new();
                fields.insert("verbose_stamp".to_owned(), stamp.into());
                entry = Some((range, fields));
            } else if !line.is_empty() {
                pieces.push(Piece::Lines(range));
            }
        }
    }
    finish(&mut entry, &mut pieces);
    pieces
}

/// The time of an entry without the weekday and the cursor behind it.
fn stamp_of(line: &str) -> Option<&str> {
    let (weekday, left) = line.split_once(' ')?;
    let (stamp, cursor) = left.split_once(" [s=")?;
    (weekday.len() <= 4 && cursor.ends_with(']')).then_some(stamp)
}

fn is_field_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn finish(entry: &mut Option<(Range<usize>, Map<String, Value>)>, pieces: &mut Vec<Piece>) {
    if let Some((range, mut fields)) = entry.take() {
        // The source's own stamp is the better one where the entry shows it.
        if let Some(source) = fields.get("_SOURCE_REALTIME_TIMESTAMP").cloned() {
            fields
                .entry("__REALTIME_TIMESTAMP")
                .or_insert_with(|| source);
        }
        pieces.push(Piece::Object(range, Value::Object(fields)));
    }
}

/// # Source
/// Journal Export Format, systemd.io/JOURNAL_EXPORT_FORMATS: `FIELD=value` lines; a field with unprintable bytes is its name, a line end,
/// the length as 64 bits little-endian, the bytes, a line end; an empty line ends an entry.
pub(super) fn cut_export(bytes: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut fields: Map<String, Value> = Map::new();
    let mut from = 0;
    let mut at = 0;
    while at < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n);
        let line = &bytes[at..end];
        if line.is_empty() {
            if !fields.is_empty() {
                pieces.push(Piece::Object(
                    from..at,
                    Value::Object(std::mem::take(&mut fields)),
                ));
            }
            at = end + 1;
            from = at;
            continue;
        }
        if let Some(equals) = memchr::memchr(b'=', line) {
            insert(&mut fields, &line[..equals], &line[equals + 1..]);
            at = end + 1;
            continue;
        }
        let length = bytes
            .get(end + 1..end + 9)
            .and_then(|b| b.try_into().ok())
            .map(u64::from_le_bytes);
        let value = length
            .and_then(|length| usize::try_from(length).ok())
            .and_then(|length| (end + 9).checked_add(length))
            .and_then(|stop| bytes.get(end + 9..stop));
        match value {
            Some(value) => {
                insert(&mut fields, line, value);
                at = end + 9 + value.len() + 1;
            }
            None => {
                let why = "the journal export stops inside a binary field".to_owned();
                if !fields.is_empty() {
                    pieces.push(Piece::Object(
                        from..at,
                        Value::Object(std::mem::take(&mut fields)),
                    ));
                }
                pieces.push(Piece::Unread(at..bytes.len(), why));
                return pieces;
            }
        }
    }
    if !fields.is_empty() {
        let end = bytes.len() - usize::from(bytes.ends_with(b"\n"));
        pieces.push(Piece::Object(from..end.max(from), Value::Object(fields)));
    }
    pieces
}

fn insert(fields: &mut Map<String, Value>, name: &[u8], value: &[u8]) {
    fields.insert(
        String::from_utf8_lossy(name).into_owned(),
        String::from_utf8_lossy(value).into_owned().into(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_the_object_that_json_would_print() {
        let text = "Wed 2024-05-22 03:15:44.123456 UTC [s=1;i=2]\n    _HOSTNAME=node-a1\n    MESSAGE=first\n            second\n";
        let pieces = cut_verbose(text);
        let Piece::Object(range, value) = &pieces[0] else {
            panic!("{pieces:?}")
        };
        assert_eq!(range, &(0..text.len() - 1));
        assert_eq!(value["MESSAGE"], "first\nsecond");
        assert_eq!(value["verbose_stamp"], "2024-05-22 03:15:44.123456 UTC");

        let mut export = b"__REALTIME_TIMESTAMP=1\n_HOSTNAME=a\nMESSAGE\n".to_vec();
        export.extend(4_u64.to_le_bytes());
        export.extend(b"a\n\nb\n\n__REALTIME_TIMESTAMP=2\nMESSAGE=x\n\n");
        let pieces = cut_export(&export);
        assert_eq!(pieces.len(), 2, "{pieces:?}");
        let Piece::Object(range, value) = &pieces[0] else {
            panic!("{pieces:?}")
        };
        assert_eq!(value["MESSAGE"], "a\n\nb");
        assert!(export[range.clone()].ends_with(b"a\n\nb\n"));
        let cut = &export[..export.len() - 30];
        assert!(matches!(
            cut_export(&cut[..50]).last(),
            Some(Piece::Unread(..))
        ));
    }
}
