//! Progress: on a terminal, after the first second, how much has been read, how fast, and how long the rest will take.
//!
//! Takes the sources before they are read and counts what is read from them; says so on stderr, which it clears when it is done. Nothing
//! that is reported depends on it: here alone a clock is read. Start with [`watch`].

use std::io::{IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::model::{Content, Source};

/// Nothing is said before this.
const SILENT: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const STEP: Duration = Duration::from_millis(250);

/// What was read of one source.
#[derive(Default)]
struct Counts {
    /// Decompressed bytes, as far as any reader got.
    furthest: AtomicU64,
    /// A reader got to the end.
    done: AtomicBool,
}

/// A source's content, counted.
struct Counted {
    content: Arc<dyn Content>,
    counts: Arc<Counts>,
}

impl Content for Counted {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Reader {
            stream: self.content.open()?,
            at: 0,
            counts: Arc::clone(&self.counts),
        }))
    }

    fn read_near_end(&self, back: u64, length: usize) -> Option<Vec<u8>> {
        self.content.read_near_end(back, length)
    }
}

struct Reader {
    stream: Box<dyn Read + Send>,
    at: u64,
    counts: Arc<Counts>,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(into)?;
        self.at += count as u64;
        self.counts.furthest.fetch_max(self.at, Ordering::Relaxed);
        if count == 0 && !into.is_empty() {
            self.counts.done.store(true, Ordering::Relaxed);
        }
        Ok(count)
    }
}

/// Stops telling, and clears the line, when it is dropped.
pub(super) struct Watch {
    stop: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(teller) = self.teller.take() {
            let _ = teller.join();
        }
    }
}

/// Begins to count and to tell. Does nothing if stderr is no terminal, or if nothing shall be said.
pub(super) fn watch(sources: &mut [Source], quiet: bool) -> Option<Watch> {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if quiet || dumb || !std::io::stderr().is_terminal() {
        return None;
    }
    let counted: Vec<(u64, bool, Arc<Counts>)> = sources
        .iter_mut()
        .map(|source| {
            let counts = Arc::new(Counts::default());
            source.content = Arc::new(Counted {
                content: Arc::clone(&source.content),
                counts: Arc::clone(&counts),
            });
            (source.stored_bytes, source.compression.is_some(), counts)
        })
        .collect();
    let (stop, stopped) = channel();
    let teller = std::thread::spawn(move || {
        let begin = Instant::now();
        let mut wait = SILENT;
        while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            wait = STEP;
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[2K{}",
                told(&sum(&counted), begin.elapsed())
            );
            let _ = std::io::stderr().flush();
        }
        if wait == STEP {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    });
    Some(Watch {
        stop: Some(stop),
        teller: Some(teller),
    })
}

/// What was read of all sources.
#[derive(Debug, Default)]
struct Sum {
    /// Decompressed bytes read.
    bytes: u64,
    /// Bytes as stored, of what was read and of everything.
    stored: (u64, u64),
    files: (usize, usize),
}

fn sum(counted: &[(u64, bool, Arc<Counts>)]) -> Sum {
    let mut sum = Sum::default();
    for (stored, compressed, counts) in counted {
        let bytes = counts.furthest.load(Ordering::Relaxed);
        let done = counts.done.load(Ordering::Relaxed);
        sum.bytes += bytes;
        sum.files.0 += usize::from(done);
        sum.files.1 += 1;
        sum.stored.1 += stored;
        // How far a compressed file is unpacked is not known before its end.
        sum.stored.0 += match (done, compressed) {
            (true, _) => *stored,
            (false, false) => bytes.min(*stored),
            (false, true) => 0,
        };
    }
    sum
}

fn told(sum: &Sum, passed: Duration) -> String {
    let seconds = passed.as_secs_f64().max(0.001);
    let share = sum.stored.0 as f64 / sum.stored.1.max(1) as f64;
    let rest = match () {
        () if sum.files.0 == sum.files.1 => "putting it together".to_owned(),
        () if share > 0.01 => format!("about {} left", span(seconds * (1.0 - share) / share)),
        () => "time left not known yet".to_owned(),
    };
    format!(
        "{} read, {} of {} files, {}/s, {rest}",
        size(sum.bytes as f64),
        sum.files.0,
        sum.files.1,
        size(sum.bytes as f64 / seconds),
    )
}

/// Writes a number of bytes with a decimal unit.
fn size(bytes: f64) -> String {
    match bytes {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e6 => format!("{:.0} MB", b / 1e6),
        b => format!("{:.0} kB", b / 1e3),
    }
}

fn span(seconds: f64) -> String {
    match seconds.ceil() as u64 {
        s @ 0..60 => format!("{s} s"),
        s => format!("{} min {} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_adds_up() {
        let check = |bytes, stored, files, seconds, expected: &str| {
            let sum = Sum {
                bytes,
                stored,
                files,
            };
            assert_eq!(told(&sum, Duration::from_secs(seconds)), expected);
        };
        check(
            1_200_000_000,
            (1_200_000_000, 4_800_000_000),
            (7, 18),
            3,
            "1.2 GB read, 7 of 18 files, 400 MB/s, about 9 s left",
        );
        check(
            50_000_000,
            (0, 9_000_000),
            (0, 1),
            2,
            "50 MB read, 0 of 1 files, 25 MB/s, time left not known yet",
        );
        check(
            2_000,
            (10, 1_000),
            (0, 2),
            1,
            "2 kB read, 0 of 2 files, 2 kB/s, time left not known yet",
        );
        check(
            90_000_000,
            (1_000, 100_000),
            (1, 9),
            2,
            "90 MB read, 1 of 9 files, 45 MB/s, time left not known yet",
        );
        check(
            90_000_000,
            (2_000, 100_000),
            (1, 9),
            2,
            "90 MB read, 1 of 9 files, 45 MB/s, about 1 min 38 s left",
        );
        check(
            90_000_000,
            (9, 9),
            (9, 9),
            2,
            "90 MB read, 9 of 9 files, 45 MB/s, putting it together",
        );
    }

    struct Text(&'static [u8]);

    impl Content for Text {
        fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
            Ok(Box::new(self.0))
        }
    }

    #[test]
    fn what_is_read_twice_counts_once() {
        let counts = Arc::new(Counts::default());
        let counted = Counted {
            content: Arc::new(Text(b"0123456789")),
            counts: Arc::clone(&counts),
        };
        let mut head = [0; 4];
        counted
            .open()
            .and_then(|mut stream| stream.read_exact(&mut head))
            .expect("four bytes");
        let all = [(10, false, Arc::clone(&counts))];
        assert_eq!(
            (sum(&all).bytes, sum(&all).files, sum(&all).stored),
            (4, (0, 1), (4, 10))
        );
        let mut whole = Vec::new();
        counted
            .open()
            .and_then(|mut stream| stream.read_to_end(&mut whole))
            .expect("ten bytes");
        assert_eq!(
            (sum(&all).bytes, sum(&all).files, sum(&all).stored),
            (10, (1, 1), (10, 10))
        );
    }
}
