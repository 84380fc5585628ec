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
    const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Result => "result",
            Self::Upvote => "upvote",
            Self::User => "user",
            Self::Comment => "comment",
            Self::ChatLog => "chat_log",
            Self::Price => "price",
        }
    }
}

/// Asks for an aggregate to be published as of `version`.
///
/// # Errors
/// When the database fails.
pub async fn append(
    conn: &mut PgConnection,
    aggregate: Aggregate,
    aggregate_id: &str,
    version: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into outbox (aggregate, aggregate_id, version) values ($1, $2, $3)",
        aggregate.as_str(),
        aggregate_id,
        version
    )
    .execute(conn)
    .await?;
    Ok(())
}
