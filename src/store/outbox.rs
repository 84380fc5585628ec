//! `outbox`: what is to be published, written in the transaction that makes it true.

use sqlx::PgConnection;

use super::Error;

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
    /// Its name in the database.
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
    .execute(conn)
    .await?;
    Ok(())
}
