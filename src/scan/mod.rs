//! Stage 3, scan: sources → signals, relations and disk samples, with the byte range of each.
//!
//! The hot loop. Blocks of whole lines are searched for needles; only a line that holds one is cut out, peeled and matched.
//! Does not resolve time or names. Start with [`scan`]; blocks are cut in [`blocks`], objects taken apart in [`readers`].

mod artefacts;
mod blocks;
mod cutters;
mod documents;
mod encoding;
mod filter;
mod joined;
mod readers;

pub use encoding::as_utf8;

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::grammar::Grammars;
use crate::grammar::hex;
use crate::grammar::peel::Record;
use crate::model::source;
use crate::model::{
    Artefacts, Detection, DiskSample, Encoding, Evidence, Origin, Problem, Relation, Shape, Signal,
    Source, SourceReading, Witness,
};
use blocks::{Block, Blocks};
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
        self.artefacts.append(other.artefacts);
        self.records += other.records;
        self.coverage.extend(other.coverage);
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

/// Reads every source.
pub fn scan(
    sources: &[Source],
    detections: &[Detection],
    grammars: &Grammars,
) -> (Found, Vec<Problem>) {
    let scanner = Scanner {
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
    for (part, reading, more) in parts {
        found.signals.extend(part.signals);
        found.relations.extend(part.relations);
        found.disks.extend(part.disks);
        found.artefacts.append(part.artefacts);
        found.readings.push(reading);
        problems.extend(more);
    }
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
        let stream = match source.content.open() {
            Ok(stream) => encoding::as_utf8(stream, detection.encoding),
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
        let mut blocks = Blocks::new(stream, detection.encoding);
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
        problems.extend(blocks.problems(index));
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
        // A line without a stamp of its own stands right after one that has it.
        if let [only] = records.as_mut_slice()
            && only.readings.is_empty()
            && !detection.formats.is_empty()
        {
            only.readings
                .extend(self.stamp_before(data, range.start, above));
            only.stamp_inherited = true;
        }
        self.take(detection, records, origin, bytes, part);
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
                .get_or_insert_with(|| cited(origin, bytes, detection))
                .clone()
        };
        for record in records {
            if record.of == "registry-audit" {
                artefacts::of_audit(&record, &mut part.artefacts, &mut cite);
            }
            match &record.object {
                Some((value, reader)) => {
                    artefacts::object(reader, value, &record, &mut part.artefacts, &mut cite);
                    all.extend(readers::read(
                        reader,
                        value,
                        &record,
                        origin.source,
                        &mut part.relations,
                    ));
                }
                None => all.push(record),
            }
        }
        let mut kinds: Vec<(String, crate::model::Entities)> = Vec::new();
        for mut record in all {
            if record.component.is_none() && record.of == "log" {
                record.component.clone_from(&detection.speaks_for.component);
            }
            let Some((kind, mut found)) = self.grammars.find_signal(&record) else {
                continue;
            };
            // A process that is several components at once does not say which of them speaks; what it says may.
            if record.component.is_none() && record.of == "log" && !record.formats.is_empty() {
                record.component = found.component.take();
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
            // Two layers of one record can say the same: it is said once.
            if kinds
                .iter()
                .any(|(k, e)| *k == kind.kind && *e == found.entities)
            {
                continue;
            }
            kinds.push((kind.kind.clone(), found.entities.clone()));
            let evidence = evidence.get_or_insert_with(|| cited(origin, bytes, detection));
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
                format: record.formats,
                evidence: evidence.clone(),
                witness: record.witness.unwrap_or(Witness::Occurrence),
                message: shortened(&record.body),
            });
        }
    }
}

/// Cites the bytes of a record.
fn cited(origin: Origin, bytes: &[u8], detection: &Detection) -> Evidence {
    Evidence {
        origin,
        text: Arc::from(String::from_utf8_lossy(bytes).as_ref()),
        sha256: hex(&Sha256::digest(encoding::original(
            bytes,
            detection.encoding,
        ))),
    }
}

/// Gives a workload its full name `namespace/Kind/name` where the record tells all three.
fn name_workload(record: &Record, entities: &mut crate::model::Entities) {
    let Some(workload) = entities.get("workload").filter(|w| !w.contains('/')) else {
        return;
    };
    let kind = match record.fields.get("resource").map(String::as_str) {
        Some("statefulsets") => "StatefulSet",
        Some("daemonsets") => "DaemonSet",
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

fn shortened(text: &str) -> String {
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
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
