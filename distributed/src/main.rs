//! Rootline's batch beyond one machine, on Apache DataFusion Ballista: one binary that is scheduler, executor or client.
//!
//! The engine schedules, retries and moves results; our parser runs in its executors ([`map`]); the client puts the fleet's directory together
//! ([`submit`]). All listen on loopback unless told otherwise: the protocol has no authentication of its own, see docs/fleet.md.

mod map;
mod submit;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::utils::{default_config_producer, default_session_builder};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use clap::Parser;
use datafusion::execution::SessionState;
use datafusion::execution::registry::FunctionRegistry;
use datafusion::prelude::SessionConfig;

/// Many past incidents on many machines.
#[derive(Parser)]
#[command(version)]
enum Command {
    /// Plan jobs and give tasks to executors
    Scheduler {
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1:50050")]
        listen: SocketAddr,
        /// Name under which executors reach it; the address without one
        #[arg(long)]
        host: Option<String>,
        /// Seconds without a heartbeat after which an executor is given up
        #[arg(long, default_value_t = 60)]
        executor_timeout: u64,
    },
    /// Read incidents
    Executor {
        /// Host of the scheduler
        #[arg(long, default_value = "127.0.0.1")]
        scheduler_host: String,
        /// Port of the scheduler
        #[arg(long, default_value_t = 50050)]
        scheduler_port: u16,
        /// Address for results
        #[arg(long, default_value = "127.0.0.1:50051")]
        listen: SocketAddr,
        /// Port for tasks, on the same host
        #[arg(long, default_value_t = 50052)]
        task_port: u16,
        /// Name under which others reach it; the address without one
        #[arg(long)]
        host: Option<String>,
        /// Incidents read at once
        #[arg(long, default_value_t = 1)]
        slots: usize,
        /// Directory for results until they are fetched
        #[arg(long)]
        work_dir: Option<String>,
        /// Seconds between heartbeats
        #[arg(long, default_value_t = 15)]
        heartbeat: u64,
    },
    /// Read incidents on all executors and write the fleet's directory
    Submit {
        /// Directories of incidents, archives, or manifests, under names that all executors see
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Directory of the fleet
        #[arg(short, long)]
        output: PathBuf,
        /// URL of the scheduler
        #[arg(long, default_value = "df://127.0.0.1:50050")]
        scheduler: String,
        /// Tasks at most; a task that is lost is done again whole
        #[arg(long, default_value_t = 256)]
        tasks: usize,
        /// Directory that all executors see, for the list of incidents; that of the fleet without it
        #[arg(long)]
        shared: Option<PathBuf>,
    },
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let command = Command::parse();
    // Plans are trees, and the engine walks them on the stack.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(16 << 20)
        .build()?;
    runtime.block_on(run(command))
}

async fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Scheduler {
            listen,
            host,
            executor_timeout,
        } => {
            let config = SchedulerConfig {
                external_host: host.unwrap_or_else(|| listen.ip().to_string()),
                bind_host: listen.ip().to_string(),
                bind_port: listen.port(),
                executor_timeout_seconds: executor_timeout,
                expire_dead_executor_interval_seconds: executor_timeout.div_ceil(4).max(1),
                override_session_builder: Some(Arc::new(session)),
                ..SchedulerConfig::default()
            };
            let cluster = BallistaCluster::new_from_config(&config).await?;
            start_server(cluster, listen, Arc::new(config)).await?;
        }
        Command::Executor {
            scheduler_host,
            scheduler_port,
            listen,
            task_port,
            host,
            slots,
            work_dir,
            heartbeat,
        } => {
            let mut functions = BallistaFunctionRegistry::default();
            functions
                .scalar_functions
                .insert(map::NAME.to_owned(), map::function());
            let config = ExecutorProcessConfig {
                scheduler_host,
                scheduler_port,
                bind_host: listen.ip().to_string(),
                external_host: Some(host.unwrap_or_else(|| listen.ip().to_string())),
                port: listen.port(),
                grpc_port: task_port,
                vcores: slots,
                work_dir,
                executor_heartbeat_interval_seconds: heartbeat,
                scheduler_connect_timeout_seconds: 30,
                override_function_registry: Some(Arc::new(functions)),
                override_config_producer: Some(Arc::new(default_config_producer)),
                ..ExecutorProcessConfig::default()
            };
            start_executor_process(Arc::new(config)).await?;
        }
        Command::Submit {
            paths,
            output,
            scheduler,
            tasks,
            shared,
        } => {
            let shared = shared.unwrap_or_else(|| output.clone());
            let order = submit::Order {
                paths,
                shared: std::path::absolute(shared)?,
                output,
                scheduler,
                tasks,
            };
            print!("{}", submit::submit(&order).await?);
        }
    }
    Ok(())
}

/// A session of the scheduler knows our function, or it could not read the plan.
fn session(config: SessionConfig) -> datafusion::common::Result<SessionState> {
    let mut state = default_session_builder(config)?;
    state.register_udf(map::function())?;
    Ok(state)
}
