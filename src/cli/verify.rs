//! `rootline verify`: every citation of a report is looked up in the input again, and the account of files and bytes is added up.
//!
//! Takes a JSON report and the paths it was made of, which may lie elsewhere by now; gives what does not hold, one line each. Needs no grammar:
//! ranges, hashes, texts and sums are enough. Does not judge conclusions, only what they rest on.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};
use regex::Regex;

use super::{Failure, print};
use crate::collect;
use crate::model::Source;
use crate::model::hash;
use crate::render::escape::visible;
use crate::wire::v1::{EvidenceRow, Report, SCHEMA, SourceRow};

/// Mistakes that are printed; the rest is counted.
const SHOWN: usize = 50;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  rootline report ./incident -o postmortem.json\n  rootline verify postmortem.json ./incident"
)]
pub(super) struct VerifyArgs {
    /// A report that was written with --format json
    #[arg(value_name = "REPORT.json", value_hint = ValueHint::FilePath)]
    report: PathBuf,
    /// The files, directories and archives that it was made of, wherever they lie now
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
}

pub(super) fn run(command: &VerifyArgs) -> Result<ExitCode, Failure> {
    let report = read_report(&command.report)?;
    for path in &command.paths {
        if !path.exists() {
            return Err(Failure::Read {
                path: path.display().to_string(),
                error: std::io::Error::new(
                    std::io::ErrorKind::NotFound,
                    "there is no such file or directory",
                ),
            });
        }
    }
    let (collection, _) = collect::collect(&command.paths);
    let mut wrong = Vec::new();
    add_up(&report, &mut wrong);
    references(&report, &mut wrong);
    let cited = citations(&report, &collection.sources, &mut wrong);
    let count = wrong.len();
    let mut out = String::new();
    for line in wrong.iter().take(SHOWN) {
        out.push_str(&visible(line));
        out.push('\n');
    }
    if count > SHOWN {
        out.push_str(&format!("and {} more\n", count - SHOWN));
    }
    if count == 0 {
        out.push_str(&format!(
            "everything holds: {cited} citations in {} sources, and the account of {} files\n",
            report.sources.len(),
            report.ledger.files
        ));
    }
    print(&out)?;
    if count > 0 {
        return Err(Failure::Unverified { count });
    }
    Ok(ExitCode::SUCCESS)
}

fn read_report(path: &std::path::Path) -> Result<Report, Failure> {
    let fail = |error: std::io::Error| Failure::Read {
        path: path.display().to_string(),
        error,
    };
    let text = std::fs::read_to_string(path).map_err(fail)?;
    let no_report = |why: String| Failure::Usage {
        what: format!(
            "\"{}\" is no JSON report of this version: {why}",
            path.display()
        ),
        hint: "`rootline report PATH -o postmortem.json` writes one".into(),
    };
    let report: Report =
        serde_json::from_str(&text).map_err(|error| no_report(error.to_string()))?;
    if report.schema != SCHEMA {
        return Err(no_report(format!("its schema is \"{}\"", report.schema)));
    }
    Ok(report)
}

/// The account: totals are the sums of their parts.
fn add_up(report: &Report, wrong: &mut Vec<String>) {
    let own: BTreeSet<&str> = report.sources.iter().map(|s| s.path.as_str()).collect();
    let unopened = || {
        report
            .ledger
            .skipped
            .iter()
            .filter(|s| !own.contains(s.path.as_str()))
    };
    let sum = |of: fn(&SourceRow) -> u64| report.sources.iter().map(of).sum::<u64>();
    let totals = [
        (
            "files",
            report.ledger.files,
            report.sources.len() as u64 + unopened().count() as u64,
        ),
        (
            "bytes",
            report.ledger.bytes,
            sum(|s| s.bytes) + unopened().map(|s| s.bytes).sum::<u64>(),
        ),
        (
            "bytes read",
            report.ledger.bytes_read,
            sum(|s| s.bytes_read),
        ),
        ("records", report.ledger.records, sum(|s| s.records)),
    ];
    for (name, said, summed) in totals {
        if said != summed {
            wrong.push(format!(
                "the ledger says {said} {name}, its parts add up to {summed}"
            ));
        }
    }
    let left: u64 = report.ledger.skipped.iter().map(|s| s.bytes).sum();
    let unread = report.ledger.bytes.saturating_sub(report.ledger.bytes_read);
    if left != unread {
        wrong.push(format!(
            "the ledger leaves {unread} bytes unread, and gives reasons for {left}"
        ));
    }
}

/// Everything that is cited is there, and every signal has a record.
fn references(report: &Report, wrong: &mut Vec<String>) {
    let known: BTreeSet<&str> = report.signals.iter().map(|s| s.id.as_str()).collect();
    let mut cite = |by: &str, ids: &[String]| {
        for id in ids.iter().filter(|id| !known.contains(id.as_str())) {
            wrong.push(format!(
                "{by} cites \"{id}\", which is no signal of this report"
            ));
        }
    };
    for sentence in &report.incident.summary_cited {
        cite("the summary", &sentence.signals);
    }
    for c in &report.cascades {
        cite(&c.id, &c.signals);
        cite(&c.id, std::slice::from_ref(&c.origin));
        cite(&c.id, c.trigger.as_slice());
        cite(&c.id, &c.recovery.ended_by);
        for link in &c.links {
            cite(&link.rule, &[link.cause.clone(), link.effect.clone()]);
            cite(&link.rule, &link.others);
        }
        c.hops.iter().for_each(|h| cite(&c.id, &h.signals));
        c.ruled_out
            .iter()
            .for_each(|r| cite(&r.mechanism, &r.evidence));
        c.contradictions
            .iter()
            .for_each(|x| cite(&c.id, &x.signals));
    }
    report
        .conditions
        .iter()
        .for_each(|c| cite(&c.condition, &c.evidence));
    report.factors.iter().for_each(|f| cite(&f.id, &f.evidence));
    report
        .metrics
        .iter()
        .for_each(|(name, m)| cite(name, &m.evidence));
    for signal in report.signals.iter().filter(|s| s.evidence.is_empty()) {
        wrong.push(format!("{} has no record", signal.id));
    }
}

/// Looks up every record. Returns how many there are.
fn citations(report: &Report, sources: &[Source], wrong: &mut Vec<String>) -> usize {
    let mut by_path: BTreeMap<&str, Vec<(&str, &EvidenceRow)>> = BTreeMap::new();
    let mut count = 0;
    for signal in &report.signals {
        for row in &signal.evidence {
            by_path
                .entry(&row.path)
                .or_default()
                .push((&signal.id, row));
            count += 1;
        }
    }
    let mut found: Vec<(&str, &Source)> = Vec::new();
    let mut missing = Vec::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    for row in &report.sources {
        match place_of(&row.path, sources) {
            Some(index) => {
                taken.insert(index);
                found.push((&row.path, &sources[index]));
            }
            None => missing.push(row),
        }
    }
    for row in missing {
        // Redaction may have changed its name, or somebody did: what is cited from it tells.
        let cited = by_path
            .get(row.path.as_str())
            .map_or(&[][..], Vec::as_slice);
        let fits =
            |index: &usize| !cited.is_empty() && check(&sources[*index], row, cited).is_empty();
        let free: Vec<usize> = (0..sources.len()).filter(|i| !taken.contains(i)).collect();
        match free.into_iter().find(fits) {
            Some(index) => drop(taken.insert(index)),
            None => wrong.push(format!(
                "\"{}\" is not there; {} citations could not be looked up",
                row.path,
                cited.len()
            )),
        }
    }
    let of_report: BTreeMap<&str, &SourceRow> = report
        .sources
        .iter()
        .map(|row| (row.path.as_str(), row))
        .collect();
    for (path, source) in found {
        let cited = by_path.get(path).map_or(&[][..], Vec::as_slice);
        wrong.extend(check(source, of_report[path], cited));
    }
    for (path, cited) in by_path
        .iter()
        .filter(|(path, _)| !of_report.contains_key(*path))
    {
        wrong.push(format!(
            "{} records are cited from \"{path}\", which is no source of this report",
            cited.len()
        ));
    }
    for (_, source) in sources
        .iter()
        .enumerate()
        .filter(|(i, _)| !taken.contains(i))
    {
        wrong.push(format!(
            "\"{}\" lies there and is not in the report",
            source.path
        ));
    }
    count
}

/// Finds the source that a path of the report means: the same path, or the only one that ends with most of its parts.
fn place_of(path: &str, sources: &[Source]) -> Option<usize> {
    if let Some(same) = sources.iter().position(|s| s.path == path) {
        return Some(same);
    }
    let parts =
        |path: &str| -> Vec<String> { path.rsplit(['/', '!']).map(str::to_owned).collect() };
    let wanted = parts(path);
    let common = |other: &str| {
        let other = parts(other);
        wanted
            .iter()
            .zip(&other)
            .take_while(|(a, b)| a == b)
            .count()
    };
    let best = sources
        .iter()
        .map(|s| common(&s.path))
        .max()
        .filter(|n| *n > 0)?;
    let mut fitting = sources
        .iter()
        .enumerate()
        .filter(|(_, s)| common(&s.path) == best);
    let (index, _) = fitting.next()?;
    fitting.next().is_none().then_some(index)
}

/// A citation while its source is read.
struct Open<'a> {
    signal: &'a str,
    row: &'a EvidenceRow,
    bytes: Vec<u8>,
}

/// Reads a source once and returns what of its row and its citations does not hold.
fn check(source: &Source, row: &SourceRow, cited: &[(&str, &EvidenceRow)]) -> Vec<String> {
    let mut wrong = Vec::new();
    if row.bytes_read == 0 && cited.is_empty() {
        return wrong;
    }
    let mut stream = match source.content.open() {
        Ok(stream) => stream,
        Err(error) => return vec![format!("\"{}\" cannot be read: {error}", source.path)],
    };
    let mut waiting: Vec<(&str, &EvidenceRow)> = cited.to_vec();
    waiting.sort_by_key(|(id, row)| (row.byte, *id));
    waiting.reverse();
    let mut open: Vec<Open> = Vec::new();
    let mut piece = vec![0; 256 * 1024];
    let (mut at, mut lines) = (0_u64, 1_u64);
    let mut checksum = crc32fast::Hasher::new();
    let mut wide = false;
    loop {
        let count = match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            // A damaged stream gives as much as it gave when the report was made.
            Err(_) => break,
        };
        let data = &piece[..count];
        checksum.update(data);
        if at == 0 {
            wide = data.iter().take(64).filter(|b| **b == 0).count() > 8;
        }
        let end = at + count as u64;
        let mut counted = at;
        while let Some((signal, row)) = waiting.pop_if(|(_, row)| row.byte[0] < end) {
            let start = usize::try_from(row.byte[0] - at).unwrap_or(count);
            lines += newlines(&data[usize::try_from(counted - at).unwrap_or(0)..start]);
            counted = row.byte[0];
            if row.line != lines && !wide {
                wrong.push(format!(
                    "{signal}: byte {} of \"{}\" is in line {lines}, not {}",
                    row.byte[0], row.path, row.line
                ));
            }
            open.push(Open {
                signal,
                row,
                bytes: Vec::new(),
            });
        }
        lines += newlines(&data[usize::try_from(counted - at).unwrap_or(0)..]);
        for citation in &mut open {
            let [from, to] = citation.row.byte;
            let from = usize::try_from(from.saturating_sub(at))
                .unwrap_or(count)
                .min(count);
            let to = usize::try_from(to.saturating_sub(at))
                .unwrap_or(count)
                .min(count);
            citation.bytes.extend_from_slice(&data[from..to.max(from)]);
        }
        let (done, rest) = open.into_iter().partition(|o: &Open| o.row.byte[1] <= end);
        open = rest;
        wrong.extend(done.into_iter().filter_map(judge));
        at = end;
    }
    let cut = |signal: &str, row: &EvidenceRow| {
        format!(
            "{signal}: bytes {} to {} of \"{}\" are not there: it has {at}",
            row.byte[0], row.byte[1], row.path
        )
    };
    wrong.extend(open.iter().map(|o| cut(o.signal, o.row)));
    wrong.extend(waiting.iter().rev().map(|(signal, row)| cut(signal, row)));
    let Some(said) = &row.crc32 else {
        // It was not read to its end: only what was cited can be looked up.
        return wrong;
    };
    if row.bytes != at {
        wrong.push(format!(
            "\"{}\" has {at} bytes, the report read {}",
            row.path, row.bytes
        ));
    } else {
        let now = format!("{:08x}", checksum.finalize());
        if *said != now {
            wrong.push(format!(
                "\"{}\" is not as it was read: its CRC-32 is {now}, the report says {said}",
                row.path
            ));
        }
    }
    wrong
}

fn newlines(data: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', data).count() as u64
}

/// Compares the bytes that stand at a place with what the report says of them.
fn judge(citation: Open) -> Option<String> {
    let Open { signal, row, bytes } = citation;
    let place = format!(
        "{}:{} (bytes {} to {})",
        row.path, row.line, row.byte[0], row.byte[1]
    );
    if hash::of(&bytes) != row.sha256 {
        return Some(format!("{signal}: other bytes stand at {place}"));
    }
    let changed = row.redacted || row.text_left_out > 0;
    let same = readings(&bytes)
        .iter()
        .any(|text| *text == row.text || changed && is_shown_of(&row.text, text));
    (!same).then(|| format!("{signal}: the quoted text is not what stands at {place}"))
}

/// Returns whether a text is an original with pseudonyms and roles in it, or only its beginning: what is left stands there in this order.
fn is_shown_of(shown: &str, original: &str) -> bool {
    let Ok(mark) = Regex::new(
        r"\[redacted:[a-z0-9-]+:[0-9a-f]{10}\]|\b(?:ip|email|host|name)-[0-9a-f]{10}\b|\b(?:Automation [0-9]+|(?:Developer|Responder|Person) [A-Z]+(?: \([a-z ,]+\))?)|…$",
    ) else {
        return false;
    };
    let mut rest = original;
    for (index, piece) in mark.split(shown).enumerate() {
        match rest.find(piece) {
            Some(0) => rest = &rest[piece.len()..],
            Some(at) if index > 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
    }
    true
}

/// Returns what bytes say: in UTF-8, and in both kinds of UTF-16.
fn readings(bytes: &[u8]) -> [String; 3] {
    let wide = |of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| of([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units)
    };
    [
        String::from_utf8_lossy(bytes).into_owned(),
        wide(u16::from_le_bytes),
        wide(u16::from_be_bytes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_text_still_says_what_it_was_made_of() {
        let original = "login jane with hunter2 at 10.0.0.1 failed";
        assert!(is_shown_of(
            "login Developer A with [redacted:password:0123456789] at ip-0123456789 failed",
            original
        ));
        assert!(!is_shown_of(
            "login Developer A with [redacted:password:0123456789] at ip-0123456789 worked",
            original
        ));
        assert!(!is_shown_of("logout Developer A", original));
        assert!(is_shown_of("login jane…", original));
    }
}
