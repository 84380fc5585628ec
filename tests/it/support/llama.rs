//! The real llama.cpp server of `.tools/llama`, as the local provider starts it.

use std::{path::Path, sync::Arc, time::Duration};

use dria_bench::{
    domain::{
        kinds::{EngineKind, ProviderKind},
        spec::{EngineSpec, LoadSpec, MachineSpec, ModelSpec, RunSpec},
    },
    engine::{Engine, InstallSettings, ServerState, engine},
    provider::{Liveness, Provider, RunningEngine},
};

use super::pods::Pod;

pub(crate) const MODEL: &str = "smollm2-135m-instruct";

/// Engines of this repository's `.tools`.
pub(crate) fn installs(data_dir: &Path) -> InstallSettings {
    InstallSettings {
        data_dir: data_dir.to_owned(),
        tool_roots: vec![env!("CARGO_MANIFEST_DIR").into()],
        ..InstallSettings::default()
    }
}

/// A small run on this machine's CPU.
pub(crate) fn spec(kind: EngineKind, model_id: &str) -> RunSpec {
    RunSpec {
        workflow: "benchmark".into(),
        engine: EngineSpec {
            kind,
            precision: None,
            context_tokens: None,
            parallel_slots: Some(2),
            prefix_caching: false,
            extra_args: Vec::new(),
        },
        model: ModelSpec {
            id: model_id.into(),
            common_name: "SmolLM2 135M".into(),
            parameter_size: "135m".into(),
            path: None,
        },
        machine: MachineSpec {
            provider: ProviderKind::Local,
            gpu_id: "CPU test".into(),
            gpu_candidates: Vec::new(),
            data_center: None,
            gpu_count: 0,
            volume_in_gb: 0,
            container_disk_in_gb: 0,
            port: None,
            url: None,
        },
        load: LoadSpec { prompt_tokens: 16, output_tokens: 16, ..LoadSpec::default() },
    }
}

/// Starts the engine of the spec under the pod's name, or adopts it.
pub(crate) async fn start(
    pod: &Pod,
    engine: &Arc<dyn Engine>,
    spec: &RunSpec,
    settings: &InstallSettings,
) -> RunningEngine {
    let install = engine.find_install(settings).await.unwrap_or_else(|failure| panic!("{failure}"));
    let (builder, spec) = (Arc::clone(engine), spec.clone());
    let request = pod.request(Arc::new(move |port| builder.local_command(&spec, &install, port)));
    pod.provider.ensure_engine(&request).await.unwrap_or_else(|failure| panic!("{failure}"))
}

/// Waits until the server is up; fails at once when its process is gone.
pub(crate) async fn until_up(
    pod: &Pod,
    engine: &Arc<dyn Engine>,
    running: &RunningEngine,
    limit: Duration,
) -> Option<String> {
    let waiting = async {
        loop {
            if let ServerState::Up { version } = engine.probe(&running.endpoint).await.unwrap() {
                return version;
            }
            if let Liveness::Gone { reason, log_tail } =
                pod.provider.engine_alive(&pod.name, running.external_id.as_deref()).await.unwrap()
            {
                panic!("the engine {reason}:\n{log_tail}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(limit, waiting).await.expect("the engine never came up")
}

/// llama.cpp, up and serving SmolLM2.
pub(crate) async fn llama_cpp(pod: &Pod) -> (Arc<dyn Engine>, RunningEngine) {
    let engine = engine(EngineKind::Llamacpp);
    let running = start(pod, &engine, &spec(EngineKind::Llamacpp, MODEL), &installs(pod.data_dir())).await;
    until_up(pod, &engine, &running, Duration::from_mins(1)).await;
    (engine, running)
}
