//! What the store reads of apalis' own tables: whether a step's token is alive, and which workers are.

use sqlx::PgConnection;

use super::{Error, parse};
use crate::domain::{ids::RunId, step::StepKind};

/// Steps that [`stranded`] returns at most.
pub const MOST_STRANDED: usize = 500;

/// A live step that nothing would ever wake.
#[derive(Debug, Clone)]
pub struct Stranded {
    /// Its run.
    pub run: RunId,
    /// Its place.
    pub step: i32,
    /// What it is.
    pub kind: StepKind,
    /// Queue of its run.
    pub queue: String,
    /// Priority of its run.
    pub priority: i32,
}

/// Locks and returns steps of live runs whose token got lost: nobody holds a lease on them, and the job they wait for
/// is missing, finished, killed, or held by a worker silent for more than `silent_s`; or its lease ran out so long ago
/// that its worker, though alive, must have forgotten it. At most 500 at a time.
///
/// All times are the server's. Where its clock was put back, tokens and leases of before lie in its future: they are
/// as good as lost.
///
/// # Errors
/// When the database fails.
pub async fn stranded(conn: &mut PgConnection, silent_s: f64) -> Result<Vec<Stranded>, Error> {
    let rows = sqlx::query!(
        "select s.run_id, s.step, s.name, r.queue, r.priority
         from step_runs s join workflow_runs r on r.id = s.run_id
         where s.status in ('scheduled', 'running') and r.status in ('pending', 'running')
           and (s.name = 'teardown' or r.cancel_requested
                or not r.paused and not exists (select 1 from queue_controls c where c.queue = r.queue))
           and (s.lease_until is null or s.lease_until < now() or s.heartbeat_at > now() + interval '1 minute')
           and (s.lease_until < now() - make_interval(secs => 3.0 * $1::float8)
                or s.scheduled_at > now() + interval '1 minute'
                or not exists (
             select 1 from apalis.jobs j left join apalis.workers w on w.id = j.lock_by
             where j.id = s.job_key
               and (j.status = 'Pending'
                    or (j.status in ('Queued', 'Running') and w.last_seen > now() - make_interval(secs => $1))
                    or (j.status = 'Failed' and j.attempts < j.max_attempts))))
         order by s.run_id limit 500
         for no key update of r skip locked",
        silent_s
    )
    .fetch_all(conn)
    .await?;
    // A step this version doesn't know is left for one that does.
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let kind = parse("step_runs.name", &row.name).ok()?;
            Some(Stranded {
                run: RunId::from_uuid(row.run_id),
                step: row.step,
                kind,
                queue: row.queue,
                priority: row.priority,
            })
        })
        .collect())
}

/// Whether some worker of `queue` gave a sign of life within `silent_s` seconds.
///
/// # Errors
/// When the database fails.
pub async fn has_live_worker(conn: &mut PgConnection, queue: &str, silent_s: f64) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from apalis.workers
                          where worker_type = $1 and last_seen > now() - make_interval(secs => $2)) as "live!""#,
        queue,
        silent_s
    )
    .fetch_one(conn)
    .await?)
}

/// How many live runs (pending or running, not paused) `queue` has.
///
/// # Errors
/// When the database fails.
pub async fn live_runs(conn: &mut PgConnection, queue: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "n!" from workflow_runs
           where queue = $1 and status in ('pending', 'running') and (not paused or cancel_requested)"#,
        queue
    )
    .fetch_one(conn)
    .await?)
}

/// Names of workers that start with `prefix` and weren't buried.
///
/// # Errors
/// When the database fails.
pub async fn workers_with_prefix(conn: &mut PgConnection, prefix: &str) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select id from apalis.workers where starts_with(id, $1) and last_seen > 'epoch'",
        prefix
    )
    .fetch_all(conn)
    .await?)
}

/// Records that a worker is no more, so that nobody counts on it until its silence is noticed. The leases it holds end now,
/// and the sweeper re-issues their tokens.
///
/// # Errors
/// When the database fails.
pub async fn bury_worker(conn: &mut PgConnection, worker: &str) -> Result<(), Error> {
    sqlx::query!(
        "with buried as (update apalis.workers set last_seen = 'epoch' where id = $1)
         update step_runs set lease_until = now() where worker = $1 and status = 'running'",
        worker
    )
    .execute(conn)
    .await?;
    Ok(())
}
