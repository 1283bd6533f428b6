//! `rootline explain`: what a signal, rule, factor, mechanism, format or constant is; or what was and was not recognised in one line of a file.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};

use super::hide::Redact;
use super::{Failure, grammar, load_grammars, print};
use crate::collect;
use crate::grammar::Grammars;
use crate::grammar::peel::Record;
use crate::model::When;
use crate::pipeline;
use crate::redact;
use crate::render::escape::visible as safe;

/// Longest part of a line that is shown.
const SHOWN: usize = 4_000;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline explain pull_failed\n  rootline explain no-space-then-disk-pressure\n  rootline explain mutable-tag\n  rootline explain incident/kubelet.log:812\n  rootline explain 'bundle.tar.gz!logs/kubelet.log:812'"
)]
pub(super) struct ExplainArgs {
    /// An id, or FILE:LINE
    #[arg(value_name = "ID|FILE:LINE")]
    pub(super) what: String,
    #[command(flatten)]
    pub(super) redact: Redact,
    /// Grammars of your own, beside the built-in ones or in place of them; may be given several times
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, env = "ROOTLINE_GRAMMARS", hide_env_values = true)]
    pub(super) grammars: Vec<PathBuf>,
}

pub(super) fn run(command: &ExplainArgs) -> Result<ExitCode, Failure> {
    if let Some((file, line)) = place_of(&command.what) {
        let grammars = load_grammars(&command.grammars)?;
        print(&explain_line(
            &grammars,
            &file,
            line,
            &command.redact.options(),
        )?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if PathBuf::from(&command.what).is_file() {
        return Err(Failure::Usage {
            what: format!("\"{}\" is a file: which of its lines?", command.what),
            hint: format!(
                "`rootline explain {}:1` explains its first line, `rootline detect` all of it",
                command.what
            ),
        });
    }
    if let Some(text) = pipeline::explain_factor(&command.what.replace('_', "-")) {
        print(&format!("{text}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let grammars = load_grammars(&command.grammars)?;
    match in_words(&grammars, &command.what) {
        Some(text) => print(&text)?,
        None => grammar::show(&command.what, &command.grammars)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what a signal, rule, mechanism, format or constant is; nothing for any other name.
fn in_words(grammars: &Grammars, id: &str) -> Option<String> {
    let (dashed, id) = (id.replace('_', "-"), id.replace('-', "_"));
    let mut out = String::new();
    let mut say = |name: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "  {name:<12} {text}");
        }
    };
    let title = if let Some(signal) = grammars.signals.iter().find(|s| s.kind == id) {
        let about = grammars.vocabulary.signal.get(&signal.kind);
        say("is", about.map_or("", |word| word.about.as_str()));
        say("proves", &signal.proves);
        signal.does_not_prove.iter().for_each(|not| say("not", not));
        for wording in &signal.wordings {
            say("wording", &wording.shown());
            let by = match wording.components.is_empty() {
                true => wording.of.clone(),
                false => wording.components.join(", "),
            };
            let source = wording.source.as_deref().unwrap_or("no source is given");
            say("", &format!("{by}; {source}"));
        }
        format!("signal {}: {}", signal.kind, signal.title)
    } else if let Some(rule) = grammars.rules.iter().find(|r| r.id == dashed) {
        say("cause", &rule.cause);
        say("effect", &rule.effect);
        say("about one", &rule.share.join(", "));
        say("within", &rule.within);
        say("unless", &rule.unless.join(", "));
        say("says", &rule.because);
        say("confidence", rule.confidence.name());
        rule.mistaken_when
            .iter()
            .for_each(|when| say("mistaken", &format!("when {when}")));
        say("source", rule.source.as_deref().unwrap_or_default());
        format!("causal rule {}: {}", rule.id, rule.title)
    } else if let Some(mechanism) = grammars.mechanisms.iter().find(|m| m.id == id) {
        say("says", &mechanism.explanation);
        say("about", &mechanism.anchors.join(", "));
        say("needs link", &mechanism.any_link.join(" or "));
        say("needs signal", &mechanism.any_signal.join(" or "));
        say("yields to", &mechanism.yields_to.join(", "));
        say("weighed with", &mechanism.rivals.join(", "));
        say("ruled out", &mechanism.absent);
        for help in &mechanism.helps {
            say(&help.class, &help.text);
        }
        format!("mechanism {}: {}", mechanism.id, mechanism.title)
    } else if let Some(format) = grammars.peeler.format(&dashed) {
        say("is", &format.about);
        say("source", &format.source);
        format
            .patterns
            .iter()
            .for_each(|pattern| say("pattern", pattern.text()));
        say("not read", format.unread.as_deref().unwrap_or_default());
        format!("format {}: {}", format.id, format.title)
    } else if let Some(constant) = grammars.physics.constant.get(&id) {
        say("is", &constant.about);
        say("value", &constant.value);
        for step in &constant.by_version {
            say(
                "",
                &format!("{} since Kubernetes {}", step.value, step.since),
            );
        }
        say("set by", constant.flag.as_deref().unwrap_or_default());
        say("source", &constant.source);
        format!("constant {id}")
    } else {
        return None;
    };
    let file = if grammars.physics.constant.contains_key(&id) {
        &id
    } else {
        &dashed
    };
    Some(format!(
        "{title}\n{out}  file         `rootline grammar show {file}`\n"
    ))
}

/// `FILE:LINE`; `!member` may stand between them. No id has a colon.
fn place_of(what: &str) -> Option<(String, u64)> {
    let (file, line) = what.rsplit_once(':')?;
    let line = line.parse().ok().filter(|line| *line > 0)?;
    Some((file.to_owned(), line))
}

fn explain_line(
    grammars: &Grammars,
    file: &str,
    line: u64,
    redaction: &redact::Options,
) -> Result<String, Failure> {
    // Hidden before it is taken apart: no layer shows what the line must not.
    let text = redact::redact_text(&read_line(file, line)?, redaction, &grammars.secrets);
    let mut out = format!("{}:{line}\n", safe(file));
    let shown: String = text.chars().take(SHOWN).collect();
    let _ = writeln!(out, "  line       {}", safe(&shown));
    let records = grammars.peeler.peel_line(&text);
    if records.iter().all(|r| r.formats.is_empty()) {
        let _ = writeln!(
            out,
            "  format     none known: searched for known messages only"
        );
    }
    for record in &records {
        explain_record(grammars, record, &mut out);
    }
    Ok(out)
}

fn explain_record(grammars: &Grammars, record: &Record, out: &mut String) {
    for (depth, id) in record.formats.iter().enumerate() {
        let title = grammars.peeler.format(id).map_or("", |f| f.title.as_str());
        let _ = writeln!(out, "  layer {:<4} {id} ({title})", depth + 1);
    }
    if record.of != "log" {
        let _ = writeln!(out, "  record     {}", record.of);
    }
    for reading in &record.readings {
        let told = match &reading.when {
            When::Utc(at) => format!("{} UTC", at.format("%Y-%m-%d %H:%M:%S%.f")),
            When::Local(_) => "a date and time without a zone".to_owned(),
            When::Yearless { .. } => "no year and no zone".to_owned(),
            When::Dateless(_) => "a time of day without a date".to_owned(),
            When::Ago(_) => "an age: what it counts from is not in the line".to_owned(),
            When::SinceBoot(_) => "seconds since boot: when that was is not in the line".to_owned(),
        };
        let _ = writeln!(out, "  stamp      {} ({told})", safe(&reading.text));
    }
    for (name, value) in [("component", &record.component), ("host", &record.host)] {
        if let Some(value) = value {
            let _ = writeln!(out, "  {name:<10} {}", safe(value));
        }
    }
    for (name, value) in &record.fields {
        let value: String = value.chars().take(300).collect();
        let _ = writeln!(out, "  field      {} = {}", safe(name), safe(&value));
    }
    if !record.formats.is_empty() {
        let body: String = record.body.chars().take(600).collect();
        let _ = writeln!(out, "  message    {}", safe(&body));
    }
    if record.object.is_some() {
        let _ = writeln!(
            out,
            "  object     read by the reader of its format; `rootline signals` shows what it says"
        );
        return;
    }
    match grammars.find_signal(record) {
        Some((kind, found)) => {
            let _ = writeln!(out, "  says       {}: {}", kind.kind, kind.title);
            if let Some(cause) = &found.cause {
                let _ = writeln!(out, "  cause      {cause}");
            }
            for (name, value) in &found.entities {
                let _ = writeln!(out, "  about      {name} {}", safe(value));
            }
            if let Some(wording) = kind
                .wordings
                .iter()
                .find(|w| w.find(record, &grammars.vocabulary).as_ref() == Some(&found))
            {
                let _ = writeln!(out, "  wording    {}", safe(&wording.shown()));
                if let Some(source) = &wording.source {
                    let _ = writeln!(out, "  known from {source}");
                }
            }
            let _ = writeln!(out, "  proves     {}", kind.proves);
            for not in &kind.does_not_prove {
                let _ = writeln!(out, "  not        {not}");
            }
        }
        None => {
            let _ = writeln!(out, "  says       nothing that is a signal");
            nearest(grammars, record, out);
        }
    }
}

/// Shows the wordings that almost matched, and where each broke off.
fn nearest(grammars: &Grammars, record: &Record, out: &mut String) {
    let mut near: Vec<(f64, &str, String, String)> = grammars
        .signals
        .iter()
        .flat_map(|kind| kind.wordings.iter().map(move |w| (kind, w)))
        .filter(|(_, w)| w.of == record.of)
        .filter_map(|(kind, wording)| {
            let near = wording.nearness(record);
            let broke = wording.broke_off(record)?;
            (near >= 0.6).then(|| (near, kind.kind.as_str(), wording.shown(), broke))
        })
        .collect();
    near.sort_by(|a, b| {
        b.0.total_cmp(&a.0)
            .then_with(|| (a.1, &a.2).cmp(&(b.1, &b.2)))
    });
    for (_, kind, wording, broke) in near.iter().take(3) {
        let _ = writeln!(out, "  almost     {kind}: {}", safe(wording));
        let _ = writeln!(out, "             {}", safe(broke));
    }
}

/// Reads one line of a file or member, decompressed.
fn read_line(file: &str, line: u64) -> Result<String, Failure> {
    let stored = PathBuf::from(file.split('!').next().unwrap_or(file));
    if !stored.exists() {
        return Err(Failure::Read {
            path: stored.display().to_string(),
            error: std::io::Error::new(
                std::io::ErrorKind::NotFound,
                "there is no such file or directory",
            ),
        });
    }
    let (collection, _) = collect::collect(&[stored]);
    let fail = |why: &str| Failure::Read {
        path: format!("{file}:{line}"),
        error: std::io::Error::other(why.to_owned()),
    };
    let (detections, _) = pipeline::look(&collection.sources, &load_grammars(&[])?);
    let (source, detection) = collection
        .sources
        .iter()
        .zip(&detections)
        .find(|(source, _)| source.path == file)
        .ok_or_else(|| {
            let skipped = collection.skipped.iter().find(|s| s.path == file);
            fail(skipped.map_or(
                "it is a directory or an archive, or has no such member",
                |s| s.why.as_str(),
            ))
        })?;
    if detection.formats == ["binary"] {
        return Err(fail(&format!("it is no text: {}", detection.why)));
    }
    let stream = source
        .content
        .open()
        .map_err(|error| fail(&error.to_string()))?;
    let mut reader = BufReader::new(pipeline::decoded(stream, detection));
    let mut bytes = Vec::new();
    for number in 1..=line {
        bytes.clear();
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) => return Err(fail(&format!("it has only {} lines", number - 1))),
            Ok(_) => {}
            Err(error) => return Err(fail(&error.to_string())),
        }
    }
    Ok(String::from_utf8_lossy(&bytes)
        .trim_end_matches(['\n', '\r'])
        .to_owned())
}
