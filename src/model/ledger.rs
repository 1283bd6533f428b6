//! The ledger: every file and byte of the input is accounted for.

/// A file of which nothing was read, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// The path given.
    pub path: String,
    /// Why, as a fragment.
    pub why: String,
    /// Its size as stored, in bytes.
    pub bytes: u64,
}

/// Totals over all input. `bytes_read` + `bytes_skipped` = `bytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Files found.
    pub files: u64,
    /// Bytes found: decompressed where a file could be opened, as stored where it could not.
    pub bytes: u64,
    /// Bytes looked at.
    pub bytes_read: u64,
    /// Records looked at.
    pub records: u64,
    /// Files of which nothing was read.
    pub skipped: Vec<Skipped>,
    /// Signals without a time.
    pub undated: u64,
    /// Signals left out because they lie outside of the time that was asked for.
    pub outside: u64,
}
