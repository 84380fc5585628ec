//! `run_events`: what happened to a run, in order, with who did it. For people, the CLI's follow and audits.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{
    PgConnection, PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use utoipa::ToSchema;

use super::Error;
use crate::domain::ids::RunId;

/// Something that happened to a run.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Event {
    /// Ascends; a reader asks for what came after the last it saw.
    pub id: i64,
    /// When.
    pub ts: DateTime<Utc>,
    /// What, e.g. `run_created`, `step_started`, `step_done`, `step_retry`, `engine_lost`, `run_finished`.
    pub kind: String,
    /// The step it is about.
    pub step: Option<String>,
    /// Who: `worker:<name>`, `cli:<user>`, `sweeper`.
    pub actor: String,
    /// Anything more.
    pub data: Value,
}

/// Appends an event.
///
/// # Errors
/// When the database fails.
pub async fn append(
    conn: &mut PgConnection,
    run: RunId,
    kind: &str,
    step: Option<&str>,
    actor: &str,
    data: Value,
) -> Result<(), Error> {
    sqlx::query!(
        "insert into run_events (run_id, kind, step, actor, data) values ($1, $2, $3, $4, $5)",
        run.as_uuid(),
        kind,
        step,
        actor,
        data
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Events of a run after the one with id `after` (0: from the first), oldest first, at most 1000.
///
/// # Errors
/// When the database fails.
pub async fn after(conn: &mut PgConnection, run: RunId, after: i64) -> Result<Vec<Event>, Error> {
    page(conn, run, after, 1000).await
}

/// The same, at most `limit`. A run's events are appended under its lock, so their ids ascend as they are committed:
/// none appears behind one that was read.
///
/// # Errors
/// When the database fails.
pub async fn page(conn: &mut PgConnection, run: RunId, after: i64, limit: i64) -> Result<Vec<Event>, Error> {
    Ok(sqlx::query_as!(
        Event,
        "select id, ts, kind, step, actor, data from run_events where run_id = $1 and id > $2 order by id limit $3",
        run.as_uuid(),
        after,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// What a [`Listener`] hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// This run has new events.
    Of(RunId),
    /// Any run may have some: the session was lost for a while.
    Anything,
}

/// Hears of new events as they are committed. It has a session of its own.
#[derive(Debug)]
pub struct Listener(PgListener);

impl Listener {
    /// One that hears of everything committed after this returns.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub async fn new(pool: &PgPool) -> Result<Self, Error> {
        // Not one of the pool's sessions: those who ask must never wait for one that only listens.
        let options = pool.connect_options();
        let alone = PgPoolOptions::new().max_connections(1).connect_with((*options).clone()).await?;
        let mut listener = PgListener::connect_with(&alone).await?;
        listener.listen("run_events").await?;
        Ok(Self(listener))
    }

    /// The next that is heard.
    ///
    /// # Errors
    /// When the session was lost and there is no new one.
    pub async fn next(&mut self) -> Result<News, Error> {
        Ok(match self.0.try_recv().await? {
            Some(word) => word.payload().parse().map_or(News::Anything, News::Of),
            None => News::Anything,
        })
    }
}
