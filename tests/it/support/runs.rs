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
    provider::{EndpointProvider, LocalProvider, LocalSettings, Provider},
    queue::{self, TokenQueue},
    store::runs::NewRun,
    workflow::{LeaseSettings, Providers, Services, operator},
};
use sqlx::Row;

use super::database::TestDatabase;

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
    }
}

/// What must hold when everything is over, whatever was killed: no run stuck, no result twice, no level missing of a
/// run that succeeded, every pod gone, each run torn down, no attempt left open, no process of this deployment left.
pub(crate) async fn broken_invariants(database: &TestDatabase, data_dir: &std::path::Path) -> Vec<String> {
    let checks = [
        ("a run is not over", "select id::text from workflow_runs where status in ('pending', 'running')"),
        ("a step is not settled", "select run_id || ' ' || name from step_runs where status in ('scheduled', 'running')"),
        (
            "a step has two results",
            "select run_id || ' ' || step from benchmark_results where superseded_at is null
             group by run_id, step having count(*) > 1",
        ),
        (
            "a level of a run that succeeded has no result",
            "select s.run_id || ' ' || s.name from step_runs s join workflow_runs r on r.id = s.run_id
             where r.status = 'succeeded' and (s.name = 'throughput' or s.name like 'concurrency:%')
               and not exists (select 1 from benchmark_results b where b.run_id = s.run_id and b.step = s.step
                               and b.superseded_at is null)",
        ),
        (
            "a run that succeeded did not measure all its levels",
            "select r.id::text from workflow_runs r where r.status = 'succeeded'
               and (select count(*) from benchmark_results b where b.run_id = r.id and b.superseded_at is null)
                   <> 1 + jsonb_array_length(r.spec -> 'load' -> 'rates')",
        ),
        ("a pod is not gone", "select name from pods where state <> 'gone'"),
        (
            "a run has no teardown",
            "select r.id::text from workflow_runs r where not exists
               (select 1 from step_runs s where s.run_id = r.id and s.name = 'teardown' and s.status = 'done')",
        ),
        ("an attempt is open", "select run_id || ' ' || name from step_attempts where outcome is null"),
        (
            "a step was done twice in a generation",
            "select run_id || ' ' || name from step_attempts where outcome = 'done'
               and (name = 'throughput' or name like 'concurrency:%')
             group by run_id, name, generation having count(*) > 1",
        ),
    ];
    let mut broken = Vec::new();
    for (what, sql) in checks {
        for row in sqlx::query(sql).fetch_all(&database.pool).await.unwrap() {
            broken.push(format!("{what}: {}", row.get::<String, _>(0)));
        }
    }
    let provider = LocalProvider::new(LocalSettings::new(data_dir.to_owned()));
    for pod in provider.list(&format!("dria-{}-", database.deployment)).await.unwrap() {
        broken.push(format!("a process is left: {} ({})", pod.name, pod.external_id));
    }
    broken
}
