//! Time in three steps, so that doubt cannot hide: the stamp as written, a [`Reading`] of it, and a [`Moment`].
//!
//! Scan makes readings; only `align` makes moments.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// A year that stands for "not known": a leap year, so that every date exists in it. Moments in it have the basis `none`.
pub const NO_YEAR: i32 = 1904;

/// What a stamp says, and no more than it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The stamp as written.
    pub text: String,
    /// What it tells.
    pub when: When,
    /// The smallest step of this kind of stamp.
    pub precision: TimeDelta,
}

/// How much of a point in time a stamp tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// A full date with an offset from UTC.
    Utc(DateTime<Utc>),
    /// A full date without an offset.
    Local(NaiveDateTime),
    /// Month, day and time of day: no year and no offset.
    Yearless {
        /// Month, from 1.
        month: u32,
        /// Day of the month, from 1.
        day: u32,
        /// Time of day.
        time: NaiveTime,
    },
    /// A time of day without a date.
    Dateless(NaiveTime),
    /// How long before the moment of writing, which the text does not tell. The reading's precision says how coarse it is.
    Ago(TimeDelta),
    /// How long after the node's boot, which the text does not tell.
    SinceBoot(TimeDelta),
}

/// A point in time in UTC, how fine it is, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The earliest instant that the stamp allows.
    pub at: DateTime<Utc>,
    /// Width of the interval that the stamp allows.
    pub precision: TimeDelta,
    /// How it is known.
    pub basis: Basis,
}

/// How a moment is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Year, zone and time stand in the record or one of its layers.
    Stamp,
    /// The zone is not written; UTC or the zone given by the user is assumed, or found by comparing sources.
    ZoneInferred,
    /// The year is not written; it was taken from other records of the incident.
    YearInferred,
    /// Computed from an age.
    Relative,
    /// Only its place between dated records of its file is known.
    FileOrder,
    /// Nothing tells the time.
    None,
}

impl Basis {
    /// Returns the published name.
    pub fn name(self) -> &'static str {
        match self {
            Basis::Stamp => "stamp",
            Basis::ZoneInferred => "zone_inferred",
            Basis::YearInferred => "year_inferred",
            Basis::Relative => "relative",
            Basis::FileOrder => "file_order",
            Basis::None => "none",
        }
    }
}

impl Moment {
    /// Returns the last instant that the stamp allows.
    pub fn latest(&self) -> DateTime<Utc> {
        self.at
            .checked_add_signed(self.precision)
            .unwrap_or(self.at)
    }
}

/// Returns a delay as people say it: `26 s`, `1 min 12 s`, `4 h 3 min`. Always without a sign.
pub fn spoken(delay: TimeDelta) -> String {
    let ms = delay.num_milliseconds().abs();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{:.1} s", ms as f64 / 1000.0).replace(".0 s", " s"),
        10_000..60_000 => format!("{} s", (ms + 500) / 1000),
        60_000..3_600_000 => {
            let seconds = (ms + 500) / 1000;
            if seconds % 60 == 0 {
                format!("{} min", seconds / 60)
            } else {
                format!("{} min {} s", seconds / 60, seconds % 60)
            }
        }
        _ => {
            let minutes = (ms + 30_000) / 60_000;
            if minutes % 60 == 0 {
                format!("{} h", minutes / 60)
            } else {
                format!("{} h {} min", minutes / 60, minutes % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_said_as_people_say_them() {
        let check = |ms: i64, said: &str| assert_eq!(spoken(TimeDelta::milliseconds(ms)), said);
        check(0, "0 ms");
        check(-2_500, "2.5 s");
        check(5_000, "5 s");
        check(59_999, "60 s");
        check(72_000, "1 min 12 s");
        check(300_000, "5 min");
        check(14_580_000, "4 h 3 min");
    }
}
