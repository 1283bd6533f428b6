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
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

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

The bundle holds what your cluster wrote, word for word: treat it as you treat the logs themselves. Secrets and ConfigMaps are \
never asked for, but the environment in a pod's specification is part of the pod. Stopped with Ctrl-C, it writes what came until \
then. docs/collecting.md has the rights that each request needs.")]
pub(super) struct CollectArgs {
    /// Archive to write: .tar.zst, .tar.gz or .tar; one that exists is not overwritten
    #[arg(short, long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Only what lies in this namespace; may be given several times. Nodes and the control plane are asked for as well
    #[arg(short, long, value_name = "NAME", value_parser = parse_namespace, help_heading = ASKED)]
    namespace: Vec<String>,
    /// Logs from this time on: a duration as 90m, 6h, 2d, or a time (RFC 3339). Events and objects come whole
    #[arg(long, value_name = "WHEN", default_value = "6h", value_parser = parse_since, help_heading = ASKED)]
    since: Since,
    /// Only this node's logs; may be given several times
    #[arg(long, value_name = "NAME", value_parser = parse_node, help_heading = ASKED)]
    node: Vec<String>,
    /// Most nodes whose logs are asked for; those in trouble come first
    #[arg(long, value_name = "N", default_value = "50", value_parser = parse_max_nodes, help_heading = ASKED)]
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
    /// How long one request may take, in seconds; a kubectl that takes longer is ended, and what came of it is kept
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u32).range(1..=3600), help_heading = CLUSTER)]
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
    let file = bundle::begin(&command.output)?;
    let asked_at = DateTime::<Utc>::from(std::time::SystemTime::now());
    let since = match command.since {
        Since::Before(span) => asked_at - span,
        Since::At(at) => at,
    };
    let kubectl = Kubectl {
        program: command.kubectl.clone(),
        flags: flags(command),
        timeout: Duration::from_secs(command.timeout.into()),
        stop: stopped_by_signals(),
    };
    let progress = Progress {
        shown: !command.quiet && std::io::stderr().is_terminal(),
    };
    let mut answers = kubectl.ask_all(plan::first(&command.namespace), &|done, all| {
        progress.show(done, all)
    })?;
    if answers.iter().all(|a| a.content.is_none()) {
        progress.clear();
        let stopped = kubectl.is_stopped().then_some("it was stopped");
        let reason = answers.iter().map(Answer::reason).find(|r| !r.is_empty());
        return Err(Failure::Cluster {
            why: reason.or(stopped).unwrap_or_default().to_owned(),
        });
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
    let stopped = kubectl.is_stopped();
    let head = bundle::Head {
        asked_at,
        since,
        namespaces: command.namespace.clone(),
        context: kubectl.context(),
        not_asked,
        stopped,
    };
    bundle::write(file, &command.output, packing, &head, &mut answers)?;
    if !command.quiet {
        print(&summary(&answers, &head))?;
    }
    let path = command.output.display().to_string();
    note(command.quiet, &format!("wrote {path}"));
    if stopped {
        return Err(Failure::Stopped { path });
    }
    if !answers
        .iter()
        .any(|a| a.content.is_some() && plan::is_evidence(&a.request))
    {
        return Err(Failure::NothingCame { path });
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns what becomes true when somebody stops it: at the keyboard, by ending it, by hanging up. A second time at the keyboard ends it at once.
fn stopped_by_signals() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        use signal_hook::flag;
        // Where that is not possible, a signal ends it as usual.
        let _ = flag::register_conditional_shutdown(SIGINT, 130, stop.clone());
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let _ = flag::register(signal, stop.clone());
        }
    }
    stop
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
    if head.stopped {
        out.push_str("  STOPPED    before all was asked: what came until then is kept\n");
    }
    for answer in answers
        .iter()
        .filter(|a| plan::is_events(&a.request) && a.status != Status::Came)
    {
        let _ = writeln!(
            out,
            "  MISSING    {}: most of what a report can tell rests on Events, and the cluster forgets them after an hour",
            safe(&answer.request.what)
        );
    }
    for (status, word) in [
        (Status::Refused, "refused"),
        (Status::TimedOut, "timed out"),
        (Status::Failed, "failed"),
        (Status::Cut, "cut off"),
        (Status::Stopped, "stopped"),
        (Status::NotThere, "not there"),
    ] {
        // What was said once for many is told once.
        let mut rows: Vec<(&str, Vec<&Answer>)> = Vec::new();
        for answer in of(status) {
            match rows
                .iter_mut()
                .find(|(reason, _)| *reason == answer.reason())
            {
                Some((_, alike)) => alike.push(answer),
                None => rows.push((answer.reason(), vec![answer])),
            }
        }
        for (reason, alike) in rows.iter().take(8) {
            let what = alike.first().map_or("", |a| a.request.what.as_str());
            let more = match alike.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let reason: String = reason.chars().take(160).collect();
            let reason = if reason.is_empty() {
                String::new()
            } else {
                format!(": {}", safe(&reason))
            };
            let kept: u64 = alike.iter().map(|a| a.bytes).sum();
            let kept = match kept {
                0 => String::new(),
                kept => format!(" ({kept} bytes that came are kept)"),
            };
            let _ = writeln!(out, "  {word:<10} {}{more}{reason}{kept}", safe(what));
        }
        let left: usize = rows.iter().skip(8).map(|(_, alike)| alike.len()).sum();
        if left > 0 {
            let _ = writeln!(out, "  {word:<10} {left} more; manifest.json has all");
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

/// # Source
/// Kubernetes, "Object Names and IDs": namespaces are RFC 1123 labels, nodes RFC 1123 subdomains. What is none would reach kubectl as another argument or path.
fn parse_name(text: &str, most: usize, dots: bool) -> Result<String, String> {
    let part = |part: &str| {
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        edge(part.chars().next())
            && edge(part.chars().next_back())
            && part.chars().all(|c| c == '-' || edge(Some(c)))
    };
    let fits = text.len() <= most
        && if dots {
            text.split('.').all(part)
        } else {
            part(text)
        };
    let also = if dots {
        ", hyphens and dots"
    } else {
        " and hyphens"
    };
    fits.then(|| text.to_owned()).ok_or_else(|| {
        format!("no name of Kubernetes: those have lower case letters, digits{also}")
    })
}

fn parse_namespace(text: &str) -> Result<String, String> {
    parse_name(text, 63, false)
}

fn parse_node(text: &str) -> Result<String, String> {
    parse_name(text, 253, true)
}

fn parse_max_nodes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("to ask no node, use --no-node-logs".to_owned()),
        Ok(most) => Ok(most),
        Err(_) => Err("not a number".to_owned()),
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
    use super::{Since, parse_namespace, parse_node, parse_since};

    #[test]
    fn names_are_those_that_kubernetes_takes() {
        for name in ["shop", "a", "kube-system", "4711"] {
            assert!(parse_namespace(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "a.b",
            "Shop",
            "-a",
            "a-",
            "--all-namespaces",
            "a b",
            "a;b",
            "../b",
            &"a".repeat(64),
        ] {
            assert!(parse_namespace(name).is_err(), "{name}");
        }
        assert!(parse_node("ip-192-0-2-7.ec2.internal").is_ok());
        for name in ["..", "a..b", "a/b", "a?b", ".a"] {
            assert!(parse_node(name).is_err(), "{name}");
        }
    }

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
