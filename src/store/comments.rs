//! `comments`: what people say of runs, one level of replies deep. Whoever changes one locks its run first, then its parent,
//! then the comment itself, so that counts are right and nobody waits in a circle.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};

use super::Error;

/// A comment as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct Comment {
    /// 24 lower-case hex digits.
    pub id: String,
    /// The run it is about.
    pub pod_id: String,
    /// The comment it answers; `None`: it is top-level.
    pub parent_id: Option<String>,
    /// Its author.
    pub github_id: i64,
    /// Their name when they wrote it.
    pub username: String,
    /// Their picture then.
    pub user_avatar: Option<String>,
    /// What it says, cleaned.
    pub comment: String,
    /// Who likes it.
    pub likes: i32,
    /// Replies that are seen.
    pub reply_count: i32,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last changed by its author.
    pub edited_at: Option<DateTime<Utc>>,
    /// Since when moderators alone see it.
    pub hidden_at: Option<DateTime<Utc>>,
    /// Grows with each change.
    pub version: i64,
    /// Whether who asks likes it.
    pub liked: bool,
    /// Its age, seconds.
    pub age_s: f64,
}

/// A comment to be recorded.
#[derive(Debug)]
pub struct NewComment<'a> {
    /// 24 lower-case hex digits.
    pub id: &'a str,
    /// The run it is about.
    pub pod_id: &'a str,
    /// The comment it answers.
    pub parent_id: Option<&'a str>,
    /// Its author.
    pub github_id: i64,
    /// Their name.
    pub username: &'a str,
    /// Their picture.
    pub user_avatar: Option<&'a str>,
    /// What it says.
    pub comment: &'a str,
}

/// Locks the run that comments are about. Returns whether there is one.
///
/// # Errors
/// When the database fails.
pub async fn lock_run(conn: &mut PgConnection, pod_id: &str) -> Result<bool, Error> {
    let run = sqlx::query_scalar!(
        r#"select true as "there!" from published_runs where pod_id = $1 for no key update"#,
        pod_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(run.is_some())
}

/// Whether there is a run.
///
/// # Errors
/// When the database fails.
pub async fn run_exists(conn: &mut PgConnection, pod_id: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from published_runs where pod_id = $1) as "there!""#,
        pod_id
    )
    .fetch_one(conn)
    .await?)
}

/// A comment, hidden or not, as `viewer` has it.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, id: &str, viewer: Option<i64>) -> Result<Option<Comment>, Error> {
    Ok(sqlx::query_as!(
        Comment,
        r#"select id, pod_id, parent_id, github_id, username, user_avatar, comment, likes, reply_count, created_at, edited_at,
                  hidden_at, version,
                  exists (select from comment_likes l where l.comment_id = c.id and l.github_id = $2) as "liked!",
                  extract(epoch from now() - created_at)::float8 as "age_s!"
           from comments c where id = $1"#,
        id,
        viewer
    )
    .fetch_optional(conn)
    .await?)
}

/// The same, locked.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, id: &str, viewer: Option<i64>) -> Result<Option<Comment>, Error> {
    let there =
        sqlx::query_scalar!(r#"select true as "there!" from comments where id = $1 for no key update"#, id)
            .fetch_optional(&mut *conn)
            .await?;
    match there {
        Some(_) => get(conn, id, viewer).await,
        None => Ok(None),
    }
}

/// Whether a comment's run and parent are seen, and it is itself.
///
/// # Errors
/// When the database fails.
pub async fn is_seen(conn: &mut PgConnection, id: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from comments c left join comments p on p.id = c.parent_id
               where c.id = $1 and c.hidden_at is null and p.hidden_at is null) as "seen!""#,
        id
    )
    .fetch_one(conn)
    .await?)
}

/// Every comment of a run that is seen, oldest first, with ages as of `as_of` (`None`: now).
///
/// # Errors
/// When the database fails.
pub async fn of_run(
    conn: &mut PgConnection,
    pod_id: &str,
    viewer: Option<i64>,
    as_of: Option<DateTime<Utc>>,
) -> Result<Vec<Comment>, Error> {
    Ok(sqlx::query_as!(
        Comment,
        r#"select c.id, c.pod_id, c.parent_id, c.github_id, c.username, c.user_avatar, c.comment, c.likes, c.reply_count,
                  c.created_at, c.edited_at, c.hidden_at, c.version,
                  exists (select from comment_likes l where l.comment_id = c.id and l.github_id = $2) as "liked!",
                  extract(epoch from coalesce($3, now()) - c.created_at)::float8 as "age_s!"
           from comments c left join comments p on p.id = c.parent_id
           where c.pod_id = $1 and c.hidden_at is null and p.hidden_at is null
           order by c.created_at, c.id"#,
        pod_id,
        viewer,
        as_of
    )
    .fetch_all(conn)
    .await?)
}

/// Every comment that is seen, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn all(conn: &mut PgConnection, viewer: Option<i64>) -> Result<Vec<Comment>, Error> {
    Ok(sqlx::query_as!(
        Comment,
        r#"select c.id, c.pod_id, c.parent_id, c.github_id, c.username, c.user_avatar, c.comment, c.likes, c.reply_count,
                  c.created_at, c.edited_at, c.hidden_at, c.version,
                  exists (select from comment_likes l where l.comment_id = c.id and l.github_id = $1) as "liked!",
                  extract(epoch from now() - c.created_at)::float8 as "age_s!"
           from comments c left join comments p on p.id = c.parent_id
           where c.hidden_at is null and p.hidden_at is null
           order by c.created_at, c.id"#,
        viewer
    )
    .fetch_all(conn)
    .await?)
}

/// Every comment of an author that is seen, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_author(conn: &mut PgConnection, github_id: i64) -> Result<Vec<Comment>, Error> {
    Ok(sqlx::query_as!(
        Comment,
        r#"select c.id, c.pod_id, c.parent_id, c.github_id, c.username, c.user_avatar, c.comment, c.likes, c.reply_count,
                  c.created_at, c.edited_at, c.hidden_at, c.version,
                  exists (select from comment_likes l where l.comment_id = c.id and l.github_id = $1) as "liked!",
                  extract(epoch from now() - c.created_at)::float8 as "age_s!"
           from comments c left join comments p on p.id = c.parent_id
           where c.github_id = $1 and c.hidden_at is null and p.hidden_at is null
           order by c.created_at, c.id"#,
        github_id
    )
    .fetch_all(conn)
    .await?)
}

/// What an author wrote in the last day, the newest first, at most 50, and how much of it in the last ten minutes. The
/// comment `but`, which is being changed, is left out.
///
/// # Errors
/// When the database fails.
pub async fn lately(
    conn: &mut PgConnection,
    github_id: i64,
    but: Option<&str>,
) -> Result<(Vec<String>, usize), Error> {
    let rows = sqlx::query!(
        r#"select comment, created_at > now() - interval '10 minutes' as "just_now!"
           from comments
           where github_id = $1 and created_at > now() - interval '1 day' and id is distinct from $2
           order by created_at desc, id desc limit 50"#,
        github_id,
        but
    )
    .fetch_all(conn)
    .await?;
    let just_now = rows.iter().filter(|row| row.just_now).count();
    Ok((rows.into_iter().map(|row| row.comment).collect(), just_now))
}

/// Records a comment. Returns when it was written.
///
/// # Errors
/// When the database fails.
pub async fn insert(conn: &mut PgConnection, new: &NewComment<'_>) -> Result<DateTime<Utc>, Error> {
    Ok(sqlx::query_scalar!(
        "insert into comments (id, pod_id, parent_id, github_id, username, user_avatar, comment)
         values ($1, $2, $3, $4, $5, $6, $7) returning created_at",
        new.id,
        new.pod_id,
        new.parent_id,
        new.github_id,
        new.username,
        new.user_avatar,
        new.comment
    )
    .fetch_one(conn)
    .await?)
}

/// Adds to a run's count of top-level comments that are seen.
///
/// # Errors
/// When the database fails.
pub async fn count_top_level(conn: &mut PgConnection, pod_id: &str, more: i32) -> Result<(), Error> {
    sqlx::query!(
        "update published_runs set comment_count = comment_count + $2, version = version + 1, updated_at = now()
         where pod_id = $1",
        pod_id,
        more
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds to a comment's count of replies that are seen. Returns its version.
///
/// # Errors
/// When the database fails.
pub async fn count_replies(conn: &mut PgConnection, parent: &str, more: i32) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "update comments set reply_count = reply_count + $2, version = version + 1 where id = $1 returning version",
        parent,
        more
    )
    .fetch_one(conn)
    .await?)
}

/// Sets a comment's likes and its score as of this like. Returns its version.
///
/// # Errors
/// When the database fails.
pub async fn count_likes(conn: &mut PgConnection, id: &str, likes: i32, score: f64) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "update comments set likes = $2, ranking_score = $3, version = version + 1 where id = $1 returning version",
        id,
        likes,
        score
    )
    .fetch_one(conn)
    .await?)
}

/// Changes what a comment says. Returns its version.
///
/// # Errors
/// When the database fails.
pub async fn edit(conn: &mut PgConnection, id: &str, comment: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "update comments set comment = $2, edited_at = now(), version = version + 1 where id = $1 returning version",
        id,
        comment
    )
    .fetch_one(conn)
    .await?)
}

/// Hides a comment for this reason, or (`None`) shows it again. Returns its version.
///
/// # Errors
/// When the database fails.
pub async fn hide(conn: &mut PgConnection, id: &str, reason: Option<&str>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "update comments set hidden_at = case when $2::text is null then null else now() end, hidden_reason = $2,
                version = version + 1
         where id = $1 returning version",
        id,
        reason
    )
    .fetch_one(conn)
    .await?)
}

/// Ids of the replies to a comment, hidden or not.
///
/// # Errors
/// When the database fails.
pub async fn replies(conn: &mut PgConnection, id: &str) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!("select id from comments where parent_id = $1 order by created_at, id", id)
        .fetch_all(conn)
        .await?)
}

/// Deletes a comment with its replies. Returns each that is gone with its last version, the comment itself too.
///
/// # Errors
/// When the database fails.
pub async fn delete(conn: &mut PgConnection, id: &str) -> Result<Vec<(String, i64)>, Error> {
    let rows = sqlx::query!("delete from comments where id = $1 or parent_id = $1 returning id, version", id)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.version)).collect())
}

/// Ids of everything somebody wrote, hidden or not, replies before what they answer.
///
/// # Errors
/// When the database fails.
pub async fn ids_of_author(conn: &mut PgConnection, github_id: i64) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "select id from comments where github_id = $1 order by parent_id is null, created_at, id",
        github_id
    )
    .fetch_all(conn)
    .await?)
}
