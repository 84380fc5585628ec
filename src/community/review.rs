//! Reporting a comment, and what moderators do about it. What they do is in the audit log.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    Author, By, Error,
    comments::{count, lock_with_run, take_away},
};
use crate::store::{
    audit, comment_reports,
    comments::{self, Comment},
    outbox::{self, Aggregate},
};

pub use crate::store::comment_reports::waiting as queue;

/// What a moderator's word did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// Reports it settled.
    pub reports: u64,
    /// Whether the comment is seen by others than before.
    pub changed: bool,
}

/// Reports a comment. Returns whether that is news: nobody reports one twice.
///
/// # Errors
/// When there is no such comment to be seen, or the database fails.
pub async fn report(pool: &PgPool, id: &str, who: &Author, reason: &str) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    if comments::lock(&mut tx, id, None).await?.is_none() || !comments::is_seen(&mut tx, id).await? {
        return Err(Error::NoComment(id.to_owned()));
    }
    let reporter = format!("user:{}", who.github_id);
    let news = comment_reports::add(&mut tx, id, &reporter, reason, false).await?;
    tx.commit().await?;
    Ok(news)
}

/// Settles reports of a comment: everybody sees it, also where it was hidden.
///
/// # Errors
/// When there is no such comment, or the database fails.
pub async fn keep(pool: &PgPool, id: &str, by: impl Into<By<'_>>) -> Result<Settled, Error> {
    let mut tx = pool.begin().await?;
    let comment = lock_with_run(&mut tx, id).await?;
    let settled = show(&mut tx, &comment, None, by.into()).await?;
    tx.commit().await?;
    Ok(settled)
}

/// Hides a comment from everybody but moderators, and settles reports of it. Replies to it are hidden with it.
///
/// # Errors
/// When there is no such comment, or the database fails.
pub async fn hide(pool: &PgPool, id: &str, reason: &str, by: impl Into<By<'_>>) -> Result<Settled, Error> {
    let mut tx = pool.begin().await?;
    let comment = lock_with_run(&mut tx, id).await?;
    let settled = show(&mut tx, &comment, Some(reason), by.into()).await?;
    tx.commit().await?;
    Ok(settled)
}

/// Deletes a comment with the replies to it, for good. The log keeps what it said.
///
/// # Errors
/// When there is no such comment, or the database fails.
pub async fn remove(pool: &PgPool, id: &str, by: impl Into<By<'_>>) -> Result<(), Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    let comment = lock_with_run(&mut tx, id).await?;
    take_away(&mut tx, &comment).await?;
    let detail =
        json!({ "pod_id": comment.pod_id, "user_id": comment.github_id, "comment": comment.comment });
    audit::append(&mut tx, by, "comment.delete", id, detail).await?;
    tx.commit().await?;
    Ok(())
}

/// Hides a locked comment for this reason, or shows it (`None`).
async fn show(
    conn: &mut PgConnection,
    comment: &Comment,
    hide_for: Option<&str>,
    by: By<'_>,
) -> Result<Settled, Error> {
    let (action, resolution) =
        if hide_for.is_some() { ("comment.hide", "hidden") } else { ("comment.keep", "kept") };
    let reports = comment_reports::resolve(conn, &comment.id, resolution, by.actor).await?;
    let changed = comment.hidden_at.is_some() != hide_for.is_some();
    if changed {
        let version = comments::hide(conn, &comment.id, hide_for).await?;
        outbox::append(conn, Aggregate::Comment, &comment.id, version).await?;
        // Replies are seen no more, or again, with what they answer.
        let replies = comments::replies(conn, &comment.id).await?;
        outbox::append_many(conn, Aggregate::Comment, &replies, 1).await?;
        let more = if hide_for.is_some() { -1 } else { 1 };
        count(conn, &comment.pod_id, comment.parent_id.as_deref(), more).await?;
    }
    let detail = json!({
        "pod_id": comment.pod_id, "user_id": comment.github_id, "reports": reports, "reason": hide_for, "changed": changed,
    });
    audit::append(conn, by, action, &comment.id, detail).await?;
    Ok(Settled { reports, changed })
}
