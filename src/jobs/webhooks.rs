//! The sender of messages to webhooks, beside the workers. Any number of processes may run it.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::webhooks::{Settings, send_due};

/// How often it looks. While there is something to send it looks again at once.
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn send_now_and_then(pool: PgPool, settings: Settings, shutdown: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.cancelled() => return,
        }
        loop {
            // What is being sent when we are told to stop is sent again by whoever comes next.
            let sent = tokio::select! {
                sent = send_due(&pool, &settings) => sent,
                () = shutdown.cancelled() => return,
            };
            match sent {
                Ok(sent) if sent.tried() == 0 => break,
                Ok(sent) => {
                    tracing::info!(
                        delivered = sent.delivered,
                        again = sent.again,
                        dead = sent.dead,
                        "webhooks"
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "messages to webhooks can't be sent");
                    break;
                }
            }
        }
    }
}
