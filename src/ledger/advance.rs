//! Moving a run on: giving a step its token, finding the next step, ending the run. All on the caller's transaction.

use serde_json::json;
use sqlx::PgConnection;

use super::Error;
use crate::{
    domain::{
        failure::Failure, ids::RunId, run::RunStatus, step::StepKind, webhook::EventKind,
        workflow::WorkflowDefinition,
    },
    queue::{Delivery, StepToken, TEARDOWN_PRIORITY, TokenQueue},
    store::{deliveries, events, publications, runs, runs::Run, steering, steps},
};

/// Makes a step ready after `delay_s` seconds and pushes the token that wakes it.
///
/// # Errors
/// When the database or the queue fails.
pub async fn schedule(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    run: &Run,
    step: i32,
    kind: StepKind,
    delay_s: f64,
) -> Result<(), Error> {
    let token = StepToken::new(run.id, step);
    let run_at = steps::schedule(conn, run.id, step, kind, &token.key, delay_s).await?;
    let priority = if kind == StepKind::Teardown { TEARDOWN_PRIORITY } else { run.priority };
    queue.push(conn, &token, Delivery { queue: &run.queue, priority, run_at }).await?;
    Ok(())
}

/// Schedules the first step after `after` (`-1`: from the start) that isn't done. Measured levels stay done when a run
/// goes back to its set-up.
///
/// # Errors
/// When the database or the queue fails.
pub async fn schedule_next(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    run: &Run,
    workflow: &WorkflowDefinition,
    after: i32,
) -> Result<(), Error> {
    let done = steps::done(conn, run.id).await?;
    let next = indexed(workflow).find(|(index, _)| *index > after && !done.contains(index));
    match next {
        Some((index, kind)) => schedule(conn, queue, run, index, kind, 0.0).await,
        None => Err(Error::Refused(format!("run {} has no step left after step {after}", run.id))),
    }
}

/// Schedules teardown.
///
/// # Errors
/// When the workflow has none, or the database or the queue fails.
pub async fn schedule_teardown(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    run: &Run,
    workflow: &WorkflowDefinition,
) -> Result<(), Error> {
    teardown_in(conn, queue, run, workflow, 0.0).await
}

/// Schedules teardown after a failure: later, where the run was started with a hold.
///
/// # Errors
/// When the workflow has none, or the database or the queue fails.
pub async fn schedule_teardown_after_failure(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    run: &Run,
    workflow: &WorkflowDefinition,
    actor: &str,
) -> Result<(), Error> {
    let minutes = steering::hold(conn, run.id).await?.unwrap_or_default();
    if minutes > 0 {
        events::append(conn, run.id, "held_for_debugging", None, actor, json!({ "minutes": minutes }))
            .await?;
    }
    teardown_in(conn, queue, run, workflow, f64::from(minutes) * 60.0).await
}

async fn teardown_in(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    run: &Run,
    workflow: &WorkflowDefinition,
    delay_s: f64,
) -> Result<(), Error> {
    match indexed(workflow).find(|(_, kind)| *kind == StepKind::Teardown) {
        Some((index, kind)) => schedule(conn, queue, run, index, kind, delay_s).await,
        None => Err(Error::Refused(format!("the workflow of run {} has no teardown", run.id))),
    }
}

/// Ends a run whose teardown is done.
///
/// # Errors
/// When the database or the queue fails.
pub async fn finish_run(conn: &mut PgConnection, id: RunId, actor: &str) -> Result<RunStatus, Error> {
    let run = runs::get(conn, id).await?.ok_or(Error::NoRun(id))?;
    let status = if run.cancel_requested {
        RunStatus::Cancelled
    } else if run.error.is_some() {
        RunStatus::Failed
    } else {
        RunStatus::Succeeded
    };
    runs::finish(conn, id, status).await?;
    publications::project(conn, id).await?;
    events::append(conn, id, "run_finished", None, actor, json!({ "status": status })).await?;
    if let (RunStatus::Failed, Some(failure)) = (status, &run.error) {
        deliveries::announce(conn, EventKind::RunFailed, failed(&run, failure)).await?;
    }
    Ok(status)
}

/// What webhooks are told of a run that failed.
fn failed(run: &Run, failure: &Failure) -> serde_json::Value {
    json!({
        "run": run.id, "generation": run.generation, "workflow": run.spec.workflow, "engine": run.spec.engine.kind,
        "model": run.spec.model.common_name, "provider": run.spec.machine.provider, "gpu": run.spec.machine.gpu_id,
        "gpu_count": run.spec.machine.gpu_count, "code": failure.code, "message": failure.message,
    })
}

/// The steps of a workflow with their places.
pub fn indexed(workflow: &WorkflowDefinition) -> impl Iterator<Item = (i32, StepKind)> {
    (0..).zip(workflow.steps.iter().map(|step| step.kind))
}
