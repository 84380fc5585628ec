//! From per-request records to published numbers: every formula of `docs/methodology.md`, once.
//!
//! [`summarise`] makes both published views from the same records ([`LevelRecords`], the third view, which anyone may
//! recompute them from). Everything here is arithmetic on whole microseconds: it must not know a clock, a socket or a
//! table, and the same records give the same digits on every machine, in whatever order they were merged.

pub mod batches;
pub mod comparable;
pub mod compare;
pub mod cost;
mod digest;
pub mod flags;
pub mod gaps;
mod instrument;
pub mod ledger;
pub mod objectives;
pub mod observed;
mod population;
mod rates;
pub mod raw;
pub mod recompute;
pub mod record;
pub mod requests;
pub mod samples;
pub mod series;
pub mod setup;
mod stats;

pub mod steady;
pub mod stop;
pub mod summary;
mod tokens;
pub mod until;
mod views;

pub use digest::{digest, is_twin};
pub(crate) use stats::median;
pub use stop::StopRule;

use record::{LevelRecords, LoadShape, Outcome};
use std::collections::BTreeMap;
use summary::{BenchmarkType, LevelSummary};

/// Both published views of one level, the instrument's report on itself, and the failures by code.
///
/// Never NaN or infinite: what has no data, or would be divided by zero, is `None`.
#[must_use]
pub fn summarise(level: &LevelRecords) -> LevelSummary {
    let measured = views::measured(level);
    let compat = views::compat(level);
    let instrument = instrument::report(level, &measured);
    let observed = observed::from_records(level);
    LevelSummary {
        measured,
        compat,
        instrument,
        errors: errors(level),
        itl_histogram: gaps::histogram(level),
        precision: batches::precision(level),
        until: None,
        observed,
    }
}

/// Failures by code, of every request that ended after warm-up (one that failed in the drain included).
fn errors(level: &LevelRecords) -> BTreeMap<String, u64> {
    let mut errors = BTreeMap::new();
    for record in level.after_warm_up() {
        if let Outcome::Errored { code } = &record.outcome {
            *errors.entry(code.clone()).or_insert(0) += 1;
        }
    }
    errors
}

impl LoadShape {
    /// The kind of benchmark this load makes.
    #[must_use]
    pub fn benchmark_type(self) -> BenchmarkType {
        match self {
            Self::Closed { .. } => BenchmarkType::Concurrent,
            Self::Saturate { .. } => BenchmarkType::Throughput,
            Self::Open { .. } => BenchmarkType::Rate,
        }
    }

    /// The `rate` column: the number of streams; null where the load isn't a number of streams.
    #[must_use]
    pub fn streams(self) -> Option<u32> {
        match self {
            Self::Closed { streams } => Some(streams),
            Self::Saturate { .. } | Self::Open { .. } => None,
        }
    }

    /// Most requests in flight at once; `None` in an open loop, where the answers decide.
    #[must_use]
    pub fn in_flight_limit(self) -> Option<u32> {
        match self {
            Self::Closed { streams } => Some(streams),
            Self::Saturate { max_in_flight } => Some(max_in_flight),
            Self::Open { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
