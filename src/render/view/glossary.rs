//! Glossary: the words of this page, and only those that are on it.

use std::collections::BTreeSet;

use super::{Maker, Pair, capital};

/// Words of the report itself.
const WORDS: &[(&str, &str)] = &[
    (
        "Cascade",
        "Faults joined by causal links, from the trigger to the recovery.",
    ),
    (
        "Certain, probable, possible",
        "How well a statement is supported. Certain: the records prove it. Probable: the records and known behaviour fit, and nothing contradicts. Possible: it would explain the records; others would too.",
    ),
    (
        "Direct, collateral",
        "Hit by the fault itself; hit by what followed from it.",
    ),
    ("Hop", "A cascade's stay on one node."),
    (
        "Lag",
        "Time from cause to effect. It can be below zero within the precision of the stamps.",
    ),
    (
        "Link",
        "One thing caused another, by a known rule, between the same entities, within physical bounds.",
    ),
    (
        "Observed, derived, unknown",
        "A value stands in a record; is computed from records; is not in the record.",
    ),
    (
        "Signal",
        "One thing that happened, as all records about it tell together.",
    ),
    ("Source", "One file, or one member of an archive."),
    ("Trigger", "The change that began a cascade."),
];

/// Signal kinds that the glossary explains.
const KINDS: usize = 60;

impl Maker<'_> {
    pub(super) fn glossary(&self) -> Vec<Pair> {
        let mut words: Vec<Pair> = WORDS
            .iter()
            .map(|(name, value)| Pair {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        let kinds: BTreeSet<&str> = self
            .shown
            .iter()
            .filter_map(|id| self.by_id.get(id))
            .map(|s| s.signal.as_str())
            .take(KINDS)
            .collect();
        for kind in kinds {
            if let (Some(title), Some(about)) =
                (self.titles.signals.get(kind), self.titles.abouts.get(kind))
            {
                words.push(Pair {
                    name: title.clone(),
                    value: format!("{}.", capital(about.trim_end_matches('.'))),
                });
            }
        }
        words.sort_by_key(|w| w.name.to_lowercase());
        words
    }
}
