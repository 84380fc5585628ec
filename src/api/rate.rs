//! How often one address may ask, by what it asks for: a bucket of requests that fills again by the minute.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use super::{caller::Caller, error::Error};

/// After so many requests, addresses that have been quiet are forgotten.
const TIDY_EVERY: u32 = 1024;

/// The buckets of every address.
#[derive(Debug)]
pub(super) struct Rates {
    reads: DefaultKeyedRateLimiter<IpAddr>,
    writes: DefaultKeyedRateLimiter<IpAddr>,
    seen: AtomicU32,
}

impl Rates {
    /// So many a minute for each address, all at once if it likes.
    pub(super) fn new(reads_per_minute: NonZeroU32, writes_per_minute: NonZeroU32) -> Arc<Self> {
        let bucket = |per_minute| RateLimiter::keyed(Quota::per_minute(per_minute));
        Arc::new(Self {
            reads: bucket(reads_per_minute),
            writes: bucket(writes_per_minute),
            seen: AtomicU32::new(0),
        })
    }

    /// Takes one from an address' bucket; where it is empty, the seconds until there is one again.
    fn take(&self, method: &Method, address: IpAddr) -> Result<(), u64> {
        let bucket =
            if *method == Method::GET || *method == Method::HEAD { &self.reads } else { &self.writes };
        if self.seen.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.reads.retain_recent();
            self.writes.retain_recent();
        }
        bucket.check_key(&address).map_err(|until| {
            let wait = until.wait_time_from(bucket.clock().now());
            wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
        })
    }
}

/// Refuses an address that asks too often. Those who watch over us ask as often as they like.
pub(super) async fn limit(
    State(rates): State<Arc<Rates>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    if !matches!(request.uri().path(), "/health" | "/healthz" | "/readyz" | "/metrics")
        && let Err(seconds) = rates.take(request.method(), caller.address)
    {
        return Error::TooMany(seconds).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_address_has_its_buckets_and_is_told_when_to_come_back() {
        let rates = Rates::new(NonZeroU32::new(2).unwrap(), NonZeroU32::MIN);
        let (here, there) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::BROADCAST));
        assert_eq!(rates.take(&Method::GET, here), Ok(()));
        assert_eq!(rates.take(&Method::HEAD, here), Ok(()));
        let wait = rates.take(&Method::GET, here).unwrap_err();
        assert!((1..=30).contains(&wait), "{wait}");
        assert_eq!(rates.take(&Method::POST, here), Ok(()), "writes have a bucket of their own");
        assert!(rates.take(&Method::DELETE, here).unwrap_err() > 30);
        assert_eq!(rates.take(&Method::GET, there), Ok(()));
    }
}
