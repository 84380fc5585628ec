//! What people ask of runs: start, cancel, pause, resume, another priority. Each is one transaction under the run's lock.

use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

pub use super::again::retry;
use super::{
    By, Error,
    advance::{indexed, schedule, schedule_next, schedule_teardown},
    once::start_once,
};
use crate::{
    domain::{
        ids::RunId,
        recommend::Picked,
        step::{StepKind, StepStatus},
    },
    queue::{Delivery, StepToken, TokenQueue},
    store::{
        audit, budgets, events,
        runs::{self, NewRun, Run},
        steering,
        steps::{self, Settled, Step},
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
    by: impl Into<By<'_>>,
) -> Result<(), Error> {
    start_holding(pool, queue, new, None, by).await
}

/// The same, and after a failure teardown waits `hold_min` minutes (1 to 1440), so that somebody can look at the machine.
///
/// # Errors
/// When the database or the queue fails.
pub async fn start_holding(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    new: &NewRun<'_>,
    hold_min: Option<i32>,
    by: impl Into<By<'_>>,
) -> Result<(), Error> {
    start_on(pool, queue, new, Terms { hold_min, ..Terms::default() }, by).await
}

/// Terms of a run beside what it is to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Minutes that teardown waits after a failure, 1 to 1440.
    pub hold_min: Option<i32>,
    /// What it may cost, USD, more than 0.
    pub budget_usd: Option<Decimal>,
    /// Why its GPUs were picked; `None`: they were asked for.
    pub picked: Option<&'a Picked>,
}

/// The same on these terms.
///
/// # Errors
/// When the database or the queue fails.
pub async fn start_on(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    new: &NewRun<'_>,
    terms: Terms<'_>,
    by: impl Into<By<'_>>,
) -> Result<(), Error> {
    start_once(pool, queue, new, terms, None, by).await?;
    Ok(())
}

/// Records a run and wakes its first step, on the caller's transaction.
pub(super) async fn record(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    new: &NewRun<'_>,
    by: By<'_>,
) -> Result<(), Error> {
    runs::insert(conn, new).await?;
    let data = json!({ "workflow": new.definition.name });
    events::append(conn, new.id, "run_created", None, by.actor, data).await?;
    let run = locked(conn, new.id).await?;
    schedule_next(conn, queue, &run, new.definition, -1).await
}

/// Cancels a run: a step that waits (for a worker, a back-off or the end of a pause) ends now, one that runs ends
/// within a heartbeat; either way teardown follows. Returns false when that was asked for already.
///
/// # Errors
/// When the run is over, or the database or the queue fails.
pub async fn cancel(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    id: RunId,
    by: impl Into<By<'_>>,
) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let news = cancel_in(&mut tx, queue, id, by.into()).await?;
    tx.commit().await?;
    Ok(news)
}

/// The same, on the caller's transaction.
pub(super) async fn cancel_in(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    id: RunId,
    by: By<'_>,
) -> Result<bool, Error> {
    let run = locked(conn, id).await?;
    if run.status.is_terminal() {
        return Err(Error::Refused(format!(
            "run {id} is {} already: there is nothing to cancel",
            run.status
        )));
    }
    if run.cancel_requested {
        return Ok(false);
    }
    runs::request_cancel(conn, id).await?;
    events::append(conn, id, "cancel_requested", None, by.actor, json!({})).await?;
    audit::append(conn, by, "run.cancel", &id.to_string(), json!({})).await?;
    let workflow = run.workflow()?;
    match waiting(conn, id).await? {
        // It may wait for the end of a hold.
        Some(step) if is_teardown(&step) => schedule_teardown(conn, queue, &run, &workflow).await?,
        Some(step) => {
            let settled =
                Settled { status: StepStatus::Cancelled, output: None, timings: None, failure: None };
            steps::settle(conn, id, step.step, settled).await?;
            events::append(conn, id, "step_cancelled", Some(&step.name), by.actor, json!({})).await?;
            schedule_teardown(conn, queue, &run, &workflow).await?;
        }
        None => {}
    }
    Ok(true)
}

/// Pauses a run: the step that runs is finished, and no other starts until the run is resumed. Returns false when it was
/// paused already.
///
/// # Errors
/// When the run is over or being cancelled, or the database fails.
pub async fn pause(pool: &PgPool, id: RunId, by: impl Into<By<'_>>) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let news = pause_in(&mut tx, id, by.into()).await?;
    tx.commit().await?;
    Ok(news)
}

/// The same, on the caller's transaction.
pub(super) async fn pause_in(conn: &mut PgConnection, id: RunId, by: By<'_>) -> Result<bool, Error> {
    let run = locked(conn, id).await?;
    if run.status.is_terminal() || run.cancel_requested {
        let state = if run.cancel_requested { "being cancelled".to_owned() } else { run.status.to_string() };
        return Err(Error::Refused(format!("run {id} is {state}: there is nothing to pause")));
    }
    if run.paused {
        return Ok(false);
    }
    runs::set_paused(conn, id, true).await?;
    events::append(conn, id, "run_paused", None, by.actor, json!({})).await?;
    audit::append(conn, by, "run.pause", &id.to_string(), json!({})).await?;
    Ok(true)
}

/// Lets a paused run go on. Returns false when it was not paused.
///
/// # Errors
/// When there is no such run, or the database or the queue fails.
pub async fn resume(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    id: RunId,
    by: impl Into<By<'_>>,
) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let news = resume_in(&mut tx, queue, id, by.into()).await?;
    tx.commit().await?;
    Ok(news)
}

/// The same, on the caller's transaction.
pub(super) async fn resume_in(
    conn: &mut PgConnection,
    queue: &dyn TokenQueue,
    id: RunId,
    by: By<'_>,
) -> Result<bool, Error> {
    let run = locked(conn, id).await?;
    if !run.paused {
        return Ok(false);
    }
    runs::set_paused(conn, id, false).await?;
    events::append(conn, id, "run_resumed", None, by.actor, json!({})).await?;
    audit::append(conn, by, "run.resume", &id.to_string(), json!({})).await?;
    // The token of the step that waits was spent while the run was paused.
    let workflow = run.workflow()?;
    if let Some(step) = waiting(conn, id).await?
        && let Some((_, kind)) = indexed(&workflow).find(|(index, _)| *index == step.step)
    {
        schedule(conn, queue, &run, step.step, kind, 0.0).await?;
    }
    Ok(true)
}

/// Gives a run a priority, 0 to 9. The step that waits is put into the queue again under it. Returns false when it had
/// it already.
///
/// # Errors
/// When the number is out of range, the run is over, or the database or the queue fails.
pub async fn prioritise(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    id: RunId,
    priority: i32,
    by: impl Into<By<'_>>,
) -> Result<bool, Error> {
    let by = by.into();
    if !(0..=9).contains(&priority) {
        return Err(Error::Refused(format!("a priority is from 0 to 9, and not {priority}")));
    }
    let mut tx = pool.begin().await?;
    let run = locked(&mut tx, id).await?;
    if run.status.is_terminal() {
        return Err(Error::Refused(format!("run {id} is {}: nothing of it waits", run.status)));
    }
    if run.priority == priority {
        return Ok(false);
    }
    steering::set_priority(&mut tx, id, priority).await?;
    let data = json!({ "from": run.priority, "to": priority });
    events::append(&mut tx, id, "priority_changed", None, by.actor, data.clone()).await?;
    audit::append(&mut tx, by, "run.priority", &id.to_string(), data).await?;
    // Teardown has its own priority, and a paused step waits for no token.
    if let Some(step) = waiting(&mut tx, id).await?.filter(|step| !is_teardown(step) && !run.paused) {
        let token = StepToken::new(id, step.step);
        steps::replace_token(&mut tx, id, step.step, &token.key).await?;
        let run_at = steering::due_at(&mut tx, id, step.step).await?;
        queue.push(&mut tx, &token, Delivery { queue: &run.queue, priority, run_at }).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Says what a run may cost, USD, over all its generations; `None`: what the settings say. A run that was stopped for its
/// cap goes on with a retry. Returns false when it was so already.
///
/// # Errors
/// When the amount isn't more than 0, there is no such run, or the database fails.
pub async fn set_budget(
    pool: &PgPool,
    id: RunId,
    usd: Option<Decimal>,
    by: impl Into<By<'_>>,
) -> Result<bool, Error> {
    let by = by.into();
    if usd.is_some_and(|usd| usd <= Decimal::ZERO) {
        return Err(Error::Refused("a budget is more than 0 USD; to end a run, cancel it".to_owned()));
    }
    let mut tx = pool.begin().await?;
    locked(&mut tx, id).await?;
    let before = budgets::of_run(&mut tx, id).await?;
    if before == usd {
        return Ok(false);
    }
    budgets::set(&mut tx, id, usd).await?;
    let data = json!({ "from_usd": before, "to_usd": usd });
    events::append(&mut tx, id, "budget_changed", None, by.actor, data.clone()).await?;
    audit::append(&mut tx, by, "run.budget", &id.to_string(), data).await?;
    tx.commit().await?;
    Ok(true)
}

/// The step that waits for its token, locked.
async fn waiting(conn: &mut PgConnection, id: RunId) -> Result<Option<Step>, Error> {
    let Some(current) = steps::current(conn, id).await? else { return Ok(None) };
    Ok(steps::lock(conn, id, current).await?.filter(|step| step.status == StepStatus::Scheduled))
}

fn is_teardown(step: &Step) -> bool {
    step.name == StepKind::Teardown.to_string()
}

pub(super) async fn locked(conn: &mut PgConnection, id: RunId) -> Result<Run, Error> {
    runs::lock(conn, id).await?.ok_or(Error::NoRun(id))
}
