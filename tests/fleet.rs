//! A fleet whose truth is known: what came back is found again, and nothing is lost or counted twice, not even by a run that is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rayon::prelude::*;
use rootline::batch::columns::{INCIDENT, TABLES};
use rootline::batch::frames;
use rootline::batch::load::Store;
use rootline::batch::questions::{Frames, recurrences};

use crate::batch::files;
use crate::common::{root, rootline, run};
use crate::generator::fleet::{Truth, judge, make, plan, truth};

/// Writes a fleet's incidents, a directory each, and returns what is true of them.
fn write(folder: &Path, count: usize, seed: u64) -> BTreeMap<String, Truth> {
    plan(count, seed)
        .into_par_iter()
        .map(|slot| {
            let incident = make(&slot, 0);
            for file in &incident.files {
                let path = folder.join(&slot.id).join(&file.name);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
                std::fs::write(path, &file.bytes).expect("a file");
            }
            (slot.id.clone(), truth(&slot, &incident))
        })
        .collect()
}

/// Ids of the table `incidents`, as often as they stand there.
fn ids(fleet: &Path) -> Vec<String> {
    let store = Store {
        root: fleet.to_owned(),
    };
    let mut found: Vec<String> = Vec::new();
    for part in store.parts("incidents") {
        let frame = frames::read(std::fs::read(part).expect("a part")).expect("Parquet");
        found.extend(
            frames::texts(&frame, INCIDENT)
                .expect("ids")
                .into_iter()
                .flatten(),
        );
    }
    found.sort();
    found
}

#[test]
fn what_came_back_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (incidents, fleet) = (folder.path().join("incidents"), folder.path().join("fleet"));
    let truths = write(&incidents, 300, 1);
    run(
        &[
            "batch",
            &incidents.display().to_string(),
            "--no-pages",
            "-q",
            "-o",
            &fleet.display().to_string(),
        ],
        0,
    );
    assert_eq!(
        ids(&fleet),
        truths.keys().cloned().collect::<Vec<_>>(),
        "each incident is one row"
    );
    let frames = Frames::load(&Store { root: fleet }).expect("frames");
    let found = judge(&truths, &recurrences(&frames).expect("families"));
    let told = format!(
        "precision {:.3} of {}, recall {:.3} of {}\n{}",
        found.precision(),
        found.claimed.0,
        found.recall(),
        found.expected.0,
        found.mistakes.join("\n")
    );
    assert!(found.expected.0 > 200 && found.claimed.0 > 200, "{told}");
    assert!(
        found.precision() >= 0.95 && found.recall() >= 0.95,
        "{told}"
    );
}

/// How many runs are killed; more on request.
fn kills() -> u32 {
    std::env::var("ROOTLINE_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(12)
}

#[test]
fn a_run_that_is_killed_loses_nothing_and_counts_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let (incidents, whole, broken) = (
        folder.path().join("incidents"),
        folder.path().join("whole"),
        folder.path().join("broken"),
    );
    let truths = write(&incidents, 12, 7);
    let begin = |fleet: &Path| {
        rootline()
            .args(["batch", "-q", "--jobs", "2"])
            .arg(&incidents)
            .arg("-o")
            .arg(fleet)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("starts")
    };
    let start = std::time::Instant::now();
    assert!(begin(&whole).wait().expect("ends").success());
    let time = start.elapsed();
    let want = files(&whole);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut finished = 0;
    for kill in 0..kills() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let share = (seed >> 40) as f64 / (1_u64 << 24) as f64 * 1.1;
        let mut child = begin(&broken);
        std::thread::sleep(time.mul_f64(share));
        let _ = child.kill();
        let done = child.wait().expect("ends").success();
        // Whatever there is, is whole, and nothing is there twice.
        let store = Store {
            root: broken.clone(),
        };
        for table in TABLES {
            for part in store.parts(table.name) {
                let bytes = std::fs::read(&part).expect("a part");
                frames::read(bytes).unwrap_or_else(|e| panic!("kill {kill}: {part:?}: {e}"));
            }
        }
        let seen = ids(&broken);
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "kill {kill}: {seen:?}");
        assert!(
            seen.iter().all(|id| truths.contains_key(id)),
            "kill {kill}: {seen:?}"
        );
        // Every third is let run to its end and compared; then all begins anew.
        if done || kill % 3 == 2 {
            assert!(begin(&broken).wait().expect("ends").success());
            let got = files(&broken);
            let names =
                |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&got), names(&want), "kill {kill}");
            assert!(got == want, "kill {kill}: other bytes");
            std::fs::remove_dir_all(&broken).expect("removed");
            finished += 1;
        }
    }
    assert!(finished > 0);
}

#[test]
fn the_job_for_a_cluster_is_one_and_its_parts_are_all_parts() {
    let text = std::fs::read_to_string(root().join("examples/indexed-job.yaml")).expect("the Job");
    let job: k8s_openapi::api::batch::v1::Job = serde_saphyr::from_str(&text).expect("a Job");
    let spec = job.spec.expect("a spec");
    assert_eq!(spec.completion_mode.as_deref(), Some("Indexed"));
    let container = &spec.template.spec.expect("a pod").containers[0];
    let shard = container
        .args
        .iter()
        .flatten()
        .find_map(|a| a.strip_prefix("$(JOB_COMPLETION_INDEX)/"))
        .expect("a shard");
    assert_eq!(
        spec.completions,
        shard.parse().ok(),
        "every part has its pod"
    );
}
