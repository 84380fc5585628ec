//! What engines answer, in one shape for all of them. Whatever an engine doesn't say is `None`, never a guess.

use std::{ffi::OsString, path::PathBuf};

use serde::{Deserialize, Serialize};

/// What one look at the server saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ServerState {
    /// Nothing answers.
    Down {
        /// What was seen instead: `connection refused`.
        reason: String,
    },
    /// It answers, and says that it isn't ready.
    Starting,
    /// It is ready for requests (Ollama: perhaps without a model in memory).
    Up {
        /// Version, where the engine tells.
        version: Option<String>,
    },
}

/// One progress of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// What the engine is doing, in its own words.
    pub status: String,
    /// Bytes of all layers seen so far.
    pub total_bytes: Option<u64>,
    /// Bytes of these that are here.
    pub completed_bytes: Option<u64>,
}

/// What `load` needs to know.
#[derive(Debug, Clone, Copy)]
pub struct LoadRequest<'a> {
    /// The engine's own id of the model.
    pub model_id: &'a str,
    /// The engine's log since its start, where the provider has it.
    pub startup_log: Option<&'a str>,
    /// GPUs of the machine: with one or more, a model that isn't wholly in GPU memory is refused.
    pub gpu_count: u32,
    /// Context that the requests will ask for, tokens (Ollama loads again when it differs).
    pub context_tokens: Option<u32>,
}

/// Where to look for engines on this machine. Filled from the configuration; nothing here reads the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallSettings {
    /// The data folder: helper scripts are written below it.
    pub data_dir: PathBuf,
    /// The value of `PATH`.
    pub search_path: OsString,
    /// Folders that may hold `.tools/`: the working directory and the executable's ancestors.
    pub tool_roots: Vec<PathBuf>,
    /// llama.cpp's `llama-server`.
    pub llamacpp_server: Option<PathBuf>,
    /// A Python interpreter that has `xllamacpp`.
    pub llamacpp_python: Option<PathBuf>,
    /// Threads llama.cpp computes with; `None`: 1, since its threads spin where cores are shared.
    pub llamacpp_threads: Option<u32>,
    /// The `ollama` binary.
    pub ollama_binary: Option<PathBuf>,
    /// A Python interpreter that has `vllm`.
    pub vllm_python: Option<PathBuf>,
    /// A Python interpreter that has `sglang`.
    pub sglang_python: Option<PathBuf>,
    /// The program that has the `truth-server` command: this one, unless a test says otherwise.
    pub truth_binary: Option<PathBuf>,
}
