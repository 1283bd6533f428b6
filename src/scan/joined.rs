//! Records over several lines: fragments of one long line (CRI `P` lines, docker's 16 KiB pieces) and klog's multi-line values.
//!
//! Takes the place of a line that holds a needle; gives the place of the whole record and its text, put together. Lines of other streams
//! that stand in between are passed over. What goes on further than the limits is read as far as they reach.

use std::ops::Range;

use crate::grammar::format::Format;
use crate::grammar::peel::{Peeler, Record};

/// Lines looked at before and after.
const LINES: usize = 512;
/// Bytes of a record.
const BYTES: usize = 1024 * 1024;

/// A record of several lines.
pub(super) struct Joined {
    /// From its first to its last line.
    pub(super) range: Range<usize>,
    /// What it says, out of its envelopes.
    pub(super) records: Vec<Record>,
}

/// Puts a record together; `None` if its line is all of it.
pub(super) fn join(
    peeler: &Peeler,
    fragments: Option<&Format>,
    data: &[u8],
    line: Range<usize>,
    no_head_until: &mut usize,
) -> Option<Joined> {
    if let Some(format) = fragments
        && let Some(joined) = join_fragments(peeler, format, data, &line)
    {
        return Some(joined);
    }
    join_block(peeler, data, &line, no_head_until).or_else(|| join_prefixed(peeler, data, &line))
}

fn text(data: &[u8], range: &Range<usize>) -> String {
    let bytes = &data[range.clone()];
    String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned()
}

fn before(data: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let end = line.start.checked_sub(1)?;
    let start = memchr::memrchr(b'\n', &data[..end]).map_or(0, |n| n + 1);
    Some(start..end)
}

fn after(data: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    let start = line.end + 1;
    if start >= data.len() {
        return None;
    }
    let end = memchr::memchr(b'\n', &data[start..]).map_or(data.len(), |n| start + n);
    Some(start..end)
}

fn join_fragments(
    peeler: &Peeler,
    format: &Format,
    data: &[u8],
    line: &Range<usize>,
) -> Option<Joined> {
    let read = |range: &Range<usize>| peeler.outer(format, &text(data, range));
    let here = read(line)?;
    let mut parts: Vec<(Range<usize>, String)> = vec![(line.clone(), here.body.clone())];
    let mut at = line.clone();
    for _ in 0..LINES {
        let Some(range) = before(data, &at) else {
            break;
        };
        let Some(one) = read(&range) else { break };
        at = range.clone();
        if one.same != here.same {
            continue;
        }
        if !one.open || line.end - range.start > BYTES {
            break;
        }
        parts.insert(0, (range, one.body));
    }
    let mut open = here.open;
    at = line.clone();
    for _ in 0..LINES {
        if !open {
            break;
        }
        let Some(range) = after(data, &at) else { break };
        let Some(one) = read(&range) else { break };
        at = range.clone();
        if one.same != here.same {
            continue;
        }
        open = one.open;
        if range.end - line.start > BYTES {
            break;
        }
        parts.push((range, one.body));
    }
    if parts.len() == 1 && !here.open {
        return None;
    }
    let range = parts[0].0.start..parts[parts.len() - 1].0.end;
    let body: String = parts.iter().map(|(_, body)| body.as_str()).collect();
    let records = peeler.peel_with_body(format, &text(data, &parts[0].0), &body);
    Some(Joined { range, records })
}

/// # Source
/// klog 2.40 and later writes a value of several lines as `key=<`, each line after a tab, and ` >` before the next key.
fn join_block(
    peeler: &Peeler,
    data: &[u8],
    line: &Range<usize>,
    no_head_until: &mut usize,
) -> Option<Joined> {
    let bytes = &data[line.clone()];
    let opens = |text: &str| text.trim_end().ends_with("=<");
    let continues = |text: &str| text.starts_with('\t') || text.starts_with(" >");
    // Nearly all lines are told apart here, without being peeled.
    if !bytes.ends_with(b"=<")
        && !bytes.ends_with(b"=<\r")
        && memchr::memmem::find(&bytes[..bytes.len().min(160)], b"\t").is_none()
        && memchr::memmem::find(&bytes[..bytes.len().min(160)], b" >").is_none()
    {
        return None;
    }
    let bare = |range: &Range<usize>| {
        let whole = text(data, range);
        if continues(&whole) {
            return (None, whole);
        }
        match peeler.envelope(&whole) {
            Some((id, body)) => {
                // A blank of an envelope's pattern is any run of blanks: what begins a continued line was taken with it.
                let before = whole.strip_suffix(body.as_str()).unwrap_or_default();
                let body = if before.ends_with('\t') {
                    format!("\t{body}")
                } else if body.starts_with('>') && before.ends_with("  ") {
                    format!(" {body}")
                } else {
                    body
                };
                if continues(&body) || opens(&body) {
                    (Some(id), body)
                } else {
                    (None, whole)
                }
            }
            None => (None, whole),
        }
    };
    let mut head = line.clone();
    let (mut id, mut body) = bare(line);
    for _ in 0..LINES {
        if opens(&body) {
            break;
        }
        // What the line before looked at in vain is not looked at again.
        if !continues(&body) || head.start <= *no_head_until {
            *no_head_until = line.start;
            return None;
        }
        head = before(data, &head)?;
        (id, body) = bare(&head);
    }
    if !opens(&body) {
        *no_head_until = line.start;
        return None;
    }
    let first = text(data, &head);
    let mut whole = body;
    let mut end = head.clone();
    for _ in 0..LINES {
        let Some(range) = after(data, &end) else {
            break;
        };
        let (other, body) = bare(&range);
        if !continues(&body) || (other.is_some() && other != id) || range.end - head.start > BYTES {
            break;
        }
        whole.push('\n');
        whole.push_str(&body);
        end = range;
        // Another value of several lines may follow on the closing line.
        if body.starts_with(" >") && !opens(&body) {
            break;
        }
    }
    if end == head {
        return None;
    }
    let records = match id.and_then(|id| peeler.format(&id)) {
        Some(format) => peeler.peel_with_body(format, &first, &whole),
        None => peeler.peel_line(&whole),
    };
    Some(Joined {
        range: head.start..end.end,
        records,
    })
}

/// Joins a value of several lines where each of them has the same text in front: a mail quote, the prefix of a collector.
fn join_prefixed(peeler: &Peeler, data: &[u8], line: &Range<usize>) -> Option<Joined> {
    const LINES: usize = 64;
    const PREFIX: usize = 160;
    let opens = |text: &str| text.trim_end().ends_with("=<");
    let goes_on = |text: &str| text.starts_with('\t') || text.starts_with(" >");
    let here = text(data, line);
    let mut head = line.clone();
    let prefix = if opens(&here) {
        let (_, body) = peeler.wrapped(&here)?;
        here.strip_suffix(body.as_str())?.to_owned()
    } else {
        let at = here.find('\t').or_else(|| here.find(" >"))?;
        let prefix = here
            .get(..at)
            .filter(|p| !p.is_empty() && p.len() <= PREFIX)?;
        for _ in 0..LINES {
            head = before(data, &head)?;
            let above = text(data, &head);
            let left = above.strip_prefix(prefix)?;
            if opens(left) {
                break;
            }
            if !goes_on(left) {
                return None;
            }
        }
        prefix.to_owned()
    };
    let first = text(data, &head);
    let (id, mut whole) = peeler.wrapped(&first).filter(|(_, body)| opens(body))?;
    let mut end = head.clone();
    for _ in 0..LINES {
        let Some(range) = after(data, &end) else {
            break;
        };
        let next = text(data, &range);
        let Some(left) = next.strip_prefix(prefix.as_str()).filter(|l| goes_on(l)) else {
            break;
        };
        whole.push('\n');
        whole.push_str(left);
        end = range;
        if left.starts_with(" >") && !opens(left) {
            break;
        }
    }
    if end == head {
        return None;
    }
    let records = peeler.peel_with_body(peeler.format(&id)?, &first, &whole);
    Some(Joined {
        range: head.start..end.end,
        records,
    })
}
