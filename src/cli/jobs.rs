//! `dria-bench jobs` and `dria-bench workers`: the queue from within, for whoever has to find out why a step waits.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::{
    CliError, CliResult, Context, Exit,
    database::Database,
    run::actor,
    table::{or_dash, table},
};
use crate::{
    domain::job::JobState,
    ledger::jobs::{self as ledger, Retried},
    queue::ApalisQueue,
    store::{
        dead,
        jobs::{self, Job, JobFilter},
        workers,
    },
};

/// Jobs: tokens of the queue, each of which wakes a step.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Jobs, newest first
    List {
        /// Only jobs of this queue
        #[arg(long)]
        queue: Option<String>,
        /// Only jobs in this state
        #[arg(long, value_parser = states())]
        state: Option<JobState>,
        /// Only jobs older than this one: the next page
        #[arg(long, value_name = "JOB")]
        before: Option<String>,
        /// Most jobs listed
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// A job, and the step that it wakes
    Show {
        /// The job's id
        job: String,
    },
    /// Steps that failed for good, newest first
    Dead {
        /// Most steps listed
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Wake a step that waits now, or go on with a run that failed
    Retry {
        /// The job's id
        job: String,
    },
    /// Cancel the run whose step a job wakes
    Cancel {
        /// The job's id
        job: String,
    },
    /// Delete a job that is over; the run keeps everything
    Delete {
        /// The job's id
        job: String,
        /// Yes, delete it
        #[arg(long)]
        yes: bool,
    },
}

/// Workers.
#[derive(Debug, clap::Subcommand)]
pub enum WorkersCommand {
    /// Who works which queue, when each was last heard of, and what it works on
    List {
        /// Those that ended or died too
        #[arg(long)]
        all: bool,
        /// Most workers listed
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
}

/// Runs a `jobs` command.
///
/// # Errors
/// Exit 1 when there is no such job or its state doesn't allow it, exit 2 for an unconfirmed deletion, exit 3 when the
/// database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    if let Command::Delete { job, yes: false } = &command {
        return Err(CliError::usage(format!("job {job} would be gone for good"))
            .hint(format!("if that is meant: dria-bench jobs delete {job} --yes")));
    }
    let database = Database::open(&context.config).await?;
    let outcome = act(&command, &context, &database).await;
    database.close().await;
    outcome
}

async fn act(command: &Command, context: &Context, database: &Database) -> CliResult {
    let (pool, output) = (&database.pool, context.output);
    match command {
        Command::List { queue, state, before, limit } => {
            let filter = JobFilter { queue: queue.clone(), state: *state, before: before.clone() };
            let all = jobs::list(&mut *pool.acquire().await?, &filter, i64::from(*limit)).await?;
            if output.json {
                output.json(&all);
                return Ok(Exit::Done);
            }
            let more = (all.len() == *limit as usize).then(|| all.last().map(|job| job.id.clone())).flatten();
            output.data(table(
                ["job", "queue", "state", "due (UTC)", "run", "step", "worker"],
                all.iter().map(row),
            ));
            if let Some(last) = more {
                output.note(format!("older ones: --before {last}"));
            }
        }
        Command::Show { job } => {
            let found = jobs::get(&mut *pool.acquire().await?, job).await?;
            let found = found.ok_or_else(|| {
                CliError::failed(format!("there is no job `{job}`")).hint("dria-bench jobs list")
            })?;
            if output.json {
                output.json(&found);
            } else {
                output.data(shown(&found));
            }
        }
        Command::Dead { limit } => {
            let all = dead::list(&mut *pool.acquire().await?, None, i64::from(*limit)).await?;
            if output.json {
                output.json(&all);
                return Ok(Exit::Done);
            }
            let rows = all.into_iter().map(|letter| {
                [
                    letter.job,
                    letter.queue,
                    letter.run.to_string(),
                    letter.name,
                    letter.attempts.to_string(),
                    letter.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                    or_dash(letter.error.map(|error| error.code)),
                ]
            });
            output.data(table(["job", "queue", "run", "step", "tries", "gave up (UTC)", "error"], rows));
        }
        Command::Retry { job } => {
            let retried = ledger::retry(pool, &ApalisQueue, job, &actor()).await?;
            output.note(match &retried {
                Retried::Woken { run, step } => format!("{step} of run {run} is woken"),
                Retried::Reopened { run, generation } => {
                    format!("run {run} goes on as generation {generation}")
                }
            });
            if output.json {
                output.json(&retried);
            }
        }
        Command::Cancel { job } => {
            let (run, news) = ledger::cancel(pool, &ApalisQueue, job, &actor()).await?;
            let said = if news { "cancelling" } else { "was being cancelled already:" };
            output.note(format!("{said} run {run}; it ends once its machine is cleaned up"));
            if output.json {
                output.json(&json!({ "job": job, "run": run, "cancel_requested": true }));
            }
        }
        Command::Delete { job, .. } => {
            ledger::delete(pool, job, &actor()).await?;
            output.note(format!("job {job} is deleted"));
            if output.json {
                output.json(&json!({ "job": job, "deleted": true }));
            }
        }
    }
    Ok(Exit::Done)
}

/// Runs a `workers` command.
///
/// # Errors
/// Exit 3 when the database can't be used.
pub async fn run_workers(command: WorkersCommand, context: Context) -> CliResult {
    let WorkersCommand::List { all, limit } = command;
    let database = Database::open(&context.config).await?;
    let silent_s = context.config.worker.lease.as_secs_f64();
    let mut conn = database.pool.acquire().await?;
    let found = workers::list(&mut conn, silent_s, !all, i64::from(limit)).await;
    drop(conn);
    database.close().await;
    let found = found?;
    if context.output.json {
        context.output.json(&found);
        return Ok(Exit::Done);
    }
    let rows = found.into_iter().map(|worker| {
        let works: Vec<String> =
            worker.works.iter().map(|held| format!("{} of {}", held.step, held.run)).collect();
        [
            worker.name,
            worker.queue,
            if worker.alive { "alive" } else { "gone" }.to_owned(),
            or_dash(worker.last_seen.map(|seen| seen.format("%Y-%m-%d %H:%M:%S").to_string())),
            or_dash((!works.is_empty()).then(|| works.join(", "))),
        ]
    });
    context.output.data(table(["worker", "queue", "state", "last seen (UTC)", "works on"], rows));
    Ok(Exit::Done)
}

fn row(job: &Job) -> [String; 7] {
    let wakes = job.wakes.as_ref();
    [
        job.id.clone(),
        job.queue.clone(),
        job.state.to_string(),
        job.run_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        or_dash(wakes.map(|wakes| wakes.run)),
        or_dash(wakes.and_then(|wakes| wakes.name.as_ref())),
        or_dash(job.worker.as_ref()),
    ]
}

fn shown(job: &Job) -> String {
    let mut lines = vec![
        format!("job {}: {} in {}, priority {}", job.id, job.state, job.queue, job.priority),
        format!("due {}", job.run_at.format("%Y-%m-%d %H:%M:%S UTC")),
    ];
    if let Some(worker) = &job.worker {
        lines.push(format!("taken by {worker}"));
    }
    if let Some(outcome) = &job.outcome {
        lines.push(format!("outcome {outcome}"));
    }
    match &job.wakes {
        None => lines.push("it wakes no step of ours".to_owned()),
        Some(wakes) => {
            let name = wakes.name.clone().unwrap_or_else(|| format!("step {}", wakes.step));
            let status = or_dash(wakes.status);
            let spent = if wakes.current { "" } else { "; another job wakes it by now" };
            lines.push(format!("wakes {name} of run {} ({status}{spent})", wakes.run));
            if let Some(error) = &wakes.error {
                lines.push(format!("its last failure: {error}"));
            }
        }
    }
    lines.join("\n")
}

fn states() -> impl TypedValueParser<Value = JobState> {
    PossibleValuesParser::new(JobState::ALL.iter().map(|state| state.as_str())).try_map(|name| name.parse())
}
