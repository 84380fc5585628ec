//! Reading comments, ranked as of the answer.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;
use crate::{
    domain::community::ranking,
    store::comments::{self, Comment},
};

/// A comment with its rank and its replies.
#[derive(Debug, Clone)]
pub struct Thread {
    /// The comment.
    pub comment: Comment,
    /// Its score.
    pub ranking_score: f64,
    /// Replies to it, oldest first.
    pub replies: Vec<Thread>,
}

impl From<Comment> for Thread {
    fn from(comment: Comment) -> Self {
        let ranking_score = ranking::score(comment.likes, comment.reply_count, comment.age_s);
        Self { comment, ranking_score, replies: Vec::new() }
    }
}

/// The comments of a run: the highest score first, of equal ones the oldest. Of a run that isn't there, none. `viewer` is who
/// asks, `as_of` when ages are counted to (`None`: now).
///
/// # Errors
/// When the database fails.
pub async fn of_run(
    conn: &mut PgConnection,
    pod_id: &str,
    viewer: Option<i64>,
    as_of: Option<DateTime<Utc>>,
) -> Result<Vec<Thread>, Error> {
    let all = comments::of_run(conn, pod_id, viewer, as_of).await?;
    let (parents, replies): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|comment| comment.parent_id.is_none());
    let mut threads: Vec<Thread> = parents.into_iter().map(Thread::from).collect();
    threads.sort_by(|one, other| one.comment.id.cmp(&other.comment.id));
    for reply in replies {
        let parent = reply.parent_id.clone().unwrap_or_default();
        if let Ok(at) = threads.binary_search_by(|thread| thread.comment.id.cmp(&parent)) {
            threads[at].replies.push(reply.into());
        }
    }
    Ok(ranked(threads))
}

/// Every comment, replies too, each without its replies: the highest score first, of equal ones the oldest.
///
/// # Errors
/// When the database fails.
pub async fn all(conn: &mut PgConnection, viewer: Option<i64>) -> Result<Vec<Thread>, Error> {
    Ok(ranked(comments::all(conn, viewer).await?.into_iter().map(Thread::from).collect()))
}

/// What an author wrote, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn of_author(conn: &mut PgConnection, github_id: i64) -> Result<Vec<Thread>, Error> {
    Ok(comments::of_author(conn, github_id).await?.into_iter().map(Thread::from).collect())
}

/// One comment that is seen, without its replies.
///
/// # Errors
/// When there is none, or the database fails.
pub async fn one(conn: &mut PgConnection, id: &str, viewer: Option<i64>) -> Result<Thread, Error> {
    let unknown = || Error::NoComment(id.to_owned());
    if !comments::is_seen(conn, id).await? {
        return Err(unknown());
    }
    Ok(comments::get(conn, id, viewer).await?.ok_or_else(unknown)?.into())
}

fn ranked(mut threads: Vec<Thread>) -> Vec<Thread> {
    threads.sort_by(|one, other| {
        let by_score = other.ranking_score.total_cmp(&one.ranking_score);
        by_score.then_with(|| {
            let oldest = |thread: &Thread| (thread.comment.created_at, thread.comment.id.clone());
            oldest(one).cmp(&oldest(other))
        })
    });
    threads
}
