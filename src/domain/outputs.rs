//! What steps leave for later ones, in one type each, and the set-up times that follow from it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    ids::RunId,
    launch::{Endpoint, LocalCommand, LocalInstall},
    measure::{
        setup::{ServerSetupParts, SetupTimes},
        steady::SteadyState,
    },
    seen::{Calibration, HostFacts, LoadReport, PullReport, ServedModel},
    step::StepKind,
};

/// The outputs of a run's done steps.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a>(&'a BTreeMap<String, Value>);

impl<'a> Outputs<'a> {
    /// Reads from outputs by step name.
    #[must_use]
    pub const fn new(outputs: &'a BTreeMap<String, Value>) -> Self {
        Self(outputs)
    }

    /// What provision left; `None` before it is done.
    #[must_use]
    pub fn provision(self) -> Option<ProvisionOutput> {
        self.read(StepKind::Provision)
    }

    /// What `pull_model` left.
    #[must_use]
    pub fn pull_model(self) -> Option<PullOutput> {
        self.read(StepKind::PullModel)
    }

    /// What `start_engine` left.
    #[must_use]
    pub fn start_engine(self) -> Option<StartOutput> {
        self.read(StepKind::StartEngine)
    }

    /// What warm-up left.
    #[must_use]
    pub fn warmup(self) -> Option<WarmupOutput> {
        self.read(StepKind::Warmup)
    }

    fn read<T: DeserializeOwned>(self, kind: StepKind) -> Option<T> {
        self.0.get(&kind.to_string()).and_then(|value| T::deserialize(value).ok())
    }
}

/// What provision leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProvisionOutput {
    /// The pod's name.
    pub pod_name: String,
    /// The provider's id of the machine.
    pub external_id: Option<String>,
    /// The host.
    pub host: HostFacts,
    /// What it costs, USD an hour.
    pub price_usd_per_hour: Option<Decimal>,
    /// The engine as found on this machine (local only).
    pub install: Option<LocalInstall>,
    /// The container image that it runs, as it was asked for (rented only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Seconds from the create call to the machine being there; `None` where nothing was created.
    pub placement_s: Option<f64>,
    /// The run that had this very machine right before; `None`: it was rented for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_of: Option<RunId>,
}

/// What `pull_model` leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PullOutput {
    /// The download.
    pub pull: PullReport,
    /// Seconds from the engine's start to its port answering, where the engine had to run for the download.
    pub server_setup_s: Option<f64>,
}

/// What `start_engine` leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartOutput {
    /// The provider's id of the engine, by which a later step sees that it is still the same.
    pub external_id: Option<String>,
    /// Where it answers.
    pub endpoint: Endpoint,
    /// Its version.
    pub version: Option<String>,
    /// The model as it serves it.
    pub served: ServedModel,
    /// What loading took.
    pub load: LoadReport,
    /// The command it was started with (local only; `None` when a live one was adopted).
    pub command: Option<LocalCommand>,
    /// Seconds from its start to its port answering; `None` when a live one was adopted.
    pub server_setup_s: Option<f64>,
}

/// What warm-up leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WarmupOutput {
    /// How prompts get their length.
    pub calibration: Calibration,
    /// SHA-256 of the prompt set's definition, hex.
    pub prompt_set_sha256: String,
    /// Seconds from the first request to steady state; where none was found, to the end of the search.
    pub warmup_s: f64,
    /// The steady state; `None`: stored by an earlier version, which didn't look for one.
    #[serde(default)]
    pub steady: Option<SteadyState>,
    /// Requests sent.
    pub requests: u64,
}

/// The run's set-up times, from what its steps saw.
#[must_use]
pub fn setup_times(outputs: Outputs<'_>, total_s: Option<f64>) -> SetupTimes {
    let (pull, start) = (outputs.pull_model(), outputs.start_engine());
    let port_open = pull
        .as_ref()
        .and_then(|pull| pull.server_setup_s)
        .or_else(|| start.as_ref().and_then(|start| start.server_setup_s));
    let placement = outputs.provision().and_then(|provision| provision.placement_s);
    SetupTimes {
        // A rented machine's set-up starts with its create call; a local one's with the engine's.
        server_setup_s: port_open.map(|port_open| port_open + placement.unwrap_or_default()),
        server_setup_parts: ServerSetupParts {
            placement_and_image_pull_s: placement,
            container_start_s: None,
            port_open_s: port_open,
        },
        model_download_s: pull
            .and_then(|pull| pull.pull.seconds)
            .or_else(|| start.as_ref().and_then(|start| start.load.model_download_s)),
        model_loading_s: start.and_then(|start| start.load.model_loading_s),
        warmup_s: outputs.warmup().map(|warmup| warmup.warmup_s),
        total_s,
    }
}
