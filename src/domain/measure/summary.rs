//! The published numbers of one benchmark: the types. Field names and order are the contract's 17 columns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    batches::Precision,
    gaps::GapHistogram,
    observed::{ChunkReport, Observed},
    until::{Until, UntilReport},
};

/// `concurrent` (a closed loop of N streams) or `throughput` (saturation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BenchmarkType {
    /// A fixed number of streams.
    Concurrent,
    /// As many requests in flight as allowed.
    Throughput,
    /// Arrivals at a rate (`dria-bench load --rate` only; never part of a run's ten results).
    Rate,
}

impl BenchmarkType {
    /// The published name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Concurrent => "concurrent",
            Self::Throughput => "throughput",
            Self::Rate => "rate",
        }
    }
}

/// The 17 columns by their exact names, in their order. A mean without data is `None` (shown as `-`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Columns {
    /// Kind of benchmark.
    pub benchmark_type: BenchmarkType,
    /// Streams; null for throughput.
    pub rate: Option<u32>,
    /// Request limit; null: limited by time.
    pub max_number: Option<u64>,
    /// Warm-up request limit; null: limited by time.
    pub warmup_number: Option<u64>,
    /// Wall time, s.
    pub benchmark_duration: f64,
    /// Requests of the view's population, however they ended.
    pub total_requests: u64,
    /// Those that completed without error.
    pub successful_requests: u64,
    /// Requests per second.
    pub requests_per_second: Option<f64>,
    /// Mean requests in flight.
    pub request_concurrency: Option<f64>,
    /// Mean latency, s.
    pub request_latency: Option<f64>,
    /// Mean prompt length, tokens.
    pub prompt_token_count: Option<f64>,
    /// Mean output length, tokens.
    pub output_token_count: Option<f64>,
    /// Mean time to first token, ms.
    pub time_to_first_token_ms: Option<f64>,
    /// Decode time per output token, ms.
    pub time_per_output_token_ms: Option<f64>,
    /// Mean gap between tokens, ms.
    pub inter_token_latency_ms: Option<f64>,
    /// Output tokens per second.
    pub output_tokens_per_second: Option<f64>,
    /// Prompt and output tokens per second.
    pub tokens_per_second: Option<f64>,
}

/// Spread of one quantity. A percentile that n can't support is `None`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// Samples.
    pub n: u64,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile; from 64 samples.
    pub p90: Option<f64>,
    /// 95th percentile; from 130 samples.
    pub p95: Option<f64>,
    /// 99th percentile; from 662 samples.
    pub p99: Option<f64>,
    /// Least.
    pub min: Option<f64>,
    /// Greatest.
    pub max: Option<f64>,
    /// Sample standard deviation.
    pub stddev: Option<f64>,
    /// 95 % confidence interval of the mean (seeded bootstrap).
    pub ci95: Option<[f64; 2]>,
    /// 95 % confidence interval of the median (exact binomial).
    pub p50_ci95: Option<[f64; 2]>,
}

/// The distributions shown beside the means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Latency, s.
    pub request_latency: Distribution,
    /// Time to first token, ms.
    pub time_to_first_token_ms: Distribution,
    /// Per-request mean gap between tokens, ms.
    pub inter_token_latency_ms: Distribution,
}

/// The view that is ours: requests completed inside the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The columns.
    #[serde(flatten)]
    pub columns: Columns,
    /// The spreads.
    pub percentiles: Percentiles,
}

/// The instrument's own error, published with each result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instrument {
    /// Streams (or in-flight limit) asked for; `None` in an open loop.
    pub intended_concurrency: Option<f64>,
    /// Time integral of requests in flight ÷ window.
    pub achieved_concurrency: f64,
    /// Client's send lag, ms: median.
    pub send_lag_p50_ms: Option<f64>,
    /// Client's send lag, ms: 99th percentile (highest of what there is where n is small).
    pub send_lag_p99_ms: Option<f64>,
    /// CPU time of the client ÷ wall time.
    pub cpu_share: f64,
    /// Network round trip, ms.
    pub rtt_ms: Option<f64>,
    /// The same once the level was over, ms.
    #[serde(default)]
    pub rtt_after_ms: Option<f64>,
    /// How the pieces of the answers arrived; null where no text came.
    #[serde(default)]
    pub chunks: Option<ChunkReport>,
    /// `direct` or `proxy`.
    pub path: String,
    /// |L − λW| ÷ L of the measured view.
    pub littles_law_error: Option<f64>,
    /// What a reader must know, as stable codes: `low_n`, `shared_host`, `client_bottleneck`, `usage_missing`,
    /// `prefix_cache_hit`, `short_output`, `prompt_length_off`, `count_mismatch`, `engine_slots`, `chunks_coalesced`.
    pub flags: Vec<String>,
}

/// One benchmark, summarised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelSummary {
    /// Our view.
    pub measured: Measured,
    /// The view existing readers expect.
    pub compat: Columns,
    /// The instrument on itself.
    pub instrument: Instrument,
    /// Failed requests by code.
    pub errors: BTreeMap<String, u64>,
    /// Every gap between two events; `None`: there was none, or an earlier version stored the result.
    #[serde(default)]
    pub itl_histogram: Option<GapHistogram>,
    /// How sure throughput and time to first token are, by batch means.
    #[serde(default)]
    pub precision: Precision,
    /// Whether a figure was measured as well as asked; `None`: nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UntilReport>,
    /// What was seen beside the records.
    #[serde(flatten)]
    pub observed: Observed,
}

impl LevelSummary {
    /// Says whether a figure was measured as well as was asked, by the published precision.
    pub fn judge(&mut self, until: Option<Until>) {
        self.until = until.map(|asked| UntilReport { asked, reached: asked.is_reached(&self.precision) });
    }
}
