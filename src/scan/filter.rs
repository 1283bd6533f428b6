//! Filter: the lines of a block that could say something, found without looking at most of its bytes.
//!
//! Every wording is searched for by one of the texts that each of its lines holds, the one that is rarest in this source: of every few
//! bytes only one place is looked at, and what stands there decides whether one of the texts can be around it. A line that holds one is
//! given out only if it also holds everything else that the wording needs. Gives no line twice and decides nothing about what it says.
//! Start with [`Filter::new`] and [`Filter::next`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use memchr::memmem::Finder;

use crate::grammar::Grammars;
use crate::grammar::format::{Format, Reader, Shape, Words};
use crate::grammar::index::Needs;

use super::{INSIDE_OBJECTS, READ_ANYWAY};

/// Bytes that are looked at together.
const WINDOW: usize = 4;
/// Bytes from one place that is looked at to the next, at most: more gains nothing, and leaves no text long enough.
const WIDEST: usize = 8;
/// Bits of a window's hash.
const HASH: u32 = 16;
/// How much of the line a record over several lines is told by.
const HEAD: usize = 160;

/// One bit for each hash.
type Bits = [u64; (1 << HASH) / 64];

fn hash(window: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> (32 - HASH)) as usize
}

fn window(bytes: &[u8]) -> u32 {
    match bytes {
        [a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

/// How often each window stands in a source, as far as its beginning tells.
pub(super) struct Sample(Vec<u16>);

impl Sample {
    /// Pieces that are looked at, and how long each is.
    const PIECES: usize = 32;
    const LENGTH: usize = 2048;

    pub(super) fn of(data: &[u8]) -> Sample {
        let mut counts = vec![0_u16; 1 << HASH];
        let step = (data.len() / Sample::PIECES).max(Sample::LENGTH);
        for piece in data.chunks(step) {
            let piece = &piece[..piece.len().min(Sample::LENGTH)];
            for place in piece.windows(WINDOW) {
                let count = &mut counts[hash(window(place))];
                *count = count.saturating_add(1);
            }
        }
        Sample(counts)
    }

    fn count(&self, bytes: &[u8]) -> u32 {
        u32::from(self.0[hash(window(bytes))])
    }
}

/// A place of a searched text that may be met.
#[derive(Clone, Copy)]
struct Entry {
    window: u32,
    needle: u16,
    /// How far after the beginning of its text it stands.
    back: u16,
}

/// A text that is searched for, and who needs it.
struct Needle {
    text: Vec<u8>,
    wanted_by: Vec<u16>,
}

/// What the lines of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// Text; only wordings that need a text of their own are searched for.
    Text,
    /// Text in which API objects were seen.
    Objects,
    /// Records each of which is read, whatever it says.
    Records,
}

/// Everything that a line must hold.
struct Check {
    all: Vec<Finder<'static>>,
    one_of: Vec<Vec<Finder<'static>>>,
}

impl Check {
    fn new(needs: &Needs) -> Check {
        let finder = |text: &String| Finder::new(text.as_bytes()).into_owned();
        Check {
            all: needs.all.iter().map(finder).collect(),
            one_of: needs
                .one_of
                .iter()
                .map(|words| words.iter().map(finder).collect())
                .collect(),
        }
    }

    fn holds(&self, line: &[u8]) -> bool {
        self.all.iter().all(|text| text.find(line).is_some())
            && self
                .one_of
                .iter()
                .all(|words| words.iter().any(|word| holds_word(line, word)))
    }
}

/// Returns whether a word stands in a line, and not as a part of a longer one.
fn holds_word(line: &[u8], word: &Finder) -> bool {
    let apart = |byte: Option<&u8>| byte.is_none_or(|b| !b.is_ascii_alphanumeric());
    word.find_iter(line).any(|at| {
        let before = at.checked_sub(1).and_then(|b| line.get(b));
        apart(before) && apart(line.get(at + word.needle().len()))
    })
}

/// What is searched for in the lines of a source.
pub(super) struct Filter {
    stride: usize,
    bits: Vec<u64>,
    /// For each hash, where its entries begin.
    begins: Vec<u16>,
    entries: Vec<Entry>,
    needles: Vec<Needle>,
    checks: Vec<Check>,
    /// Objects that are read for what they state about each other.
    objects: Vec<Check>,
}

/// A place in a block, and what is known of the lines around it.
#[derive(Default)]
pub(super) struct Place {
    /// From here on nothing was looked at.
    from: usize,
    /// The line that was looked at last and holds too little.
    refused: usize,
    failed: Vec<u16>,
    /// The next line that may say something, if it was met already.
    met: Option<Range<usize>>,
    done: bool,
}

/// One wording or object before its text is chosen.
struct Wanted {
    needs: Needs,
    choices: Vec<String>,
}

impl Filter {
    /// Chooses what to search for. Without a sample, that is the longest text of each wording.
    pub(super) fn new(
        grammars: &Grammars,
        lines: Lines,
        sample: Option<&Sample>,
    ) -> Option<Filter> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let objects = lines != Lines::Text;
        let is_searched = |of: &str| match lines {
            Lines::Text => !INSIDE_OBJECTS.contains(&of) && !READ_ANYWAY.contains(&of),
            Lines::Objects => !READ_ANYWAY.contains(&of) && !is_made_by_reader(of),
            Lines::Records => !is_made_by_reader(of),
        };
        // Types of record some of which can only be told by what their objects look like.
        let mut by_look: BTreeSet<&str> = BTreeSet::new();
        let wordings = grammars.signals.iter().flat_map(|s| &s.wordings);
        for wording in wordings.filter(|w| is_searched(&w.of)) {
            let mut needs = wording.needs.clone();
            if lines == Lines::Records {
                // Between the words of a needle a line may have more blanks: that does not matter where no other line is left out.
                let words = wording.needle.split_whitespace().flat_map(|run| {
                    let plain = run.split(|c: char| !c.is_ascii_alphanumeric());
                    plain.chain((!wording.needle.contains(char::is_whitespace)).then_some(run))
                });
                let words = words.filter(|word| word.len() > 2).map(str::to_owned);
                needs.all.extend(words);
            } else if wording.needle.is_empty() {
                continue;
            } else {
                needs.all.push(wording.needle.clone());
            }
            let choices = choices_of(&needs);
            if choices.is_empty() && lines == Lines::Records {
                by_look.insert(&wording.of);
            } else {
                wanted.push(Wanted { needs, choices });
            }
        }
        let is_of =
            |format: &Format, types: &dyn Fn(&str) -> bool| format.of.as_deref().is_some_and(types);
        let known = |of: &&str| {
            grammars
                .peeler
                .formats()
                .iter()
                .any(|f| is_of(f, &|other| other == *of))
        };
        if !by_look.iter().all(known) {
            return None;
        }
        let formats: Vec<&Format> = grammars
            .peeler
            .formats()
            .iter()
            .filter(|f| f.shape == Shape::Json)
            .filter(|f| {
                let by_reader = f
                    .reader
                    .as_deref()
                    .and_then(Reader::named)
                    .is_some_and(|reader| reader.words == Words::Reader);
                let by_type = |of: &str| match lines {
                    Lines::Records => is_made_by_reader(of) || by_look.contains(of),
                    _ => is_made_by_reader(of) && INSIDE_OBJECTS.contains(&of),
                };
                by_reader || is_of(f, &by_type)
            })
            .collect();
        if objects {
            wanted.extend(formats.iter().map(|f| f.needs()).map(|needs| Wanted {
                choices: choices_of(&needs),
                needs,
            }));
        } else {
            // A stray object in a log is found by what marks its envelope, which no other line holds.
            let marks = grammars
                .peeler
                .formats()
                .iter()
                .filter(|f| is_of(f, &|of| INSIDE_OBJECTS.contains(&of)));
            wanted.extend(marks.filter_map(Format::mark).map(|mark| Wanted {
                needs: Needs::default(),
                choices: vec![mark],
            }));
        }
        wanted.sort_by(|a, b| (&a.needs, &a.choices).cmp(&(&b.needs, &b.choices)));
        wanted.dedup_by(|a, b| a.needs == b.needs && a.choices == b.choices);
        // What cannot be searched for could be in any line.
        let is_found = |one: &Wanted| one.choices.iter().any(|text| text.len() >= WINDOW);
        if wanted.iter().any(|one| !is_found(one)) {
            return None;
        }
        Some(Filter::build(&wanted, &formats, sample))
    }

    fn build(wanted: &[Wanted], formats: &[&Format], sample: Option<&Sample>) -> Filter {
        let longest = |w: &Wanted| w.choices.iter().map(String::len).max().unwrap_or_default();
        let shortest = wanted.iter().map(longest).min().unwrap_or_default();
        let stride = (shortest + 1).saturating_sub(WINDOW).clamp(1, WIDEST);
        let mut texts: BTreeMap<(&str, usize), Vec<u16>> = BTreeMap::new();
        for (number, one) in wanted.iter().enumerate() {
            // A choice: how often one of its windows is met, which text, and from where in it.
            let choices = one
                .choices
                .iter()
                .enumerate()
                .filter(|(_, text)| text.len() >= stride + WINDOW - 1);
            let best = choices
                .flat_map(|(rank, text)| {
                    (0..=text.len() - (stride + WINDOW - 1)).map(move |at| {
                        // Without a sample, a longer text is taken to be rarer.
                        let met = sample.map_or(u32::MAX - text.len() as u32, |s| {
                            let windows = (at..at + stride).map(|i| &text.as_bytes()[i..]);
                            windows.map(|bytes| s.count(bytes)).sum()
                        });
                        (met, rank, at)
                    })
                })
                .min();
            if let (Some((_, rank, at)), Ok(number)) = (best, u16::try_from(number)) {
                texts
                    .entry((&one.choices[rank], at))
                    .or_default()
                    .push(number);
            }
        }
        let mut filter = Filter {
            stride,
            bits: vec![0; (1 << HASH) / 64],
            begins: Vec::new(),
            entries: Vec::new(),
            needles: Vec::new(),
            checks: wanted.iter().map(|w| Check::new(&w.needs)).collect(),
            objects: formats.iter().map(|f| Check::new(&f.needs())).collect(),
        };
        for ((text, at), wanted_by) in texts {
            let needle = u16::try_from(filter.needles.len()).unwrap_or(u16::MAX);
            for place in at..at + stride {
                let entry = Entry {
                    window: window(&text.as_bytes()[place..]),
                    needle,
                    back: u16::try_from(place).unwrap_or(u16::MAX),
                };
                filter.entries.push(entry);
            }
            filter.needles.push(Needle {
                text: text.as_bytes().to_vec(),
                wanted_by,
            });
        }
        filter
            .entries
            .sort_by_key(|e| (hash(e.window), e.window, e.needle, e.back));
        let mut begins = vec![0_u16; (1 << HASH) + 1];
        for entry in &filter.entries {
            let place = hash(entry.window);
            filter.bits[place / 64] |= 1 << (place % 64);
            begins[place + 1] += 1;
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        filter.begins = begins;
        filter
    }

    /// Finds the next line at or after `from` that could say something. `whole` tells of a line whether it is surely all of its record.
    pub(super) fn next(
        &self,
        data: &[u8],
        from: usize,
        place: &mut Place,
        whole: impl Fn(&Range<usize>) -> bool,
    ) -> Option<Range<usize>> {
        if place.met.as_ref().is_some_and(|met| met.start < from) {
            place.met = None;
        }
        if place.met.is_none() && !place.done {
            place.from = place.from.max(from);
            place.met = self.search(data, place, whole);
            place.done = place.met.is_none();
        }
        place.met.clone()
    }

    fn search(
        &self,
        data: &[u8],
        place: &mut Place,
        whole: impl Fn(&Range<usize>) -> bool,
    ) -> Option<Range<usize>> {
        let mut from = place.from;
        let least = from;
        loop {
            let at = self.meet(data, from)?;
            from = at + self.stride;
            place.from = from;
            let found = window(&data[at..]);
            let bucket = hash(found);
            for entry in &self.entries
                [usize::from(self.begins[bucket])..usize::from(self.begins[bucket + 1])]
            {
                if entry.window != found {
                    continue;
                }
                let Some(start) = at
                    .checked_sub(usize::from(entry.back))
                    .filter(|start| *start >= least)
                else {
                    continue;
                };
                let needle = &self.needles[usize::from(entry.needle)];
                if data[start..].starts_with(&needle.text)
                    && let Some(line) = self.line(
                        data,
                        start,
                        start + needle.text.len(),
                        needle,
                        place,
                        &whole,
                    )
                {
                    // What was looked at in this line is not looked at again.
                    place.from = line.end.max(from);
                    return Some(line);
                }
            }
        }
    }

    /// Finds the next place whose window is one of those searched for.
    fn meet(&self, data: &[u8], from: usize) -> Option<usize> {
        let bits: &Bits = self.bits.as_slice().try_into().ok()?;
        match self.stride {
            1 => meet::<1>(bits, data, from),
            2 => meet::<2>(bits, data, from),
            3 => meet::<3>(bits, data, from),
            4 => meet::<4>(bits, data, from),
            5 => meet::<5>(bits, data, from),
            6 => meet::<6>(bits, data, from),
            7 => meet::<7>(bits, data, from),
            _ => meet::<WIDEST>(bits, data, from),
        }
    }

    /// Gives the line around a text that was met if it holds all that somebody needs.
    fn line(
        &self,
        data: &[u8],
        start: usize,
        end: usize,
        needle: &Needle,
        place: &mut Place,
        whole: &impl Fn(&Range<usize>) -> bool,
    ) -> Option<Range<usize>> {
        let known = place.refused > start;
        if known
            && needle
                .wanted_by
                .iter()
                .all(|number| place.failed.contains(number))
        {
            return None;
        }
        let begin = memchr::memrchr2(b'\n', b'\r', &data[..start]).map_or(0, |n| n + 1);
        let end = memchr::memchr2(b'\n', b'\r', &data[end..]).map_or(data.len(), |n| end + n);
        let line = begin..end;
        if !known {
            place.refused = end;
            place.failed.clear();
            if !whole(&line)
                || self
                    .objects
                    .iter()
                    .any(|object| object.holds(&data[line.clone()]))
            {
                return Some(line);
            }
        }
        for number in &needle.wanted_by {
            if place.failed.contains(number) {
                continue;
            }
            if self.checks[usize::from(*number)].holds(&data[line.clone()]) {
                return Some(line);
            }
            place.failed.push(*number);
        }
        None
    }
}

/// Looks at every `STRIDE`th place. A stride known to the compiler makes each look one load, one multiplication and one test.
fn meet<const STRIDE: usize>(bits: &Bits, data: &[u8], mut at: usize) -> Option<usize> {
    const TOGETHER: usize = 8;
    let is_met = |piece: &[u8], place: usize| {
        let bytes = piece
            .get(place..)
            .and_then(|rest| rest.first_chunk::<WINDOW>());
        let place = hash(u32::from_le_bytes(bytes.copied().unwrap_or_default()));
        bits[place / 64] >> (place % 64) & 1 == 1
    };
    while let Some(piece) = data.get(at..at + (TOGETHER - 1) * STRIDE + WINDOW) {
        if (0..TOGETHER).fold(false, |met, look| met | is_met(piece, look * STRIDE)) {
            break;
        }
        at += TOGETHER * STRIDE;
    }
    // The one that was met is one of the next few; or the end is near.
    while let Some(piece) = data.get(at..at + WINDOW) {
        if is_met(piece, 0) {
            return Some(at);
        }
        at += STRIDE;
    }
    None
}

/// Returns whether records of this type are made by a reader, which puts what they say into words of its own.
fn is_made_by_reader(of: &str) -> bool {
    (INSIDE_OBJECTS.contains(&of) && of != "audit") || matches!(of, "alert" | "deploy")
}

/// Returns the texts that may be searched for to find all lines that hold what is needed.
fn choices_of(needs: &Needs) -> Vec<String> {
    let values = needs
        .one_of
        .iter()
        .filter(|values| values.len() == 1)
        .flatten();
    let long_enough = needs
        .all
        .iter()
        .chain(values)
        .filter(|text| text.len() >= WINDOW);
    long_enough.cloned().collect()
}

/// Returns whether a line is surely all of its record, with nothing in it that is taken out before it is read.
pub(super) fn is_whole(line: &[u8]) -> bool {
    let head = &line[..line.len().min(HEAD)];
    let trimmed = line.trim_ascii_end();
    !(trimmed.ends_with(b"=<")
        || memchr::memchr(b'\t', head).is_some()
        || memchr::memmem::find(head, b" >").is_some()
        || memchr::memchr(0x1b, line).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::peel::Record;

    /// Lines that say nothing, such as stand around those that do.
    const NOISE: &str =
        "2024-05-22T03:15:44.120Z the quick brown fox jumps over lazy dogs 4711 times\n";

    fn filters(lines: Lines) -> Vec<Filter> {
        let grammars = Grammars::embedded().expect("grammars");
        let common = "error failed image Failed to pull level=info msg= started kubelet node pod\n"
            .repeat(2_000);
        let samples = [
            None,
            Some(Sample::of(NOISE.repeat(3_000).as_bytes())),
            Some(Sample::of(common.as_bytes())),
        ];
        samples
            .iter()
            .filter_map(|sample| Filter::new(&grammars, lines, sample.as_ref()))
            .collect()
    }

    fn found(filter: &Filter, data: &str) -> Vec<String> {
        let mut place = Place::default();
        let mut from = 0;
        let mut lines = Vec::new();
        while let Some(line) = filter.next(data.as_bytes(), from, &mut place, |line| {
            is_whole(&data.as_bytes()[line.clone()])
        }) {
            from = line.end;
            lines.push(data[line].to_owned());
        }
        lines
    }

    #[test]
    fn every_line_that_says_something_is_given_wherever_it_stands() {
        let grammars = Grammars::embedded().expect("grammars");
        let mut said = 0;
        for filter in filters(Lines::Text) {
            for text in grammars
                .signals
                .iter()
                .flat_map(|s| &s.samples)
                .map(|s| s.text.as_str())
            {
                let record = Record {
                    of: "log".into(),
                    body: text.to_owned(),
                    ..Record::default()
                };
                if text.contains(['\n', '\r']) || grammars.find_signal(&record).is_none() {
                    continue;
                }
                said += 1;
                for shift in 0..9 {
                    let data = format!("{}{NOISE}{text}\n{NOISE}", "x".repeat(shift));
                    assert_eq!(found(&filter, &data), [text], "shifted by {shift}");
                }
                assert_eq!(found(&filter, text), [text], "alone");
            }
        }
        assert!(said > 500, "only {said} samples were tried");
    }

    #[test]
    fn a_line_with_only_some_of_the_words_is_left_out() {
        for filter in filters(Lines::Text) {
            let data = format!(
                "{NOISE}level=info msg=\"response completed\" http.request.method=GET manifests\n{NOISE}"
            );
            assert_eq!(found(&filter, &data), [""; 0]);
        }
    }

    #[test]
    fn objects_that_state_who_owns_what_are_given_whatever_they_say() {
        let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-1","namespace":"shop"},"spec":{"nodeName":"wk-1"}}"#;
        let lease = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","verb":"update","objectRef":{"resource":"leases","namespace":"kube-node-lease"},"responseStatus":{"metadata":{},"code":200}}"#;
        for lines in [Lines::Objects, Lines::Records] {
            for filter in filters(lines) {
                assert_eq!(
                    found(&filter, &format!("{lease}\n{pod}\n{lease}\n")),
                    [pod],
                    "{lines:?}"
                );
            }
        }
        assert_eq!(filters(Lines::Records).len(), 3);
    }
}
