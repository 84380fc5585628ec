//! How many streams each address has open. A stream holds its place until it is dropped, however it ends.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// The open streams by address.
#[derive(Debug)]
pub(super) struct Streams {
    open: Mutex<HashMap<IpAddr, u32>>,
    most: u32,
}

impl Streams {
    /// At most so many for each address.
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), most })
    }

    /// How many an address may have.
    pub(super) const fn most(&self) -> u32 {
        self.most
    }

    /// A place for one more; `None`: this address has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { streams: Arc::clone(self), address })
    }
}

/// A stream's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    streams: Arc<Streams>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_place_is_given_back_and_each_address_has_its_own() {
        let streams = Streams::new(1);
        let (here, there) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::BROADCAST));
        let place = streams.enter(here).unwrap();
        assert!(streams.enter(here).is_none());
        assert!(streams.enter(there).is_some());
        drop(place);
        assert!(streams.enter(here).is_some());
        assert!(streams.open.lock().unwrap().is_empty());
    }
}
