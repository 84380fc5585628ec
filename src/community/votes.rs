//! Upvotes on runs and likes on comments. One that is there already, or is gone already, changes nothing.

use sqlx::PgPool;

use super::{Author, Error};
use crate::{
    domain::community::ranking,
    store::{
        comments,
        outbox::{self, Aggregate},
        votes::{self, Voted},
    },
};

/// A comment after a like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Liked {
    /// False: it was so already.
    pub changed: bool,
    /// Likes there are now.
    pub total: i32,
    /// Its score as of now.
    pub ranking_score: f64,
}

/// Upvotes a run (`up`), or takes the vote back.
///
/// # Errors
/// When there is no such run, or the database fails.
pub async fn upvote(pool: &PgPool, pod_id: &str, who: &Author, up: bool) -> Result<Voted, Error> {
    let mut tx = pool.begin().await?;
    let voted = votes::upvote(&mut tx, pod_id, who.github_id, up).await?;
    let voted = voted.ok_or_else(|| Error::NoRun(pod_id.to_owned()))?;
    if voted.changed {
        let key = format!("{pod_id}:{}", who.github_id);
        outbox::append(&mut tx, Aggregate::Upvote, &key, voted.version).await?;
    }
    tx.commit().await?;
    Ok(voted)
}

/// Likes a comment (`up`), or takes the like back.
///
/// # Errors
/// When there is no such comment to be seen, or the database fails.
pub async fn like(pool: &PgPool, id: &str, who: &Author, up: bool) -> Result<Liked, Error> {
    let unknown = || Error::NoComment(id.to_owned());
    let mut tx = pool.begin().await?;
    let comment = comments::lock(&mut tx, id, Some(who.github_id)).await?.ok_or_else(unknown)?;
    if !comments::is_seen(&mut tx, id).await? {
        return Err(unknown());
    }
    let changed = votes::like(&mut tx, id, who.github_id, up).await?;
    let total = match (changed, up) {
        (false, _) => comment.likes,
        (true, true) => comment.likes + 1,
        (true, false) => comment.likes - 1,
    };
    let ranking_score = ranking::score(total, comment.reply_count, comment.age_s);
    if changed {
        let version = comments::count_likes(&mut tx, id, total, ranking_score).await?;
        outbox::append(&mut tx, Aggregate::Comment, id, version).await?;
    }
    tx.commit().await?;
    Ok(Liked { changed, total, ranking_score })
}
