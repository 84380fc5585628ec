//! Monitoring from outside: `/metrics` with what the database knows, who may read it, and a small server for processes
//! that have no other (workers, schedulers). It must not know how a run is worked.

mod access;
mod server;

use std::{sync::LazyLock, time::Duration};

use sqlx::PgPool;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    metrics::{self, DatabaseFigures, OutboxFigures, ProviderFigures, QueueFigures},
    store::figures::{self, Figures},
};

pub use access::{Refused, may_read};
pub use server::{Error, MonitorServer, Readiness, serve};

/// How long after a sign of life a worker counts as alive, where no lease is set: the default lease.
pub const SILENT: Duration = Duration::from_secs(30);

/// How long what the database said is good for: any number of scrapes costs one look.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// How long the database may take; a scrape must not hang on it.
const PATIENCE: Duration = Duration::from_secs(3);

/// When the database was last asked. The lock makes scrapes at the same time one.
static ASKED: LazyLock<Mutex<Option<Instant>>> = LazyLock::new(|| Mutex::new(None));

/// The text of `/metrics`: what this process recorded, and what the database says, asked at most every 5 s. A worker
/// counts as alive for `silent` after a sign of life. Without an answer `dria_bench_database_up` is 0.
pub async fn metrics_text(pool: &PgPool, silent: Duration) -> String {
    let mut asked = ASKED.lock().await;
    if asked.is_none_or(|at| at.elapsed() >= GOOD_FOR) {
        let read = tokio::time::timeout(PATIENCE, async {
            figures::read(&mut *pool.acquire().await?, silent.as_secs_f64()).await
        });
        let figures = match read.await {
            Ok(Ok(figures)) => Some(of_database(figures)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database's figures can't be read");
                None
            }
            Err(_) => {
                tracing::warn!("the database did not give its figures within {} s", PATIENCE.as_secs());
                None
            }
        };
        metrics::set_database_figures(figures.as_ref());
        *asked = figures.is_some().then(Instant::now);
    }
    metrics::render()
}

fn of_database(figures: Figures) -> DatabaseFigures {
    use rust_decimal::prelude::ToPrimitive;
    let queues = figures.queues.into_iter().map(|queue| QueueFigures {
        depth: [
            ("queued", queue.queued),
            ("scheduled", queue.scheduled),
            ("held", queue.held),
            ("running", queue.running),
        ],
        name: queue.name,
        paused: queue.paused,
        oldest_s: queue.oldest_queued_s,
        workers: queue.workers,
    });
    let providers = figures.rented.into_iter().map(|rented| ProviderFigures {
        name: rented.provider,
        live_pods: rented.live,
        spent_usd: rented.spent_usd.to_f64().unwrap_or_default(),
        rate_usd_per_hour: rented.rate_usd_per_hour.to_f64().unwrap_or_default(),
    });
    DatabaseFigures {
        queues: queues.collect(),
        providers: providers.collect(),
        dead_letters: figures.dead_letters,
        outbox: OutboxFigures {
            unsent: figures.outbox.unsent,
            failing: figures.outbox.failing,
            oldest_s: figures.outbox.oldest_s.unwrap_or_default(),
        },
    }
}
