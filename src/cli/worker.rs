//! `dria-bench worker`: takes steps from the queue until it is stopped.

use std::{net::SocketAddr, time::Duration};

use super::{CliError, CliResult, Context, Exit, database::Database, services, signals};
use crate::{
    jobs::{WorkerOptions, WorkerSet, host},
    monitor::{self, MonitorServer, Readiness},
    store::{matrices, tokens},
};

/// How long this process' workers may take to be known to others before it says that they work anyway.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// How often `--until-idle` looks whether anything is left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Work runs: take their steps from the queue until stopped (Ctrl-C or SIGTERM).
///
/// A step that is cut short by stopping is put back and spends no attempt. Killing a worker is safe too: another one,
/// or this one started again, goes on at the step it was in. Asked twice to stop, it ends at once.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) width: Width,
    /// Serve /metrics, /healthz and /readyz here, e.g. 127.0.0.1:9464; port 0 for any free one
    #[arg(long, value_name = "IP:PORT")]
    metrics_addr: Option<SocketAddr>,
    /// End once no run is left to work
    #[arg(long)]
    until_idle: bool,
}

/// What a process works, and how much at once.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Width {
    /// Queues to work: steps (runs on rented machines and at URLs), local (runs on this host) [default: both]
    #[arg(long, value_name = "QUEUE", value_delimiter = ',')]
    queues: Vec<String>,
    /// Steps of the queue steps worked at the same time [env: DRIA_BENCH_WORKER_CONCURRENCY] [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: Option<u16>,
}

impl Width {
    /// The workers' options with these wishes.
    ///
    /// # Errors
    /// Exit 2 for a queue that this host can't work.
    pub(super) fn options(&self, context: &Context) -> Result<WorkerOptions, CliError> {
        let mut config = context.config.clone();
        if let Some(concurrency) = self.concurrency {
            config.worker.concurrency = usize::from(concurrency);
        }
        let mut options = services::worker_options(&config);
        if self.queues.is_empty() {
            return Ok(options);
        }
        let local = services::queue_of(crate::domain::kinds::ProviderKind::Local);
        let wanted: Vec<&str> = self
            .queues
            .iter()
            .map(|queue| if queue == "local" { local.as_str() } else { queue.trim() })
            .collect();
        for queue in &wanted {
            if !options.queues.iter().any(|(known, _)| known == queue) {
                let known: Vec<&str> = options.queues.iter().map(|(known, _)| known.as_str()).collect();
                return Err(CliError::usage(format!("this host can't work the queue `{queue}`"))
                    .hint(format!("it can work {} (local is short for the last)", known.join(" and "))));
            }
        }
        options.queues.retain(|(known, _)| wanted.contains(&known.as_str()));
        Ok(options)
    }
}

/// Works until told to stop.
///
/// # Errors
/// Exit 2 for a queue that isn't one, exit 3 when the database can't be used or metrics can't be served.
pub async fn run(args: Args, context: Context) -> CliResult {
    let options = args.width.options(&context)?;
    let database = Database::open(&context.config).await?;
    let outcome = work(&args, &options, &context, &database).await;
    database.close().await;
    outcome
}

async fn work(args: &Args, options: &WorkerOptions, context: &Context, database: &Database) -> CliResult {
    let services = services::services(context, database).await?;
    let queues: Vec<String> = options.queues.iter().map(|(queue, _)| queue.clone()).collect();
    let mut stop = signals::Stop::new()?;
    let _monitor = match args.metrics_addr {
        Some(address) => Some(serve_metrics(address, &queues, context, database).await?),
        None => None,
    };
    let workers = WorkerSet::start(&services, options);
    are_known(database, queues.len()).await;
    context.output.note(format!("working {} ({})", queues.join(" and "), database.describe()));
    let mut stopped = false;
    loop {
        tokio::select! {
            () = stop.asked() => {
                context.output.note("stopping: steps under way are put back");
                stopped = true;
                break;
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if args.until_idle && is_idle(database, &queues).await {
            break;
        }
    }
    stop.or_at_once(workers.stop()).await;
    if stopped && let Ok((left @ 1.., _)) = unfinished(database, &queues).await {
        let runs = if left == 1 { "1 run is" } else { &format!("{left} runs are") };
        context.output.note(format!(
            "{runs} not over: go on with dria-bench worker, or end with dria-bench runs cancel"
        ));
    }
    Ok(Exit::Done)
}

/// Waits until so many workers of this process are known to others: who is told that it works may start a run that needs
/// a worker.
pub(super) async fn are_known(database: &Database, workers: usize) {
    let prefix = process_prefix();
    let known = async {
        loop {
            if let Ok(mut conn) = database.pool.acquire().await
                && let Ok(known) = tokens::workers_with_prefix(&mut conn, &prefix).await
                && known.len() >= workers
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(KNOWN_WITHIN, known).await.is_err() {
        tracing::warn!("the workers are not registered yet: is the database busy?");
    }
}

/// What the names of this process' workers start with.
fn process_prefix() -> String {
    format!("{}{}-", host::worker_prefix(), std::process::id())
}

/// Serves what monitoring asks of a process that works these queues.
///
/// # Errors
/// Exit 3 when the address can't be listened on.
pub(super) async fn serve_metrics(
    address: SocketAddr,
    queues: &[String],
    context: &Context,
    database: &Database,
) -> Result<MonitorServer, CliError> {
    let ready = Readiness {
        queues: queues.to_vec(),
        worker_prefix: process_prefix(),
        silent: context.config.worker.lease,
    };
    let server = monitor::serve(address, database.pool.clone(), ready)
        .await
        .map_err(|error| CliError::environment(error.to_string()).hint("choose another --metrics-addr"))?;
    context.output.note(format!("metrics at http://{}/metrics", server.address()));
    Ok(server)
}

/// Whether no run of these queues is left. A database that can't be asked may be back soon, and its runs with it.
async fn is_idle(database: &Database, queues: &[String]) -> bool {
    match unfinished(database, queues).await {
        Ok(left) => left == (0, 0),
        Err(error) => {
            tracing::warn!(%error, "could not ask whether any run is left");
            false
        }
    }
}

/// Runs of these queues that are not over, and matrices: one without a run at the moment is about to start some.
async fn unfinished(database: &Database, queues: &[String]) -> Result<(i64, i64), super::CliError> {
    let mut conn = database.pool.acquire().await?;
    let (mut runs, mut live) = (0, 0);
    for queue in queues {
        runs += tokens::live_runs(&mut conn, queue).await?;
        live += matrices::live_in(&mut conn, queue).await?;
    }
    Ok((runs, live))
}
