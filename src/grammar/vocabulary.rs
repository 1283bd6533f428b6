//! Vocabulary: signal and entity kinds with one sentence each, and the tables that turn an error text into a cause.

use std::collections::BTreeMap;

use serde::Deserialize;

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

impl Vocabulary {
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
    }
}
