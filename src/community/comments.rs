//! Writing a comment, changing it, deleting it: by its author.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::{Author, Error, Moderator, moderator::Opinion, object_id};
use crate::{
    domain::community::{
        rules::{Earlier, Verdict},
        text::clean,
    },
    store::{
        comment_reports,
        comments::{self, Comment, NewComment},
        outbox::{self, Aggregate},
    },
};

/// What somebody wants to say.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The run it is about.
    pub pod_id: &'a str,
    /// The comment it answers.
    pub parent_id: Option<&'a str>,
    /// What it says, as it was sent.
    pub text: &'a str,
}

/// A comment that was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Its id.
    pub id: String,
    /// What it says, as it is kept.
    pub comment: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// A change to one's own comment.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The comment.
    pub id: &'a str,
    /// What it says from now on, as it was sent.
    pub text: &'a str,
    /// The version that its author read; `None`: whichever it has.
    pub version: Option<i64>,
}

/// Posts a comment, once it is cleaned and a moderator lets it pass.
///
/// # Errors
/// When its run or the comment that it answers isn't there, it answers a reply, nothing is left of it, it is refused, or the
/// database fails.
pub async fn post(
    pool: &PgPool,
    moderator: &Moderator,
    who: &Author,
    draft: &Draft<'_>,
) -> Result<Posted, Error> {
    let comment = clean(draft.text);
    if comment.is_empty() {
        return Err(Error::Empty);
    }
    // Looked at before a model is asked, and again once what is said is known to be fine.
    let earlier = {
        let mut conn = pool.acquire().await?;
        if !comments::run_exists(&mut conn, draft.pod_id).await? {
            return Err(Error::NoRun(draft.pod_id.to_owned()));
        }
        check_parent(&mut conn, draft).await?;
        earlier(&mut conn, who, None).await?
    };
    let opinion = moderator.judge(&comment, &earlier).await;
    if let Verdict::Refused(reason) = opinion.verdict {
        return Err(Error::Refused(reason));
    }
    let id = object_id();
    let mut tx = pool.begin().await?;
    if !comments::lock_run(&mut tx, draft.pod_id).await? {
        return Err(Error::NoRun(draft.pod_id.to_owned()));
    }
    check_parent(&mut tx, draft).await?;
    let new = NewComment {
        id: &id,
        pod_id: draft.pod_id,
        parent_id: draft.parent_id,
        github_id: who.github_id,
        username: &who.username,
        user_avatar: who.avatar_url.as_deref(),
        comment: &comment,
    };
    let created_at = comments::insert(&mut tx, &new).await?;
    outbox::append(&mut tx, Aggregate::Comment, &id, 1).await?;
    count(&mut tx, draft.pod_id, draft.parent_id, 1).await?;
    note_doubt(&mut tx, &id, &opinion).await?;
    tx.commit().await?;
    Ok(Posted { id, comment, created_at })
}

/// Changes what one's own comment says.
///
/// # Errors
/// When it isn't there, is somebody else's, hidden, was changed since it was read, is refused, or the database fails.
pub async fn edit(
    pool: &PgPool,
    moderator: &Moderator,
    who: &Author,
    change: &Change<'_>,
) -> Result<(), Error> {
    let comment = clean(change.text);
    if comment.is_empty() {
        return Err(Error::Empty);
    }
    let earlier = {
        let mut conn = pool.acquire().await?;
        let before = comments::get(&mut conn, change.id, None).await?;
        may_change(before, who, change)?;
        earlier(&mut conn, who, Some(change.id)).await?
    };
    let opinion = moderator.judge(&comment, &earlier).await;
    if let Verdict::Refused(reason) = opinion.verdict {
        return Err(Error::Refused(reason));
    }
    let mut tx = pool.begin().await?;
    let before = comments::lock(&mut tx, change.id, None).await?;
    may_change(before, who, change)?;
    let version = comments::edit(&mut tx, change.id, &comment).await?;
    outbox::append(&mut tx, Aggregate::Comment, change.id, version).await?;
    note_doubt(&mut tx, change.id, &opinion).await?;
    tx.commit().await?;
    Ok(())
}

/// Deletes one's own comment with the replies to it.
///
/// # Errors
/// When it isn't there, is somebody else's, or the database fails.
pub async fn delete(pool: &PgPool, who: &Author, id: &str) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let comment = lock_with_run(&mut tx, id).await?;
    if comment.github_id != who.github_id {
        return Err(Error::NotYours(id.to_owned()));
    }
    take_away(&mut tx, &comment).await?;
    tx.commit().await?;
    Ok(())
}

/// Locks a comment, and before it what has a count of it: its run, then the comment that it answers.
pub(super) async fn lock_with_run(conn: &mut PgConnection, id: &str) -> Result<Comment, Error> {
    let unknown = || Error::NoComment(id.to_owned());
    // Neither its run nor what it answers ever changes.
    let comment = comments::get(conn, id, None).await?.ok_or_else(unknown)?;
    comments::lock_run(conn, &comment.pod_id).await?;
    if let Some(parent) = &comment.parent_id {
        comments::lock(conn, parent, None).await?;
    }
    comments::lock(conn, id, None).await?.ok_or_else(unknown)
}

/// Deletes a locked comment with its replies, and says so to whoever publishes.
pub(super) async fn take_away(conn: &mut PgConnection, comment: &Comment) -> Result<(), Error> {
    for (id, version) in comments::delete(conn, &comment.id).await? {
        outbox::append(conn, Aggregate::Comment, &id, version + 1).await?;
    }
    if comment.hidden_at.is_none() {
        count(conn, &comment.pod_id, comment.parent_id.as_deref(), -1).await?;
    }
    Ok(())
}

/// Counts a comment that is seen from now on (1), or no more (-1), where it is counted.
pub(super) async fn count(
    conn: &mut PgConnection,
    pod_id: &str,
    parent: Option<&str>,
    more: i32,
) -> Result<(), Error> {
    match parent {
        None => comments::count_top_level(conn, pod_id, more).await?,
        Some(parent) => {
            let version = comments::count_replies(conn, parent, more).await?;
            outbox::append(conn, Aggregate::Comment, parent, version).await?;
        }
    }
    Ok(())
}

/// Checks that what a draft answers is a top-level comment of its run that is seen.
async fn check_parent(conn: &mut PgConnection, draft: &Draft<'_>) -> Result<(), Error> {
    let Some(id) = draft.parent_id else { return Ok(()) };
    let parent = comments::lock(conn, id, None).await?;
    match parent.filter(|parent| parent.pod_id == draft.pod_id && parent.hidden_at.is_none()) {
        None => Err(Error::NoComment(id.to_owned())),
        Some(parent) if parent.parent_id.is_some() => Err(Error::TooDeep(id.to_owned())),
        Some(_) => Ok(()),
    }
}

fn may_change(comment: Option<Comment>, who: &Author, change: &Change<'_>) -> Result<(), Error> {
    let id = || change.id.to_owned();
    let comment = comment.ok_or_else(|| Error::NoComment(id()))?;
    if comment.github_id != who.github_id {
        // Of one that is hidden others don't learn that it is there.
        return Err(if comment.hidden_at.is_some() { Error::NoComment(id()) } else { Error::NotYours(id()) });
    }
    match change.version {
        _ if comment.hidden_at.is_some() => Err(Error::Hidden(id())),
        Some(read) if read != comment.version => Err(Error::Changed { id: id(), read, now: comment.version }),
        _ => Ok(()),
    }
}

async fn earlier(conn: &mut PgConnection, who: &Author, but: Option<&str>) -> Result<Earlier, Error> {
    let (texts, lately) = comments::lately(conn, who.github_id, but).await?;
    Ok(Earlier { texts, lately })
}

/// Puts a comment of which the moderator isn't sure into the queue.
async fn note_doubt(conn: &mut PgConnection, id: &str, opinion: &Opinion) -> Result<(), Error> {
    if let Verdict::Doubtful(reason) = &opinion.verdict {
        comment_reports::add(conn, id, opinion.by, reason, true).await?;
    }
    Ok(())
}
