//! Links: one fact caused another, by which rule and how sure.

use chrono::TimeDelta;

use super::fact::FactId;

/// How sure a claim is. The order is from less to more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Nothing supports it.
    Unknown,
    /// It would fit.
    Possible,
    /// It fits and no other explanation does better.
    Probable,
    /// Independent witnesses agree and nothing else fits.
    Certain,
}

impl Confidence {
    /// Returns the published name.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Unknown => "unknown",
            Confidence::Possible => "possible",
            Confidence::Probable => "probable",
            Confidence::Certain => "certain",
        }
    }

    /// Returns the next lower step.
    pub fn lower(self) -> Confidence {
        match self {
            Confidence::Certain => Confidence::Probable,
            _ => Confidence::Possible,
        }
    }

    /// Reads the published name.
    pub fn parse(text: &str) -> Option<Confidence> {
        [
            Confidence::Unknown,
            Confidence::Possible,
            Confidence::Probable,
            Confidence::Certain,
        ]
        .into_iter()
        .find(|c| c.name() == text)
    }
}

/// One fact caused another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The cause.
    pub cause: FactId,
    /// The effect.
    pub effect: FactId,
    /// Rule id.
    pub rule: String,
    /// Effect time minus cause time.
    pub lag: TimeDelta,
    /// How sure.
    pub confidence: Confidence,
    /// A sentence.
    pub because: String,
    /// Other causes the rule would have allowed.
    pub others: Vec<FactId>,
}
