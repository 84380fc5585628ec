//! `chore_reports`: what each chore beside the workers last found, whichever process did it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::Error;

/// The reaper's name here.
pub const REAPER: &str = "reaper";

/// The last word of a chore.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ChoreReport {
    /// When.
    pub at: DateTime<Utc>,
    /// Id of the host it was done on.
    pub host: String,
    /// What was found.
    pub report: Value,
}

/// Records what a chore found, in place of what it found before.
///
/// # Errors
/// When the database fails.
pub async fn record(conn: &mut PgConnection, chore: &str, host: &str, report: Value) -> Result<(), Error> {
    sqlx::query!(
        "insert into chore_reports (chore, host, report) values ($1, $2, $3)
         on conflict (chore) do update set at = now(), host = excluded.host, report = excluded.report",
        chore,
        host,
        report
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a chore last found; `None`: it was never done.
///
/// # Errors
/// When the database fails.
pub async fn last(conn: &mut PgConnection, chore: &str) -> Result<Option<ChoreReport>, Error> {
    Ok(sqlx::query_as!(ChoreReport, "select at, host, report from chore_reports where chore = $1", chore)
        .fetch_optional(conn)
        .await?)
}
