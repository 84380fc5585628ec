//! Dead letters: steps that failed for good. Nobody works them again before somebody asks for it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::{Error, from_json};
use crate::domain::{failure::Failure, ids::RunId};

/// A step that failed for good.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct DeadLetter {
    /// Its run.
    pub run: RunId,
    /// Its place in the run's definition.
    pub step: i32,
    /// Its name.
    pub name: String,
    /// The queue of its run.
    pub queue: String,
    /// The job that woke it last: what `jobs retry` takes.
    pub job: String,
    /// Tries it had.
    pub attempts: i32,
    /// When it gave up.
    pub at: DateTime<Utc>,
    /// Why.
    pub error: Option<Failure>,
}

/// Where a page of dead letters goes on: time, run and step of the last one of the page before.
pub type After = (DateTime<Utc>, RunId, i32);

/// Dead letters, the newest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<DeadLetter>, Error> {
    let (at, run, step) =
        after.map_or((None, None, None), |(at, run, step)| (Some(at), Some(run.as_uuid()), Some(step)));
    let rows = sqlx::query!(
        r#"select s.run_id, s.step, s.name, r.queue, s.job_key, s.attempt, s.finished_at as "at!", s.error
           from step_runs s join workflow_runs r on r.id = s.run_id
           where s.status = 'failed'
             and (s.finished_at, s.run_id, s.step)
               < (coalesce($1, 'infinity'::timestamptz), coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid),
                  coalesce($3::int, 2147483647))
           order by s.finished_at desc, s.run_id desc, s.step desc limit $4"#,
        at,
        run,
        step,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DeadLetter {
                run: RunId::from_uuid(row.run_id),
                step: row.step,
                name: row.name,
                queue: row.queue,
                job: row.job_key,
                attempts: row.attempt,
                at: row.at,
                error: row.error.map(|error| from_json("step_runs.error", error)).transpose()?,
            })
        })
        .collect()
}
