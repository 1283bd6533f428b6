//! Readings → moments: years and zones that stamps do not write, and clocks of sources that differ.
//!
//! A year comes from an outer layer of the record, then from the user, then from what the file says of itself (a logger's preamble, its name), then
//! from the dated records of the incident nearest to it, then from when its container was written; never from the wall clock.
//! A zone comes from an outer layer, then from the user; otherwise UTC is assumed and said.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::{Options, Timed};
use crate::model::moment::NO_YEAR;
use crate::model::{
    Basis, DiskPoint, DiskSample, Moment, Reading, Signal, Source, SourceReading, When,
};

pub(super) struct Clock {
    /// Dates that are written in full, sorted.
    references: Vec<DateTime<Utc>>,
    year: Option<i32>,
    zone: FixedOffset,
    zone_given: bool,
    years_from: BTreeSet<&'static str>,
    zones_assumed: bool,
    /// Stamps without a year fall into December and into January: the later ones are of the next year.
    over_new_year: bool,
    /// The date that each source tells of itself outside its records, and where.
    own_dates: Vec<Option<(NaiveDate, &'static str)>>,
    /// When the container of each source says it was written, if nothing better tells a year.
    written: Vec<Option<DateTime<Utc>>>,
}

impl Clock {
    pub(super) fn new(
        signals: &[Signal],
        sources: &[Source],
        readings: &[SourceReading],
        options: &Options,
    ) -> Clock {
        let months: BTreeSet<u32> = signals
            .iter()
            .flat_map(|s| &s.readings)
            .filter_map(|r| {
                if let When::Yearless { month, .. } = r.when {
                    Some(month)
                } else {
                    None
                }
            })
            .collect();
        let over_new_year = months.contains(&12) && months.contains(&1);
        let written = signals
            .iter()
            .flat_map(|s| s.readings.iter().chain(&s.exact).chain(&s.shown))
            .chain(readings.iter().flat_map(|r| &r.coverage));
        let mut references: Vec<DateTime<Utc>> = written
            .filter_map(|reading| match &reading.when {
                When::Utc(at) => Some(*at),
                When::Local(at) => Some(at.and_utc()),
                _ => None,
            })
            .collect();
        let undated = references.is_empty();
        if undated {
            references.extend(sources.iter().filter_map(|s| s.stamped_at));
        }
        references.sort_unstable();
        references.dedup();
        let zone = options
            .zone
            .unwrap_or_else(|| FixedOffset::east_opt(0).unwrap_or(chrono::Offset::fix(&Utc)));
        Clock {
            references,
            year: options.year,
            zone,
            zone_given: options.zone.is_some(),
            years_from: BTreeSet::new(),
            zones_assumed: false,
            over_new_year,
            own_dates: readings.iter().map(|r| r.own_date).collect(),
            written: sources
                .iter()
                .map(|s| s.stamped_at.filter(|_| undated))
                .collect(),
        }
    }

    /// Gives a signal its moment: the innermost stamp counts, the outer ones complete it.
    pub(super) fn resolve(&mut self, signal: Signal) -> Timed {
        let source = signal.evidence.origin.source;
        let exact = signal
            .exact
            .as_ref()
            .and_then(|reading| self.moment(source, std::slice::from_ref(reading)));
        let moment = self.moment(source, &signal.readings).map(|m| {
            // The name of an Event has the nanosecond of its first occurrence, unless the Event is older than its name.
            if let Some(exact) = exact.filter(|e| m.at <= e.at && e.at < m.latest()) {
                return exact;
            }
            if signal.stamp_inherited {
                Moment {
                    basis: m.basis.max(Basis::FileOrder),
                    ..m
                }
            } else {
                m
            }
        });
        let last = signal
            .last
            .as_ref()
            .and_then(|reading| self.moment(source, std::slice::from_ref(reading)));
        Timed {
            signal,
            moment,
            last,
            inferred: BTreeMap::new(),
        }
    }

    /// Resolves the stamps of one record of a source.
    pub(super) fn moment(&mut self, source: usize, readings: &[Reading]) -> Option<Moment> {
        let (inner, outer) = readings.split_last()?;
        let outer_utc = outer.iter().rev().find_map(|r| {
            if let When::Utc(at) = r.when {
                Some(at)
            } else {
                None
            }
        });
        match &inner.when {
            When::Utc(at) => Some(Moment {
                at: *at,
                precision: inner.precision,
                basis: Basis::Stamp,
            }),
            When::Local(at) => Some(self.local(*at, outer_utc, inner.precision, Basis::Stamp)),
            When::Dateless(time) => {
                let nearest = match self.own_date(source) {
                    Some((date, from)) if self.references.is_empty() => {
                        self.years_from.insert(from);
                        date.and_time(*time)
                    }
                    _ => self.nearest_day(*time)?,
                };
                Some(self.local(nearest, outer_utc, inner.precision, Basis::YearInferred))
            }
            // What a source's ages count from is found in `ages`, once everything else has its time.
            When::Ago(_) | When::SinceBoot(_) => None,
            When::Yearless { month, day, time } => {
                let date = |year: i32| {
                    NaiveDate::from_ymd_opt(year, *month, *day).map(|date| date.and_time(*time))
                };
                if let Some(outer) = outer_utc {
                    let nearest = (outer.year() - 1..=outer.year() + 1)
                        .filter_map(date)
                        .min_by_key(|at| (at.and_utc() - outer).abs())?;
                    return Some(self.local(nearest, Some(outer), inner.precision, Basis::Stamp));
                }
                let next = i32::from(self.over_new_year && *month <= 6);
                if let Some(year) = self.year.map(|year| year + next) {
                    self.years_from.insert("the year given on the command line");
                    return date(year)
                        .map(|at| self.local(at, None, inner.precision, Basis::YearInferred));
                }
                // What the file says of itself is nearer to it than what others say.
                if let Some((own, from)) = self.own_date(source) {
                    let nearest = (own.year() - 1..=own.year() + 1)
                        .filter_map(date)
                        .min_by_key(|at| (at.date() - own).abs())?;
                    self.years_from.insert(from);
                    return Some(self.local(nearest, None, inner.precision, Basis::YearInferred));
                }
                // A container is written after what it holds, but for the hours that a zone runs ahead.
                if let Some(written) = self.written.get(source).copied().flatten() {
                    let latest = written.naive_utc() + TimeDelta::days(1);
                    let at = (latest.year() - 4..=latest.year())
                        .rev()
                        .filter_map(date)
                        .find(|at| *at <= latest)?;
                    self.years_from
                        .insert("when the archive that holds the file was written");
                    return Some(self.local(at, None, inner.precision, Basis::YearInferred));
                }
                if let Some(nearest) = self.nearest_year(date) {
                    self.years_from.insert("the dated records of the incident");
                    return Some(self.local(nearest, None, inner.precision, Basis::YearInferred));
                }
                self.years_from.insert("nothing");
                date(NO_YEAR + next).map(|at| self.local(at, None, inner.precision, Basis::None))
            }
        }
    }

    /// Returns the date that a source tells outside its records, and where.
    fn own_date(&self, source: usize) -> Option<(NaiveDate, &'static str)> {
        self.own_dates.get(source).copied().flatten()
    }

    /// Of the years around the references, the one that brings a date nearest to any of them.
    fn nearest_year(&self, date: impl Fn(i32) -> Option<NaiveDateTime>) -> Option<NaiveDateTime> {
        let (first, last) = (self.references.first()?, self.references.last()?);
        (first.year() - 1..=last.year() + 1)
            .filter_map(date)
            .min_by_key(|at| self.distance(at.and_utc()))
    }

    /// Of the days around the references, the one that brings a time of day nearest to any of them.
    fn nearest_day(&mut self, time: chrono::NaiveTime) -> Option<NaiveDateTime> {
        const LONGEST: i64 = 40;
        let (first, last) = (self.references.first()?, self.references.last()?);
        let days = (*last - *first).num_days();
        if days > LONGEST {
            return None;
        }
        self.years_from.insert("the dated records of the incident");
        (-1..=days + 1)
            .filter_map(|day| {
                let date = first
                    .date_naive()
                    .checked_add_signed(TimeDelta::days(day))?;
                Some(date.and_time(time))
            })
            .min_by_key(|at| self.distance(at.and_utc()))
    }

    /// How far a time is from the nearest reference.
    fn distance(&self, at: DateTime<Utc>) -> Option<TimeDelta> {
        let next = self.references.partition_point(|r| *r < at);
        let to = |index: usize| self.references.get(index).map(|r| (*r - at).abs());
        next.checked_sub(1)
            .and_then(to)
            .into_iter()
            .chain(to(next))
            .min()
    }

    /// Brings a local time to UTC: by the outer stamp's offset if it differs by whole quarters of an hour, else by the user's zone.
    fn local(
        &mut self,
        at: NaiveDateTime,
        outer: Option<DateTime<Utc>>,
        precision: TimeDelta,
        basis: Basis,
    ) -> Moment {
        if let Some(outer) = outer {
            let apart = at.and_utc() - outer;
            let quarters = (apart.num_seconds() as f64 / 900.0).round() as i64;
            let left = apart - TimeDelta::seconds(quarters * 900);
            if left.abs() < TimeDelta::seconds(120) && quarters.abs() <= 14 * 4 {
                return Moment {
                    at: at.and_utc() - TimeDelta::seconds(quarters * 900),
                    precision,
                    basis,
                };
            }
        }
        self.zones_assumed = true;
        let at = at.and_utc() - TimeDelta::seconds(i64::from(self.zone.local_minus_utc()));
        Moment {
            at,
            precision,
            basis: basis.max(Basis::ZoneInferred),
        }
    }

    /// Sets the first and last time of a source.
    pub(super) fn cover(&mut self, source: usize, reading: &mut SourceReading) {
        let offset = TimeDelta::milliseconds(reading.clock.0);
        let readings = std::mem::take(&mut reading.coverage);
        let moments: Vec<DateTime<Utc>> = readings
            .iter()
            .filter_map(|r| self.moment(source, std::slice::from_ref(r)))
            .filter(|m| m.basis != Basis::None)
            .map(|m| m.at - offset)
            .collect();
        reading.from = moments.iter().min().copied();
        reading.to = moments.iter().max().copied();
        reading.coverage = readings;
    }

    pub(super) fn disk_points(
        &mut self,
        samples: Vec<DiskSample>,
        readings: &[SourceReading],
    ) -> Vec<DiskPoint> {
        let mut points: Vec<DiskPoint> = samples
            .into_iter()
            .filter_map(|sample| {
                let at = self.moment(sample.source, std::slice::from_ref(sample.at.as_ref()?))?;
                Some(DiskPoint {
                    node: sample
                        .node
                        .clone()
                        .or_else(|| readings[sample.source].speaks_for.node.clone()),
                    at,
                    sample,
                })
            })
            .collect();
        points.sort_by(|a, b| {
            (&a.node, a.at, a.sample.source, &a.sample.mounted_on).cmp(&(
                &b.node,
                b.at,
                b.sample.source,
                &b.sample.mounted_on,
            ))
        });
        points
    }

    /// Says what was assumed.
    pub(super) fn assumptions(&self) -> Vec<String> {
        let mut said = Vec::new();
        for from in &self.years_from {
            said.push(if *from == "nothing" {
                "Some stamps have no year and nothing in the incident tells it: these times are shown without a year. `--year` sets it.".to_owned()
            } else {
                format!("Some stamps have no year; it was taken from {from}.")
            });
        }
        if self.zones_assumed {
            said.push(if self.zone_given {
                format!("Some stamps have no time zone; the zone given on the command line ({}) was used.", self.zone)
            } else {
                "Some stamps have no time zone; UTC is assumed. `--zone` sets another.".to_owned()
            });
        }
        said
    }
}
