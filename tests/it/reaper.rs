//! The reaper against a RunPod of our own: what no live run owns goes, all else stays.

use std::sync::Arc;

use dria_bench::{
    domain::{
        ids::{RunId, pod_name},
        kinds::{EngineKind, ProviderKind},
        spec::RunSpec,
    },
    engine,
    jobs::reap,
    provider::{MachineRequest, Provider, RunpodProvider},
    queue::TokenQueue,
    store::pods,
    workflow::{Providers, Services},
};

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Remembered,
    runpod::FakeRunpod,
    runs,
};

struct Rented {
    database: TestDatabase,
    cloud: FakeRunpod,
    provider: Arc<RunpodProvider>,
    services: Services,
    spec: RunSpec,
    tokens: Arc<Remembered>,
    _folder: tempfile::TempDir,
}

impl Rented {
    async fn new() -> Self {
        let (database, cloud, folder) =
            (TestDatabase::new().await, FakeRunpod::start().await, public_folder());
        let tokens = Arc::new(Remembered::default());
        let provider = Arc::new(cloud.provider());
        let mut services =
            runs::services(&database, Arc::clone(&tokens) as Arc<dyn TokenQueue>, folder.path());
        services.providers = Providers::default().with(Arc::clone(&provider) as Arc<dyn Provider>);
        let mut spec = runs::truth_spec(&[1], ProviderKind::Runpod, None);
        spec.engine.kind = EngineKind::Vllm;
        spec.engine.extra_args.clear();
        (spec.machine.gpu_id, spec.machine.gpu_count) = ("NVIDIA H200".to_owned(), 1);
        Self { database, cloud, provider, services, spec, tokens, _folder: folder }
    }

    /// Rents a pod of this name.
    async fn rent(&self, name: &str) {
        let request = MachineRequest {
            name: name.to_owned(),
            machine: self.spec.machine.clone(),
            container: Some(engine::engine(EngineKind::Vllm).container_spec(&self.spec).unwrap()),
            external_id: None,
            taken_for: None,
            rented_for: None,
            rented_before: 0,
            gated_model: false,
            disk_needed_bytes: 0,
            program: None,
        };
        self.provider.ensure_machine(&request).await.unwrap();
    }

    /// A run with a pod.
    async fn run_with_pod(&self) -> (RunId, String) {
        let workflow = runs::quick_workflow(&[1]);
        let run = runs::start(&self.database, self.tokens.as_ref(), &self.spec, &workflow, "steps").await;
        let name = pod_name(&self.database.deployment, run, 1);
        let mut conn = self.database.pool.acquire().await.unwrap();
        pods::intend(&mut conn, run, 1, ProviderKind::Runpod, &name).await.unwrap();
        self.rent(&name).await;
        (run, name)
    }

    async fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.provider.list("").await.unwrap().into_iter().map(|pod| pod.name).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn what_no_live_run_owns_is_removed_and_what_is_anothers_is_only_reported() {
    let rented = Rented::new().await;
    let (_, of_a_live_run) = rented.run_with_pod().await;
    let (over, of_a_run_that_is_over) = rented.run_with_pod().await;
    let unknown = format!("dria-{}-nobody-g1", rented.database.deployment);
    for name in [&unknown, "dria-other123-run-g1", "somebody-elses"] {
        rented.rent(name).await;
    }
    rented
        .database
        .execute(format!(
            "update workflow_runs set status = 'failed', finished_at = now() where id = '{over}'"
        ))
        .await;

    let mut reaped = reap(&rented.services).await.unwrap();
    reaped.destroyed.sort();
    let mut expected = vec![of_a_run_that_is_over.clone(), unknown];
    expected.sort();
    assert_eq!(reaped.destroyed, expected);
    assert_eq!((reaped.owned, reaped.failed.len(), reaped.unasked.len()), (1, 0, 0), "{reaped:?}");
    assert_eq!(reaped.foreign, ["dria-other123-run-g1"]);
    let mut left = vec![of_a_live_run, "dria-other123-run-g1".to_owned(), "somebody-elses".to_owned()];
    left.sort();
    assert_eq!(rented.names().await, left);
    let events = "select count(*) from run_events where kind = 'pod_reaped' and actor = 'reaper'";
    assert_eq!(rented.database.count(events).await, 1, "the run that owned it says so");
    assert_eq!(rented.database.count("select count(*) from pods where state = 'gone'").await, 1);

    let again = reap(&rented.services).await.unwrap();
    assert!(again.is_quiet() && again.owned == 1, "{again:?}");
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_said_and_nothing_is_taken_for_gone() {
    let rented = Rented::new().await;
    rented.run_with_pod().await;
    rented.database.execute("update workflow_runs set status = 'failed', finished_at = now()").await;
    rented.cloud.fault(|faults| {
        faults.answers = std::iter::repeat_n((axum::http::Method::GET, 500), 100).collect();
    });
    let reaped = reap(&rented.services).await.unwrap();
    assert_eq!((reaped.unasked.len(), reaped.destroyed.len()), (1, 0), "{reaped:?}");
    assert_eq!(rented.database.count("select count(*) from pods where state = 'gone'").await, 0);
    rented.cloud.fault(|faults| faults.answers.clear());
    assert_eq!(reap(&rented.services).await.unwrap().destroyed.len(), 1);
    assert_eq!(rented.names().await, Vec::<String>::new());
}
