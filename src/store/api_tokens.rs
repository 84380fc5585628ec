//! `api_tokens`: who may use the API, by the digest of a token. The token itself is nowhere.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::Error;

/// A token, without its digest.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiToken {
    /// Its name, unique among those in force.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// Its last use, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Good until then; `None`: until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Records a token by its digest (SHA-256, hex), good for `days` (`None`: until revoked).
///
/// # Errors
/// When its name is in use (`api_tokens_name`), or the database fails.
pub async fn insert(
    conn: &mut PgConnection,
    name: &str,
    role: &str,
    sha256: &str,
    days: Option<i32>,
    created_by: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into api_tokens (name, role, sha256, expires_at, created_by)
         values ($1, $2, $3, now() + make_interval(days => $4::int), $5)",
        name,
        role,
        sha256,
        days,
        created_by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Every token, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<ApiToken>, Error> {
    Ok(sqlx::query_as!(
        ApiToken,
        "select name, role, created_at, created_by, last_used_at, expires_at, revoked_at from api_tokens
         order by id desc"
    )
    .fetch_all(conn)
    .await?)
}

/// Revokes the token of this name. Returns whether one was in force.
///
/// # Errors
/// When the database fails.
pub async fn revoke(conn: &mut PgConnection, name: &str) -> Result<bool, Error> {
    let done =
        sqlx::query!("update api_tokens set revoked_at = now() where name = $1 and revoked_at is null", name)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Name, role and digest of the token in force with this digest. Its use is noted, at most once a minute.
///
/// # Errors
/// When the database fails.
pub async fn in_force(
    conn: &mut PgConnection,
    sha256: &str,
) -> Result<Option<(String, String, String)>, Error> {
    let found = sqlx::query!(
        "with used as (update api_tokens set last_used_at = now()
                       where sha256 = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute'))
         select name, role, sha256 from api_tokens
         where sha256 = $1 and revoked_at is null and (expires_at is null or expires_at > now())",
        sha256
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|row| (row.name, row.role, row.sha256)))
}

/// Whether a token of role `admin` is in force.
///
/// # Errors
/// When the database fails.
pub async fn has_admin(conn: &mut PgConnection) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from api_tokens where role = 'admin' and revoked_at is null
                          and (expires_at is null or expires_at > now())) as "has!""#
    )
    .fetch_one(conn)
    .await?)
}
