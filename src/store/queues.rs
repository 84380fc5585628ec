//! Queues as operators see them: how much waits in each, since when, and whether it is paused (`queue_controls`).
//!
//! Depths come from the ledger and not from the tokens: a step of a paused queue has spent its token and still waits.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use super::Error;

/// A queue and what waits in it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Queue {
    /// `steps`, or `steps@<host>` for runs on a host's own hardware.
    pub name: String,
    /// Whether no step of it is taken up, but teardowns.
    pub paused: bool,
    /// Since when.
    pub paused_at: Option<DateTime<Utc>>,
    /// By whom.
    pub paused_by: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Steps that could be worked now, and nobody works.
    pub queued: i64,
    /// Steps whose time has not come: in back-off, or held.
    pub scheduled: i64,
    /// Steps that wait for the end of a pause, of their run or of the queue.
    pub held: i64,
    /// Steps that a worker works.
    pub running: i64,
    /// How long the one that waits longest could have been worked, s.
    pub oldest_queued_s: Option<f64>,
    /// Workers that gave a sign of life lately.
    pub workers: i64,
    /// Machines that its runs hold at a provider that takes money.
    pub rented: i64,
}

/// Every queue that is paused, has a worker that ever worked it, or has live runs; and `steps`. By name.
///
/// `silent_s`: seconds after which a worker without a sign of life doesn't count.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, silent_s: f64) -> Result<Vec<Queue>, Error> {
    Ok(sqlx::query_as!(
        Queue,
        r#"with waiting as (
             select r.queue, s.status, s.run_after, s.scheduled_at,
                    s.status = 'scheduled' and s.name <> 'teardown' and not r.cancel_requested
                      and (r.paused or c.queue is not null) as held
             from step_runs s
             join workflow_runs r on r.id = s.run_id
             left join queue_controls c on c.queue = r.queue
             where s.status in ('scheduled', 'running') and r.status in ('pending', 'running')),
           depth as (
             select queue,
                    count(*) filter (where status = 'running') as running,
                    count(*) filter (where status = 'scheduled' and not held and run_after <= now()) as queued,
                    count(*) filter (where status = 'scheduled' and not held and run_after > now()) as scheduled,
                    count(*) filter (where held) as held,
                    min(greatest(run_after, scheduled_at))
                      filter (where status = 'scheduled' and not held and run_after <= now()) as oldest
             from waiting group by queue),
           alive as (
             select worker_type as queue,
                    count(*) filter (where last_seen > now() - make_interval(secs => $1)) as workers
             from apalis.workers group by worker_type),
           rented as (
             select r.queue, count(*) as pods
             from pods p join workflow_runs r on r.id = p.run_id
             where p.state <> 'gone' and p.provider = 'runpod' group by r.queue),
           names as (
             select 'steps' as name union select queue from queue_controls union select queue from depth
             union select queue from alive)
           select n.name as "name!", c.queue is not null as "paused!", c.paused_at as "paused_at?",
                  c.paused_by as "paused_by?", c.reason, coalesce(d.queued, 0) as "queued!",
                  coalesce(d.scheduled, 0) as "scheduled!", coalesce(d.held, 0) as "held!",
                  coalesce(d.running, 0) as "running!",
                  extract(epoch from now() - d.oldest)::float8 as oldest_queued_s,
                  coalesce(a.workers, 0) as "workers!", coalesce(p.pods, 0) as "rented!"
           from names n
           left join queue_controls c on c.queue = n.name
           left join depth d on d.queue = n.name
           left join alive a on a.queue = n.name
           left join rented p on p.queue = n.name
           order by n.name"#,
        silent_s
    )
    .fetch_all(conn)
    .await?)
}

/// Whether a queue is paused.
///
/// # Errors
/// When the database fails.
pub async fn is_paused(conn: &mut PgConnection, queue: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from queue_controls where queue = $1) as "paused!""#,
        queue
    )
    .fetch_one(conn)
    .await?)
}

/// Pauses a queue. Returns false when it was already.
///
/// # Errors
/// When the database fails.
pub async fn pause(
    conn: &mut PgConnection,
    queue: &str,
    by: &str,
    reason: Option<&str>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into queue_controls (queue, paused_by, reason) values ($1, $2, $3) on conflict do nothing",
        queue,
        by,
        reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a queue's pause. Returns false when there was none.
///
/// # Errors
/// When the database fails.
pub async fn resume(conn: &mut PgConnection, queue: &str) -> Result<bool, Error> {
    let done = sqlx::query!("delete from queue_controls where queue = $1", queue).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}
