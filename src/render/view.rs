//! The view: everything the pages show, decided, worded and rounded. Plain structs, one for each section.
//!
//! Takes a published report and the titles of signals and mechanisms; knows no template.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::model::moment::spoken;
use crate::wire::v1::{CascadeRow, Report, SignalRow};

/// Witnesses whose text is shown for one signal; the places of the others are listed.
const WITNESSES: usize = 4;
/// Characters of one record that the page shows; JSON has all of them.
const SHOWN: usize = 1_600;
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

/// A metric.
#[derive(Debug, Clone)]
pub struct MetricView {
    /// Name in words.
    pub name: &'static str,
    /// Value with its unit, or "unknown".
    pub value: String,
    /// `observed`, `derived` or `unknown`.
    pub status: String,
    /// Definition.
    pub definition: String,
    /// Citations.
    pub cites: Vec<Cite>,
}

/// A step of a hop.
#[derive(Debug, Clone)]
pub struct Step {
    /// Time of day.
    pub time: String,
    /// What happened.
    pub what: String,
    /// `fault`, `change`, `recovery` or `other`.
    pub tone: String,
    /// Evidence.
    pub cite: Cite,
}

/// A hop.
#[derive(Debug, Clone)]
pub struct HopView {
    /// From 1.
    pub number: usize,
    /// Node.
    pub node: String,
    /// From and to, in words.
    pub span: String,
    /// Steps.
    pub steps: Vec<Step>,
    /// How it ended.
    pub ended_by: String,
    /// What led to no pressure, in words; empty if nothing did.
    pub unnoticed: String,
    /// How the cascade came here from the hop before, in words; empty for the first.
    pub arrived: String,
}

/// A link.
#[derive(Debug, Clone)]
pub struct LinkView {
    /// Cause.
    pub cause: Cite,
    /// Effect.
    pub effect: Cite,
    /// Rule.
    pub rule: String,
    /// Lag in words.
    pub lag: String,
    /// How sure.
    pub confidence: String,
    /// A sentence.
    pub because: String,
}

/// A cascade.
#[derive(Debug, Clone)]
pub struct CascadeView {
    /// `c1`.
    pub id: String,
    /// Mechanism in words.
    pub title: String,
    /// Mechanism id.
    pub mechanism: String,
    /// How sure.
    pub confidence: String,
    /// Culprit.
    pub culprit: Vec<Pair>,
    /// Explanation.
    pub explanation: String,
    /// How it spread, in words.
    pub spread: &'static str,
    /// The change that began it.
    pub trigger: Option<Step>,
    /// Hops.
    pub hops: Vec<HopView>,
    /// What ended it.
    pub end: Vec<Step>,
    /// Links.
    pub links: Vec<LinkView>,
    /// Hit by the fault.
    pub direct: Vec<Pair>,
    /// Hit by what followed.
    pub collateral: Vec<Pair>,
    /// Ruled out: mechanism in words, why, citations.
    pub ruled_out: Vec<(String, Sentence)>,
    /// Contradictions: what, citations, explanations.
    pub contradictions: Vec<(Sentence, Vec<String>)>,
}

/// A row of the timeline.
#[derive(Debug, Clone)]
pub struct Row {
    /// Signal id.
    pub id: String,
    /// Time.
    pub time: String,
    /// How sure the time is, as a hint; empty if it stands in the record with a zone.
    pub time_note: String,
    /// `fault`, `change`, `recovery` or `other`.
    pub tone: String,
    /// Signal in words.
    pub title: String,
    /// What about, in words.
    pub about: String,
    /// Node.
    pub node: String,
    /// Who says it.
    pub witnesses: String,
    /// It belongs to a cascade.
    pub in_cascade: bool,
    /// Where the best record stands.
    pub place: String,
}

/// A fault left alone.
#[derive(Debug, Clone)]
pub struct LeftAlone {
    /// The row.
    pub row: Row,
    /// Why.
    pub why: String,
}

/// A verbatim record.
#[derive(Debug, Clone)]
pub struct Witness {
    /// `path:line`.
    pub place: String,
    /// Byte range.
    pub bytes: String,
    /// SHA-256 of the original bytes.
    pub sha256: String,
    /// The text, possibly shortened.
    pub text: String,
    /// What was left out; empty if nothing.
    pub left_out: String,
}

/// Evidence of one signal.
#[derive(Debug, Clone)]
pub struct EvidenceView {
    /// Signal id.
    pub id: String,
    /// Title and time.
    pub title: String,
    /// What was concluded and how.
    pub inferred: Vec<Pair>,
    /// Records.
    pub witnesses: Vec<Witness>,
    /// Places of further records.
    pub more: Vec<String>,
}

/// A source.
#[derive(Debug, Clone)]
pub struct SourceView {
    /// Path.
    pub path: String,
    /// Formats.
    pub formats: String,
    /// Whom it speaks for.
    pub speaks_for: String,
    /// Records.
    pub records: u64,
    /// Signals.
    pub signals: u64,
    /// Bytes in words.
    pub bytes: String,
    /// From and to.
    pub span: String,
    /// Clock in words; empty if nothing was found.
    pub clock: String,
    /// Problems.
    pub problems: Vec<String>,
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
            })
            .collect(),
        actions: report
            .actions
            .iter()
            .map(|a| (a.class.clone(), a.text.clone(), a.done_when.clone()))
            .collect(),
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

    fn row(&self, signal: &SignalRow, in_cascade: bool) -> Row {
        let time = signal
            .at
            .as_deref()
            .map(|at| self.clock.show(at))
            .or_else(|| signal.as_written.clone())
            .unwrap_or_else(|| "–".to_owned());
        let time_note = match signal.time_basis.as_str() {
            "stamp" => String::new(),
            "zone_inferred" => "zone not written".to_owned(),
            "year_inferred" => "year not written".to_owned(),
            "file_order" => "from its place in the file".to_owned(),
            "relative" => "from an age".to_owned(),
            _ => "time not known".to_owned(),
        };
        let count = if signal.count > 1 {
            format!(" × {}", signal.count)
        } else {
            String::new()
        };
        let retry = signal
            .retry_of
            .as_ref()
            .map(|first| format!(" (retry of {first})"))
            .unwrap_or_default();
        Row {
            id: signal.id.clone(),
            time,
            time_note,
            tone: self.tone(signal),
            title: format!("{}{count}{retry}", self.title_of(signal)),
            about: self.about(signal),
            node: signal.entities.get("node").cloned().unwrap_or_default(),
            witnesses: signal.witnesses.join(", "),
            in_cascade,
            place: signal
                .evidence
                .first()
                .map(|e| format!("{}:{}", e.path, e.line))
                .unwrap_or_default(),
        }
    }

    fn step(&self, id: &str) -> Option<Step> {
        let signal = self.by_id.get(id)?;
        let about = self.about(signal);
        let title = self.title_of(signal);
        Some(Step {
            time: signal
                .at
                .as_deref()
                .map(|at| self.clock.show(at))
                .or_else(|| signal.as_written.clone())
                .unwrap_or_default(),
            what: if about.is_empty() {
                title
            } else {
                format!("{title}: {about}")
            },
            tone: self.tone(signal),
            cite: self.cite(id),
        })
    }

    fn cascade(&self, cascade: &CascadeRow) -> CascadeView {
        let pairs = |map: &BTreeMap<String, String>| {
            map.iter()
                .map(|(name, value)| Pair {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect()
        };
        let blast = |row: &crate::wire::v1::BlastRow| -> Vec<Pair> {
            [
                ("nodes", &row.nodes),
                ("workloads", &row.workloads),
                ("pods", &row.pods),
            ]
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| Pair {
                name: format!(
                    "{} {}",
                    list.len(),
                    if list.len() == 1 {
                        name.trim_end_matches('s')
                    } else {
                        name
                    }
                ),
                value: list.join(", "),
            })
            .collect()
        };
        CascadeView {
            id: cascade.id.clone(),
            title: self.mechanism_title(&cascade.mechanism),
            mechanism: cascade.mechanism.clone(),
            confidence: cascade.confidence.clone(),
            culprit: pairs(&cascade.culprit),
            explanation: cascade.explanation.clone(),
            spread: match cascade.spread.as_str() {
                "domino" => "domino: each node fell because of what the one before it displaced",
                "common_cause" => "common cause: several nodes, each from the same change",
                _ => "one node",
            },
            trigger: cascade.trigger.as_deref().and_then(|id| self.step(id)),
            hops: cascade
                .hops
                .iter()
                .enumerate()
                .map(|(index, hop)| self.hop(cascade, index, hop))
                .collect(),
            end: cascade
                .recovery
                .ended_by
                .iter()
                .filter_map(|id| self.step(id))
                .collect(),
            links: cascade
                .links
                .iter()
                .map(|l| LinkView {
                    cause: self.cite(&l.cause),
                    effect: self.cite(&l.effect),
                    rule: l.rule.clone(),
                    lag: lag(l.lag_ms),
                    confidence: l.confidence.clone(),
                    because: capital(&l.because),
                })
                .collect(),
            direct: blast(&cascade.blast_radius.direct),
            collateral: blast(&cascade.blast_radius.collateral),
            ruled_out: cascade
                .ruled_out
                .iter()
                .map(|r| {
                    (
                        self.mechanism_title(&r.mechanism),
                        self.sentence(&capital(&r.why), &r.evidence),
                    )
                })
                .collect(),
            contradictions: cascade
                .contradictions
                .iter()
                .map(|c| {
                    (
                        self.sentence(&c.what, &c.signals),
                        c.possible_explanations.iter().map(|e| capital(e)).collect(),
                    )
                })
                .collect(),
        }
    }

    fn mechanism_title(&self, id: &str) -> String {
        self.titles
            .mechanisms
            .get(id)
            .cloned()
            .unwrap_or_else(|| capital(&id.replace('_', " ")))
    }

    fn hop(&self, cascade: &CascadeRow, index: usize, hop: &crate::wire::v1::HopRow) -> HopView {
        let span = match (&hop.from, &hop.to) {
            (Some(from), Some(to)) if to != from => {
                format!("{} – {}", self.clock.show(from), self.clock.show(to))
            }
            (Some(from), _) => self.clock.show(from),
            (None, _) => "year not known".to_owned(),
        };
        let unnoticed = match hop.without_pressure.len() {
            0 => String::new(),
            1 => "1 failed pull here led to no DiskPressure".to_owned(),
            n => format!("{n} failed pulls here led to no DiskPressure"),
        };
        let arrived = if index == 0 {
            String::new()
        } else {
            self.arrival(cascade, index, hop)
        };
        HopView {
            number: index + 1,
            node: hop
                .node
                .clone()
                .unwrap_or_else(|| "node not named".to_owned()),
            span,
            steps: hop.signals.iter().filter_map(|id| self.step(id)).collect(),
            ended_by: hop.ended_by.clone().unwrap_or_default(),
            unnoticed,
            arrived,
        }
    }

    /// Says how the cascade came to a hop: by a replacement, if the links tell so.
    fn arrival(&self, cascade: &CascadeRow, index: usize, hop: &crate::wire::v1::HopRow) -> String {
        let before = &cascade.hops[index - 1];
        let moment = |hop: &crate::wire::v1::HopRow| hop.from.as_deref().and_then(parse);
        let lag = moment(before)
            .zip(moment(hop))
            .map(|(a, b)| spoken(b - a))
            .unwrap_or_default();
        let pods: BTreeSet<&str> = hop
            .signals
            .iter()
            .filter_map(|id| self.by_id.get(id.as_str())?.entities.get("pod"))
            .map(String::as_str)
            .collect();
        let replaced = cascade.links.iter().find(|l| {
            l.rule.ends_with("-then-pod-created")
                && self.by_id.get(l.effect.as_str()).is_some_and(|s| {
                    s.entities
                        .get("pod")
                        .is_some_and(|p| pods.contains(p.as_str()))
                })
                && self
                    .by_id
                    .get(l.cause.as_str())
                    .is_some_and(|s| matches!(s.signal.as_str(), "evicted" | "taint_eviction"))
        });
        match replaced
            .and_then(|l| self.by_id.get(l.effect.as_str()))
            .and_then(|s| s.entities.get("pod"))
        {
            Some(pod) => format!("{lag} later: the replacement {pod} pulls the same image here"),
            None => format!("{lag} later, from the same change"),
        }
    }

    fn metrics(&self) -> Vec<MetricView> {
        const NAMES: &[(&str, &str)] = &[
            ("triggered_at", "Triggered"),
            ("impact_started_at", "First fault"),
            ("detected_at", "Detected"),
            ("acknowledged_at", "Acknowledged"),
            ("mitigated_at", "Mitigation began"),
            ("resolved_at", "Resolved"),
            ("ttd_s", "Time to detect"),
            ("ttm_s", "Time to mitigate"),
            ("ttr_s", "Time to resolve"),
            ("node_minutes_disk_pressure", "Node-minutes of DiskPressure"),
            ("node_minutes_not_ready", "Node-minutes not Ready"),
            ("hop_period_s", "Time between hops (median)"),
        ];
        NAMES
            .iter()
            .filter_map(|(id, name)| {
                let metric = self.report.metrics.get(*id)?;
                let value = match &metric.value {
                    serde_json::Value::String(at) => format!("{} UTC", self.clock.show(at)),
                    serde_json::Value::Number(n) if id.ends_with("_s") => {
                        spoken(chrono::TimeDelta::milliseconds(
                            (n.as_f64().unwrap_or_default() * 1000.0) as i64,
                        ))
                    }
                    serde_json::Value::Number(n) => {
                        format!("{:.1} min", n.as_f64().unwrap_or_default())
                    }
                    _ => "unknown".to_owned(),
                };
                Some(MetricView {
                    name,
                    value,
                    status: metric.status.clone(),
                    definition: capital(&metric.definition),
                    cites: metric
                        .evidence
                        .iter()
                        .take(3)
                        .map(|e| self.cite(e))
                        .collect(),
                })
            })
            .collect()
    }

    fn conditions(&self) -> Vec<Pair> {
        self.report
            .conditions
            .iter()
            .map(|c| {
                let from = c
                    .from
                    .as_deref()
                    .map_or_else(|| "?".to_owned(), |at| self.clock.show(at));
                let to = match (&c.to, c.to_open) {
                    (Some(to), false) => self.clock.show(to),
                    (Some(to), true) => format!(
                        "{} (then overwritten with Unknown; its true end is not known)",
                        self.clock.show(to)
                    ),
                    (None, _) => "end not in the record".to_owned(),
                };
                let also = if c.also.is_empty() {
                    String::new()
                } else {
                    format!("; {} became Unknown in the same write", c.also.join(", "))
                };
                Pair {
                    name: c.node.clone(),
                    value: format!("{}={} from {from} to {to}{also}", c.condition, c.status),
                }
            })
            .collect()
    }

    fn sources(&self) -> Vec<SourceView> {
        self.report
            .sources
            .iter()
            .map(|s| {
                let speaks = |name: &str| s.speaks_for.get(name).cloned().unwrap_or_default();
                let speaks_for = [speaks("component"), speaks("node")]
                    .into_iter()
                    .filter(|t| !t.is_empty())
                    .collect::<Vec<_>>()
                    .join(" on ");
                let span = match (&s.from, &s.to) {
                    (Some(from), Some(to)) => {
                        format!("{} – {}", self.clock.show(from), self.clock.show(to))
                    }
                    _ => String::new(),
                };
                let clock = match s.clock.status.as_str() {
                    "corrected" => format!(
                        "corrected by {:.1} s ({} anchors)",
                        -(s.clock.offset_ms as f64) / 1000.0,
                        s.clock.anchors
                    ),
                    "refused" => format!(
                        "differs, but not consistently ({} anchors): left alone",
                        s.clock.anchors
                    ),
                    _ => String::new(),
                };
                SourceView {
                    path: s.path.clone(),
                    formats: if s.format.is_empty() {
                        "none known".to_owned()
                    } else {
                        s.format
                            .iter()
                            .take(3)
                            .cloned()
                            .collect::<Vec<_>>()
                            .join("; ")
                    },
                    speaks_for,
                    records: s.records,
                    signals: s.signals,
                    bytes: size(s.bytes),
                    span,
                    clock,
                    problems: s.problems.clone(),
                }
            })
            .collect()
    }

    fn totals(&self) -> String {
        let l = &self.report.ledger;
        let left = l.bytes - l.bytes_read.min(l.bytes);
        let undated = if l.undated == 0 {
            String::new()
        } else {
            format!(" {} signals have no time.", l.undated)
        };
        format!(
            "{} files, {}: {} read in {} records, {} not read ({} files are listed below with the reason).{undated}",
            l.files,
            size(l.bytes),
            size(l.bytes_read),
            l.records,
            size(left),
            l.skipped.len()
        )
    }

    fn evidence(&self) -> Vec<EvidenceView> {
        self.report
            .signals
            .iter()
            .filter(|s| self.shown.contains(s.id.as_str()))
            .map(|s| EvidenceView {
                id: s.id.clone(),
                title: format!(
                    "{} {}",
                    s.at.as_deref()
                        .map(|at| self.clock.show(at))
                        .unwrap_or_default(),
                    self.title_of(s)
                )
                .trim()
                .to_owned(),
                inferred: s
                    .inferred
                    .iter()
                    .map(|(kind, how)| Pair {
                        name: format!("{kind} {}", s.entities.get(kind).map_or("", String::as_str)),
                        value: how.clone(),
                    })
                    .collect(),
                witnesses: s
                    .evidence
                    .iter()
                    .take(WITNESSES)
                    .map(|e| {
                        let (text, left_out) = shorten(&e.text);
                        Witness {
                            place: format!("{}:{}", e.path, e.line),
                            bytes: format!("bytes {}–{}", e.byte[0], e.byte[1]),
                            sha256: e.sha256.chars().take(16).collect(),
                            text,
                            left_out,
                        }
                    })
                    .collect(),
                more: s
                    .evidence
                    .iter()
                    .skip(WITNESSES)
                    .map(|e| format!("{}:{}", e.path, e.line))
                    .collect(),
            })
            .collect()
    }
}

/// Shows control characters as visible escapes and cuts long records, saying so.
fn shorten(text: &str) -> (String, String) {
    let shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if is_hidden(c) { '\u{fffd}' } else { c })
        .collect();
    let left = text.chars().count().saturating_sub(SHOWN);
    (
        shown,
        if left == 0 {
            String::new()
        } else {
            format!("{left} more characters; JSON has all of them")
        },
    )
}

/// Control and bidirectional characters would change what a reader sees.
fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn lag(ms: i64) -> String {
    let said = spoken(chrono::TimeDelta::milliseconds(ms));
    if ms < 0 {
        format!("seen {said} before it")
    } else {
        format!("{said} later")
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

/// Returns a size with three digits.
pub fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 || unit == "GiB" {
            return if unit == "B" {
                format!("{bytes} B")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1024.0;
    }
    format!("{bytes} B")
}
