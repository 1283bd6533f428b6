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
use crate::model::{
    Detection, DiskPoint, Gap, Incident, Ledger, NOT_COLLECTED, Problem, Relation, Skipped, Source,
};
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

/// A policy tried on an incident.
#[derive(Debug, Clone)]
pub struct PolicyTest {
    /// Its name.
    pub policy: String,
    /// The result in a sentence.
    pub said: String,
    /// The verdict on each object that it is for.
    pub trials: Vec<PolicyTrial>,
}

/// A policy's verdict on one object.
#[derive(Debug, Clone)]
pub struct PolicyTrial {
    /// `namespace/Kind/name`.
    pub object: String,
    /// When it was made, RFC 3339.
    pub at: Option<String>,
    /// It belongs to a cascade.
    pub of_cascade: bool,
    /// `admitted`, `refused` or `unknown`.
    pub verdict: &'static str,
    /// Why.
    pub why: String,
}

/// Returns id, demand and known mistake of each preset.
pub fn policy_presets() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    assess::policy::presets::ALL
        .iter()
        .map(|p| (p.id, p.about, p.mistaken_when))
}

/// Returns a preset as YAML.
pub fn policy_text(id: &str) -> Option<String> {
    assess::policy::presets::find(id).map(assess::policy_text)
}

/// Tries every policy of a YAML text on an incident.
///
/// # Errors
/// The text is no YAML or holds no policy.
pub fn test_policies(text: &str, incident: &Incident) -> Result<Vec<PolicyTest>, String> {
    use assess::policy::Verdict;
    let test = |policy: &assess::policy::Policy| PolicyTest {
        policy: policy.name.clone(),
        said: assess::policy::backtest(policy, incident).said,
        trials: assess::policy::trials(policy, incident)
            .into_iter()
            .map(|trial| {
                let (verdict, why) = match trial.verdict {
                    Verdict::Refuses(why) => ("refused", why),
                    Verdict::Reports(why) => ("reported", why),
                    Verdict::Unknown(why) => ("unknown", why),
                    Verdict::Admits | Verdict::NotMeant => ("admitted", String::new()),
                };
                PolicyTrial {
                    object: trial.object,
                    at: trial
                        .at
                        .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
                    of_cascade: trial.of_cascade,
                    verdict,
                    why,
                }
            })
            .collect(),
    };
    Ok(assess::policy::read(text)?.iter().map(test).collect())
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
    let (mut found, more) = scan::scan(&sources, &detections, grammars, budget.limits);
    problems.extend(more);
    let mut readings = found.readings;
    align::date_artefacts(&mut found.artefacts);
    problems.extend(left_out(&found.artefacts));
    problems.extend(not_collected(&found.relations));
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
    let recognised = aligned.facts.len();
    if options.since.is_some() || options.until.is_some() {
        aligned.keep(inside);
    }
    let outside = (recognised - aligned.facts.len()) as u64;
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
    let ledger = Ledger {
        outside,
        ..ledger(&sources, &readings, skipped, &aligned.facts)
    };
    let mut incident = Incident {
        sources,
        readings,
        facts: aligned.facts,
        conditions: aligned.conditions,
        cascades: correlated.cascades,
        unrelated: correlated.unrelated,
        everywhere: correlated.everywhere,
        constants: correlated.constants,
        disks: aligned.disks.clone(),
        artefacts: found.artefacts,
        problems,
        ledger,
        assessment: Default::default(),
    };
    incident.assessment = assess::groundwork(&incident);
    let (mut assessment, _) = assess::assess(&incident, &aligned.assumptions, grammars);
    // A contradiction that touches no cascade is something not known.
    assessment.gaps.extend(correlated.contradictions.into_iter().map(|c| Gap { what: c.what, matters_because: "both records cannot be prompt statements about one thing; which one is late or wrong is not known".to_owned() }));
    incident.assessment = assessment;
    Outcome {
        incident,
        disks: aligned.disks,
    }
}

/// What a bundle's own manifest says is missing from it.
fn not_collected(relations: &[Relation]) -> impl Iterator<Item = Problem> {
    relations
        .iter()
        .filter(|relation| relation.subject == "collection")
        .map(|r| Problem::of_source(r.source, format!("{NOT_COLLECTED}{}: {}", r.name, r.value)))
}

/// Says how many objects were not kept.
fn left_out(artefacts: &crate::model::Artefacts) -> Option<Problem> {
    (artefacts.objects_left_out > 0).then(|| Problem {
        source: None,
        first: None,
        what: format!(
            "{} cluster objects are beyond the number that is kept: checks and back-tests do not see them",
            artefacts.objects_left_out
        ),
        count: 1,
    })
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
        outside: 0,
    }
}
