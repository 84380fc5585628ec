//! Chores: what schedules with a `[job]` do. A chore is one file here and its line in `CHORES`.
//!
//! A chore may be cut short at any line, by a kill or because its process is told to stop; then it is done again from its
//! start. So it must be harmless twice, and hold no lock for long: small transactions of its own.

mod prices;
mod retention;
mod sync;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::{config::Config, ledger::Error, workflow::Services};

/// What a chore works with.
#[derive(Debug, Clone, Copy)]
pub struct ChoreContext<'a> {
    /// The database, the providers.
    pub services: &'a Services,
    /// The settings.
    pub config: &'a Config,
}

/// Does a chore and returns what it did, for people to read: `{"tokens_deleted": 12}`.
type Work = for<'a> fn(ChoreContext<'a>) -> BoxFuture<'a, Result<Value, Error>>;

/// Every chore, by the name that schedules call it.
const CHORES: &[(&str, Work)] = &[
    ("prices", |context| Box::pin(prices::work(context))),
    ("retention", |context| Box::pin(retention::work(context))),
    ("sync", |context| Box::pin(sync::work(context))),
];

/// The names of all chores.
#[must_use]
pub fn names() -> Vec<&'static str> {
    CHORES.iter().map(|(name, _)| *name).collect()
}

/// Does the chore of this name.
///
/// # Errors
/// When this version has none of the name, or it fails.
pub async fn work(name: &str, context: ChoreContext<'_>) -> Result<Value, Error> {
    let Some((_, work)) = CHORES.iter().find(|(known, _)| *known == name) else {
        return Err(Error::Refused(format!("this version has no chore `{name}`")));
    };
    work(context).await
}
