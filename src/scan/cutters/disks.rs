//! df tables, wherever they stand: in a file of their own, between the lines of a log, in the record of a terminal.
//!
//! # Source
//! GNU coreutils df, `-h`, `-H`, `-k`, `-B`, `-i`, `-T`, `-P`, `--output`; busybox df. Columns are found by the one that ends in `%`: what non-root
//! may use of what there is. A long device name stands on a line of its own.

use std::ops::Range;

use super::{DiskRow, Piece, lines};
use crate::grammar::stamp::{self, Layout};
use crate::model::Reading;

/// Cuts df rows out of the plain lines among pieces.
pub(super) fn cut_out(text: &str, pieces: Vec<Piece>) -> Vec<Piece> {
    let mut cutter = Cutter::default();
    for piece in pieces {
        match piece {
            Piece::Lines(range) => cutter.lines(text, range),
            other => cutter.pieces.push(other),
        }
    }
    cutter.pieces
}

/// Which tables df prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Blocks,
    Inodes,
}

#[derive(Default)]
struct Cutter {
    pieces: Vec<Piece>,
    /// When the tables that follow were printed.
    at: Option<Reading>,
    /// The table's kind, and its unit as its header names it.
    table: Option<(Counts, Option<u64>)>,
    /// File systems of the table so far.
    seen: Vec<String>,
    /// A device whose row goes on in the next line.
    device: Option<(Range<usize>, String)>,
}

impl Cutter {
    fn lines(&mut self, text: &str, range: Range<usize>) {
        let start = range.start;
        for (line_range, line) in lines(&text[range]) {
            let range = start + line_range.start..start + line_range.end;
            if let Some((counts, unit)) = header_of(line) {
                self.table = Some((counts, unit));
                self.seen.clear();
                self.device = None;
                self.plain(range);
                continue;
            }
            if let Some(reading) = stamp_alone(line) {
                self.at = Some(reading);
                self.table = None;
                self.plain(range);
                continue;
            }
            let Some((counts, unit)) = self.table else {
                self.plain(range);
                continue;
            };
            let mut columns: Vec<&str> = line.split_whitespace().collect();
            // A file system's name on a line of its own.
            if let [device] = columns.as_slice()
                && (device.contains('/') || device.contains(':'))
                && !line.starts_with(' ')
            {
                self.device = Some((range, (*device).to_owned()));
                continue;
            }
            let device = self.device.take();
            if let Some((_, device)) = &device
                && line.starts_with(' ')
            {
                columns.insert(0, device);
            } else if let Some((range, _)) = &device {
                self.plain(range.clone());
            }
            match row_of(&columns) {
                Some(mut row) => {
                    // `df -k; df -i` with one header: the same file system again is counted in inodes.
                    let again = counts == Counts::Blocks && self.seen.contains(&row.filesystem);
                    row.inodes = again || counts == Counts::Inodes;
                    row.unit = unit;
                    row.at.clone_from(&self.at);
                    if !again {
                        self.seen.push(row.filesystem.clone());
                    }
                    let from =
                        device.map_or(range.start, |(first, _)| first.start.min(range.start));
                    self.pieces.push(Piece::Disk(from..range.end, row));
                }
                None => {
                    // The table ends where its rows end.
                    if !line.trim().is_empty() && !is_unmeasured(&columns) {
                        self.table = None;
                    }
                    self.plain(range);
                }
            }
        }
        if let Some((range, _)) = self.device.take() {
            self.plain(range);
        }
    }

    fn plain(&mut self, range: Range<usize>) {
        if let Some(Piece::Lines(last)) = self.pieces.last_mut()
            && range.start <= last.end + 2
        {
            last.end = range.end;
            return;
        }
        self.pieces.push(Piece::Lines(range));
    }
}

/// Reads a header, and the unit that it names.
fn header_of(line: &str) -> Option<(Counts, Option<u64>)> {
    let line = line.trim_start();
    if !line.starts_with("Filesystem") || !(line.contains("Mounted on") || line.contains("Use%")) {
        return None;
    }
    let counts = if line.contains("Inodes") || line.contains("IUse%") {
        Counts::Inodes
    } else {
        Counts::Blocks
    };
    let unit = line.split_whitespace().find_map(|word| {
        let named = word.strip_suffix("-blocks")?;
        match named {
            "1K" => Some(1 << 10),
            "1M" => Some(1 << 20),
            "1G" => Some(1 << 30),
            "1B" => Some(1),
            number => number.parse().ok(),
        }
    });
    Some((counts, unit))
}

fn row_of(columns: &[&str]) -> Option<DiskRow> {
    let share = |text: &str| text.strip_suffix('%').and_then(|p| p.parse::<f64>().ok());
    let at = columns.iter().position(|column| share(column).is_some())?;
    let mounted_on = columns.get(at + 1..)?.join(" ");
    let number = |text: &&str| text.starts_with(|c: char| c.is_ascii_digit());
    let sizes: Vec<&str> = columns
        .get(1..at)?
        .iter()
        .copied()
        .filter(|c| number(c))
        .collect();
    // Device, perhaps a type, three numbers, the share, and where it is mounted.
    let [total, _, available] = sizes.as_slice() else {
        return None;
    };
    if mounted_on.is_empty() || !(mounted_on.starts_with('/') || mounted_on == "-") || at > 5 {
        return None;
    }
    Some(DiskRow {
        at: None,
        filesystem: columns[0].to_owned(),
        mounted_on,
        used_percent: share(columns[at])?,
        inodes: false,
        total: (*total).to_owned(),
        available: (*available).to_owned(),
        unit: None,
    })
}

/// Rows of file systems that count nothing: `-` stands for the share.
fn is_unmeasured(columns: &[&str]) -> bool {
    columns.len() >= 5 && columns.contains(&"-")
}

/// A line that is only a stamp, or what `date` prints, dates what follows.
fn stamp_alone(line: &str) -> Option<Reading> {
    let line = line.trim();
    if let Some((length, reading)) = Layout::Iso.take(line) {
        return (length == line.len()).then_some(reading);
    }
    let shown = stamp::date_output(line)?;
    Layout::Iso.take(&shown).map(|(_, reading)| reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let whole: Range<usize> = 0..text.trim_end().len();
        let found: Vec<String> = cut_out(text, vec![Piece::Lines(whole)])
            .into_iter()
            .map(|piece| match piece {
                Piece::Disk(_, row) => format!(
                    "{} on {} {}{}",
                    row.filesystem,
                    row.mounted_on,
                    row.used_percent,
                    if row.inodes { " inodes" } else { "" }
                ),
                Piece::Lines(range) => text[range].replace('\n', "|"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn rows_are_read_in_every_width() {
        check(
            "Filesystem     Type      Size  Used Avail Use% Mounted on\n/dev/vda1      ext4       20G   17G  2.1G  90% /\n",
            &[
                "Filesystem     Type      Size  Used Avail Use% Mounted on",
                "/dev/vda1 on / 90",
            ],
        );
        check(
            "Filesystem     1024-blocks    Used Available Capacity Mounted on\n/dev/vda1 100 90 10 90% /var/lib/my data\n",
            &[
                "Filesystem     1024-blocks    Used Available Capacity Mounted on",
                "/dev/vda1 on /var/lib/my data 90",
            ],
        );
        check(
            "Filesystem           1K-blocks      Used Available Use% Mounted on\n/dev/mapper/a-very-long-name\n                      20511356  18211112   1251280  94% /\n",
            &[
                "Filesystem           1K-blocks      Used Available Use% Mounted on",
                "/dev/mapper/a-very-long-name on / 94",
            ],
        );
        check(
            "Filesystem      Inodes  IUsed   IFree IUse% Mounted on\n/dev/vda1      1310720  99 1310621    1% /\nvfat 0 0 0 - /boot\n",
            &[
                "Filesystem      Inodes  IUsed   IFree IUse% Mounted on",
                "/dev/vda1 on / 1 inodes",
                "vfat 0 0 0 - /boot",
            ],
        );
    }

    #[test]
    fn what_stands_around_a_table_stays() {
        check(
            "$ df -h\nFilesystem Size Used Avail Use% Mounted on\n/dev/vda1 20G 17G 2G 90% /\n$ journalctl\nMay 22 10:00:00 n kubelet[1]: 90% of 5 6 7 90% /\n",
            &[
                "$ df -h|Filesystem Size Used Avail Use% Mounted on",
                "/dev/vda1 on / 90",
                "$ journalctl|May 22 10:00:00 n kubelet[1]: 90% of 5 6 7 90% /",
            ],
        );
    }
}
