//! Field kind `level`: any level word of the usual loggers, decoded.

use std::borrow::Cow;

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "level",
    about: "a level word, decoded",
    example: "CRITICAL",
    take: Take::Token(take),
    sets: nothing,
};

/// Gives one of trace, debug, info, warning, error, fatal.
fn take(input: &str) -> Option<(usize, Cow<'_, str>)> {
    let end = input.bytes().take_while(u8::is_ascii_alphabetic).count();
    let level = match input[..end].to_ascii_uppercase().as_str() {
        "TRACE" | "TRAC" => "trace",
        "DEBUG" | "DEBU" => "debug",
        "INFO" | "NOTICE" | "INFORMATION" => "info",
        "WARN" | "WARNING" => "warning",
        "ERROR" | "ERR" | "ERRO" | "SEVERE" => "error",
        "FATAL" | "FATA" | "CRITICAL" | "CRIT" | "ALERT" | "EMERG" | "EMERGENCY" | "PANIC" => {
            "fatal"
        }
        _ => return None,
    };
    Some((end, Cow::Borrowed(level)))
}
