//! `outbox`: what is to be published, written in the transaction that makes it true.

use sqlx::PgConnection;

use super::Error;

/// Where it is told that something is to be published.
pub const CHANNEL: &str = "dria_bench_outbox";

/// What an outbox row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    const fn as_str(self) -> &'static str {
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
    sqlx::query!(
        "insert into outbox (aggregate, aggregate_id, version) values ($1, $2, $3)
         on conflict (aggregate, aggregate_id) do update set
             version = greatest(outbox.version, excluded.version),
             queued_at = case when outbox.sent_at is null then outbox.queued_at else now() end,
             sent_at = null, attempts = 0, next_try_at = null, error = null",
        aggregate.as_str(),
        aggregate_id,
        version
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(conn).await?;
    Ok(())
}
