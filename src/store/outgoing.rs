//! What is behind the keys of the outbox, as it is now: people, comments, votes, conversations and prices. It only
//! reads, for whoever sends them on. Runs are read by `publications`.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::Error;

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingUser {
    /// GitHub's id.
    pub github_id: i64,
    /// GitHub's name.
    pub username: String,
    /// Empty: none.
    pub email: String,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// When they came first.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_login: DateTime<Utc>,
    /// `mongodb:<database>`, where they come from one.
    pub imported_from: Option<String>,
    /// Grows with each change.
    pub version: i64,
}

/// These users; those that are gone are left out.
///
/// # Errors
/// When the database fails.
pub async fn users(conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<OutgoingUser>, Error> {
    Ok(sqlx::query_as!(
        OutgoingUser,
        "select github_id, username, email, avatar_url, created_at, last_login, imported_from, version
         from users where github_id = any($1) order by created_at, github_id",
        ids
    )
    .fetch_all(conn)
    .await?)
}

/// A comment that is seen.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingComment {
    /// 24 hex digits.
    pub id: String,
    /// The run it is about.
    pub pod_id: String,
    /// What it answers.
    pub parent_id: Option<String>,
    /// Its author.
    pub github_id: i64,
    /// The author's name as it was then.
    pub username: String,
    /// The author's picture as it was then.
    pub user_avatar: Option<String>,
    /// The text.
    pub comment: String,
    /// Replies that are seen.
    pub reply_count: i32,
    /// As of the last like.
    pub ranking_score: f64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// `mongodb:<database>`, where it comes from one.
    pub imported_from: Option<String>,
    /// Grows with each change.
    pub version: i64,
    /// Who likes it, in the order of their likes.
    pub likers: Vec<i64>,
}

/// These comments, oldest first; those that are gone or hidden, or answer one that is hidden, are left out.
///
/// # Errors
/// When the database fails.
pub async fn comments(conn: &mut PgConnection, ids: &[String]) -> Result<Vec<OutgoingComment>, Error> {
    Ok(sqlx::query_as!(
        OutgoingComment,
        r#"select id, pod_id, parent_id, github_id, username, user_avatar, comment, reply_count, ranking_score, created_at,
                  imported_from, version,
                  array(select l.github_id from comment_likes l where l.comment_id = c.id
                        order by l.created_at, l.github_id) as "likers!"
           from comments c
           where id = any($1) and hidden_at is null
             and not exists (select from comments p where p.id = c.parent_id and p.hidden_at is not null)
           order by created_at, id"#,
        ids
    )
    .fetch_all(conn)
    .await?)
}

/// Which of these votes, `(pod id, github id)`, are there.
///
/// # Errors
/// When the database fails.
pub async fn upvotes(
    conn: &mut PgConnection,
    pods: &[String],
    people: &[i64],
) -> Result<Vec<(String, i64)>, Error> {
    let rows = sqlx::query!(
        "select v.pod_id, v.github_id from run_upvotes v
         join unnest($1::text[], $2::bigint[]) as k (pod_id, github_id)
           on k.pod_id = v.pod_id and k.github_id = v.github_id",
        pods,
        people
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.pod_id, row.github_id)).collect())
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingChat {
    /// 24 hex digits.
    pub id: String,
    /// The run it is about.
    pub pod_id: Option<String>,
    /// Who asked.
    pub github_id: i64,
    /// Their name as it was then.
    pub username: String,
    /// Their picture as it was then.
    pub user_avatar: Option<String>,
    /// The question.
    pub user_message: String,
    /// The answer.
    pub ai_response: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// `mongodb:<database>`, where it comes from one.
    pub imported_from: Option<String>,
}

/// These conversations, oldest first; those that are gone are left out.
///
/// # Errors
/// When the database fails.
pub async fn chats(conn: &mut PgConnection, ids: &[String]) -> Result<Vec<OutgoingChat>, Error> {
    Ok(sqlx::query_as!(
        OutgoingChat,
        "select id, pod_id, github_id, username, user_avatar, user_message, ai_response, created_at, imported_from
         from chat_logs where id = any($1) order by created_at, id",
        ids
    )
    .fetch_all(conn)
    .await?)
}

/// The cheapest on-demand price of a GPU on a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingPrice {
    /// The GPU: an id of the catalog.
    pub gpu_key: String,
    /// Where it is rented.
    pub platform: String,
    /// Who says so.
    pub source: String,
    /// USD per GPU-hour.
    pub usd_per_gpu_hour: Decimal,
    /// When the source last said so.
    pub last_seen_at: DateTime<Utc>,
    /// When it was read, by the clock of the database: what was read later is newer, whoever reads.
    pub read_at: DateTime<Utc>,
}

/// The cheapest on-demand prices that were listed in the last day, a row a GPU and platform. What a MongoDB database
/// told is left out.
///
/// # Errors
/// When the database fails.
pub async fn prices(conn: &mut PgConnection) -> Result<Vec<OutgoingPrice>, Error> {
    Ok(sqlx::query_as!(
        OutgoingPrice,
        r#"select distinct on (gpu_key, platform) gpu_key, platform, source, usd_per_gpu_hour, last_seen_at,
                  statement_timestamp() as "read_at!"
         from latest_prices
         where kind = 'on_demand' and withdrawn_at is null and last_seen_at > now() - interval '1 day'
           and source not like 'mongodb%'
         order by gpu_key, platform, usd_per_gpu_hour, source, id"#
    )
    .fetch_all(conn)
    .await?)
}

/// The MD5 digests of these texts, hex: what readers know GPUs by.
///
/// # Errors
/// When the database fails.
pub async fn md5(conn: &mut PgConnection, texts: &[String]) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"select md5(t) as "md5!" from unnest($1::text[]) with ordinality as u (t, place) order by place"#,
        texts
    )
    .fetch_all(conn)
    .await?)
}

/// The ids of all users.
///
/// # Errors
/// When the database fails.
pub async fn user_ids(conn: &mut PgConnection) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!("select github_id from users order by created_at, github_id")
        .fetch_all(conn)
        .await?)
}

/// The ids of all comments.
///
/// # Errors
/// When the database fails.
pub async fn comment_ids(conn: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!("select id from comments order by created_at, id").fetch_all(conn).await?)
}

/// The ids of all conversations.
///
/// # Errors
/// When the database fails.
pub async fn chat_ids(conn: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!("select id from chat_logs order by created_at, id").fetch_all(conn).await?)
}
