//! The task that sends: woken by the outbox, and by itself every few seconds. Any number of processes may run one; one at
//! a time has the turn.

use std::time::Duration;

use serde_json::json;
use sqlx::{PgPool, postgres::PgListener};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Error, Sent, Settings, Target, send_due};
use crate::{
    clock, retry,
    store::{
        chores,
        outbox::{self, Turn},
    },
};

/// What its last word is called in `chore_reports`.
pub const REPORT: &str = "sync";

/// Waits after a server that was away. Days of it cost a look a minute.
const AWAY: retry::Backoff = retry::Backoff { initial: Duration::from_secs(1), max: Duration::from_mins(1) };

/// The sender of a process.
#[derive(Debug)]
pub struct Sender {
    task: Option<JoinHandle<()>>,
    shutdown: CancellationToken,
}

impl Sender {
    /// Starts it, or says in the log that nothing is published. `host` is who it says it is.
    #[must_use]
    pub fn start(pool: &PgPool, settings: Option<Settings>, host: &str) -> Self {
        let shutdown = CancellationToken::new();
        let Some(settings) = settings else {
            tracing::info!("MONGODB_URL is not set: nothing is published to MongoDB");
            return Self { task: None, shutdown };
        };
        tracing::info!(database = %settings.database, "publishing to MongoDB");
        let sending = Sending {
            pool: pool.clone(),
            settings,
            host: host.to_owned(),
            session: None,
            shutdown: shutdown.clone(),
        };
        Self { task: Some(tokio::spawn(sending.run())), shutdown }
    }

    /// Stops it. What is being written is written or, where the server has transactions, not at all.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

struct Sending {
    pool: PgPool,
    settings: Settings,
    host: String,
    /// In which transactions are open or may have been left so: of each word that it leaves, for whoever comes next.
    session: Option<String>,
    shutdown: CancellationToken,
}

impl Sending {
    async fn run(mut self) {
        let mut failures = 0_u32;
        let shutdown = self.shutdown.clone();
        loop {
            let ended = tokio::select! {
                ended = self.take_turn(&mut failures) => ended,
                () = shutdown.cancelled() => return,
            };
            let wait = match ended {
                // Another process has the turn.
                Ok(()) => self.settings.poll,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures == 1 {
                        tracing::warn!(%error, "publishing to MongoDB is interrupted");
                    }
                    self.report(Sent::default(), Some(&error.to_string())).await;
                    retry::step_delay(AWAY, failures, 1.0)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Has the turn until something fails. `Ok`: another process has it.
    async fn take_turn(&mut self, failures: &mut u32) -> Result<(), Error> {
        let Some(mut turn) = Turn::take(&self.pool).await? else { return Ok(()) };
        // Before the first look, so that nothing is missed between.
        let mut listener = outbox::listen(&self.pool).await?;
        let target = Target::open(&self.settings).await?;
        target.ping().await?;
        target.prepare().await?;
        self.take_over(&target).await?;
        loop {
            turn.holds().await?;
            let sent = send_due(&self.pool, &target).await?;
            if std::mem::take(failures) > 0 {
                tracing::info!("publishing to MongoDB goes on");
                self.report(sent, None).await;
            } else if sent != Sent::default() {
                self.report(sent, None).await;
            }
            wait(&mut listener, self.settings.poll).await?;
        }
    }

    /// Ends what the sender before may have left open, and leaves word of its own session before it sends anything.
    async fn take_over(&mut self, target: &Target) -> Result<(), Error> {
        if let Some(last) = chores::last(&mut *self.pool.acquire().await?, REPORT).await? {
            self.session = last.report["session"].as_str().map(str::to_owned);
        }
        if let Some(left) = &self.session {
            target.end_session(left).await?;
        }
        self.session = target.session_id().await?;
        self.report(Sent::default(), None).await;
        Ok(())
    }

    /// The last word, for `sync status` and whoever watches. Not being able to leave it is no reason to stop.
    async fn report(&self, sent: Sent, error: Option<&str>) {
        let report = json!({
            "sent": sent.sent, "refused": sent.refused, "error": error, "session": self.session, "at": clock::now(),
        });
        let Ok(mut conn) = self.pool.acquire().await else { return };
        if let Err(error) = chores::record(&mut conn, REPORT, &self.host, report).await {
            tracing::warn!(%error, "what was published could not be recorded");
        }
    }
}

/// Until something is appended, or for `poll`. Many rows at once are one look.
async fn wait(listener: &mut PgListener, poll: Duration) -> Result<(), Error> {
    match tokio::time::timeout(poll, listener.recv()).await {
        Ok(Ok(_)) => {
            while listener.next_buffered().is_some() {}
            Ok(())
        }
        Ok(Err(error)) => Err(Error::Store(error.into())),
        Err(_) => Ok(()),
    }
}
