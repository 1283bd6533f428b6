//! Stage 4, align: one clock, one name for each thing, one fact for each happening.
//!
//! Takes what scan found; gives facts in time order, node conditions as intervals, and what is known of each source's clock.
//! Does not say what caused what. Start with [`align`]: readings → moments ([`clock`]), names ([`roster`]), [`copies`] left out, witnesses merged ([`merge`]),
//! conclusions ([`conclude`]), states ([`states`]).

mod ages;
mod clock;
mod conclude;
mod copies;
mod everyday;
mod merge;
mod roster;
mod settings;
mod shortage;
mod skew;
mod states;
mod thresholds;
mod writers;

use chrono::FixedOffset;

use crate::grammar::Grammars;
use crate::model::{
    Condition, DiskPoint, DiskSample, Fact, Moment, Problem, Relation, Signal, Source,
    SourceReading,
};
pub use roster::Roster;

/// What the user told about the input.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Year of stamps that have none.
    pub year: Option<i32>,
    /// Zone of stamps that have none; UTC is assumed otherwise.
    pub zone: Option<FixedOffset>,
    /// Path patterns and the node that such files speak for.
    pub node_of: Vec<(globset::GlobMatcher, String)>,
}

/// Facts and states on one clock.
#[derive(Debug, Default)]
pub struct Aligned {
    /// Facts in time order; those without a time last.
    pub facts: Vec<Fact>,
    /// Abnormal conditions.
    pub conditions: Vec<Condition>,
    /// Disk samples in time order.
    pub disks: Vec<DiskPoint>,
    /// Names and owners.
    pub roster: Roster,
    /// Assumptions that were made about time, as sentences.
    pub assumptions: Vec<String>,
    /// Constants that the incident's own settings decide.
    pub overrides: Vec<settings::Override>,
}

impl Aligned {
    /// Keeps only some facts, and the states that rest on them.
    pub fn keep(&mut self, wanted: impl Fn(&Fact) -> bool) {
        self.facts.retain(wanted);
        for fact in &mut self.facts {
            fact.retry_of = None;
        }
        conclude::retries(&mut self.facts);
        self.conditions = states::conditions(&self.facts, &self.roster);
    }
}

/// Gives objects and pushes their moments. Such stamps have an offset; one without is left alone.
pub fn date_artefacts(artefacts: &mut crate::model::Artefacts) {
    for object in &mut artefacts.objects {
        object.moment = object.created.as_ref().and_then(moment_of);
    }
    for push in &mut artefacts.pushes {
        push.moment = push.at.as_ref().and_then(moment_of);
    }
}

fn moment_of(reading: &crate::model::Reading) -> Option<Moment> {
    match reading.when {
        crate::model::When::Utc(at) => Some(Moment {
            at,
            precision: reading.precision,
            basis: crate::model::Basis::Stamp,
        }),
        _ => None,
    }
}

/// A signal with its moment.
pub(crate) struct Timed {
    pub(crate) signal: Signal,
    pub(crate) moment: Option<Moment>,
    pub(crate) last: Option<Moment>,
    pub(crate) inferred: std::collections::BTreeMap<String, String>,
}

/// Puts everything on one clock and merges what is told twice.
pub fn align(
    signals: Vec<Signal>,
    relations: Vec<Relation>,
    mut disks: Vec<DiskSample>,
    sources: &[Source],
    readings: &mut [SourceReading],
    grammars: &Grammars,
    options: &Options,
) -> (Aligned, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut clock = clock::Clock::new(&signals, sources, readings, options);
    let mut timed: Vec<Timed> = signals
        .into_iter()
        .map(|signal| clock.resolve(signal))
        .collect();
    let mut roster = Roster::new(&relations, &timed, sources, readings, options);
    for (index, what) in copies::leave_out(&mut timed, &mut disks, sources, readings) {
        problems.push(Problem::of_source(index, what));
    }
    let settings = settings::Settings::new(&relations, sources, readings);
    if roster.version.is_none() {
        roster.version = settings.version();
    }
    for one in &mut timed {
        let kind = grammars.signal(&one.signal.kind);
        roster.name(one, readings, kind.is_some_and(|k| k.before_node));
    }
    let anchors = ages::settle(&mut timed, sources, readings, &mut clock, grammars);
    let corrections = skew::correct(&mut timed, sources, readings, grammars);
    for one in timed.iter().filter(|t| t.moment.is_none()) {
        readings[one.signal.evidence.origin.source].undated += 1;
    }
    for (index, reading) in readings.iter_mut().enumerate() {
        clock.cover(index, reading);
    }
    let points = clock.disk_points(disks, readings);
    let mut facts = merge::merge(timed, grammars);
    everyday::leave_out(&mut facts, grammars);
    conclude::moved_tags(&mut facts);
    conclude::new_revisions(&mut facts);
    conclude::sort(&mut facts);
    conclude::retries(&mut facts);
    shortage::mark(&mut facts, &roster);
    writers::that_moved(&mut facts);
    thresholds::unfit(&mut facts, &roster, &settings);
    let conditions = states::conditions(&facts, &roster);
    let mut assumptions = clock.assumptions();
    assumptions.extend(anchors);
    assumptions.extend(corrections);
    for (index, what) in &roster.disagreements {
        problems.push(Problem::of_source(*index, what.clone()));
    }
    for (index, reading) in readings.iter().enumerate() {
        if reading.undated > 0 {
            problems.push(Problem {
                source: Some(index),
                first: None,
                what: "signals whose time is not known: they have no stamp, or an age that nothing anchors".to_owned(),
                count: reading.undated,
            });
        }
    }
    (
        Aligned {
            facts,
            conditions,
            disks: points,
            roster,
            assumptions,
            overrides: settings.overrides(&grammars.physics),
        },
        problems,
    )
}
