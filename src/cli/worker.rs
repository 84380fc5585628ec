//! `dria-bench worker`: takes steps from the queue until it is stopped.

use std::time::Duration;

use super::{CliResult, Context, Exit, database::Database, services, signals};
use crate::{jobs::WorkerSet, store::tokens};

/// How often `--until-idle` looks whether anything is left.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Work runs: take their steps from the queue until stopped (Ctrl-C or SIGTERM).
///
/// A step that is cut short by stopping is put back and spends no attempt. Killing a worker is safe too: another one,
/// or this one started again, goes on at the step it was in.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End once no run is left to work
    #[arg(long)]
    until_idle: bool,
}

/// Works until told to stop.
///
/// # Errors
/// Exit 3 when the database can't be used.
pub async fn run(args: Args, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = work(&args, &context, &database).await;
    database.close().await;
    outcome
}

async fn work(args: &Args, context: &Context, database: &Database) -> CliResult {
    let services = services::services(context, database).await?;
    let options = services::worker_options(&context.config);
    let queues: Vec<String> = options.queues.iter().map(|(queue, _)| queue.clone()).collect();
    let workers = WorkerSet::start(&services, &options);
    context.output.note(format!("working {} ({})", queues.join(" and "), database.describe()));
    let mut stop = signals::Stop::new()?;
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
    workers.stop().await;
    if stopped && let Ok(left @ 1..) = unfinished(database, &queues).await {
        let runs = if left == 1 { "1 run is" } else { &format!("{left} runs are") };
        context.output.note(format!(
            "{runs} not over: go on with dria-bench worker, or end with dria-bench runs cancel"
        ));
    }
    Ok(Exit::Done)
}

/// Whether no run of these queues is left. A database that can't be asked may be back soon, and its runs with it.
async fn is_idle(database: &Database, queues: &[String]) -> bool {
    match unfinished(database, queues).await {
        Ok(left) => left == 0,
        Err(error) => {
            tracing::warn!(%error, "could not ask whether any run is left");
            false
        }
    }
}

/// Runs of these queues that are not over.
async fn unfinished(database: &Database, queues: &[String]) -> Result<i64, super::CliError> {
    let mut conn = database.pool.acquire().await?;
    let mut runs = 0;
    for queue in queues {
        runs += tokens::live_runs(&mut conn, queue).await?;
    }
    Ok(runs)
}
