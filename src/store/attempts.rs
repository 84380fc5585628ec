//! `step_attempts`: one row a try of a step, append-only but for its end.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{Error, to_json};
use crate::domain::{failure::Failure, ids::RunId};

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Its output is committed.
    Done,
    /// It reported an error.
    Error,
    /// It took longer than the step's time-out.
    Timeout,
    /// Its worker was lost: the lease ran out.
    Lost,
    /// The run was cancelled in the middle of it.
    Cancelled,
    /// Its worker was told to stop; another try does not count against the budget.
    Drained,
    /// The engine was gone.
    EngineLost,
}

impl AttemptOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
            Self::Drained => "drained",
            Self::EngineLost => "engine_lost",
        }
    }
}

/// A try, as shown to people.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Attempt {
    /// The step's name.
    pub name: String,
    /// Generation of the run.
    pub generation: i32,
    /// Number of the try within the error budget.
    pub attempt: i32,
    /// Fence it held.
    pub fence: i64,
    /// Worker that held it.
    pub worker: String,
    /// Start.
    pub started_at: DateTime<Utc>,
    /// End; `None` while it runs.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Its failure.
    pub error: Option<Value>,
}

/// The place a try has: which step of which run, and under which fence.
#[derive(Debug, Clone, Copy)]
pub struct AttemptKey {
    /// The run.
    pub run: RunId,
    /// The step's place in the run's definition.
    pub step: i32,
    /// The fence.
    pub fence: i64,
}

/// Records that a try starts.
///
/// # Errors
/// When the database fails.
pub async fn start(
    conn: &mut PgConnection,
    key: AttemptKey,
    name: &str,
    generation: i32,
    attempt: i32,
    worker: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into step_attempts (run_id, step, name, generation, attempt, fence, worker)
         values ($1, $2, $3, $4, $5, $6, $7)",
        key.run.as_uuid(),
        key.step,
        name,
        generation,
        attempt,
        key.fence,
        worker
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records how a try ended. A try that has ended already stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn finish(
    conn: &mut PgConnection,
    key: AttemptKey,
    outcome: AttemptOutcome,
    failure: Option<&Failure>,
) -> Result<(), Error> {
    let error = failure.map(|failure| to_json("step_attempts.error", failure)).transpose()?;
    sqlx::query!(
        "update step_attempts set finished_at = clock_timestamp(), outcome = $3, error = $4
         where run_id = $1 and fence = $2 and outcome is null",
        key.run.as_uuid(),
        key.fence,
        outcome.as_str(),
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Every try of a run, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, run: RunId) -> Result<Vec<Attempt>, Error> {
    Ok(sqlx::query_as!(
        Attempt,
        "select name, generation, attempt, fence, worker, started_at, finished_at, outcome, error
         from step_attempts where run_id = $1 order by fence",
        run.as_uuid()
    )
    .fetch_all(conn)
    .await?)
}

/// How many tries a step has had.
///
/// # Errors
/// When the database fails.
pub async fn count(conn: &mut PgConnection, run: RunId, step: i32) -> Result<u32, Error> {
    let tries = sqlx::query_scalar!(
        r#"select count(*) as "n!" from step_attempts where run_id = $1 and step = $2"#,
        run.as_uuid(),
        step
    )
    .fetch_one(conn)
    .await?;
    Ok(u32::try_from(tries).unwrap_or(u32::MAX))
}
