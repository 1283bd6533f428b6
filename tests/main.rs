//! All integration tests, in one binary.
//!
//! - `grammars`: every grammar file proves itself; toy files can be added without any other change; broken ones are located
//! - `guide`: every command of the guide is run
//! - `incidents`: each folder of `samples/` against its truth and its golden page
//! - `cli`: odd and damaged input, options, same bytes
//! - `collecting`: gathering from a cluster, by a kubectl that replays one, and as a plugin of a real kubectl
//! - `command_line`: help, settings, completions, manual pages and the schema
//! - `evidence`: every byte range is the text it says
//! - `exports`: what other tools read, read back by their own readers where those are installed
//! - `properties`: nothing panics, order changes nothing
//! - `redaction`: secrets leave by no output, look-alikes stay
//! - `reading`: archives, encodings, records over several lines, tables and descriptions
//! - `reencoding`: the same recording in other journal modes, zones, clocks and containers
//! - `bundles`: bundles as collectors and people make them
//! - `formats`: formats that are easily confused
//! - `reference`: the engine finds the links that trying every pair finds
//! - `stories`: small stories told by Events alone, and their look-alikes
//! - `terminal`: the timeline on terminals of every width
//! - `hostile`: bombs, links, limits, mutated bundles
//! - `outputs`: text of the input acts on no reader; results are whole or not there; no network
//! - `verify`: reports are looked up in their input again
//! - `remedies`: layers, disks, factors, guard-rails and their back-tests; what is generated is read again by others
//! - `house`: arrows between rooms, file headers, ids, named paths
//! - `catalogue`: foreign files and examples of the catalogue, where that exists beside the project
//! - `captures`: recorded bundles of the catalogue, where that exists beside the project
//! - `batch`: many incidents: tables, what is done again and what is not, shards, answers
//! - `accuracy`: made-up incidents with known truth, and look-alikes; `generator` makes them
//! - `wordings`: messages of the catalogue in every envelope they may come in
//! - `people`: what people add, roles in place of names, and the words of our own templates
//! - `browser`: the page in a real browser, where one is installed

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    missing_docs,
    reason = "a test that cannot go on should stop, and says why"
)]

mod accuracy;
#[cfg(feature = "batch")]
mod batch;
mod browser;
mod bundles;
mod captures;
mod catalogue;
mod cli;
mod collecting;
mod command_line;
mod common;
mod evidence;
mod exports;
#[cfg(feature = "batch")]
mod fleet;
mod formats;
mod generator;
mod grammars;
mod guide;
mod hostile;
mod house;
mod incidents;
mod outputs;
mod people;
mod properties;
mod reading;
mod redaction;
mod reencoding;
mod reference;
mod remedies;
mod stories;
mod terminal;
mod verify;
mod wordings;
