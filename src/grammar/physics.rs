//! Physics: named constants with their versions, sums of them, and pairs of signals that cannot both be prompt.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{char, digit1, multispace0, one_of};
use nom::combinator::{map, map_res, opt};
use nom::multi::{fold_many0, many1};
use nom::number::complete::double;
use nom::sequence::{delimited, pair, preceded};
use nom::{IResult, Parser};
use serde::Deserialize;

/// `grammars/physics.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Physics {
    /// Constants by name.
    #[serde(default)]
    pub constant: BTreeMap<String, Constant>,
    /// Pairs that physics forbids.
    #[serde(default)]
    pub forbidden: Vec<Forbidden>,
}

/// A named constant.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// Default value, a duration.
    pub value: String,
    /// Values from a Kubernetes minor version on, ascending.
    #[serde(default)]
    pub by_version: Vec<ByVersion>,
    /// What it is.
    pub about: String,
    /// The setting that changes it.
    #[serde(default)]
    pub flag: Option<String>,
    /// Where the value is from.
    pub source: String,
}

/// A constant's value from a version on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByVersion {
    /// Kubernetes minor version, `1.32`.
    pub since: String,
    /// The value.
    pub value: String,
}

/// Two signals that cannot be so close under the constants.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forbidden {
    /// Id.
    pub id: String,
    /// Kinds of the earlier signal.
    pub earlier: Vec<String>,
    /// Kind of the later signal.
    pub later: String,
    /// Entities both must be about.
    pub share: Vec<String>,
    /// A duration expression.
    pub closer_than: String,
    /// A duration expression: pairs that are closer may be out of order by the coarseness of their stamps alone.
    #[serde(default)]
    pub further_than: Option<String>,
    /// What it is about has a name that is never given again: pods of a StatefulSet, which come back under their name, are passed over.
    #[serde(default)]
    pub named_once: bool,
    /// The pair shows that two clocks differ: which of several nodes was first is then not known.
    #[serde(default)]
    pub of_clocks: bool,
    /// A sentence; `{delay}`, `{bound}`, `{earlier.x}`, `{later.x}` are filled in.
    pub what: String,
    /// Explanations that remain.
    pub possible_explanations: Vec<String>,
}

/// Values of the constants for one incident.
#[derive(Debug, Clone, Default)]
pub struct Constants {
    values: BTreeMap<String, (TimeDelta, String)>,
}

impl Physics {
    /// Returns the constants for a Kubernetes version (`1.36`), or the defaults where none is known.
    pub fn for_version(&self, version: Option<&str>) -> Constants {
        let mut values = BTreeMap::new();
        for (name, constant) in &self.constant {
            let mut chosen = (constant.value.as_str(), "default".to_owned());
            if let Some(version) = version {
                for step in &constant.by_version {
                    if minor(version) >= minor(&step.since) {
                        chosen = (
                            step.value.as_str(),
                            format!("default since Kubernetes {}", step.since),
                        );
                    }
                }
            }
            if let Ok(value) = parse_duration(chosen.0) {
                values.insert(name.clone(), (value, chosen.1));
            }
        }
        Constants { values }
    }

    /// Takes over everything another file defines.
    pub fn overlay(&mut self, other: Physics) {
        self.constant.extend(other.constant);
        for new in other.forbidden {
            self.forbidden.retain(|old| old.id != new.id);
            self.forbidden.push(new);
        }
    }
}

impl Constants {
    /// Takes a value that the incident itself tells, and who says so.
    pub fn set(&mut self, name: &str, value: TimeDelta, from: String) {
        self.values.insert(name.to_owned(), (value, from));
    }

    /// Evaluates a sum such as `{pod_cleanup_wait} + 10s`.
    ///
    /// # Errors
    /// A fragment that says what cannot be read or is not defined.
    pub fn evaluate(&self, expression: &str) -> Result<TimeDelta, String> {
        let terms = parse_expression(expression)?;
        let mut sum = TimeDelta::zero();
        for (negative, term) in terms {
            let value = match term {
                Term::Duration(value) => value,
                Term::Constant(name) => self
                    .values
                    .get(&name)
                    .map(|(value, _)| *value)
                    .ok_or_else(|| format!("no constant is called \"{name}\" in physics.toml"))?,
            };
            sum = if negative { sum - value } else { sum + value };
        }
        Ok(sum)
    }

    /// Returns the names that an expression uses, with the value and where it comes from.
    pub fn used_in(&self, expression: &str) -> Vec<(String, TimeDelta, String)> {
        parse_expression(expression)
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(_, term)| match term {
                Term::Constant(name) => self
                    .values
                    .get(&name)
                    .map(|(value, from)| (name.clone(), *value, from.clone())),
                Term::Duration(_) => None,
            })
            .collect()
    }
}

enum Term {
    Duration(TimeDelta),
    Constant(String),
}

fn parse_expression(text: &str) -> Result<Vec<(bool, Term)>, String> {
    let name = map(
        delimited(
            char('{'),
            take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_'),
            char('}'),
        ),
        |n: &str| Term::Constant(n.to_owned()),
    );
    let term = alt((name, map(duration, Term::Duration)));
    let signed = map(
        pair(delimited(multispace0, opt(one_of("+-")), multispace0), term),
        |(sign, term)| (sign == Some('-'), term),
    );
    let parsed: IResult<&str, Vec<(bool, Term)>> = many1(signed).parse(text);
    match parsed {
        Ok((left, terms)) if left.trim().is_empty() => Ok(terms),
        _ => Err(format!(
            "\"{text}\" is no duration; for example \"{{pull_backoff_max}} + 10s\""
        )),
    }
}

fn duration(input: &str) -> IResult<&str, TimeDelta> {
    let unit = alt((
        nom::combinator::value(1e6, tag("ms")),
        nom::combinator::value(1e9, tag("s")),
        nom::combinator::value(60e9, tag("m")),
        nom::combinator::value(3600e9, tag("h")),
        nom::combinator::value(86400e9, tag("d")),
    ));
    let one = map_res(pair(double, unit), |(count, unit_ns): (f64, f64)| {
        let nanos = count * unit_ns;
        if nanos.abs() < 9e18 {
            Ok(TimeDelta::nanoseconds(nanos as i64))
        } else {
            Err(())
        }
    });
    let (left, _) = nom::combinator::peek(digit1).parse(input)?;
    map(
        pair(
            one,
            fold_many0(
                preceded(nom::combinator::peek(digit1), duration),
                TimeDelta::zero,
                |sum, more| sum + more,
            ),
        ),
        |(first, more)| first + more,
    )
    .parse(left)
}

/// Reads a duration such as `1m30s`, `300s`, `2d`.
///
/// # Errors
/// A fragment that says that it is none.
pub fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    match duration(text.trim()) {
        Ok(("", value)) => Ok(value),
        _ => Err(format!("\"{text}\" is no duration; for example \"1m30s\"")),
    }
}

/// Returns the minor version of `1.36`, `v1.36.2`.
fn minor(version: &str) -> u32 {
    version
        .trim_start_matches('v')
        .split('.')
        .nth(1)
        .and_then(|m| {
            m.trim_end_matches(|c: char| !c.is_ascii_digit())
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_choose_and_sums_add_up() {
        let physics: Physics = toml::from_str(
            "[constant.grace]\nvalue = \"40s\"\nby_version = [{ since = \"1.32\", value = \"50s\" }]\nabout = \"\"\nsource = \"\"\n",
        )
        .expect("physics");
        let check = |version: Option<&str>, expression: &str, seconds: i64| {
            assert_eq!(
                physics.for_version(version).evaluate(expression),
                Ok(TimeDelta::seconds(seconds)),
                "{expression}"
            );
        };
        check(None, "{grace}", 40);
        check(Some("v1.36.2"), "{grace} - 10s", 40);
        check(Some("1.31"), "{grace} + 1m30s", 130);
        check(None, "-30s", -30);
        assert!(physics.for_version(None).evaluate("{grce}").is_err());
        assert!(physics.for_version(None).evaluate("soon").is_err());
    }
}
