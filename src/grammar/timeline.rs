//! The timeline notation: incidents as text, the same for rule files, tests and `rootline grammar check`.
//!
//! One fact a line: `HH:MM[:SS[.fff]] signal key=value …`. Times are on one arbitrary day.

use chrono::{DateTime, NaiveTime, TimeDelta};
use nom::bytes::complete::take_while1;
use nom::character::complete::{char, space0, space1};
use nom::multi::many0;
use nom::sequence::{preceded, separated_pair};
use nom::{IResult, Parser};

use crate::model::{Basis, Fact, Moment};

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Time since midnight.
    pub at: TimeDelta,
    /// Signal kind.
    pub signal: String,
    /// Entities, and `cause`.
    pub values: Vec<(String, String)>,
}

fn word(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| !c.is_whitespace() && c != '=').parse(input)
}

/// Time, signal and pairs of one line.
type Line<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

fn line(input: &str) -> IResult<&str, Line<'_>> {
    let value = take_while1(|c: char| !c.is_whitespace());
    (
        take_while1(|c: char| !c.is_whitespace()),
        preceded(space1, word),
        many0(preceded(space1, separated_pair(word, char('='), value))),
    )
        .parse(input)
}

/// Parses a timeline.
///
/// # Errors
/// A fragment that quotes the line that cannot be read.
pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for raw in text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let wrong = |why: &str| format!("\"{raw}\": {why}");
        let (left, (at, signal, values)) =
            line(raw).map_err(|_| wrong("a line is \"HH:MM:SS signal key=value …\""))?;
        let spaces: IResult<&str, &str> = space0(left);
        if spaces.is_ok_and(|(rest, _)| !rest.is_empty()) {
            return Err(wrong("after the signal only key=value pairs may stand"));
        }
        let time = ["%H:%M:%S%.f", "%H:%M"]
            .iter()
            .find_map(|layout| NaiveTime::parse_from_str(at, layout).ok())
            .ok_or_else(|| wrong("the time is \"HH:MM\" or \"HH:MM:SS\""))?;
        entries.push(Entry {
            at: time - NaiveTime::MIN,
            signal: signal.to_owned(),
            values: values
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        });
    }
    if entries.is_empty() {
        return Err("the timeline is empty".to_owned());
    }
    Ok(entries)
}

/// Makes the facts that a timeline tells, in time order, on an arbitrary day.
pub fn facts(timeline: &[Entry]) -> Vec<Fact> {
    let mut facts: Vec<Fact> = timeline.iter().map(fact).collect();
    facts.sort_by_key(|fact| fact.moment);
    facts
}

fn fact(entry: &Entry) -> Fact {
    let value = |wanted: &str| {
        entry
            .values
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    Fact {
        cause: value("cause"),
        component: value("component"),
        entities: entry
            .values
            .iter()
            .filter(|(name, _)| name != "cause")
            .cloned()
            .collect(),
        moment: Some(Moment {
            at: DateTime::UNIX_EPOCH + entry.at,
            precision: TimeDelta::milliseconds(1),
            basis: Basis::Stamp,
        }),
        ..Fact::of_kind(&entry.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_or_quoted() {
        let read =
            parse("10:00 pulled image=a:b\n 10:00:01.5 evicted pod=p node=n ").expect("a timeline");
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].at, TimeDelta::milliseconds(36_001_500));
        assert_eq!(read[1].values[1], ("node".to_owned(), "n".to_owned()));
        assert_eq!(
            parse("at noon pulled"),
            Err("\"at noon pulled\": after the signal only key=value pairs may stand".into())
        );
        assert_eq!(
            parse("25:00 pulled"),
            Err("\"25:00 pulled\": the time is \"HH:MM\" or \"HH:MM:SS\"".into())
        );
        assert_eq!(parse(" \n"), Err("the timeline is empty".into()));
    }
}
