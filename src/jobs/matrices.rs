//! The dispatcher of matrices, at the start and ever again. Any number of processes may run it.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{ledger::matrices::dispatch, workflow::Services};

/// How often it looks. A cell that waits for room waits so much longer.
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn dispatch_now_and_then(services: Services, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match dispatch(&services.pool, services.queue.as_ref()).await {
            Ok(dispatched) => {
                for done in dispatched.iter().filter(|done| done.started > 0 || done.skipped > 0 || done.over)
                {
                    tracing::info!(
                        matrix = %done.matrix, started = done.started, skipped = done.skipped, over = done.over,
                        "matrix dispatched"
                    );
                }
            }
            Err(error) => tracing::warn!(%error, "could not look for matrices"),
        }
    }
}
