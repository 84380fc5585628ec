//! `audit_log`: who changed what, append-only, written in the transaction of the change.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::Error;

/// Who does something, as the log keeps it.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// `cli:<user>`, `token:<name>`.
    pub actor: &'a str,
    /// The role of the token it was done with; `None`: on the machine itself.
    pub role: Option<&'a str>,
    /// The request it came with.
    pub request_id: Option<&'a str>,
}

impl<'a> From<&'a str> for By<'a> {
    fn from(actor: &'a str) -> Self {
        Self { actor, role: None, request_id: None }
    }
}

impl<'a> From<&'a String> for By<'a> {
    fn from(actor: &'a String) -> Self {
        actor.as_str().into()
    }
}

/// An entry.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Entry {
    /// Grows from entry to entry.
    pub id: i64,
    /// When.
    pub ts: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// With which role.
    pub role: Option<String>,
    /// What: `run.cancel`, `token.create`.
    pub action: String,
    /// To what: a run's id, a token's name.
    pub target: String,
    /// Anything more.
    pub detail: Value,
    /// The request it came with.
    pub request_id: Option<String>,
}

/// Appends an entry.
///
/// # Errors
/// When the database fails.
pub async fn append(
    conn: &mut PgConnection,
    by: By<'_>,
    action: &str,
    target: &str,
    detail: Value,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into audit_log (actor, role, action, target, detail, request_id) values ($1, $2, $3, $4, $5, $6)",
        by.actor,
        by.role,
        action,
        target,
        detail,
        by.request_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Entries about `target`, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of(conn: &mut PgConnection, target: &str) -> Result<Vec<Entry>, Error> {
    Ok(sqlx::query_as!(
        Entry,
        "select id, ts, actor, role, action, target, detail, request_id from audit_log where target = $1 order by id",
        target
    )
    .fetch_all(conn)
    .await?)
}

/// Which entries are meant; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this one.
    pub actor: Option<String>,
    /// This.
    pub action: Option<String>,
    /// To this.
    pub target: Option<String>,
    /// Older than the entry of this number.
    pub before: Option<i64>,
}

/// At most `limit` entries, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn page(conn: &mut PgConnection, filter: &Filter, limit: i64) -> Result<Vec<Entry>, Error> {
    Ok(sqlx::query_as!(
        Entry,
        "select id, ts, actor, role, action, target, detail, request_id from audit_log
         where ($1::text is null or actor = $1) and ($2::text is null or action = $2)
           and ($3::text is null or target = $3) and ($4::bigint is null or id < $4)
         order by id desc limit $5",
        filter.actor.as_deref(),
        filter.action.as_deref(),
        filter.target.as_deref(),
        filter.before,
        limit
    )
    .fetch_all(conn)
    .await?)
}
