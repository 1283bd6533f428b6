//! The one place that knows the order of the stages. Read this first.
//!
//! collect → detect → scan → align → correlate → assess; rendering is the caller's choice.

use chrono::{DateTime, Utc};

use crate::align;
use crate::assess;
use crate::collect::Collection;
use crate::correlate;
use crate::detect;
pub use crate::detect::RunnerUp;
use crate::grammar::Grammars;
use crate::grammar::mistake::Mistake;
use crate::model::{Detection, DiskPoint, Gap, Incident, Ledger, Problem, Skipped, Source};
use crate::scan;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// About stamps and nodes.
    pub align: align::Options,
    /// Leave out facts before this time.
    pub since: Option<DateTime<Utc>>,
    /// Leave out facts after this time.
    pub until: Option<DateTime<Utc>>,
}

/// An incident, and the disk samples that belong to it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Everything known.
    pub incident: Incident,
    /// How full the disks were.
    pub disks: Vec<DiskPoint>,
}

/// Returns the documentation of a contributing factor.
pub fn explain_factor(id: &str) -> Option<&'static str> {
    let factor = assess::factors::ALL.iter().find(|f| f.id() == id)?;
    Some(factor.explain())
}

/// Returns a stream as UTF-8, whatever its source's encoding is.
pub fn decoded(
    stream: Box<dyn std::io::Read + Send>,
    detection: &Detection,
) -> Box<dyn std::io::Read + Send> {
    scan::as_utf8(stream, detection.encoding)
}

/// Runs all stages.
pub fn run(
    collection: Collection,
    mut problems: Vec<Problem>,
    grammars: &Grammars,
    options: &Options,
) -> Outcome {
    let Collection {
        sources,
        skipped,
        budget,
        ..
    } = collection;
    let (detections, more) = detect::detect(&sources, grammars);
    problems.extend(more);
    let (found, more) = scan::scan(&sources, &detections, grammars, budget.limits);
    problems.extend(more);
    let mut readings = found.readings;
    let (mut aligned, more) = align::align(
        found.signals,
        found.relations,
        found.disks,
        &sources,
        &mut readings,
        grammars,
        &options.align,
    );
    problems.extend(more);
    let inside = |fact: &crate::model::Fact| {
        fact.moment.is_none_or(|m| {
            options.since.is_none_or(|since| m.latest() >= since)
                && options.until.is_none_or(|until| m.at <= until)
        })
    };
    if options.since.is_some() || options.until.is_some() {
        aligned.keep(inside);
    }
    let mut constants = grammars
        .physics
        .for_version(aligned.roster.version.as_deref());
    for (name, value, from) in &aligned.overrides {
        constants.set(name, *value, from.clone());
    }
    let (correlated, more) = correlate::correlate(
        &aligned.facts,
        &aligned.conditions,
        &aligned.roster.nodes,
        &constants,
        grammars,
    );
    problems.extend(more);
    problems.sort();
    let ledger = ledger(&sources, &readings, skipped, &aligned.facts);
    let mut incident = Incident {
        sources,
        readings,
        facts: aligned.facts,
        conditions: aligned.conditions,
        cascades: correlated.cascades,
        unrelated: correlated.unrelated,
        constants: correlated.constants,
        problems,
        ledger,
        assessment: Default::default(),
    };
    let (mut assessment, _) = assess::assess(&incident, &aligned.assumptions, grammars);
    // A contradiction that touches no cascade is something not known.
    assessment.gaps.extend(correlated.contradictions.into_iter().map(|c| Gap { what: c.what, matters_because: "both records cannot be prompt statements about one thing; which one is late or wrong is not known".to_owned() }));
    incident.assessment = assessment;
    Outcome {
        incident,
        disks: aligned.disks,
    }
}

/// Finds out what each source is, without reading it.
pub fn look(sources: &[Source], grammars: &Grammars) -> (Vec<Detection>, Vec<Problem>) {
    detect::detect(sources, grammars)
}

/// Finds the format that each source could be taken for instead.
pub fn runners_up(
    sources: &[Source],
    detections: &[Detection],
    grammars: &Grammars,
) -> Vec<Option<RunnerUp>> {
    sources
        .iter()
        .zip(detections)
        .map(|(source, detection)| detect::runner_up(source, detection, grammars))
        .collect()
}

/// Runs the samples of formats and signals and the cases of rules, in the files for which `wanted` holds.
pub fn prove(grammars: &Grammars, wanted: &dyn Fn(&str) -> bool) -> Vec<Mistake> {
    let mut mistakes = crate::grammar::proof::prove(grammars, wanted);
    mistakes.extend(correlate::prove_cases(grammars, wanted));
    mistakes
}

/// Adds everything up. Every byte is read, or its file is in `skipped` with the reason, or its source has a problem that counts it.
fn ledger(
    sources: &[crate::model::Source],
    readings: &[crate::model::SourceReading],
    mut skipped: Vec<Skipped>,
    facts: &[crate::model::Fact],
) -> Ledger {
    let unopened: u64 = skipped.iter().map(|s| s.bytes).sum();
    let files = (sources.len() + skipped.len()) as u64;
    for (source, reading) in sources.iter().zip(readings) {
        if let Some(why) = &reading.unread {
            skipped.push(Skipped {
                path: source.path.clone(),
                why: why.clone(),
                bytes: reading.bytes,
            });
        }
    }
    for (source, reading) in sources
        .iter()
        .zip(readings)
        .filter(|(_, r)| r.unread.is_none() && r.bytes > r.bytes_read)
    {
        let why = "read, except for what lies beyond the longest line that is looked at".to_owned();
        skipped.push(Skipped {
            path: source.path.clone(),
            why,
            bytes: reading.bytes - reading.bytes_read,
        });
    }
    skipped.sort();
    Ledger {
        files,
        bytes: readings.iter().map(|r| r.bytes).sum::<u64>() + unopened,
        bytes_read: readings.iter().map(|r| r.bytes_read).sum(),
        records: readings.iter().map(|r| r.records).sum(),
        skipped,
        undated: facts.iter().filter(|f| f.moment.is_none()).count() as u64,
    }
}
