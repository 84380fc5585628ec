//! How often one address may do a thing in a minute: what passed sign-in and validation counts, nothing else does.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::api::{caller::Caller, error::Error};

/// What "a minute" is.
const MINUTE: Duration = Duration::from_mins(1);

/// After so many requests, addresses that have been quiet are forgotten.
const TIDY_EVERY: usize = 1024;

/// The requests of the last minute, by address and path.
#[derive(Debug, Default)]
pub(in crate::api) struct Often {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When each was let pass, oldest first.
    by_path: HashMap<(IpAddr, &'static str), VecDeque<Instant>>,
    since_tidy: usize,
}

impl Often {
    /// Counts a request of this caller to this path, of which `most` a minute are let pass. To be called once the request has
    /// passed sign-in and validation.
    ///
    /// # Errors
    /// 429 with `Retry-After` where there were as many already; such a request isn't counted.
    pub(in crate::api) fn pass(&self, caller: &Caller, path: &'static str, most: usize) -> Result<(), Error> {
        self.pass_at(caller.address, path, most, Instant::now()).map_err(Error::TooMany)
    }

    fn pass_at(&self, address: IpAddr, path: &'static str, most: usize, now: Instant) -> Result<(), u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.since_tidy += 1;
        if seen.since_tidy >= TIDY_EVERY {
            seen.since_tidy = 0;
            seen.by_path
                .retain(|_, times| times.back().is_some_and(|last| now.duration_since(*last) < MINUTE));
        }
        let times = seen.by_path.entry((address, path)).or_default();
        while times.front().is_some_and(|first| now.duration_since(*first) >= MINUTE) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= most => {
                let wait = MINUTE.saturating_sub(now.duration_since(*first));
                Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn in_no_minute_more_pass_than_may_and_a_refused_one_is_not_counted() {
        let (often, began) = (Often::default(), Instant::now());
        let (here, there) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::BROADCAST));
        let pass = |address, path, at: u64| often.pass_at(address, path, 2, began + Duration::from_secs(at));
        assert_eq!((pass(here, "/a", 0), pass(here, "/a", 50)), (Ok(()), Ok(())));
        assert_eq!(pass(here, "/a", 59), Err(1));
        assert_eq!((pass(here, "/b", 59), pass(there, "/a", 59)), (Ok(()), Ok(())));
        assert_eq!(pass(here, "/a", 60), Ok(()), "the first is a minute ago");
        assert_eq!(pass(here, "/a", 61), Err(49));
    }

    #[test]
    fn who_has_been_quiet_is_forgotten() {
        let (often, began) = (Often::default(), Instant::now());
        for number in 0..u32::try_from(TIDY_EVERY).unwrap() {
            let at = began + Duration::from_secs(u64::from(number) * 61);
            often.pass_at(IpAddr::V4(Ipv4Addr::from_bits(number)), "/a", 1, at).unwrap();
        }
        assert!(often.seen.lock().unwrap().by_path.len() <= 2);
    }
}
