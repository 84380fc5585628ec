//! What all handlers share.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{cache::Cache, explorer::Explorer, feed::Feed, streams::Streams};

/// What all handlers share; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct App {
    /// The database.
    pub(super) pool: PgPool,
    /// Word of new events.
    pub(super) feed: Arc<Feed>,
    /// Who follows runs at the moment.
    pub(super) streams: Arc<Streams>,
    /// Answers that hold until somebody writes.
    pub(super) cache: Arc<Cache>,
    /// Every run, to search.
    pub(super) explorer: Arc<Explorer>,
    /// The server is told to stop: answers that have no end of their own end now.
    pub(super) stopping: CancellationToken,
}

impl FromRef<App> for PgPool {
    fn from_ref(app: &App) -> Self {
        app.pool.clone()
    }
}

/// The database, as handlers get it.
pub(super) type Pool = State<PgPool>;
