//! The list of subcommands, and the arguments that all of them share for their input. What only one takes stands in its own file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, Utc};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, ValueHint};

#[cfg(feature = "batch")]
use super::batch;
use super::hide::Redact;
use super::limit::Limit;
use super::{
    Failure, collect, completions, config, detect, explain, grammar, init, man, policy, report,
    schema, signals, timeline, verify,
};
use crate::align;
use crate::model::{Incident, Limits};
use crate::pipeline::Options;
use crate::redact;
use crate::wire::roles::Roles;

/// Turns the files left after a Kubernetes incident into an evidence-linked postmortem
///
/// Reads deploy logs, kubelet and runtime logs, Events and objects, audit and registry records as they are, in any mix, compressed
/// or archived; puts them on one clock; finds what caused what; and says what the files cannot tell. Offline: reads only what it is
/// given, and sends nothing anywhere. Only `collect` talks to a cluster, through your own kubectl, and only to read.
#[derive(Debug, Parser)]
#[command(
    name = "rootline",
    version,
    max_term_width = 100,
    infer_long_args = false,
    after_help = "\
Examples:
  rootline report ./incident -o postmortem.html
  rootline timeline ./incident
  rootline signals ./incident --output ndjson | jq .signal
  rootline collect -o bundle.tar.zst && rootline report bundle.tar.zst

Exit codes: 0 done, also when nothing was found; 1 it could not be done; 2 wrong usage; 3 a cascade was found and --fail-on cascade was given"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) shared: Shared,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Builds the command line: what the derived one cannot say stands here.
pub(super) fn command() -> clap::Command {
    Arguments::command().mut_subcommand("config", |config| {
        config.mut_subcommand("show", |show| {
            show.mut_arg("paths", |paths| paths.required(false))
        })
    })
}

/// Builds it under the name by which it was called: kubectl hands its arguments to `kubectl-rootline`.
pub(super) fn command_of(given: &[OsString]) -> clap::Command {
    let called = given
        .first()
        .and_then(|name| Path::new(name).file_stem())
        .is_some_and(|name| name == "kubectl-rootline");
    if called {
        command().bin_name("kubectl rootline")
    } else {
        command()
    }
}

/// Options of every subcommand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Shared {
    /// When to colour the output
    ///
    /// `auto` colours what goes to a terminal, unless NO_COLOR is set or the terminal is dumb.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "ROOTLINE_COLOR",
        hide_env_values = true
    )]
    pub(super) color: When,
    /// When to make evidence clickable (OSC 8 links to the file)
    ///
    /// `auto` does so on terminals that are known to support it. Links are escape sequences, as colours are: without colour there are none.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "ROOTLINE_HYPERLINKS",
        hide_env_values = true
    )]
    pub(super) hyperlinks: When,
    /// Read no configuration file, neither yours nor the incident's
    #[arg(long, global = true)]
    pub(super) no_config: bool,
}

/// When to do something that only some outputs bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// Where the output bears it
    Auto,
    /// Whatever the output is
    Always,
    /// Not at all
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write the postmortem, and print its summary
    Report(report::ReportArgs),
    /// Write the files in which people complete a postmortem
    Init(init::InitArgs),
    /// List every recognised signal with its evidence, in time order
    Signals(signals::SignalsArgs),
    /// Print the cascade and the merged timeline
    Timeline(timeline::TimelineArgs),
    /// Tell what each file is, why, and what will be read from it
    Detect(detect::DetectArgs),
    /// Look up every citation of a report in its input again, and add up its account
    Verify(verify::VerifyArgs),
    /// Explain a signal, rule, mechanism, factor or format; or one line of a file
    Explain(explain::ExplainArgs),
    /// List, show or check grammars
    Grammar(grammar::GrammarArgs),
    /// Gather from a cluster what a report is made of, before it is gone
    Collect(Box<collect::CollectArgs>),
    /// Try admission policies on what was really asked of the cluster
    Policy(policy::PolicyArgs),
    /// Show where each setting comes from
    Config(config::ConfigArgs),
    /// Print the JSON Schema of what Rootline writes
    Schema(schema::SchemaArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print or write the manual pages
    Man(man::ManArgs),
    /// Read many past incidents into tables, and answer questions about them
    #[cfg(feature = "batch")]
    Batch(batch::BatchArgs),
    /// Read incidents named on standard input and print their rows, for an engine
    #[cfg(feature = "batch")]
    Worker(batch::WorkerArgs),
}

#[derive(Debug, Args)]
pub(super) struct Input {
    /// Files, directories, archives and patterns of the incident; `-` is standard input
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// Leave out what happened before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time, env = "ROOTLINE_SINCE", hide_env_values = true, help_heading = TIME)]
    since: Option<DateTime<Utc>>,
    /// Leave out what happened after this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = parse_time, env = "ROOTLINE_UNTIL", hide_env_values = true, help_heading = TIME)]
    until: Option<DateTime<Utc>>,
    /// Zone of stamps that have none, as +02:00
    ///
    /// Without it, the zone is found by comparing with sources that have one; where that is not possible, UTC is assumed, and the
    /// report says so.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true, value_parser = parse_zone, env = "ROOTLINE_ZONE", hide_env_values = true, help_heading = TIME)]
    zone: Option<FixedOffset>,
    /// Year of stamps that have none, such as klog's
    #[arg(long, value_name = "YEAR", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(1970..=9999), env = "ROOTLINE_YEAR", hide_env_values = true, help_heading = TIME)]
    year: Option<i32>,
    /// Files whose path fits GLOB speak for NODE; may be given several times
    #[arg(
        long,
        value_name = "GLOB=NODE",
        value_parser = parse_node_of,
        env = "ROOTLINE_NODE_OF",
        hide_env_values = true,
        help_heading = READING
    )]
    node_of: Vec<NodeOf>,
    #[command(flatten)]
    redact: Redact,
    #[command(flatten)]
    limit: Limit,
    /// Grammars of your own, beside the built-in ones or in place of them; may be given several times
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "ROOTLINE_GRAMMARS", hide_env_values = true, help_heading = READING)]
    pub(super) grammars: Vec<PathBuf>,
    /// Worker threads; the result does not depend on it
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_jobs, env = "ROOTLINE_JOBS", hide_env_values = true, help_heading = READING)]
    pub(super) jobs: Option<usize>,
    /// No notes, no progress and no summary
    #[arg(short, long, env = "ROOTLINE_QUIET", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new(), help_heading = "Output")]
    pub(super) quiet: bool,
}

const TIME: &str = "Time";
const READING: &str = "How the input is read";

impl Input {
    /// Returns what is read at most.
    pub(super) fn limits(&self) -> Limits {
        self.limit.limits()
    }

    /// Returns what is to be hidden.
    pub(super) fn redaction(&self) -> redact::Options {
        self.redact.options()
    }

    /// Returns what the user told about the input.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since > until
        {
            return Err(Failure::Usage {
                what: format!("nothing lies after {since} and before {until}"),
                hint: "--since is where the time that counts begins, --until where it ends".into(),
            });
        }
        let node_of = self
            .node_of
            .iter()
            .map(|rule| (rule.glob.clone(), rule.node.clone()));
        Ok(Options {
            align: align::Options {
                year: self.year,
                zone: self.zone,
                node_of: node_of.collect(),
            },
            since: self.since,
            until: self.until,
        })
    }
}

/// Files, and the node that they speak for.
#[derive(Debug, Clone)]
struct NodeOf {
    glob: globset::GlobMatcher,
    node: String,
}

fn parse_node_of(text: &str) -> Result<NodeOf, String> {
    let example = "for example 'logs/worker-a/*=worker-a'";
    let (glob, node) = text
        .rsplit_once('=')
        .filter(|(glob, node)| !glob.is_empty() && !node.is_empty())
        .ok_or_else(|| format!("not GLOB=NODE; {example}"))?;
    let glob = globset::Glob::new(glob).map_err(|error| format!("{error}; {example}"))?;
    Ok(NodeOf {
        glob: glob.compile_matcher(),
        node: node.to_owned(),
    })
}

/// Whether people are named. Not a setting of a file: it is asked for each time.
#[derive(Debug, Args)]
pub(super) struct Identities {
    /// Show the names of people and accounts instead of their roles; the report says that it does
    #[arg(long, help_heading = "People")]
    pub(super) reveal_identities: bool,
}

impl Identities {
    /// Returns the roles to show.
    pub(super) fn roles(&self, incident: &Incident) -> Roles {
        if self.reveal_identities {
            Roles::none()
        } else {
            Roles::of(incident)
        }
    }
}

pub(super) fn parse_jobs(text: &str) -> Result<usize, String> {
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

pub(super) fn parse_zone(text: &str) -> Result<FixedOffset, String> {
    if matches!(text, "UTC" | "utc" | "Z") {
        return FixedOffset::east_opt(0).ok_or_else(String::new);
    }
    text.parse()
        .map_err(|_| "not an offset; for example +02:00 or UTC".into())
}
