//! Grammars: formats, signals, causal rules, verdicts, constants, vocabulary and shapes of secrets, read from files and checked.
//!
//! Takes the text of grammar files (embedded ones, then overlays); gives [`Grammars`] or every mistake at once.
//! Does not touch the file system. Start with [`Grammars::load`]; patterns are in [`pattern`], envelopes in [`peel`].

pub mod cascade;
pub mod format;
pub mod index;
pub mod items;
pub mod kinds;
pub mod mechanism;
pub mod mistake;
pub mod pattern;
pub mod peel;
pub mod physics;
pub mod proof;
pub mod secrets;
pub mod signal;
pub mod stamp;
pub mod structured;
pub mod timeline;
pub mod vocabulary;
pub mod yaml;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::model::hash;
use cascade::Rule;
use format::Format;
use mechanism::Mechanism;
use mistake::Mistake;
use peel::Peeler;
use physics::Physics;
use secrets::Secrets;
use signal::SignalKind;
use vocabulary::Vocabulary;

/// The files under `grammars/` as they were when the binary was built: name and text.
pub static EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/grammars.rs"));

/// Files of which an overlay is merged by key, not put in the place of the embedded one.
const MERGED: &[&str] = &["physics.toml", "vocabulary.toml", "secrets.toml"];

/// Everything Rootline knows.
#[derive(Debug, Clone, Default)]
pub struct Grammars {
    /// Formats, ready to peel.
    pub peeler: Peeler,
    /// Signal kinds, by kind.
    pub signals: Vec<SignalKind>,
    /// Their wordings by needle.
    pub index: index::WordingIndex,
    /// Causal rules, by id.
    pub rules: Vec<Rule>,
    /// Verdicts, those decided first in front.
    pub mechanisms: Vec<Mechanism>,
    /// Constants.
    pub physics: Physics,
    /// Words and tables.
    pub vocabulary: Vocabulary,
    /// What is hidden from outputs.
    pub secrets: Secrets,
    /// SHA-256 over names and texts of all files in force.
    pub sha256: String,
    /// The files in force.
    pub files: BTreeMap<String, String>,
}

/// The kinds of grammar file.
enum FileKind<'a> {
    Format(&'a str),
    Signal(String),
    Rule(&'a str),
    Mechanism(String),
    Physics,
    Vocabulary,
    Secrets,
}

fn kind_of(name: &str) -> Option<FileKind<'_>> {
    let stem = name.strip_suffix(".toml")?;
    match stem.split_once('/') {
        None if stem == "physics" => Some(FileKind::Physics),
        None if stem == "vocabulary" => Some(FileKind::Vocabulary),
        None if stem == "secrets" => Some(FileKind::Secrets),
        Some(("formats", id)) => Some(FileKind::Format(id)),
        Some(("signals", id)) => Some(FileKind::Signal(id.replace('-', "_"))),
        Some(("cascades", id)) => Some(FileKind::Rule(id)),
        Some(("mechanisms", id)) => Some(FileKind::Mechanism(id.replace('-', "_"))),
        _ => None,
    }
}

/// Parses TOML, turning its error into a located mistake.
fn parse_toml<T: DeserializeOwned>(
    file: &str,
    text: &str,
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    match toml::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            mistakes.push(Mistake::new(
                file,
                error.span().unwrap_or(0..0),
                error.message().to_owned(),
            ));
            None
        }
    }
}

impl Grammars {
    /// Loads the embedded grammars alone. They are checked by the tests, so a mistake here is ours.
    ///
    /// # Errors
    /// All mistakes.
    pub fn embedded() -> Result<Grammars, Vec<Mistake>> {
        Grammars::load(&[])
    }

    /// Loads the embedded grammars and lays further files over them: a file of the same name replaces the embedded one,
    /// `physics.toml`, `vocabulary.toml` and `secrets.toml` are merged by key.
    ///
    /// # Errors
    /// All mistakes of all files.
    pub fn load(overlay: &[(String, String)]) -> Result<Grammars, Vec<Mistake>> {
        let mut files: BTreeMap<String, String> = EMBEDDED
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let mut merged: Vec<(&str, &str)> = Vec::new();
        for (name, text) in overlay {
            if MERGED.contains(&name.as_str()) {
                merged.push((name, text));
            } else {
                files.insert(name.clone(), text.clone());
            }
        }
        let mut mistakes = Vec::new();
        let mut physics = Physics::default();
        let mut vocabulary = Vocabulary::default();
        let mut secrets = Secrets::default();
        let singles: Vec<(&str, &str)> = files
            .iter()
            .filter(|(n, _)| !n.contains('/'))
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .chain(merged.iter().copied())
            .collect();
        for (name, text) in &singles {
            match kind_of(name) {
                Some(FileKind::Physics) => {
                    if let Some(read) = parse_toml::<Physics>(name, text, &mut mistakes) {
                        for (constant, entry) in &read.constant {
                            for value in std::iter::once(&entry.value).chain(entry.by_version.iter().map(|v| &v.value)) {
                                if let Err(reason) = physics::parse_duration(value) {
                                    let at = text.find(constant.as_str()).unwrap_or(0);
                                    mistakes.push(Mistake::new(name, at..at + constant.len(), format!("constant \"{constant}\": {reason}")));
                                }
                            }
                        }
                        physics.overlay(read);
                    }
                }
                Some(FileKind::Vocabulary) => {
                    if let Some(mut read) = parse_toml::<Vocabulary>(name, text, &mut mistakes) {
                        read.compile(name, text, &mut mistakes);
                        vocabulary.overlay(read);
                    }
                }
                Some(FileKind::Secrets) => {
                    if let Some(read) = parse_toml::<Secrets>(name, text, &mut mistakes) {
                        // The built-in patterns are proved by the tests: compiling them all would delay every start.
                        if merged.iter().any(|(n, t)| n == name && t == text) {
                            read.check(name, text, &mut mistakes);
                        }
                        secrets.overlay(read);
                    }
                }
                _ => mistakes.push(Mistake::new(name, 0..0, "no grammar file has this name; known are formats/, signals/, cascades/, mechanisms/, physics.toml, vocabulary.toml and secrets.toml")),
            }
        }
        let constants = physics.for_version(None);
        for forbidden in &physics.forbidden {
            let bounds = [
                Some(&forbidden.closer_than),
                forbidden.further_than.as_ref(),
            ];
            let evaluated = bounds.into_iter().flatten().map(|e| constants.evaluate(e));
            if let Some(Err(reason)) = evaluated.into_iter().find(Result::is_err) {
                mistakes.push(Mistake::new(
                    "physics.toml",
                    0..0,
                    format!("\"{}\": {reason}", forbidden.id),
                ));
            }
        }
        // A signal kind is known if it has a file: a new one needs no other edit.
        let kinds: Vec<String> = files
            .keys()
            .filter_map(|name| {
                if let Some(FileKind::Signal(kind)) = kind_of(name) {
                    Some(kind)
                } else {
                    None
                }
            })
            .collect();
        let known = |kind: &str| {
            if kinds.iter().any(|k| k == kind) {
                return None;
            }
            let names: Vec<&str> = kinds.iter().map(String::as_str).collect();
            Some(format!(
                "no signal is called \"{kind}\"; did you mean \"{}\"?",
                pattern::nearest(kind, &names)
            ))
        };
        let rule_ids: Vec<String> = files
            .keys()
            .filter_map(|name| {
                if let Some(FileKind::Rule(id)) = kind_of(name) {
                    Some(id.to_owned())
                } else {
                    None
                }
            })
            .collect();
        let load = |name: &str, text: &str| {
            let mut mistakes = Vec::new();
            let loaded = match kind_of(name) {
                Some(FileKind::Format(id)) => {
                    Format::load(id, name, text, &mut mistakes).map(Loaded::Format)
                }
                Some(FileKind::Signal(kind)) => {
                    SignalKind::load(&kind, name, text, &mut mistakes).map(Loaded::Signal)
                }
                Some(FileKind::Rule(id)) => {
                    Rule::load(id, name, text, &constants, &known, &mut mistakes).map(Loaded::Rule)
                }
                Some(FileKind::Mechanism(id)) => Mechanism::load(
                    &id,
                    name,
                    text,
                    &constants,
                    &rule_ids,
                    &known,
                    &mut mistakes,
                )
                .map(Loaded::Mechanism),
                _ => {
                    mistakes.push(Mistake::new(name, 0..0, "no grammar folder has this name; known are formats/, signals/, cascades/ and mechanisms/"));
                    None
                }
            };
            (loaded, mistakes)
        };
        let in_folders: Vec<(&str, &str)> = files
            .iter()
            .filter(|(n, _)| n.contains('/'))
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        let (mut formats, mut signals, mut rules, mut mechanisms) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (loaded, more) in on_all_cores(
            &in_folders,
            |(_, text)| text.len(),
            |(name, text)| load(name, text),
        ) {
            mistakes.extend(more);
            match loaded {
                Some(Loaded::Format(format)) => formats.push(format),
                Some(Loaded::Signal(signal)) => signals.push(signal),
                Some(Loaded::Rule(rule)) => rules.push(rule),
                Some(Loaded::Mechanism(mechanism)) => mechanisms.push(mechanism),
                None => {}
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let mut digest = Sha256::new();
        for (name, text) in files
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .chain(merged)
        {
            digest.update((name.len() as u64).to_le_bytes());
            digest.update(name);
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        Ok(Grammars {
            peeler: Peeler::new(formats),
            index: index::WordingIndex::new(&signals),
            signals,
            rules,
            mechanisms: in_order(mechanisms),
            physics,
            vocabulary,
            secrets,
            sha256: hash::hex(&digest.finalize()),
            files,
        })
    }

    /// Returns a signal kind.
    pub fn signal(&self, kind: &str) -> Option<&SignalKind> {
        self.signals.iter().find(|s| s.kind == kind)
    }

    /// Returns whether something is wrong when a signal of this kind happens.
    pub fn is_fault(&self, kind: &str) -> bool {
        self.vocabulary
            .signal
            .get(kind)
            .is_some_and(|word| word.fault)
    }

    /// Returns the stage of a signal kind.
    pub fn stage(&self, kind: &str) -> &str {
        self.vocabulary
            .signal
            .get(kind)
            .map_or("other", |word| word.stage.as_str())
    }

    /// Finds what a record says: of several wordings that fit, the one with most literal text.
    pub fn find_signal(&self, record: &peel::Record) -> Option<(&SignalKind, signal::Found)> {
        self.index
            .candidates(record)
            .into_iter()
            .filter_map(|(kind, wording)| {
                let kind = &self.signals[kind];
                let found = kind.wordings[wording].find(record, &self.vocabulary)?;
                Some((kind, found))
            })
            .max_by(|a, b| (a.1.weight, &b.0.kind).cmp(&(b.1.weight, &a.0.kind)))
    }
}

/// What a grammar file holds.
enum Loaded {
    Format(Format),
    Signal(SignalKind),
    Rule(Rule),
    Mechanism(Mechanism),
}

/// Does something with each item, on as many cores as there are; gives the results in the items' order. `weight` tells how long one may take.
///
/// A start of the program waits for this, and the pool of the scan is not set up yet.
fn on_all_cores<T: Sync, R: Send>(
    items: &[T],
    weight: impl Fn(&T) -> usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(4);
    let share = items.iter().map(&weight).sum::<usize>() / cores + 1;
    let mut parts: Vec<&[T]> = Vec::new();
    let (mut begin, mut sum) = (0, 0);
    for (index, item) in items.iter().enumerate() {
        sum += weight(item);
        if sum >= share * (parts.len() + 1) {
            parts.push(&items[begin..=index]);
            begin = index + 1;
        }
    }
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<R>>()))
            .collect();
        let last: Vec<R> = items[begin..].iter().map(work).collect();
        let mut done = Vec::with_capacity(items.len());
        for other in others {
            done.extend(
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        done.extend(last);
        done
    })
}

/// Puts a mechanism after those it yields to.
fn in_order(mut left: Vec<Mechanism>) -> Vec<Mechanism> {
    left.sort_by(|a, b| a.id.cmp(&b.id));
    let mut done: Vec<Mechanism> = Vec::new();
    while !left.is_empty() {
        let ready = left
            .iter()
            .position(|m| {
                m.yields_to.iter().all(|first| {
                    !left
                        .iter()
                        .any(|other| other.id == *first && other.id != m.id)
                })
            })
            .unwrap_or(0);
        done.push(left.remove(ready));
    }
    done
}
