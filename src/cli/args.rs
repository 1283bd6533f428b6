//! Arguments of every subcommand.

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::Failure;
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
    Report(ReportArgs),
    /// List every recognised signal with its evidence, in time order
    Signals(SignalsArgs),
    /// Print the cascade and the merged timeline
    Timeline(TimelineArgs),
    /// Tell what each file is, why, and what will be read from it
    Detect(DetectArgs),
    /// Explain a signal, rule, mechanism, factor or format; or one line of a file
    Explain(ExplainArgs),
    /// List, show or check grammars
    Grammar(GrammarArgs),
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

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline report ./incident\n  rootline report ./incident -o out.json --format json\n  rootline report ./incident --format html,md,json -o out/postmortem.html"
)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// File to write; `-` is standard output. With several formats its ending is replaced
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// What to write: html, md, json, or several with commas; by default as the file's ending says
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub(super) format: Vec<ReportFormat>,
    /// Exit with 3 if this was found
    #[arg(long, value_name = "WHAT")]
    pub(super) fail_on: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    Html,
    Md,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Cascade,
}

#[derive(Debug, Args)]
pub(super) struct SignalsArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(super) output: SignalsFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SignalsFormat {
    Table,
    Ndjson,
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct TimelineArgs {
    #[command(flatten)]
    pub(super) input: Input,
}

#[derive(Debug, Args)]
pub(super) struct DetectArgs {
    #[command(flatten)]
    pub(super) input: Input,
    /// How to print it; ndjson reads everything and has counts and times, too
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: DetectFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DetectFormat {
    Text,
    Ndjson,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline explain pull_failed\n  rootline explain no-space-then-disk-pressure\n  rootline explain mutable-tag\n  rootline explain incident/kubelet.log:812\n  rootline explain 'bundle.tar.gz!logs/kubelet.log:812'"
)]
pub(super) struct ExplainArgs {
    /// An id, or FILE:LINE
    #[arg(value_name = "ID|FILE:LINE")]
    pub(super) what: String,
    /// Further grammars; may be given several times
    #[arg(long, value_name = "DIR")]
    pub(super) grammars: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct GrammarArgs {
    #[command(subcommand)]
    pub(super) command: GrammarCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum GrammarCommand {
    /// List formats, signals, rules, mechanisms and constants
    List {
        /// List the kinds of field that patterns may use
        #[arg(long)]
        kinds: bool,
    },
    /// Print the file of a format, signal, rule or mechanism
    Show {
        /// Its id, for example klog-text or pull_failed
        id: String,
    },
    /// Load the grammars in DIR over the built-in ones and run their samples, look-alikes and cases
    Check {
        /// A directory with formats/, signals/, cascades/, mechanisms/, physics.toml, vocabulary.toml; any of them
        directory: PathBuf,
    },
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
