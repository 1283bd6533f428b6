//! The list of subcommands, and the arguments that all of them share for their input. What only one takes stands in its own file.

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, Utc};
use clap::{Args, Parser, Subcommand};

use super::{Failure, detect, explain, grammar, report, signals, timeline};
use crate::align;
use crate::pipeline::Options;

/// Turns the files left after a Kubernetes incident into an evidence-linked postmortem. Offline; reads only what it is given.
#[derive(Debug, Parser)]
#[command(
    name = "rootline",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  rootline report ./incident -o postmortem.html\n  rootline timeline ./incident\n  rootline signals ./incident --output ndjson | jq .signal\n\nExit codes: 0 done, also when nothing was found; 1 it could not be done; 2 wrong usage; 3 a cascade was found and --fail-on cascade was given"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write the postmortem, and print its summary
    Report(report::ReportArgs),
    /// List every recognised signal with its evidence, in time order
    Signals(signals::SignalsArgs),
    /// Print the cascade and the merged timeline
    Timeline(timeline::TimelineArgs),
    /// Tell what each file is, why, and what will be read from it
    Detect(detect::DetectArgs),
    /// Explain a signal, rule, mechanism, factor or format; or one line of a file
    Explain(explain::ExplainArgs),
    /// List, show or check grammars
    Grammar(grammar::GrammarArgs),
}

#[derive(Debug, Args)]
pub(super) struct Input {
    /// Files and directories of the incident; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Worker threads; the result does not depend on it
    #[arg(long, value_name = "N", value_parser = parse_jobs)]
    pub(super) jobs: Option<usize>,
    /// Leave out what happened before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<DateTime<Utc>>,
    /// Leave out what happened after this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<DateTime<Utc>>,
    /// Zone of stamps that have none, as +02:00; UTC is assumed otherwise
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true, value_parser = parse_zone)]
    zone: Option<FixedOffset>,
    /// Year of stamps that have none
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i32).range(1970..=9999))]
    year: Option<i32>,
    /// Files that match GLOB speak for NODE
    #[arg(long, value_name = "GLOB=NODE")]
    node_of: Vec<String>,
    /// Further grammars; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(super) grammars: Vec<PathBuf>,
    /// No notes on stderr and no summary
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl Input {
    /// Returns what the user told about the input.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let mut node_of = Vec::new();
        for rule in &self.node_of {
            let (glob, node) = rule
                .rsplit_once('=')
                .filter(|(g, n)| !g.is_empty() && !n.is_empty())
                .ok_or_else(|| Failure::Usage {
                    what: format!("--node-of \"{rule}\" is not GLOB=NODE"),
                    hint: "for example --node-of 'logs/worker-a/*=worker-a'".into(),
                })?;
            let glob = globset::Glob::new(glob).map_err(|error| Failure::Usage {
                what: format!("--node-of \"{rule}\": {error}"),
                hint: "for example --node-of 'logs/worker-a/*=worker-a'".into(),
            })?;
            node_of.push((glob.compile_matcher(), node.to_owned()));
        }
        Ok(Options {
            align: align::Options {
                year: self.year,
                zone: self.zone,
                node_of,
            },
            since: self.since,
            until: self.until,
        })
    }
}

fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("not a number from 1 to 1024".into()),
    }
}

fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .map_err(|_| "not a time; for example 2024-05-22T03:14:00Z".into())
}

fn parse_zone(text: &str) -> Result<FixedOffset, String> {
    if matches!(text, "UTC" | "utc" | "Z") {
        return FixedOffset::east_opt(0).ok_or_else(String::new);
    }
    text.parse()
        .map_err(|_| "not an offset; for example +02:00 or UTC".into())
}
