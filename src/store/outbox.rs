//! `outbox`: what is to be published, written in the transaction that makes it true.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection, postgres::PgListener};

use super::{Error, parse};

/// Where it is told that something is to be published.
pub const CHANNEL: &str = "dria_bench_outbox";

/// What an outbox row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// A run as readers see it, with its results, by its pod id.
    Run,
    /// Somebody's vote for a run, by `<pod id>:<github id>`.
    Upvote,
    /// Somebody who signed in, by GitHub id.
    User,
    /// A comment, by its id; of one that is gone, its deletion.
    Comment,
    /// A question and its answer, by its id; of one that is gone, its deletion.
    ChatLog,
    /// A GPU's price on a platform, by `<gpu key>:<platform>`.
    Price,
}

impl Aggregate {
    /// Its name in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Upvote => "upvote",
            Self::User => "user",
            Self::Comment => "comment",
            Self::ChatLog => "chat_log",
            Self::Price => "price",
        }
    }
}

impl std::str::FromStr for Aggregate {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [Self::Run, Self::Upvote, Self::User, Self::Comment, Self::ChatLog, Self::Price]
            .into_iter()
            .find(|aggregate| aggregate.as_str() == s)
            .ok_or_else(|| format!("`{s}` is nothing that is published"))
    }
}

/// Asks for an aggregate to be published as of `version`, once the transaction commits. A key has one row: what waits
/// already keeps its place, and whoever sends it reads what is true by then.
///
/// # Errors
/// When the database fails.
pub async fn append(
    conn: &mut PgConnection,
    aggregate: Aggregate,
    aggregate_id: &str,
    version: i64,
) -> Result<(), Error> {
    append_many(conn, aggregate, &[aggregate_id.to_owned()], version).await
}

/// The same for many keys of one kind at once, each once in `ids`.
///
/// # Errors
/// When the database fails.
pub async fn append_many(
    conn: &mut PgConnection,
    aggregate: Aggregate,
    ids: &[String],
    version: i64,
) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into outbox (aggregate, aggregate_id, version)
         select $1, id, $3 from unnest($2::text[]) with ordinality as t (id, place) order by place
         on conflict (aggregate, aggregate_id) do update set
             version = greatest(outbox.version, excluded.version),
             queued_at = case when outbox.sent_at is null then outbox.queued_at else now() end,
             sent_at = null, attempts = 0, next_try_at = null, error = null",
        aggregate.as_str(),
        ids,
        version
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(conn).await?;
    Ok(())
}

/// A row that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its row.
    pub id: i64,
    /// What it is about.
    pub aggregate: Aggregate,
    /// Which.
    pub key: String,
    /// As of which version.
    pub version: i64,
    /// Attempts that failed since it was queued.
    pub attempts: i32,
    /// Since when it waits.
    pub queued_at: DateTime<Utc>,
    /// What tells this row from itself after it was appended again: the transaction that wrote it.
    mark: String,
}

/// At most `limit` rows that are to be sent now, longest waiting first.
///
/// # Errors
/// When the database fails.
pub async fn due(conn: &mut PgConnection, limit: i64) -> Result<Vec<Waiting>, Error> {
    let rows = sqlx::query!(
        r#"select id, aggregate, aggregate_id, version, attempts, queued_at, xmin::text as "mark!" from outbox
         where sent_at is null and (next_try_at is null or next_try_at <= now())
         order by queued_at, id limit $1"#,
        limit
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Waiting {
                mark: row.mark,
                id: row.id,
                aggregate: parse("outbox.aggregate", &row.aggregate)?,
                key: row.aggregate_id,
                version: row.version,
                attempts: row.attempts,
                queued_at: row.queued_at,
            })
        })
        .collect()
}

/// Marks rows as sent, but for those that changed meanwhile: they go on waiting.
///
/// # Errors
/// When the database fails.
pub async fn sent(conn: &mut PgConnection, rows: &[&Waiting]) -> Result<(), Error> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let marks: Vec<String> = rows.iter().map(|row| row.mark.clone()).collect();
    sqlx::query!(
        "update outbox o set sent_at = now(), attempts = 0, next_try_at = null, error = null
         from unnest($1::bigint[], $2::text[]) as s (id, mark)
         where o.id = s.id and o.xmin::text = s.mark and o.sent_at is null",
        &ids,
        &marks
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that a row could not be sent and when it is tried again; the others don't wait for it.
///
/// # Errors
/// When the database fails.
pub async fn failed(
    conn: &mut PgConnection,
    row: &Waiting,
    error: &str,
    again_in: Duration,
) -> Result<(), Error> {
    sqlx::query!(
        "update outbox set attempts = attempts + 1, error = $3, next_try_at = now() + make_interval(secs => $4)
         where id = $1 and xmin::text = $2 and sent_at is null",
        row.id,
        row.mark,
        error,
        again_in.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets everything that failed be tried at once. Returns how many rows.
///
/// # Errors
/// When the database fails.
pub async fn try_now(conn: &mut PgConnection) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update outbox set next_try_at = null where sent_at is null and next_try_at is not null"
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(conn).await?;
    Ok(done.rows_affected())
}

/// How far sending is behind.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Lag {
    /// Rows that wait.
    pub unsent: i64,
    /// Since when the first of them waits, s; null: none does.
    pub oldest_s: Option<f64>,
    /// Those of them whose last attempt failed.
    pub failing: i64,
    /// When anything was last sent.
    pub last_sent_at: Option<DateTime<Utc>>,
}

/// How far sending is behind.
///
/// # Errors
/// When the database fails.
pub async fn lag(conn: &mut PgConnection) -> Result<Lag, Error> {
    Ok(sqlx::query_as!(
        Lag,
        r#"select count(*) as "unsent!", extract(epoch from now() - min(queued_at))::float8 as oldest_s,
                  count(*) filter (where error is not null) as "failing!",
                  (select max(sent_at) from outbox) as last_sent_at
           from outbox where sent_at is null"#
    )
    .fetch_one(conn)
    .await?)
}

/// A row that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Refused {
    /// What it is about.
    pub aggregate: String,
    /// Which.
    pub key: String,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it was refused the last time.
    pub error: String,
    /// When it is tried again.
    pub next_try_at: Option<DateTime<Utc>>,
}

/// At most 100 rows whose last attempt failed, longest waiting first.
///
/// # Errors
/// When the database fails.
pub async fn refused(conn: &mut PgConnection) -> Result<Vec<Refused>, Error> {
    Ok(sqlx::query_as!(
        Refused,
        r#"select aggregate, aggregate_id as key, attempts, error as "error!", next_try_at from outbox
           where sent_at is null and error is not null order by queued_at, id limit 100"#
    )
    .fetch_all(conn)
    .await?)
}

/// Deletes at most `limit` rows that were sent more than `days` days ago. A run's row stays: it is how one sees that the
/// run was sent.
///
/// # Errors
/// When the database fails.
pub async fn delete_sent(conn: &mut PgConnection, days: i32, limit: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "delete from outbox where id in (
             select id from outbox where aggregate <> 'run' and sent_at < now() - make_interval(days => $1) limit $2)",
        days,
        limit
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Asks for everything to be published again that may go to the MongoDB database `target`; what was imported from there
/// may not. Runs first, oldest first, whatever place they had: a database that is new gets them in this order. Returns how many rows wait now because of it.
///
/// # Errors
/// When the database fails.
pub async fn append_all(conn: &mut PgConnection, target: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        "insert into outbox (aggregate, aggregate_id, version, queued_at)
         select kind, key, version, now() + row_number() over (order by place, at, key) * interval '1 microsecond' from (
             select 1 as place, 'run' as kind, pod_id as key, version, created_at as at, imported_from from published_runs
             union all
             select 2, 'user', github_id::text, version, created_at, imported_from from users
             union all
             select 3, 'comment', id, version, created_at, imported_from from comments
             union all
             select 4, 'upvote', pod_id || ':' || v.github_id, 1, v.created_at, p.imported_from
             from run_upvotes v join published_runs p using (pod_id)
             union all
             select 5, 'chat_log', id, 1, created_at, imported_from from chat_logs
             union all
             select distinct 6, 'price', gpu_key || ':' || platform, 1, '-infinity'::timestamptz, null::text
             from latest_prices where kind = 'on_demand') w
         where imported_from is distinct from 'mongodb:' || $1
         on conflict (aggregate, aggregate_id) do update set
             version = greatest(outbox.version, excluded.version), queued_at = excluded.queued_at, sent_at = null, attempts = 0,
             next_try_at = null, error = null",
        target
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(conn).await?;
    Ok(done.rows_affected())
}

/// Hears of rows that are appended.
///
/// # Errors
/// When the database can't be reached.
pub async fn listen(pool: &PgPool) -> Result<PgListener, Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// The right to send, which one process at a time has: a lock that the database takes back with the connection.
#[derive(Debug)]
pub struct Turn(PoolConnection<Postgres>);

impl Turn {
    /// Takes it; `None`: another process has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take(pool: &PgPool) -> Result<Option<Self>, Error> {
        let mut conn = pool.acquire().await?;
        // Never given back to the pool with the lock on it.
        conn.close_on_drop();
        let taken =
            sqlx::query_scalar!(r#"select pg_try_advisory_lock(hashtext('dria-bench sync')) as "taken!""#)
                .fetch_one(&mut *conn)
                .await?;
        Ok(taken.then_some(Self(conn)))
    }

    /// Whether it is ours still.
    ///
    /// # Errors
    /// When the connection that held it is gone, and so is the turn.
    pub async fn holds(&mut self) -> Result<(), Error> {
        sqlx::query!("select 1 as one").fetch_one(&mut *self.0).await?;
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When the connection fails; the turn is gone with it.
    pub async fn give_back(self) -> Result<(), Error> {
        Ok(self.0.close().await?)
    }
}
