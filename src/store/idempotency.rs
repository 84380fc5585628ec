//! `idempotency_keys`: what a request that was sent with a key has made.

use std::fmt;

use sqlx::PgConnection;

use super::Error;
use crate::domain::ids::{MatrixId, RunId};

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

/// What a request made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// A run.
    Run(RunId),
    /// A matrix.
    Matrix(MatrixId),
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(id) => write!(f, "run {id}"),
            Self::Matrix(id) => write!(f, "matrix {id}"),
        }
    }
}

/// Takes a key for what the same transaction records. Where it is taken already: what was made with it, and the SHA-256 of
/// the request it came with. Two who take one key at once wait for each other.
///
/// # Errors
/// When the database fails.
pub async fn take(
    conn: &mut PgConnection,
    key: Key<'_>,
    made: Made,
) -> Result<Option<(Made, String)>, Error> {
    let (run, matrix) = match made {
        Made::Run(id) => (Some(id.as_uuid()), None),
        Made::Matrix(id) => (None, Some(id.as_uuid())),
    };
    let taken = sqlx::query!(
        "insert into idempotency_keys (actor, key, request_sha256, run_id, matrix_id) values ($1, $2, $3, $4, $5)
         on conflict (actor, key) do nothing",
        key.actor,
        key.key,
        key.request_sha256,
        run,
        matrix
    )
    .execute(&mut *conn)
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(None);
    }
    let known = sqlx::query!(
        "select run_id, matrix_id, request_sha256 from idempotency_keys where actor = $1 and key = $2",
        key.actor,
        key.key
    )
    .fetch_one(conn)
    .await?;
    let before = match (known.run_id, known.matrix_id) {
        (Some(run), _) => Made::Run(RunId::from_uuid(run)),
        (None, Some(matrix)) => Made::Matrix(MatrixId::from_uuid(matrix)),
        (None, None) => return Err(Error::Database(sqlx::Error::RowNotFound)),
    };
    Ok(Some((before, known.request_sha256)))
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
