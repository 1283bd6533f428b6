//! Stage 3, scan: sources → signals, relations and disk samples, with the byte range of each.
//!
//! The hot loop. Blocks of whole lines are searched for needles; only a line that holds one is cut out, peeled and matched.
//! Does not resolve time or names. Start with [`scan`]; blocks are cut in [`blocks`], objects taken apart in [`readers`].

mod artefacts;
mod blocks;
mod checksum;
mod cutters;
mod documents;
mod encoding;
mod filter;
mod joined;
mod metrics;
mod readers;

pub use encoding::as_utf8;

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::grammar::Grammars;
use crate::grammar::peel::{Peeler, Record};
use crate::model::hash;
use crate::model::limits::{Limits, REACHED, reached};
use crate::model::source;
use crate::model::{
    Artefacts, Detection, DiskSample, Encoding, Evidence, Origin, Problem, Relation, Shape, Signal,
    Source, SourceReading, Witness,
};
use blocks::{Block, Blocks};
use checksum::Sum;
use filter::{Filter, Lines, Sample};

/// What was found in all sources.
#[derive(Debug, Default)]
pub struct Found {
    /// Signals, ordered by source and place.
    pub signals: Vec<Signal>,
    /// What objects state about each other.
    pub relations: Vec<Relation>,
    /// Disk samples.
    pub disks: Vec<DiskSample>,
    /// Images, build files and cluster objects.
    pub artefacts: Artefacts,
    /// What was read from each source.
    pub readings: Vec<SourceReading>,
}

/// A scanner: the grammars with their needles compiled.
struct Scanner<'a> {
    grammars: &'a Grammars,
    /// For sources too small to learn from; by what their lines are.
    filters: [OnceLock<Option<Filter>>; 3],
    limits: Limits,
}

/// A source of this size is worth a filter of its own.
const LARGE: usize = 256 * 1024;

/// What is known of the lines above, so that many lines in a row do not each look at the same ones.
#[derive(Default)]
struct Above {
    /// Up to here no record over several lines begins that is still open.
    no_head_until: usize,
    /// Up to here stamps were looked for.
    searched: usize,
    /// The nearest stamp found, and how many lines above it stands.
    stamp: Option<(usize, crate::model::Reading)>,
}

/// Record types that only come out of API objects: their words (`create`, `Ready`) are too common to look for in plain logs.
const INSIDE_OBJECTS: &[&str] = &[
    "audit",
    "node-condition",
    "node-taint",
    "pod-status",
    "container-status",
];

/// Record types of objects that are read whole, needle or not.
const READ_ANYWAY: &[&str] = &["registry-audit", "alert", "deploy"];

/// What one block or document gave.
#[derive(Debug, Default)]
struct Part {
    signals: Vec<Signal>,
    relations: Vec<Relation>,
    disks: Vec<DiskSample>,
    /// What is free and how large it is, as metrics tell it apart.
    halves: Vec<metrics::Half>,
    /// Series of metrics that nothing is read from.
    unread_series: u64,
    /// JSON objects that cannot be read: how many, and the first.
    broken: Option<(u64, Origin)>,
    artefacts: Artefacts,
    records: u64,
    coverage: Vec<crate::model::Reading>,
}

impl Part {
    /// Adds what another block of the same source gave.
    fn append(&mut self, other: Part) {
        self.signals.extend(other.signals);
        self.relations.extend(other.relations);
        self.disks.extend(other.disks);
        self.halves.extend(other.halves);
        self.unread_series += other.unread_series;
        if let Some((count, first)) = other.broken {
            self.add_broken(count, first);
        }
        self.artefacts.append(other.artefacts);
        self.records += other.records;
        self.coverage.extend(other.coverage);
    }

    /// Counts JSON objects that cannot be read, the first of which stands here.
    fn add_broken(&mut self, more: u64, at: Origin) {
        let (count, first) = self.broken.get_or_insert((0, at));
        *count += more;
        *first = (*first).min(at);
    }

    /// Drops the signals beyond a number, and says so. Returns how many.
    fn keep(&mut self, most: u64, limit: u64, source: usize, problems: &mut Vec<Problem>) -> u64 {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let more = self.signals.len().saturating_sub(most) as u64;
        if more > 0 {
            self.signals.truncate(most);
            let what = format!(
                "{more} signals were left out: {}",
                reached("signals", limit)
            );
            problems.push(Problem::of_source(source, what));
        }
        more
    }

    /// Keeps the earliest and the latest stamp of items that are no signals, too.
    fn cover(&mut self, records: &[Record]) {
        let stamps = records
            .iter()
            .flat_map(|record| record.readings.first().into_iter().chain(&record.last));
        for reading in stamps {
            let crate::model::When::Utc(at) = reading.when else {
                continue;
            };
            let of = |r: &crate::model::Reading| match r.when {
                crate::model::When::Utc(at) => Some(at),
                _ => None,
            };
            match self.coverage.as_mut_slice() {
                [] => self.coverage.push(reading.clone()),
                [only] => {
                    let later = of(only).is_none_or(|o| o <= at);
                    let index = usize::from(later);
                    self.coverage.insert(index, reading.clone());
                }
                [first, .., last] => {
                    if of(first).is_some_and(|f| at < f) {
                        *first = reading.clone();
                    } else if of(last).is_some_and(|l| at > l) {
                        *last = reading.clone();
                    }
                }
            }
        }
    }
}

/// Reads every source, within limits.
pub fn scan(
    sources: &[Source],
    detections: &[Detection],
    grammars: &Grammars,
    limits: Limits,
) -> (Found, Vec<Problem>) {
    let scanner = Scanner {
        limits,
        grammars,
        filters: Default::default(),
    };
    let parts: Vec<(Part, SourceReading, Vec<Problem>)> = sources
        .par_iter()
        .zip(detections)
        .enumerate()
        .map(|(index, (source, detection))| scanner.source(index, source, detection))
        .collect();
    let mut found = Found::default();
    let mut problems = Vec::new();
    let mut halves = Vec::new();
    for (index, (mut part, mut reading, more)) in parts.into_iter().enumerate() {
        halves.append(&mut part.halves);
        let room = limits.signals.saturating_sub(found.signals.len() as u64);
        reading.signals -= part.keep(room, limits.signals, index, &mut problems);
        found.signals.extend(part.signals);
        found.relations.extend(part.relations);
        found.disks.extend(part.disks);
        found.artefacts.append(part.artefacts);
        found.readings.push(reading);
        problems.extend(more);
    }
    found.disks.extend(metrics::paired(&halves));
    artefacts::settle(&mut found.artefacts);
    found.relations.sort();
    found.relations.dedup();
    (found, problems)
}

impl Scanner<'_> {
    fn source(
        &self,
        index: usize,
        source: &Source,
        detection: &Detection,
    ) -> (Part, SourceReading, Vec<Problem>) {
        let mut reading = SourceReading {
            formats: detection.formats.clone(),
            why: detection.why.clone(),
            speaks_for: detection.speaks_for.clone(),
            clock: (0, 0, "none"),
            own_date: detection.own_date,
            ..SourceReading::default()
        };
        let mut problems = Vec::new();
        let mut part = Part::default();
        match &detection.shape {
            Shape::Unread(why) => {
                reading.unread = Some(why.clone());
                // Size as far as it can be told without reading all of it.
                reading.bytes = source.stored_bytes;
            }
            Shape::Lines | Shape::EveryLine => self.lines(
                index,
                source,
                detection,
                &mut part,
                &mut reading,
                &mut problems,
            ),
            Shape::JsonDocument | Shape::Document(_) => self.document(
                index,
                source,
                detection,
                &mut part,
                &mut reading,
                &mut problems,
            ),
        }
        if problems.is_empty() {
            problems.extend(resized(source, &reading).map(|what| Problem::of_source(index, what)));
        }
        if part.unread_series > 0 {
            problems.push(Problem {
                source: Some(index),
                first: None,
                what: "series of metrics that nothing is read from".to_owned(),
                count: part.unread_series,
            });
        }
        if let Some((count, first)) = part.broken {
            problems.push(Problem {
                source: Some(index),
                first: Some(first),
                what: "JSON object that is torn, damaged or nested deeper than 127 levels: its fields were not read".to_owned(),
                count,
            });
        }
        part.signals
            .sort_by_key(|signal| (signal.evidence.origin, signal.kind.clone()));
        reading.records = part.records;
        reading.signals = part.signals.len() as u64;
        reading.coverage = std::mem::take(&mut part.coverage);
        (part, reading, problems)
    }

    fn lines(
        &self,
        index: usize,
        source: &Source,
        detection: &Detection,
        part: &mut Part,
        reading: &mut SourceReading,
        problems: &mut Vec<Problem>,
    ) {
        let sum = Sum::default();
        let stream = match source.content.open() {
            Ok(stream) => encoding::as_utf8(sum.over(stream), detection.encoding),
            Err(error) => {
                return problems.push(Problem::of_source(
                    index,
                    format!("cannot be read: {error}"),
                ));
            }
        };
        let lines = match detection.shape {
            Shape::EveryLine => Lines::Records,
            _ if self.holds_objects(detection) => Lines::Objects,
            _ => Lines::Text,
        };
        let mut blocks = Blocks::new(stream, detection.encoding).within(self.limits.line_bytes);
        // As many blocks as cores are searched while the next ones are read and decompressed: memory stays bounded whatever the file's size.
        let batch = rayon::current_num_threads();
        let mut some: Vec<Block> = blocks.by_ref().take(batch).collect();
        let first = some.first().map_or(&[][..], |block| &block.data);
        let own = (first.len() >= LARGE)
            .then(|| Filter::new(self.grammars, lines, Some(&Sample::of(first))));
        let filter = own.as_ref().unwrap_or_else(|| {
            self.filters[lines as usize].get_or_init(|| Filter::new(self.grammars, lines, None))
        });
        while !some.is_empty() {
            let (found, next): (Vec<Part>, Vec<Block>) = rayon::join(
                || {
                    some.par_iter()
                        .map(|block| self.block(index, detection, block, filter.as_ref()))
                        .collect()
                },
                || blocks.by_ref().take(batch).collect(),
            );
            for one in found {
                part.append(one);
            }
            for done in std::mem::replace(&mut some, next) {
                blocks.give_back(done);
            }
        }
        reading.bytes = blocks.bytes();
        reading.bytes_read = blocks.bytes() - blocks.bytes_left_out();
        let broken = blocks.problems(index);
        reading.crc32 = sum.of(reading.bytes).filter(|_| !blocks.is_broken());
        problems.extend(broken);
    }

    /// Reads a block: the lines that a filter lets through, or every line.
    fn block(
        &self,
        index: usize,
        detection: &Detection,
        block: &Block,
        filter: Option<&Filter>,
    ) -> Part {
        let mut part = Part {
            records: block.lines,
            ..Part::default()
        };
        let data = block.data.as_slice();
        part.coverage = self.coverage(data);
        if self.is_made_of_objects(detection) {
            let origin = |range: std::ops::Range<usize>, line: u64| Origin {
                source: index,
                start: block.offset + encoding::measure(&data[..range.start], detection.encoding),
                end: block.offset + encoding::measure(&data[..range.end], detection.encoding),
                line,
            };
            if let Some((count, range, line)) = torn(data) {
                part.add_broken(count, origin(range, block.first_line + line));
            }
        }
        let mut line = Counter::new(block.first_line, block.offset, detection.encoding);
        let fragments = self.fragments(detection);
        // A progress bar writes over its line with carriage returns: what stands between two of them is a line.
        let line_end = |from: usize| {
            memchr::memchr2(b'\n', b'\r', &data[from..]).map_or(data.len(), |n| from + n)
        };
        let mut above = Above::default();
        let mut take = |range: std::ops::Range<usize>, part: &mut Part| {
            let place = line.place(data, range.start);
            self.record(
                index, detection, fragments, block, range, place, &mut above, part,
            )
        };
        let Some(filter) = filter else {
            let mut start = 0;
            while start < data.len() {
                let end = line_end(start);
                let taken = if end > start {
                    take(start..end, &mut part)
                } else {
                    end
                };
                start = taken.max(end) + 1;
            }
            return part;
        };
        // A text may be cut in two by the end of a fragment: records of several fragments are read whatever they hold.
        let mut open = match fragments {
            Some(_) => blocks::open_lines(data),
            None => Vec::new(),
        }
        .into_iter()
        .peekable();
        let whole = |line: &std::ops::Range<usize>| {
            filter::is_whole(&data[line.clone()])
                && (fragments.is_none() || !blocks::continues_fragment(data, line))
        };
        let mut place = filter::Place::default();
        let mut from = 0;
        loop {
            let met = filter.next(data, from, &mut place, whole);
            while open.next_if(|line| line.start < from).is_some() {}
            let range = match (met, open.peek().cloned()) {
                (None, None) => break,
                (Some(met), Some(line)) if line.start <= met.start => line,
                (Some(met), _) => met,
                (None, Some(line)) => line,
            };
            let end = range.end;
            // At least one byte further, or a line without a length would be met again.
            from = take(range, &mut part)
                .max(end)
                .max(from + 1)
                .min(data.len());
            if from >= data.len() {
                break;
            }
        }
        part
    }

    /// Returns the format of the source's lines if long records come in fragments.
    fn fragments(&self, detection: &Detection) -> Option<&crate::grammar::format::Format> {
        detection.formats.iter().find_map(|stack| {
            let outermost = stack.split(" > ").next().unwrap_or(stack);
            let format = self.grammars.peeler.format(outermost);
            format.filter(|f| f.fragment.is_some())
        })
    }

    /// Returns whether each line of the source is an object.
    fn is_made_of_objects(&self, detection: &Detection) -> bool {
        !detection.formats.is_empty()
            && detection.formats.iter().all(|stack| {
                let outermost = stack.split(" > ").next().unwrap_or(stack);
                let format = self.grammars.peeler.format(outermost);
                format.is_some_and(|f| f.shape == crate::grammar::format::Shape::Json)
            })
    }

    /// Returns whether lines of the source were seen to hold API objects.
    fn holds_objects(&self, detection: &Detection) -> bool {
        let of_objects = |id: &str| {
            let format = self.grammars.peeler.format(id);
            format.is_some_and(|f| f.shape == crate::grammar::format::Shape::Json && f.of.is_some())
        };
        detection
            .formats
            .iter()
            .any(|stack| stack.split(" > ").any(of_objects))
    }

    /// Takes the stamps of the first and last lines that have one.
    fn coverage(&self, data: &[u8]) -> Vec<crate::model::Reading> {
        let text =
            |line: &[u8]| String::from_utf8_lossy(&line[..line.len().min(64 * 1024)]).into_owned();
        let stamp = |line: &[u8]| {
            self.grammars
                .peeler
                .peel_line(&text(line))
                .first()
                .and_then(|r| r.readings.first().cloned())
        };
        let first = data
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .take(8)
            .find_map(stamp);
        let last = data
            .rsplit(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .take(8)
            .find_map(stamp);
        first.into_iter().chain(last).collect()
    }

    /// Reads the record that a line belongs to. Returns where it ends.
    #[expect(clippy::too_many_arguments, reason = "a line's place and whose it is")]
    fn record(
        &self,
        index: usize,
        detection: &Detection,
        fragments: Option<&crate::grammar::format::Format>,
        block: &Block,
        range: std::ops::Range<usize>,
        (line, offset): (u64, u64),
        above: &mut Above,
        part: &mut Part,
    ) -> usize {
        let data = block.data.as_slice();
        let joined = joined::join(
            &self.grammars.peeler,
            fragments,
            data,
            range.clone(),
            &mut above.no_head_until,
        );
        let mut broken = false;
        let (range, line, offset, mut records) = match joined {
            Some(joined) => {
                let above = &data[joined.range.start.min(range.start)..range.start];
                (
                    joined.range,
                    line - memchr::memchr_iter(b'\n', above).count() as u64,
                    offset - encoding::measure(above, detection.encoding),
                    joined.records,
                )
            }
            None => {
                let text = String::from_utf8_lossy(&data[range.clone()]);
                let records = self.grammars.peeler.peel_line(&text);
                if let [only] = records.as_slice()
                    && only.formats.is_empty()
                    && is_object_that_is_none(&text)
                {
                    broken = true;
                }
                (range, line, offset, records)
            }
        };
        let bytes = trim_carriage_return(&data[range.clone()]);
        let origin = Origin {
            source: index,
            start: offset,
            end: offset + encoding::measure(bytes, detection.encoding),
            line,
        };
        if broken {
            part.add_broken(1, origin);
        }
        // A line without a stamp of its own stands right after one that has it.
        if let [only] = records.as_mut_slice()
            && only.readings.is_empty()
            && !detection.formats.is_empty()
        {
            only.readings
                .extend(self.stamp_before(data, range.start, above));
            only.stamp_inherited = true;
        }
        let before = part.signals.len();
        self.take(detection, records, origin, bytes, part);
        if part.signals.len() > before {
            let more = repeated_below(data, range.end);
            for signal in &mut part.signals[before..] {
                signal.count += more;
            }
        }
        range.end
    }

    /// Finds the stamp of the nearest dated line above, within a few lines: the line continues it.
    fn stamp_before(
        &self,
        data: &[u8],
        start: usize,
        above: &mut Above,
    ) -> Option<crate::model::Reading> {
        const LINES: usize = 40;
        let mut passed = 0;
        let mut end = start;
        let mut found = None;
        // What was looked at for the line before is not looked at again.
        while passed < LINES && end > above.searched {
            let line_start = memchr::memrchr2(b'\n', b'\r', &data[..end - 1]).map_or(0, |n| n + 1);
            let line = data[line_start..end].trim_ascii_end();
            end = line_start;
            if line.is_empty() {
                continue;
            }
            passed += 1;
            let text = String::from_utf8_lossy(&line[..line.len().min(8 * 1024)]);
            let records = self.grammars.peeler.peel_line(&text);
            if let Some(reading) = records.first().and_then(|r| r.readings.first()) {
                found = Some((passed, reading.clone()));
                break;
            }
        }
        above.stamp = match (found, above.stamp.take()) {
            (Some(found), _) => Some(found),
            (None, Some((lines, reading))) if lines + passed <= LINES => {
                Some((lines + passed, reading))
            }
            _ => None,
        };
        above.searched = start;
        above.stamp.as_ref().map(|(_, reading)| reading.clone())
    }

    /// Takes disk samples and changes of conditions from an answer of Prometheus; each has its own place in it.
    fn metrics(
        &self,
        detection: &Detection,
        outer: &Record,
        origin: Origin,
        bytes: &[u8],
        evidence: Evidence,
        part: &mut Part,
    ) {
        let text = String::from_utf8_lossy(bytes);
        let mut answer = metrics::Answered::read(&text, origin.source);
        part.coverage.extend(answer.coverage());
        part.unread_series += answer.unread;
        for (range, record) in answer.conditions(outer) {
            let before = &text.as_bytes()[..range.start];
            let start = origin.start + encoding::measure(before, detection.encoding);
            let own = &text.as_bytes()[range];
            let place = Origin {
                source: origin.source,
                start,
                end: start + encoding::measure(own, detection.encoding),
                line: origin.line + memchr::memchr_iter(b'\n', before).count() as u64,
            };
            self.take(detection, vec![record], place, own, part);
        }
        for half in &mut answer.halves {
            half.evidence = Some(evidence.clone());
        }
        part.halves.extend(answer.halves);
    }

    /// Cites the bytes of a record, as far as the limit of quoted text allows.
    fn cited(&self, origin: Origin, bytes: &[u8], detection: &Detection) -> Evidence {
        let quoted = quoted(bytes, self.limits.evidence_bytes);
        Evidence {
            origin,
            text: Arc::from(String::from_utf8_lossy(quoted).as_ref()),
            left_out: (bytes.len() - quoted.len()) as u64,
            sha256: hash::of(&encoding::original(bytes, detection.encoding)),
        }
    }

    /// Takes signals and relations from the records of one line or item.
    fn take(
        &self,
        detection: &Detection,
        records: Vec<Record>,
        origin: Origin,
        bytes: &[u8],
        part: &mut Part,
    ) {
        let mut evidence: Option<Evidence> = None;
        let mut all: Vec<Record> = Vec::new();
        let mut cite = || {
            evidence
                .get_or_insert_with(|| self.cited(origin, bytes, detection))
                .clone()
        };
        for record in records {
            if record.of == "registry-audit" {
                artefacts::of_audit(&record, &mut part.artefacts, &mut cite);
            }
            match &record.object {
                Some((_, reader)) if reader == "prometheus" => {
                    let evidence = cite();
                    self.metrics(detection, &record, origin, bytes, evidence, part)
                }
                Some((value, reader)) if reader == "kubelet-summary" => {
                    let samples = metrics::summary(value, &cite());
                    part.coverage
                        .extend(samples.iter().filter_map(|s| s.at.clone()));
                    part.disks.extend(samples);
                }
                Some((value, reader)) => {
                    artefacts::object(reader, value, &record, &mut part.artefacts, &mut cite);
                    let relations = &mut part.relations;
                    let read = readers::read(reader, value, &record, origin.source, relations);
                    // Its stamps stand where only the reader looks.
                    if matches!(reader.as_str(), "stages" | "registry-envelope") {
                        part.cover(&read);
                    }
                    all.extend(read);
                }
                None => all.push(record),
            }
        }
        let mut kinds: Vec<(String, crate::model::Entities)> = Vec::new();
        for mut record in all {
            part.relations
                .extend(readers::made_by(&record, origin.source));
            if record.component.is_none() && record.of == "log" {
                record.component.clone_from(&detection.speaks_for.component);
            }
            if record.formats.is_empty() && record.body.contains('`') {
                record.body = without_quoted_code(&record.body, &self.grammars.peeler);
            }
            let Some((kind, mut found)) = self.grammars.find_signal(&record) else {
                continue;
            };
            // A process that is several components at once does not say which of them speaks; what it says may.
            if record.component.is_none() && record.of == "log" && !record.formats.is_empty() {
                record.component = found.component.take();
                let file = record.fields.get("file");
                if record.component.is_none() && file.is_some_and(|f| is_of_the_kubelet(f)) {
                    record.component = Some("kubelet".to_owned());
                }
            }
            let speaks_of_itself = record.of == "log"
                && record
                    .component
                    .as_deref()
                    .is_some_and(|c| source::NODE_AGENTS.contains(&c));
            if speaks_of_itself
                && !found.entities.contains_key("node")
                && let Some(host) = &record.host
            {
                found.entities.insert("node".to_owned(), host.clone());
            }
            name_workload(&record, &mut found.entities);
            name_image(&record, &mut found.entities);
            // A setting is no happening: it is handed on for what it decides. One that is empty decides nothing.
            if kind.kind == "setting" {
                if let (Some(setting), Some(value)) =
                    (found.entities.get("setting"), found.entities.get("value"))
                {
                    part.relations.push(crate::model::Relation {
                        subject: "setting",
                        name: format!(
                            "{} {setting}",
                            record.component.as_deref().unwrap_or_default()
                        ),
                        says: "value",
                        value: value.clone(),
                        source: origin.source,
                    });
                }
                continue;
            }
            // Two layers of one record can say the same: it is said once.
            if kinds
                .iter()
                .any(|(k, e)| *k == kind.kind && *e == found.entities)
            {
                continue;
            }
            kinds.push((kind.kind.clone(), found.entities.clone()));
            let evidence = evidence.get_or_insert_with(|| self.cited(origin, bytes, detection));
            part.signals.push(Signal {
                kind: kind.kind.clone(),
                cause: found.cause,
                entities: found.entities,
                readings: record.readings,
                stamp_inherited: record.stamp_inherited,
                last: record.last,
                shown: record.shown,
                exact: record.exact,
                count: record.count.max(1),
                component: record.component,
                host: record.host,
                format: record.formats,
                evidence: evidence.clone(),
                witness: record.witness.unwrap_or(Witness::Occurrence),
                message: shortened(&record.body),
            });
        }
    }
}

/// Returns prose without the pieces of code in it: a message that a text speaks of, in back quotes amid its sentence, has not happened there.
/// A line that is one piece of code altogether is what somebody pasted, and stays; so does a piece with the envelope of a log.
fn without_quoted_code(line: &str, peeler: &Peeler) -> String {
    let pieces: Vec<&str> = line.split('`').collect();
    let prose = pieces.iter().step_by(2);
    let said = prose
        .flat_map(|piece| piece.chars())
        .filter(|c| c.is_alphabetic())
        .count();
    if said == 0 || pieces.len().is_multiple_of(2) {
        return line.to_owned();
    }
    let is_record = |piece: &str| {
        peeler
            .peel_line(piece)
            .iter()
            .any(|r| !r.formats.is_empty())
    };
    let keep = |(index, piece): (usize, &str)| match index % 2 {
        1 if is_record(piece) => format!("`{piece}`"),
        1 => "``".to_owned(),
        _ => piece.to_owned(),
    };
    pieces.into_iter().enumerate().map(keep).collect()
}

/// Whether a source file that klog names is one of the kubelet's own, also where it runs in one process with others.
///
/// # Source
/// kubernetes/kubernetes, pkg/kubelet, 1.18 to 1.36.
fn is_of_the_kubelet(file: &str) -> bool {
    let begins = ["kubelet", "kuberuntime_", "remote_", "pod_", "image_gc_"];
    begins.iter().any(|b| file.starts_with(b))
        || matches!(
            file,
            "eviction_manager.go" | "container_gc.go" | "image_manager.go" | "setters.go"
        )
}

/// Returns how often a syslog daemon says, in the next line, that the line above came again.
///
/// # Source
/// rsyslog, syslog-ng and busybox: `last message repeated 5 times`; RFC 5424 daemons write a PRI before it.
fn repeated_below(data: &[u8], end: usize) -> u64 {
    const LONGEST: usize = 200;
    let Some(below) = data.get(end + 1..) else {
        return 0;
    };
    let line = &below[..memchr::memchr(b'\n', below).unwrap_or(below.len())];
    if line.len() > LONGEST {
        return 0;
    }
    let line = String::from_utf8_lossy(line);
    let times = line
        .trim_end()
        .strip_suffix(" times")
        .or_else(|| line.trim_end().strip_suffix(" times ---"));
    times
        .and_then(|left| left.rsplit_once("last message repeated "))
        .and_then(|(_, count)| count.parse().ok())
        .unwrap_or(0)
}

/// Gives a workload its full name `namespace/Kind/name` where the record tells all three.
fn name_workload(record: &Record, entities: &mut crate::model::Entities) {
    let Some(workload) = entities.get("workload").filter(|w| !w.contains('/')) else {
        return;
    };
    let told = ["object_kind", "resource"]
        .into_iter()
        .find_map(|name| record.fields.get(name));
    let kind = match told.map(String::as_str) {
        Some("StatefulSet" | "statefulsets") => "StatefulSet",
        Some("DaemonSet" | "daemonsets") => "DaemonSet",
        _ if record.body.starts_with("statefulset.apps") => "StatefulSet",
        _ if record.body.starts_with("daemonset.apps") => "DaemonSet",
        _ => "Deployment",
    };
    let full = match entities.get("namespace") {
        Some(namespace) => format!("{namespace}/{kind}/{workload}"),
        None => format!("{kind}/{workload}"),
    };
    entities.insert("workload".to_owned(), full);
}

/// Gives an image its reference where a registry's record tells repository and tag apart.
///
/// # Source
/// Amazon ECR: `<account>.dkr.ecr.<region>.amazonaws.com` is the registry's host.
fn name_image(record: &Record, entities: &mut crate::model::Entities) {
    let get = |name: &str| record.fields.get(name).filter(|v| !v.is_empty());
    if record.of != "registry-audit" || entities.contains_key("image") {
        return;
    }
    let (Some(repository), Some(tag)) = (get("repository"), get("tag")) else {
        return;
    };
    let host = match (get("account"), get("region")) {
        (Some(account), Some(region)) => format!("{account}.dkr.ecr.{region}.amazonaws.com/"),
        _ => String::new(),
    };
    entities.insert("image".to_owned(), format!("{host}{repository}:{tag}"));
}

/// Returns the part of a record that is quoted: no character is cut in two.
fn quoted(bytes: &[u8], most: u64) -> &[u8] {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if bytes.len() <= most {
        return bytes;
    }
    let end = (most.saturating_sub(3)..=most)
        .rev()
        .find(|at| bytes[*at] & 0xc0 != 0x80);
    &bytes[..end.unwrap_or(most)]
}

/// Returns what is said of a source that could not be read to its end.
fn broke_off(bytes: u64, reason: &str) -> String {
    if reason.starts_with(REACHED) {
        format!("read up to {bytes} bytes only: {reason}")
    } else {
        format!("cut off or damaged after {bytes} readable bytes: {reason}")
    }
}

/// Returns what is said of a file that is not as large as it was when it was found: somebody still writes to it.
fn resized(source: &Source, reading: &SourceReading) -> Option<String> {
    let plain = source.compression.is_none() && !source.path.contains('!') && source.path != "-";
    let (was, is) = (source.stored_bytes, reading.bytes);
    if !plain || reading.unread.is_some() || was == 0 || was == is {
        return None;
    }
    let how = if is > was {
        "grew"
    } else {
        "is shorter than it was, or could not be read to its end"
    };
    Some(format!(
        "{how} while it was read: {was} bytes when it was found, {is} when it was read"
    ))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Finds lines that begin as an object and end before it does, in a block whose lines should all be objects.
/// Returns how many there are, where the first one stands, and how many lines are above it.
fn torn(data: &[u8]) -> Option<(u64, std::ops::Range<usize>, u64)> {
    // Nearly always every line ends as an object does: then nothing else is looked at.
    let ends = memchr::memchr_iter(b'\n', data).count();
    if data.ends_with(b"}\n") && memchr::memmem::find_iter(data, b"}\n").count() == ends {
        return None;
    }
    let mut found: Option<(u64, std::ops::Range<usize>, u64)> = None;
    let mut start = 0;
    for (line, above) in data.split(|b| *b == b'\n').zip(0..) {
        let object = line.trim_ascii();
        if object.starts_with(b"{\"") && !object.ends_with(b"}") {
            found.get_or_insert((0, start..start + line.len(), above)).0 += 1;
        }
        start += line.len() + 1;
    }
    found
}

/// Returns whether a line begins and ends as an object and cannot be read as one.
fn is_object_that_is_none(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("{\"")
        && line.ends_with('}')
        && serde_json::from_str::<serde_json::Value>(line).is_err()
}

fn trim_carriage_return(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Counts lines and original bytes forward, only as far as they are asked for.
struct Counter {
    at: usize,
    line: u64,
    offset: u64,
    encoding: Encoding,
}

impl Counter {
    fn new(line: u64, offset: u64, encoding: Encoding) -> Counter {
        Counter {
            at: 0,
            line,
            offset,
            encoding,
        }
    }

    /// Returns the line and the original offset of a place at or after the last one.
    fn place(&mut self, data: &[u8], offset: usize) -> (u64, u64) {
        let passed = &data[self.at..offset];
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.offset += encoding::measure(passed, self.encoding);
        self.at = offset;
        (self.line, self.offset)
    }
}
