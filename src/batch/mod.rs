//! Many past incidents: their published reports become tables, and the tables answer questions.
//!
//! Takes incidents and a function that makes one report; gives Parquet tables and answers. Start with [`run`] for how a fleet is read, with [`rows`]
//! for what a table holds, with [`questions`] for what is asked. The only room that knows polars. Knows nothing of how a report comes about.

pub mod answer;
pub mod columns;
pub mod frames;
pub mod load;
pub mod questions;
pub mod rows;
pub mod run;
