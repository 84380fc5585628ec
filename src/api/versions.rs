//! Which state the data is in, for many who ask at once: one look at the database answers everybody who asked before it
//! began, so an answer is never older than its question, and a busy server asks the database once where it would have asked
//! fifty times.

use std::sync::Arc;

use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};

use super::error::Error;
use crate::store::{
    self,
    data_versions::{self, Marks},
};

/// Who may wait for one look at most. More wait for the next.
const AT_ONCE: usize = 1024;

type Answer = Result<Marks, Arc<store::Error>>;

/// Looks on behalf of others. Its task ends when the last one who could ask is gone.
#[derive(Debug)]
pub(super) struct Versions {
    questions: mpsc::Sender<oneshot::Sender<Answer>>,
}

impl Versions {
    /// Begins to look for whoever asks.
    pub(super) fn start(pool: PgPool) -> Self {
        let (questions, asked) = mpsc::channel(AT_ONCE);
        tokio::spawn(answer(pool, asked));
        Self { questions }
    }

    /// The state of the data, now or a moment later.
    pub(super) async fn now(&self) -> Result<Marks, Error> {
        let (question, answer) = oneshot::channel();
        let gone = || Error::Internal("nobody looks which state the data is in".to_owned());
        self.questions.send(question).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?.map_err(Error::Store)
    }
}

async fn answer(pool: PgPool, mut asked: mpsc::Receiver<oneshot::Sender<Answer>>) {
    let mut waiting = Vec::new();
    while asked.recv_many(&mut waiting, AT_ONCE).await > 0 {
        let answer = look(&pool).await.map_err(Arc::new);
        if answer.is_err() {
            // A database that is away keeps a look waiting: who asked meanwhile isn't kept for another one.
            while let Ok(question) = asked.try_recv() {
                waiting.push(question);
            }
        }
        for question in waiting.drain(..) {
            // Who has gone needs no answer.
            let _ = question.send(answer.clone());
        }
    }
}

async fn look(pool: &PgPool) -> Result<Marks, store::Error> {
    data_versions::now(&mut *pool.acquire().await?).await
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

    use super::*;

    #[tokio::test]
    async fn a_database_that_is_away_keeps_nobody_waiting_for_a_second_look() {
        // Nobody listens there: a look waits for as long as the pool does.
        let nowhere = PgConnectOptions::new().host("127.0.0.1").port(1);
        let wait = std::time::Duration::from_millis(300);
        let pool = PgPoolOptions::new().acquire_timeout(wait).connect_lazy_with(nowhere);
        let versions = Versions::start(pool);
        let late = async {
            // The others run until they wait: the first look has begun.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            versions.now().await
        };
        let (first, late) = tokio::join!(versions.now(), late);
        let (Err(Error::Store(first)), Err(Error::Store(late))) = (first, late) else {
            panic!("there is no database")
        };
        assert!(Arc::ptr_eq(&first, &late), "one look answers both");
    }
}
