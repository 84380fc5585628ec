//! How long to wait before trying again: one formula (exponential, capped, full jitter) for durable steps and for
//! single HTTP calls. The only user of backon.
//!
//! Full jitter draws from the whole span, 0 to the exponential ceiling: of all the jitters it spreads a herd of
//! clients most (Brooker, "Exponential Backoff and Jitter", AWS, 2015).

use std::{future::Future, time::Duration};

use backon::Retryable;

/// Ceilings of the waits: `initial` after the first failure, doubled after each more, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Ceiling of the wait after the first failure.
    pub initial: Duration,
    /// No ceiling is above this.
    pub max: Duration,
}

/// The wait after failed attempt number `attempt` (from 1), for a `random` number from 0 up to 1.
#[must_use]
pub fn step_delay(policy: Backoff, attempt: u32, random: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(63);
    let ceiling = policy.initial.as_secs_f64() * (1_u64 << doublings) as f64;
    let share = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
    Duration::try_from_secs_f64(ceiling.min(policy.max.as_secs_f64()) * share)
        .unwrap_or(policy.max)
        .min(policy.max)
}

/// How one HTTP call is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallPolicy {
    /// Tries in all, the first one counted; 0 counts as 1.
    pub tries: u32,
    /// The waits between them.
    pub backoff: Backoff,
    /// The longest `Retry-After` that is waited for; a longer one ends the call with its error.
    pub longest_retry_after: Duration,
}

impl Default for CallPolicy {
    /// 4 tries within about 7 s, and up to 30 s of `Retry-After`.
    fn default() -> Self {
        Self {
            tries: 4,
            backoff: Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(4) },
            longest_retry_after: Duration::from_secs(30),
        }
    }
}

/// Whether a failed call may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It would fail the same way.
    Never,
    /// After the policy's wait.
    Yes,
    /// Not before this time, said the server (`Retry-After`).
    NotBefore(Duration),
}

/// Calls until it works, until `judge` says that repeating is no use, or until the policy's tries are spent.
///
/// A `Retry-After` is waited out and jitter is added to it, so that clients told the same time don't come together.
///
/// # Errors
/// The last try's.
pub async fn call<T, E, F, Fut>(policy: CallPolicy, judge: impl Fn(&E) -> Again, operation: F) -> Result<T, E>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let waits = (1..policy.tries.max(1)).map(|attempt| step_delay(policy.backoff, attempt, rand::random()));
    operation
        .retry(waits)
        .when(|error| judge(error) != Again::Never)
        .adjust(|error, wait| match (judge(error), wait) {
            (Again::NotBefore(asked), Some(wait)) => {
                (asked <= policy.longest_retry_after).then(|| asked.saturating_add(wait))
            }
            (_, wait) => wait,
        })
        .await
}

/// Reads a `Retry-After` header (RFC 9110 §10.2.3): seconds, or a date that is compared with `now`.
#[must_use]
pub fn retry_after(header: &str, now: chrono::DateTime<chrono::Utc>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::DateTime::parse_from_rfc2822(header).ok()?;
    Some(date.signed_duration_since(now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use proptest::prelude::*;

    use super::*;

    fn quick(tries: u32) -> CallPolicy {
        let backoff = Backoff { initial: Duration::from_micros(1), max: Duration::from_micros(5) };
        CallPolicy { tries, backoff, longest_retry_after: Duration::from_secs(30) }
    }

    async fn failures(policy: CallPolicy, again: Again, fail: u32) -> (Result<u32, &'static str>, u32) {
        let calls = AtomicU32::new(0);
        let result = call(
            policy,
            |_| again,
            || {
                let call = calls.fetch_add(1, Ordering::Relaxed) + 1;
                async move { if call <= fail { Err("down") } else { Ok(call) } }
            },
        )
        .await;
        (result, calls.into_inner())
    }

    #[tokio::test]
    async fn a_call_is_repeated_until_it_works_or_its_tries_are_spent() {
        assert_eq!(failures(quick(4), Again::Yes, 2).await, (Ok(3), 3));
        assert_eq!(failures(quick(4), Again::Yes, 9).await, (Err("down"), 4));
        assert_eq!(failures(quick(0), Again::Yes, 9).await, (Err("down"), 1));
    }

    #[tokio::test]
    async fn a_hopeless_call_and_a_too_long_retry_after_are_not_repeated() {
        assert_eq!(failures(quick(4), Again::Never, 9).await, (Err("down"), 1));
        assert_eq!(failures(quick(4), Again::NotBefore(Duration::from_hours(1)), 9).await, (Err("down"), 1));
    }

    #[tokio::test]
    async fn a_retry_after_is_waited_out() {
        let started = std::time::Instant::now();
        let (result, calls) = failures(quick(2), Again::NotBefore(Duration::from_millis(50)), 1).await;
        assert_eq!((result, calls), (Ok(2), 2));
        assert!(started.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = chrono::DateTime::parse_from_rfc3339("2026-11-24T06:00:00Z").unwrap().to_utc();
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Tue, 24 Nov 2026 06:00:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Tue, 24 Nov 2026 05:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    proptest! {
        #[test]
        fn a_delay_is_within_its_ceiling_and_the_cap(
            initial_ms in 0_u64..100_000, max_ms in 0_u64..10_000_000, attempt in 0_u32..=u32::MAX, random in 0.0_f64..1.0,
        ) {
            let policy = Backoff { initial: Duration::from_millis(initial_ms), max: Duration::from_millis(max_ms) };
            let delay = step_delay(policy, attempt, random);
            prop_assert!(delay <= policy.max);
            let doublings = attempt.saturating_sub(1).min(40);
            prop_assert!(delay <= policy.initial.saturating_mul(1 << doublings.min(31)) || attempt > 32);
            prop_assert_eq!(step_delay(policy, attempt, 0.0), Duration::ZERO);
        }

        #[test]
        fn a_delay_grows_with_the_attempt_and_with_the_random_number(
            initial_ms in 1_u64..100_000, max_ms in 1_u64..10_000_000, attempt in 1_u32..100,
            low in 0.0_f64..1.0, high in 0.0_f64..1.0,
        ) {
            let policy = Backoff { initial: Duration::from_millis(initial_ms), max: Duration::from_millis(max_ms) };
            prop_assert!(step_delay(policy, attempt, low) <= step_delay(policy, attempt + 1, low));
            prop_assert!(step_delay(policy, attempt, low.min(high)) <= step_delay(policy, attempt, low.max(high)));
        }

        #[test]
        fn a_delay_reaches_its_whole_span(initial_ms in 1_u64..1000, attempt in 1_u32..10) {
            let policy = Backoff { initial: Duration::from_millis(initial_ms), max: Duration::from_hours(1) };
            let ceiling = Duration::from_millis(initial_ms << (attempt - 1));
            prop_assert_eq!(step_delay(policy, attempt, 1.0), ceiling);
            prop_assert!(step_delay(policy, attempt, 0.5) <= ceiling / 2 + Duration::from_nanos(1));
        }
    }
}
