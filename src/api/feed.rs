//! Word that a run has new events: one session of the database listens for the whole process, and fans out.
//!
//! Word may be lost, or come twice: whoever gets it reads the table from where it was. Nothing of an event travels here.

use std::time::Duration;

use sqlx::PgPool;
use tokio::{
    sync::{Mutex, broadcast},
    task::AbortHandle,
};

use crate::{
    domain::ids::RunId,
    store::{
        self,
        events::{Listener, News},
    },
};

/// Words that a slow receiver may be behind before it is told to read the table instead.
const BACKLOG: usize = 1024;

/// How long to wait before listening again, when the database is gone.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// The one who listens; it starts with the first who wants to know.
#[derive(Debug)]
pub(super) struct Feed {
    pool: PgPool,
    listening: Mutex<Option<Listening>>,
}

#[derive(Debug)]
struct Listening {
    words: broadcast::Sender<News>,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Feed {
    /// One that doesn't listen yet.
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, listening: Mutex::new(None) }
    }

    /// Word from now on: of an event that is committed after this returns, there is word.
    pub(super) async fn follow(&self, run: RunId) -> Result<Word, store::Error> {
        let mut listening = self.listening.lock().await;
        if let Some(listening) = &*listening {
            return Ok(Word { run, words: listening.words.subscribe() });
        }
        let listener = Listener::new(&self.pool).await?;
        let (sender, words) = broadcast::channel(BACKLOG);
        let task = tokio::spawn(listen(self.pool.clone(), listener, sender.clone())).abort_handle();
        *listening = Some(Listening { words: sender, task });
        Ok(Word { run, words })
    }
}

/// Passes on what is heard. After a gap everybody is told, since nobody knows what was missed.
async fn listen(pool: PgPool, mut listener: Listener, words: broadcast::Sender<News>) {
    loop {
        match listener.next().await {
            // Nobody follows at the moment: that is no error.
            Ok(news) => drop(words.send(news)),
            Err(error) => {
                tracing::warn!(%error, "new events can't be listened for; trying again");
                listener = loop {
                    tokio::time::sleep(LISTEN_AGAIN).await;
                    if let Ok(listener) = Listener::new(&pool).await {
                        break listener;
                    }
                };
                drop(words.send(News::Anything));
            }
        }
    }
}

/// Word of one run.
#[derive(Debug)]
pub(super) struct Word {
    run: RunId,
    words: broadcast::Receiver<News>,
}

impl Word {
    /// Returns when the run may have new events.
    pub(super) async fn of_more(&mut self) {
        loop {
            match self.words.recv().await {
                Ok(News::Of(run)) if run != self.run => {}
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                // The feed has ended, and the process with it.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
