//! Rows ↔ polars frames ↔ Parquet bytes.
//!
//! A table is always written the same way: rows sorted, zstd, statistics of every column, no key-value metadata. The same rows are the same bytes.

use std::io::Cursor;

use polars::prelude::{
    Column as Series, DataFrame, DataType, IntoColumn, IntoSeries, NamedFrom, ParquetCompression,
    ParquetReader, ParquetWriter, PolarsResult, SerReader, SortMultipleOptions, StatisticsOptions,
    TimeUnit, TimeZone,
};

use super::columns::{self, INCIDENT, Kind, Table};
use super::rows::{Cell, Rows};

/// Rows of one Parquet row group; also what a reader must hold at once.
const ROW_GROUP: usize = 100_000;

/// Makes a frame with the columns of the table, sorted by incident; rows of one incident keep their order.
///
/// # Errors
/// If a column cannot be made: a mistake of ours.
pub fn frame(table: &Table, rows: &[Vec<Cell>]) -> PolarsResult<DataFrame> {
    let columns = table
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let cells = rows.iter().map(|row| row.get(place).unwrap_or(&Cell::Null));
            let name = column.name.into();
            match column.kind {
                Kind::Text => {
                    let values: Vec<Option<&str>> = cells
                        .map(|c| {
                            if let Cell::Text(text) = c {
                                Some(text.as_str())
                            } else {
                                None
                            }
                        })
                        .collect();
                    Series::new(name, values)
                }
                Kind::Int => {
                    let values: Vec<Option<i64>> = cells
                        .map(|c| {
                            if let Cell::Int(number) = c {
                                Some(*number)
                            } else {
                                None
                            }
                        })
                        .collect();
                    Series::new(name, values)
                }
                Kind::Float => {
                    let values: Vec<Option<f64>> = cells
                        .map(|c| {
                            if let Cell::Float(number) = c {
                                Some(*number)
                            } else {
                                None
                            }
                        })
                        .collect();
                    Series::new(name, values)
                }
                Kind::Flag => {
                    let values: Vec<Option<bool>> = cells
                        .map(|c| {
                            if let Cell::Flag(flag) = c {
                                Some(*flag)
                            } else {
                                None
                            }
                        })
                        .collect();
                    Series::new(name, values)
                }
                Kind::Time => {
                    let values: Vec<Option<i64>> = cells
                        .map(|c| {
                            if let Cell::Time(micros) = c {
                                Some(*micros)
                            } else {
                                None
                            }
                        })
                        .collect();
                    let micros = polars::prelude::Int64Chunked::new(name, values);
                    micros
                        .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
                        .into_series()
                        .into_column()
                }
            }
        })
        .collect();
    DataFrame::new(rows.len(), columns)?.sort(
        [INCIDENT],
        SortMultipleOptions::default().with_maintain_order(true),
    )
}

/// Writes a frame as Parquet.
///
/// # Errors
/// If polars cannot: a mistake of ours.
pub fn parquet(frame: &mut DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_statistics(StatisticsOptions::full())
        .with_row_group_size(Some(ROW_GROUP))
        .set_parallel(false)
        .finish(frame)?;
    Ok(bytes)
}

/// Returns rows of a table as one Parquet file.
///
/// # Errors
/// If there is no such table, or polars cannot: a mistake of ours.
pub fn parquet_of(name: &str, rows: &Rows) -> PolarsResult<Vec<u8>> {
    let table = columns::table(name)
        .ok_or_else(|| polars::error::polars_err!(ComputeError: "no table {name}"))?;
    parquet(&mut frame(table, rows.of(name))?)
}

/// Reads a frame from Parquet bytes.
///
/// # Errors
/// If the bytes are no Parquet file.
pub fn read(bytes: Vec<u8>) -> PolarsResult<DataFrame> {
    ParquetReader::new(Cursor::new(bytes)).finish()
}

/// Returns a frame without rows.
///
/// # Errors
/// If a column cannot be made: a mistake of ours.
pub fn empty(table: &Table) -> PolarsResult<DataFrame> {
    frame(table, &[])
}

/// Returns the text of a column; null where it is none.
///
/// # Errors
/// If there is no such column of text.
pub fn texts(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<String>>> {
    Ok(frame
        .column(name)?
        .str()?
        .iter()
        .map(|v| v.map(str::to_owned))
        .collect())
}

/// Returns the numbers of a column of integers or floats.
///
/// # Errors
/// If there is no such column of numbers.
pub fn numbers(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<f64>>> {
    let column = frame.column(name)?.cast(&DataType::Float64)?;
    Ok(column.f64()?.iter().collect())
}

/// Returns the flags of a column.
///
/// # Errors
/// If there is no such column of flags.
pub fn flags(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<bool>>> {
    Ok(frame.column(name)?.bool()?.iter().collect())
}

/// Returns the times of a column, in microseconds since 1970.
///
/// # Errors
/// If there is no such column of times.
pub fn times(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<i64>>> {
    let column = frame.column(name)?.cast(&DataType::Int64)?;
    Ok(column.i64()?.iter().collect())
}
