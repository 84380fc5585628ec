//! `step_runs`: where each step of a run is, who holds it, and until when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::{Error, from_json, parse, to_json};
use crate::domain::{
    failure::Failure,
    ids::RunId,
    step::{StepKind, StepStatus},
};

/// A step of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Its place in the run's definition.
    pub step: i32,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub status: StepStatus,
    /// Tries that ended in an error, and the one under way.
    pub attempt: i32,
    /// Workers lost in the middle of it.
    pub losses: i32,
    /// The fence of its last holder.
    pub fence: i64,
    /// The token that may wake it.
    #[serde(skip)]
    pub job_key: String,
    /// Its last holder.
    pub worker: Option<String>,
    /// Its holder's last sign of life.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// Seconds until its lease runs out (0 or negative: it has); `None`: nobody holds it. A lease whose holder's last sign
    /// of life is yet to come says nothing: the server's clock was put back, and a living holder will give another.
    #[serde(skip)]
    pub lease_left_s: Option<f64>,
    /// Not before this time.
    pub run_after: DateTime<Utc>,
    /// How far it is.
    pub progress: Option<Value>,
    /// What it produced.
    pub output: Option<Value>,
    /// Its last failure.
    pub error: Option<Failure>,
    /// Seconds its parts took.
    pub timings: Option<Value>,
    /// When its token was issued.
    pub scheduled_at: DateTime<Utc>,
    /// When its first try started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it settled.
    pub finished_at: Option<DateTime<Utc>>,
}

struct Row {
    step: i32,
    name: String,
    status: String,
    attempt: i32,
    losses: i32,
    fence: i64,
    job_key: String,
    worker: Option<String>,
    heartbeat_at: Option<DateTime<Utc>>,
    lease_left_s: Option<f64>,
    run_after: DateTime<Utc>,
    progress: Option<Value>,
    output: Option<Value>,
    error: Option<Value>,
    timings: Option<Value>,
    scheduled_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Step {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            step: row.step,
            name: row.name,
            status: parse("step_runs.status", &row.status)?,
            attempt: row.attempt,
            losses: row.losses,
            fence: row.fence,
            job_key: row.job_key,
            worker: row.worker,
            heartbeat_at: row.heartbeat_at,
            lease_left_s: row.lease_left_s,
            run_after: row.run_after,
            progress: row.progress,
            output: row.output,
            error: row.error.map(|error| from_json("step_runs.error", error)).transpose()?,
            timings: row.timings,
            scheduled_at: row.scheduled_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

/// Every step of a run that has been scheduled, in order.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, run: RunId) -> Result<Vec<Step>, Error> {
    sqlx::query_as!(
        Row,
        r#"select step, name, status, attempt, losses, fence, job_key, worker, heartbeat_at,
                  case when heartbeat_at > now() + interval '1 minute' then 0
                       else extract(epoch from lease_until - now())::float8 end as lease_left_s,
                  run_after, progress, output, error, timings, scheduled_at, started_at, finished_at
           from step_runs where run_id = $1 order by step"#,
        run.as_uuid()
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(Step::try_from)
    .collect()
}

/// A step, locked until the transaction ends. Its run is locked first.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, run: RunId, step: i32) -> Result<Option<Step>, Error> {
    sqlx::query_as!(
        Row,
        r#"select step, name, status, attempt, losses, fence, job_key, worker, heartbeat_at,
                  case when heartbeat_at > now() + interval '1 minute' then 0
                       else extract(epoch from lease_until - now())::float8 end as lease_left_s,
                  run_after, progress, output, error, timings, scheduled_at, started_at, finished_at
           from step_runs where run_id = $1 and step = $2 for update"#,
        run.as_uuid(),
        step
    )
    .fetch_optional(conn)
    .await?
    .map(Step::try_from)
    .transpose()
}

/// Makes a step ready to be taken after `delay_s`, woken by the token `job_key`. Its attempts and losses stay.
/// Returns when that is, in whole Unix seconds of the database's clock, rounded up.
///
/// # Errors
/// When the database fails.
pub async fn schedule(
    conn: &mut PgConnection,
    run: RunId,
    step: i32,
    kind: StepKind,
    job_key: &str,
    delay_s: f64,
) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"insert into step_runs (run_id, step, name, job_key, run_after)
           values ($1, $2, $3, $4, now() + make_interval(secs => $5))
           on conflict (run_id, step) do update
             set status = 'scheduled', job_key = excluded.job_key, run_after = excluded.run_after, scheduled_at = now(),
                 lease_until = null, progress = null, finished_at = null
           returning case when $5 > 0 then ceil(extract(epoch from run_after))::bigint
                          else floor(extract(epoch from now()))::bigint end as "run_at!""#,
        run.as_uuid(),
        step,
        kind.to_string(),
        job_key,
        delay_s
    )
    .fetch_one(conn)
    .await?)
}

/// Gives a step that stays as it is a new token.
///
/// # Errors
/// When the database fails.
pub async fn replace_token(
    conn: &mut PgConnection,
    run: RunId,
    step: i32,
    job_key: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "update step_runs set job_key = $3, scheduled_at = least(scheduled_at, now()) where run_id = $1 and step = $2",
        run.as_uuid(),
        step,
        job_key
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who takes a step, and with what spent of its budgets.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The worker.
    pub worker: &'a str,
    /// Seconds the lease lasts.
    pub lease_s: f64,
    /// Tries, this one included.
    pub attempt: i32,
    /// Workers lost so far.
    pub losses: i32,
}

/// Takes a step: it runs under a new, higher fence. Returns the fence.
///
/// # Errors
/// When the database fails.
pub async fn claim(conn: &mut PgConnection, run: RunId, step: i32, claim: Claim<'_>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "update step_runs
         set status = 'running', fence = nextval('step_fence'), worker = $3, attempt = $4, losses = $5,
             heartbeat_at = now(), lease_until = now() + make_interval(secs => $6),
             started_at = coalesce(started_at, now())
         where run_id = $1 and step = $2 returning fence",
        run.as_uuid(),
        step,
        claim.worker,
        claim.attempt,
        claim.losses,
        claim.lease_s
    )
    .fetch_one(conn)
    .await?)
}

/// What a heartbeat found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// The lease is extended.
    Held,
    /// The lease is extended, and the run is to be cancelled.
    CancelRequested,
    /// Somebody else holds the step, or it is settled: drop the work.
    Lost,
}

/// Extends the lease of the holder of `fence`, and records how far it is.
///
/// # Errors
/// When the database fails.
pub async fn beat(
    conn: &mut PgConnection,
    run: RunId,
    step: i32,
    fence: i64,
    lease_s: f64,
    progress: Option<Value>,
) -> Result<Beat, Error> {
    let cancel = sqlx::query_scalar!(
        "update step_runs s
         set heartbeat_at = now(), lease_until = now() + make_interval(secs => $4), progress = coalesce($5, s.progress)
         from workflow_runs r
         where r.id = s.run_id and s.run_id = $1 and s.step = $2 and s.fence = $3 and s.status = 'running'
         returning r.cancel_requested",
        run.as_uuid(),
        step,
        fence,
        lease_s,
        progress
    )
    .fetch_optional(conn)
    .await?;
    Ok(match cancel {
        Some(false) => Beat::Held,
        Some(true) => Beat::CancelRequested,
        None => Beat::Lost,
    })
}

/// A step's settled state.
#[derive(Debug)]
pub struct Settled<'a> {
    /// `Done`, `Failed`, `Cancelled` or `Skipped`.
    pub status: StepStatus,
    /// What it produced.
    pub output: Option<&'a Value>,
    /// Seconds its parts took.
    pub timings: Option<&'a Value>,
    /// Why it failed.
    pub failure: Option<&'a Failure>,
}

/// Settles a step.
///
/// # Errors
/// When the database fails.
pub async fn settle(
    conn: &mut PgConnection,
    run: RunId,
    step: i32,
    settled: Settled<'_>,
) -> Result<(), Error> {
    let error = settled.failure.map(|failure| to_json("step_runs.error", failure)).transpose()?;
    sqlx::query!(
        "update step_runs
         set status = $3, output = $4, timings = $5, error = $6, lease_until = null, finished_at = clock_timestamp()
         where run_id = $1 and step = $2",
        run.as_uuid(),
        step,
        settled.status.as_str(),
        settled.output,
        settled.timings,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records a step's failure, and how many tries its budget has spent, without settling it.
///
/// # Errors
/// When the database fails.
pub async fn note_failure(
    conn: &mut PgConnection,
    run: RunId,
    step: i32,
    attempt: i32,
    failure: Option<&Failure>,
) -> Result<(), Error> {
    let error = failure.map(|failure| to_json("step_runs.error", failure)).transpose()?;
    sqlx::query!(
        "update step_runs set error = $4, attempt = $3 where run_id = $1 and step = $2",
        run.as_uuid(),
        step,
        attempt,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts a step that nobody works back to waiting, keeping its token's key: a pause found it with its lease run out.
///
/// # Errors
/// When the database fails.
pub async fn park(conn: &mut PgConnection, run: RunId, step: i32) -> Result<(), Error> {
    sqlx::query!(
        "update step_runs set status = 'scheduled', lease_until = null where run_id = $1 and step = $2",
        run.as_uuid(),
        step
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets steps so that they run again. Their tries and events stay; fences never come back.
///
/// # Errors
/// When the database fails.
pub async fn forget(conn: &mut PgConnection, run: RunId, steps: &[i32]) -> Result<(), Error> {
    sqlx::query!("delete from step_runs where run_id = $1 and step = any($2)", run.as_uuid(), steps)
        .execute(conn)
        .await?;
    Ok(())
}

/// Places of the steps that are done.
///
/// # Errors
/// When the database fails.
pub async fn done(conn: &mut PgConnection, run: RunId) -> Result<Vec<i32>, Error> {
    Ok(sqlx::query_scalar!("select step from step_runs where run_id = $1 and status = 'done'", run.as_uuid())
        .fetch_all(conn)
        .await?)
}

/// The step that is scheduled or running, if any: a live run has exactly one.
///
/// # Errors
/// When the database fails.
pub async fn current(conn: &mut PgConnection, run: RunId) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar!(
        "select step from step_runs where run_id = $1 and status in ('scheduled', 'running') order by step limit 1",
        run.as_uuid()
    )
    .fetch_optional(conn)
    .await?)
}

/// What the done steps of a run produced, by step name.
///
/// # Errors
/// When the database fails.
pub async fn outputs(conn: &mut PgConnection, run: RunId) -> Result<BTreeMap<String, Value>, Error> {
    let rows = sqlx::query!(
        r#"select name, output as "output!" from step_runs
           where run_id = $1 and status = 'done' and output is not null"#,
        run.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.output)).collect())
}

/// The database's Unix time `seconds` from now, in whole seconds, rounded up.
///
/// # Errors
/// When the database fails.
pub async fn unix_time_in(conn: &mut PgConnection, seconds: f64) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select ceil(extract(epoch from now()) + $1::float8)::bigint as "at!""#,
        seconds
    )
    .fetch_one(conn)
    .await?)
}

/// How long ago a step was scheduled, s by the database's clock.
///
/// # Errors
/// When the database fails.
pub async fn waited_s(conn: &mut PgConnection, run: RunId, step: i32) -> Result<f64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select extract(epoch from now() - scheduled_at)::float8 as "waited!"
           from step_runs where run_id = $1 and step = $2"#,
        run.as_uuid(),
        step
    )
    .fetch_one(conn)
    .await?)
}
