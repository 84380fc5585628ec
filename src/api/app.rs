//! What all handlers share.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{
    cache::Cache, explorer::Explorer, feed::Feed, legacy::Often, origin::Site, streams::Streams,
    versions::Versions,
};
use crate::{assistant::Assistant, community::Moderator, people::People, webhooks};

/// What all handlers share; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct App {
    /// The database.
    pub(super) pool: PgPool,
    /// Word of new events.
    pub(super) feed: Arc<Feed>,
    /// Who follows runs at the moment.
    pub(super) streams: Arc<Streams>,
    /// How often the original paths were asked in the last minute.
    pub(super) often: Arc<Often>,
    /// Answers that hold until somebody writes.
    pub(super) cache: Arc<Cache>,
    /// Which state the data is in.
    pub(super) versions: Arc<Versions>,
    /// Every run, to search.
    pub(super) explorer: Arc<Explorer>,
    /// The server is told to stop: answers that have no end of their own end now.
    pub(super) stopping: CancellationToken,
    /// Who answers questions; `None`: nobody is set up to.
    pub(super) assistant: Option<Assistant>,
    /// Who decides whether comments are posted.
    pub(super) moderator: Moderator,
    /// How messages to webhooks are sent.
    pub(super) webhooks: Arc<webhooks::Settings>,
    /// The MongoDB database that is published to; `None`: nothing is.
    pub(super) publishes_to: Option<String>,
    /// Who is signed in.
    pub(super) people: Arc<People>,
    /// What this server and the site are called.
    pub(super) site: Arc<Site>,
}

impl FromRef<App> for PgPool {
    fn from_ref(app: &App) -> Self {
        app.pool.clone()
    }
}

/// The database, as handlers get it.
pub(super) type Pool = State<PgPool>;
