//! Deleting what nobody needs any more, a batch at a time: tokens that were worked, the workers that took them, and old
//! ticks. Runs, results and what happened to them are never deleted here.

use sqlx::PgConnection;

use super::Error;

/// Deletes at most `limit` tokens that were worked or killed more than `days` days ago, with ids after `after`, in the order
/// of their ids. Those of a run that goes on stay, and so do those that failed for good: somebody wants to see them.
/// Returns how many were deleted and the last id looked at; `None`: there is no more.
///
/// # Errors
/// When the database fails.
pub async fn delete_tokens(
    conn: &mut PgConnection,
    days: i32,
    after: &str,
    limit: i64,
) -> Result<(u64, Option<String>), Error> {
    let row = sqlx::query!(
        r#"with batch as (
             select id from apalis.jobs
             where id > $2 and status in ('Done', 'Killed') and done_at < now() - make_interval(days => $1)
             order by id limit $3),
         gone as (
             delete from apalis.jobs j using batch b
             where j.id = b.id and not exists (
                 select 1 from step_runs s join workflow_runs r on r.id = s.run_id
                 where s.job_key = j.id and r.status in ('pending', 'running'))
             returning 1)
         select (select count(*) from gone) as "deleted!", (select max(id) from batch) as last"#,
        days,
        after,
        limit
    )
    .fetch_one(conn)
    .await?;
    Ok((row.deleted.cast_unsigned(), row.last))
}

/// Deletes at most `limit` workers that were last heard of more than `days` days ago and have no token any more. Returns how
/// many.
///
/// # Errors
/// When the database fails.
pub async fn delete_workers(conn: &mut PgConnection, days: i32, limit: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "delete from apalis.workers w where w.id in (
             select id from apalis.workers v
             where coalesce(v.started_at, v.last_seen) < now() - make_interval(days => $1) and v.last_seen < now() - make_interval(days => $1)
               and not exists (select 1 from apalis.jobs j where j.lock_by = v.id)
             limit $2)",
        days,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes at most `limit` ticks older than `days` days that don't wait. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_ticks(conn: &mut PgConnection, days: i32, limit: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "delete from schedule_ticks t using (
             select schedule, tick from schedule_ticks
             where outcome <> 'queued' and tick < now() - make_interval(days => $1) limit $2) old
         where t.schedule = old.schedule and t.tick = old.tick",
        days,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
