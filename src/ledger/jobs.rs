//! What people ask of single jobs. A job is only the token of a step: retry and cancel move the run, by the rules of the
//! run, and never the token behind its back. What moves a run is audited as such (`run.retry`, `run.cancel`).

use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use super::{
    By, Error,
    advance::{indexed, schedule},
    again,
    operator::{self, locked},
};
use crate::{
    domain::{ids::RunId, job::JobState, step::StepStatus},
    queue::TokenQueue,
    store::{
        audit, events,
        jobs::{self, Job, Woken},
        steps,
    },
};

/// What became of a job that was to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Retried {
    /// Its step waited, and is woken now.
    Woken {
        /// The step's run.
        run: RunId,
        /// The step.
        step: String,
    },
    /// Its run was over, and goes on.
    Reopened {
        /// The run.
        run: RunId,
        /// Its new generation.
        generation: i32,
    },
}

/// Tries a job again: a step that waits (in back-off, or for a token that got lost) is woken now; a run that failed or
/// was cancelled goes on as with [`again::retry`].
///
/// # Errors
/// When there is no such job, a worker has its step, another job wakes it by now, the run is paused or succeeded, or the
/// database or the queue fails.
pub async fn retry(
    pool: &PgPool,
    tokens: &dyn TokenQueue,
    id: &str,
    by: impl Into<By<'_>>,
) -> Result<Retried, Error> {
    let by = by.into();
    let (job, woken) = ours(pool, id).await?;
    let mut tx = pool.begin().await?;
    let run = locked(&mut tx, woken.run).await?;
    if run.status.is_terminal() {
        drop(tx);
        let generation = again::retry(pool, tokens, woken.run, by).await?;
        return Ok(Retried::Reopened { run: woken.run, generation });
    }
    let step = steps::lock(&mut tx, woken.run, woken.step).await?;
    let Some(step) = step.filter(|step| step.job_key == id) else { return Err(spent(&job, &woken)) };
    match step.status {
        StepStatus::Scheduled if run.paused => {
            return Err(Error::Refused(format!("run {} is paused: resume it instead", run.id)));
        }
        StepStatus::Scheduled => {}
        status => {
            return Err(Error::Refused(format!(
                "{} of run {} is {status}: it does not wait",
                step.name, run.id
            )));
        }
    }
    let workflow = run.workflow()?;
    let Some((place, kind)) = indexed(&workflow).find(|(place, _)| *place == step.step) else {
        return Err(Error::Refused(format!("this version doesn't know the step {}", step.name)));
    };
    schedule(&mut tx, tokens, &run, place, kind, 0.0).await?;
    events::append(&mut tx, run.id, "step_woken", Some(&step.name), by.actor, json!({})).await?;
    audit::append(&mut tx, by, "job.retry", id, json!({ "run": run.id, "step": step.name })).await?;
    tx.commit().await?;
    Ok(Retried::Woken { run: run.id, step: step.name })
}

/// Cancels the run whose step a job wakes. Returns the run, and whether that was news.
///
/// # Errors
/// When there is no such job, it wakes nothing any more, the run is over, or the database or the queue fails.
pub async fn cancel(
    pool: &PgPool,
    tokens: &dyn TokenQueue,
    id: &str,
    by: impl Into<By<'_>>,
) -> Result<(RunId, bool), Error> {
    let (job, woken) = ours(pool, id).await?;
    if !woken.current || !matches!(woken.status, Some(StepStatus::Scheduled | StepStatus::Running)) {
        return Err(spent(&job, &woken));
    }
    let news = operator::cancel(pool, tokens, woken.run, by).await?;
    Ok((woken.run, news))
}

/// Deletes a job that is over: a row of the queue's past, nothing of a run.
///
/// # Errors
/// When there is no such job, it isn't over, a live step waits for it, or the database fails.
pub async fn delete(pool: &PgPool, id: &str, by: impl Into<By<'_>>) -> Result<(), Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    let Some(job) = jobs::get(&mut tx, id).await? else { return Err(unknown(id)) };
    if !jobs::delete_finished(&mut tx, id).await? {
        let why = if matches!(job.state, JobState::Done | JobState::Failed) {
            "a step of a live run is still tied to it"
        } else {
            "only jobs that are over can be deleted; `cancel` ends its run"
        };
        return Err(Error::Refused(format!("job {id} is {}: {why}", job.state)));
    }
    audit::append(&mut tx, by, "job.delete", id, json!({ "queue": job.queue, "wakes": job.wakes })).await?;
    tx.commit().await?;
    Ok(())
}

async fn ours(pool: &PgPool, id: &str) -> Result<(Job, Woken), Error> {
    let Some(job) = jobs::get(&mut *pool.acquire().await?, id).await? else { return Err(unknown(id)) };
    match job.wakes.clone() {
        Some(woken) => Ok((job, woken)),
        None => Err(Error::Refused(format!("job {id} wakes no step of ours"))),
    }
}

fn unknown(id: &str) -> Error {
    Error::Unknown(format!("there is no job `{id}`: `dria-bench jobs list` shows those that there are"))
}

fn spent(job: &Job, woken: &Woken) -> Error {
    Error::Refused(format!(
        "job {} is spent: it wakes nothing any more. Its run is {run}: `dria-bench runs show {run}`",
        job.id,
        run = woken.run
    ))
}
