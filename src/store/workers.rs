//! `apalis.workers`: who works which queue, when each was last heard of, and what it works on.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::Error;
use crate::domain::ids::RunId;

/// A step in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Held {
    /// Its run.
    pub run: RunId,
    /// Its name.
    pub step: String,
}

/// A worker: one a queue and start of a process.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Worker {
    /// Its name: host, process and start are in it.
    pub name: String,
    /// The queue it works.
    pub queue: String,
    /// Id of its host, as in `steps@<host>`.
    pub host: String,
    /// Whether it gave a sign of life lately.
    pub alive: bool,
    /// Its last sign of life; `None`: it ended, or was found dead.
    pub last_seen: Option<DateTime<Utc>>,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
    /// What it works on.
    pub works: Vec<Held>,
}

/// Workers, the last seen first, at most `limit`. `alive_only`: only those that gave a sign of life within `silent_s`
/// seconds.
///
/// # Errors
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    silent_s: f64,
    alive_only: bool,
    limit: i64,
) -> Result<Vec<Worker>, Error> {
    let rows = sqlx::query!(
        r#"select id, worker_type, started_at, last_seen > now() - make_interval(secs => $1) as "alive!",
                  case when last_seen > 'epoch' then last_seen end as last_seen
           from apalis.workers
           where last_seen > case when $2 then now() - make_interval(secs => $1) else '-infinity' end
           order by workers.last_seen desc, id limit $3"#,
        silent_s,
        alive_only,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let names: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let held = sqlx::query!(
        r#"select worker as "worker!", run_id, name from step_runs
           where status in ('scheduled', 'running') and status = 'running' and worker = any($1)
           order by run_id, step"#,
        &names
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Worker {
            works: held
                .iter()
                .filter(|held| held.worker == row.id)
                .map(|held| Held { run: RunId::from_uuid(held.run_id), step: held.name.clone() })
                .collect(),
            host: row.id.split('-').next().unwrap_or_default().to_owned(),
            name: row.id,
            queue: row.worker_type,
            alive: row.alive,
            last_seen: row.last_seen,
            started_at: row.started_at,
        })
        .collect())
}

/// Queues for which a worker whose name starts with `prefix` gave a sign of life within `silent_s` seconds.
///
/// # Errors
/// When the database fails.
pub async fn beating(conn: &mut PgConnection, prefix: &str, silent_s: f64) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select distinct worker_type from apalis.workers
         where starts_with(id, $1) and last_seen > now() - make_interval(secs => $2)",
        prefix,
        silent_s
    )
    .fetch_all(conn)
    .await?)
}
