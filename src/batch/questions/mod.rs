//! Questions to many incidents, one file each: a function from frames to a frame.
//!
//! [`ALL`] lists them. Each says what a row is and what it does not mean. A number that comes of few incidents stands beside its `n`; there is no mean,
//! and no 90th percentile of fewer than five values. Nothing here says that one thing caused another: that is for the single report.

mod actions_held;
mod blast_radius;
mod coverage;
mod factor_lift;
mod first_and_last;
mod hop_periods;
mod mechanisms;
mod months;
mod node_pools;
mod recurrence;
mod recurring_things;
mod similar;
mod stage_times;

use polars::prelude::{DataFrame, PolarsResult};

use super::columns::{TABLES, Table};
use super::frames;
use super::load::Store;

pub use recurrence::recurrences;
pub use similar::{Likeness, baselines, similar};

/// The tables that questions are put to. Signals, sources' rows and problems may be many and are not held, where no question needs them.
#[derive(Debug, Clone)]
pub struct Frames {
    /// Table `incidents`.
    pub incidents: DataFrame,
    /// Table `cascades`.
    pub cascades: DataFrame,
    /// Table `hops`.
    pub hops: DataFrame,
    /// Table `links`.
    pub links: DataFrame,
    /// Table `factors`.
    pub factors: DataFrame,
    /// Table `actions`.
    pub actions: DataFrame,
    /// Table `sources`.
    pub sources: DataFrame,
}

impl Frames {
    /// Reads the tables of a fleet.
    ///
    /// # Errors
    /// If a part is no Parquet file, or has other columns.
    pub fn load(store: &Store) -> PolarsResult<Frames> {
        Frames::of(|table| {
            let mut whole = frames::empty(table)?;
            for part in store.parts(table.name) {
                let bytes = store.read(&part).unwrap_or_default();
                let part = frames::read(bytes)?;
                whole.vstack_mut(&part.select(table.columns.iter().map(|c| c.name))?)?;
            }
            whole.align_chunks();
            Ok(whole)
        })
    }

    /// Makes frames of what `table` returns for each table.
    fn of(table: impl Fn(&Table) -> PolarsResult<DataFrame>) -> PolarsResult<Frames> {
        let named = |name: &str| {
            TABLES
                .iter()
                .find(|t| t.name == name)
                .map_or_else(|| Ok(DataFrame::empty()), &table)
        };
        Ok(Frames {
            incidents: named("incidents")?,
            cascades: named("cascades")?,
            hops: named("hops")?,
            links: named("links")?,
            factors: named("factors")?,
            actions: named("actions")?,
            sources: named("sources")?,
        })
    }
}

/// A question.
pub struct Question {
    /// Id, as in the file's name.
    pub id: &'static str,
    /// The question, for people.
    pub title: &'static str,
    /// What a row is, and what it does not mean.
    pub about: &'static str,
    /// Answers it.
    pub ask: fn(&Frames) -> PolarsResult<DataFrame>,
}

/// Every question, in the order of the page.
pub const ALL: &[Question] = &[
    months::QUESTION,
    mechanisms::QUESTION,
    recurrence::QUESTION,
    first_and_last::QUESTION,
    stage_times::QUESTION,
    hop_periods::QUESTION,
    blast_radius::QUESTION,
    recurring_things::QUESTION,
    node_pools::QUESTION,
    factor_lift::QUESTION,
    actions_held::QUESTION,
    coverage::QUESTION,
];

/// How values are spread: how many, the middle one, and the 90th percentile where at least five are known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Spread {
    pub(super) n: u32,
    pub(super) median: Option<f64>,
    pub(super) p90: Option<f64>,
}

/// Values of which a 90th percentile is said.
const ENOUGH: usize = 5;

/// Describes the known values. The median of an even number is the mean of the middle two; p90 is the nearest rank.
pub(super) fn spread(values: impl IntoIterator<Item = Option<f64>>) -> Spread {
    let mut known: Vec<f64> = values
        .into_iter()
        .flatten()
        .filter(|v| v.is_finite())
        .collect();
    known.sort_by(f64::total_cmp);
    let n = known.len();
    let median = match n {
        0 => None,
        _ if n % 2 == 1 => Some(known[n / 2]),
        _ => Some(f64::midpoint(known[n / 2 - 1], known[n / 2])),
    };
    let p90 = (n >= ENOUGH).then(|| known[(n * 9).div_ceil(10) - 1]);
    Spread {
        n: u32::try_from(n).unwrap_or(u32::MAX),
        median,
        p90,
    }
}

/// Returns the bounds of the 95 % Wilson score interval of a share.
///
/// # Source
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
pub(super) fn wilson(hits: usize, of: usize) -> Option<(f64, f64)> {
    if of == 0 {
        return None;
    }
    let (n, z) = (of as f64, 1.959_963_985);
    let share = hits as f64 / n;
    let middle = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Some((
        ((middle - half) / scale).max(0.0),
        ((middle + half) / scale).min(1.0),
    ))
}

#[cfg(test)]
pub(super) mod case {
    //! One way into every question: reports in a few words, and the answer as text.

    use std::collections::BTreeMap;

    use super::super::columns::table;
    use super::super::frames;
    use super::super::rows::{Cell, Rows};
    use super::{Frames, Question};

    /// Makes frames of lines such as `cascades incident.id=a mechanism=node_lost loop=true`. A time is `YYYY-MM-DD` or RFC 3339.
    pub(in super::super) fn frames_of(text: &str) -> Frames {
        let mut rows: BTreeMap<&str, Vec<Vec<Cell>>> = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let mut words = line.split_whitespace();
            let name = words.next().expect("a table");
            let table = table(name).unwrap_or_else(|| panic!("{name} is no table"));
            let mut row = vec![Cell::Null; table.columns.len()];
            for word in words {
                let (column, value) = word.split_once('=').expect("column=value");
                let place = table
                    .place(column)
                    .unwrap_or_else(|| panic!("{name} has no {column}"));
                use super::super::columns::Kind;
                row[place] = match table.columns[place].kind {
                    Kind::Text => Cell::Text(value.replace('_', " ").replace("  ", "_")),
                    Kind::Int => Cell::Int(value.parse().expect("a number")),
                    Kind::Float => Cell::Float(value.parse().expect("a number")),
                    Kind::Flag => Cell::Flag(value == "true"),
                    Kind::Time => {
                        let text = if value.len() == 10 {
                            format!("{value}T00:00:00Z")
                        } else {
                            value.to_owned()
                        };
                        Cell::Time(
                            chrono::DateTime::parse_from_rfc3339(&text)
                                .expect("a time")
                                .timestamp_micros(),
                        )
                    }
                };
            }
            rows.entry(table.name).or_default().push(row);
        }
        let _ = Rows::default();
        Frames::of(|table| {
            frames::frame(table, rows.get(table.name).map_or(&[][..], Vec::as_slice))
        })
        .expect("frames")
    }

    /// Checks an answer: one line a row, values joined by ` | `, nothing for null.
    pub(in super::super) fn check(question: &Question, tables: &str, expected: &[&str]) {
        let frame = (question.ask)(&frames_of(tables)).expect("an answer");
        let rows = super::super::answer::rows(&frame);
        let shown: Vec<String> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|v| match v {
                        serde_json::Value::Null => String::new(),
                        serde_json::Value::String(text) => text.clone(),
                        other => other.to_string(),
                    })
                    .collect::<Vec<_>>()
                    .join(" | ")
            })
            .collect();
        assert_eq!(shown, expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_median_and_no_percentile() {
        assert_eq!(
            spread([Some(3.0), None, Some(1.0)]),
            Spread {
                n: 2,
                median: Some(2.0),
                p90: None
            }
        );
        assert_eq!(
            spread((1..=10).map(|v| Some(f64::from(v)))),
            Spread {
                n: 10,
                median: Some(5.5),
                p90: Some(9.0)
            }
        );
        assert_eq!(spread([None]), Spread::default());
    }

    #[test]
    fn an_interval_is_wide_where_little_is_known() {
        let (low, high) = wilson(1, 1).expect("an interval");
        assert!(low < 0.21 && high > 0.99, "{low} {high}");
        assert_eq!(wilson(0, 0), None);
    }
}
