//! `outbox`: what is to be published, written in the transaction that makes it true.

use sqlx::PgConnection;

use super::Error;

/// What an outbox row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// A run, by its id.
    Run,
    /// A result, by the id of its row.
    Result,
}

/// Asks for an aggregate to be published as of `version`.
///
/// # Errors
/// When the database fails.
pub async fn append(
    conn: &mut PgConnection,
    aggregate: Aggregate,
    aggregate_id: &str,
    version: i32,
) -> Result<(), Error> {
    let aggregate = match aggregate {
        Aggregate::Run => "run",
        Aggregate::Result => "result",
    };
    sqlx::query!(
        "insert into outbox (aggregate, aggregate_id, version) values ($1, $2, $3)",
        aggregate,
        aggregate_id,
        version
    )
    .execute(conn)
    .await?;
    Ok(())
}
