//! Which state the data is in, for many who ask at once: one look at the database answers everybody who asked before it
//! began, so an answer is never older than its question, and a busy server asks the database once where it would have asked
//! fifty times.

use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use super::error::Error;
use crate::store::data_versions::{self, Marks};

/// Who may wait for one look at most. More wait for the next.
const AT_ONCE: usize = 1024;

/// Looks on behalf of others. Its task ends when the last one who could ask is gone.
#[derive(Debug)]
pub(super) struct Versions {
    questions: mpsc::Sender<oneshot::Sender<Marks>>,
    pool: PgPool,
}

impl Versions {
    /// Begins to look for whoever asks.
    pub(super) fn start(pool: PgPool) -> Self {
        let (questions, asked) = mpsc::channel(AT_ONCE);
        tokio::spawn(look(pool.clone(), asked));
        Self { questions, pool }
    }

    /// The state of the data, now or a moment later.
    pub(super) async fn now(&self) -> Result<Marks, Error> {
        let (question, answer) = oneshot::channel();
        if self.questions.send(question).await.is_ok()
            && let Ok(marks) = answer.await
        {
            return Ok(marks);
        }
        // The look failed; why, everybody finds out for themselves.
        Ok(data_versions::now(&mut *self.pool.acquire().await?).await?)
    }
}

async fn look(pool: PgPool, mut asked: mpsc::Receiver<oneshot::Sender<Marks>>) {
    let mut waiting = Vec::new();
    while asked.recv_many(&mut waiting, AT_ONCE).await > 0 {
        let marks = match pool.acquire().await {
            Ok(mut conn) => data_versions::now(&mut conn).await.ok(),
            Err(_) => None,
        };
        for question in waiting.drain(..) {
            if let Some(marks) = &marks {
                // Who has gone needs no answer.
                let _ = question.send(marks.clone());
            }
        }
    }
}
