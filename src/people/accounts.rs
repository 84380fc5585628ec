//! What is done to a whole account: given out or deleted by its owner, suspended by an administrator.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::Error;
use crate::{
    ledger::By,
    store::{
        audit,
        outbox::{self, Aggregate},
        personal_data, users,
    },
};

/// Everything that is kept of somebody, as one JSON object.
///
/// # Errors
/// When the database fails.
pub async fn export(pool: &PgPool, github_id: i64) -> Result<Value, Error> {
    Ok(personal_data::export(&mut *pool.acquire().await?, github_id).await?)
}

/// Deletes somebody: their row, sessions and chats. What they said and voted for has to be taken back before. Who publishes hears
/// of each. The audit log keeps that an account of this number was deleted.
///
/// # Errors
/// When the database fails.
pub async fn erase(pool: &PgPool, github_id: i64, by: By<'_>) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    let Some(erased) = personal_data::erase(&mut tx, github_id).await? else { return Ok(()) };
    for chat in &erased.chats {
        outbox::append(&mut tx, Aggregate::ChatLog, chat, 2).await?;
    }
    let target = github_id.to_string();
    outbox::append(&mut tx, Aggregate::User, &target, erased.version + 1).await?;
    audit::append(&mut tx, by, "user.delete", &target, json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// Lets somebody write no more, for a reason, or (`None`) lets them again. Returns whether that changed anything.
///
/// # Errors
/// When there is no such user, or the database fails.
pub async fn suspend(pool: &PgPool, github_id: i64, reason: Option<&str>, by: By<'_>) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let changed = users::suspend(&mut tx, github_id, reason).await?.ok_or(Error::NoUser(github_id))?;
    let Some(version) = changed else { return Ok(false) };
    let target = github_id.to_string();
    let (action, detail) = match reason {
        Some(reason) => ("user.suspend", json!({ "reason": reason })),
        None => ("user.unsuspend", json!({})),
    };
    outbox::append(&mut tx, Aggregate::User, &target, version).await?;
    audit::append(&mut tx, by, action, &target, detail).await?;
    tx.commit().await?;
    Ok(true)
}
