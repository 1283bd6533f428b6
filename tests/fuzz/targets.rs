//! What is fuzzed: one function a target. The fuzz crate beside this file runs them under libFuzzer; `properties` runs the same on stable.
//!
//! Each takes bytes of any kind and panics where an invariant does not hold.

use std::path::Path;
use std::sync::OnceLock;

use rootline::grammar::pattern::Pattern;
use rootline::grammar::{Grammars, items, stamp, timeline};
use rootline::model::Limits;
use rootline::pipeline::{self, Options};
use rootline::wire::publish;
use rootline::wire::v1::Report;
use rootline::{collect, redact, render};

/// The embedded grammars.
pub(crate) fn grammars() -> &'static Grammars {
    static GRAMMARS: OnceLock<Grammars> = OnceLock::new();
    GRAMMARS.get_or_init(|| Grammars::embedded().expect("grammars"))
}

/// A line: peeled, matched, searched for secrets.
pub(crate) fn line(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for record in grammars().peeler.peel_line(&text) {
        let _ = grammars().find_signal(&record);
    }
}

/// A pattern and a text: the pattern's first line, then what it is tried on.
pub(crate) fn pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pattern, text) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(pattern) = Pattern::parse(pattern, false) {
        let _ = pattern.find(text, &[]);
    }
}

/// A stamp's layout and a stamp, and a timeline.
pub(crate) fn stamps(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (layout, stamp) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(layout) = stamp::Layout::parse(layout)
        && let Some((length, _)) = layout.take(stamp)
    {
        assert!(length <= stamp.len() && stamp.is_char_boundary(length));
    }
    if let Ok(entries) = timeline::parse(&text) {
        let _ = timeline::facts(&entries);
    }
}

/// JSON documents in a row: items lie inside, in order.
pub(crate) fn json(data: &[u8]) {
    let (documents, length, _) = items::cut(data, &grammars().peeler);
    assert!(length <= data.len());
    let start = data.as_ptr() as usize;
    for item in documents.iter().flat_map(|d| &d.items) {
        let raw = item.get().as_bytes();
        let at = raw.as_ptr() as usize - start;
        assert!(at + raw.len() <= data.len());
    }
}

/// A grammar file of each kind: mistakes are said, and lie in the text.
pub(crate) fn grammar(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let name = [
        "formats/fuzzed.toml",
        "signals/fuzzed.toml",
        "cascades/fuzzed-then-fuzzed.toml",
        "mechanisms/fuzzed.toml",
        "physics.toml",
        "vocabulary.toml",
        "secrets.toml",
    ][data.len() % 7];
    let mistakes = match Grammars::load(&[(name.to_owned(), text.to_owned())]) {
        Ok(grammars) if name != "physics.toml" && name != "vocabulary.toml" => {
            pipeline::prove(&grammars, &|file| file == name)
        }
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes,
    };
    for mistake in &mistakes {
        assert!(mistake.span.start <= mistake.span.end, "{mistake:?}");
    }
    let shown = |_: &str| Some(text.to_owned());
    let _ = rootline::grammar::mistake::explain(&mistakes, shown, false);
}

/// Secrets: ranges are in order and on characters, and what is hidden stays hidden when it is looked at again.
pub(crate) fn secrets(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut end = 0;
    for (range, _) in grammars().secrets.find(&text) {
        assert!(end <= range.start && range.start < range.end, "{range:?}");
        let _ = &text[range.clone()];
        end = range.end;
    }
    let all = redact::Options {
        ips: true,
        emails: true,
        hosts: true,
        names: true,
        ..redact::Options::default()
    };
    let _ = redact::redact_text(&text, &all, &grammars().secrets);
}

/// Escapes: nothing that acts is left.
pub(crate) fn escapes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    assert!(!render::escape::visible(&text).contains(char::is_control));
    let cell = render::escape::csv_cell(&text);
    let inner = cell.strip_prefix('"').unwrap_or(&cell).trim_start();
    assert!(!inner.starts_with(['=', '+', '-', '@']), "{cell}");
}

/// Makes the report of a path, as the command does.
pub(crate) fn report_of(path: &Path, limits: Limits) -> Report {
    let (collection, problems) = collect::collect_within(&[path.to_owned()], limits);
    let outcome = pipeline::run(collection, problems, grammars(), &Options::default());
    let mut report = publish::report(
        &outcome.incident,
        &outcome.disks,
        &grammars().sha256,
        &rootline::wire::roles::Roles::of(&outcome.incident),
        false,
    );
    redact::redact(
        &mut report,
        &redact::Options::default(),
        &grammars().secrets,
    );
    report
}

/// What must hold for the report of any input.
pub(crate) fn check(report: &Report) {
    let ledger = &report.ledger;
    let left: u64 = ledger.skipped.iter().map(|s| s.bytes).sum();
    assert_eq!(
        ledger.bytes,
        ledger.bytes_read + left,
        "the account adds up: {:?}",
        ledger.skipped
    );
    let size = |path: &str| {
        let source = report.sources.iter().find(|s| s.path == path);
        source.map_or(0, |s| s.bytes)
    };
    for signal in &report.signals {
        assert!(!signal.evidence.is_empty(), "{}", signal.id);
        for e in &signal.evidence {
            assert!(e.byte[0] < e.byte[1] && e.byte[1] <= size(&e.path), "{e:?}");
            assert!(e.line >= 1 && e.sha256.len() == 64, "{e:?}");
        }
    }
}

/// A bundle: the report comes out in every form, and nothing in the page is active.
pub(crate) fn bundle(path: &Path, twice: bool) {
    let report = report_of(path, Limits::default());
    check(&report);
    let titles = render::view::Titles::default();
    let page = render::html::render_html(&report, &titles).expect("a page");
    let lower = page.to_lowercase();
    for active in [
        "<iframe",
        "<object",
        "<embed",
        "<img",
        " onload=",
        " onerror=",
        "javascript:",
    ] {
        let quoted = lower.replace("&#", "");
        assert!(
            !in_tags(&quoted).any(|tag| tag.contains(active)),
            "{active}"
        );
    }
    assert!(page.trim_end().ends_with("</html>"));
    let json = render::json::render_report(&report).expect("JSON");
    let read: Report = serde_json::from_str(&json).expect("JSON that is read back");
    assert_eq!(read.signals.len(), report.signals.len());
    let _ = render::markdown::render_markdown(&report, &titles);
    if twice {
        let again = render::json::render_report(&report_of(path, Limits::default()));
        assert!(
            json == again.expect("JSON"),
            "a second run says something else"
        );
    }
}

/// The tags of a page.
fn in_tags(page: &str) -> impl Iterator<Item = &str> {
    page.split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .map(|tag| &tag[..tag.len().min(4000)])
        .map(|tag| tag.trim())
}

/// One file of any content: archives, compressions, encodings, documents.
pub(crate) fn file(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("f"), data).expect("a file");
    bundle(folder.path(), data.len().is_multiple_of(4));
}
