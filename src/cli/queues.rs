//! `dria-bench queues`: what waits in each queue, and pausing one.

use serde_json::json;

use super::{
    CliResult, Context, Exit,
    database::Database,
    run::actor,
    table::{or_dash, table},
};
use crate::{ledger, queue::ApalisQueue, store::queues};

/// Queues of steps.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Every queue: what waits in it, since when, who works it, and whether it is paused
    List,
    /// Let no worker take up a step of a queue until it is resumed
    ///
    /// It holds for every process and outlives them. Steps under way are finished, and teardowns go on.
    Pause {
        /// The queue
        #[arg(value_name = "QUEUE")]
        name: String,
        /// Why, for whoever looks
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a paused queue be worked again
    Resume {
        /// The queue
        #[arg(value_name = "QUEUE")]
        name: String,
    },
}

/// Runs a `queues` command.
///
/// # Errors
/// Exit 1 when there is no such queue, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    let silent_s = context.config.worker.lease.as_secs_f64();
    let output = context.output;
    match command {
        Command::List => {
            let all = queues::list(&mut *database.pool.acquire().await?, silent_s).await?;
            if output.json {
                output.json(&all);
                return Ok(Exit::Done);
            }
            let rows = all.into_iter().map(|queue| {
                let state = match (&queue.paused_by, queue.reason) {
                    (None, _) => "open".to_owned(),
                    (Some(by), None) => format!("paused by {by}"),
                    (Some(by), Some(reason)) => format!("paused by {by}: {reason}"),
                };
                [
                    queue.name,
                    queue.queued.to_string(),
                    queue.scheduled.to_string(),
                    queue.held.to_string(),
                    queue.running.to_string(),
                    or_dash(queue.oldest_queued_s.map(|s| format!("{s:.0}"))),
                    queue.workers.to_string(),
                    queue.rented.to_string(),
                    state,
                ]
            });
            let head =
                ["queue", "queued", "later", "held", "running", "oldest s", "workers", "pods", "state"];
            output.data(table(head, rows));
        }
        Command::Pause { name, reason } => {
            let news = ledger::queues::pause(&database.pool, name, reason.as_deref(), &actor()).await?;
            output.note(format!(
                "queue {name} {}; dria-bench queues resume {name} lets it go on",
                if news {
                    "is paused: steps under way are finished, and teardowns go on"
                } else {
                    "was paused already"
                }
            ));
            let all = queues::list(&mut *database.pool.acquire().await?, silent_s).await?;
            if let Some(rented @ 1..) = all.iter().find(|queue| queue.name == *name).map(|queue| queue.rented)
            {
                output.note(format!(
                    "its runs hold {rented} rented pods, which go on costing: dria-bench runs cancel ends a run with its pod"
                ));
            }
            if output.json {
                output.json(&json!({ "queue": name, "paused": true }));
            }
        }
        Command::Resume { name } => {
            let news = ledger::queues::resume(&database.pool, &ApalisQueue, name, silent_s, &actor()).await?;
            output.note(format!("queue {name} {}", if news { "goes on" } else { "was not paused" }));
            if output.json {
                output.json(&json!({ "queue": name, "paused": false }));
            }
        }
    }
    Ok(Exit::Done)
}
