//! What a run is asked to do: everything needed to do it again (`dria-bench run --like RUN`).

use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    kinds::{EngineKind, ProviderKind},
    measure::until::Until,
};

/// The longest prompt or output that may be asked for, in tokens: the longest context any model offers.
pub const MAX_TOKENS: u32 = 10_000_000;

/// A run's request, as stored in `workflow_runs.spec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// Name of the workflow definition (`workflows/<name>.toml`).
    pub workflow: String,
    /// The engine.
    pub engine: EngineSpec,
    /// The model.
    pub model: ModelSpec,
    /// The machine.
    pub machine: MachineSpec,
    /// The load.
    pub load: LoadSpec,
}

/// How the engine is set up. What two results need to agree on to compare fairly is here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EngineSpec {
    /// Which engine.
    pub kind: EngineKind,
    /// Weights' precision or quantisation as asked for (`bf16`, `fp8`, `Q4_K_M`); `None`: the engine's default.
    #[serde(default)]
    pub precision: Option<String>,
    /// Context length a request may use, in tokens; `None`: enough for prompt and output.
    #[serde(default)]
    pub context_tokens: Option<u32>,
    /// Requests the engine serves at once (llama.cpp slots, Ollama `num_parallel`); `None`: engine's default.
    #[serde(default)]
    pub parallel_slots: Option<u32>,
    /// Whether the engine may answer from a prefix cache.
    #[serde(default)]
    pub prefix_caching: bool,
    /// More arguments for the engine's command line, as given.
    #[serde(default)]
    pub extra_args: Vec<String>,
}

/// The model, by the engine's own id and by the names shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// The engine's own id: `llama2:7b`, `meta-llama/Llama-2-7b-chat-hf`, a GGUF path's alias.
    pub id: String,
    /// Display name: `Llama2-7B`.
    pub common_name: String,
    /// Parameter size, lower-case: `7b`.
    pub parameter_size: String,
    /// A local weights file or folder, where the provider is local and the engine takes one.
    #[serde(default)]
    pub path: Option<String>,
}

/// Where the engine runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// The provider.
    pub provider: ProviderKind,
    /// RunPod GPU type id (`NVIDIA H200`), or `CPU <model>` for a run without a GPU.
    pub gpu_id: String,
    /// GPU type ids to try in this order when `gpu_id` can't be had (rented machines only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpu_candidates: Vec<String>,
    /// GPUs asked for; 0 for a CPU run.
    pub gpu_count: u32,
    /// The data center it must be in, by the provider's name (rented machines only); `None`: wherever there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_center: Option<String>,
    /// Persistent volume, GB.
    pub volume_in_gb: u32,
    /// Container disk, GB.
    pub container_disk_in_gb: u32,
    /// Engine's port; `None`: the engine's default, or a free port on the local provider.
    #[serde(default)]
    pub port: Option<u16>,
    /// Base URL of what already runs (`endpoint` only).
    #[serde(default)]
    pub url: Option<String>,
}

/// The load of the ten benchmarks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSpec {
    /// Numbers of streams measured, ascending.
    pub rates: Vec<u32>,
    /// Seconds a level lasts at least.
    pub seconds: f64,
    /// Prompt length, tokens.
    pub prompt_tokens: u32,
    /// Output length, tokens.
    pub output_tokens: u32,
    /// Seed of prompts and of every statistic that samples.
    pub seed: u64,
    /// Most requests in flight in the throughput benchmark.
    pub max_in_flight: u32,
    /// How well a figure is to be known before a level ends; `None`: its seconds and completions decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
}

/// Checks the base URL of an engine that already runs, and returns it as it is stored.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub fn base_url(text: &str) -> Result<String, String> {
    let url: Url = text.parse().map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("must be http or https, with a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a password: it would be stored with the run".to_owned());
    }
    Ok(url.to_string())
}

impl Default for LoadSpec {
    fn default() -> Self {
        Self {
            rates: (1..=9).collect(),
            seconds: 30.0,
            prompt_tokens: 100,
            output_tokens: 200,
            seed: 42,
            max_in_flight: 512,
            until: None,
        }
    }
}
