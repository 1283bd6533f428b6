//! A cluster on loopback: a scheduler and two executors read a corpus, and the fleet is the one that a single machine makes, byte for byte; also when
//! an executor is killed midway.
//!
//! `ROOTLINE` names the binary that makes the tables; without it, `target/debug/rootline` of the repository.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the repository")
        .to_owned()
}

fn rootline(arguments: &[&str]) -> Output {
    let own = root().join("target/debug/rootline");
    let binary = std::env::var_os("ROOTLINE").map_or(own, PathBuf::from);
    let output = Command::new(&binary)
        .args(arguments)
        .env_remove("ROOTLINE")
        .output()
        .unwrap_or_else(|e| panic!("{binary:?}: {e}; `cargo build` in the repository makes it"));
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    output
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a free port")
        .port()
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Process {
    Process(
        Command::new(env!("CARGO_BIN_EXE_rootline-distributed"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts"),
    )
}

struct Cluster {
    scheduler: String,
    executors: Vec<Process>,
    _scheduler: Process,
}

impl Cluster {
    fn new(work: &Path) -> Cluster {
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let scheduler = start(&["scheduler", "--listen", &listen, "--executor-timeout", "12"]);
        let reached = |port: u16| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let wait = |what: &str, port: u16| {
            let begin = Instant::now();
            while !reached(port) {
                assert!(begin.elapsed() < Duration::from_secs(60), "no {what}");
                std::thread::sleep(Duration::from_millis(100));
            }
        };
        wait("scheduler", port);
        let executors = (0..2)
            .map(|number| {
                let (results, tasks) = (free_port(), free_port());
                let folder = work.join(format!("executor-{number}"));
                std::fs::create_dir_all(&folder).expect("a directory");
                let process = start(&[
                    "executor",
                    "--scheduler-port",
                    &port.to_string(),
                    "--listen",
                    &format!("127.0.0.1:{results}"),
                    "--task-port",
                    &tasks.to_string(),
                    "--work-dir",
                    &folder.display().to_string(),
                    "--heartbeat",
                    "2",
                ]);
                wait("executor", results);
                process
            })
            .collect();
        Cluster {
            scheduler: format!("df://{listen}"),
            executors,
            _scheduler: scheduler,
        }
    }

    fn submit(&self, incidents: &Path, fleet: &Path) -> Child {
        Command::new(env!("CARGO_BIN_EXE_rootline-distributed"))
            .arg("submit")
            .arg(incidents)
            .arg("-o")
            .arg(fleet)
            .args(["--scheduler", &self.scheduler, "--tasks", "24"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts")
    }
}

/// The samples, each several times, and a directory with nothing in it, which fails.
fn corpus(folder: &Path, copies: usize) -> usize {
    let mut count = 1;
    std::fs::create_dir_all(folder.join("void")).expect("a directory");
    for entry in std::fs::read_dir(root().join("samples")).expect("samples") {
        let sample = entry.expect("an entry").path();
        let name = sample
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        for copy in 0..copies {
            let to = folder.join(format!("{name}-{copy}"));
            std::fs::create_dir_all(&to).expect("a directory");
            for file in std::fs::read_dir(&sample).expect("a sample") {
                let file = file.expect("an entry").path();
                if file.is_file() && file.extension().is_none_or(|e| e != "html") {
                    std::fs::copy(&file, to.join(file.file_name().expect("a name")))
                        .expect("copied");
                }
            }
            count += 1;
        }
    }
    count
}

/// Every file under a directory with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|e| panic!("{next:?}: {e}")) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").to_owned();
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

fn same(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "{name:?} differs");
    }
    assert!(one.len() > 20, "{:?}", one.keys());
}

#[test]
fn two_executors_make_the_fleet_of_one_machine_also_when_one_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let count = corpus(&place("incidents"), 4);
    let text = |path: PathBuf| path.display().to_string();
    rootline(&[
        "batch",
        &text(place("incidents")),
        "--no-pages",
        "-q",
        "-o",
        &text(place("single")),
    ]);
    let mut cluster = Cluster::new(&place("work"));

    // Both work, and nothing is lost or doubled.
    let begin = Instant::now();
    let output = cluster
        .submit(&place("incidents"), &place("both"))
        .wait_with_output()
        .expect("ends");
    let took = begin.elapsed();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(
        said.contains(&format!(
            "{} incidents read by 2 executors, 0 as before, 1 failed",
            count - 1
        )),
        "{said}"
    );
    rootline(&["batch", "compact", &text(place("both"))]);
    same(&place("single"), &place("both"));

    // What is done is not done again.
    let again = cluster
        .submit(&place("incidents"), &place("both"))
        .wait_with_output()
        .expect("ends");
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(
        said.contains(&format!(
            "0 incidents read by 1 executors, {} as before, 1 failed",
            count - 1
        )),
        "{said}"
    );

    // One is killed while it works.
    let mut job = cluster.submit(&place("incidents"), &place("one"));
    std::thread::sleep(took.mul_f64(0.4));
    assert!(
        job.try_wait().expect("a state").is_none(),
        "the job ended before anybody could be killed"
    );
    drop(cluster.executors.pop());
    let output = job.wait_with_output().expect("ends");
    assert!(output.status.success(), "{output:?}");
    rootline(&["batch", "compact", &text(place("one"))]);
    same(&place("single"), &place("one"));
}
