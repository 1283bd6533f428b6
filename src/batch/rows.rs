//! From a published report to the rows of a fleet's tables: a pure function, known to no engine.
//!
//! Takes one [`Report`]; gives rows in the columns of [`super::columns`]. The same function serves `rootline batch`, `rootline worker` and whoever
//! runs either inside an engine. Names of things stay as the report has them; a cascade's signature holds none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::columns::{
    self, CASCADE, CONFIDENCE, CONTAINER, DIGEST, IMAGE, Kind, MECHANISM, NAMESPACE, NODE, POD,
    SIGNATURE, SPANS, TABLES, Table, WORKLOAD,
};
use crate::wire::v1::{CascadeRow, Report, SignalRow};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Not known.
    Null,
    /// Text.
    Text(String),
    /// Whole number.
    Int(i64),
    /// Number.
    Float(f64),
    /// True or false.
    Flag(bool),
    /// Microseconds since 1970.
    Time(i64),
}

impl Cell {
    /// Tells whether the value may stand in a column of this type.
    pub fn fits(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Cell::Null, _)
                | (Cell::Text(_), Kind::Text)
                | (Cell::Int(_), Kind::Int)
                | (Cell::Float(_), Kind::Float)
                | (Cell::Flag(_), Kind::Flag)
                | (Cell::Time(_), Kind::Time)
        )
    }

    /// Returns the value as JSON; a time as RFC 3339.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Cell::Null => serde_json::Value::Null,
            Cell::Text(text) => text.as_str().into(),
            Cell::Int(number) => (*number).into(),
            Cell::Float(number) => (*number).into(),
            Cell::Flag(flag) => (*flag).into(),
            Cell::Time(micros) => DateTime::<Utc>::from_timestamp_micros(*micros)
                .map_or(serde_json::Value::Null, |at| {
                    crate::wire::v1::stamp(at).into()
                }),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Cell {
        Cell::Text(text.clone())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Cell {
        Cell::Int(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Cell {
        Cell::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Cell {
        Cell::from(number as u64)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Cell {
        Cell::Float(number)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Cell {
        Cell::Flag(flag)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Cell {
        value.map_or(Cell::Null, Into::into)
    }
}

/// Rows by table.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    tables: BTreeMap<&'static str, Vec<Vec<Cell>>>,
}

impl Rows {
    /// Returns the rows of a table, in the order in which they were made.
    pub fn of(&self, table: &str) -> &[Vec<Cell>] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// Returns how many rows there are in all tables.
    pub fn len(&self) -> usize {
        self.tables.values().map(Vec::len).sum()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the rows of another incident.
    pub fn append(&mut self, other: Rows) {
        for (table, mut rows) in other.tables {
            self.tables.entry(table).or_default().append(&mut rows);
        }
    }

    /// Adds a row. Columns that are not named are null.
    fn add(&mut self, name: &'static str, incident: &str, cells: Vec<(&str, Cell)>) {
        let Some(table) = columns::table(name) else {
            return;
        };
        let mut row = vec![Cell::Null; table.columns.len()];
        row[0] = incident.into();
        for (column, cell) in cells {
            debug_assert!(
                table
                    .place(column)
                    .is_some_and(|p| cell.fits(table.columns[p].kind)),
                "{name}.{column} is no such column"
            );
            if let Some(place) = table.place(column) {
                row[place] = cell;
            }
        }
        self.tables.entry(table.name).or_default().push(row);
    }

    /// Returns each row as one JSON object a line, with its table's name in `table`, tables in their order.
    pub fn ndjson(&self) -> String {
        let mut out = String::new();
        for table in TABLES {
            for row in self.of(table.name) {
                let mut object = serde_json::Map::new();
                object.insert("table".to_owned(), table.name.into());
                for (column, cell) in table.columns.iter().zip(row) {
                    object.insert(column.name.to_owned(), cell.json());
                }
                out.push_str(&serde_json::Value::Object(object).to_string());
                out.push('\n');
            }
        }
        out
    }
}

/// Returns the single row of an incident of which there is no report, and why.
pub fn rows_of_failed(incident: &str, reason: &str) -> Rows {
    let mut rows = Rows::default();
    rows.add(
        "incidents",
        incident,
        vec![("status", "failed".into()), ("reason", reason.into())],
    );
    rows.add(
        "problems",
        incident,
        vec![("kind", "run".into()), ("what", reason.into())],
    );
    rows
}

/// Returns every row of a report.
pub fn rows_of(incident: &str, report: &Report) -> Rows {
    let mut rows = Rows::default();
    let signals: BTreeMap<&str, &SignalRow> =
        report.signals.iter().map(|s| (s.id.as_str(), s)).collect();
    rows.add("incidents", incident, incident_row(report));
    for cascade in &report.cascades {
        add_cascade(&mut rows, incident, cascade, report, &signals);
    }
    add_signals(&mut rows, incident, &report.signals);
    for c in &report.conditions {
        let minutes = seconds_between(c.from.as_deref(), c.to.as_deref())
            .filter(|_| !c.from_open && !c.to_open)
            .map(|s| s / 60.0);
        rows.add(
            "conditions",
            incident,
            vec![
                (NODE, (&c.node).into()),
                ("condition", (&c.condition).into()),
                ("status", (&c.status).into()),
                ("from", time(c.from.as_deref())),
                ("to", time(c.to.as_deref())),
                ("from_open", c.from_open.into()),
                ("to_open", c.to_open.into()),
                ("minutes", minutes.into()),
            ],
        );
    }
    for f in &report.factors {
        rows.add(
            "factors",
            incident,
            vec![
                ("factor", (&f.id).into()),
                ("subject", (&f.subject).into()),
                ("strength", (&f.strength).into()),
                ("because", (&f.because).into()),
                ("evidence", f.evidence.len().into()),
            ],
        );
    }
    for a in &report.actions {
        rows.add(
            "actions",
            incident,
            vec![
                ("action", (&a.id).into()),
                ("class", (&a.class).into()),
                ("text", (&a.text).into()),
                ("done_when", (&a.done_when).into()),
                ("artifact", a.artifact.as_ref().into()),
                ("backtest", a.backtest.as_ref().into()),
            ],
        );
    }
    add_sources(&mut rows, incident, report);
    rows
}

/// Returns the rows of signals alone.
pub fn rows_of_signals(incident: &str, signals: &[SignalRow]) -> Rows {
    let mut rows = Rows::default();
    add_signals(&mut rows, incident, signals);
    rows
}

fn add_signals(rows: &mut Rows, incident: &str, signals: &[SignalRow]) {
    for s in signals {
        let first = s.evidence.first();
        let entity = |name: &str| Cell::from(s.entities.get(name));
        rows.add(
            "signals",
            incident,
            vec![
                ("signal.id", (&s.id).into()),
                ("signal", (&s.signal).into()),
                ("cause", s.cause.as_ref().into()),
                ("at", time(s.at.as_deref())),
                ("precision", (&s.precision).into()),
                ("time_basis", (&s.time_basis).into()),
                (NODE, entity("node")),
                (NAMESPACE, entity("namespace")),
                (POD, entity("pod")),
                (CONTAINER, entity("container")),
                (IMAGE, entity("image")),
                (DIGEST, entity("digest")),
                (WORKLOAD, entity("workload")),
                ("component", s.component.as_ref().into()),
                ("count", s.count.into()),
                (
                    "witnesses",
                    (s.evidence.len() as u64 + s.evidence_left_out).into(),
                ),
                ("path", first.map(|e| &e.path).into()),
                ("line", first.map(|e| e.line).into()),
                ("byte.start", first.map(|e| e.byte[0]).into()),
                ("byte.end", first.map(|e| e.byte[1]).into()),
                ("sha256", first.map(|e| &e.sha256).into()),
            ],
        );
    }
}

fn add_sources(rows: &mut Rows, incident: &str, report: &Report) {
    for s in &report.sources {
        rows.add(
            "sources",
            incident,
            vec![
                ("path", (&s.path).into()),
                ("format", s.format.first().into()),
                ("component", s.speaks_for.get("component").into()),
                (NODE, s.speaks_for.get("node").into()),
                ("bytes", s.bytes.into()),
                ("bytes_read", s.bytes_read.into()),
                ("records", s.records.into()),
                ("signals", s.signals.into()),
                ("from", time(s.from.as_deref())),
                ("to", time(s.to.as_deref())),
                ("clock.status", (&s.clock.status).into()),
                ("clock.offset_ms", s.clock.offset_ms.into()),
                ("problems", s.problems.len().into()),
            ],
        );
        for what in &s.problems {
            rows.add(
                "problems",
                incident,
                vec![
                    ("kind", "source".into()),
                    ("path", (&s.path).into()),
                    ("what", what.into()),
                ],
            );
        }
    }
    for s in &report.ledger.skipped {
        rows.add(
            "problems",
            incident,
            vec![
                ("kind", "skipped".into()),
                ("path", (&s.path).into()),
                ("what", (&s.why).into()),
            ],
        );
    }
    for what in &report.problems {
        rows.add(
            "problems",
            incident,
            vec![("kind", "input".into()), ("what", what.into())],
        );
    }
    for gap in &report.gaps {
        rows.add(
            "problems",
            incident,
            vec![("kind", "gap".into()), ("what", (&gap.what).into())],
        );
    }
}

fn incident_row(report: &Report) -> Vec<(&'static str, Cell)> {
    let gravest = report.cascades.first();
    let moment = |name: &str| report.metrics.get(name).and_then(|m| m.value.as_str());
    let number = |name: &str| Cell::from(report.metrics.get(name).and_then(|m| m.value.as_f64()));
    let window = report.incident.window.as_ref();
    let mut row = vec![
        ("status", "done".into()),
        ("title", (&report.incident.title).into()),
        ("from", time(window.map(|w| w.from.as_str()))),
        ("to", time(window.map(|w| w.to.as_str()))),
        ("cascades", report.cascades.len().into()),
        (MECHANISM, gravest.map(|c| &c.mechanism).into()),
        (CONFIDENCE, gravest.map(|c| &c.confidence).into()),
        ("spread", gravest.map(|c| &c.spread).into()),
        (
            SIGNATURE,
            gravest
                .map(|c| Cell::Text(signature(c, report)))
                .unwrap_or(Cell::Null),
        ),
        (IMAGE, gravest.and_then(|c| c.culprit.get("image")).into()),
        (
            WORKLOAD,
            gravest.and_then(|c| c.culprit.get("workload")).into(),
        ),
        ("signals", report.signals.len().into()),
        ("sources", report.sources.len().into()),
        (
            "sources.dated",
            report
                .sources
                .iter()
                .filter(|s| s.from.is_some())
                .count()
                .into(),
        ),
        (
            "sources.problems",
            report
                .sources
                .iter()
                .map(|s| s.problems.len())
                .sum::<usize>()
                .into(),
        ),
        ("gaps", report.gaps.len().into()),
        ("bytes", report.ledger.bytes.into()),
        ("bytes_read", report.ledger.bytes_read.into()),
        ("records", report.ledger.records.into()),
        ("undated", report.ledger.undated.into()),
        ("rootline.version", (&report.generator.version).into()),
        ("rootline.grammars", (&report.generator.grammars).into()),
    ];
    for name in [
        "triggered_at",
        "impact_started_at",
        "detected_at",
        "acknowledged_at",
        "mitigated_at",
        "resolved_at",
    ] {
        row.push((name, time(moment(name))));
    }
    for &name in SPANS {
        row.push((name, number(name)));
    }
    // A node or pod that two cascades hit is counted once.
    let distinct = |pick: fn(&CascadeRow) -> &Vec<String>| {
        report
            .cascades
            .iter()
            .flat_map(pick)
            .collect::<BTreeSet<_>>()
            .len()
    };
    row.push((
        "nodes.direct",
        distinct(|c| &c.blast_radius.direct.nodes).into(),
    ));
    row.push((
        "nodes.collateral",
        distinct(|c| &c.blast_radius.collateral.nodes).into(),
    ));
    row.push((
        "pods.direct",
        distinct(|c| &c.blast_radius.direct.pods).into(),
    ));
    row.push((
        "pods.collateral",
        distinct(|c| &c.blast_radius.collateral.pods).into(),
    ));
    row
}

fn add_cascade(
    rows: &mut Rows,
    incident: &str,
    c: &CascadeRow,
    report: &Report,
    signals: &BTreeMap<&str, &SignalRow>,
) {
    let kind = |id: Option<&str>| Cell::from(id.and_then(|id| signals.get(id)).map(|s| &s.signal));
    let at = |id: Option<&str>| {
        time(
            id.and_then(|id| signals.get(id))
                .and_then(|s| s.at.as_deref()),
        )
    };
    rows.add(
        "cascades",
        incident,
        vec![
            (CASCADE, (&c.id).into()),
            (MECHANISM, (&c.mechanism).into()),
            (CONFIDENCE, (&c.confidence).into()),
            ("spread", (&c.spread).into()),
            ("loop", is_loop(c).into()),
            ("hops", c.hops.len().into()),
            (SIGNATURE, Cell::Text(signature(c, report))),
            ("rules", Cell::Text(rules(c).join(" "))),
            (IMAGE, c.culprit.get("image").into()),
            (DIGEST, c.culprit.get("digest").into()),
            (WORKLOAD, c.culprit.get("workload").into()),
            (NODE, c.culprit.get("node").into()),
            ("trigger.signal", kind(c.trigger.as_deref())),
            ("trigger.at", at(c.trigger.as_deref())),
            ("origin.signal", kind(Some(&c.origin))),
            ("origin.at", at(Some(&c.origin))),
            ("recovered_at", time(c.recovery.at.as_deref())),
            ("nodes.direct", c.blast_radius.direct.nodes.len().into()),
            (
                "nodes.collateral",
                c.blast_radius.collateral.nodes.len().into(),
            ),
            (
                "workloads.direct",
                c.blast_radius.direct.workloads.len().into(),
            ),
            (
                "workloads.collateral",
                c.blast_radius.collateral.workloads.len().into(),
            ),
            ("pods.direct", c.blast_radius.direct.pods.len().into()),
            (
                "pods.collateral",
                c.blast_radius.collateral.pods.len().into(),
            ),
        ],
    );
    let mut before: Option<&str> = None;
    for (index, h) in c.hops.iter().enumerate() {
        rows.add(
            "hops",
            incident,
            vec![
                (CASCADE, (&c.id).into()),
                ("hop", (index + 1).into()),
                (NODE, h.node.as_ref().into()),
                ("from", time(h.from.as_deref())),
                ("to", time(h.to.as_deref())),
                (
                    "duration_s",
                    seconds_between(h.from.as_deref(), h.to.as_deref()).into(),
                ),
                (
                    "period_s",
                    seconds_between(before, h.from.as_deref()).into(),
                ),
                ("pressure", h.pressure.into()),
                ("ended_by", h.ended_by.as_ref().into()),
            ],
        );
        before = h.from.as_deref();
    }
    for l in &c.links {
        rows.add(
            "links",
            incident,
            vec![
                (CASCADE, (&c.id).into()),
                ("rule", (&l.rule).into()),
                ("cause", (&l.cause).into()),
                ("cause.signal", kind(Some(&l.cause))),
                ("effect", (&l.effect).into()),
                ("effect.signal", kind(Some(&l.effect))),
                ("lag_ms", l.lag_ms.into()),
                (CONFIDENCE, (&l.confidence).into()),
                (
                    NODE,
                    signals
                        .get(l.effect.as_str())
                        .and_then(|s| s.entities.get("node"))
                        .into(),
                ),
            ],
        );
    }
}

/// Tells whether the same chain ran on more than one node.
pub fn is_loop(cascade: &CascadeRow) -> bool {
    cascade.spread != "single" && cascade.hops.len() > 1
}

/// Returns the rules of a cascade's links, each once, sorted.
///
/// Sorted, not in order of time: a kubelet may notice a full disk before or after the pull that filled it fails, and that is the same incident.
pub fn rules(cascade: &CascadeRow) -> Vec<String> {
    let rules: BTreeSet<&String> = cascade.links.iter().map(|l| &l.rule).collect();
    rules.into_iter().cloned().collect()
}

/// Returns what makes two cascades the same kind of incident, as 12 hexadecimal digits. Holds no name of a node, image or workload.
pub fn signature(cascade: &CascadeRow, report: &Report) -> String {
    let factors: BTreeSet<&str> = report.factors.iter().map(|f| f.id.as_str()).collect();
    let text = format!(
        "{}\n{}\n{}\n{}",
        cascade.mechanism,
        is_loop(cascade),
        rules(cascade).join(" "),
        factors.into_iter().collect::<Vec<_>>().join(" ")
    );
    Sha256::digest(text.as_bytes())
        .iter()
        .take(6)
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn parsed(text: Option<&str>) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text?)
        .ok()
        .map(|at| at.to_utc())
}

fn time(text: Option<&str>) -> Cell {
    parsed(text).map_or(Cell::Null, |at| Cell::Time(at.timestamp_micros()))
}

fn seconds_between(from: Option<&str>, to: Option<&str>) -> Option<f64> {
    let span = parsed(to)? - parsed(from)?;
    Some(span.num_milliseconds() as f64 / 1000.0)
}

/// Returns the day under which an incident's rows are stored, `YYYY-MM-DD`; nothing where its time is not known.
pub fn day_of(report: &Report) -> Option<String> {
    let window = report.incident.window.as_ref()?;
    parsed(Some(&window.from)).map(|at| at.format("%Y-%m-%d").to_string())
}

/// Returns the statement that makes a table in one of the engines that read Parquet; nothing for an engine that is not known.
///
/// Engines: `duckdb`, `clickhouse`, `trino`, `spark`.
pub fn ddl(table: &Table, engine: &str, place: &str) -> Option<String> {
    let names = |quote: char, types: fn(Kind) -> &'static str| {
        table
            .columns
            .iter()
            .map(|c| format!("  {quote}{}{quote} {}", c.name, types(c.kind)))
            .collect::<Vec<_>>()
            .join(",\n")
    };
    let name = table.name;
    Some(match engine {
        "duckdb" => format!(
            "CREATE VIEW {name} AS SELECT * FROM read_parquet('{place}/{name}/*/*.parquet', hive_partitioning = true);\n"
        ),
        "clickhouse" => format!(
            "CREATE VIEW {name} AS SELECT * FROM file('{place}/{name}/*/*.parquet', Parquet);\n"
        ),
        "trino" => format!(
            "CREATE TABLE {name} (\n{},\n  dt varchar\n) WITH (external_location = '{place}/{name}', format = 'PARQUET', partitioned_by = ARRAY['dt']);\n",
            names('"', |kind| match kind {
                Kind::Text => "varchar",
                Kind::Int => "bigint",
                Kind::Float => "double",
                Kind::Flag => "boolean",
                Kind::Time => "timestamp(6) with time zone",
            })
        ),
        "spark" => format!(
            "CREATE TABLE {name} (\n{},\n  dt STRING\n) USING parquet PARTITIONED BY (dt) LOCATION '{place}/{name}';\n",
            names('`', |kind| match kind {
                Kind::Text => "STRING",
                Kind::Int => "BIGINT",
                Kind::Float => "DOUBLE",
                Kind::Flag => "BOOLEAN",
                Kind::Time => "TIMESTAMP",
            })
        ),
        _ => return None,
    })
}
