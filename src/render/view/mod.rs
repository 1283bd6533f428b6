//! The view: everything the pages show, decided, worded and rounded. Plain structs, one file for each section.
//!
//! Takes a published report and the titles of signals and mechanisms; knows no template. Start with [`View`].

pub mod cascades;
pub mod evidence;
pub mod metrics;
pub mod remedies;
pub mod sources;
pub mod timeline;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::model::moment::spoken;
use crate::wire::v1::{Report, SignalRow};
use cascades::CascadeView;
use evidence::EvidenceView;
use metrics::MetricView;
use remedies::RemediesView;
use sources::SourceView;
pub use sources::size;
use timeline::{LeftAlone, Row};

/// Citations behind one sentence.
const CITED: usize = 6;

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
}

/// A link to evidence.
#[derive(Debug, Clone)]
pub struct Cite {
    /// Signal id.
    pub id: String,
    /// Short text of the link.
    pub label: String,
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
    /// Cascades, empty if none was found.
    pub cascades: Vec<CascadeView>,
    /// Summary.
    pub summary: Vec<Sentence>,
    /// Metrics.
    pub metrics: Vec<MetricView>,
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
    /// Actions: class, what, done when.
    pub actions: Vec<(String, String, String)>,
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
}

/// Makes the view of a report.
pub fn view(report: &Report, titles: &Titles) -> View {
    let by_id: BTreeMap<&str, &SignalRow> =
        report.signals.iter().map(|s| (s.id.as_str(), s)).collect();
    let mut shown: BTreeSet<&str> = BTreeSet::new();
    for cascade in &report.cascades {
        shown.extend(
            cascade
                .signals
                .iter()
                .chain(&cascade.recovery.ended_by)
                .chain(cascade.contradictions.iter().flat_map(|c| &c.signals))
                .map(String::as_str),
        );
    }
    shown.extend(report.unrelated.iter().map(|u| u.signal.as_str()));
    shown.extend(
        report
            .conditions
            .iter()
            .flat_map(|c| c.evidence.iter().map(String::as_str)),
    );
    shown.extend(
        report
            .metrics
            .values()
            .flat_map(|m| m.evidence.iter().map(String::as_str)),
    );
    shown.extend(
        report
            .factors
            .iter()
            .flat_map(|f| f.evidence.iter().map(String::as_str)),
    );
    shown.extend(
        report
            .disk_budgets
            .iter()
            .flat_map(|b| b.evidence.iter().map(String::as_str)),
    );
    shown.extend(
        report
            .rollback
            .iter()
            .flat_map(|r| r.evidence.iter().map(String::as_str)),
    );
    let few = report.signals.len() <= 60;
    if few {
        shown.extend(by_id.keys());
    }
    let maker = Maker {
        report,
        titles,
        clock: Clock::of(report),
        by_id,
        shown,
    };
    let members: BTreeSet<&str> = report
        .cascades
        .iter()
        .flat_map(|c| c.signals.iter().chain(&c.recovery.ended_by))
        .map(String::as_str)
        .collect();
    let rows: Vec<Row> = report
        .signals
        .iter()
        .map(|s| maker.row(s, members.contains(s.id.as_str())))
        .collect();
    let (timeline, others): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|r| r.in_cascade || few);
    View {
        title: report.incident.title.clone(),
        window: maker.window(),
        version: report.generator.version.clone(),
        grammars: report
            .generator
            .grammars
            .chars()
            .take("sha256:".len() + 12)
            .collect(),
        cascades: report.cascades.iter().map(|c| maker.cascade(c)).collect(),
        summary: report
            .incident
            .summary_cited
            .iter()
            .map(|s| maker.sentence(&s.text, &s.signals))
            .collect(),
        metrics: maker.metrics(),
        timeline,
        others,
        conditions: maker.conditions(),
        left_alone: report
            .unrelated
            .iter()
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
        actions: report
            .actions
            .iter()
            .map(|a| (a.class.clone(), a.text.clone(), a.done_when.clone()))
            .collect(),
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
        evidence: maker.evidence(),
    }
}

impl Maker<'_> {
    fn window(&self) -> String {
        let Some(window) = &self.report.incident.window else {
            return "no dated record".to_owned();
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
