//! Attending to a matrix: following it to its end, and working it where nobody else does.

use std::{collections::HashMap, time::Duration};

use serde_json::json;

use super::{read, show};
use crate::{
    cli::{
        CliError, CliResult, Context, Exit, attend::worker_lives, database::Database, run::actor, services,
        signals::Stop,
    },
    domain::{
        ids::MatrixId,
        matrix::{CellState, MatrixState},
    },
    jobs::WorkerSet,
    ledger::{self, matrices},
    queue::ApalisQueue,
    report::matrix::{CellReport, Counts, MatrixReport},
};

/// How often the matrix is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often it is looked whether a worker is there, in looks.
const WORKER_CHECK_LOOKS: u32 = 10;

/// Follows a matrix to its end and prints its report; detached, prints its id.
pub(super) async fn attend(
    context: &Context,
    database: &Database,
    id: MatrixId,
    queue: &str,
    detach: bool,
) -> CliResult {
    if detach {
        if context.output.json {
            context.output.json(&json!({ "matrix": id }));
        } else {
            context.output.data(id.to_string());
            context.output.note(format!("look at it: dria-bench matrices show {id}"));
        }
        return Ok(Exit::Done);
    }
    let Some(report) = follow(context, database, id, queue).await? else { return Ok(Exit::Interrupted) };
    show::report(context, &report);
    Ok(conclude(&report.summary.state, &report.summary.cells))
}

const fn conclude(state: &MatrixState, cells: &Counts) -> Exit {
    if matches!(state, MatrixState::Cancelled) || cells.cancelled > 0 {
        Exit::Cancelled
    } else if cells.failed > 0 {
        Exit::Failed
    } else if cells.skipped > 0 {
        Exit::Budget
    } else {
        Exit::Done
    }
}

/// `None`: the person stopped watching.
async fn follow(
    context: &Context,
    database: &Database,
    id: MatrixId,
    queue: &str,
) -> Result<Option<MatrixReport>, CliError> {
    let services = services::services(context, database).await?;
    let (mut workers, mut seen, mut cancelled) = (None, HashMap::new(), false);
    let mut stop = Stop::new()?;
    let mut looks = 0_u32;
    let ended = loop {
        if workers.is_none()
            && looks.is_multiple_of(WORKER_CHECK_LOOKS)
            && !worker_lives(context, database, queue).await?
        {
            workers = Some(WorkerSet::start(&services, &services::worker_options(&context.config)));
        }
        looks = looks.wrapping_add(1);
        let report = read(&mut *database.pool.acquire().await?, id).await?;
        for cell in &report.list {
            if seen.insert(cell.cell, cell.state).unwrap_or(CellState::Planned) != cell.state {
                context.output.note(line(cell));
            }
        }
        if report.summary.state.is_over() {
            break Some(report);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => continue,
            () = stop.asked() => {}
        }
        // Left to nobody, its machines would go on costing.
        if workers.is_none() || cancelled {
            context.output.note(format!("left running; look at it with: dria-bench matrices show {id}"));
            break None;
        }
        cancelled = true;
        cancel(database, id).await?;
        context.output.note("cancelling; once more, and the rest is left to: dria-bench worker");
    };
    if let Some(workers) = workers {
        workers.stop().await;
    }
    Ok(ended)
}

/// Cancels a matrix that may have ended in this moment.
async fn cancel(database: &Database, id: MatrixId) -> Result<(), CliError> {
    let mut tx = database.pool.begin().await?;
    match matrices::request_cancel(&mut tx, &ApalisQueue, id, &actor()).await {
        Ok(_) | Err(ledger::Error::Refused(_)) => Ok(tx.commit().await?),
        Err(error) => Err(error.into()),
    }
}

fn line(cell: &CellReport) -> String {
    let what = format!("{} on {} on {}", cell.model, cell.engine, cell.gpu);
    match (&cell.reason, cell.run) {
        (Some(reason), _) => format!("  {:<9} {what}: {reason}", cell.state),
        (None, Some(run)) => format!("  {:<9} {what} (run {run})", cell.state),
        (None, None) => format!("  {:<9} {what}", cell.state),
    }
}
