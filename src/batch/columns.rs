//! The tables of a fleet: every column with its type, its unit and what it means.
//!
//! One list for everybody: rows are made, Parquet is written, the schema is documented and DDL is printed from it. Names follow OpenTelemetry's
//! semantic conventions where those have one (`k8s.node.name`); everything else is Rootline's own word. Each table has the incident's id and
//! is stored under `dt=YYYY-MM-DD`, the day on which the incident began.

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// 64-bit integer.
    Int,
    /// 64-bit float.
    Float,
    /// True or false.
    Flag,
    /// Microseconds since 1970 in UTC.
    Time,
}

/// A column. Every column may be null, except the incident's id.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// What it means; with its unit, where it has one.
    pub about: &'static str,
}

/// A table.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Name.
    pub name: &'static str,
    /// What one row is.
    pub about: &'static str,
    /// Columns in their order.
    pub columns: &'static [Column],
}

impl Table {
    /// Returns the place of a column, or `None` if the table has none of that name.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }
}

/// Returns a table by its name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|t| t.name == name)
}

const fn text(name: &'static str, about: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Text,
        about,
    }
}
const fn int(name: &'static str, about: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Int,
        about,
    }
}
const fn float(name: &'static str, about: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Float,
        about,
    }
}
const fn flag(name: &'static str, about: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Flag,
        about,
    }
}
const fn time(name: &'static str, about: &'static str) -> Column {
    Column {
        name,
        kind: Kind::Time,
        about,
    }
}

/// The incident's id: the name of its directory or archive, or the one that the manifest gives.
pub const INCIDENT: &str = "incident.id";
/// Node.
pub const NODE: &str = "k8s.node.name";
/// Namespace.
pub const NAMESPACE: &str = "k8s.namespace.name";
/// Pod.
pub const POD: &str = "k8s.pod.name";
/// Container.
pub const CONTAINER: &str = "k8s.container.name";
/// Image reference.
pub const IMAGE: &str = "container.image.name";
/// Image digest.
pub const DIGEST: &str = "container.image.digest";
/// Workload, `namespace/Kind/name`.
pub const WORKLOAD: &str = "workload";
/// Mechanism of a cascade.
pub const MECHANISM: &str = "mechanism";
/// How sure a verdict or link is.
pub const CONFIDENCE: &str = "confidence";
/// What makes two cascades the same kind of incident: mechanism, loop, rules and factors, without any name.
pub const SIGNATURE: &str = "signature";
/// Cascade id within its incident.
pub const CASCADE: &str = "cascade";

const ID: Column = text(INCIDENT, "id of the incident");

/// Metrics that are spans and can be compared, not times of a day; columns of the table `incidents`.
pub const SPANS: &[&str] = &[
    "ttd_s",
    "ttm_s",
    "ttr_s",
    "node_minutes_disk_pressure",
    "node_minutes_not_ready",
    "hop_period_s",
];

/// Every table, in the order in which they are written.
pub const TABLES: &[Table] = &[
    Table {
        name: "incidents",
        about: "one row an incident, also one that could not be read",
        columns: &[
            ID,
            text("status", "done or failed"),
            text("reason", "why it failed"),
            text("title", "title of the report"),
            time("from", "first moment that belongs to it"),
            time("to", "last moment that belongs to it"),
            int("cascades", "how many cascades were found"),
            text(MECHANISM, "mechanism of its gravest cascade"),
            text(CONFIDENCE, "how sure that verdict is"),
            text("spread", "domino, common_cause, single or unknown"),
            text(SIGNATURE, "signature of its gravest cascade"),
            text(IMAGE, "image that its gravest cascade blames"),
            text(WORKLOAD, "workload that its gravest cascade blames"),
            int("nodes.direct", "nodes hit by the fault itself"),
            int("nodes.collateral", "nodes hit by what followed"),
            int("pods.direct", "pods hit by the fault itself"),
            int("pods.collateral", "pods hit by what followed"),
            time("triggered_at", "metric of that name"),
            time("impact_started_at", "metric of that name"),
            time("detected_at", "metric of that name"),
            time("acknowledged_at", "metric of that name"),
            time("mitigated_at", "metric of that name"),
            time("resolved_at", "metric of that name"),
            float("ttd_s", "time to detect, seconds"),
            float("ttm_s", "time to mitigate, seconds"),
            float("ttr_s", "time to resolve, seconds"),
            float(
                "node_minutes_disk_pressure",
                "minutes under DiskPressure, summed over nodes",
            ),
            float(
                "node_minutes_not_ready",
                "minutes not Ready, summed over nodes",
            ),
            float("hop_period_s", "seconds from hop to hop"),
            int("signals", "signals found"),
            int("sources", "sources read or listed"),
            int(
                "sources.dated",
                "sources of which a first and last time are known",
            ),
            int("sources.problems", "problems of its sources"),
            int("gaps", "things the record does not tell"),
            int("bytes", "bytes found, decompressed"),
            int("bytes_read", "bytes looked at"),
            int("records", "lines or items"),
            int("undated", "signals without a time"),
            text("rootline.version", "version that wrote it"),
            text("rootline.grammars", "hash of the grammars in force"),
        ],
    },
    Table {
        name: "cascades",
        about: "one row a cascade",
        columns: &[
            ID,
            text(CASCADE, "id of the cascade"),
            text(MECHANISM, "the verdict"),
            text(CONFIDENCE, "certain, probable, possible or unknown"),
            text("spread", "domino, common_cause, single or unknown"),
            flag("loop", "the same chain on more than one node"),
            int("hops", "stays on nodes"),
            text(
                SIGNATURE,
                "mechanism, loop, rules and factors as one short hash",
            ),
            text("rules", "rules of its links, sorted, joined by a blank"),
            text(IMAGE, "image to blame"),
            text(DIGEST, "digest to blame"),
            text(WORKLOAD, "workload to blame"),
            text(NODE, "node to blame"),
            text("trigger.signal", "kind of the change that began it"),
            time("trigger.at", "when that was"),
            text("origin.signal", "kind of the first fault"),
            time("origin.at", "when that was"),
            time("recovered_at", "when the last condition ended"),
            int("nodes.direct", "nodes hit by the fault itself"),
            int("nodes.collateral", "nodes hit by what followed"),
            int("workloads.direct", "workloads hit by the fault itself"),
            int("workloads.collateral", "workloads hit by what followed"),
            int("pods.direct", "pods hit by the fault itself"),
            int("pods.collateral", "pods hit by what followed"),
        ],
    },
    Table {
        name: "hops",
        about: "one row a stay of a cascade on a node",
        columns: &[
            ID,
            text(CASCADE, "id of the cascade"),
            int("hop", "number, from 1"),
            text(NODE, "node"),
            time("from", "first fault on it"),
            time("to", "last fault, or end of the condition"),
            float("duration_s", "seconds between both"),
            float("period_s", "seconds since the hop before began"),
            flag("pressure", "the node came under pressure"),
            text("ended_by", "how it ended"),
        ],
    },
    Table {
        name: "links",
        about: "one row a causal link",
        columns: &[
            ID,
            text(CASCADE, "id of the cascade"),
            text("rule", "rule"),
            text("cause", "signal id of the cause"),
            text("cause.signal", "its kind"),
            text("effect", "signal id of the effect"),
            text("effect.signal", "its kind"),
            int("lag_ms", "effect time minus cause time, milliseconds"),
            text(CONFIDENCE, "how sure"),
            text(NODE, "node of the effect"),
        ],
    },
    Table {
        name: "signals",
        about: "one row a signal, with the place of its first witness",
        columns: &[
            ID,
            text("signal.id", "id in the report"),
            text("signal", "kind"),
            text("cause", "cause of a failed pull"),
            time("at", "when"),
            text("precision", "width of the interval that the stamp allows"),
            text("time_basis", "how the time is known"),
            text(NODE, "node"),
            text(NAMESPACE, "namespace"),
            text(POD, "pod"),
            text(CONTAINER, "container"),
            text(IMAGE, "image reference"),
            text(DIGEST, "image digest"),
            text(WORKLOAD, "workload"),
            text("component", "who says it"),
            int("count", "how often"),
            int("witnesses", "records that say it"),
            text("path", "file of the first witness"),
            int("line", "its line, from 1"),
            int("byte.start", "first byte of the record"),
            int("byte.end", "byte behind its end"),
            text("sha256", "hash of the original bytes"),
        ],
    },
    Table {
        name: "conditions",
        about: "one row an abnormal node condition",
        columns: &[
            ID,
            text(NODE, "node"),
            text(
                "condition",
                "DiskPressure, MemoryPressure, PIDPressure or Ready",
            ),
            text("status", "True, False or Unknown"),
            time("from", "first seen"),
            time("to", "seen to be over"),
            flag("from_open", "the start may be earlier"),
            flag("to_open", "the end is not known"),
            float("minutes", "length in minutes, where both ends are known"),
        ],
    },
    Table {
        name: "factors",
        about: "one row a contributing factor",
        columns: &[
            ID,
            text("factor", "id of the factor"),
            text("subject", "what it is about"),
            text("strength", "necessary, amplifier or latent"),
            text("because", "the finding as a sentence"),
            int("evidence", "signals it rests on"),
        ],
    },
    Table {
        name: "actions",
        about: "one row a proposed action",
        columns: &[
            ID,
            text("action", "id of the action"),
            text("class", "prevent, mitigate, detect or process"),
            text("text", "what to do"),
            text("done_when", "when it counts as done"),
            text("artifact", "policy file"),
            text("backtest", "what it would have done here"),
        ],
    },
    Table {
        name: "sources",
        about: "one row a source",
        columns: &[
            ID,
            text("path", "the path given"),
            text("format", "format stack met most often, outermost first"),
            text("component", "component it speaks for"),
            text(NODE, "node it speaks for"),
            int("bytes", "bytes, decompressed"),
            int("bytes_read", "bytes looked at"),
            int("records", "lines or items"),
            int("signals", "signals found"),
            time("from", "first time seen"),
            time("to", "last time seen"),
            text("clock.status", "none, corrected or refused"),
            int(
                "clock.offset_ms",
                "what was taken off its times, milliseconds",
            ),
            int("problems", "problems it had"),
        ],
    },
    Table {
        name: "problems",
        about: "one row a thing that could not be read or is not known",
        columns: &[
            ID,
            text("kind", "source, skipped, input, gap or run"),
            text("path", "file, where it is about one"),
            text("what", "what it is"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_the_incident_first_and_no_name_twice() {
        for table in TABLES {
            assert_eq!(table.columns[0].name, INCIDENT, "{}", table.name);
            for (place, column) in table.columns.iter().enumerate() {
                assert_eq!(
                    table.place(column.name),
                    Some(place),
                    "{} {}",
                    table.name,
                    column.name
                );
                assert!(!column.about.is_empty());
            }
        }
    }
}
