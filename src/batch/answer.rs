//! A frame as the rows of a published answer.

use polars::prelude::{AnyValue, DataFrame, PolarsResult};
use serde_json::Value;

use super::questions::{self, Frames};
use crate::wire::fleet::{Answer, Fleet, SCHEMA, Totals};

/// Rows of one answer that are published; how many were left out is said.
const MOST_ROWS: usize = 500;

/// Returns the values of a frame, row by row.
pub fn rows(frame: &DataFrame) -> Vec<Vec<Value>> {
    (0..frame.height())
        .map(|row| {
            frame
                .columns()
                .iter()
                .map(|column| match column.get(row) {
                    Ok(AnyValue::String(text)) => text.into(),
                    Ok(AnyValue::StringOwned(text)) => text.as_str().into(),
                    Ok(AnyValue::Boolean(flag)) => flag.into(),
                    Ok(AnyValue::UInt32(number)) => number.into(),
                    Ok(AnyValue::UInt64(number)) => number.into(),
                    Ok(AnyValue::Int64(number)) => number.into(),
                    Ok(AnyValue::Float64(number)) => number.into(),
                    _ => Value::Null,
                })
                .collect()
        })
        .collect()
}

/// Puts every question to a fleet.
///
/// # Errors
/// If the frames are not those of a fleet.
pub fn answers(frames: &Frames, version: &str, pages: bool) -> PolarsResult<Fleet> {
    let status = super::frames::texts(&frames.incidents, "status")?;
    let found = super::frames::numbers(&frames.incidents, "cascades")?;
    let from = super::frames::times(&frames.incidents, "from")?;
    let stamp = |at: Option<i64>| {
        at.and_then(chrono::DateTime::from_timestamp_micros)
            .map(crate::wire::v1::stamp)
    };
    let failed = status
        .iter()
        .filter(|s| s.as_deref() == Some("failed"))
        .count();
    let with_cascade = found.iter().filter(|n| n.is_some_and(|n| n > 0.0)).count();
    let mut fleet = Fleet {
        schema: SCHEMA.to_owned(),
        version: version.to_owned(),
        totals: Totals {
            incidents: status.len() as u64,
            failed: failed as u64,
            with_cascade: with_cascade as u64,
            undated: status
                .iter()
                .zip(&from)
                .filter(|(s, f)| s.as_deref() != Some("failed") && f.is_none())
                .count() as u64,
            from: stamp(from.iter().flatten().min().copied()),
            to: stamp(from.iter().flatten().max().copied()),
        },
        pages,
        answers: Vec::new(),
    };
    for question in questions::ALL {
        let frame = (question.ask)(frames)?;
        let mut values = rows(&frame);
        let left_out = values.len().saturating_sub(MOST_ROWS);
        values.truncate(MOST_ROWS);
        fleet.answers.push(Answer {
            id: question.id.to_owned(),
            title: question.title.to_owned(),
            about: question.about.to_owned(),
            columns: frame
                .get_column_names()
                .iter()
                .map(|n| n.to_string())
                .collect(),
            rows: values,
            left_out: left_out as u64,
        });
    }
    Ok(fleet)
}
