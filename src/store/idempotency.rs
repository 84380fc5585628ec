//! `idempotency_keys`: which run a request that was sent with a key has made.

use sqlx::PgConnection;

use super::Error;
use crate::domain::ids::RunId;

/// A key as a client sent it.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// Who sent it; keys of two clients never meet.
    pub actor: &'a str,
    /// Its own words.
    pub key: &'a str,
    /// SHA-256 of the request it came with, hex.
    pub request_sha256: &'a str,
}

/// Takes a key for a run that the same transaction records. Where it is taken already: the run that took it, and the
/// SHA-256 of the request it came with. Two who take one key at once wait for each other.
///
/// # Errors
/// When the database fails.
pub async fn take(
    conn: &mut PgConnection,
    key: Key<'_>,
    run: RunId,
) -> Result<Option<(RunId, String)>, Error> {
    let taken = sqlx::query!(
        "insert into idempotency_keys (actor, key, request_sha256, run_id) values ($1, $2, $3, $4)
         on conflict (actor, key) do nothing",
        key.actor,
        key.key,
        key.request_sha256,
        run.as_uuid()
    )
    .execute(&mut *conn)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(None);
    }
    let known = sqlx::query!(
        "select run_id, request_sha256 from idempotency_keys where actor = $1 and key = $2",
        key.actor,
        key.key
    )
    .fetch_one(conn)
    .await?;
    Ok(Some((RunId::from_uuid(known.run_id), known.request_sha256)))
}

/// Whether a key is taken: once it is, it stays so.
///
/// # Errors
/// When the database fails.
pub async fn is_known(conn: &mut PgConnection, key: Key<'_>) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from idempotency_keys where actor = $1 and key = $2) as "known!""#,
        key.actor,
        key.key
    )
    .fetch_one(conn)
    .await?)
}
