//! One action on many runs: each in a transaction of its own, so that one that can't be done stops no other.

use std::{fmt, str::FromStr};

use sqlx::PgPool;

use super::{By, Error, again::reopen, operator};
use crate::{
    domain::ids::RunId,
    queue::TokenQueue,
    store::steering::{self, RunFilter},
};

/// Runs that one call changes at most.
const MOST: i64 = 1000;

/// What can be done to many runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// End them, through teardown.
    Cancel,
    /// Go on with those that failed or were cancelled.
    Retry,
    /// Let no further step of them start.
    Pause,
    /// Let them go on.
    Resume,
}

impl Action {
    /// Every action.
    pub const ALL: &[Self] = &[Self::Cancel, Self::Retry, Self::Pause, Self::Resume];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == s)
            .ok_or_else(|| format!("unknown action `{s}`: known are cancel, retry, pause, resume"))
    }
}

/// What became of each run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Those that were changed.
    pub done: Vec<RunId>,
    /// Those that were as asked already, or whose state didn't allow it, with the reason.
    pub left: Vec<(RunId, String)>,
}

/// Does `action` to every run that is meant, at most 1000.
///
/// # Errors
/// When the filter would mean every run, or the database or the queue fails. What was done until then stays done.
pub async fn apply(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    action: Action,
    filter: &RunFilter,
    by: impl Into<By<'_>>,
) -> Result<Outcome, Error> {
    each(pool, queue, action, filter, by.into(), false).await
}

/// What [`apply`] would do now, by doing it and taking it back: nothing is changed, and nobody is told.
///
/// # Errors
/// The same.
pub async fn foresee(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    action: Action,
    filter: &RunFilter,
    by: impl Into<By<'_>>,
) -> Result<Outcome, Error> {
    each(pool, queue, action, filter, by.into(), true).await
}

async fn each(
    pool: &PgPool,
    queue: &dyn TokenQueue,
    action: Action,
    filter: &RunFilter,
    by: By<'_>,
    takes_back: bool,
) -> Result<Outcome, Error> {
    if filter.is_empty() {
        return Err(Error::Refused("this would mean every run: say which are meant".to_owned()));
    }
    let mut conn = pool.acquire().await?;
    let meant = steering::matching(&mut conn, filter, MOST).await?;
    drop(conn);
    let mut outcome = Outcome::default();
    for id in meant {
        let mut tx = pool.begin().await?;
        let changed = match action {
            Action::Cancel => operator::cancel_in(&mut tx, queue, id, by).await,
            Action::Retry => reopen(&mut tx, queue, id, None, by).await.map(|_| true),
            Action::Pause => operator::pause_in(&mut tx, id, by).await,
            Action::Resume => operator::resume_in(&mut tx, queue, id, by).await,
        };
        if takes_back || changed.is_err() {
            tx.rollback().await?;
        } else {
            tx.commit().await?;
        }
        match changed {
            Ok(true) => outcome.done.push(id),
            Ok(false) => outcome.left.push((id, "it was as asked already".to_owned())),
            Err(error @ (Error::Refused(_) | Error::NoRun(_))) => outcome.left.push((id, error.to_string())),
            Err(error) => return Err(error),
        }
    }
    Ok(outcome)
}
