//! The chore `retention`: deletes worked tokens, workers that are gone, old ticks, old messages to webhooks and
//! rows of what was published, in batches of a transaction each.

use serde_json::{Value, json};

use super::ChoreContext;
use crate::{
    ledger::Error,
    store::{deliveries, outbox, retention},
};

/// Rows a transaction deletes at most: a few milliseconds, so that nobody waits.
const BATCH: i64 = 1000;

/// Days that messages to webhooks are kept once they are delivered or dead.
const MESSAGES_DAYS: i32 = 30;

pub(super) async fn work(context: ChoreContext<'_>) -> Result<Value, Error> {
    let days = &context.config.retention;
    let pool = &context.services.pool;
    let (mut tokens, mut after) = (0, Some(String::new()));
    while let Some(last) = after {
        let mut conn = pool.acquire().await?;
        let (deleted, next) = retention::delete_tokens(&mut conn, days.queue_days, &last, BATCH).await?;
        tokens += deleted;
        after = next;
    }
    let (mut workers, mut ticks) = (0, 0);
    loop {
        let deleted = retention::delete_workers(&mut *pool.acquire().await?, days.queue_days, BATCH).await?;
        workers += deleted;
        if deleted == 0 {
            break;
        }
    }
    loop {
        let deleted = retention::delete_ticks(&mut *pool.acquire().await?, days.ticks_days, BATCH).await?;
        ticks += deleted;
        if deleted == 0 {
            break;
        }
    }
    let mut messages = 0;
    loop {
        let deleted = deliveries::delete_old(&mut *pool.acquire().await?, MESSAGES_DAYS, BATCH).await?;
        messages += deleted;
        if deleted == 0 {
            break;
        }
    }
    let mut outbox = 0;
    loop {
        let deleted = outbox::delete_sent(&mut *pool.acquire().await?, days.outbox_days, BATCH).await?;
        outbox += deleted;
        if deleted == 0 {
            break;
        }
    }
    Ok(json!({
        "tokens_deleted": tokens, "workers_deleted": workers, "ticks_deleted": ticks, "messages_deleted": messages,
        "outbox_deleted": outbox,
    }))
}
