//! `run_upvotes` and `comment_likes`: who votes for what, and the counts beside it, changed together.
//!
//! What is voted for is locked first, so votes for one thing come one after the other, and a vote that is there already
//! changes nothing.

use sqlx::PgConnection;

use super::Error;

/// What is voted for, after a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voted {
    /// False: it was so already.
    pub changed: bool,
    /// Votes there are now.
    pub total: i32,
    /// The version of what is voted for.
    pub version: i64,
}

/// Upvotes a run, or takes the vote back. `None`: there is no such run.
///
/// # Errors
/// When the database fails.
pub async fn upvote(
    conn: &mut PgConnection,
    pod_id: &str,
    github_id: i64,
    up: bool,
) -> Result<Option<Voted>, Error> {
    let before = sqlx::query!(
        "select upvotes, version from published_runs where pod_id = $1 for no key update",
        pod_id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(before) = before else { return Ok(None) };
    let changed = if up {
        sqlx::query!(
            "insert into run_upvotes (pod_id, github_id) values ($1, $2) on conflict do nothing",
            pod_id,
            github_id
        )
        .execute(&mut *conn)
        .await?
    } else {
        sqlx::query!("delete from run_upvotes where pod_id = $1 and github_id = $2", pod_id, github_id)
            .execute(&mut *conn)
            .await?
    };
    if changed.rows_affected() == 0 {
        return Ok(Some(Voted { changed: false, total: before.upvotes, version: before.version }));
    }
    let now = sqlx::query!(
        "update published_runs set upvotes = upvotes + $2, version = version + 1, updated_at = now()
         where pod_id = $1 returning upvotes, version",
        pod_id,
        if up { 1 } else { -1 }
    )
    .fetch_one(conn)
    .await?;
    Ok(Some(Voted { changed: true, total: now.upvotes, version: now.version }))
}

/// Whether somebody upvoted a run.
///
/// # Errors
/// When the database fails.
pub async fn has_upvoted(conn: &mut PgConnection, pod_id: &str, github_id: i64) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from run_upvotes where pod_id = $1 and github_id = $2) as "has!""#,
        pod_id,
        github_id
    )
    .fetch_one(conn)
    .await?)
}

/// Likes a comment that the caller has locked, or takes the like back. Returns whether that is news.
///
/// # Errors
/// When the database fails.
pub async fn like(conn: &mut PgConnection, comment: &str, github_id: i64, up: bool) -> Result<bool, Error> {
    let done = if up {
        sqlx::query!(
            "insert into comment_likes (comment_id, github_id) values ($1, $2) on conflict do nothing",
            comment,
            github_id
        )
        .execute(conn)
        .await?
    } else {
        sqlx::query!("delete from comment_likes where comment_id = $1 and github_id = $2", comment, github_id)
            .execute(conn)
            .await?
    };
    Ok(done.rows_affected() > 0)
}

/// Runs and comments that somebody votes for: pod ids, then comment ids, each in a fixed order.
///
/// # Errors
/// When the database fails.
pub async fn of(conn: &mut PgConnection, github_id: i64) -> Result<(Vec<String>, Vec<String>), Error> {
    let runs =
        sqlx::query_scalar!("select pod_id from run_upvotes where github_id = $1 order by pod_id", github_id)
            .fetch_all(&mut *conn)
            .await?;
    let comments = sqlx::query_scalar!(
        "select comment_id from comment_likes where github_id = $1 order by comment_id",
        github_id
    )
    .fetch_all(conn)
    .await?;
    Ok((runs, comments))
}
