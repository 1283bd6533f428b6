//! Dates that a source tells outside its records: what completes stamps without a year.
//!
//! Takes the beginning of a text and its path; gives a date and where it stands. Does not look at records and never at the wall clock.

use chrono::NaiveDate;

/// Lines of the beginning that may be a preamble.
const LINES: usize = 12;

/// Finds a date in the preamble, then in the file's name, then in its folders' names, the nearest first.
pub(super) fn find(text: &str, path: &str) -> Option<(NaiveDate, &'static str)> {
    let preamble = text.lines().take(LINES).find_map(|line| {
        let line = line.trim_start_matches('\u{feff}');
        BEFORE
            .iter()
            .find_map(|before| line.strip_prefix(before))
            .and_then(date_in)
    });
    if let Some(date) = preamble {
        return Some((date, "the preamble of its log"));
    }
    path.rsplit(['/', '!'])
        .enumerate()
        .find_map(|(depth, part)| {
            let from = if depth == 0 {
                "the name of its file"
            } else {
                "the name of its folder"
            };
            Some((date_in(part)?, from))
        })
}

/// # Source
/// klog's and glog's file preamble; journalctl's first line, since systemd 188 and since 249.
const BEFORE: &[&str] = &[
    "Log file created at: ",
    "-- Logs begin at ",
    "-- Journal begins at ",
];

/// Finds the first date that a text writes with its year: `20240522`, `2024-05-22`, `2024/05/22`, `2024_05_22`.
fn date_in(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let number = |from: usize, length: usize| -> Option<u32> {
        let digits = bytes.get(from..from + length)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
    };
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).find_map(|at| {
        // A longer number is no date.
        if at > 0 && digit(at - 1) {
            return None;
        }
        let year = number(at, 4).filter(|y| (2000..2100).contains(y))?;
        let apart = match bytes.get(at + 4) {
            Some(b'-' | b'/' | b'_' | b'.') if bytes.get(at + 4) == bytes.get(at + 7) => 1,
            Some(c) if c.is_ascii_digit() => 0,
            _ => return None,
        };
        let month = number(at + 4 + apart, 2)?;
        let day_at = at + 6 + 2 * apart;
        let day = number(day_at, 2)?;
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        // `20240522031544` goes on with a time of day; other digits are another number.
        let more = bytes[day_at + 2..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        matches!(more, 0 | 2 | 4 | 6).then_some(date)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, expected: Option<(&str, &str)>) {
        let found = find(text, path).map(|(date, from)| (date.to_string(), from));
        let expected = expected.map(|(date, from)| (date.to_owned(), from));
        assert_eq!(
            found.as_ref().map(|(d, f)| (d.clone(), *f)),
            expected,
            "{text} {path}"
        );
    }

    #[test]
    fn a_date_is_told_by_the_preamble_then_by_the_path() {
        let preamble = "Log file created at: 2023/12/31 23:59:59\nRunning on machine: node-a1\n";
        let (name, folder) = ("the name of its file", "the name of its folder");
        check(
            preamble,
            "kubelet-20240522.log",
            Some(("2023-12-31", "the preamble of its log")),
        );
        check(
            "-- Logs begin at Wed 2024-05-22 03:14:02 UTC, end at … --\n",
            "j",
            Some(("2024-05-22", "the preamble of its log")),
        );
        check("", "kubelet.log-20240522.gz", Some(("2024-05-22", name)));
        check("", "x/0.log.20240522-031544", Some(("2024-05-22", name)));
        check("", "2024_05_22/kubelet.log", Some(("2024-05-22", folder)));
        check("", "kubelet-20240522031544.log", Some(("2024-05-22", name)));
    }

    #[test]
    fn other_numbers_are_no_dates() {
        for path in [
            "kubelet.log",
            "ticket-20241399.log",
            "node-1202405221.log",
            "2024-05/kubelet.log",
            "v2024.05.log",
            "202405223.log",
            "10.20.24.05.log",
        ] {
            check("", path, None);
        }
    }
}
