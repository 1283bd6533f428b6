//! Made-up incidents whose truth is known: what happened, what caused what, and what only looks like a cascade.
//!
//! A seed gives a cluster (version, runtime, names, zone, sizes), one or two stories in it, and look-alikes around them; each happening is told by
//! the components that would tell it, in the words that the sources of Kubernetes and the runtimes have for that version (`wording`), into the files
//! that an SRE would have (`sources`); then files go missing, lines are lost or doubled, and a clock is moved. Nothing here reads the grammar files.

#![allow(
    dead_code,
    unused_imports,
    clippy::too_many_arguments,
    clippy::field_reassign_with_default,
    reason = "the test and the example each use a part of it; a happening has that many sides"
)]

mod decoys;
pub(crate) mod fleet;
pub(crate) mod score;
mod sources;
mod stories;
mod wording;
mod world;

use fastrand::Rng;

pub(crate) use decoys::NAMES as LOOK_ALIKES;
pub(crate) use stories::MECHANISMS;
use world::World;

/// What truly happened in one story.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    /// The mechanism that explains it.
    pub(crate) mechanism: &'static str,
    /// What is to blame: entity kind and value; of several, any will do.
    pub(crate) culprit: Vec<(&'static str, String)>,
    /// Nodes on which it went wrong.
    pub(crate) nodes: Vec<String>,
    /// How it went from node to node, where that is part of the story.
    pub(crate) spread: Option<&'static str>,
    /// What the mechanism rests on: one of these lists, and of each inner list one happening, must be told; else nobody could know.
    pub(crate) essential: Vec<Vec<Vec<usize>>>,
    /// Without all of these it looks like another story to anybody: then it is not judged.
    pub(crate) clear: Vec<usize>,
    /// What may be said instead where that is missing.
    pub(crate) instead: Vec<&'static str>,
    /// What happened beside it and is no part of it: links of it are true, but nobody has to find them.
    pub(crate) background: Vec<usize>,
    /// Its happenings, as indices into those of the incident.
    pub(crate) happenings: std::ops::Range<usize>,
}

/// One happening, as the report must know it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Signal kind.
    pub(crate) kind: &'static str,
    /// True time, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Node.
    pub(crate) node: Option<String>,
    /// Pod, without its namespace.
    pub(crate) pod: Option<String>,
    /// Happenings that caused it.
    pub(crate) causes: Vec<usize>,
    /// Is it in any file, with all that matters of it?
    pub(crate) told: bool,
}

/// A record of a file: its bytes, and the happenings that it tells.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) tells: Vec<usize>,
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Vec<Mark>,
}

/// An incident: its files, and its truth.
#[derive(Debug)]
pub(crate) struct Incident {
    /// Files by name.
    pub(crate) files: Vec<File>,
    /// Stories; none in an incident of look-alikes only.
    pub(crate) stories: Vec<Story>,
    /// All happenings.
    pub(crate) happenings: Vec<Told>,
    /// Names of the look-alikes in it.
    pub(crate) decoys: Vec<&'static str>,
    /// Minor version of Kubernetes, for those who look into a mistake.
    pub(crate) about: String,
}

/// Makes the incident of a seed. The same seed gives the same bytes.
pub(crate) fn generate(seed: u64) -> Incident {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EED);
    let mut world = World::new(&mut rng);
    let mut stories = Vec::new();
    let mut decoys = Vec::new();
    // A third is look-alikes alone; of the rest, one in eight holds two stories at once.
    if seed % 3 != 2 {
        let nth = (seed / 3 * 2 + seed % 3) as usize;
        let first = MECHANISMS[nth % MECHANISMS.len()];
        let mut names = vec![first];
        if world.rng.u8(0..8) == 0 {
            let second = MECHANISMS[world.rng.usize(0..MECHANISMS.len())];
            if second != first {
                names.push(second);
            }
        }
        for name in names {
            let from = world.happenings.len();
            let mut story = stories::tell(&mut world, name);
            story.happenings = from..world.happenings.len();
            stories.push(story);
        }
    }
    let count = if stories.is_empty() {
        world.rng.usize(1..5)
    } else {
        world.rng.usize(0..3)
    };
    for _ in 0..count {
        let name = decoys::NAMES[world.rng.usize(0..decoys::NAMES.len())];
        decoys::add(&mut world, name, stories.is_empty() && count == 1);
        decoys.push(name);
    }
    world.daily_life();
    sources::write(world, stories, decoys)
}

/// Makes an incident that holds nothing but one look-alike.
pub(crate) fn look_alike(name: &'static str, seed: u64) -> Incident {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xDEC0);
    let mut world = World::new(&mut rng);
    decoys::add(&mut world, name, true);
    world.daily_life();
    sources::write(world, Vec::new(), vec![name])
}
