//! Pausing and resuming a queue: what people ask of all runs of one, now and later.

use serde_json::json;
use sqlx::PgPool;

use super::{By, Error, sweep};
use crate::{
    queue::TokenQueue,
    store::{audit, queues, tokens::MOST_STRANDED},
};

/// Pauses a queue: no worker of any process takes a step of it up until it is resumed. Steps under way are finished,
/// and teardowns go on: a pause must leave nothing rented. Returns false when it was paused already.
///
/// # Errors
/// When there is no such queue, or the database fails.
pub async fn pause(
    pool: &PgPool,
    queue: &str,
    reason: Option<&str>,
    by: impl Into<By<'_>>,
) -> Result<bool, Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    let known = queues::list(&mut tx, 0.0).await?;
    if !known.iter().any(|known| known.name == queue) {
        let names: Vec<_> = known.into_iter().map(|queue| queue.name).collect();
        return Err(Error::Unknown(format!(
            "there is no queue `{queue}`: there are {}. One comes with its first run or worker",
            names.join(", ")
        )));
    }
    let news = queues::pause(&mut tx, queue, by.actor, reason).await?;
    if news {
        audit::append(&mut tx, by, "queue.pause", queue, json!({ "reason": reason })).await?;
    }
    tx.commit().await?;
    Ok(news)
}

/// Lets a queue be worked again, and wakes the steps whose tokens were spent meanwhile. A worker is taken for dead after
/// `silent_s` seconds without a sign of life. Returns false when the queue was not paused.
///
/// # Errors
/// When the database or the queue fails.
pub async fn resume(
    pool: &PgPool,
    tokens: &dyn TokenQueue,
    queue: &str,
    silent_s: f64,
    by: impl Into<By<'_>>,
) -> Result<bool, Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    if !queues::resume(&mut tx, queue).await? {
        return Ok(false);
    }
    audit::append(&mut tx, by, "queue.resume", queue, json!({})).await?;
    tx.commit().await?;
    // Cut short here, the next sweep does the rest.
    while sweep::sweep(pool, tokens, silent_s).await? == MOST_STRANDED {}
    Ok(true)
}
