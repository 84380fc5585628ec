//! Who is served and who waits: a queue in order of arrival, and the gauges of both.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The engine's slots.
#[derive(Debug)]
pub(super) struct Slots {
    /// Fair: permits go out in the order they were asked for.
    permits: Option<Semaphore>,
    running: AtomicU64,
    waiting: AtomicU64,
    peak_running: AtomicU64,
    peak_in_flight: AtomicU64,
}

/// One slot, taken; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    slots: &'a Slots,
    _permit: Option<SemaphorePermit<'a>>,
    /// Whether it had to wait for the slot.
    pub(super) queued: bool,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.slots.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one waiting request for as long as it lives, also if its wait is abandoned.
struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    fn new(gauge: &'a AtomicU64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Slots {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            permits: limit.map(|limit| Semaphore::new(limit as usize)),
            running: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            peak_running: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
        }
    }

    /// Waits for a slot.
    pub(super) async fn take(&self) -> Slot<'_> {
        let at_once = self.permits.as_ref().and_then(|permits| permits.try_acquire().ok());
        let queued = self.permits.is_some() && at_once.is_none();
        let permit = if queued { self.wait().await } else { at_once };
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_running.fetch_max(running, Ordering::Relaxed);
        self.note_in_flight();
        Slot { slots: self, _permit: permit, queued }
    }

    async fn wait(&self) -> Option<SemaphorePermit<'_>> {
        let _waiting = Waiting::new(&self.waiting);
        self.note_in_flight();
        // The semaphore is never closed: an error can't come.
        self.permits.as_ref()?.acquire().await.ok()
    }

    fn note_in_flight(&self) {
        self.peak_in_flight.fetch_max(self.running() + self.waiting(), Ordering::Relaxed);
    }

    /// Requests being served.
    pub(super) fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }

    /// Requests in the queue.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Most requests served at once.
    pub(super) fn peak_running(&self) -> u64 {
        self.peak_running.load(Ordering::Relaxed)
    }

    /// Most requests served or queued at once.
    pub(super) fn peak_in_flight(&self) -> u64 {
        self.peak_in_flight.load(Ordering::Relaxed)
    }

    /// Starts the peaks again from what is in flight now.
    pub(super) fn reset_peaks(&self) {
        self.peak_running.store(self.running(), Ordering::Relaxed);
        self.peak_in_flight.store(self.running() + self.waiting(), Ordering::Relaxed);
    }
}
