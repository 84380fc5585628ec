//! Wall time, the only place that asks for it.
//!
//! Durations are measured with [`std::time::Instant`], and leases, retries and schedules compare inside the
//! database with its own `now()`, so that hosts whose clocks differ agree. Wall time from here is stored beside
//! measurements and orders new identifiers; nothing is computed from it.

use chrono::{DateTime, Utc};

/// The current wall time in UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
