//! Ages and seconds since boot → moments, where something tells what they count from.
//!
//! kubectl prints how long ago; the kernel prints how long since boot. Neither says when that was. It is taken from the text itself (a line of
//! `date` above the table), from rows whose object's name holds the exact time, from facts that dated sources tell too, or from the stamp of
//! the archive that the text came in. Otherwise the record stays without a time, and is counted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::Timed;
use super::clock::Clock;
use crate::grammar::Grammars;
use crate::model::{Basis, Moment, Reading, Source, SourceReading, When};

/// Anchors told by facts that happen more than once, before they are believed.
const ANCHORS: usize = 2;
/// A stamp of an archive is believed for ages only this near to the dated records.
const NEAR: TimeDelta = TimeDelta::hours(24);

/// The instant that ages of a source count back from, or that its boot was at, as an interval.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// Dates what can be dated; returns what was assumed, as sentences.
pub(super) fn settle(
    timed: &mut [Timed],
    sources: &[Source],
    readings: &mut [SourceReading],
    clock: &mut Clock,
    grammars: &Grammars,
) -> Vec<String> {
    let mut said = Vec::new();
    // What tells its own time comes first, then what can be placed beside it.
    for witnesses in [Basis::YearInferred, Basis::Relative] {
        said.extend(settle_by(
            witnesses, timed, sources, readings, clock, grammars,
        ));
    }
    said
}

/// Dates the sources none of whose ages has a time yet, by what they say themselves and by facts that others date at least so well.
fn settle_by(
    witnesses: Basis,
    timed: &mut [Timed],
    sources: &[Source],
    readings: &mut [SourceReading],
    clock: &mut Clock,
    grammars: &Grammars,
) -> Vec<String> {
    let with_ages = timed.iter().filter(|t| is_open(t));
    let source_of = |t: &Timed| t.signal.evidence.origin.source;
    let open: BTreeSet<usize> = with_ages.clone().map(source_of).collect();
    let placed_ones = with_ages.filter(|t| t.moment.is_some_and(|m| m.basis == Basis::Relative));
    let settled: BTreeSet<usize> = placed_ones.map(source_of).collect();
    let mut said = Vec::new();
    let latest_dated = timed.iter().filter_map(|t| t.moment).map(|m| m.at).max();
    for source in open.difference(&settled).copied() {
        let of_source = |t: &&Timed| t.signal.evidence.origin.source == source;
        let exact: Vec<Anchor> = timed
            .iter()
            .filter(of_source)
            .filter_map(|t| {
                let When::Utc(at) = t.signal.exact.as_ref()?.when else {
                    return None;
                };
                anchor(t.signal.readings.last()?, at, at)
            })
            .collect();
        let mut found =
            agreeing(&exact, 1).map(|a| (a, "the exact times in the names of its Event objects"));
        if found.is_none() {
            let (once, repeated) = anchors_of_others(timed, source, witnesses, grammars);
            found = agreeing(&once, 1)
                .or_else(|| agreeing(&repeated, ANCHORS))
                .map(|a| (a, "facts that dated sources tell too"));
        }
        if found.is_none()
            && let Some(stamp) = sources[source].stamped_at
            && latest_dated.is_some_and(|latest| {
                stamp >= latest - TimeDelta::hours(1) && stamp - latest <= NEAR
            })
        {
            let anchor = Anchor {
                from: stamp - TimeDelta::seconds(60),
                to: stamp + TimeDelta::seconds(2),
            };
            found = Some((
                anchor,
                "the time at which the file was written, by the archive that holds it",
            ));
        }
        let mut dated = 0;
        for one in timed.iter_mut() {
            if one.signal.evidence.origin.source != source {
                continue;
            }
            let own = one.signal.shown.as_ref().and_then(|shown| {
                let shown = clock.moment(source, std::slice::from_ref(shown))?;
                Some(Anchor {
                    from: shown.at,
                    to: shown.latest(),
                })
            });
            let Some(anchor) = own.or(found.map(|(anchor, _)| anchor)) else {
                if one.moment.is_none()
                    && let Some(exact) = &one.signal.exact
                {
                    one.moment = clock.moment(source, std::slice::from_ref(exact));
                }
                continue;
            };
            if one.moment.is_none() {
                let exact = one.signal.exact.as_ref();
                one.moment = exact
                    .and_then(|exact| clock.moment(source, std::slice::from_ref(exact)))
                    .or_else(|| one.signal.readings.last().and_then(|r| placed(r, anchor)));
                dated += usize::from(one.moment.is_some());
            }
            if one.last.is_none() {
                one.last = one.signal.last.as_ref().and_then(|r| placed(r, anchor));
            }
        }
        if let (Some((_, how)), true) = (found, dated > 0) {
            said.push(format!(
                "{}: its times are ages or seconds since boot; they were placed by {how}.",
                sources[source].name
            ));
        }
        let moments: Vec<Moment> = timed
            .iter()
            .filter(of_source)
            .filter_map(|t| t.moment)
            .filter(|m| m.basis != Basis::None)
            .collect();
        let reading = &mut readings[source];
        for moment in [moments.iter().min(), moments.iter().max()]
            .into_iter()
            .flatten()
        {
            reading.coverage.push(Reading {
                text: moment.at.to_rfc3339(),
                when: When::Utc(moment.at),
                precision: moment.precision,
            });
        }
    }
    said
}

fn is_open(one: &Timed) -> bool {
    let relative = |r: &Reading| matches!(r.when, When::Ago(_) | When::SinceBoot(_));
    one.signal.readings.last().is_some_and(relative)
        || one.signal.last.as_ref().is_some_and(relative)
}

/// What a reading counts from, if it is about something that happened in an interval.
fn anchor(reading: &Reading, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<Anchor> {
    match reading.when {
        When::Ago(age) => Some(Anchor {
            from: from + age,
            to: to + age + reading.precision,
        }),
        When::SinceBoot(since) => Some(Anchor {
            from: from - since - reading.precision,
            to: to - since,
        }),
        _ => None,
    }
}

fn placed(reading: &Reading, anchor: Anchor) -> Option<Moment> {
    let (from, to) = match reading.when {
        When::Ago(age) => (anchor.from - age - reading.precision, anchor.to - age),
        When::SinceBoot(since) => (anchor.from + since, anchor.to + since + reading.precision),
        _ => return None,
    };
    Some(Moment {
        at: from,
        precision: to - from,
        basis: Basis::Relative,
    })
}

/// Cuts the intervals down to what they have in common, if nearly all of enough of them have something in common.
fn agreeing(anchors: &[Anchor], enough: usize) -> Option<Anchor> {
    if anchors.len() < enough {
        return None;
    }
    let mut middles: Vec<Anchor> = anchors.to_vec();
    middles.sort_by_key(|a| (a.from, a.to));
    let middle = middles.get(middles.len() / 2).copied()?;
    let mut common = middle;
    let mut agree = 0;
    for one in &middles {
        let cut = Anchor {
            from: common.from.max(one.from - TimeDelta::seconds(1)),
            to: common.to.min(one.to + TimeDelta::seconds(1)),
        };
        if cut.from <= cut.to {
            common = cut;
            agree += 1;
        }
    }
    (agree >= enough && agree * 5 >= anchors.len() * 4).then_some(common)
}

/// Anchors from facts that other sources date: of things that happen once, and of all.
fn anchors_of_others(
    timed: &[Timed],
    source: usize,
    witnesses: Basis,
    grammars: &Grammars,
) -> (Vec<Anchor>, Vec<Anchor>) {
    type Key = (String, Vec<String>);
    let key = |one: &Timed| -> Option<(Key, bool)> {
        let kind = grammars.signal(&one.signal.kind)?;
        let named: Vec<String> = kind
            .identity
            .iter()
            .chain(&kind.once_per)
            .filter_map(|name| one.signal.entities.get(name).map(|v| format!("{name}={v}")))
            .collect();
        (!named.is_empty()).then(|| ((one.signal.kind.clone(), named), kind.once_per.is_some()))
    };
    let mut dated: BTreeMap<Key, Vec<Moment>> = BTreeMap::new();
    for one in timed {
        if let (Some(moment), Some((key, _))) = (one.moment, key(one))
            && one.signal.evidence.origin.source != source
            && moment.basis <= witnesses
            && one.signal.witness != crate::model::Witness::SeenBy
        {
            dated.entry(key).or_default().push(moment);
        }
    }
    let (mut once, mut repeated) = (Vec::new(), Vec::new());
    let ages = || {
        timed
            .iter()
            .filter(|t| t.signal.evidence.origin.source == source && is_open(t))
    };
    let mut told: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
    for one in ages() {
        if let (Some((key, _)), Some(reading)) = (key(one), one.signal.readings.last()) {
            told.entry(key).or_default().insert(reading.text.clone());
        }
    }
    for one in ages() {
        let (Some((key, single)), Some(reading)) = (key(one), one.signal.readings.last()) else {
            continue;
        };
        let Some(moments) = dated.get(&key) else {
            continue;
        };
        let (Some(first), Some(last)) = (moments.iter().min(), moments.iter().max()) else {
            continue;
        };
        // Told at several times, elsewhere or here: which of them are the same is not known.
        let apart = last.at - first.at;
        if apart > TimeDelta::seconds(2) || told.get(&key).is_some_and(|ages| ages.len() > 1) {
            continue;
        }
        if let Some(anchor) = anchor(reading, first.at, last.latest()) {
            if single {
                once.push(anchor);
            }
            repeated.push(anchor);
        }
    }
    (once, repeated)
}
