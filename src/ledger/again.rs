//! Doing a run again: the rest of it (retry), a part that was measured already (retry from a step), or all of it anew.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    By, Error,
    advance::{indexed, schedule_next},
    operator::{locked, record},
};
use crate::{
    clock,
    domain::{ids::RunId, run::RunStatus, step::StepKind, workflow::WorkflowDefinition},
    queue::TokenQueue,
    store::{
        audit, budgets, events,
        runs::{self, NewRun},
        steering, steps,
    },
};

/// Opens a failed or cancelled run again: its set-up is done anew, since teardown removed it, and the levels already
/// measured stay. Returns the new generation.
///
/// # Errors
/// When the run isn't over or succeeded, or the database or the queue fails.
pub async fn retry(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    id: RunId,
    by: impl Into<By<'_>>,
) -> Result<i32, Error> {
    let mut tx = pool.begin().await?;
    let generation = reopen(&mut tx, queue, id, None, by.into()).await?;
    tx.commit().await?;
    Ok(generation)
}

/// Opens a run that is over again from a step: levels measured before it stay, results of it and of later steps are
/// superseded. Returns the new generation.
///
/// # Errors
/// When the run isn't over or has no such step, or the database or the queue fails.
pub async fn retry_from(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    id: RunId,
    from: StepKind,
    by: impl Into<By<'_>>,
) -> Result<i32, Error> {
    let mut tx = pool.begin().await?;
    let generation = reopen(&mut tx, queue, id, Some(from), by.into()).await?;
    tx.commit().await?;
    Ok(generation)
}

/// Opens a run again, on the caller's transaction.
pub(super) async fn reopen(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    id: RunId,
    from: Option<StepKind>,
    by: By<'_>,
) -> Result<i32, Error> {
    let mut run = locked(conn, id).await?;
    if !run.status.is_terminal() {
        return Err(Error::Refused(format!("run {id} is not over yet: it is {}", run.status)));
    }
    if run.status == RunStatus::Succeeded && from.is_none() {
        return Err(Error::Refused(format!(
            "run {id} succeeded: there is nothing to retry. To measure again: dria-bench run --like {id}"
        )));
    }
    let workflow = run.workflow()?;
    let first = from.map(|from| place(&workflow, from)).transpose()?;
    run.generation = runs::reopen(conn, id).await?;
    let mut kept = measured(&workflow, &steps::done(conn, id).await?);
    let mut superseded = 0;
    if let Some(first) = first {
        kept.retain(|step| *step < first);
        let again: Vec<i32> =
            indexed(&workflow).map(|(step, _)| step).filter(|step| *step >= first).collect();
        superseded = steering::supersede(conn, id, &again).await?;
    }
    let forgotten: Vec<i32> =
        indexed(&workflow).map(|(index, _)| index).filter(|index| !kept.contains(index)).collect();
    steps::forget(conn, id, &forgotten).await?;
    let data = json!({
        "generation": run.generation, "levels_kept": kept.len(), "from": from, "results_superseded": superseded,
    });
    events::append(conn, id, "run_retried", None, by.actor, data.clone()).await?;
    audit::append(conn, by, "run.retry", &id.to_string(), data).await?;
    schedule_next(conn, queue, &run, &workflow, -1).await?;
    Ok(run.generation)
}

/// Starts a new run of what a run was asked to do, with the same steps. Returns its id.
///
/// # Errors
/// When there is no such run, or the database or the queue fails.
pub async fn rerun(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    id: RunId,
    by: impl Into<By<'_>>,
) -> Result<RunId, Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    let run = locked(&mut tx, id).await?;
    let definition = run.workflow()?;
    let again = RunId::generate(clock::now());
    let new = NewRun {
        id: again,
        spec: &run.spec,
        definition: &definition,
        queue: &run.queue,
        priority: run.priority,
        rerun_of: Some(id),
    };
    record(&mut tx, queue, &new, by).await?;
    let budget_usd = budgets::of_run(&mut tx, id).await?;
    budgets::set(&mut tx, again, budget_usd).await?;
    audit::append(&mut tx, by, "run.rerun", &id.to_string(), json!({ "new_run": again })).await?;
    tx.commit().await?;
    Ok(again)
}

/// Where a step is in a workflow.
fn place(workflow: &WorkflowDefinition, step: StepKind) -> Result<i32, Error> {
    let names = || workflow.steps.iter().map(|step| step.kind.to_string()).collect::<Vec<_>>().join(", ");
    match indexed(workflow).find(|(_, kind)| *kind == step) {
        Some((_, StepKind::Teardown)) => {
            Err(Error::Refused("teardown ends every run by itself: name a step before it".to_owned()))
        }
        Some((index, _)) => Ok(index),
        None => Err(Error::Refused(format!("the run has no step {step}: its steps are {}", names()))),
    }
}

/// Of the steps that are done, the measured levels.
fn measured(workflow: &WorkflowDefinition, done: &[i32]) -> Vec<i32> {
    indexed(workflow)
        .filter(|(index, kind)| kind.is_measurement() && done.contains(index))
        .map(|(index, _)| index)
        .collect()
}
