//! `schedule_ticks`: what became of each tick of a schedule. The primary key is the proof that none fires twice.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;
use crate::domain::ids::MatrixId;

/// What becomes of a tick that doesn't wait any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its matrix was made, or its chore done.
    Fired,
    /// The work of the tick before went on.
    SkippedOverlap,
    /// Nobody was there when it was time, or the schedule was turned off while it waited.
    Missed,
    /// Its matrix could not be made, or its chore not be done.
    Failed,
}

impl Outcome {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::SkippedOverlap => "skipped_overlap",
            Self::Missed => "missed",
            Self::Failed => "failed",
        }
    }
}

/// A tick.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Tick {
    /// When it was due; where somebody asked for it, when they did.
    pub tick: DateTime<Utc>,
    /// `queued`, `fired`, `skipped_overlap`, `missed` or `failed`.
    pub outcome: String,
    /// When its work may start.
    pub start_at: DateTime<Utc>,
    /// Whether somebody asked for it.
    pub manual: bool,
    /// Who: `scheduler`, `cli:<user>`.
    pub actor: String,
    /// The matrix it made.
    pub matrix_id: Option<Uuid>,
    /// Why it did not fire, or failed.
    pub reason: Option<String>,
    /// What its chore did.
    pub report: Option<Value>,
    /// When its work started.
    pub started_at: Option<DateTime<Utc>>,
    /// When its matrix was made, its chore done, or it was given up.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A tick whose time has come.
#[derive(Debug, Clone)]
pub struct DueTick {
    /// Which.
    pub tick: DateTime<Utc>,
    /// When its work should start.
    pub start_at: DateTime<Utc>,
    /// Whether somebody asked for it.
    pub manual: bool,
    /// Who.
    pub actor: String,
}

/// What is said of a tick that doesn't wait any more.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// Why it did not fire, or failed.
    pub reason: Option<String>,
    /// The matrix it made.
    pub matrix: Option<MatrixId>,
    /// What its chore did.
    pub report: Option<Value>,
}

/// Queues ticks, each with when its work starts. A tick that is there already is left alone.
///
/// # Errors
/// When the database fails.
pub async fn queue(
    conn: &mut PgConnection,
    schedule: &str,
    ticks: &[DateTime<Utc>],
    start_at: &[DateTime<Utc>],
    actor: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into schedule_ticks (schedule, tick, start_at, actor)
         select $1, t.tick, t.start_at, $4 from unnest($2::timestamptz[], $3::timestamptz[]) t (tick, start_at)
         on conflict do nothing",
        schedule,
        ticks,
        start_at,
        actor
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records ticks that passed while nobody was there.
///
/// # Errors
/// When the database fails.
pub async fn miss(
    conn: &mut PgConnection,
    schedule: &str,
    ticks: &[DateTime<Utc>],
    actor: &str,
    reason: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into schedule_ticks (schedule, tick, start_at, actor, outcome, reason, finished_at)
         select $1, tick, tick, $3, 'missed', $4, now() from unnest($2::timestamptz[]) tick
         on conflict do nothing",
        schedule,
        ticks,
        actor,
        reason
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Queues a tick that somebody asks for, to start at once. Returns which.
///
/// # Errors
/// When there is no such schedule, or the database fails.
pub async fn ask(conn: &mut PgConnection, schedule: &str, actor: &str) -> Result<DateTime<Utc>, Error> {
    Ok(sqlx::query_scalar!(
        "insert into schedule_ticks (schedule, tick, start_at, manual, actor)
         values ($1, clock_timestamp(), now(), true, $2) returning tick",
        schedule,
        actor
    )
    .fetch_one(conn)
    .await?)
}

/// The ticks of a schedule whose time has come, oldest first, locked; not those that somebody else has locked.
///
/// # Errors
/// When the database fails.
pub async fn due(conn: &mut PgConnection, schedule: &str, limit: i64) -> Result<Vec<DueTick>, Error> {
    Ok(sqlx::query_as!(
        DueTick,
        "select tick, start_at, manual, actor from schedule_ticks
         where schedule = $1 and outcome = 'queued' and start_at <= now()
         order by tick limit $2 for no key update skip locked",
        schedule,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// Records what became of a queued tick.
///
/// # Errors
/// When the database fails.
pub async fn settle(
    conn: &mut PgConnection,
    schedule: &str,
    tick: DateTime<Utc>,
    outcome: Outcome,
    settled: &Settled,
) -> Result<(), Error> {
    sqlx::query!(
        "update schedule_ticks set outcome = $3, reason = $4, matrix_id = $5, report = $6,
                started_at = case when $3 in ('fired', 'failed') then now() end, finished_at = clock_timestamp()
         where schedule = $1 and tick = $2 and outcome = 'queued'",
        schedule,
        tick,
        outcome.as_str(),
        settled.reason,
        settled.matrix.map(MatrixId::as_uuid),
        settled.report
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives up the waiting ticks of a schedule that nobody asked for by hand, but one that is worked at this moment. Returns how
/// many.
///
/// # Errors
/// When the database fails.
pub async fn give_up(conn: &mut PgConnection, schedule: &str, reason: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update schedule_ticks t set outcome = 'missed', reason = $2, finished_at = clock_timestamp()
         from (select tick from schedule_ticks where schedule = $1 and outcome = 'queued' and not manual
               for no key update skip locked) waiting
         where t.schedule = $1 and t.tick = waiting.tick",
        schedule,
        reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Skips the ticks of a schedule that came since this transaction began. Returns them.
///
/// # Errors
/// When the database fails.
pub async fn skip_since(
    conn: &mut PgConnection,
    schedule: &str,
    reason: &str,
) -> Result<Vec<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar!(
        "update schedule_ticks set outcome = 'skipped_overlap', reason = $2, finished_at = clock_timestamp()
         where schedule = $1 and outcome = 'queued' and tick > now() and start_at <= clock_timestamp()
         returning tick",
        schedule,
        reason
    )
    .fetch_all(conn)
    .await?)
}

/// Takes the right to do a schedule's chore until the transaction ends; false: somebody else has it.
///
/// # Errors
/// When the database fails.
pub async fn claim_chore(conn: &mut PgConnection, schedule: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('dria-bench chore ' || $1, 0)) as "claimed!""#,
        schedule
    )
    .fetch_one(conn)
    .await?)
}

/// Ticks of a schedule, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, schedule: &str, limit: i64) -> Result<Vec<Tick>, Error> {
    Ok(sqlx::query_as!(
        Tick,
        "select tick, outcome, start_at, manual, actor, matrix_id, reason, report, started_at, finished_at
         from schedule_ticks where schedule = $1 order by tick desc limit $2",
        schedule,
        limit
    )
    .fetch_all(conn)
    .await?)
}
