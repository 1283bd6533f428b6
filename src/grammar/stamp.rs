//! Stamps: the layouts that formats name, read without guessing what the text does not say.
//!
//! Takes text that begins with a stamp; gives a [`Reading`] and how many bytes it took. Never fills in a year or a zone.

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse_and_remainder};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta};
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::character::complete::{char, one_of};
use nom::combinator::{map_res, opt};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::model::{Reading, When};

/// One way to write a point in time.
#[derive(Debug, Clone)]
pub enum Layout {
    /// ISO 8601 date and time with `T` or a space, any fraction, and an offset if there is one. Covers RFC 3339 and journalctl's short-iso.
    Iso,
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Microseconds since 1970.
    EpochMicros,
    /// Nanoseconds since 1970.
    EpochNanos,
    /// Nanoseconds since 1970 as hexadecimal digits, as in the names of Event objects.
    EpochNanosHex,
    /// An age as kubectl prints it: `5m23s`, `2d20h`.
    Age,
    /// Seconds since the node's boot, with a fraction.
    SinceBoot,
    /// Microseconds since the node's boot.
    MicrosSinceBoot,
    /// A chrono layout.
    Items(Vec<Item<'static>>),
}

impl Layout {
    /// Reads a layout as a format file writes it.
    ///
    /// # Errors
    /// A fragment that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Layout, String> {
        match text {
            "rfc3339" | "iso" => Ok(Layout::Iso),
            "epoch_s" => Ok(Layout::EpochSeconds),
            "epoch_ms" => Ok(Layout::EpochMillis),
            "epoch_us" => Ok(Layout::EpochMicros),
            "epoch_ns" => Ok(Layout::EpochNanos),
            "epoch_ns_hex" => Ok(Layout::EpochNanosHex),
            "age" => Ok(Layout::Age),
            "monotonic" => Ok(Layout::SinceBoot),
            "monotonic_us" => Ok(Layout::MicrosSinceBoot),
            _ => {
                let items = StrftimeItems::new(text).parse_to_owned().map_err(|_| format!("\"{text}\" is no time layout; for example \"%m%d %H:%M:%S%.6f\" or \"rfc3339\""))?;
                Ok(Layout::Items(items))
            }
        }
    }

    /// Returns whether a stamp in this layout may begin with a byte.
    pub fn may_begin_with(&self, byte: u8) -> bool {
        match self {
            Layout::EpochNanosHex => byte.is_ascii_hexdigit(),
            Layout::SinceBoot | Layout::MicrosSinceBoot => byte.is_ascii_digit() || byte == b' ',
            Layout::Items(items) => match items.first() {
                Some(Item::Literal(text)) => text.as_bytes().first() == Some(&byte),
                // chrono takes blanks before a number, and a sign.
                Some(Item::Numeric(..)) => {
                    byte.is_ascii_digit()
                        || byte.is_ascii_whitespace()
                        || !byte.is_ascii()
                        || b"+-\x0b".contains(&byte)
                }
                Some(Item::Fixed(
                    Fixed::ShortMonthName
                    | Fixed::LongMonthName
                    | Fixed::ShortWeekdayName
                    | Fixed::LongWeekdayName,
                )) => byte.is_ascii_alphabetic(),
                _ => true,
            },
            _ => byte.is_ascii_digit(),
        }
    }

    /// Takes a stamp from the start of the text.
    pub fn take(&self, input: &str) -> Option<(usize, Reading)> {
        let (length, when) = match self {
            Layout::Iso => {
                let (left, when) = iso(input).ok()?;
                (input.len() - left.len(), when)
            }
            Layout::EpochSeconds => epoch(input, 1)?,
            Layout::EpochMillis => epoch(input, 1_000)?,
            Layout::EpochMicros => epoch(input, 1_000_000)?,
            Layout::EpochNanos => epoch(input, 1_000_000_000)?,
            Layout::EpochNanosHex => epoch_hex(input)?,
            Layout::Age => return age(input),
            Layout::SinceBoot => since_boot(input, 1)?,
            Layout::MicrosSinceBoot => since_boot(input, 1_000_000)?,
            Layout::Items(items) => {
                let mut parsed = Parsed::new();
                match parse_and_remainder(&mut parsed, input, items.iter()) {
                    Ok(left) => (input.len() - left.len(), when_of(&parsed)?),
                    Err(_) => {
                        // The same with the month in another language, as journalctl prints it.
                        let (shown, month) = foreign_month(input, items)?;
                        let english = format!("{month}{}", &input[shown..]);
                        let mut parsed = Parsed::new();
                        let left = parse_and_remainder(&mut parsed, &english, items.iter()).ok()?;
                        (input.len() - left.len(), when_of(&parsed)?)
                    }
                }
            }
        };
        let text = &input[..length];
        let precision = match self {
            Layout::EpochMillis => TimeDelta::milliseconds(1),
            Layout::EpochMicros | Layout::MicrosSinceBoot => TimeDelta::microseconds(1),
            Layout::EpochNanos | Layout::EpochNanosHex => TimeDelta::nanoseconds(1),
            _ => precision_of(text),
        };
        Some((
            length,
            Reading {
                text: text.to_owned(),
                when,
                precision,
            },
        ))
    }
}

/// Month names as the C libraries abbreviate them where they differ from the English ones; a full stop may follow.
///
/// # Source
/// glibc locale data, `abmon`: Chinese, Japanese, Korean, German, French, Spanish, Portuguese, Italian, Dutch, Polish, Czech, Russian,
/// Ukrainian, Turkish, Swedish, Danish, Norwegian, Finnish, Hungarian. Words that mean different months in two of them are left out.
const FOREIGN_MONTHS: &[(&str, &str)] = &[
    (
        "Jan",
        "1月 1월 jan janv ene gen sty led янв січ Oca jän tammi",
    ),
    (
        "Feb",
        "2月 2월 feb févr fév fev lut úno фев лют Şub helmi febr",
    ),
    (
        "Mar",
        "3月 3월 mar mär mrz mars mrt März бер мар márc maalis",
    ),
    (
        "Apr",
        "4月 4월 apr avr avril abr kwi dub апр кві Nis huhti ápr",
    ),
    (
        "May",
        "5月 5월 mai maj may mag mei kvě мая май тра touko máj",
    ),
    ("Jun", "6月 6월 jun juin giu cze čen июн чер Haz kesä jún"),
    ("Jul", "7月 7월 jul juil lug čec июл лип Tem heinä júl"),
    ("Aug", "8月 8월 aug août ago sie srp авг сер Ağu elo"),
    ("Sep", "9月 9월 sep sept set wrz zář сен вер Eyl syys szept"),
    ("Oct", "10月 10월 okt oct out ott paź říj окт жов Eki loka"),
    ("Nov", "11月 11월 nov ноя Kas marras"),
    (
        "Dec",
        "12月 12월 dez déc dec dic grudz gru pro дек гру Ara joulu des",
    ),
];

/// Finds a month in another language at the start of a text, if the layout begins with a month: its length, and the English name.
fn foreign_month(input: &str, items: &[Item]) -> Option<(usize, &'static str)> {
    use chrono::format::Fixed;
    let Some(Item::Fixed(Fixed::ShortMonthName)) = items.first() else {
        return None;
    };
    let end = input.find([' ', '\t'])?;
    let word = &input[..end];
    let bare = word.strip_suffix('.').unwrap_or(word);
    FOREIGN_MONTHS.iter().find_map(|(english, names)| {
        let known = names.split(' ').any(|name| name == bare);
        known.then_some((end, *english))
    })
}

/// Returns what the parsed fields tell, without inventing the rest.
fn when_of(parsed: &Parsed) -> Option<When> {
    let time = parsed.to_naive_time().ok()?;
    if parsed.month().is_none() && parsed.day().is_none() {
        return Some(When::Dateless(time));
    }
    if parsed.year().is_none() {
        return Some(When::Yearless {
            month: parsed.month()?,
            day: parsed.day()?,
            time,
        });
    }
    if parsed.offset().is_some() {
        return parsed.to_datetime().ok().map(|at| When::Utc(at.to_utc()));
    }
    parsed
        .to_naive_datetime_with_offset(0)
        .ok()
        .map(When::Local)
}

fn epoch(input: &str, per_second: i64) -> Option<(usize, When)> {
    let digits = input.bytes().take_while(u8::is_ascii_digit).count();
    let whole: i64 = input[..digits].parse().ok()?;
    let mut nanos = (whole % per_second) * (1_000_000_000 / per_second);
    let mut length = digits;
    if let Some(fraction) = input[digits..].strip_prefix('.') {
        let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if count > 0 {
            let unit = 1_000_000_000 / per_second;
            let part: f64 = format!("0.{}", &fraction[..count]).parse().ok()?;
            nanos += (part * unit as f64) as i64;
            length += 1 + count;
        }
    }
    let at = DateTime::from_timestamp(whole / per_second, u32::try_from(nanos).ok()?)?;
    Some((length, When::Utc(at)))
}

/// # Source
/// client-go's event recorder names an Event `<object>.<hex>`, hex being the nanoseconds since 1970 of its first occurrence.
fn epoch_hex(input: &str) -> Option<(usize, When)> {
    let length = input.bytes().take_while(u8::is_ascii_hexdigit).count();
    // 2004 to 2103 are sixteen digits; anything else is a name of another producer.
    if length != 16 || !input.starts_with(['1', '2', '3']) {
        return None;
    }
    let nanos = i64::from_str_radix(&input[..length], 16).ok()?;
    Some((length, When::Utc(DateTime::from_timestamp_nanos(nanos))))
}

/// Reads an age and how coarse it is.
///
/// # Source
/// apimachinery's HumanDuration: seconds below two minutes, minutes and seconds below ten, minutes below three hours, hours and minutes
/// below eight, hours below two days, days and hours below eight, days below two years, then years.
fn age(input: &str) -> Option<(usize, Reading)> {
    let mut total = 0_i64;
    let mut length = 0;
    let mut last_unit = i64::MAX;
    loop {
        let left = &input[length..];
        let count = left.bytes().take_while(u8::is_ascii_digit).count();
        let unit = match left.as_bytes().get(count) {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            Some(b'y') => 31_536_000,
            _ => break,
        };
        if count == 0 || count > 6 || unit >= last_unit {
            break;
        }
        total += left[..count].parse::<i64>().ok()? * unit;
        last_unit = unit;
        length += count + 1;
    }
    if length == 0 || input[length..].starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    // A part that is zero is left out: `5m` below ten minutes is exact to the second.
    let coarse = match total {
        0..600 => 1,
        600..10_800 => 60,
        10_800..28_800 => 60,
        28_800..691_200 => 3_600,
        _ => 86_400,
    };
    Some((
        length,
        Reading {
            text: input[..length].to_owned(),
            when: When::Ago(TimeDelta::seconds(total)),
            precision: TimeDelta::seconds(coarse),
        },
    ))
}

/// Reads a line that date(1) printed, alone or after a prompt's echo of it; gives it in ISO form, with `Z` where its zone is UTC.
///
/// # Source
/// GNU coreutils date: `Wed May 22 03:20:01 UTC 2024` in the C locale, `Wed 22 May 2024 03:20:01 AM UTC` in English ones, `-Is` and `-R`.
pub fn date_output(line: &str) -> Option<String> {
    let line = line.trim();
    if line.len() > 40 || !line.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    if let Some((length, _)) = Layout::Iso.take(line) {
        return (length == line.len()).then(|| line.to_owned());
    }
    if let Ok(at) = DateTime::parse_from_rfc2822(line) {
        return Some(at.to_rfc3339());
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let zone = words.iter().rposition(|w| {
        w.len() >= 2 && w.chars().all(|c| c.is_ascii_uppercase()) && *w != "AM" && *w != "PM"
    });
    let without: Vec<&str> = words
        .iter()
        .enumerate()
        .filter(|(i, _)| Some(*i) != zone)
        .map(|(_, w)| *w)
        .collect();
    let bare = without.join(" ");
    let at = [
        "%a %b %d %H:%M:%S %Y",
        "%a %d %b %Y %I:%M:%S %p",
        "%a %d %b %Y %H:%M:%S",
    ]
    .iter()
    .find_map(|layout| chrono::NaiveDateTime::parse_from_str(&bare, layout).ok())?;
    let utc = zone.is_some_and(|z| matches!(words[z], "UTC" | "GMT"));
    Some(format!(
        "{}{}",
        at.format("%Y-%m-%dT%H:%M:%S"),
        if utc { "Z" } else { "" }
    ))
}

fn since_boot(input: &str, per_second: i64) -> Option<(usize, When)> {
    let blanks = input.bytes().take_while(|b| *b == b' ').count();
    let (length, when) = epoch(&input[blanks..], per_second)?;
    let When::Utc(at) = when else { return None };
    Some((
        blanks + length,
        When::SinceBoot(at.signed_duration_since(DateTime::UNIX_EPOCH)),
    ))
}

fn digits(count: usize) -> impl Fn(&str) -> IResult<&str, u32> {
    move |input| {
        map_res(
            take_while_m_n(count, count, |c: char| c.is_ascii_digit()),
            str::parse,
        )
        .parse(input)
    }
}

/// # Source
/// RFC 3339; journalctl(1) short-iso writes the offset without a colon; CRI-O up to 1.31 writes a space instead of `T`.
fn iso(input: &str) -> IResult<&str, When> {
    let refuse = || nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify));
    let (left, (year, month, day)) = (
        digits(4),
        preceded(char('-'), digits(2)),
        preceded(char('-'), digits(2)),
    )
        .parse(input)?;
    let (left, (hour, minute, second)) = preceded(
        one_of("Tt "),
        (
            digits(2),
            preceded(char(':'), digits(2)),
            preceded(char(':'), digits(2)),
        ),
    )
    .parse(left)?;
    let (left, fraction) = opt(preceded(
        one_of(".,"),
        take_while1(|c: char| c.is_ascii_digit()),
    ))
    .parse(left)?;
    let nanos = fraction.map_or(0, |f: &str| format!("{:0<9.9}", f).parse().unwrap_or(0));
    let date = NaiveDate::from_ymd_opt(year as i32, month, day).ok_or_else(refuse)?;
    let (second, nanos) = if second == 60 {
        (59, nanos + 1_000_000_000)
    } else {
        (second, nanos)
    };
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nanos).ok_or_else(refuse)?;
    let local = date.and_time(time);
    let (after, offset) = opt(offset_s).parse(left)?;
    match offset {
        Some(seconds) => Ok((
            after,
            When::Utc((local - TimeDelta::seconds(seconds)).and_utc()),
        )),
        None => Ok((left, When::Local(local))),
    }
}

fn offset_s(input: &str) -> IResult<&str, i64> {
    // journalctl and Go's Time.String write the zone's name; only UTC says the same everywhere.
    let named = nom::combinator::value(0, nom::branch::alt((tag(" UTC"), tag(" GMT"))));
    let zulu = nom::branch::alt((nom::combinator::value(0, one_of("Zz")), named));
    let written = nom::combinator::map(
        (
            opt(char(' ')),
            one_of("+-"),
            digits(2),
            opt(char(':')),
            digits(2),
        ),
        |(_, sign, hours, _, minutes)| {
            let seconds = i64::from(hours) * 3600 + i64::from(minutes) * 60;
            if sign == '-' { -seconds } else { seconds }
        },
    );
    nom::branch::alt((zulu, written)).parse(input)
}

/// Returns the smallest step that the digits of a stamp tell: a second without a fraction.
fn precision_of(text: &str) -> TimeDelta {
    let fraction = text.rfind(['.', ',']).map_or(0, |at| {
        text[at + 1..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count()
    });
    match fraction {
        0 => TimeDelta::seconds(1),
        1..=3 => TimeDelta::milliseconds(10_i64.pow(3 - fraction as u32)),
        4..=6 => TimeDelta::microseconds(10_i64.pow(6 - fraction as u32)),
        7..=8 => TimeDelta::nanoseconds(10_i64.pow(9 - fraction as u32)),
        _ => TimeDelta::nanoseconds(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(layout: &str, input: &str, expected: &str) {
        let layout = Layout::parse(layout).expect("a layout");
        let shown = layout.take(input).map(|(length, reading)| {
            format!(
                "{} | {:?} | {}",
                &input[..length],
                reading.when,
                reading.precision
            )
        });
        assert_eq!(shown.as_deref().unwrap_or("none"), expected, "{input}");
    }

    #[test]
    fn months_are_read_in_the_languages_that_journalctl_prints() {
        let syslog = Layout::parse("%b %e %H:%M:%S%.f").expect("a layout");
        for text in [
            "12月 12 11:44:22",
            "12월 12 11:44:22",
            "déc. 12 11:44:22",
            "dez 12 11:44:22",
            "Ara 12 11:44:22",
        ] {
            let (length, reading) = syslog.take(text).expect(text);
            assert_eq!(length, text.len());
            assert!(
                matches!(
                    reading.when,
                    When::Yearless {
                        month: 12,
                        day: 12,
                        ..
                    }
                ),
                "{text}"
            );
        }
        assert!(syslog.take("lorem 12 11:44:22").is_none());
    }

    #[test]
    fn stamps_say_no_more_than_they_say() {
        check(
            "rfc3339",
            "2024-05-22T03:15:44.123456789Z x",
            "2024-05-22T03:15:44.123456789Z | Utc(2024-05-22T03:15:44.123456789Z) | PT0.000000001S",
        );
        check(
            "rfc3339",
            "2024-05-22T03:15:44+0200 h",
            "2024-05-22T03:15:44+0200 | Utc(2024-05-22T01:15:44Z) | PT1S",
        );
        check(
            "rfc3339",
            "2024-05-22 03:14:02] INFO",
            "2024-05-22 03:14:02 | Local(2024-05-22T03:14:02) | PT1S",
        );
        check(
            "%m%d %H:%M:%S%.6f",
            "0312 10:04:07.123456  812",
            "0312 10:04:07.123456 | Yearless { month: 3, day: 12, time: 10:04:07.123456 } | PT0.000001S",
        );
        check(
            "%d/%b/%Y:%H:%M:%S %z",
            "22/May/2024:03:15:44 +0000]",
            "22/May/2024:03:15:44 +0000 | Utc(2024-05-22T03:15:44Z) | PT1S",
        );
        check(
            "epoch_us",
            "1795467041472652",
            "1795467041472652 | Utc(2026-11-23T20:50:41.472652Z) | PT0.000001S",
        );
        check(
            "age",
            "5m23s (x4 over 26m)",
            "5m23s | Ago(TimeDelta { secs: 323, nanos: 0 }) | PT1S",
        );
        check(
            "age",
            "2d20h",
            "2d20h | Ago(TimeDelta { secs: 244800, nanos: 0 }) | PT3600S",
        );
        check("age", "5x", "none");
        check("age", "12s3m", "none");
        check(
            "monotonic",
            "  123.456789] x",
            "  123.456789 | SinceBoot(TimeDelta { secs: 123, nanos: 456789000 }) | PT0.000001S",
        );
        check(
            "epoch_ns_hex",
            "17706aa2460b4264",
            "17706aa2460b4264 | Utc(2023-07-10T05:31:45.456325220Z) | PT0.000000001S",
        );
        check("epoch_ns_hex", "5f8b", "none");
        check("rfc3339", "2024-13-22T03:15:44Z", "none");
        check("rfc3339", "not a stamp", "none");
    }
}
