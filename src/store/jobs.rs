//! Jobs as operators see them: apalis' tokens, newest first, each with the step that it wakes.
//!
//! `apalis.jobs` grows by a row a step, so every look goes through an index and ends at its limit.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use super::{Error, from_json, parse};
use crate::domain::{failure::Failure, ids::RunId, job::JobState, step::StepStatus};

/// What is after every job's id: ids are ULIDs, which begin with 0 to 7.
const PAST_ALL: &str = "ZZZZZZZZZZZZZZZZZZZZZZZZZZ";

/// The step that a job wakes.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Woken {
    /// Its run.
    pub run: RunId,
    /// Its place in the run's definition.
    pub step: i32,
    /// Its name; `None`: the run was taken back to before it, or is gone.
    pub name: Option<String>,
    /// Where it is.
    pub status: Option<StepStatus>,
    /// Whether this job is the one that may wake it. Others of the same step are spent.
    pub current: bool,
    /// Its last failure.
    pub error: Option<Failure>,
}

/// A job.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Job {
    /// Its id, a ULID.
    pub id: String,
    /// Its queue.
    pub queue: String,
    /// Where it is.
    pub state: JobState,
    /// Higher goes first; a teardown has 10.
    pub priority: i32,
    /// Not before this time.
    pub run_at: DateTime<Utc>,
    /// Times it was delivered and could not be worked, as apalis counts.
    pub attempts: i32,
    /// The worker that has it or had it last.
    pub worker: Option<String>,
    /// Since when.
    pub taken_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// What its worker said of it.
    pub outcome: Option<Value>,
    /// The step that it wakes; `None`: its arguments aren't ours.
    pub wakes: Option<Woken>,
}

/// Which jobs are meant.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Of this queue.
    pub queue: Option<String>,
    /// In this state.
    pub state: Option<JobState>,
    /// Older than the job of this id.
    pub before: Option<String>,
}

struct Row {
    id: String,
    queue: String,
    state: String,
    job: Vec<u8>,
    priority: i32,
    run_at: DateTime<Utc>,
    attempts: i32,
    worker: Option<String>,
    taken_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    outcome: Option<Value>,
}

/// Arguments of a job of ours.
#[derive(Deserialize)]
struct Arguments {
    run: RunId,
    step: i32,
}

/// The conditions are written out a query each: only so do the partial indexes serve them, and only so does the planner
/// see that nothing is left to be filtered of the many that are done.
macro_rules! select {
    ($conn:expr, $filter:expr, $before:expr, $limit:expr, $which:literal) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id!", job_type as "queue!", job as "job!", coalesce(priority, 0) as "priority!",
                      run_at as "run_at!", attempts as "attempts!", lock_by as worker, lock_at as taken_at,
                      done_at as finished_at, last_result as outcome, s.state as "state!"
               from apalis.jobs
               cross join lateral (select case
                 when status = 'Done' then 'done'
                 when status in ('Queued', 'Running') then 'running'
                 when status = 'Killed' or (status = 'Failed' and attempts >= max_attempts) then 'failed'
                 when run_at > now() then 'scheduled'
                 else 'queued' end) s (state)
               where id < $2 and "#
                + $which
                + " order by id desc limit $4",
            $filter.queue,
            $before,
            $filter.state.map(JobState::as_str),
            $limit
        )
        .fetch_all($conn)
        .await?
    };
}

/// Jobs, newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, filter: &JobFilter, limit: i64) -> Result<Vec<Job>, Error> {
    let before = filter.before.as_deref().unwrap_or(PAST_ALL);
    let (open, done) = match filter.state {
        None => (true, true),
        Some(state) => (state != JobState::Done, state == JobState::Done),
    };
    let mut rows = Vec::new();
    if open {
        rows = if filter.queue.is_some() {
            select!(
                &mut *conn,
                filter,
                before,
                limit,
                "job_type = $1 and status <> 'Done' and ($3::text is null or s.state = $3)"
            )
        } else {
            select!(
                &mut *conn,
                filter,
                before,
                limit,
                "$1::text is null and status <> 'Done' and ($3::text is null or s.state = $3)"
            )
        };
    }
    if done {
        rows.extend(if filter.queue.is_some() {
            select!(
                &mut *conn,
                filter,
                before,
                limit,
                "job_type = $1 and status = 'Done' and ($3::text is null or $3 = 'done')"
            )
        } else {
            select!(
                &mut *conn,
                filter,
                before,
                limit,
                "$1::text is null and status = 'Done' and ($3::text is null or $3 = 'done')"
            )
        });
    }
    rows.sort_unstable_by(|a, b| b.id.cmp(&a.id));
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    with_steps(conn, rows).await
}

/// A job.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, id: &str) -> Result<Option<Job>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id!", job_type as "queue!", job as "job!", coalesce(priority, 0) as "priority!",
                  run_at as "run_at!", attempts as "attempts!", lock_by as worker, lock_at as taken_at,
                  done_at as finished_at, last_result as outcome,
                  case
                    when status = 'Done' then 'done'
                    when status in ('Queued', 'Running') then 'running'
                    when status = 'Killed' or (status = 'Failed' and attempts >= max_attempts) then 'failed'
                    when run_at > now() then 'scheduled'
                    else 'queued' end as "state!"
           from apalis.jobs where id = $1"#,
        id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(with_steps(conn, vec![row]).await?.pop())
}

/// Deletes a job that is over and that no live step waits for. Returns whether it was.
///
/// # Errors
/// When the database fails.
pub async fn delete_finished(conn: &mut PgConnection, id: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "delete from apalis.jobs j
         where j.id = $1
           and (j.status in ('Done', 'Killed') or (j.status = 'Failed' and j.attempts >= j.max_attempts))
           and not exists (select 1 from step_runs s join workflow_runs r on r.id = s.run_id
                           where s.job_key = j.id and s.status in ('scheduled', 'running')
                             and r.status in ('pending', 'running'))",
        id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn with_steps(conn: &mut PgConnection, rows: Vec<Row>) -> Result<Vec<Job>, Error> {
    let arguments: Vec<Option<Arguments>> =
        rows.iter().map(|row| serde_json::from_slice(&row.job).ok()).collect();
    let (runs, places): (Vec<uuid::Uuid>, Vec<i32>) =
        arguments.iter().flatten().map(|arguments| (arguments.run.as_uuid(), arguments.step)).unzip();
    let steps = sqlx::query!(
        "select s.run_id, s.step, s.name, s.status, s.job_key, s.error
         from step_runs s
         join (select distinct * from unnest($1::uuid[], $2::int[]) as t (run_id, step)) t
           on t.run_id = s.run_id and t.step = s.step",
        &runs,
        &places
    )
    .fetch_all(conn)
    .await?;
    let steps: BTreeMap<_, _> = steps.into_iter().map(|row| ((row.run_id, row.step), row)).collect();
    rows.into_iter()
        .zip(arguments)
        .map(|(row, arguments)| {
            let wakes = match arguments {
                None => None,
                Some(Arguments { run, step }) => {
                    let found = steps.get(&(run.as_uuid(), step));
                    let error = found.and_then(|found| found.error.clone());
                    Some(Woken {
                        run,
                        step,
                        name: found.map(|found| found.name.clone()),
                        status: found.map(|found| parse("step_runs.status", &found.status)).transpose()?,
                        current: found.is_some_and(|found| found.job_key == row.id),
                        error: error.map(|error| from_json("step_runs.error", error)).transpose()?,
                    })
                }
            };
            Ok(Job {
                state: parse("apalis.jobs.status", &row.state)?,
                id: row.id,
                queue: row.queue,
                priority: row.priority,
                run_at: row.run_at,
                attempts: row.attempts,
                worker: row.worker,
                taken_at: row.taken_at,
                finished_at: row.finished_at,
                outcome: row.outcome,
                wakes,
            })
        })
        .collect()
}
