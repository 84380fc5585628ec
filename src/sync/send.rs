//! One pass: what waits in the outbox is read as it is now, written, and marked as sent. A row that can't be written is
//! put off with its error; a server that is away puts off all of them, and none is blamed.

use std::{collections::BTreeSet, time::Duration};

use mongodb::bson::{Document, doc};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    Error, Target,
    documents::{self, VERSION},
    fault::Fault,
};
use crate::{
    retry,
    store::outbox::{self, Aggregate, Waiting},
};

mod comments;
mod runs;
mod simple;

pub(super) use runs::{is_published, send_runs};
pub(super) use simple::named_prices;

/// Rows of one round at most: as many runs make a transaction of some hundred documents.
const BATCH: i64 = 64;

/// Waits between tries of a row that is refused: somebody has to look at it.
const PUT_OFF: retry::Backoff =
    retry::Backoff { initial: Duration::from_secs(10), max: Duration::from_hours(1) };

/// What a pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sent {
    /// Rows that are sent, or need no sending.
    pub sent: u64,
    /// Rows that were refused and are tried again later.
    pub refused: u64,
}

/// What became of each row of a batch: `None`: it is sent.
type Outcome<'a> = (&'a Waiting, Option<String>);

/// Sends everything that is due.
///
/// # Errors
/// When either database is away. What was not sent waits.
pub async fn send_due(pool: &PgPool, target: &Target) -> Result<Sent, Error> {
    let mut sent = Sent::default();
    loop {
        let rows = outbox::due(&mut *pool.acquire().await?, BATCH).await?;
        if rows.is_empty() {
            return Ok(sent);
        }
        // Who comes before what they say, and runs before votes for them.
        let kinds: BTreeSet<Aggregate> = rows.iter().map(|row| row.aggregate).collect();
        for kind in kinds {
            let some: Vec<&Waiting> = rows.iter().filter(|row| row.aggregate == kind).collect();
            let outcomes = send_kind(pool, target, kind, &some).await.map_err(|error| match error {
                Stop::Store(error) => Error::Store(error),
                Stop::Fault(fault) => target.error(&fault),
            })?;
            let mut conn = pool.acquire().await?;
            let done: Vec<&Waiting> =
                outcomes.iter().filter(|(_, error)| error.is_none()).map(|(row, _)| *row).collect();
            outbox::sent(&mut conn, &done).await?;
            sent.sent += done.len() as u64;
            for (row, error) in outcomes {
                let Some(error) = error else { continue };
                let attempt = u32::try_from(row.attempts).unwrap_or(u32::MAX).saturating_add(1);
                let wait = retry::step_delay(PUT_OFF, attempt, 1.0);
                let error = match target.error(&Fault::Refused(error)) {
                    Error::Refused(text) => text,
                    other => other.to_string(),
                };
                tracing::warn!(kind = kind.as_str(), key = %row.key, %error, "a row could not be published");
                outbox::failed(&mut conn, row, &error, wait).await?;
                sent.refused += 1;
            }
        }
    }
}

/// Why a batch was not sent at all.
pub(super) enum Stop {
    Store(crate::store::Error),
    Fault(Fault),
}

impl From<crate::store::Error> for Stop {
    fn from(error: crate::store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

async fn send_kind<'a>(
    pool: &PgPool,
    target: &Target,
    kind: Aggregate,
    rows: &[&'a Waiting],
) -> Result<Vec<Outcome<'a>>, Stop> {
    match kind {
        Aggregate::Run => runs::send(pool, target, rows).await,
        Aggregate::User => simple::users(pool, target, rows).await,
        Aggregate::Comment => comments::send(pool, target, rows).await,
        Aggregate::Upvote => simple::upvotes(pool, target, rows).await,
        Aggregate::ChatLog => simple::chats(pool, target, rows).await,
        Aggregate::Price => simple::prices(pool, target, rows).await,
    }
}

/// Writes one statement a row, each on its own, and says which failed. Two writers that met are tried once more, and so
/// is a key that is taken: it may have been taken just now. Where a newer version has it, ours needs no sending.
async fn each<'a>(
    target: &Target,
    verb: &str,
    collection: &'static str,
    statements: Vec<(&'a Waiting, Document)>,
) -> Result<Vec<Outcome<'a>>, Fault> {
    let (rows, statements): (Vec<&Waiting>, Vec<Document>) = statements.into_iter().unzip();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut outcomes: Vec<Outcome<'a>> = rows.iter().map(|row| (*row, None)).collect();
    let mut again: Vec<usize> = (0..rows.len()).collect();
    for last in [false, true] {
        let some = again.iter().map(|place| statements[*place].clone()).collect();
        let failed = target.write_each(verb, collection, some).await?;
        let mut met = Vec::new();
        for (place, fault) in failed {
            let Some(place) = again.get(place).copied() else { continue };
            match fault {
                Fault::Away(text) => return Err(Fault::Away(text)),
                Fault::Met(_) | Fault::Taken(_) if !last => met.push(place),
                Fault::Taken(text) => {
                    let key = newer(&statements[place]);
                    if !target.has(collection, key).await? {
                        outcomes[place].1 = Some(text);
                    }
                }
                Fault::Met(text) | Fault::Refused(text) => outcomes[place].1 = Some(text),
            }
        }
        if met.is_empty() {
            break;
        }
        again = met;
    }
    Ok(outcomes)
}

/// What a newer version of the document that a statement writes is found by.
fn newer(statement: &Document) -> Document {
    let mut key = statement.get_document("q").cloned().unwrap_or_default();
    if let Some(version) =
        key.get_document(VERSION).ok().and_then(|guard| guard.get_document("$not").ok()).cloned()
    {
        key.insert(VERSION, version);
    }
    key
}

/// A statement that deletes what has this key.
fn delete(key: Document) -> Document {
    doc! { "q": key, "limit": 0 }
}

/// What is to be written of rows, those that can't be made into a document apart.
fn made<T>(rows: Vec<(&Waiting, Result<T, documents::Unfit>)>) -> (Vec<(&Waiting, T)>, Vec<Outcome<'_>>) {
    let (mut fit, mut unfit) = (Vec::new(), Vec::new());
    for (row, made) in rows {
        match made {
            Ok(made) => fit.push((row, made)),
            Err(error) => unfit.push((row, Some(error.to_string()))),
        }
    }
    (fit, unfit)
}
