//! The view: everything the pages show, decided, worded and rounded. Plain structs, one file for each section.
//!
//! Takes a published report and the titles of signals and mechanisms; knows no template. Start with [`View`].

pub mod actions;
pub mod cascades;
pub mod evidence;
pub mod frame;
pub mod glossary;
pub mod impact;
pub mod metrics;
pub mod remedies;
pub mod response;
pub mod similar;
pub mod sources;
pub mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::model::moment::spoken;
use crate::wire::roles::RoleRow;
use crate::wire::v1::{Report, SignalRow};
use actions::ActionView;
use cascades::CascadeView;
use evidence::EvidenceView;
use frame::{CorrectionView, HeadView, SectionView};
use impact::ImpactView;
use metrics::MetricView;
use remedies::RemediesView;
use response::{DetectionView, LessonsView, ResolutionView};
use similar::SimilarView;
use sources::SourceView;
pub use sources::size;
use timeline::{LeftAlone, Row};

/// Citations behind one sentence.
const CITED: usize = 6;
/// Signals whose records are on the page; places, JSON and `rootline signals` have the others.
const SHOWN_SIGNALS: usize = 600;
/// Rows of the timeline that are written as a table; the interactive one has all.
const TIMELINE_ROWS: usize = 1_000;
/// Rows of signals beside the cascades.
const OTHER_ROWS: usize = 300;
/// Faults left alone that are listed.
const LEFT_ALONE_ROWS: usize = 300;

/// Cascades that are told; those beyond are counted, and are in the JSON report.
const CASCADES: usize = 40;

/// Titles by id: what a grammar file calls its signal or mechanism.
#[derive(Debug, Clone, Default)]
pub struct Titles {
    /// Signal kinds.
    pub signals: BTreeMap<String, String>,
    /// Mechanisms.
    pub mechanisms: BTreeMap<String, String>,
    /// Signal kinds that are faults.
    pub faults: BTreeSet<String>,
    /// Stage by signal kind.
    pub stages: BTreeMap<String, String>,
    /// What a signal kind means, in one sentence.
    pub abouts: BTreeMap<String, String>,
    /// Causal rules.
    pub rules: BTreeMap<String, RuleTitle>,
}

/// What a page says about a causal rule.
#[derive(Debug, Clone, Default)]
pub struct RuleTitle {
    /// Title.
    pub title: String,
    /// What looks like it and isn't.
    pub mistaken_when: Vec<String>,
    /// Where its bounds come from.
    pub source: String,
}

/// A link to evidence.
#[derive(Debug, Clone)]
pub struct Cite {
    /// Signal id.
    pub id: String,
    /// Short text of the link.
    pub label: String,
    /// Anchor on the page: of the records, or of the note that says where they are.
    pub href: String,
    /// What people say instead; empty if they say nothing.
    pub corrected: String,
}

/// A sentence with its citations.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// The sentence.
    pub text: String,
    /// Citations shown.
    pub cites: Vec<Cite>,
    /// Number of citations not shown.
    pub more: usize,
}

/// A name and a value.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A factor.
#[derive(Debug, Clone)]
pub struct FactorView {
    /// Id.
    pub id: String,
    /// Strength.
    pub strength: String,
    /// Sentence.
    pub because: Sentence,
    /// What to do.
    pub action: String,
    /// What would have been otherwise, and where records that are no signals stand.
    pub beside: String,
    /// When it is mistaken, and rules of other tools.
    pub doubt: String,
}

/// The whole page.
#[derive(Debug, Clone)]
pub struct View {
    /// Title.
    pub title: String,
    /// Window in words.
    pub window: String,
    /// Version of Rootline.
    pub version: String,
    /// Hash of the grammars.
    pub grammars: String,
    /// Cascades, the gravest first; empty if none was found.
    pub cascades: Vec<CascadeView>,
    /// How many there are, told or not.
    pub cascades_found: usize,
    /// What is said of those that are not told; empty if all are.
    pub cascades_more: String,
    /// Summary.
    pub summary: Vec<Sentence>,
    /// Metrics.
    pub metrics: Vec<MetricView>,
    /// What their baseline is.
    pub baseline: &'static str,
    /// Timeline: what belongs to a cascade, or everything if there is none and it is short.
    pub timeline: Vec<Row>,
    /// Everything else that was recognised.
    pub others: Vec<Row>,
    /// Conditions in words.
    pub conditions: Vec<Pair>,
    /// Faults left alone.
    pub left_alone: Vec<LeftAlone>,
    /// Factors.
    pub factors: Vec<FactorView>,
    /// Actions.
    pub actions: Vec<ActionView>,
    /// Head of the page.
    pub head: HeadView,
    /// Sections in order.
    pub sections: Vec<SectionView>,
    /// Impact.
    pub impact: ImpactView,
    /// Detection.
    pub detection: DetectionView,
    /// Resolution.
    pub resolution: ResolutionView,
    /// Lessons.
    pub lessons: LessonsView,
    /// Past incidents; `None` where none were given to look in.
    pub similar: Option<Vec<SimilarView>>,
    /// Corrections by people.
    pub corrections: Vec<CorrectionView>,
    /// Words.
    pub glossary: Vec<Pair>,
    /// People and automation, by role.
    pub roles: Vec<RoleRow>,
    /// Files that people wrote in, and what in them could not be used.
    pub human_files: Vec<String>,
    /// What in them could not be used.
    pub human_problems: Vec<String>,
    /// Rows of the timeline that are not written.
    pub timeline_more: usize,
    /// Rows of other signals that are not written.
    pub others_more: usize,
    /// Faults left alone that are not listed.
    pub left_alone_more: usize,
    /// Signals whose records are not on the page.
    pub evidence_more: usize,
    /// Images, disks, roll-backs, guard-rails.
    pub remedies: RemediesView,
    /// Gaps.
    pub gaps: Vec<Pair>,
    /// Sources.
    pub sources: Vec<SourceView>,
    /// Totals in words.
    pub totals: String,
    /// Files that were not read.
    pub skipped: Vec<Pair>,
    /// Constants: name, value and where it is from.
    pub constants: Vec<(String, String, String)>,
    /// Problems of the whole run.
    pub problems: Vec<String>,
    /// Evidence.
    pub evidence: Vec<EvidenceView>,
}

impl View {
    /// Returns a section; templates ask by its anchor.
    pub fn section(&self, id: &str) -> &SectionView {
        // The order lists every section, so the first is only reached by a misspelt anchor, which a test finds.
        self.sections
            .iter()
            .find(|s| s.id == id)
            .unwrap_or(&self.sections[0])
    }
}

/// Shows times of one incident: with the date where it spans more than one day.
pub struct Clock {
    with_date: bool,
}

impl Clock {
    /// Makes the clock of a report.
    pub fn of(report: &Report) -> Clock {
        let days: BTreeSet<&str> = report
            .incident
            .window
            .iter()
            .flat_map(|w| [&w.from[..10], &w.to[..10]])
            .collect();
        Clock {
            with_date: days.len() > 1,
        }
    }

    /// Returns a time as shown.
    pub fn show(&self, at: &str) -> String {
        let Some(moment) = parse(at) else {
            return at.to_owned();
        };
        moment
            .format(if self.with_date {
                "%m-%d %H:%M:%S"
            } else {
                "%H:%M:%S"
            })
            .to_string()
    }
}

/// Reads a published time.
pub fn parse(at: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(at).ok().map(|at| at.to_utc())
}

/// What the makers of sections share.
struct Maker<'a> {
    report: &'a Report,
    titles: &'a Titles,
    clock: Clock,
    by_id: BTreeMap<&'a str, &'a SignalRow>,
    /// Signals whose evidence is on the page.
    shown: BTreeSet<&'a str>,
    /// What people say about signals, by id.
    corrected: BTreeMap<String, String>,
}

/// Chooses the signals whose records are on the page: those that sentences rest on first.
fn chosen(report: &Report, few: bool) -> BTreeSet<&str> {
    let cited = report
        .incident
        .summary_cited
        .iter()
        .flat_map(|s| &s.signals);
    let cascades = report.cascades.iter().flat_map(|c| {
        c.trigger
            .iter()
            .chain(std::iter::once(&c.origin))
            .chain(c.contradictions.iter().flat_map(|x| &x.signals))
            .chain(
                c.ruled_out
                    .iter()
                    .flat_map(|r| r.evidence.iter().take(CITED)),
            )
            .chain(&c.recovery.ended_by)
            .chain(
                c.hops
                    .iter()
                    .flat_map(|h| h.signals.iter().take(cascades::STEPS)),
            )
            .chain(&c.signals)
    });
    let rest = report
        .metrics
        .values()
        .flat_map(|m| &m.evidence)
        .chain(report.factors.iter().flat_map(|f| &f.evidence))
        .chain(report.disk_budgets.iter().flat_map(|b| &b.evidence))
        .chain(report.rollback.iter().flat_map(|r| &r.evidence))
        .chain(report.conditions.iter().flat_map(|c| &c.evidence))
        .chain(report.unrelated.iter().map(|u| &u.signal));
    let all = report.signals.iter().map(|s| &s.id).filter(|_| few);
    let mut shown = BTreeSet::new();
    for id in cited.chain(cascades).chain(rest).chain(all) {
        if shown.len() == SHOWN_SIGNALS {
            break;
        }
        shown.insert(id.as_str());
    }
    shown
}

/// Makes the view of a report.
pub fn view(report: &Report, titles: &Titles) -> View {
    let by_id: BTreeMap<&str, &SignalRow> =
        report.signals.iter().map(|s| (s.id.as_str(), s)).collect();
    let few = report.signals.len() <= 60;
    let mut maker = Maker {
        report,
        titles,
        clock: Clock::of(report),
        by_id,
        shown: chosen(report, few),
        corrected: BTreeMap::new(),
    };
    let corrected: Vec<(String, String)> = report
        .human
        .corrections
        .iter()
        .filter_map(|c| {
            Some((
                maker.corrected_signal(&c.signal, &c.record)?,
                c.says.clone(),
            ))
        })
        .collect();
    maker.corrected = corrected.into_iter().collect();
    let members: BTreeSet<&str> = report
        .cascades
        .iter()
        .flat_map(|c| c.signals.iter().chain(&c.recovery.ended_by))
        .map(String::as_str)
        .collect();
    let (inside, outside): (Vec<&SignalRow>, Vec<&SignalRow>) = report
        .signals
        .iter()
        .partition(|s| few || members.contains(s.id.as_str()));
    let rows = |signals: &[&SignalRow], most: usize| -> Vec<Row> {
        signals
            .iter()
            .take(most)
            .map(|s| maker.row(s, members.contains(s.id.as_str())))
            .collect()
    };
    let sections = maker.sections();
    let awaiting = sections.iter().filter(|s| !s.prompts.is_empty()).count();
    let human_title = &report.human.postmortem.title;
    View {
        title: if human_title.is_empty() {
            report.incident.title.clone()
        } else {
            human_title.clone()
        },
        head: maker.head(awaiting),
        sections,
        impact: maker.impact(),
        detection: maker.detection(),
        resolution: maker.resolution(),
        lessons: maker.lessons(),
        similar: maker.similar(),
        corrections: maker.corrections(),
        glossary: maker.glossary(),
        roles: report.roles.clone(),
        human_files: report.human.files.clone(),
        human_problems: report.human.problems.clone(),
        window: maker.window(),
        version: report.generator.version.clone(),
        grammars: report
            .generator
            .grammars
            .chars()
            .take("sha256:".len() + 12)
            .collect(),
        cascades: report
            .cascades
            .iter()
            .take(CASCADES)
            .map(|c| maker.cascade(c))
            .collect(),
        cascades_found: report.cascades.len(),
        cascades_more: match report.cascades.len().saturating_sub(CASCADES) {
            0 => String::new(),
            1 => "One more cascade is in the JSON report.".to_owned(),
            n => format!("{n} more cascades are in the JSON report."),
        },
        summary: report
            .incident
            .summary_cited
            .iter()
            .map(|s| maker.sentence(&s.text, &s.signals))
            .collect(),
        baseline: metrics::about_baseline(&maker.metrics(), report.similar.is_some()),
        metrics: maker.metrics(),
        timeline: rows(&inside, TIMELINE_ROWS),
        timeline_more: inside.len().saturating_sub(TIMELINE_ROWS),
        others: rows(&outside, OTHER_ROWS),
        others_more: outside.len().saturating_sub(OTHER_ROWS),
        conditions: maker.conditions(),
        left_alone_more: report.unrelated.len().saturating_sub(LEFT_ALONE_ROWS),
        left_alone: report
            .unrelated
            .iter()
            .take(LEFT_ALONE_ROWS)
            .filter_map(|u| {
                maker.by_id.get(u.signal.as_str()).map(|s| LeftAlone {
                    row: maker.row(s, false),
                    why: u.why.clone(),
                })
            })
            .collect(),
        factors: report
            .factors
            .iter()
            .map(|f| FactorView {
                id: f.id.clone(),
                strength: f.strength.clone(),
                because: maker.sentence(&capital(&f.because), &f.evidence),
                action: f.action.clone(),
                beside: match f.citations.is_empty() {
                    true => f.counterfactual.clone(),
                    false => format!("{} ({})", f.counterfactual, remedies::places(&f.citations)),
                },
                doubt: f.mistaken_when.clone()
                    + &match f.references.as_str() {
                        "" => String::new(),
                        references => format!(" See also: {references}"),
                    },
            })
            .collect(),
        actions: maker.actions(),
        remedies: maker.remedies(),
        gaps: report
            .gaps
            .iter()
            .map(|g| Pair {
                name: g.what.clone(),
                value: capital(&g.matters_because),
            })
            .collect(),
        sources: maker.sources(),
        totals: maker.totals(),
        skipped: report
            .ledger
            .skipped
            .iter()
            .map(|s| Pair {
                name: s.path.clone(),
                value: format!("{} ({})", s.why, size(s.bytes)),
            })
            .collect(),
        constants: report
            .constants
            .iter()
            .map(|c| (c.name.replace('_', " "), c.value.clone(), c.from.clone()))
            .collect(),
        problems: report.problems.clone(),
        evidence_more: report.signals.len() - maker.shown.len(),
        evidence: maker.evidence(),
    }
}

impl Maker<'_> {
    fn window(&self) -> String {
        let Some(window) = &self.report.incident.window else {
            let ledger = &self.report.ledger;
            let yearless = |gap: &crate::wire::v1::GapRow| gap.what.contains("`--year`");
            return if self.report.signals.is_empty() && ledger.outside > 0 {
                "nothing in the time that was asked for".to_owned()
            } else if self.report.gaps.iter().any(yearless) {
                "no record tells the year: --year sets it".to_owned()
            } else {
                "no dated record".to_owned()
            };
        };
        let (Some(from), Some(to)) = (parse(&window.from), parse(&window.to)) else {
            return String::new();
        };
        let end = if from.date_naive() == to.date_naive() {
            to.format("%H:%M:%S").to_string()
        } else {
            to.format("%Y-%m-%d %H:%M:%S").to_string()
        };
        format!(
            "{} – {end} UTC ({})",
            from.format("%Y-%m-%d %H:%M:%S"),
            spoken(to - from)
        )
    }

    fn cite(&self, id: &str) -> Cite {
        Cite {
            id: id.to_owned(),
            label: id.to_owned(),
            href: if self.shown.contains(id) {
                id.to_owned()
            } else {
                "evidence-elsewhere".to_owned()
            },
            corrected: self.corrected.get(id).cloned().unwrap_or_default(),
        }
    }

    fn sentence(&self, text: &str, ids: &[String]) -> Sentence {
        Sentence {
            text: text.to_owned(),
            cites: ids.iter().take(CITED).map(|id| self.cite(id)).collect(),
            more: ids.len().saturating_sub(CITED),
        }
    }

    fn title_of(&self, signal: &SignalRow) -> String {
        let title = self
            .titles
            .signals
            .get(&signal.signal)
            .cloned()
            .unwrap_or_else(|| capital(&signal.signal.replace('_', " ")));
        match &signal.cause {
            Some(cause) if cause != "other" => format!("{title} ({})", cause.replace('_', " ")),
            _ => title,
        }
    }

    fn tone(&self, signal: &SignalRow) -> String {
        let stage = self
            .titles
            .stages
            .get(&signal.signal)
            .map_or("other", String::as_str);
        if self.titles.faults.contains(&signal.signal) {
            "fault"
        } else if matches!(stage, "change" | "recovery" | "detection") {
            stage
        } else {
            "other"
        }
        .to_owned()
    }

    /// Says what a signal is about: the most telling entities, the pod without its workload.
    fn about(&self, signal: &SignalRow) -> String {
        let entity = |kind: &str| signal.entities.get(kind).map(String::as_str);
        let pod = entity("pod").map(|pod| {
            entity("namespace").map_or_else(|| pod.to_owned(), |ns| format!("{ns}/{pod}"))
        });
        let mut parts: Vec<String> = Vec::new();
        parts.extend(pod.or_else(|| entity("workload").map(str::to_owned)));
        parts.extend(
            entity("image")
                .filter(|_| {
                    !matches!(
                        signal.signal.as_str(),
                        "pod_created"
                            | "pod_deleted"
                            | "scheduled"
                            | "evicted"
                            | "taint_eviction"
                            | "container_killed"
                            | "node_not_ready"
                    )
                })
                .map(str::to_owned),
        );
        parts.extend(entity("taint").map(str::to_owned));
        parts.extend(entity("resource").map(str::to_owned));
        parts.extend(entity("path").map(str::to_owned));
        if parts.is_empty() {
            parts.extend(entity("digest").map(str::to_owned));
        }
        parts.join(" · ")
    }
}

fn capital(text: &str) -> String {
    // A sentence that begins with a name keeps the name as it is.
    let first = text.split(' ').next().unwrap_or_default();
    if !first
        .trim_end_matches([',', ':'])
        .chars()
        .all(char::is_alphabetic)
    {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars
        .next()
        .map(|c| c.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
