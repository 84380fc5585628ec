//! Requests a minute, for everybody who uses one client: RunPod counts them for the whole account.

use std::{collections::VecDeque, time::Duration};

use tokio::{sync::Mutex, time::Instant};

/// What requests are counted over, and the longest that anybody waits.
pub(super) const WINDOW: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Limiter {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: VecDeque<Instant>,
    not_before: Option<Instant>,
}

impl Limiter {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { most: per_minute.max(1) as usize, state: Mutex::default() }
    }

    /// Returns when the next request may be sent. Who waits holds the others up: they come one after another.
    pub(super) async fn turn(&self) {
        let mut state = self.state.lock().await;
        if let Some(not_before) = state.not_before.take() {
            tokio::time::sleep_until(not_before).await;
        }
        while state.sent.front().is_some_and(|sent| sent.elapsed() >= WINDOW) {
            state.sent.pop_front();
        }
        if state.sent.len() >= self.most
            && let Some(oldest) = state.sent.pop_front()
        {
            tokio::time::sleep_until(oldest + WINDOW).await;
        }
        state.sent.push_back(Instant::now());
    }

    /// Has everybody wait so long.
    pub(super) async fn hold(&self, wait: Duration) {
        let mut state = self.state.lock().await;
        state.not_before = state.not_before.max(Some(Instant::now() + wait));
    }
}

/// How long until a quota that an answer says is spent (`RateLimit: "minute";r=0;t=12, "hour";…`) is refilled; `None`
/// where none is.
pub(super) fn spent(header: &str) -> Option<Duration> {
    let seconds = |quota: &str| {
        let value = |name: &str| {
            quota.split(';').find_map(|part| part.trim().strip_prefix(name)?.parse::<u64>().ok())
        };
        (value("r=")? == 0).then(|| value("t="))?
    };
    header.split(',').filter_map(seconds).max().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_one_call_was_told_to_wait_for_holds_all_up() {
        let limiter = Limiter::new(100);
        let started = Instant::now();
        limiter.hold(Duration::from_millis(60)).await;
        limiter.hold(Duration::from_millis(5)).await;
        futures::future::join_all((0..3).map(|_| limiter.turn())).await;
        assert!(started.elapsed() >= Duration::from_millis(60));
    }

    #[test]
    fn only_a_spent_quota_is_waited_for() {
        let header = "\"minute\";r=0;t=12, \"hour\";r=2800;t=1812, \"day\";r=49500;t=45012";
        assert_eq!(spent(header), Some(Duration::from_secs(12)));
        assert_eq!(spent("\"minute\";r=3;t=12"), None);
        assert_eq!(spent("nonsense"), None);
    }
}
