//! Searching published runs: facets with counts, ranges, order, pages; and what is drawn of those found, frontiers and
//! trends. It works on a copy in memory ([`Index`]) and must not know where that comes from.

mod configuration;
mod find;
mod index;
mod order;
mod pareto;
mod query;
mod spread;
#[cfg(test)]
mod tests;

pub use configuration::{Change, Configuration, changes, configurations, group};
pub use find::{FacetCount, Found, Span};
pub use index::Index;
pub use order::{Place, Sort, SortKey};
pub use pareto::pareto;
pub use query::{Facet, Metric, Query, Range};
pub use spread::{Figure, Spread};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{ids::RunId, run::RunStatus};

/// What stands for a value that nobody knows, in facets and filters.
pub const UNKNOWN: &str = "unknown";

/// A run as searches know it: published, or ended before it had a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// What it is called: its `pod_id`, or its run's id where it never had one.
    pub id: String,
    /// Its run; `None`: imported.
    pub run: Option<RunId>,
    /// The identifier it is published under; `None`: it has no results.
    pub pod_id: Option<String>,
    /// How it ended.
    pub status: RunStatus,
    /// Code of what ended it.
    pub failure_code: Option<String>,
    /// The model's display name.
    pub model: String,
    /// The engine's own id of it.
    pub llm_id: String,
    /// `7b`; empty: unknown.
    pub parameter_size: String,
    /// The engine's published name.
    pub engine: String,
    /// Its version.
    pub engine_version: Option<String>,
    /// The container image that ran.
    pub image: Option<String>,
    /// Precision of the weights.
    pub precision: Option<String>,
    /// The GPU: its id in the catalog where it is known there, else as it was called.
    pub gpu: String,
    /// The GPU as it was called.
    pub gpu_id: String,
    /// How many; 0: it ran on a CPU.
    pub gpu_count: i32,
    /// Where it ran: `Runpod`, `local`, …
    pub server: String,
    /// SHA-256 of the definition of its prompts.
    pub prompt_set: Option<String>,
    /// The whole machine, USD an hour.
    pub usd_per_hour: Option<Decimal>,
    /// A million output tokens at the throughput benchmark's rate, USD.
    pub usd_per_million_output_tokens: Option<Decimal>,
    /// Of its throughput benchmark (compat view): mean time to first token, ms.
    pub ttft_ms: Option<f64>,
    /// Output tokens a second.
    pub output_tokens_per_second: Option<f64>,
    /// Mean gap between tokens, ms.
    pub inter_token_latency_ms: Option<f64>,
    /// Mean latency, s.
    pub request_latency_s: Option<f64>,
    /// When its first benchmark began; where that isn't known, when the run was made.
    pub measured_at: DateTime<Utc>,
}

impl Listed {
    /// `measured` here, or `imported`.
    #[must_use]
    pub const fn origin(&self) -> &'static str {
        if self.run.is_some() { "measured" } else { "imported" }
    }
}
