//! Judges what the engine says of a generated incident, and prints the table.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use rootline::collect::Collection;
use rootline::grammar::Grammars;
use rootline::model::{Cascade, Confidence, Content, Source};
use rootline::pipeline::{Options, run};

use super::{Incident, Story};

struct InMemory(Vec<u8>);

impl Content for InMemory {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(self.0.clone())))
    }
}

/// Counts of one mechanism.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    /// Stories whose essential evidence is in the files.
    pub(crate) stories: usize,
    /// Of these: the mechanism was found.
    pub(crate) right: usize,
    /// Of these: the right culprit was named.
    pub(crate) culprit: usize,
    /// Of these: how it spread was told right, where that is part of the story.
    pub(crate) spread: (usize, usize),
    /// Stories whose essential evidence is missing, and those of which something wrong was claimed.
    pub(crate) hidden: (usize, usize),
    /// Links claimed, and those that are true.
    pub(crate) claimed: (usize, usize),
    /// True links whose both ends are told, and those that were found.
    pub(crate) expected: (usize, usize),
}

impl Row {
    fn add(&mut self, other: &Row) {
        self.stories += other.stories;
        self.right += other.right;
        self.culprit += other.culprit;
        for (mine, theirs) in [
            (&mut self.spread, other.spread),
            (&mut self.hidden, other.hidden),
            (&mut self.claimed, other.claimed),
            (&mut self.expected, other.expected),
        ] {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
    }
}

/// Counts of many incidents.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) rows: BTreeMap<&'static str, Row>,
    /// Look-alikes, and cascades that no story explains.
    pub(crate) decoys: (usize, usize),
    /// Incidents.
    pub(crate) incidents: usize,
    /// What went wrong, for those who look into it.
    pub(crate) mistakes: Vec<String>,
}

impl Score {
    /// Adds another.
    pub(crate) fn add(&mut self, other: Score) {
        for (name, row) in other.rows {
            self.rows.entry(name).or_default().add(&row);
        }
        self.decoys.0 += other.decoys.0;
        self.decoys.1 += other.decoys.1;
        self.incidents += other.incidents;
        self.mistakes.extend(other.mistakes);
    }

    /// Returns the sum of all mechanisms.
    pub(crate) fn total(&self) -> Row {
        let mut total = Row::default();
        for row in self.rows.values() {
            total.add(row);
        }
        total
    }

    /// Returns the table as Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from(
            "| mechanism | stories | mechanism right | culprit right | spread right | link precision | link recall | wrong where evidence is missing |\n|---|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        let mut line = |name: &str, row: &Row| {
            text.push_str(&format!(
                "| {name} | {} | {} | {} | {} | {} | {} | {} of {} |\n",
                row.stories,
                percent(row.right, row.stories),
                percent(row.culprit, row.stories),
                percent(row.spread.1, row.spread.0),
                ratio(row.claimed.1, row.claimed.0),
                ratio(row.expected.1, row.expected.0),
                row.hidden.1,
                row.hidden.0,
            ));
        };
        for (name, row) in &self.rows {
            line(&format!("`{name}`"), row);
        }
        line("**all**", &self.total());
        text.push_str(&format!(
            "\n{} incidents; {} look-alikes, {} false claims ({}).\n",
            self.incidents,
            self.decoys.0,
            self.decoys.1,
            percent(self.decoys.1, self.decoys.0)
        ));
        text
    }
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} %", 100.0 * part as f64 / whole as f64)
    }
}

fn ratio(part: usize, whole: usize) -> String {
    if whole == 0 {
        "–".to_owned()
    } else {
        format!("{:.3}", part as f64 / whole as f64)
    }
}

/// Runs the engine over one incident and judges it.
pub(crate) fn judge(seed: u64, incident: &Incident, grammars: &Grammars) -> Score {
    let sources: Vec<Source> = incident
        .files
        .iter()
        .map(|file| Source {
            path: file.name.clone(),
            name: file.name.clone(),
            stored_bytes: file.bytes.len() as u64,
            compression: None,
            stamped_at: None,
            content: Arc::new(InMemory(file.bytes.clone())),
        })
        .collect();
    let mut collection = Collection::default();
    collection.sources = sources;
    let outcome = run(collection, Vec::new(), grammars, &Options::default());
    let found = &outcome.incident;
    // Which happenings each fact is: those of its records, of its own kind if possible. A counted Event stands for several.
    let happenings_of: Vec<BTreeSet<usize>> = found
        .facts
        .iter()
        .map(|fact| {
            let mut candidates = BTreeSet::new();
            for evidence in &fact.evidence {
                let origin = evidence.origin;
                let file = &incident.files[origin.source];
                let index = file.marks.partition_point(|m| m.end <= origin.start);
                if let Some(mark) = file.marks.get(index).filter(|m| m.start < origin.end) {
                    candidates.extend(mark.tells.iter().copied());
                }
            }
            let own: BTreeSet<usize> = candidates
                .iter()
                .copied()
                .filter(|id| incident.happenings[*id].kind == fact.kind)
                .collect();
            if own.is_empty() { candidates } else { own }
        })
        .collect();
    let mut score = Score {
        incidents: 1,
        ..Score::default()
    };
    score.decoys.0 = incident.decoys.len();
    let mut explained = vec![false; found.cascades.len()];
    for story in &incident.stories {
        let row = score.rows.entry(story.mechanism).or_default();
        let own: Vec<usize> = (0..found.cascades.len())
            .filter(|index| {
                let cascade = &found.cascades[*index];
                let touches = |id: &usize| {
                    happenings_of[*id]
                        .iter()
                        .any(|h| story.happenings.contains(h))
                };
                touches(&cascade.origin)
                    || cascade.hops.iter().flat_map(|h| &h.signals).any(touches)
            })
            .collect();
        let known = story.essential.iter().any(|all| {
            all.iter()
                .all(|any| any.iter().any(|id| incident.happenings[*id].told))
        });
        let right = own
            .iter()
            .copied()
            .find(|index| found.cascades[*index].mechanism == story.mechanism);
        let said: Vec<&str> = own
            .iter()
            .map(|i| found.cascades[*i].mechanism.as_str())
            .collect();
        let wrong = own.iter().any(|i| {
            let name = found.cascades[*i].mechanism.as_str();
            name != story.mechanism && !story.instead.contains(&name) && name != "unknown"
        });
        for index in &own {
            explained[*index] = true;
        }
        if !story.clear.iter().all(|id| incident.happenings[*id].told) {
            continue;
        }
        if !known {
            row.hidden.0 += 1;
            if wrong {
                row.hidden.1 += 1;
                score.mistakes.push(format!(
                    "{seed} {}: without evidence it says {said:?}",
                    story.mechanism
                ));
            }
        } else {
            row.stories += 1;
            match right.filter(|_| !wrong) {
                None => score
                    .mistakes
                    .push(format!("{seed} {}: it says {said:?}", story.mechanism)),
                Some(index) => {
                    row.right += 1;
                    let cascade = &found.cascades[index];
                    if blames(cascade, story) {
                        row.culprit += 1;
                    } else {
                        score.mistakes.push(format!(
                            "{seed} {}: it blames {:?}, not {:?}",
                            story.mechanism, cascade.culprit, story.culprit
                        ));
                    }
                    if let Some(spread) = story.spread {
                        row.spread.0 += 1;
                        if cascade.spread.name() == spread {
                            row.spread.1 += 1;
                        } else {
                            score.mistakes.push(format!(
                                "{seed} {}: spread {}, not {spread}",
                                story.mechanism,
                                cascade.spread.name()
                            ));
                        }
                    }
                }
            }
        }
        links(
            seed,
            incident,
            story,
            &own,
            found,
            &happenings_of,
            known,
            row,
            &mut score.mistakes,
        );
    }
    for (index, cascade) in found
        .cascades
        .iter()
        .enumerate()
        .filter(|(i, _)| !explained[*i])
    {
        // What calls itself possible says that it may be none: it blames nothing.
        if cascade.mechanism != "unknown" && cascade.confidence > Confidence::Possible {
            score.decoys.1 += 1;
            score.mistakes.push(format!(
                "{seed} false claim {} of {:?} beside {:?} (cascade {index})",
                cascade.mechanism, cascade.culprit, incident.decoys
            ));
        }
    }
    score
}

/// Returns whether what the cascade blames is what the story is about.
fn blames(cascade: &Cascade, story: &Story) -> bool {
    let named = |kind: &str| {
        cascade
            .culprit
            .iter()
            .find(|(k, _)| k == kind)
            .map(|(_, v)| v.as_str())
    };
    story.culprit.iter().any(|(kind, value)| match *kind {
        "image" => {
            named("image")
                .is_some_and(|image| value == image || value.ends_with(&format!("/{image}")))
                || named("registry").is_some_and(|registry| value.starts_with(registry))
        }
        "workload" => {
            let (namespace, name) = value.split_once('/').unwrap_or(("", value));
            // Where nothing tells whose pod it is, the pod itself is all that can be named.
            let pod = format!("{name}-");
            named("workload").is_some_and(|w| {
                w.starts_with(&format!("{namespace}/"))
                    && (w.ends_with(&format!("/{name}")) || w.contains(&format!("/Pod/{pod}")))
            }) || named("pod").is_some_and(|p| p.starts_with(&pod))
        }
        _ => named(kind).is_some_and(|v| value.split(' ').any(|part| part == v)),
    })
}

#[allow(
    clippy::too_many_arguments,
    reason = "one call, and everything it needs"
)]
fn links(
    seed: u64,
    incident: &Incident,
    story: &Story,
    own: &[usize],
    found: &rootline::model::Incident,
    happenings_of: &[BTreeSet<usize>],
    known: bool,
    row: &mut Row,
    mistakes: &mut Vec<String>,
) {
    let mut claimed: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for index in own {
        for link in &found.cascades[*index].links {
            let (causes, effects) = (&happenings_of[link.cause], &happenings_of[link.effect]);
            if !causes.is_empty() && causes == effects {
                continue;
            }
            let kinds = (
                found.facts[link.cause].kind.as_str(),
                found.facts[link.effect].kind.as_str(),
            );
            for cause in causes {
                claimed.entry(*cause).or_default().extend(effects);
            }
            row.claimed.0 += 1;
            if causes.iter().any(|cause| {
                effects
                    .iter()
                    .any(|effect| leads(incident, *cause, *effect))
            }) {
                row.claimed.1 += 1;
            } else {
                mistakes.push(format!(
                    "{seed} {}: link {} {} → {} is not so",
                    story.mechanism, link.rule, kinds.0, kinds.1
                ));
            }
        }
    }
    if !known {
        return;
    }
    // Retries of one pull are one repeated fact.
    let mut series: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (id, fact) in found.facts.iter().enumerate() {
        series
            .entry(fact.retry_of.unwrap_or(id))
            .or_default()
            .extend(&happenings_of[id]);
    }
    for retries in series.values() {
        for pair in retries.windows(2) {
            claimed.entry(pair[0]).or_default().insert(pair[1]);
        }
    }
    let seen: BTreeSet<usize> = happenings_of.iter().flatten().copied().collect();
    for effect in story
        .happenings
        .clone()
        .filter(|id| incident.happenings[*id].told && !story.background.contains(id))
    {
        for cause in told_causes(incident, effect) {
            row.expected.0 += 1;
            if reaches(&claimed, cause, effect) {
                row.expected.1 += 1;
            } else {
                let lost = if seen.contains(&cause) && seen.contains(&effect) {
                    ""
                } else {
                    " (one of them was not even read)"
                };
                mistakes.push(format!(
                    "{seed} {}: no link {} → {}{lost}",
                    story.mechanism,
                    incident.happenings[cause].kind,
                    incident.happenings[effect].kind
                ));
            }
        }
    }
}

/// The nearest causes that are told: what stands between and is in no file is passed over.
fn told_causes(incident: &Incident, effect: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut waiting = incident.happenings[effect].causes.clone();
    while let Some(id) = waiting.pop() {
        if incident.happenings[id].told {
            found.insert(id);
        } else {
            waiting.extend(&incident.happenings[id].causes);
        }
    }
    found
}

fn leads(incident: &Incident, cause: usize, effect: usize) -> bool {
    let mut waiting = vec![effect];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if id == cause {
            return true;
        }
        if seen.insert(id) {
            waiting.extend(&incident.happenings[id].causes);
        }
    }
    false
}

fn reaches(links: &BTreeMap<usize, BTreeSet<usize>>, cause: usize, effect: usize) -> bool {
    let mut waiting = vec![cause];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if id == effect {
            return true;
        }
        if seen.insert(id) {
            waiting.extend(links.get(&id).into_iter().flatten());
        }
    }
    false
}
