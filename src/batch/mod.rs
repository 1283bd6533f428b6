//! Many past incidents: their published reports become tables, and the tables answer questions.
//!
//! Takes incidents and a function that makes one report; gives Parquet tables and answers. Start with [`run`] for how a fleet is read, with [`rows`]
//! for what a table holds, with [`questions`] for what is asked. The only room that knows polars,
//! and only with the feature `batch`: finding incidents, the map step and the rows need none, for engines that bring tables of their own.
//! Knows nothing of how a report comes about.

#[cfg(feature = "batch")]
pub mod answer;
pub mod columns;
#[cfg(feature = "batch")]
pub mod frames;
pub mod load;
pub mod map;
#[cfg(feature = "batch")]
pub mod questions;
pub mod rows;
#[cfg(feature = "batch")]
pub mod run;
