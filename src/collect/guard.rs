//! Guard: a stream that stops at the limits of size, of ratio and of time, with an error that names the limit.
//!
//! The clock is read only where the user limits the time a file may take.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::model::Content;
use crate::model::limits::{Limits, reached};

/// What all streams of one input have read together, and the limits of each.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    /// The limits in force.
    pub limits: Limits,
    read: Arc<AtomicU64>,
}

impl Budget {
    /// Makes the budget of one input.
    pub fn new(limits: Limits) -> Budget {
        Budget {
            limits,
            read: Arc::default(),
        }
    }

    /// Returns whether more was read than the whole input may have.
    pub fn is_spent(&self) -> bool {
        self.read.load(Ordering::Relaxed) > self.limits.total_bytes
    }

    /// Guards a stream of decompressed bytes that come from `stored` bytes.
    pub(super) fn guard(&self, stream: Box<dyn Read + Send>, stored: Option<u64>) -> Guarded {
        Guarded {
            stream,
            budget: self.clone(),
            stored,
            given: 0,
            until: self.limits.time().map(|time| (Instant::now(), time)),
        }
    }
}

/// A stream under guard.
pub(super) struct Guarded {
    stream: Box<dyn Read + Send>,
    budget: Budget,
    /// Bytes that it is made of, if that is known.
    stored: Option<u64>,
    /// Bytes given so far.
    given: u64,
    until: Option<(Instant, Duration)>,
}

impl Guarded {
    /// Returns the limit that was passed, as name and value.
    fn passed(&self) -> Option<(&'static str, u64)> {
        let limits = &self.budget.limits;
        let inflated = self.given > Limits::RATIO_FROM
            && self
                .stored
                .is_some_and(|stored| self.given / stored.max(1) >= limits.ratio);
        if inflated {
            return Some(("ratio", limits.ratio));
        }
        if self.budget.is_spent() {
            return Some(("total-bytes", limits.total_bytes));
        }
        let late = |(start, time): (Instant, Duration)| start.elapsed() > time;
        self.until
            .is_some_and(late)
            .then_some(("file-seconds", limits.file_seconds))
    }
}

impl Read for Guarded {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if let Some((name, value)) = self.passed() {
            return Err(std::io::Error::other(reached(name, value)));
        }
        let left = self.budget.limits.file_bytes.saturating_sub(self.given);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 && !into.is_empty() {
            // Exactly as long as the limit is not too long.
            return match self.stream.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(std::io::Error::other(reached(
                    "file-bytes",
                    self.budget.limits.file_bytes,
                ))),
            };
        }
        let count = self.stream.read(&mut into[..most])?;
        self.given += count as u64;
        self.budget.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Content whose streams are guarded.
pub(super) struct Watched {
    pub(super) content: Arc<dyn Content>,
    pub(super) budget: Budget,
    /// Bytes that it is made of, if that is known.
    pub(super) stored: Option<u64>,
}

impl Content for Watched {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        let stream = self.content.open()?;
        Ok(Box::new(self.budget.guard(stream, self.stored)))
    }

    fn read_near_end(&self, back: u64, length: usize) -> Option<Vec<u8>> {
        self.content.read_near_end(back, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limits: Limits, bytes: u64, stored: u64, expected: Result<u64, &str>) {
        let budget = Budget::new(limits);
        let mut stream = budget.guard(Box::new(std::io::repeat(b'x').take(bytes)), Some(stored));
        let read = std::io::copy(&mut stream, &mut std::io::sink());
        match (read, expected) {
            (Ok(count), Ok(wanted)) => assert_eq!(count, wanted),
            (Err(error), Err(limit)) => {
                assert!(error.to_string().contains(limit), "{error}");
            }
            (read, expected) => panic!("{read:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn streams_stop_at_the_limit_that_they_pass() {
        let limits = Limits {
            file_bytes: 1000,
            total_bytes: 1500,
            ..Limits::default()
        };
        check(limits, 1000, 1, Ok(1000));
        check(limits, 1001, 1, Err("the limit file-bytes of 1000"));
        let total = Limits {
            total_bytes: 10,
            ..Limits::default()
        };
        check(
            total,
            1_000_000,
            1_000_000,
            Err("the limit total-bytes of 10"),
        );
        // 300 MiB out of one byte, and out of a third as many.
        let large = 300 * 1024 * 1024;
        check(Limits::default(), large, 1, Err("the limit ratio"));
        check(Limits::default(), large, large / 3, Ok(large));
    }
}
