//! What was seen of host, engine and model while a run was set up: facts, kept with the run so that its numbers can be
//! judged and made again.
//!
//! Whatever nobody could see is `None`, never a guess. How it is found out is the business of providers, engines and the
//! load generator.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A host. `None` where it can't be seen (a rented pod tells less than this machine).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// CPU model, e.g. `Intel(R) Xeon(R) Platinum 8488C`.
    pub cpu_model: Option<String>,
    /// Physical cores.
    pub physical_cores: Option<u32>,
    /// Logical cores this process may use.
    pub logical_cores: Option<u32>,
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// Free disk where the data folder is, bytes.
    pub disk_free_bytes: Option<u64>,
    /// Operating system, e.g. `Linux (Debian GNU/Linux 12)`.
    pub os: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// GPU driver version.
    pub gpu_driver: Option<String>,
    /// GPUs, in the driver's order.
    #[serde(default)]
    pub gpus: Vec<GpuFacts>,
    /// Data center or region.
    #[serde(default)]
    pub region: Option<String>,
    /// Whether the load generator runs on the same host, so that both compete for it.
    pub shared_with_client: bool,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuFacts {
    /// Product name.
    pub name: String,
    /// Memory, MiB.
    pub memory_mib: Option<u64>,
    /// The card's own id.
    pub uuid: Option<String>,
    /// Power limit, W.
    pub power_limit_w: Option<u32>,
}

impl HostFacts {
    /// The GPU id under which results of this host are published: the first GPU's name, else `CPU <model>`.
    #[must_use]
    pub fn gpu_id(&self) -> String {
        match self.gpus.first() {
            Some(gpu) => gpu.name.clone(),
            None => format!("CPU {}", self.cpu_model.as_deref().unwrap_or("unknown")),
        }
    }
}

/// A model as the server lists it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServedModel {
    /// The id that requests must name.
    pub id: String,
    /// Context a request may use, tokens.
    pub context_tokens: Option<u32>,
    /// Precision or quantisation of the weights, as the engine names it.
    pub quantization: Option<String>,
    /// Digest of the weights.
    pub digest: Option<String>,
    /// Requests served at once.
    pub parallel_slots: Option<u32>,
    /// Whatever else the engine says that makes results comparable.
    #[serde(default)]
    pub details: Value,
}

/// What a download took. All `None` where the engine downloads as part of its start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PullReport {
    /// Wall time of the call, s.
    pub seconds: Option<f64>,
    /// Size of the model's layers, bytes (those that were here already are in it).
    pub bytes: Option<u64>,
    /// Digest of the model.
    pub digest: Option<String>,
}

/// What loading the model took, as far as it can be seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadReport {
    /// Weights from disk into memory, without the download, s.
    pub model_loading_s: Option<f64>,
    /// Download that was part of the engine's start, s.
    pub model_download_s: Option<f64>,
    /// Capturing graphs, s.
    pub graph_capture_s: Option<f64>,
    /// The engine's own warm-up: profiling, cache creation and graphs, s.
    pub engine_init_s: Option<f64>,
    /// Tokens its KV cache holds.
    pub kv_cache_tokens: Option<u64>,
    /// Where the weights are.
    pub placement: Option<Placement>,
}

/// Where a loaded model's memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// All of it, bytes.
    pub total_bytes: u64,
    /// What is in GPU memory, bytes.
    pub gpu_bytes: u64,
}

/// How prompts of words become tokens on one engine and model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Tokens that every prompt has beside its words (a begin-of-text token, a template).
    pub fixed_offset: i64,
    /// Tokens a word makes, on average. 1 where exact.
    pub tokens_per_word: f64,
    /// Whether a prompt has exactly the tokens asked for, or about.
    pub exact: bool,
    /// Words that are not one token on this model; no prompt has them.
    pub dropped_words: Vec<String>,
}

impl Calibration {
    /// One token a word and nothing else: the truth server's own rule.
    #[must_use]
    pub const fn word_is_token() -> Self {
        Self { fixed_offset: 0, tokens_per_word: 1.0, exact: true, dropped_words: Vec::new() }
    }

    /// Words that make a prompt of so many tokens; at least one.
    #[must_use]
    pub fn words_for(&self, tokens: u32) -> u32 {
        let words = (i64::from(tokens) - self.fixed_offset) as f64 / self.tokens_per_word;
        words.round().clamp(1.0, f64::from(u32::MAX)) as u32
    }
}
