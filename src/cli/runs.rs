//! `dria-bench runs`: what there is and what became of it; steering is in `runs/`.

mod act;
mod bulk;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::{
    CliError, CliResult, Context, Exit,
    attend::watch,
    database::Database,
    find::{self, RunRef},
    render,
    table::{or_dash, table},
};
use crate::{
    domain::{ids::RunId, run::RunStatus, step::StepKind},
    report::View,
    store::{attempts, budgets, events, pods, rentals, runs, steps},
};

/// List, show and steer runs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Runs, newest first
    List {
        /// Only runs in this state
        #[arg(long, value_name = "STATUS", value_parser = statuses())]
        status: Option<RunStatus>,
        /// Most runs listed
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// A run: its steps, attempts, pods, set-up times and results
    Show {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
        /// Follow it to its end first
        #[arg(long)]
        follow: bool,
    },
    /// Cancel a run: it stops within a heartbeat, cleans up, and keeps what it measured
    ///
    /// Where no worker is running, the cleaning up is done here.
    Cancel {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
        /// Wait until it is over
        #[arg(long)]
        wait: bool,
    },
    /// Pause a run: the step that runs is finished, and no other starts
    Pause {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
    },
    /// Let a paused run go on
    Resume {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
    },
    /// Go on with a failed or cancelled run: its set-up is done again, its measured levels stay
    Retry {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
        /// Measure again from this step on, e.g. concurrency:3: what was measured before it stays, the rest is superseded
        #[arg(long, value_name = "STEP")]
        from: Option<StepKind>,
        /// Leave the work to a running worker
        #[arg(long)]
        detach: bool,
    },
    /// Start a new run of what a run was asked to do, and print its id
    Rerun {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
    },
    /// Give a run another priority: a higher one is worked first
    Priority {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
        /// 0 (nightly) to 9; a run that a person started has 5
        #[arg(value_parser = clap::value_parser!(i32).range(0..=9))]
        priority: i32,
    },
    /// Say what a run may cost, over all its generations; `none`: what the settings say
    ///
    /// A run that was stopped for its cap goes on with `dria-bench runs retry`.
    Budget {
        /// The run: its id, the start of it, or `latest`
        run: RunRef,
        /// US dollars, like 2.50, or `none`
        #[arg(value_parser = act::cap_or_none)]
        usd: act::Cap,
    },
    /// Cancel, retry, pause or resume every run that a filter means
    Bulk(bulk::Args),
}

/// Runs a `runs` command.
///
/// # Errors
/// Exit 1 when there is no such run or its state doesn't allow it, exit 3 when the database can't be used.
pub async fn run(command: Command, context: Context) -> CliResult {
    let database = Database::open(&context.config).await?;
    let outcome = match command {
        Command::List { status, limit } => list(&context, &database, status, limit).await,
        Command::Show { run, follow } => show(&context, &database, &run, follow).await,
        Command::Cancel { run, wait } => act::cancel(&context, &database, &run, wait).await,
        Command::Pause { run } => act::pause(&context, &database, &run).await,
        Command::Resume { run } => act::resume(&context, &database, &run).await,
        Command::Retry { run, from, detach } => act::retry(&context, &database, &run, from, detach).await,
        Command::Rerun { run } => act::rerun(&context, &database, &run).await,
        Command::Priority { run, priority } => act::prioritise(&context, &database, &run, priority).await,
        Command::Budget { run, usd } => act::budget(&context, &database, &run, usd).await,
        Command::Bulk(args) => bulk::run(&args, &context, &database).await,
    };
    database.close().await;
    outcome
}

async fn list(context: &Context, database: &Database, status: Option<RunStatus>, limit: u32) -> CliResult {
    let mut conn = database.pool.acquire().await?;
    let runs = runs::list(&mut conn, status, i64::from(limit)).await?;
    if context.output.json {
        context.output.json(&runs);
        return Ok(Exit::Done);
    }
    if runs.is_empty() {
        context.output.note(match status {
            Some(status) => format!("no run is {status}"),
            None => "no runs yet: dria-bench demo, or dria-bench run --help".to_owned(),
        });
        return Ok(Exit::Done);
    }
    let rows = runs.iter().map(|run| {
        [
            run.id.to_string(),
            run.status.to_string(),
            run.spec.engine.kind.to_string(),
            run.spec.model.common_name.clone(),
            run.spec.machine.gpu_id.clone(),
            run.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            or_dash(run.error.as_ref().map(|failure| &failure.code)),
        ]
    });
    context.output.data(table(["run", "status", "engine", "model", "GPU", "created (UTC)", "error"], rows));
    Ok(Exit::Done)
}

async fn show(context: &Context, database: &Database, meant: &RunRef, follow: bool) -> CliResult {
    let (id, queue) = find_with_queue(database, meant).await?;
    if follow && watch(context, database, id, &queue).await?.is_none() {
        return Ok(Exit::Interrupted);
    }
    let mut conn = database.pool.acquire().await?;
    let conn = &mut *conn;
    let run = runs::get(conn, id).await?.ok_or_else(|| CliError::failed(format!("there is no run {id}")))?;
    let report = find::report(conn, id).await?;
    let steps = steps::list(conn, id).await?;
    let attempts = attempts::list(conn, id).await?;
    let pods = pods::list(conn, id).await?;
    let rentals = rentals::of_run(conn, id).await?;
    let budget_usd = budgets::of_run(conn, id).await?;
    if context.output.json {
        let events = events::after(conn, id, 0).await?;
        context.output.json(&json!({
            "run": run, "report": report, "steps": steps, "attempts": attempts, "pods": pods, "events": events,
            "rentals": rentals, "budget_usd": budget_usd,
        }));
        return Ok(Exit::Done);
    }
    let spec = &run.spec;
    let mut parts = vec![format!(
        "run {id}: {}{}\n{} serving {} on {} ({}), generation {}",
        run.status,
        run.error.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default(),
        spec.engine.kind,
        spec.model.common_name,
        spec.machine.gpu_id,
        spec.machine.provider,
        run.generation,
    )];
    let rows = steps.iter().map(|step| {
        let seconds =
            step.started_at.zip(step.finished_at).map(|(start, end)| (end - start).as_seconds_f64());
        [
            step.name.clone(),
            step.status.to_string(),
            step.attempt.to_string(),
            step.losses.to_string(),
            or_dash(seconds.map(|seconds| format!("{seconds:.2}"))),
            or_dash(step.error.as_ref().map(|failure| &failure.code)),
        ]
    });
    parts.push(table(["step", "status", "tries", "workers lost", "seconds", "error"], rows));
    if !report.results.is_empty() {
        parts.push(render::report(&report.summaries(), View::Measured, &report.setup));
        parts.extend(render::efficiency(&report).map(|shown| shown.unwrap_or_else(|why| why)));
    }
    parts.extend(report.cost.as_ref().and_then(|cost| render::cost(cost, budget_usd)));
    for pod in pods.iter().filter(|pod| pod.state != "gone") {
        parts.push(format!("still there: {} ({}, {})", pod.name, pod.provider, pod.state));
    }
    let parts: Vec<&str> = parts.iter().map(|part| part.trim_matches('\n')).collect();
    context.output.data(parts.join("\n\n"));
    Ok(Exit::Done)
}

async fn find_with_queue(database: &Database, meant: &RunRef) -> Result<(RunId, String), CliError> {
    let mut conn = database.pool.acquire().await?;
    let id = find::run(&mut conn, meant).await?;
    let queue = runs::get(&mut conn, id).await?.map(|run| run.queue).unwrap_or_default();
    Ok((id, queue))
}

fn statuses() -> impl TypedValueParser<Value = RunStatus> {
    PossibleValuesParser::new(RunStatus::ALL.iter().map(|status| status.as_str()))
        .try_map(|name| name.parse())
}
