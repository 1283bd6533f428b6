//! Incidents of two years: problems that come back, others that do not, and days on which only something looked like one.
//!
//! A problem is a cluster and a plot. When it comes back, the same plot runs again on another day, on other nodes, with other workloads, pods and
//! images, beside other look-alikes, in other envelopes, and other files are missing: what stays is what caused what. The same seed gives the same
//! bytes. Start with [`plan`], which says what happens when; [`make`] makes one of its incidents.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::stories::{self, MECHANISMS};
use super::world::{World, Writer, iso};
use super::{Incident, Story, decoys, sources, wording};

/// 2023-01-01, in days since 1970.
const FIRST_DAY: i64 = 19_358;
/// Two years.
const DAYS: i64 = 730;
const DAY_MS: i64 = 86_400_000;

/// One incident of a fleet, before it is made.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// Its name; sorted by time.
    pub(crate) id: String,
    /// When it begins, in milliseconds since 1970.
    at: i64,
    /// The problem; none on a day of look-alikes.
    pub(crate) problem: Option<Problem>,
    /// Everything but the plot.
    noise: u64,
}

/// What may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Number.
    pub(crate) number: usize,
    /// The mechanism of its plot.
    pub(crate) mechanism: &'static str,
    /// Cluster and plot.
    plot: u64,
}

/// Says what happens in a fleet of this many incidents: a fifth are days of look-alikes, and of the problems two in five come once.
pub(crate) fn plan(count: usize, seed: u64) -> Vec<Slot> {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xF1EE7);
    let mut slots: Vec<(i64, Option<Problem>)> = Vec::new();
    let of_problems = count - count / 5;
    let mut number = 0;
    while slots.len() < of_problems {
        let problem = Problem {
            number,
            mechanism: MECHANISMS[number % MECHANISMS.len()],
            plot: rng.u64(..),
        };
        let times = if rng.u8(0..5) < 2 {
            1
        } else {
            rng.usize(2..10)
        };
        let mut day = rng.i64(0..DAYS);
        for _ in 0..times.min(of_problems - slots.len()) {
            slots.push((day, Some(problem)));
            day += rng.i64(7..100);
            if day >= DAYS {
                break;
            }
        }
        number += 1;
    }
    while slots.len() < count {
        slots.push((rng.i64(0..DAYS), None));
    }
    let mut timed: Vec<(i64, Option<Problem>)> = slots
        .into_iter()
        .map(|(day, problem)| ((FIRST_DAY + day) * DAY_MS + rng.i64(0..DAY_MS), problem))
        .collect();
    timed.sort_unstable();
    timed
        .into_iter()
        .enumerate()
        .map(|(index, (at, problem))| Slot {
            id: format!("INC-{:05}", index + 1),
            at,
            problem,
            noise: rng.u64(..),
        })
        .collect()
}

/// Makes an incident, with at least `bytes` of what healthy kubelets say all day, unless those logs are among the missing ones.
pub(crate) fn make(slot: &Slot, bytes: usize) -> Incident {
    let mut noise = Rng::with_seed(slot.noise);
    let mut world = match slot.problem {
        Some(problem) => World::new(&mut Rng::with_seed(problem.plot)),
        None => World::new(&mut noise),
    };
    world.again(slot.at, &mut noise);
    let mut told = Vec::new();
    let mut beside = Vec::new();
    if let Some(problem) = slot.problem {
        let mut story = stories::tell(&mut world, problem.mechanism);
        story.happenings = 0..world.happenings.len();
        told.push(story);
    }
    world.rng = noise.fork();
    let count = world.rng.usize(if told.is_empty() { 1..5 } else { 0..3 });
    for _ in 0..count {
        let name = decoys::NAMES[world.rng.usize(0..decoys::NAMES.len())];
        decoys::add(&mut world, name, told.is_empty() && count == 1);
        beside.push(name);
    }
    world.daily_life();
    let mut written = 0;
    while written < bytes {
        let node = world.rng.usize(0..world.nodes.len().min(12));
        let at = slot.at + world.rng.i64(-1_800_000..3_600_000);
        let mut rng = world.rng.fork();
        let text = wording::idle_kubelet(world.minor, &mut rng);
        written += text.len() + 90;
        world.line(Writer::Kubelet(node), at, 'I', text, None);
    }
    sources::write(world, told, beside)
}

/// What is known of an incident without looking at it with the engine.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// The problem behind it, if its files hold what it rests on.
    pub(crate) problem: Option<Problem>,
    /// Did it go from node to node, where that is part of the plot?
    pub(crate) wandered: bool,
    /// There is a problem, but its files do not hold what it rests on: nobody could say what came back.
    pub(crate) untold: bool,
}

/// Says what an incident's files can tell.
pub(crate) fn truth(slot: &Slot, incident: &Incident) -> Truth {
    let told = |id: &usize| incident.happenings[*id].told;
    let known = |story: &&Story| {
        story.clear.iter().all(told)
            && story
                .essential
                .iter()
                .any(|all| all.iter().all(|any| any.iter().any(told)))
    };
    let story = incident.stories.first().filter(known);
    Truth {
        problem: slot.problem.filter(|_| story.is_some()),
        wandered: story.and_then(|s| s.spread).is_some_and(|s| s != "single"),
        untold: slot.problem.is_some() && story.is_none(),
    }
}

/// How well recurrences were found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Pairs of incidents that are of one problem, and those of them that are in one family.
    pub(crate) expected: (usize, usize),
    /// Pairs of incidents that are in one family, and those of them that are of one mechanism and both wandered or both did not;
    /// without incidents whose files cannot tell.
    pub(crate) claimed: (usize, usize),
    /// Some of the mistakes.
    pub(crate) mistakes: Vec<String>,
}

impl Found {
    pub(crate) fn recall(&self) -> f64 {
        self.expected.1 as f64 / self.expected.0.max(1) as f64
    }

    pub(crate) fn precision(&self) -> f64 {
        self.claimed.1 as f64 / self.claimed.0.max(1) as f64
    }
}

/// Judges families, each a list of incident ids, by the truth of all incidents.
pub(crate) fn judge(truths: &BTreeMap<String, Truth>, families: &[Vec<String>]) -> Found {
    let mut found = Found::default();
    let mut together: BTreeSet<(&str, &str)> = BTreeSet::new();
    let kind = |truth: &Truth| truth.problem.map(|p| (p.mechanism, truth.wandered));
    for family in families {
        for (index, a) in family.iter().enumerate() {
            for b in &family[index + 1..] {
                together.insert(if a < b { (a, b) } else { (b, a) });
            }
        }
    }
    for (a, b) in together
        .iter()
        .filter(|(a, b)| !truths[*a].untold && !truths[*b].untold)
    {
        let kinds = (kind(&truths[*a]), kind(&truths[*b]));
        found.claimed.0 += 1;
        if kinds.0.is_some() && kinds.0 == kinds.1 {
            found.claimed.1 += 1;
        } else {
            found
                .mistakes
                .push(format!("{a} and {b} are in one family, and are {kinds:?}"));
        }
    }
    let mut problems: BTreeMap<Problem, Vec<&str>> = BTreeMap::new();
    for (id, truth) in truths {
        if let Some(problem) = truth.problem {
            problems.entry(problem).or_default().push(id);
        }
    }
    for (problem, ids) in &problems {
        for (index, a) in ids.iter().enumerate() {
            for b in &ids[index + 1..] {
                found.expected.0 += 1;
                if together.contains(&(*a, *b)) {
                    found.expected.1 += 1;
                } else {
                    found.mistakes.push(format!(
                        "{a} and {b} are not in one family, and are {} again",
                        problem.mechanism
                    ));
                }
            }
        }
    }
    found
}

/// Returns the day on which an incident begins, `YYYY-MM-DD`.
pub(crate) fn day(slot: &Slot) -> String {
    iso(slot.at, 0).chars().take(10).collect()
}
