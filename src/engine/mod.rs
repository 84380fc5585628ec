//! Inference engines: how each is started, asked whether it is ready, given its model, and asked what it did.
//!
//! One file an engine. An engine is stateless: everything it needs comes with the call, so that any worker can go
//! on with any run. It must not know providers, workflow or the database, and it measures no benchmark: requests
//! that are timed are the load generator's.

mod control;
mod images;
mod install;
mod llamacpp;
mod log;
mod ollama;
mod openai;
#[doc(hidden)]
pub mod probe;
mod prometheus;
mod sglang;
mod sizing;
pub mod stream;
mod truth;
mod types;
mod vllm;
pub mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use crate::domain::{failure::Failure, kinds::EngineKind, launch::last_lines, spec::RunSpec};
pub use crate::domain::{
    launch::{ContainerSpec, Endpoint, InstallForm, LocalCommand, LocalInstall},
    measure::observed::EngineMetrics,
    seen::{LoadReport, Placement, PullReport, ServedModel},
};
pub use install::file_sha256;
pub use types::{InstallSettings, LoadRequest, PullProgress, ServerState};

/// Called with each progress of a pull.
pub type OnPullProgress<'a> = &'a (dyn Fn(PullProgress) + Send + Sync);

/// One inference engine.
///
/// Failures carry stable codes: `engine_unreachable`, `engine_starting`, `engine_unauthorised`, `wrong_engine`,
/// `stale_server`, `model_not_found`, `prompt_too_long`, `engine_out_of_memory`, `engine_exited`, `port_taken`,
/// `engine_missing`, `engine_bad_flag`, `unsupported_setting`, `pull_failed`, `disk_full`, `model_not_on_gpu`,
/// `engine_bad_answer`.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;

    /// The container that serves the run's model on a rented machine.
    ///
    /// # Errors
    /// `unsupported_setting` when the engine has no container or can't do what the spec asks for, `prompt_too_long`
    /// when prompt and output don't fit the context asked for.
    fn container_spec(&self, spec: &RunSpec) -> Result<ContainerSpec, Failure>;

    /// Finds the engine on this machine.
    ///
    /// # Errors
    /// `engine_missing`, with where it was looked for and how to install it.
    async fn find_install(&self, settings: &InstallSettings) -> Result<LocalInstall, Failure>;

    /// The command that serves the run's model on this machine, at `127.0.0.1:port`.
    ///
    /// # Errors
    /// `model_not_found` when the weights aren't there, `unsupported_setting` and `prompt_too_long` as above.
    fn local_command(
        &self,
        spec: &RunSpec,
        install: &LocalInstall,
        port: u16,
    ) -> Result<LocalCommand, Failure>;

    /// One cheap look at the server. A refused connection is `Down`, not an error.
    ///
    /// # Errors
    /// `engine_unauthorised` when it wants another key, `wrong_engine` when something else answers there.
    async fn probe(&self, endpoint: &Endpoint) -> Result<ServerState, Failure>;

    /// What the server says about our model; `None` when it is up but doesn't list it (yet).
    ///
    /// # Errors
    /// `stale_server` when it serves other models only, `wrong_engine` when it says that it is another engine,
    /// `engine_unreachable` when it doesn't answer.
    async fn served_model(&self, endpoint: &Endpoint, model_id: &str)
    -> Result<Option<ServedModel>, Failure>;

    /// Downloads the model where that is a call of its own (Ollama); elsewhere the download is part of the start
    /// and nothing is observed. Continues a download that was cut short.
    ///
    /// # Errors
    /// `pull_failed`, `model_not_found`, `disk_full`, `engine_unreachable`.
    async fn pull(
        &self,
        _endpoint: &Endpoint,
        _model_id: &str,
        _on_progress: OnPullProgress<'_>,
    ) -> Result<PullReport, Failure> {
        Ok(PullReport::default())
    }

    /// Makes sure the model is in memory, and says what loading took as far as the engine lets it be seen.
    ///
    /// # Errors
    /// `model_not_found`, `engine_out_of_memory`, `model_not_on_gpu`, `engine_unreachable`.
    async fn load(&self, endpoint: &Endpoint, request: &LoadRequest<'_>) -> Result<LoadReport, Failure>;

    /// How many prompt tokens the engine would count for `text`; `None` where it has no way to ask.
    ///
    /// # Errors
    /// `engine_unreachable`, `engine_bad_answer`.
    async fn count_tokens(
        &self,
        endpoint: &Endpoint,
        model_id: &str,
        text: &str,
    ) -> Result<Option<u32>, Failure>;

    /// The engine's own counters, each `None` where it has none.
    ///
    /// # Errors
    /// `engine_unreachable`, `engine_bad_answer`.
    async fn engine_metrics(&self, endpoint: &Endpoint) -> Result<EngineMetrics, Failure>;

    /// Why an engine that died or doesn't come up did so, from the last lines of its log; `None` when they don't say.
    fn explain_log(&self, log: &str) -> Option<Failure>;

    /// The failure of an engine whose process is gone: explained by its log where that says why, else
    /// `engine_exited` with `reason` (`exited with code 1`) and the log's last lines.
    fn explain_exit(&self, reason: &str, log_tail: &str) -> Failure {
        self.explain_log(log_tail).unwrap_or_else(|| {
            let log_tail = last_lines(log_tail, 20);
            Failure::permanent(
                "engine_exited",
                format!("{} {reason}. Its last lines:\n{log_tail}", self.kind().common_name()),
            )
            .with_details(json!({ "log_tail": log_tail }))
        })
    }
}

/// The engine of this kind. Keep it while you talk to one server: its connections are reused.
#[must_use]
pub fn engine(kind: EngineKind) -> Arc<dyn Engine> {
    match kind {
        EngineKind::Ollama => Arc::new(ollama::Ollama::new()),
        EngineKind::Vllm => Arc::new(vllm::Vllm::new()),
        EngineKind::Sglang => Arc::new(sglang::Sglang::new()),
        EngineKind::Llamacpp => Arc::new(llamacpp::LlamaCpp::new()),
        EngineKind::Truth => Arc::new(truth::Truth::new()),
    }
}

/// Context a request of this run may use, tokens: as asked for, else enough for its prompt and output.
///
/// # Errors
/// `prompt_too_long` when the context asked for can't hold both.
pub fn context_tokens(spec: &RunSpec) -> Result<u32, Failure> {
    sizing::context_tokens(spec)
}

/// Requests the engine of this run is set up to serve at once, where that is ours to set: as asked for, else the
/// most streams measured.
#[must_use]
pub fn slots(spec: &RunSpec) -> u32 {
    sizing::slots(spec)
}

#[cfg(test)]
fn test_spec(kind: EngineKind) -> RunSpec {
    use crate::domain::{
        kinds::ProviderKind,
        spec::{EngineSpec, LoadSpec, MachineSpec, ModelSpec},
    };
    RunSpec {
        workflow: "benchmark".into(),
        engine: EngineSpec {
            kind,
            precision: None,
            context_tokens: None,
            parallel_slots: None,
            prefix_caching: false,
            extra_args: Vec::new(),
        },
        model: ModelSpec {
            id: "Qwen/Qwen3-14B".into(),
            common_name: "Qwen 3 14B".into(),
            parameter_size: "14b".into(),
            path: None,
        },
        machine: MachineSpec {
            provider: ProviderKind::Local,
            gpu_id: "NVIDIA H200".into(),
            gpu_candidates: Vec::new(),
            data_center: None,
            gpu_count: 1,
            volume_in_gb: 100,
            container_disk_in_gb: 50,
            port: None,
            url: None,
        },
        load: LoadSpec::default(),
    }
}

#[cfg(test)]
fn test_install(form: InstallForm) -> LocalInstall {
    LocalInstall {
        program: "/opt/engine".into(),
        form,
        script: None,
        version: None,
        sha256: None,
        bundled_model: None,
        threads: None,
    }
}
