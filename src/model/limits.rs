//! Limits: how much of an input is read before the rest is left, so that a hostile file costs bounded time and memory.
//!
//! Each has a name, a default and a sentence. Nothing is limited in silence: whoever stops at one says so in a problem that names it.

use std::time::Duration;

/// What is read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file or member, after decompression.
    pub file_bytes: u64,
    /// Bytes of all files and members together, after decompression.
    pub total_bytes: u64,
    /// Bytes that one stored byte may become, once a file is larger than [`Limits::RATIO_FROM`].
    pub ratio: u64,
    /// Members of one archive.
    pub members: u64,
    /// Archives inside archives.
    pub nesting: u64,
    /// Packed bytes kept in memory for members of compressed archives, of all archives together.
    pub memory_bytes: u64,
    /// Bytes of a document that is read as a whole (JSON, YAML, tables).
    pub document_bytes: u64,
    /// Bytes of a line.
    pub line_bytes: u64,
    /// Signals of the whole input.
    pub signals: u64,
    /// Bytes of a record that are quoted.
    pub evidence_bytes: u64,
    /// Seconds spent on one file; none unless it is asked for, because what is read then depends on the machine.
    pub file_seconds: u64,
}

const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            file_bytes: 64 * GIB,
            total_bytes: 1024 * GIB,
            ratio: 1_200,
            members: 200_000,
            nesting: 3,
            memory_bytes: GIB,
            document_bytes: GIB,
            line_bytes: MIB,
            signals: 2_000_000,
            evidence_bytes: 64 * 1024,
            file_seconds: 0,
        }
    }
}

impl Limits {
    /// Below this size in bytes nobody asks how well a file was compressed: logs of one repeated line shrink to a thousandth, too.
    pub const RATIO_FROM: u64 = 256 * MIB;

    /// Names, and what each limits.
    pub const NAMES: &[(&str, &str)] = &[
        (
            "file-bytes",
            "bytes of one file or member, after decompression",
        ),
        (
            "total-bytes",
            "bytes of everything, after decompression; beyond it there is no report",
        ),
        (
            "ratio",
            "bytes that one stored byte may become, in files above 256 MiB",
        ),
        ("members", "members of one archive"),
        ("nesting", "archives inside archives"),
        (
            "memory-bytes",
            "packed bytes kept in memory for compressed archives",
        ),
        (
            "document-bytes",
            "bytes of a JSON or YAML document, or a table",
        ),
        (
            "line-bytes",
            "bytes of a line, where a block of 4 MiB has no line end",
        ),
        ("signals", "signals of the whole input"),
        ("evidence-bytes", "bytes of a record that are quoted"),
        ("file-seconds", "seconds spent on one file; 0 for no limit"),
    ];

    fn field(&mut self, name: &str) -> Option<&mut u64> {
        Some(match name {
            "file-bytes" => &mut self.file_bytes,
            "total-bytes" => &mut self.total_bytes,
            "ratio" => &mut self.ratio,
            "members" => &mut self.members,
            "nesting" => &mut self.nesting,
            "memory-bytes" => &mut self.memory_bytes,
            "document-bytes" => &mut self.document_bytes,
            "line-bytes" => &mut self.line_bytes,
            "signals" => &mut self.signals,
            "evidence-bytes" => &mut self.evidence_bytes,
            "file-seconds" => &mut self.file_seconds,
            _ => return None,
        })
    }

    /// Returns the value of a limit.
    pub fn get(mut self, name: &str) -> Option<u64> {
        self.field(name).map(|value| *value)
    }

    /// Sets a limit from `NAME=VALUE`; a value may end with KiB, MiB or GiB.
    ///
    /// # Errors
    /// What is wrong, as a fragment.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("\"{text}\" is not NAME=VALUE"))?;
        let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match &value[digits.len()..] {
            "" => 1,
            "KiB" => 1024,
            "MiB" => MIB,
            "GiB" => GIB,
            other => {
                return Err(format!(
                    "\"{other}\" is no unit; known are KiB, MiB and GiB"
                ));
            }
        };
        let value: u64 = digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .ok_or_else(|| format!("\"{value}\" is no number"))?;
        let names: Vec<&str> = Limits::NAMES.iter().map(|(name, _)| *name).collect();
        let field = self.field(name).ok_or_else(|| {
            format!(
                "no limit is called \"{name}\"; known are {}",
                names.join(", ")
            )
        })?;
        *field = value;
        Ok(())
    }

    /// Returns the time that one file may take.
    pub fn time(self) -> Option<Duration> {
        (self.file_seconds > 0).then(|| Duration::from_secs(self.file_seconds))
    }
}

/// How the reason of a reader that stopped at a limit begins.
pub const REACHED: &str = "the limit ";

/// Returns the reason of a reader that stops at a limit.
pub fn reached(name: &str, value: u64) -> String {
    format!("{REACHED}{name} of {value} was reached")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_set_by_name() {
        let mut limits = Limits::default();
        for (name, _) in Limits::NAMES {
            limits.set(&format!("{name}=7")).expect("a limit");
            assert_eq!(limits.get(name), Some(7), "{name}");
        }
        limits.set("file-bytes=2GiB").expect("a limit");
        assert_eq!(limits.file_bytes, 2 * GIB);
        for wrong in [
            "x",
            "file-bytes=",
            "file-bytes=1TB",
            "speed=1",
            "file-bytes=99999999999GiB",
        ] {
            assert!(limits.set(wrong).is_err(), "{wrong}");
        }
    }
}
