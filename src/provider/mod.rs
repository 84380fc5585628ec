//! Providers: where an engine runs. Each can make sure that machine and engine are there, say whether they still
//! are, and remove them for certain.
//!
//! Every call is idempotent and keyed by the pod's unique name, which the caller commits before the first call: a
//! worker may die between any two lines, and the next one calls again. A provider must not know engines, workflow
//! or the database; it gets the container or the command as data.

mod endpoint;
mod facts;
mod gpu;
mod local;
mod runpod;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{failure::Failure, kinds::ProviderKind, spec::MachineSpec};
pub use crate::domain::{
    launch::{ContainerSpec, Endpoint, LocalCommand},
    money::{Balance, Billed, Rented},
    seen::{GpuFacts, HostFacts},
};
pub use endpoint::EndpointProvider;
pub use gpu::GpuSampler;
pub use local::{LocalProvider, LocalSettings};
pub use runpod::{RunpodProvider, RunpodSettings};

/// What `ensure_machine` needs.
#[derive(Debug, Clone)]
pub struct MachineRequest {
    /// The pod's unique name, committed by the caller before this call.
    pub name: String,
    /// The machine asked for.
    pub machine: MachineSpec,
    /// What a rented machine runs; `None` where the engine isn't a container.
    pub container: Option<ContainerSpec>,
    /// The provider's id of it, where an earlier call returned one.
    pub external_id: Option<String>,
    /// For how long that one has been rented, where it is known.
    pub rented_for: Option<Duration>,
    /// How long ago it was handed over by the run that had it before, where it was: what has been up for longer isn't the
    /// container asked for here.
    pub taken_for: Option<Duration>,
    /// How many were rented under this name until now.
    pub rented_before: u32,
    /// Whether the model's weights need a Hugging Face token with accepted terms.
    pub gated_model: bool,
    /// Free disk the run needs on this machine, bytes (local only).
    pub disk_needed_bytes: u64,
    /// The program that will start the engine (local only): checked to be there.
    pub program: Option<PathBuf>,
}

/// A machine that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The provider's own id; `None` where it has none.
    pub external_id: Option<String>,
    /// Whether it can run the engine now. When false, store `external_id` and call again.
    pub ready: bool,
    /// What is known of the host.
    pub facts: HostFacts,
    /// Where the engine will answer, where that is known already.
    pub endpoint: Option<Endpoint>,
    /// What it costs now, USD an hour for all of it; `None`: nothing is billed.
    pub price_usd_per_hour: Option<Decimal>,
    /// What is paid for; `None`: nothing.
    pub rented: Option<Rented>,
}

/// Builds the command once the port is known.
pub type CommandForPort = Arc<dyn Fn(u16) -> Result<LocalCommand, Failure> + Send + Sync>;

/// What `ensure_engine` needs.
#[derive(Clone)]
pub struct EngineRequest {
    /// The pod's unique name.
    pub name: String,
    /// The provider's id of the machine, where it has one.
    pub machine_external_id: Option<String>,
    /// Port asked for; `None`: a free one (local), or the engine's (elsewhere).
    pub port: Option<u16>,
    /// Base URL of what already runs (endpoint only).
    pub url: Option<String>,
    /// The command for a port (local only).
    pub command: Option<CommandForPort>,
}

impl fmt::Debug for EngineRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineRequest")
            .field("name", &self.name)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// An engine that is there; whether it is ready is the engine's to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningEngine {
    /// `pid:start_time` (local), the pod's id (rented), `None` (endpoint).
    pub external_id: Option<String>,
    /// Where it answers.
    pub endpoint: Endpoint,
    /// Whether this call started it; false when a live one was adopted.
    pub started_now: bool,
    /// The command that was started by this call, for the record (local only).
    pub command: Option<LocalCommand>,
    /// Its log file (local only).
    pub log: Option<PathBuf>,
}

/// Whether the engine is still the one we started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Liveness {
    /// It is.
    Alive,
    /// It isn't.
    Gone {
        /// What became of it: `exited with code 1`, `the pod is TERMINATED`.
        reason: String,
        /// Its last log lines; empty when there are none.
        log_tail: String,
    },
}

/// Something of ours that the provider has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderPod {
    /// Its unique name.
    pub name: String,
    /// The provider's id.
    pub external_id: String,
    /// What is paid for; `None`: nothing.
    pub rented: Option<Rented>,
}

/// Where those who ask one provider's account take turns, over all processes: it counts requests for all together.
#[async_trait]
pub trait RequestGate: fmt::Debug + Send + Sync {
    /// Takes the next turn. Returns how long to wait before the request is sent.
    async fn turn(&self) -> Duration;

    /// Has everybody wait so long: the provider asked for it.
    async fn hold(&self, wait: Duration);
}

/// What this host is. Blocking: it reads `/proc` and may start `nvidia-smi`.
#[must_use]
pub fn host_facts(data_dir: &Path) -> HostFacts {
    facts::gather(data_dir, Path::new("nvidia-smi"))
}

/// Where engines run.
///
/// Failures carry stable codes: `disk_full`, `engine_missing`, `engine_exited`, `port_taken`, `engine_not_stopped`,
/// `engine_unreachable`, `provider_unavailable`, `bad_request`, `host_error`; of a rented machine also `no_capacity`,
/// `pod_not_started`, `pod_without_gpu`, `model_gated`, `provider_unauthorized`, `provider_forbidden`, `provider_conflict`,
/// `insufficient_balance` and `not_gone`.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Which provider this is.
    fn kind(&self) -> ProviderKind;

    /// The key that the engine of this name asks for; `None`: none. It is asked for at every step, and never stored.
    fn api_key(&self, _name: &str) -> Option<String> {
        None
    }

    /// Creates the machine of this name, or finds the one that is there.
    ///
    /// # Errors
    /// `disk_full`, `engine_missing` (local); `engine_unreachable` (endpoint); what the trait lists (rented).
    async fn ensure_machine(&self, request: &MachineRequest) -> Result<Machine, Failure>;

    /// Starts the engine of this name, or adopts the live one.
    ///
    /// # Errors
    /// `port_taken`, `engine_missing`, `engine_exited` with its last log lines.
    async fn ensure_engine(&self, request: &EngineRequest) -> Result<RunningEngine, Failure>;

    /// Whether the engine that was recorded is still the one that runs. A reused pid is not.
    ///
    /// # Errors
    /// When the provider can't be asked; the engine may well be alive.
    async fn engine_alive(&self, name: &str, external_id: Option<&str>) -> Result<Liveness, Failure>;

    /// Starts sampling the machine's GPUs; `None` where there are none or they can't be asked.
    fn sample_gpus(&self, _name: &str, _every: Duration) -> Option<GpuSampler> {
        None
    }

    /// The engine's last `lines` log lines; empty where there is no log to read.
    ///
    /// # Errors
    /// When the log can't be read.
    async fn logs(&self, name: &str, lines: usize) -> Result<String, Failure>;

    /// Removes everything of this name and returns only when nothing is left. Nothing there is success; works
    /// without the id too.
    ///
    /// # Errors
    /// `engine_not_stopped`, or whatever keeps the provider from answering: try again.
    async fn destroy(&self, name: &str, external_id: Option<&str>) -> Result<(), Failure>;

    /// Everything whose name starts with `prefix`.
    ///
    /// # Errors
    /// When the provider can't be asked.
    async fn list(&self, prefix: &str) -> Result<Vec<ProviderPod>, Failure>;

    /// What the machine would cost, USD an hour for all its GPUs, at the cheapest of the GPUs that may be rented for it;
    /// `None`: nothing, or it isn't known.
    ///
    /// # Errors
    /// When the provider can't be asked.
    async fn quote(&self, _machine: &MachineSpec) -> Result<Option<Decimal>, Failure> {
        Ok(None)
    }

    /// What the account has left; `None`: nothing is paid here.
    ///
    /// # Errors
    /// When the provider can't be asked, or its answer makes no sense.
    async fn balance(&self) -> Result<Option<Balance>, Failure> {
        Ok(None)
    }

    /// What was billed for each pod of the account since `since`. Pods whose bill makes no sense are left out.
    ///
    /// # Errors
    /// When the provider can't be asked.
    async fn billed(&self, _since: DateTime<Utc>) -> Result<Vec<Billed>, Failure> {
        Ok(Vec::new())
    }
}
