//! Runs of the truth engine that last a few seconds, and what must hold after whatever happened to them.

use std::{sync::Arc, time::Duration};

use dria_bench::{
    clock,
    definitions::Definitions,
    domain::{
        ids::RunId,
        kinds::{EngineKind, ProviderKind},
        spec::{EngineSpec, LoadSpec, MachineSpec, ModelSpec, RunSpec},
        workflow::WorkflowDefinition,
    },
    engine::InstallSettings,
    jobs::host,
    ledger::operator,
    provider::{EndpointProvider, LocalProvider, LocalSettings, Provider},
    queue::{self, TokenQueue},
    store::{invariants, runs::NewRun},
    workflow::{LeaseSettings, Limits, Providers, Services},
};
use sqlx::Row;

use super::{database::TestDatabase, runpod::FakeRunpod};

/// The shipped benchmark workflow with retries that don't keep a test waiting.
pub(crate) fn quick_workflow(rates: &[u32]) -> WorkflowDefinition {
    let mut workflow = Definitions::new(Vec::new()).workflow("benchmark").unwrap().with_rates(rates).unwrap();
    for step in &mut workflow.steps {
        step.retry.initial = Duration::from_millis(10);
        step.retry.max = Duration::from_millis(50);
    }
    workflow
}

/// A request of the truth engine: 4 prompt and 4 output tokens, levels of a third of a second.
pub(crate) fn truth_spec(rates: &[u32], provider: ProviderKind, url: Option<String>) -> RunSpec {
    RunSpec {
        workflow: "benchmark".to_owned(),
        engine: EngineSpec {
            kind: EngineKind::Truth,
            precision: None,
            context_tokens: None,
            parallel_slots: None,
            prefix_caching: false,
            extra_args: vec!["--ttft-ms=10".to_owned(), "--itl-ms=1".to_owned()],
        },
        model: ModelSpec {
            id: "truth".to_owned(),
            common_name: "truth".to_owned(),
            parameter_size: "unknown".to_owned(),
            path: None,
        },
        machine: MachineSpec {
            provider,
            gpu_id: "CPU test".to_owned(),
            gpu_candidates: Vec::new(),
            data_center: None,
            gpu_count: 0,
            volume_in_gb: 0,
            container_disk_in_gb: 0,
            port: None,
            url,
        },
        load: LoadSpec {
            rates: rates.to_vec(),
            seconds: 0.3,
            prompt_tokens: 4,
            output_tokens: 4,
            seed: 42,
            max_in_flight: 4,
            until: None,
        },
    }
}

/// The same of an engine on a rented GPU, with the model and the machine of the original README.
pub(crate) fn rented_spec(kind: EngineKind, rates: &[u32]) -> RunSpec {
    let mut spec = truth_spec(rates, ProviderKind::Runpod, None);
    spec.engine.kind = kind;
    spec.engine.extra_args.clear();
    let model = if kind == EngineKind::Ollama { "llama2:7b" } else { "meta-llama/Llama-2-7b-chat-hf" };
    model.clone_into(&mut spec.model.id);
    (spec.machine.gpu_id, spec.machine.gpu_count) = ("NVIDIA H200".to_owned(), 1);
    (spec.machine.volume_in_gb, spec.machine.container_disk_in_gb) = (100, 50);
    spec
}

/// The queue of runs on this machine.
pub(crate) fn local_queue() -> String {
    queue::local_queue(&host::host_id())
}

/// Records a run and pushes its first token.
pub(crate) async fn start(
    database: &TestDatabase,
    tokens: &dyn TokenQueue,
    spec: &RunSpec,
    workflow: &WorkflowDefinition,
    queue: &str,
) -> RunId {
    let id = RunId::generate(clock::now());
    let new = NewRun { id, spec, definition: workflow, queue, priority: 5, rerun_of: None };
    operator::start(&database.pool, tokens, &new, "test").await.unwrap();
    id
}

/// Everything steps work with, in this process.
pub(crate) fn services(
    database: &TestDatabase,
    tokens: Arc<dyn TokenQueue>,
    data_dir: &std::path::Path,
) -> Services {
    Services {
        pool: database.pool.clone(),
        queue: tokens,
        providers: Providers::default()
            .with(Arc::new(LocalProvider::new(LocalSettings::new(data_dir.to_owned()))))
            .with(Arc::new(EndpointProvider::default())),
        install: InstallSettings {
            data_dir: data_dir.to_owned(),
            truth_binary: Some(env!("CARGO_BIN_EXE_dria-bench").into()),
            ..InstallSettings::default()
        },
        deployment: database.deployment.clone(),
        data_dir: data_dir.to_owned(),
        leases: LeaseSettings { lease: Duration::from_secs(30), heartbeat: Duration::from_millis(200) },
        limits: Limits::default(),
    }
}

/// The same, with a RunPod to rent at.
pub(crate) fn renting_services(
    database: &TestDatabase,
    data_dir: &std::path::Path,
    fake: &FakeRunpod,
) -> Services {
    let mut services = services(database, Arc::new(queue::ApalisQueue), data_dir);
    services.providers = services.providers.with(Arc::new(fake.provider()));
    services
}

/// What must hold when everything is over, whatever was killed: no run stuck, no result twice, no level missing of a
/// run that succeeded, every pod gone, each run torn down, no attempt left open, no process of this deployment left.
pub(crate) async fn broken_invariants(database: &TestDatabase, data_dir: &std::path::Path) -> Vec<String> {
    let mut conn = database.pool.acquire().await.unwrap();
    let mut broken: Vec<String> = invariants::check(&mut conn)
        .await
        .unwrap()
        .into_iter()
        .flat_map(|promise| {
            promise.broken_by.into_iter().map(move |which| format!("not so: {}: {which}", promise.promise))
        })
        .collect();
    // Everything is over, so nothing may go on.
    let sql = "select id::text from workflow_runs where status in ('pending', 'running')";
    for row in sqlx::query(sql).fetch_all(&database.pool).await.unwrap() {
        broken.push(format!("a run is not over: {}", row.get::<String, _>(0)));
    }
    let provider = LocalProvider::new(LocalSettings::new(data_dir.to_owned()));
    for pod in provider.list(&format!("dria-{}-", database.deployment)).await.unwrap() {
        broken.push(format!("a process is left: {} ({})", pod.name, pod.external_id));
    }
    broken
}
