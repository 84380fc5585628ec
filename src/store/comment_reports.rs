//! `comment_reports`: the moderation queue. A comment is in it while a report of it is open.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::Error;

/// A comment that a moderator should look at, or one that is hidden.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Waiting {
    /// Its id.
    pub comment_id: String,
    /// The run it is about.
    pub pod_id: String,
    /// The comment it answers.
    pub parent_id: Option<String>,
    /// Its author's GitHub id.
    pub user_id: i64,
    /// Their name.
    pub username: String,
    /// What it says.
    pub comment: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// Since when moderators alone see it; null: everybody does.
    pub hidden_at: Option<DateTime<Utc>>,
    /// Who said so first, or since when it is hidden.
    pub since: DateTime<Utc>,
    /// Open reports.
    pub reports: i64,
    /// Who reported it and why, one a line: `user:583231: spam`, `rules: has many links`.
    pub reasons: Vec<String>,
}

/// Records that somebody reported a comment. `again`: also where this reporter did, and a moderator answered. Returns
/// whether that is news.
///
/// # Errors
/// When the database fails.
pub async fn add(
    conn: &mut PgConnection,
    comment: &str,
    reporter: &str,
    reason: &str,
    again: bool,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "insert into comment_reports (comment_id, reporter, reason) values ($1, $2, $3)
         on conflict (comment_id, reporter) do update
         set reason = excluded.reason, created_at = now(), resolved_at = null, resolution = null, resolved_by = null
         where $4 and comment_reports.resolved_at is not null",
        comment,
        reporter,
        reason,
        again
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Settles every open report of a comment. Returns how many there were.
///
/// # Errors
/// When the database fails.
pub async fn resolve(
    conn: &mut PgConnection,
    comment: &str,
    resolution: &str,
    by: &str,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "update comment_reports set resolved_at = now(), resolution = $2, resolved_by = $3
         where comment_id = $1 and resolved_at is null",
        comment,
        resolution,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Where a page of the queue ended.
pub type After = (DateTime<Utc>, String);

/// Comments with open reports (`hidden`: those that are hidden), the longest waiting first.
///
/// # Errors
/// When the database fails.
pub async fn waiting(
    conn: &mut PgConnection,
    hidden: bool,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Waiting>, Error> {
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    Ok(sqlx::query_as!(
        Waiting,
        r#"select * from (
               select c.id as "comment_id!", c.pod_id as "pod_id!", c.parent_id, c.github_id as "user_id!",
                      c.username as "username!", c.comment as "comment!", c.created_at as "created_at!", c.hidden_at,
                      case when $1 then c.hidden_at else min(r.created_at) end as "since!",
                      count(r.id) filter (where r.resolved_at is null) as "reports!",
                      coalesce(array_agg(r.reporter || ': ' || r.reason order by r.id) filter (where r.id is not null), '{}')
                          as "reasons!"
               from comments c left join comment_reports r on r.comment_id = c.id and (r.resolved_at is null or $1)
               group by c.id
               having case when $1 then c.hidden_at is not null else count(r.id) > 0 end
           ) queue
           where $2::timestamptz is null or ("since!", "comment_id!") > ($2, $3::text)
           order by "since!", "comment_id!" limit $4"#,
        hidden,
        at,
        id,
        limit
    )
    .fetch_all(conn)
    .await?)
}
