//! `rootline collect`: everything a report can be made of, gathered from a cluster before it is gone, with one command.
//!
//! Asks through the user's own kubectl, with the user's own rights, and only to read: `get`, `logs` and `version`. Writes an archive that
//! `rootline report` takes as it is, with a manifest of what was asked, what came, and what was refused. Start with [`run`]; what is asked
//! stands in `plan`, how in `kubectl`, and the archive in `bundle`. The one command that reads the clock: Events are gone after an hour, and
//! logs are asked for from a time on.

mod bundle;
mod kubectl;
mod plan;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueHint};

use super::{Failure, note, print};
use crate::render::terminal::safe;
use kubectl::{Answer, Kubectl, Request, Status};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rootline collect -o bundle.tar.zst
  rootline collect -o bundle.tar.zst --namespace shop --namespace payments --since 3h
  rootline collect -o bundle.tar.zst --node worker-a --node worker-b
  kubectl rootline collect -o bundle.tar.zst && kubectl rootline report bundle.tar.zst

The bundle holds what your cluster wrote, word for word: treat it as you treat the logs themselves. Secrets and ConfigMaps are
never asked for, but the environment in a pod's specification is part of the pod. docs/collecting.md has the rights that each request needs.")]
pub(super) struct CollectArgs {
    /// Archive to write: .tar.zst, .tar.gz or .tar; one that exists is not overwritten
    #[arg(short, long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Only what lies in this namespace; may be given several times. Nodes and the control plane are asked for as well
    #[arg(short, long, value_name = "NAME", help_heading = ASKED)]
    namespace: Vec<String>,
    /// Logs from this time on: a duration as 90m, 6h, 2d, or a time (RFC 3339). Events and objects come whole
    #[arg(long, value_name = "WHEN", default_value = "6h", value_parser = parse_since, help_heading = ASKED)]
    since: Since,
    /// Only this node's logs; may be given several times
    #[arg(long, value_name = "NAME", help_heading = ASKED)]
    node: Vec<String>,
    /// Most nodes whose logs are asked for; those in trouble come first
    #[arg(long, value_name = "N", default_value = "50", help_heading = ASKED)]
    max_nodes: usize,
    /// Ask no node for its logs, settings and disk usage: they need the right to `nodes/proxy`, which is a strong one
    #[arg(long, help_heading = ASKED)]
    no_node_logs: bool,
    /// Context of the kubeconfig; otherwise the current one
    #[arg(long, value_name = "NAME", help_heading = CLUSTER)]
    context: Option<String>,
    /// The kubeconfig; otherwise what kubectl takes
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = CLUSTER)]
    kubeconfig: Option<PathBuf>,
    /// The kubectl to ask through
    #[arg(long, value_name = "FILE", default_value = "kubectl", value_hint = ValueHint::ExecutablePath, env = "ROOTLINE_KUBECTL", hide_env_values = true, help_heading = CLUSTER)]
    kubectl: PathBuf,
    /// How long one request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "120", help_heading = CLUSTER)]
    timeout: u32,
    /// No notes, no progress and no summary
    #[arg(short, long)]
    quiet: bool,
}

const ASKED: &str = "What is asked for";
const CLUSTER: &str = "Cluster";

/// From when on.
#[derive(Debug, Clone, Copy)]
enum Since {
    Before(TimeDelta),
    At(DateTime<Utc>),
}

pub(super) fn run(command: &CollectArgs) -> Result<ExitCode, Failure> {
    let packing = bundle::Packing::of(&command.output)?;
    if command.output.exists() {
        return Err(Failure::Usage {
            what: format!(
                "\"{}\" exists, and evidence is not overwritten",
                command.output.display()
            ),
            hint: "choose another -o FILE".into(),
        });
    }
    let asked_at = DateTime::<Utc>::from(std::time::SystemTime::now());
    let since = match command.since {
        Since::Before(span) => asked_at - span,
        Since::At(at) => at,
    };
    let kubectl = Kubectl {
        program: command.kubectl.clone(),
        flags: flags(command),
    };
    let progress = Progress {
        shown: !command.quiet && std::io::stderr().is_terminal(),
    };
    let mut answers = kubectl.ask_all(plan::first(&command.namespace), &|done, all| {
        progress.show(done, all)
    })?;
    if answers.iter().all(|a| a.status != Status::Came) {
        progress.clear();
        let why = answers
            .iter()
            .find_map(|a| a.said.clone())
            .unwrap_or_default();
        return Err(Failure::Cluster { why });
    }
    let nodes = plan::Nodes::choose(&answers, &command.node, command.max_nodes, since);
    let mut then = plan::control_plane(&answers, since);
    if !command.no_node_logs {
        then.extend(nodes.asked.iter().flat_map(|node| plan::node(node, since)));
    }
    answers.extend(kubectl.ask_all(then, &|done, all| progress.show(done, all))?);
    if !command.no_node_logs {
        // A node without the log query answers with a list of its files instead.
        let fallback: Vec<Request> = answers.iter_mut().flat_map(plan::from_listing).collect();
        answers.extend(kubectl.ask_all(fallback, &|done, all| progress.show(done, all))?);
    }
    progress.clear();
    let not_asked = if command.no_node_logs {
        Vec::new()
    } else {
        nodes.left_out
    };
    let head = bundle::Head {
        asked_at,
        since,
        namespaces: command.namespace.clone(),
        context: kubectl.context(),
        not_asked,
    };
    bundle::write(&command.output, packing, &head, &mut answers)?;
    if !command.quiet {
        print(&summary(&answers, &head))?;
    }
    note(
        command.quiet,
        &format!("wrote {}", command.output.display()),
    );
    Ok(ExitCode::SUCCESS)
}

fn flags(command: &CollectArgs) -> Vec<String> {
    let mut flags = vec![format!("--request-timeout={}s", command.timeout)];
    flags.extend(command.context.iter().map(|c| format!("--context={c}")));
    flags.extend(
        command
            .kubeconfig
            .iter()
            .map(|k| format!("--kubeconfig={}", k.display())),
    );
    flags
}

/// Says what came and what did not, and what that means for a report.
fn summary(answers: &[Answer], head: &bundle::Head) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    let of = |status: Status| answers.iter().filter(move |a| a.status == status);
    let bytes: u64 = answers.iter().map(|a| a.bytes).sum();
    let _ = writeln!(
        out,
        "{} of {} requests answered, {:.1} MiB",
        of(Status::Came).count() + of(Status::Cut).count(),
        answers.len(),
        bytes as f64 / 1024.0 / 1024.0
    );
    for (status, word) in [
        (Status::Refused, "refused"),
        (Status::Failed, "failed"),
        (Status::Cut, "cut off"),
        (Status::NotThere, "not there"),
    ] {
        let some: Vec<&Answer> = of(status).collect();
        for answer in some.iter().take(8) {
            let said = answer.said.as_deref().unwrap_or_default();
            let said: String = said
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(160)
                .collect();
            let _ = writeln!(
                out,
                "  {word:<10} {}: {}",
                safe(&answer.request.what),
                safe(&said)
            );
        }
        if some.len() > 8 {
            let _ = writeln!(
                out,
                "  {word:<10} {} more; manifest.json has all",
                some.len() - 8
            );
        }
    }
    if !head.not_asked.is_empty() {
        let _ = writeln!(
            out,
            "  not asked  {} nodes beyond --max-nodes",
            head.not_asked.len()
        );
    }
    if of(Status::Refused).count() > 0 {
        out.push_str("what was refused will be missing from a report; docs/collecting.md has the rights that each request needs\n");
    }
    out
}

/// One line on a terminal that tells how far it is.
struct Progress {
    shown: bool,
}

impl Progress {
    fn show(&self, done: usize, all: usize) {
        if self.shown {
            let _ = write!(anstream::stderr(), "\r\u{1b}[Kasked {done} of {all}");
        }
    }

    fn clear(&self) {
        if self.shown {
            let _ = write!(anstream::stderr(), "\r\u{1b}[K");
        }
    }
}

fn parse_since(text: &str) -> Result<Since, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(Since::At(at.to_utc()));
    }
    let wrong = || {
        "neither a duration nor a time; for example 90m, 6h, 2d or 2024-05-22T03:00:00Z".to_owned()
    };
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let count: i64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .map_err(|_| wrong())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    match count.checked_mul(seconds).and_then(TimeDelta::try_seconds) {
        Some(span) if count > 0 && span.num_days() <= 3660 => Ok(Since::Before(span)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Since, parse_since};

    #[test]
    fn durations_and_times_are_told_apart() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("6h", 21_600), ("2d", 172_800)] {
            assert!(
                matches!(parse_since(text), Ok(Since::Before(span)) if span.num_seconds() == seconds),
                "{text}"
            );
        }
        assert!(matches!(
            parse_since("2024-05-22T03:00:00+02:00"),
            Ok(Since::At(_))
        ));
        for text in [
            "",
            "6",
            "h",
            "-6h",
            "0h",
            "6w",
            "6 h",
            "yesterday",
            "99999999999999999999h",
            "9999999d",
            "é",
        ] {
            assert!(parse_since(text).is_err(), "{text}");
        }
    }
}
