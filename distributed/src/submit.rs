//! `submit`: a manifest of incidents to the scheduler, what the executors made into the fleet's directory.
//!
//! The manifest is as many files as there are tasks, in a directory that all executors see; a task that is lost is run again elsewhere. Each incident
//! must come back exactly once: one that is missing or doubled is an error, never a row more or less. What comes back is what `rootline batch` keeps of
//! an incident, stored where it stores it; `rootline batch compact` then makes the tables, so they are the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ballista::prelude::{SessionConfigExt, SessionContextExt};
use datafusion::arrow::array::{Array, BinaryArray};
use datafusion::common::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{CsvReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use rootline::batch::load::{Candidate, Store, find_incidents};
use rootline::cli::MapStep;

use crate::map;

/// What `submit` was asked for.
pub struct Order {
    /// Directories of incidents, archives, manifests.
    pub paths: Vec<PathBuf>,
    /// The fleet's directory.
    pub output: PathBuf,
    /// URL of the scheduler.
    pub scheduler: String,
    /// Tasks at most.
    pub tasks: usize,
    /// A directory that this process and all executors see under the same name.
    pub shared: PathBuf,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Runs the job, and prints what was done.
pub async fn submit(order: &Order) -> Result<String, Failed> {
    let step = MapStep::new()?;
    let store = Store {
        root: order.output.clone(),
    };
    store.prepare()?;
    let mut found = find_incidents(&order.paths)?;
    let own = order.output.canonicalize().ok();
    found
        .candidates
        .retain(|c| own.is_none() || c.path.canonicalize().ok() != own);
    let all = found.candidates.len();
    let todo: Vec<&Candidate> = found
        .candidates
        .iter()
        .filter(|c| !step.is_current(&store, c))
        .collect();
    let mut workers: BTreeMap<u64, usize> = BTreeMap::new();
    let mut failed = Vec::new();
    // Results of an executor that is lost after its task are lost with it; what came is kept, and only the rest is asked for again.
    let mut left: BTreeMap<String, &Candidate> = todo.iter().map(|c| (c.id.clone(), *c)).collect();
    let mut attempts = 0;
    while !left.is_empty() {
        attempts += 1;
        let asked: Vec<&Candidate> = left.values().copied().collect();
        let done = read(order, &store, &asked, &mut left, &mut workers, &mut failed).await;
        match done {
            Ok(()) if left.is_empty() => {}
            Ok(()) => {
                let names: Vec<&String> = left.keys().take(5).collect();
                return Err(
                    format!("{} incidents did not come back: {names:?}", left.len()).into(),
                );
            }
            Err(error) if attempts < 3 => eprintln!("again for {} incidents: {error}", left.len()),
            Err(error) => return Err(error),
        }
    }
    let mut said = format!(
        "{} incidents read by {} executors, {} as before, {} failed\n",
        todo.len() - failed.len(),
        workers.len(),
        all - todo.len(),
        failed.len()
    );
    for (worker, count) in &workers {
        said.push_str(&format!("  executor process {worker}: {count}\n"));
    }
    for (id, reason) in &failed {
        said.push_str(&format!("  failed  {id}: {reason:?}\n"));
    }
    said.push_str(&format!(
        "for tables and answers: rootline batch compact {}\n",
        store.root.display()
    ));
    Ok(said)
}

async fn read<'a>(
    order: &Order,
    store: &Store,
    asked: &[&'a Candidate],
    left: &mut BTreeMap<String, &'a Candidate>,
    workers: &mut BTreeMap<u64, usize>,
    failed: &mut Vec<(String, String)>,
) -> Result<(), Failed> {
    let tasks = asked.len().clamp(1, order.tasks.max(1));
    let manifest = tempfile::Builder::new()
        .prefix("rootline-manifest-")
        .tempdir_in(&order.shared)?;
    write_manifest(manifest.path(), asked, tasks)?;
    let config = SessionConfig::new_with_ballista()
        .with_target_partitions(tasks)
        .with_batch_size(1);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .build();
    let context = SessionContext::remote_with_state(&order.scheduler, state).await?;
    context.register_udf(map::function().as_ref().clone());
    let folder = format!("{}/", manifest.path().display());
    context
        .register_csv("manifest", &folder, CsvReadOptions::new().has_header(true))
        .await?;
    let query = format!("SELECT {}(id, path) AS made FROM manifest", map::NAME);
    let mut stream = context.sql(&query).await?.execute_stream().await?;
    let mut seen = BTreeSet::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let column = batch.column(0);
        let values = column
            .as_any()
            .downcast_ref::<BinaryArray>()
            .ok_or_else(|| DataFusionError::Execution("the answer is not binary".to_owned()))?;
        for row in 0..values.len() {
            let (worker, mapped) = map::unpack(values.value(row))?;
            let id = mapped.0.id.clone();
            if !seen.insert(id.clone()) || left.remove(&id).is_none() {
                return Err(format!("incident {id:?} came back twice").into());
            }
            *workers.entry(worker).or_default() += 1;
            if let Some(reason) = &mapped.0.reason {
                failed.push((id, reason.clone()));
            }
            MapStep::keep(store, &mapped)?;
        }
    }
    Ok(())
}

/// Writes one file a task, `id,path`. Paths become absolute: executors have other working directories.
fn write_manifest(folder: &Path, asked: &[&Candidate], tasks: usize) -> Result<(), Failed> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    for task in 0..tasks {
        let mut text = String::from("id,path\n");
        for candidate in asked.iter().skip(task).step_by(tasks) {
            let path = std::path::absolute(&candidate.path)?;
            let path = path
                .to_str()
                .filter(|p| !p.contains(['\n', '\r']))
                .ok_or_else(|| format!("{path:?} cannot stand in a manifest"))?;
            text.push_str(&format!("{},{}\n", quoted(&candidate.id), quoted(path)));
        }
        std::fs::write(folder.join(format!("task-{task:05}.csv")), text)?;
    }
    Ok(())
}
