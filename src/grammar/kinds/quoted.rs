//! Field kind `quoted`: a quoted string, decoded. Go's escapes inside double quotes; typographic, single and back quotes as they are.

use std::borrow::Cow;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n};
use nom::character::complete::{anychar, none_of, one_of};
use nom::combinator::{map, map_opt, value};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::{FieldKind, Take, nothing};

pub(super) static KIND: FieldKind = FieldKind {
    name: "quoted",
    about: "a quoted string, decoded",
    example: r#""a \"quoted\" text""#,
    take: Take::Token(take),
    sets: nothing,
};

/// Takes a quoted string from the start of the input: its length with quotes, and its decoded value.
pub fn take(input: &str) -> Option<(usize, Cow<'_, str>)> {
    let open = input.chars().next()?;
    let close = match open {
        '"' => {
            return go_string(input)
                .ok()
                .map(|(left, text)| (input.len() - left.len(), Cow::Owned(text)));
        }
        '“' | '„' => '”',
        '‘' => '’',
        '\'' => '\'',
        '`' => '`',
        '«' => '»',
        _ => return None,
    };
    let inner = &input[open.len_utf8()..];
    let end = inner.find(close)?;
    Some((
        open.len_utf8() + end + close.len_utf8(),
        Cow::Borrowed(&inner[..end]),
    ))
}

/// Returns the decoded value of a text that is quoted from its first to its last character, or the text itself.
pub fn decode(text: &str) -> Cow<'_, str> {
    match take(text) {
        Some((length, value)) if length == text.len() => value,
        _ => Cow::Borrowed(text),
    }
}

/// # Source
/// Go `strconv.Quote`: `\a \b \f \n \r \t \v \\ \' \" \xNN \uNNNN \UNNNNNNNN` and octal.
fn go_string(input: &str) -> IResult<&str, String> {
    delimited(
        tag("\""),
        fold_many0(
            alt((escape, none_of("\"\\"))),
            String::new,
            |mut text, c| {
                text.push(c);
                text
            },
        ),
        tag("\""),
    )
    .parse(input)
}

fn escape(input: &str) -> IResult<&str, char> {
    let hex = |digits: usize| {
        map_opt(
            take_while_m_n(digits, digits, |c: char| c.is_ascii_hexdigit()),
            |code: &str| u32::from_str_radix(code, 16).ok().and_then(char::from_u32),
        )
    };
    preceded(
        tag("\\"),
        alt((
            value('\n', tag("n")),
            value('\t', tag("t")),
            value('\r', tag("r")),
            value('\u{7}', tag("a")),
            value('\u{8}', tag("b")),
            value('\u{c}', tag("f")),
            value('\u{b}', tag("v")),
            one_of("\\\"'/"),
            preceded(tag("x"), hex(2)),
            preceded(tag("u"), hex(4)),
            preceded(tag("U"), hex(8)),
            // A pipeline that cut an escape in half: keep the character as it is.
            map(anychar, |c| c),
        )),
    )
    .parse(input)
}
