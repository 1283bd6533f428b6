//! Vocabulary: signal and entity kinds with one sentence each, and the tables that turn an error text into a cause.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::mistake::Mistake;
use super::pattern::Pattern;

/// `grammars/vocabulary.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Signal kinds.
    #[serde(default)]
    pub signal: BTreeMap<String, SignalWord>,
    /// Entity kinds.
    #[serde(default)]
    pub entity: BTreeMap<String, EntityWord>,
    /// Cause tables.
    #[serde(default)]
    pub table: BTreeMap<String, Vec<TableLine>>,
    /// How the error texts that a table reads are built.
    #[serde(default)]
    pub error: BTreeMap<String, ErrorText>,
    /// How any message names things beside what its wording takes.
    #[serde(default)]
    pub message: ErrorText,
}

/// What an error text tells beside its cause, whoever carries it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorText {
    /// Patterns whose field `error` is the part that counts.
    #[serde(default)]
    pub narrow: Vec<String>,
    /// Patterns whose fields are entities. Of one entity the first that is found counts.
    #[serde(default)]
    pub tells: Vec<String>,
    #[serde(skip)]
    narrow_patterns: Vec<Pattern>,
    #[serde(skip)]
    tells_patterns: Vec<Pattern>,
}

impl ErrorText {
    fn compile(&mut self, file: &str, source: &str, mistakes: &mut Vec<Mistake>) {
        let mut parse = |texts: &[String]| {
            let mut patterns = Vec::new();
            for text in texts {
                match Pattern::parse(text, false) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(mistake) => {
                        let at = source.find(text.as_str()).unwrap_or(0);
                        let span = at..(at + text.len()).min(source.len());
                        mistakes.push(Mistake::in_pattern(file, source, span, &mistake));
                    }
                }
            }
            patterns
        };
        self.narrow_patterns = parse(&self.narrow);
        self.tells_patterns = parse(&self.tells);
    }
}

/// A signal kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalWord {
    /// One sentence.
    pub about: String,
    /// `change`, `pull`, `disk`, `node`, `workload`, `recovery` or `detection`.
    pub stage: String,
    /// Something is wrong when it happens.
    #[serde(default)]
    pub fault: bool,
}

/// An entity kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntityWord {
    /// One sentence.
    pub about: String,
}

/// One line of a cause table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableLine {
    /// The cause that this line gives.
    pub gives: String,
    /// Texts of which one must occur.
    #[serde(default)]
    pub any: Vec<String>,
    /// Texts that must all occur.
    #[serde(default)]
    pub all: Vec<String>,
    /// Texts that must not occur.
    #[serde(default)]
    pub not: Vec<String>,
    /// This line fits if no other does.
    #[serde(default)]
    pub otherwise: bool,
}

/// Removes what Go's quoting puts before quotes, however many levels of it: `\\\"a\\\"` is `"a"`.
pub(super) fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains("\\\"") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut slashes = 0;
    for c in text.chars() {
        if c == '\\' {
            slashes += 1;
            continue;
        }
        if c != '"' {
            plain.extend(std::iter::repeat_n('\\', slashes));
        }
        slashes = 0;
        plain.push(c);
    }
    plain.extend(std::iter::repeat_n('\\', slashes));
    Cow::Owned(plain)
}

impl Vocabulary {
    /// Reads an error text by the table of that name: its cause, and the entities it names.
    pub fn read_error(&self, table: &str, text: &str) -> (Option<&str>, Vec<(String, String)>) {
        let text = without_escapes(text);
        let Some(error) = self.error.get(table) else {
            return (self.look_up(table, &text), Vec::new());
        };
        let narrowed = error.narrow_patterns.iter().find_map(|pattern| {
            let captures = pattern.find(&text, &[])?;
            captures
                .values
                .into_iter()
                .find_map(|(name, value)| (name == "error").then_some(value))
        });
        let cause = self.look_up(table, narrowed.as_deref().unwrap_or(&text));
        (cause, self.told(error, &text))
    }

    /// Reads what a message names beside what its wording takes.
    pub fn read_message(&self, text: &str) -> Vec<(String, String)> {
        self.told(&self.message, &without_escapes(text))
    }

    fn told(&self, error: &ErrorText, text: &str) -> Vec<(String, String)> {
        let mut told: Vec<(String, String)> = Vec::new();
        for pattern in &error.tells_patterns {
            for (name, value) in pattern.find(text, &[]).into_iter().flat_map(|c| c.values) {
                if self.entity.contains_key(&name) && !told.iter().any(|(known, _)| *known == name)
                {
                    told.push((name, value));
                }
            }
        }
        told
    }

    /// Compiles what was read.
    pub(super) fn compile(&mut self, file: &str, source: &str, mistakes: &mut Vec<Mistake>) {
        for error in self.error.values_mut().chain([&mut self.message]) {
            error.compile(file, source, mistakes);
        }
    }

    /// Returns the cause that a table gives for a text: the first line that fits. Letter case does not count.
    pub fn look_up(&self, table: &str, text: &str) -> Option<&str> {
        let lower = text.to_lowercase();
        let has = |part: &String| lower.contains(&part.to_lowercase());
        let lines = self.table.get(table)?;
        lines
            .iter()
            .find(|line| {
                !line.otherwise
                    && (line.any.is_empty() || line.any.iter().any(has))
                    && line.all.iter().all(has)
                    && !line.not.iter().any(has)
                    && !(line.any.is_empty() && line.all.is_empty())
            })
            .or_else(|| lines.iter().find(|line| line.otherwise))
            .map(|line| line.gives.as_str())
    }

    /// Takes over everything another vocabulary defines.
    pub fn overlay(&mut self, other: Vocabulary) {
        self.signal.extend(other.signal);
        self.entity.extend(other.entity);
        self.table.extend(other.table);
        self.error.extend(other.error);
        let further = other.message;
        self.message.tells.extend(further.tells);
        self.message.tells_patterns.extend(further.tells_patterns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_before_quotes_go_at_any_depth() {
        assert_eq!(without_escapes(r#"a "b" c"#), r#"a "b" c"#);
        assert_eq!(without_escapes(r#"a \"b\" c"#), r#"a "b" c"#);
        assert_eq!(
            without_escapes(r#"a \\\"b\\\" C:\dir\"#),
            r#"a "b" C:\dir\"#
        );
    }
}
