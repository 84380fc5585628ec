//! Publishing: the copy of our results, people, comments and prices in MongoDB, which other sites read; and `import`,
//! which takes in what such a database has.
//!
//! PostgreSQL is the truth and MongoDB a copy that may be late, never ahead and never wrong: who changes something writes
//! an outbox row in the same transaction, and one process at a time sends what is true by then. This is the only room
//! that names MongoDB's driver. It must not know how a run is worked, nor who asks over HTTP.

mod documents;
mod fault;
pub mod import;
mod send;
mod sender;
mod target;
mod verify;

use crate::{
    config::{Config, Secret},
    store::{self, audit, outbox},
};

pub use send::{Sent, send_due};
pub use sender::{REPORT, Sender};
pub use target::Target;
pub use verify::{Checked, Verified, verify};

/// Where to publish, and what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's URL.
    pub url: Secret,
    /// The database.
    pub database: String,
    /// Whether conversations with the assistant are published: readers show all of them to anybody who is signed in.
    pub publish_chat_logs: bool,
    /// How often it looks without being told.
    pub poll: std::time::Duration,
}

impl Settings {
    /// What the settings say; `None`: nothing is published.
    #[must_use]
    pub fn from_config(config: &Config) -> Option<Self> {
        let sync = &config.mongodb;
        Some(Self {
            url: sync.url.clone()?,
            database: sync.database.clone(),
            publish_chat_logs: sync.publish_chat_logs,
            poll: sync.poll,
        })
    }
}

/// Has whoever sends try at once what was put off after a failure, and keeps who asked. Returns how many rows.
///
/// # Errors
/// When the database fails.
pub async fn try_again(pool: &sqlx::PgPool, by: audit::By<'_>) -> Result<u64, store::Error> {
    let mut tx = pool.begin().await?;
    let rows = outbox::try_now(&mut tx).await?;
    audit::append(&mut tx, by, "sync.retry", "outbox", serde_json::json!({ "rows": rows })).await?;
    tx.commit().await?;
    Ok(rows)
}

/// Why nothing could be published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL says nothing that the driver understands.
    #[error("MONGODB_URL can't be used: {0}. It is mongodb://USER:PASSWORD@HOST:PORT/")]
    Url(String),
    /// The server is away, or does not take writes now. Nothing is lost: it is tried again.
    #[error("MongoDB can't be written to: {0}. What is to be published waits")]
    Unavailable(String),
    /// The server refuses what we send.
    #[error("MongoDB refuses a document: {0}")]
    Refused(String),
    /// Our own database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
