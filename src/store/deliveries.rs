//! `webhook_deliveries`: messages to webhooks. One is written in the transaction of what it tells of, taken up by whoever
//! sends, and kept with how that went.
//!
//! Taking one up pushes its next time on: when its sender dies, it is taken up again, with the same id.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Error;
use crate::domain::webhook::EventKind;

/// A message, and how it went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Delivery {
    /// Its id, the same over all tries.
    pub id: String,
    /// To which webhook.
    pub webhook_id: Uuid,
    /// What it tells of.
    pub event: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// Tries until now.
    pub attempts: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Of a pending one: when it is tried next.
    pub next_at: DateTime<Utc>,
    /// When it was last tried.
    pub tried_at: Option<DateTime<Utc>>,
    /// When it was delivered, or given up.
    pub finished_at: Option<DateTime<Utc>>,
    /// HTTP status of the last try; null: there was no answer.
    pub status: Option<i32>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// How the last answer began, at most 1 KiB.
    pub answer: Option<String>,
    /// What is sent.
    pub body: String,
}

/// A message that was taken up to be sent.
#[derive(Debug, Clone)]
pub struct Due {
    /// Its id.
    pub id: String,
    /// To which webhook.
    pub webhook_id: Uuid,
    /// Where it goes.
    pub url: String,
    /// What signs it.
    pub secret: String,
    /// What is sent.
    pub body: String,
    /// The number of this try, from 1.
    pub attempt: i32,
    /// When it is sent, by the database's clock, seconds since 1970.
    pub now_s: i64,
    /// Seconds since tries began.
    pub age_s: f64,
}

/// How a try went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP status; `None`: no answer.
    pub status: Option<i32>,
    /// Why it failed; `None`: it was delivered.
    pub error: Option<String>,
    /// How the answer began.
    pub answer: Option<String>,
}

/// Writes a message for each webhook that is told of `event`. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn announce(conn: &mut PgConnection, event: EventKind, data: Value) -> Result<u64, Error> {
    let done = sqlx::query!(
        "insert into webhook_deliveries (id, webhook_id, event, body)
         select 'msg_' || replace(gen_random_uuid()::text, '-', ''), id, $1,
                jsonb_build_object('type', $1::text, 'data', $2::jsonb,
                    'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))::text
         from webhooks where disabled_at is null and events @> array[$1::text]",
        event.as_str(),
        data
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Whether any webhook is told of `event`.
///
/// # Errors
/// When the database fails.
pub async fn is_wanted(conn: &mut PgConnection, event: EventKind) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from webhooks where disabled_at is null and events @> array[$1::text]) as "wanted!""#,
        event.as_str()
    )
    .fetch_one(conn)
    .await?)
}

/// Writes a test message for one webhook. Returns its id; `None`: there is no such webhook.
///
/// # Errors
/// When the database fails.
pub async fn test(conn: &mut PgConnection, webhook: Uuid, data: Value) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar!(
        "insert into webhook_deliveries (id, webhook_id, event, body)
         select 'msg_' || replace(gen_random_uuid()::text, '-', ''), id, $1,
                jsonb_build_object('type', $1::text, 'data', $3::jsonb,
                    'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'))::text
         from webhooks where id = $2 and disabled_at is null returning id",
        EventKind::Test.as_str(),
        webhook,
        data
    )
    .fetch_optional(conn)
    .await?)
}

/// Takes up to `limit` messages whose time has come; nobody else does for `hold_s` seconds.
///
/// # Errors
/// When the database fails.
pub async fn take_due(conn: &mut PgConnection, limit: i64, hold_s: f64) -> Result<Vec<Due>, Error> {
    Ok(sqlx::query_as!(
        Due,
        r#"with due as (
               select id from webhook_deliveries where state = 'pending' and next_at <= now()
               order by next_at, id limit $1 for update skip locked
           )
           update webhook_deliveries d
           set attempts = attempts + 1, tried_at = now(), next_at = now() + make_interval(secs => $2)
           from due, webhooks w
           where d.id = due.id and w.id = d.webhook_id
           returning d.id, d.webhook_id, w.url, w.secret, d.body, d.attempts as attempt,
                     extract(epoch from now())::bigint as "now_s!",
                     extract(epoch from now() - d.give_up_from)::float8 as "age_s!""#,
        limit,
        hold_s
    )
    .fetch_all(conn)
    .await?)
}

/// Takes up one message now, whenever its time is. `None`: there is none that waits under this id.
///
/// # Errors
/// When the database fails.
pub async fn take(conn: &mut PgConnection, id: &str, hold_s: f64) -> Result<Option<Due>, Error> {
    Ok(sqlx::query_as!(
        Due,
        r#"update webhook_deliveries d
           set attempts = attempts + 1, tried_at = now(), next_at = now() + make_interval(secs => $2)
           from webhooks w
           where d.id = $1 and d.state = 'pending' and w.id = d.webhook_id
           returning d.id, d.webhook_id, w.url, w.secret, d.body, d.attempts as attempt,
                     extract(epoch from now())::bigint as "now_s!",
                     extract(epoch from now() - d.give_up_from)::float8 as "age_s!""#,
        id,
        hold_s
    )
    .fetch_optional(conn)
    .await?)
}

/// Records how a try went: delivered, to be tried again after `again_s` seconds, or (`None`) given up. A try that somebody
/// else has taken over since says nothing any more.
///
/// # Errors
/// When the database fails.
pub async fn mark(
    conn: &mut PgConnection,
    due: &Due,
    outcome: &Outcome,
    again_s: Option<f64>,
) -> Result<(), Error> {
    let state = match (&outcome.error, again_s) {
        (None, _) => "delivered",
        (Some(_), Some(_)) => "pending",
        (Some(_), None) => "dead",
    };
    sqlx::query!(
        "update webhook_deliveries
         set state = $3, status = $4, error = $5, answer = $6,
             next_at = now() + make_interval(secs => coalesce($7::float8, 0)),
             finished_at = case when $3 = 'pending' then null else now() end
         where id = $1 and attempts = $2 and state = 'pending'",
        due.id,
        due.attempt,
        state,
        outcome.status,
        outcome.error,
        outcome.answer,
        again_s
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Where a page of messages ended: the last one's time and id.
pub type After = (DateTime<Utc>, String);

/// Messages, the newest first: of one webhook, in one state, after the last of the page before.
///
/// # Errors
/// When the database fails.
pub async fn list(
    conn: &mut PgConnection,
    webhook: Option<Uuid>,
    state: Option<&str>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Delivery>, Error> {
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    Ok(sqlx::query_as!(
        Delivery,
        "select id, webhook_id, event, state, attempts, created_at, next_at, tried_at, finished_at, status, error, answer, body
         from webhook_deliveries
         where (webhook_id = $1 or $1::uuid is null) and (state = $2 or $2::text is null)
           and ($3::timestamptz is null or (created_at, id) < ($3, $4::text))
         order by created_at desc, id desc limit $5",
        webhook,
        state,
        at,
        id,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// One message.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, id: &str) -> Result<Option<Delivery>, Error> {
    Ok(sqlx::query_as!(
        Delivery,
        "select id, webhook_id, event, state, attempts, created_at, next_at, tried_at, finished_at, status, error, answer, body
         from webhook_deliveries where id = $1",
        id
    )
    .fetch_optional(conn)
    .await?)
}

/// Has a message sent again at once, under the same id. Returns whether it can be: its webhook is told things.
///
/// # Errors
/// When the database fails.
pub async fn again(conn: &mut PgConnection, id: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update webhook_deliveries d set state = 'pending', finished_at = null, next_at = now(), give_up_from = now()
         from webhooks w where d.id = $1 and w.id = d.webhook_id and w.disabled_at is null",
        id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes up to `batch` messages that ended more than `days` ago. Returns how many.
///
/// # Errors
/// When the database fails.
pub async fn delete_old(conn: &mut PgConnection, days: i32, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "delete from webhook_deliveries where id in (
             select id from webhook_deliveries
             where state <> 'pending' and finished_at < now() - make_interval(days => $1) limit $2)",
        days,
        batch
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
