//! What makes a worker look for tokens: a notification for fresh ones, a timer for those that are due later.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use apalis::prelude::{PollSnapshot, PollStrategy};
use apalis_postgres::Pubsub;
use futures::Stream;
use sqlx::PgPool;
use tokio::time::{Interval, MissedTickBehavior};

/// Wakes a worker for each notification and at each tick.
///
/// Both are polled until they have nothing more, so that each leaves its waker behind. apalis' own strategies are polled
/// once: one that was ready leaves none, and where the look that follows is over in the same instant nothing wakes the
/// worker before its next heartbeat, seconds later.
pub(super) struct Wake {
    notifications: Pubsub,
    ticks: Interval,
}

impl Wake {
    /// A strategy for `queue`, with a look `every` so often. Needs a runtime.
    pub(super) fn new(pool: PgPool, queue: &str, every: Duration) -> Self {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { notifications: Pubsub::new(pool, queue.to_owned()), ticks }
    }
}

impl PollStrategy for Wake {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut woken = false;
        while self.ticks.poll_tick(cx).is_ready() {
            woken = true;
        }
        loop {
            match Pin::new(&mut self.notifications).poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => woken = true,
                // The listener could not be opened. Another try is made at the next tick.
                Poll::Ready(Some(Err(_)) | None) => {
                    if woken {
                        self.notifications = self.notifications.clone();
                    }
                    break;
                }
                Poll::Pending => break,
            }
        }
        if woken { Poll::Ready(Some(())) } else { Poll::Pending }
    }
}
