//! `rootline policy`: presets of admission policies, and what any policy would have done on an incident's own objects.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Input;
use super::{Failure, fail_if_nothing_was_readable, investigate, print, print_raw};
use crate::pipeline::{self, PolicyTest};

/// Objects that are listed for one policy.
const LISTED: usize = 20;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline policy list\n  rootline policy show no-latest-tag\n  rootline policy backtest no-latest-tag ./incident\n  rootline policy backtest my-policy.yaml ./incident"
)]
pub(super) struct PolicyArgs {
    #[command(subcommand)]
    pub(super) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// List the presets
    #[command(after_help = "Examples:\n  rootline policy list")]
    List,
    /// Print a preset as ValidatingAdmissionPolicy with its binding
    #[command(
        after_help = "Examples:\n  rootline policy show no-latest-tag\n  rootline policy show max-image-size | kubectl apply --dry-run=server -f -"
    )]
    Show {
        /// Its id, as `rootline policy list` names it
        id: String,
    },
    /// Say which of an incident's objects a policy would have refused
    Backtest(Box<BacktestArgs>),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline policy backtest no-latest-tag ./incident\n  rootline policy backtest my-policy.yaml ./incident --output ndjson"
)]
pub(super) struct BacktestArgs {
    /// A file with ValidatingAdmissionPolicies or Kyverno policies with CEL, or the id of a preset
    #[arg(value_name = "POLICY")]
    pub(super) policy: String,
    #[command(flatten)]
    pub(super) input: Input,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: BacktestFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BacktestFormat {
    /// For people
    Text,
    /// One object a line: the verdict on each
    Ndjson,
}

pub(super) fn run(command: &PolicyArgs) -> Result<ExitCode, Failure> {
    match &command.command {
        PolicyCommand::List => {
            let mut text = String::new();
            for (id, about, mistaken) in pipeline::policy_presets() {
                let _ = writeln!(text, "{id:<26}{about} Mistaken when {mistaken}.");
            }
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Show { id } => {
            let text = pipeline::policy_text(id).ok_or_else(|| unknown(id))?;
            print_raw(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Backtest(command) => backtest(command),
    }
}

fn unknown(id: &str) -> Failure {
    let known: Vec<&str> = pipeline::policy_presets().map(|p| p.0).collect();
    Failure::Usage {
        what: format!("no preset is called \"{id}\", and there is no such file"),
        hint: format!("presets are {}", known.join(", ")),
    }
}

fn backtest(command: &BacktestArgs) -> Result<ExitCode, Failure> {
    let path = PathBuf::from(&command.policy);
    let text = if path.is_file() {
        std::fs::read_to_string(&path).map_err(|error| Failure::Read {
            path: command.policy.clone(),
            error,
        })?
    } else {
        pipeline::policy_text(&command.policy).ok_or_else(|| unknown(&command.policy))?
    };
    let (outcome, _) = investigate(&command.input)?;
    let tests =
        pipeline::test_policies(&text, &outcome.incident).map_err(|why| Failure::Usage {
            what: format!("\"{}\" cannot be read: {why}", command.policy),
            hint:
                "give YAML with a ValidatingAdmissionPolicy, or a Kyverno policy with validate.cel"
                    .into(),
        })?;
    match command.output {
        BacktestFormat::Text => print(&shown(&tests))?,
        BacktestFormat::Ndjson => print_raw(&lines(&tests))?,
    }
    fail_if_nothing_was_readable(&command.input.paths, &outcome.incident)?;
    Ok(ExitCode::SUCCESS)
}

fn shown(tests: &[PolicyTest]) -> String {
    let mut text = String::new();
    for test in tests {
        let _ = writeln!(text, "{}\n  {}", test.policy, test.said);
        let refused: Vec<_> = test
            .trials
            .iter()
            .filter(|t| t.verdict == "refused")
            .collect();
        for trial in refused.iter().take(LISTED) {
            let at = trial.at.as_deref().unwrap_or("time not known");
            let _ = writeln!(text, "    {at}  {}: {}", trial.object, trial.why);
        }
        if refused.len() > LISTED {
            let _ = writeln!(text, "    … and {} more", refused.len() - LISTED);
        }
    }
    text
}

fn lines(tests: &[PolicyTest]) -> String {
    let mut text = String::new();
    for test in tests {
        for trial in &test.trials {
            let line = serde_json::json!({
                "policy": test.policy,
                "object": trial.object,
                "at": trial.at,
                "of_cascade": trial.of_cascade,
                "verdict": trial.verdict,
                "why": trial.why,
            });
            let _ = writeln!(text, "{line}");
        }
    }
    text
}
