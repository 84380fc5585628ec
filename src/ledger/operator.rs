//! What people ask of runs: start, cancel, pause, resume, retry. Each is one transaction under the run's lock.

use serde_json::json;
use sqlx::PgPool;

use super::{
    Error,
    advance::{indexed, schedule, schedule_next, schedule_teardown},
};
use crate::{
    domain::{
        ids::RunId,
        run::RunStatus,
        step::{StepKind, StepStatus},
        workflow::WorkflowDefinition,
    },
    queue::TokenQueue,
    store::{
        events,
        runs::{self, NewRun, Run},
        steps::{self, Settled},
    },
};

/// Records a run and wakes its first step.
///
/// # Errors
/// When the database or the queue fails.
pub async fn start(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    new: &NewRun<'_>,
    actor: &str,
) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    runs::insert(&mut tx, new).await?;
    events::append(&mut tx, new.id, "run_created", None, actor, json!({ "workflow": new.definition.name }))
        .await?;
    let run = locked(&mut tx, new.id).await?;
    schedule_next(&mut tx, queue, &run, new.definition, -1).await?;
    tx.commit().await?;
    Ok(())
}

/// Cancels a run: a step that waits (for a worker, a back-off or the end of a pause) ends now, one that runs ends
/// within a heartbeat; either way teardown follows. Returns false when that was asked for already.
///
/// # Errors
/// When the run is over, or the database or the queue fails.
pub async fn cancel(pool: &PgPool, queue: &dyn TokenQueue, id: RunId, actor: &str) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let run = locked(&mut tx, id).await?;
    if run.status.is_terminal() {
        return Err(Error::Refused(format!(
            "run {id} is {} already: there is nothing to cancel",
            run.status
        )));
    }
    if run.cancel_requested {
        return Ok(false);
    }
    runs::request_cancel(&mut tx, id).await?;
    events::append(&mut tx, id, "cancel_requested", None, actor, json!({})).await?;
    let workflow = run.workflow()?;
    let waiting = match steps::current(&mut tx, id).await? {
        Some(current) => {
            steps::lock(&mut tx, id, current).await?.filter(|step| step.status == StepStatus::Scheduled)
        }
        None => None,
    };
    if let Some(step) = waiting.filter(|step| step.name != StepKind::Teardown.to_string()) {
        let settled = Settled { status: StepStatus::Cancelled, output: None, timings: None, failure: None };
        steps::settle(&mut tx, id, step.step, settled).await?;
        events::append(&mut tx, id, "step_cancelled", Some(&step.name), actor, json!({})).await?;
        schedule_teardown(&mut tx, queue, &run, &workflow).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Pauses a run: the step that runs is finished, and no other starts until the run is resumed. Returns false when it was
/// paused already.
///
/// # Errors
/// When the run is over or being cancelled, or the database fails.
pub async fn pause(pool: &PgPool, id: RunId, actor: &str) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let run = locked(&mut tx, id).await?;
    if run.status.is_terminal() || run.cancel_requested {
        let state = if run.cancel_requested { "being cancelled".to_owned() } else { run.status.to_string() };
        return Err(Error::Refused(format!("run {id} is {state}: there is nothing to pause")));
    }
    if run.paused {
        return Ok(false);
    }
    runs::set_paused(&mut tx, id, true).await?;
    events::append(&mut tx, id, "run_paused", None, actor, json!({})).await?;
    tx.commit().await?;
    Ok(true)
}

/// Lets a paused run go on. Returns false when it was not paused.
///
/// # Errors
/// When there is no such run, or the database or the queue fails.
pub async fn resume(pool: &PgPool, queue: &dyn TokenQueue, id: RunId, actor: &str) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let run = locked(&mut tx, id).await?;
    if !run.paused {
        return Ok(false);
    }
    runs::set_paused(&mut tx, id, false).await?;
    events::append(&mut tx, id, "run_resumed", None, actor, json!({})).await?;
    // The token of the step that waits was spent while the run was paused.
    let workflow = run.workflow()?;
    if let Some(current) = steps::current(&mut tx, id).await?
        && let Some(step) =
            steps::lock(&mut tx, id, current).await?.filter(|step| step.status == StepStatus::Scheduled)
        && let Some((_, kind)) = indexed(&workflow).find(|(index, _)| *index == step.step)
    {
        schedule(&mut tx, queue, &run, step.step, kind, 0.0).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Opens a failed or cancelled run again: its set-up is done anew, since teardown removed it, and the levels already
/// measured stay. Returns the new generation.
///
/// # Errors
/// When the run isn't over or succeeded, or the database or the queue fails.
pub async fn retry(pool: &PgPool, queue: &dyn TokenQueue, id: RunId, actor: &str) -> Result<i32, Error> {
    let mut tx = pool.begin().await?;
    let mut run = locked(&mut tx, id).await?;
    match run.status {
        RunStatus::Failed | RunStatus::Cancelled => {}
        RunStatus::Succeeded => {
            return Err(Error::Refused(format!(
                "run {id} succeeded: there is nothing to retry. To measure again: dria-bench run --like {id}"
            )));
        }
        RunStatus::Pending | RunStatus::Running => {
            return Err(Error::Refused(format!("run {id} is not over yet: it is {}", run.status)));
        }
    }
    let workflow = run.workflow()?;
    run.generation = runs::reopen(&mut tx, id).await?;
    let kept = measured(&workflow, &steps::done(&mut tx, id).await?);
    let forgotten: Vec<i32> =
        indexed(&workflow).map(|(index, _)| index).filter(|index| !kept.contains(index)).collect();
    steps::forget(&mut tx, id, &forgotten).await?;
    let data = json!({ "generation": run.generation, "levels_kept": kept.len() });
    events::append(&mut tx, id, "run_retried", None, actor, data).await?;
    schedule_next(&mut tx, queue, &run, &workflow, -1).await?;
    tx.commit().await?;
    Ok(run.generation)
}

/// Of the steps that are done, the measured levels.
fn measured(workflow: &WorkflowDefinition, done: &[i32]) -> Vec<i32> {
    indexed(workflow)
        .filter(|(index, kind)| kind.is_measurement() && done.contains(index))
        .map(|(index, _)| index)
        .collect()
}

async fn locked(conn: &mut sqlx::PgConnection, id: RunId) -> Result<Run, Error> {
    runs::lock(conn, id).await?.ok_or_else(|| Error::Refused(format!("there is no run {id}")))
}
