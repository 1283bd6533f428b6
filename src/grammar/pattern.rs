//! Patterns: text with `{name:kind}` fields, parsed with nom into a list of steps, and the small loop that runs the steps.
//!
//! Takes pattern text from grammar files; gives captures of a message. Knows nothing about formats or signals.
//! Start with [`Pattern::parse`] and [`Pattern::find`].

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use memchr::memmem::Finder;

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_until, take_while1};
use nom::character::complete::char;
use nom::combinator::{map, value};
use nom::multi::many0;
use nom::sequence::{delimited, separated_pair};
use nom::{IResult, Parser};

use super::kinds::{self, FieldKind, Take};
use super::stamp::Layout;
use crate::model::Reading;

/// Steps that one search may try: bounds what a hostile line can cost.
const TRIES: u32 = 200_000;

/// One step of a pattern.
#[derive(Clone)]
enum Step {
    Literal(String),
    Spaces,
    Field {
        name: String,
        kind: &'static FieldKind,
    },
    Time {
        name: String,
    },
    Regex {
        name: String,
        regex: LazyRegex,
    },
}

/// A regular expression that is compiled when a text first comes as far as it: of the hundreds in all grammars, few are ever asked.
#[derive(Clone)]
struct LazyRegex(Arc<(String, OnceLock<Option<regex::Regex>>)>);

impl LazyRegex {
    /// # Errors
    /// What is wrong with it, as a fragment.
    fn parse(text: &str) -> Result<LazyRegex, String> {
        let text = format!("^(?:{text})");
        let lazy = LazyRegex(Arc::new((text, OnceLock::new())));
        let text = lazy.0.0.as_str();
        // Its syntax is checked at once. Classes by name and long repetitions can also be wrong otherwise, or too large.
        let plain = !text.contains("\\p") && !text.contains("\\P") && !has_long_repetition(text);
        if plain && regex_syntax::ast::parse::Parser::new().parse(text).is_ok() {
            return Ok(lazy);
        }
        match regex::Regex::new(text) {
            Ok(regex) => {
                lazy.0.1.get_or_init(|| Some(regex));
                Ok(lazy)
            }
            Err(error) => Err(last_line(&error.to_string()).to_owned()),
        }
    }

    /// Returns how much of a text's beginning it takes.
    fn take(&self, text: &str) -> Option<usize> {
        let (pattern, regex) = &*self.0;
        let regex = regex
            .get_or_init(|| regex::Regex::new(pattern).ok())
            .as_ref()?;
        regex.find(text).map(|found| found.end())
    }
}

/// Returns whether a repetition's count has three digits or more.
fn has_long_repetition(text: &str) -> bool {
    text.split(['{', ','])
        .any(|part| part.bytes().take_while(u8::is_ascii_digit).count() > 2)
}

/// Text with fields, ready to run.
#[derive(Clone)]
pub struct Pattern {
    steps: Vec<Step>,
    text: String,
    from_start: bool,
    /// Written with `^`: blanks, and the marks of quotes, comments and lists, may stand before its start, as in what somebody pasted.
    indented: bool,
    to_end: bool,
    /// The longest literal: a text without it is not looked at further.
    must: Option<Finder<'static>>,
}

/// What is wrong in a pattern, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternMistake {
    /// Byte offset in the pattern text.
    pub at: usize,
    /// What is wrong, as a fragment.
    pub reason: String,
    /// Text that would work.
    pub example: String,
}

/// What the fields of a pattern took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures {
    /// Field name and decoded value, in pattern order.
    pub values: Vec<(String, String)>,
    /// Stamps.
    pub times: Vec<(String, Reading)>,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.text == other.text
    }
}

enum Piece {
    Literal(String),
    Spaces,
    Field(String, String),
}

fn piece(input: &str) -> IResult<&str, Piece> {
    let word = |input| take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_')(input);
    let regex = delimited(char('/'), take_until("/}"), char('/'));
    let field = map(
        delimited(
            char('{'),
            separated_pair(
                word,
                char(':'),
                alt((
                    map(regex, |r: &str| format!("/{r}/")),
                    map(word, str::to_owned),
                )),
            ),
            char('}'),
        ),
        |(name, kind): (&str, String)| Piece::Field(name.to_owned(), kind),
    );
    alt((
        value(Piece::Literal("{".into()), tag("{{")),
        value(Piece::Literal("}".into()), tag("}}")),
        field,
        value(Piece::Spaces, take_while1(|c| c == ' ')),
        map(is_not("{} "), |text: &str| Piece::Literal(text.to_owned())),
    ))
    .parse(input)
}

impl Clone for Piece {
    fn clone(&self) -> Piece {
        match self {
            Piece::Literal(text) => Piece::Literal(text.clone()),
            Piece::Spaces => Piece::Spaces,
            Piece::Field(name, kind) => Piece::Field(name.clone(), kind.clone()),
        }
    }
}

impl Pattern {
    /// Parses pattern text. `anchored` patterns begin at the start and end at the end of what they are given, as if written `^…$`.
    ///
    /// # Errors
    /// The first mistake, with its place and a text that would work.
    pub fn parse(text: &str, anchored: bool) -> Result<Pattern, PatternMistake> {
        let from_start = anchored || text.starts_with('^');
        let to_end = anchored || (text.ends_with('$') && !text.ends_with("\\$"));
        let mut body = text.strip_prefix('^').unwrap_or(text);
        if !anchored {
            body = body.strip_suffix('$').unwrap_or(body);
        }
        let shift = text.len() - text.strip_prefix('^').unwrap_or(text).len();
        let (left, pieces) = many0(piece)
            .parse(body)
            .map_err(|_| mistake(0, "cannot be read", "failed to pull {image:quoted}"))?;
        if !left.is_empty() {
            let at = shift + body.len() - left.len();
            return Err(if left.starts_with('}') {
                mistake(
                    at,
                    "a \"}\" without its \"{\"; a literal brace is written \"}}\"",
                    "code {{{code:int}}}",
                )
            } else {
                mistake(
                    at,
                    "a \"{\" that begins no field; a field is \"{name:kind}\", a literal brace \"{{\"",
                    "image {image:quoted}",
                )
            });
        }
        let mut steps: Vec<Step> = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => match steps.last_mut() {
                    Some(Step::Literal(before)) => before.push_str(&text),
                    _ => steps.push(Step::Literal(text)),
                },
                Piece::Spaces => steps.push(Step::Spaces),
                Piece::Field(name, kind) => {
                    let place = || {
                        text.find(&format!("{{{name}:"))
                            .map_or(0, |at| at + name.len() + 2)
                    };
                    steps.push(if kind == "time" {
                        Step::Time { name }
                    } else if let Some(regex) =
                        kind.strip_prefix('/').and_then(|k| k.strip_suffix('/'))
                    {
                        let regex = LazyRegex::parse(regex).map_err(|reason| {
                            let reason = format!("the regular expression is wrong: {reason}");
                            mistake(place(), &reason, "{code:/[0-9]{3}/}")
                        })?;
                        Step::Regex { name, regex }
                    } else {
                        let found = kinds::find(&kind).ok_or_else(|| {
                            let known: Vec<&str> = kinds::ALL.iter().map(|k| k.name).collect();
                            mistake(
                                place(),
                                &format!(
                                    "no kind is called \"{kind}\"; did you mean \"{}\"?",
                                    nearest(&kind, &known)
                                ),
                                &format!("{{{name}:{}}}", nearest(&kind, &known)),
                            )
                        })?;
                        Step::Field { name, kind: found }
                    });
                }
            }
        }
        if steps.is_empty() {
            return Err(mistake(
                0,
                "the pattern is empty",
                "failed to pull {image:quoted}",
            ));
        }
        let literals = steps.iter().filter_map(|step| match step {
            Step::Literal(text) => Some(text),
            _ => None,
        });
        let must = literals
            .max_by_key(|text| text.len())
            .filter(|_| steps.len() > 1)
            .map(|text| Finder::new(text.as_bytes()).into_owned());
        Ok(Pattern {
            must,
            steps,
            text: text.to_owned(),
            from_start,
            indented: from_start && !anchored,
            to_end,
        })
    }

    /// Returns the text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the names of its fields, further fields that their kinds set included.
    pub fn field_names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for step in &self.steps {
            match step {
                Step::Field { name, kind } => {
                    names.push(name.as_str());
                    match kind.name {
                        "pod_ref" => names.extend(["namespace", "pod"]),
                        "pod_id" => names.extend(["namespace", "pod", "uid"]),
                        _ => {}
                    }
                }
                Step::Time { name } | Step::Regex { name, .. } => names.push(name),
                Step::Literal(_) | Step::Spaces => {}
            }
        }
        names
    }

    /// Returns the literal runs that any match holds as they are in every envelope: without quotes, backslashes and non-ASCII characters.
    pub fn literals(&self) -> Vec<String> {
        let mut runs = vec![String::new()];
        for step in &self.steps {
            match step {
                Step::Literal(text) => {
                    for c in text.chars() {
                        if c.is_ascii() && !c.is_ascii_control() && !"\"\\'<>&/".contains(c) {
                            if let Some(run) = runs.last_mut() {
                                run.push(c);
                            }
                        } else {
                            runs.push(String::new());
                        }
                    }
                }
                // One space is what every writer uses between words; columns are padded only between fields.
                Step::Spaces => {
                    if let Some(run) = runs.last_mut() {
                        run.push(' ');
                    }
                }
                _ => runs.push(String::new()),
            }
        }
        runs.into_iter()
            .map(|run| run.trim().to_owned())
            .filter(|run| !run.is_empty())
            .collect()
    }

    /// Returns the words that any match holds letter for letter, whatever stands between them: runs of at least three plain characters.
    pub fn words(&self) -> Vec<String> {
        let literals = self.steps.iter().filter_map(|step| match step {
            Step::Literal(text) => Some(text.as_str()),
            _ => None,
        });
        let plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
        literals
            .flat_map(|text| text.split(|c: char| !plain(c)))
            .filter(|word| word.len() >= 3)
            .map(str::to_owned)
            .collect()
    }

    /// Returns the text that is all of the pattern, if it is nothing but a literal.
    pub fn only_literal(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [Step::Literal(text)] if self.from_start && self.to_end => Some(text),
            _ => None,
        }
    }

    /// Returns how many literal characters it has: of two patterns that fit, the one with more says more.
    pub fn weight(&self) -> usize {
        self.steps
            .iter()
            .map(|step| {
                if let Step::Literal(text) = step {
                    text.len()
                } else {
                    0
                }
            })
            .sum()
    }

    /// Finds the pattern in a text: anywhere, or from its start or to its end if so written.
    pub fn find(&self, text: &str, layouts: &[Layout]) -> Option<Captures> {
        let mut budget = TRIES;
        if self
            .must
            .as_ref()
            .is_some_and(|must| must.find(text.as_bytes()).is_none())
        {
            return None;
        }
        if self.from_start {
            let text = if self.indented {
                text.trim_start_matches([' ', '\t', '>', '#', '*', '|', '│', '`'])
            } else {
                text
            };
            return self.run_at(text, layouts, &mut budget);
        }
        match &self.steps[0] {
            Step::Literal(first) => memchr::memmem::find_iter(text.as_bytes(), first.as_bytes())
                .find_map(|at| self.run_at(&text[at..], layouts, &mut budget)),
            _ => {
                // A field first: it can only begin where a word begins.
                let mut before = ' ';
                text.char_indices().find_map(|(at, c)| {
                    let begins = !before.is_alphanumeric();
                    before = c;
                    if begins {
                        self.run_at(&text[at..], layouts, &mut budget)
                    } else {
                        None
                    }
                })
            }
        }
    }

    /// Returns whether a text that begins with this byte may fit from its start: most patterns are told apart by it.
    pub fn may_begin_with(&self, byte: u8, layouts: &[Layout]) -> bool {
        match self.steps.first() {
            Some(Step::Literal(text)) => text.as_bytes().first() == Some(&byte),
            Some(Step::Time { .. }) => layouts.iter().any(|layout| layout.may_begin_with(byte)),
            Some(Step::Field { kind, .. }) => match kind.name {
                "int" => byte.is_ascii_digit(),
                "letter" => byte.is_ascii_uppercase(),
                "level" => byte.is_ascii_alphabetic(),
                _ => true,
            },
            _ => true,
        }
    }

    fn run_at(&self, text: &str, layouts: &[Layout], budget: &mut u32) -> Option<Captures> {
        let mut captures = Captures::default();
        self.run(&self.steps, text, layouts, &mut captures, budget)
            .then(|| {
                captures.values.reverse();
                captures.times.reverse();
                captures
            })
    }

    /// Runs the steps from the first; captures are pushed on the way back, last field first, so that a failed try leaves nothing behind.
    /// `budget` bounds the tries of a hostile line.
    fn run(
        &self,
        steps: &[Step],
        text: &str,
        layouts: &[Layout],
        captures: &mut Captures,
        budget: &mut u32,
    ) -> bool {
        let Some((step, rest)) = steps.split_first() else {
            return !self.to_end || text.trim_end().is_empty();
        };
        if *budget == 0 {
            return false;
        }
        *budget -= 1;
        match step {
            Step::Literal(literal) => text
                .strip_prefix(literal.as_str())
                .is_some_and(|left| self.run(rest, left, layouts, captures, budget)),
            Step::Spaces => {
                let left = text.trim_start_matches([' ', '\t']);
                let at_end = left.is_empty() && rest.is_empty();
                (left.len() < text.len() || at_end)
                    && self.run(rest, left, layouts, captures, budget)
            }
            Step::Time { name } => layouts.iter().any(|layout| match layout.take(text) {
                Some((length, reading))
                    if self.run(rest, &text[length..], layouts, captures, budget) =>
                {
                    captures.times.push((name.clone(), reading));
                    true
                }
                _ => false,
            }),
            Step::Regex { name, regex } => match regex.take(text) {
                Some(length) if self.run(rest, &text[length..], layouts, captures, budget) => {
                    captures
                        .values
                        .push((name.clone(), text[..length].to_owned()));
                    true
                }
                _ => false,
            },
            Step::Field { name, kind } => match kind.take {
                Take::Rest => {
                    if rest.is_empty() {
                        push(captures, name, kind, Cow::Borrowed(text));
                        true
                    } else {
                        false
                    }
                }
                Take::Token(take) => match take(text) {
                    Some((length, value))
                        if self.run(rest, &text[length..], layouts, captures, budget) =>
                    {
                        push(captures, name, kind, value);
                        true
                    }
                    _ => false,
                },
                Take::Shortest(most) => {
                    let most = most(text);
                    if rest.is_empty() {
                        let ends_right = !self.to_end || text[most..].trim_end().is_empty();
                        if ends_right && most > 0 {
                            push(captures, name, kind, Cow::Borrowed(&text[..most]));
                        }
                        return ends_right && most > 0;
                    }
                    let mut tries = ends_of_shortest(&rest[0], text, most);
                    while let Some(end) = tries.next().filter(|_| *budget > 0) {
                        *budget -= 1;
                        if self.run(rest, &text[end..], layouts, captures, budget) {
                            push(captures, name, kind, Cow::Borrowed(&text[..end]));
                            return true;
                        }
                    }
                    false
                }
            },
        }
    }
}

/// Returns where a field that takes as little as possible may end, given what must come next: at least one character taken, at most `most` bytes.
fn ends_of_shortest<'t>(
    next: &'t Step,
    text: &'t str,
    most: usize,
) -> Box<dyn Iterator<Item = usize> + 't> {
    let ends: Box<dyn Iterator<Item = usize> + 't> = match next {
        Step::Literal(literal) => Box::new(memchr::memmem::find_iter(
            text.as_bytes(),
            literal.as_bytes(),
        )),
        Step::Spaces => {
            Box::new(memchr::memchr2_iter(b' ', b'\t', text.as_bytes()).chain([text.len()]))
        }
        _ => Box::new(text.char_indices().map(|(at, _)| at).chain([text.len()])),
    };
    Box::new(
        ends.skip_while(|end| *end == 0)
            .take_while(move |end| *end <= most),
    )
}

fn push(captures: &mut Captures, name: &str, kind: &FieldKind, value: Cow<'_, str>) {
    let sets = (kind.sets)(&value);
    if sets.is_empty() {
        captures.values.push((name.to_owned(), value.into_owned()));
    } else {
        captures.values.extend(
            sets.into_iter()
                .rev()
                .map(|(name, value)| (name.to_owned(), value)),
        );
    }
}

fn mistake(at: usize, reason: &str, example: &str) -> PatternMistake {
    PatternMistake {
        at,
        reason: reason.to_owned(),
        example: example.to_owned(),
    }
}

fn last_line(text: &str) -> &str {
    text.lines()
        .last()
        .unwrap_or(text)
        .trim_start_matches("error: ")
}

/// Returns the known name that differs least from a mistyped one.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> &'a str {
    known
        .iter()
        .copied()
        .min_by_key(|k| (distance(name, k), *k))
        .unwrap_or("")
}

/// Returns the known name that is nearest to one that is not known, if it takes no more changes than `most`.
pub fn nearest_within<'a>(name: &str, known: &[&'a str], most: usize) -> Option<&'a str> {
    let near = nearest(name, known);
    (!near.is_empty() && distance(name, near) <= most).then_some(near)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: Option<&[(&str, &str)]>) {
        let found = Pattern::parse(pattern, false)
            .expect("a pattern")
            .find(text, &[]);
        let found: Option<Vec<(String, String)>> = found.map(|captures| captures.values);
        let expected = expected.map(|pairs| {
            pairs
                .iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        });
        assert_eq!(found, expected, "{pattern} on {text}");
    }

    #[test]
    fn patterns_take_what_they_name() {
        check(
            "Failed to pull image {image:quoted}: {reason:rest}",
            "x Failed to pull image \"shop/cart:v9\": not found",
            Some(&[("image", "shop/cart:v9"), ("reason", "not found")]),
        );
        check(
            "low on resource: {resource:text}. ",
            "The node was low on resource: ephemeral-storage. Threshold",
            Some(&[("resource", "ephemeral-storage")]),
        );
        check(
            "{file:word}:{line:int}] {body:rest}",
            "a.go:43] hello",
            Some(&[("file", "a.go"), ("line", "43"), ("body", "hello")]),
        );
        check(
            "Pod {pod:pod_ref}",
            "Marking for deletion Pod apps/web-1",
            Some(&[("namespace", "apps"), ("pod", "web-1")]),
        );
        check(
            "in pod {pod:pod_id}: Err",
            "in pod web-1_apps(aa-bb): ErrImagePull",
            Some(&[("pod", "web-1"), ("namespace", "apps"), ("uid", "aa-bb")]),
        );
        check("^a {b:int}$", "a  7", Some(&[("b", "7")]));
        check("^a {b:int}$", "a 7 b", None);
        check("^a {b:int}", "  a 7 b", Some(&[("b", "7")]));
        check("^a {b:int}", "# a 7 b", Some(&[("b", "7")]));
        check("^a {b:int}", "b a 7", None);
        check("code {c:/[0-9]{3}/}", "code 429", Some(&[("c", "429")]));
        check("{{{a:word}}}", "{x}", Some(&[("a", "x")]));
    }

    #[test]
    fn mistakes_have_a_place_and_an_example() {
        let check = |pattern: &str, at: usize, reason: &str| {
            let found = Pattern::parse(pattern, false).expect_err("a mistake");
            assert_eq!((found.at, found.reason.as_str()), (at, reason));
        };
        check(
            "image {image:quotd}",
            13,
            "no kind is called \"quotd\"; did you mean \"quoted\"?",
        );
        check(
            "image {image}",
            6,
            "a \"{\" that begins no field; a field is \"{name:kind}\", a literal brace \"{{\"",
        );
        check(
            "image }",
            6,
            "a \"}\" without its \"{\"; a literal brace is written \"}}\"",
        );
        check("", 0, "the pattern is empty");
    }

    #[test]
    fn a_hostile_line_ends() {
        let pattern =
            Pattern::parse("{a:text}x{b:text}y{c:text}z{d:text}!", false).expect("a pattern");
        assert_eq!(pattern.find(&"xyz".repeat(5_000), &[]), None);
    }

    #[test]
    fn literals_survive_every_envelope() {
        let pattern = Pattern::parse("PullImage {image:quoted} failed for \"x\" of us", false)
            .expect("a pattern");
        assert_eq!(
            pattern.literals(),
            ["PullImage", "failed for", "x", "of us"]
        );
    }
}
