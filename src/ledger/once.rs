//! Starting a run, or a matrix, once, however often the request for it arrives.

use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{
    By, Error,
    operator::{Terms, record},
    pick,
};
use crate::{
    domain::ids::RunId,
    queue::TokenQueue,
    store::{
        audit, budgets,
        idempotency::{self, Key, Made},
        runs::NewRun,
        steering,
    },
};

/// What became of a request to start something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started<Id> {
    /// It is recorded now.
    New(Id),
    /// The same request came before: this is what it made.
    Before(Id),
}

/// What a request made that came with this key before; `None`: it comes for the first time, and `made` is made in the same
/// transaction.
///
/// # Errors
/// When the key came with another request, or the database fails.
pub(super) async fn before(conn: &mut PgConnection, key: Key<'_>, made: Made) -> Result<Option<Made>, Error> {
    match idempotency::take(conn, key, made).await? {
        None => Ok(None),
        Some((before, request)) if request == key.request_sha256 => Ok(Some(before)),
        Some((before, _)) => Err(Error::Refused(format!(
            "the idempotency key `{}` came with another request before, which made {before}: use a new key for a new \
             request",
            key.key
        ))),
    }
}

/// Records a run and wakes its first step, on these terms; where a key came with the request,
/// in one transaction with it.
///
/// # Errors
/// When the key came with another request before, or the database or the queue fails.
pub async fn start_once(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    new: &NewRun<'_>,
    terms: Terms<'_>,
    key: Option<Key<'_>>,
    by: impl Into<By<'_>>,
) -> Result<Started<RunId>, Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    if let Some(key) = key
        && let Some(Made::Run(run)) = before(&mut tx, key, Made::Run(new.id)).await?
    {
        return Ok(Started::Before(run));
    }
    record(&mut tx, queue, new, by).await?;
    if let Some(picked) = terms.picked {
        pick::note(&mut tx, new.id, picked, by).await?;
    }
    steering::set_hold(&mut tx, new.id, terms.hold_min).await?;
    let mut detail = json!({ "hold_on_failure_min": terms.hold_min });
    if let Some(usd) = terms.budget_usd {
        budgets::set(&mut tx, new.id, Some(usd)).await?;
        detail["budget_usd"] = json!(usd);
    }
    audit::append(&mut tx, by, "run.create", &new.id.to_string(), detail).await?;
    tx.commit().await?;
    Ok(Started::New(new.id))
}
