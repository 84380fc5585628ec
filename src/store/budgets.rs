//! What limits renting: runs' caps, what is held back of the day's, pods' deadlines, and how many there may be.

use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use crate::domain::{ids::RunId, kinds::ProviderKind};

/// Sets what a run may cost, USD; `None`: what the settings say.
///
/// # Errors
/// When the database fails.
pub async fn set(conn: &mut PgConnection, run: RunId, usd: Option<Decimal>) -> Result<(), Error> {
    sqlx::query!("update workflow_runs set budget_usd = $2 where id = $1", run.as_uuid(), usd)
        .execute(conn)
        .await?;
    Ok(())
}

/// What a run may cost, USD, where it was said.
///
/// # Errors
/// When the database fails.
pub async fn of_run(conn: &mut PgConnection, run: RunId) -> Result<Option<Decimal>, Error> {
    Ok(sqlx::query_scalar!("select budget_usd from workflow_runs where id = $1", run.as_uuid())
        .fetch_optional(conn)
        .await?
        .flatten())
}

/// Whoever decides to rent holds this until the transaction ends, so that of two who would take the last slot, or the
/// last dollar, one sees what the other took.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection) -> Result<(), Error> {
    sqlx::query_scalar!("select pg_advisory_xact_lock(hashtext('dria-bench rents'))").fetch_one(conn).await?;
    Ok(())
}

/// Pods of a provider that are there or wanted, and the GPUs that their runs ask for, of all runs but `run`; and whether
/// `run` has one already.
///
/// # Errors
/// When the database fails.
pub async fn in_use(
    conn: &mut PgConnection,
    provider: ProviderKind,
    run: RunId,
) -> Result<(i64, i64, bool), Error> {
    let row = sqlx::query!(
        r#"select count(*) filter (where r.id <> $2) as "pods!",
                  coalesce(sum(greatest((r.spec #>> '{machine,gpu_count}')::int, 1)) filter (where r.id <> $2), 0)
                      as "gpus!",
                  coalesce(bool_or(r.id = $2), false) as "mine!"
           from pods p join workflow_runs r on r.id = p.run_id
           where p.provider = $1 and p.state <> 'gone'"#,
        provider.as_str(),
        run.as_uuid()
    )
    .fetch_one(conn)
    .await?;
    Ok((row.pods, row.gpus, row.mine))
}

/// Gives a pod that has none a deadline, `lifetime_s` from now.
///
/// # Errors
/// When the database fails.
pub async fn set_deadline(conn: &mut PgConnection, pod: &str, lifetime_s: f64) -> Result<(), Error> {
    sqlx::query!(
        "update pods set deadline = now() + make_interval(secs => $2)
         where name = $1 and deadline is null and state <> 'gone'",
        pod,
        lifetime_s
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the pod of this name has been there, or was, until after its deadline.
///
/// # Errors
/// When the database fails.
pub async fn is_overdue(conn: &mut PgConnection, pod: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from pods where name = $1 and deadline < coalesce(gone_at, now())) as "overdue!""#,
        pod
    )
    .fetch_one(conn)
    .await?)
}

/// Holds back, of the day's cap, the least that a pod will cost.
///
/// # Errors
/// When the database fails.
pub async fn reserve(conn: &mut PgConnection, pod: &str, usd: Decimal) -> Result<(), Error> {
    sqlx::query!("update pods set reserved_usd = $2 where name = $1 and state <> 'gone'", pod, usd)
        .execute(conn)
        .await?;
    Ok(())
}

/// What is held back for pods of other runs and not spent yet, USD.
///
/// # Errors
/// When the database fails.
pub async fn reserved_by_others(conn: &mut PgConnection, run: RunId) -> Result<Decimal, Error> {
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(greatest(p.reserved_usd - coalesce(s.usd, 0), 0)), 0) as "usd!"
           from pods p
           left join lateral (select sum(price_usd_per_hour
                               * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600) as usd
                              from rentals l where l.pod = p.name) s on true
           where p.state <> 'gone' and p.reserved_usd is not null and p.run_id <> $1"#,
        run.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// What is held back for pods of these runs but `run`, and not spent yet, USD.
///
/// # Errors
/// When the database fails.
pub async fn reserved_among(conn: &mut PgConnection, runs: &[RunId], run: RunId) -> Result<Decimal, Error> {
    let runs: Vec<Uuid> = runs.iter().copied().map(RunId::as_uuid).collect();
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(greatest(p.reserved_usd - coalesce(s.usd, 0), 0)), 0) as "usd!"
           from pods p
           left join lateral (select sum(price_usd_per_hour
                               * extract(epoch from coalesce(ended_at, now()) - started_at)::numeric / 3600) as usd
                              from rentals l where l.pod = p.name) s on true
           where p.state <> 'gone' and p.reserved_usd is not null and p.run_id = any($1) and p.run_id <> $2"#,
        &runs,
        run.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}

/// Runs with a rented pod of which no step is at work, and that wait for more than a moment: a worker, the end of a
/// back-off, of a pause, or of a hold. Nobody's heartbeat looks after what they spend.
///
/// # Errors
/// When the database fails.
pub async fn idle_renters(conn: &mut PgConnection, provider: ProviderKind) -> Result<Vec<RunId>, Error> {
    let ids = sqlx::query_scalar!(
        "select r.id from workflow_runs r join step_runs s on s.run_id = r.id
         where r.status = 'running' and s.status = 'scheduled'
           and (s.name <> 'teardown' or (s.attempt = 0 and s.run_after > now()))
           and exists (select from pods p where p.run_id = r.id and p.provider = $1 and p.state <> 'gone')",
        provider.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(RunId::from_uuid).collect())
}

/// Says on a step that waits what it waits for.
///
/// # Errors
/// When the database fails.
pub async fn tell_waiting(conn: &mut PgConnection, run: RunId, step: i32, what: &str) -> Result<(), Error> {
    sqlx::query!(
        "update step_runs set progress = jsonb_build_object('for', $3::text) where run_id = $1 and step = $2",
        run.as_uuid(),
        step,
        what
    )
    .execute(conn)
    .await?;
    Ok(())
}
