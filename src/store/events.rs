//! `run_events`: what happened to a run, in order, with who did it. For people, the CLI's follow and audits.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::Error;
use crate::domain::ids::RunId;

/// Something that happened to a run.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Ascends; a reader asks for what came after the last it saw.
    pub id: i64,
    /// When.
    pub ts: DateTime<Utc>,
    /// What, e.g. `run_created`, `step_started`, `step_done`, `step_retry`, `engine_lost`, `run_finished`.
    pub kind: String,
    /// The step it is about.
    pub step: Option<String>,
    /// Who: `worker:<name>`, `cli:<user>`, `sweeper`.
    pub actor: String,
    /// Anything more.
    pub data: Value,
}

/// Appends an event.
///
/// # Errors
/// When the database fails.
pub async fn append(
    conn: &mut PgConnection,
    run: RunId,
    kind: &str,
    step: Option<&str>,
    actor: &str,
    data: Value,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into run_events (run_id, kind, step, actor, data) values ($1, $2, $3, $4, $5)",
        run.as_uuid(),
        kind,
        step,
        actor,
        data
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Events of a run after the one with id `after` (0: from the first), oldest first, at most 1000.
///
/// # Errors
/// When the database fails.
pub async fn after(conn: &mut PgConnection, run: RunId, after: i64) -> Result<Vec<Event>, Error> {
    Ok(sqlx::query_as!(
        Event,
        "select id, ts, kind, step, actor, data from run_events where run_id = $1 and id > $2 order by id limit 1000",
        run.as_uuid(),
        after
    )
    .fetch_all(conn)
    .await?)
}
