//! JSON: the published report as it is. Characters that would act on a terminal or hide are written as `\u…`, which JSON reads as the same.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::escape::is_hidden;
use crate::wire::v1::{Report, SignalRow};

/// JSON without a line end in it, and without characters that act on whoever prints it.
struct Careful(CompactFormatter);

impl Formatter for Careful {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_hidden(*c)) {
            self.0.write_string_fragment(writer, &fragment[from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            from = at + c.len_utf8();
        }
        self.0.write_string_fragment(writer, &fragment[from..])
    }
}

/// Returns a value as one line of JSON, hidden characters written as `\u…`.
pub(super) fn text_of(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Careful(CompactFormatter));
    value.serialize(&mut serializer)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns a report as one line of JSON.
///
/// # Errors
/// None that input can cause; serde's own.
pub fn render_report(report: &Report) -> Result<String, serde_json::Error> {
    text_of(report).map(|mut text| {
        text.push('\n');
        text
    })
}

/// Returns signals as one JSON object a line.
///
/// # Errors
/// None that input can cause; serde's own.
pub fn render_signals(signals: &[SignalRow]) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for signal in signals {
        text.push_str(&text_of(signal)?);
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_as_an_escape_and_read_as_what_it_was() {
        for text in [
            "a\u{9b}2J\u{202e}b\u{7f}",
            "\u{e0041} \u{1b}[31m",
            "plain é 漢 \"\\",
        ] {
            let written = text_of(&text).expect("JSON");
            assert!(!written.contains(is_hidden), "{written}");
            let read: String = serde_json::from_str(&written).expect("JSON");
            assert_eq!(read, text);
        }
    }
}
