//! `published_runs` and `published_results`: what readers see of a run, whether it was measured here or imported.
//!
//! Every change goes through [`upsert`], which raises the version only where something changed; [`project`] makes the
//! rows of a run of this ledger. Votes and comments are counted by those who record them, never here.

mod failures;
mod project;
mod read;
mod write;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub use project::{catch_up, project};
pub use read::{StoredPublication, after, get, many};
pub use write::{Published, upsert};

use crate::domain::{
    ids::RunId,
    measure::{comparable::Comparability, summary::BenchmarkType},
    run::RunStatus,
};

/// Where a run comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It was measured by this deployment.
    Measured(RunId),
    /// It was imported: `mongodb:<database>` or `file:<name>`.
    Imported(String),
}

/// What readers see of a run beside its results. What nobody knows is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedRun {
    /// The run's public identifier: `[A-Za-z0-9_-]+`.
    pub pod_id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// How it ended.
    pub status: RunStatus,
    /// Code of what ended it.
    pub failure_code: Option<String>,
    /// The engine's own model id.
    pub llm_id: String,
    /// The model's display name.
    pub llm_common_name: String,
    /// `7b`, lower-case; empty: unknown.
    pub llm_parameter_size: String,
    /// The model's name in `catalog/models.csv` (`common_name`).
    pub model_slug: Option<String>,
    /// Precision of the weights.
    pub precision: Option<String>,
    /// `Ollama`, `VLLM`, `SGLang`, or another engine's own name.
    pub inference_name: String,
    /// The engine's version.
    pub engine_version: Option<String>,
    /// The container image that ran.
    pub image: Option<String>,
    /// The GPU as it was called where it was measured.
    pub gpu_id: String,
    /// The GPU's id in `catalog/gpus.csv`.
    pub gpu_key: Option<String>,
    /// How many GPUs.
    pub gpu_count: i32,
    /// `Runpod`, or another provider's own name.
    pub server_type: String,
    /// Base URL of the engine; empty: unknown.
    pub pod_url: String,
    /// The engine's port; 0: unknown.
    pub port: i32,
    /// Persistent volume, GB.
    pub volume_in_gb: i32,
    /// Container disk, GB.
    pub container_disk_in_gb: i32,
    /// From the create call until the server answered, s.
    pub server_start_s: Option<i32>,
    /// The model's download, s.
    pub model_download_s: Option<i32>,
    /// What it cost.
    pub cost: Option<PublishedCost>,
    /// Wall time of its benchmarks together, s.
    pub benchmark_duration_s: Option<f64>,
    /// When the first benchmark began.
    pub suite_started_at: Option<DateTime<Utc>>,
    /// When the last one ended.
    pub suite_ended_at: Option<DateTime<Utc>>,
    /// Benchmarks that have no result.
    pub failures: Vec<PublishedFailure>,
    /// What another run must agree on to compare fairly.
    pub comparability: Option<Comparability>,
    /// Icon of the model's family.
    pub icon_url: Option<String>,
    /// When the run was made.
    pub created_at: DateTime<Utc>,
}

/// What a run's machine cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedCost {
    /// The whole machine, USD an hour.
    pub usd_per_hour: Decimal,
    /// How long it was ours, s.
    pub uptime_s: i32,
}

impl PublishedCost {
    /// Hours × price, USD, to a millionth.
    #[must_use]
    pub fn used_usd(&self) -> Decimal {
        (self.usd_per_hour * Decimal::from(self.uptime_s) / Decimal::from(3_600)).round_dp(6)
    }
}

/// A benchmark that has no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFailure {
    /// `concurrent` or `throughput`.
    pub test_type: BenchmarkType,
    /// Streams; null for throughput.
    pub rate: Option<i32>,
    /// What went wrong, for people.
    pub error: String,
    /// What went wrong, for counting.
    pub kind: FailureKind,
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Something took too long.
    Timeout,
    /// The engine could not be reached, or hung up.
    Connection,
    /// The engine answered with an error.
    ServerError,
    /// Memory ran out.
    MemoryError,
    /// Anything else.
    Unknown,
}

/// One benchmark as readers see it: the 17 columns, none of the means missing.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedResult {
    /// `concurrent` or `throughput`.
    pub benchmark_type: BenchmarkType,
    /// Streams; `None` for throughput.
    pub rate: Option<i32>,
    /// Its row in `benchmark_results`; `None`: imported.
    pub result_id: Option<i64>,
    /// Request limit.
    pub max_number: Option<i64>,
    /// Warm-up request limit.
    pub warmup_number: Option<i64>,
    /// Wall time, s.
    pub benchmark_duration: f64,
    /// Requests, however they ended.
    pub total_requests: i64,
    /// Those that completed; at least one.
    pub successful_requests: i64,
    /// Requests a second.
    pub requests_per_second: f64,
    /// Mean requests in flight.
    pub request_concurrency: f64,
    /// Mean latency, s.
    pub request_latency: f64,
    /// Mean prompt length, tokens.
    pub prompt_token_count: f64,
    /// Mean output length, tokens.
    pub output_token_count: f64,
    /// Mean time to first token, ms.
    pub time_to_first_token_ms: f64,
    /// Decode time a token, ms.
    pub time_per_output_token_ms: f64,
    /// Mean gap between tokens, ms.
    pub inter_token_latency_ms: f64,
    /// Output tokens a second.
    pub output_tokens_per_second: f64,
    /// All tokens a second.
    pub tokens_per_second: f64,
    /// When it ended.
    pub measured_at: DateTime<Utc>,
}
