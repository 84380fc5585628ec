//! `schedules`: the schedule files as they were last read, and what operators said about them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Error, from_json, to_json};
use crate::domain::{ids::RunId, schedule::ScheduleDefinition};

/// A schedule.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Schedule {
    /// Its name, which is its file's too.
    pub name: String,
    /// Its definition as last read; `None`: its file never could be read. Raw, since a newer version may have written it.
    pub definition: Option<Value>,
    /// What the file says.
    pub enabled: bool,
    /// What an operator says, which counts more; `None`: nothing.
    pub override_enabled: Option<bool>,
    /// Who says so.
    pub override_by: Option<String>,
    /// Whether its file is gone.
    pub removed: bool,
    /// Why its file could not be read; the definition is an older one.
    pub error: Option<String>,
    /// What became of every tick up to this time is decided.
    pub last_tick: DateTime<Utc>,
    /// When its file was last looked at.
    pub synced_at: DateTime<Utc>,
    /// Whether it fires.
    pub active: bool,
}

impl Schedule {
    /// Its definition, where it has one.
    ///
    /// # Errors
    /// When this version can't read it.
    pub fn definition(&self) -> Result<Option<ScheduleDefinition>, Error> {
        self.definition.clone().map(|definition| from_json("schedules.definition", definition)).transpose()
    }
}

/// Every schedule, by name.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Schedule>, Error> {
    Ok(sqlx::query_as!(
        Schedule,
        "select name, definition, enabled, override_enabled, override_by, removed, error, last_tick, synced_at, active
         from schedules order by name"
    )
    .fetch_all(conn)
    .await?)
}

/// The schedule of this name.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, name: &str) -> Result<Option<Schedule>, Error> {
    Ok(sqlx::query_as!(
        Schedule,
        "select name, definition, enabled, override_enabled, override_by, removed, error, last_tick, synced_at, active
         from schedules where name = $1",
        name
    )
    .fetch_optional(conn)
    .await?)
}

/// Names of the schedules that a scheduler has to look at: those that fire, and those of which a tick waits.
///
/// # Errors
/// When the database fails.
pub async fn watched(conn: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select name from schedules s
         where active or exists (select 1 from schedule_ticks t where t.schedule = s.name and t.outcome = 'queued')
         order by name"
    )
    .fetch_all(conn)
    .await?)
}

/// The schedule of this name, locked until the transaction ends, and the time on the database's clock; `None` where there
/// is none, or somebody else has the lock.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, name: &str) -> Result<Option<(Schedule, DateTime<Utc>)>, Error> {
    let locked = sqlx::query_as!(
        Schedule,
        "select name, definition, enabled, override_enabled, override_by, removed, error, last_tick, synced_at, active
         from schedules where name = $1 for no key update skip locked",
        name
    )
    .fetch_optional(&mut *conn)
    .await?;
    match locked {
        Some(schedule) => Ok(Some((schedule, now(conn).await?))),
        None => Ok(None),
    }
}

/// The time on the database's clock, of this transaction.
///
/// # Errors
/// When the database fails.
pub async fn now(conn: &mut PgConnection) -> Result<DateTime<Utc>, Error> {
    Ok(sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(conn).await?)
}

/// Every tick up to `tick` is decided. It never goes back.
///
/// # Errors
/// When the database fails.
pub async fn advance(conn: &mut PgConnection, name: &str, tick: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!("update schedules set last_tick = greatest(last_tick, $2) where name = $1", name, tick)
        .execute(conn)
        .await?;
    Ok(())
}

/// Records what a file says. What an operator said stays. Nothing of the past fires where the schedule did not fire until
/// now, or at other times.
///
/// # Errors
/// When the database fails.
pub async fn put(conn: &mut PgConnection, definition: &ScheduleDefinition) -> Result<(), Error> {
    sqlx::query!(
        "insert into schedules as s (name, definition, enabled) values ($1, $2, $3)
         on conflict (name) do update set
             definition = $2, enabled = $3, removed = false, error = null, synced_at = now(),
             last_tick = case
                 when s.active and s.definition -> 'cron' = $2::jsonb -> 'cron'
                      and s.definition -> 'timezone' = $2::jsonb -> 'timezone' then s.last_tick
                 else greatest(s.last_tick, now()) end",
        definition.name,
        to_json("schedules.definition", definition)?,
        definition.enabled
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records that a file can't be read. The definition stays what it was.
///
/// # Errors
/// When the database fails.
pub async fn put_broken(conn: &mut PgConnection, name: &str, error: &str) -> Result<(), Error> {
    sqlx::query!(
        "insert into schedules (name, error) values ($1, $2)
         on conflict (name) do update set error = $2, synced_at = now()",
        name,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Marks every schedule as removed that isn't among those whose file is there. Returns the names of those that weren't
/// before.
///
/// # Errors
/// When the database fails.
pub async fn remove_others(conn: &mut PgConnection, there: &[String]) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "update schedules set removed = true, synced_at = now() where not removed and name <> all($1) returning name",
        there
    )
    .fetch_all(conn)
    .await?)
}

/// Records what an operator says. Nothing of the past fires. Returns whether there is such a schedule.
///
/// # Errors
/// When the database fails.
pub async fn set_override(
    conn: &mut PgConnection,
    name: &str,
    enabled: bool,
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update schedules set override_enabled = $2, override_by = $3, override_at = now(),
                last_tick = case when active then last_tick else greatest(last_tick, now()) end
         where name = $1",
        name,
        enabled,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a day of the schedule that a run is of may cost, US dollars, and all runs of its matrices that rented something
/// today (UTC) or hold a machine; `None`: the run is of no schedule, or of one without such a cap.
///
/// # Errors
/// When the database fails.
pub async fn cap_of(conn: &mut PgConnection, run: RunId) -> Result<Option<(Decimal, Vec<RunId>)>, Error> {
    let row = sqlx::query!(
        r#"select (s.definition ->> 'budget_usd_per_day')::numeric as "limit_usd!",
                  array(select o.run_id from matrix_cells o join matrices n on n.id = o.matrix_id
                        where n.schedule = s.name and o.run_id is not null
                          and (exists (select from rentals l where l.run_id = o.run_id
                                       and (l.ended_at is null or l.ended_at > date_trunc('day', now(), 'UTC')))
                               or exists (select from pods p where p.run_id = o.run_id and p.state <> 'gone')))
                  as "runs!: Vec<Uuid>"
           from matrix_cells c join matrices m on m.id = c.matrix_id join schedules s on s.name = m.schedule
           where c.run_id = $1 and s.definition ->> 'budget_usd_per_day' is not null"#,
        run.as_uuid()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.limit_usd, row.runs.into_iter().map(RunId::from_uuid).collect())))
}
