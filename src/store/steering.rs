//! What steering runs reads and writes beside their states: filters, priorities, holds, superseded results.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;
use crate::domain::{ids::RunId, kinds::EngineKind, run::RunStatus};

/// Which runs are meant. What isn't given doesn't matter; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// In this state.
    pub status: Option<RunStatus>,
    /// On this engine.
    pub engine: Option<EngineKind>,
    /// Of this model, by the engine's id.
    pub model: Option<String>,
    /// On this GPU.
    pub gpu_id: Option<String>,
    /// Made at this time or later.
    pub created_since: Option<DateTime<Utc>>,
}

impl RunFilter {
    /// Whether it would let every run pass.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.status.is_none()
            && self.engine.is_none()
            && self.model.is_none()
            && self.gpu_id.is_none()
            && self.created_since.is_none()
    }
}

/// Ids of the runs that are meant, oldest first, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn matching(conn: &mut PgConnection, filter: &RunFilter, limit: i64) -> Result<Vec<RunId>, Error> {
    let ids = sqlx::query_scalar!(
        "select id from workflow_runs
         where ($1::text is null or status = $1) and ($2::text is null or engine = $2)
           and ($3::text is null or model = $3) and ($4::text is null or gpu_id = $4)
           and ($5::timestamptz is null or created_at >= $5)
         order by created_at, id limit $6",
        filter.status.map(RunStatus::as_str),
        filter.engine.map(EngineKind::as_str),
        filter.model.as_deref(),
        filter.gpu_id.as_deref(),
        filter.created_since,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(RunId::from_uuid).collect())
}

/// Sets a run's priority, 0 to 9.
///
/// # Errors
/// When the database fails.
pub async fn set_priority(conn: &mut PgConnection, id: RunId, priority: i32) -> Result<(), Error> {
    sqlx::query!("update workflow_runs set priority = $2 where id = $1", id.as_uuid(), priority)
        .execute(conn)
        .await?;
    Ok(())
}

/// When a step that waits is due: whole Unix seconds of the database's clock, rounded up where it is later than now.
///
/// # Errors
/// When the database fails.
pub async fn due_at(conn: &mut PgConnection, run: RunId, step: i32) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select case when run_after > now() then ceil(extract(epoch from run_after))::bigint
                       else floor(extract(epoch from now()))::bigint end as "due!"
           from step_runs where run_id = $1 and step = $2"#,
        run.as_uuid(),
        step
    )
    .fetch_one(conn)
    .await?)
}

/// Sets how many minutes teardown waits after a failure; `None`: it doesn't.
///
/// # Errors
/// When the database fails.
pub async fn set_hold(conn: &mut PgConnection, id: RunId, minutes: Option<i32>) -> Result<(), Error> {
    sqlx::query!("update workflow_runs set hold_on_failure_min = $2 where id = $1", id.as_uuid(), minutes)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many minutes teardown waits after a failure.
///
/// # Errors
/// When the database fails.
pub async fn hold(conn: &mut PgConnection, id: RunId) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar!("select hold_on_failure_min from workflow_runs where id = $1", id.as_uuid())
        .fetch_one(conn)
        .await?)
}

/// Supersedes the live results of these steps. Returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn supersede(conn: &mut PgConnection, run: RunId, steps: &[i32]) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update benchmark_results set superseded_at = now()
         where run_id = $1 and step = any($2) and superseded_at is null",
        run.as_uuid(),
        steps
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
