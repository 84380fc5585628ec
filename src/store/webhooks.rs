//! `webhooks`: who is told of what. The secret that signs messages is read by their sender alone.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Error;
use crate::domain::webhook::EventKind;

/// A webhook, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Where messages go.
    pub url: String,
    /// What it is told of: `run.failed`, `matrix.done`, `price.drop`, `budget.hit`.
    pub events: Vec<String>,
    /// Whose it is, for people; may be empty.
    pub note: String,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Since when it is told nothing.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why.
    pub disabled_reason: Option<String>,
    /// Messages that wait to be sent.
    pub pending: i64,
    /// Messages that could not be delivered.
    pub dead: i64,
}

/// Records a webhook.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    id: Uuid,
    url: &str,
    events: &[EventKind],
    secret: &str,
    note: &str,
    created_by: &str,
) -> Result<(), Error> {
    let events: Vec<String> = events.iter().map(|event| event.as_str().to_owned()).collect();
    sqlx::query!(
        "insert into webhooks (id, url, events, secret, note, created_by) values ($1, $2, $3, $4, $5, $6)",
        id,
        url,
        &events,
        secret,
        note,
        created_by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Every webhook, oldest first; with `id`, that one.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, id: Option<Uuid>) -> Result<Vec<Webhook>, Error> {
    Ok(sqlx::query_as!(
        Webhook,
        r#"select w.id, w.url, w.events, w.note, w.created_by, w.created_at, w.disabled_at, w.disabled_reason,
                  (select count(*) from webhook_deliveries d where d.webhook_id = w.id and d.state = 'pending') as "pending!",
                  (select count(*) from webhook_deliveries d where d.webhook_id = w.id and d.state = 'dead') as "dead!"
           from webhooks w where w.id = $1 or $1::uuid is null order by w.created_at, w.id"#,
        id
    )
    .fetch_all(conn)
    .await?)
}

/// Removes a webhook with all its messages. Returns whether there was one.
///
/// # Errors
/// When the database fails.
pub async fn remove(conn: &mut PgConnection, id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!("delete from webhooks where id = $1", id).execute(conn).await?;
    Ok(done.rows_affected() > 0)
}

/// Tells a webhook nothing any more: messages that wait for it are dead. Returns whether it was told before.
///
/// # Errors
/// When the database fails.
pub async fn disable(conn: &mut PgConnection, id: Uuid, reason: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update webhooks set disabled_at = now(), disabled_reason = $2 where id = $1 and disabled_at is null",
        id,
        reason
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update webhook_deliveries set state = 'dead', finished_at = now(), error = coalesce(error, $2)
         where webhook_id = $1 and state = 'pending'",
        id,
        format!("the webhook was disabled: {reason}")
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Tells a webhook again what happens from now on. Returns whether it wasn't told before.
///
/// # Errors
/// When the database fails.
pub async fn enable(conn: &mut PgConnection, id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update webhooks set disabled_at = null, disabled_reason = null where id = $1 and disabled_at is not null",
        id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
