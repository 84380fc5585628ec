//! Renting on RunPod, against a RunPod of our own: what is asked for, every way it goes wrong, and that nothing is left.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::Method;
use dria_bench::{
    config::Secret,
    domain::{failure::Failure, kinds::EngineKind, spec::RunSpec},
    engine,
    provider::{EngineRequest, Liveness, Machine, MachineRequest, Provider, RunpodProvider},
    queue::TokenQueue,
    workflow::execute_one,
};
use tokio_util::sync::CancellationToken;

use crate::support::{
    database::{TestDatabase, public_folder},
    drain::Remembered,
    runpod::{FakeRunpod, HF_TOKEN, KEY},
    runs,
};

const NAME: &str = "dria-test0001-run-g1";
const H200: &str = "NVIDIA H200";
const H100: &str = "NVIDIA H100 80GB HBM3";

fn spec(kind: EngineKind) -> RunSpec {
    runs::rented_spec(kind, &[1, 2])
}

fn request(spec: &RunSpec) -> MachineRequest {
    MachineRequest {
        name: NAME.to_owned(),
        machine: spec.machine.clone(),
        container: Some(engine::engine(spec.engine.kind).container_spec(spec).unwrap()),
        external_id: None,
        taken_for: None,
        rented_for: None,
        rented_before: 0,
        gated_model: false,
        disk_needed_bytes: 0,
        program: None,
    }
}

fn vllm() -> MachineRequest {
    request(&spec(EngineKind::Vllm))
}

/// Asks until the machine is ready, as provision does.
async fn ready(provider: &RunpodProvider, request: &MachineRequest) -> Result<Machine, Failure> {
    loop {
        let machine = provider.ensure_machine(request).await?;
        if machine.ready {
            return Ok(machine);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn engine_request(machine: &Machine) -> EngineRequest {
    EngineRequest {
        name: NAME.to_owned(),
        machine_external_id: machine.external_id.clone(),
        port: Some(8000),
        url: None,
        command: None,
    }
}

#[tokio::test]
async fn a_pod_is_rented_once_reached_by_its_tcp_port_and_gone_when_destroyed() {
    let fake = FakeRunpod::start().await;
    let provider = fake.provider();
    let machine = ready(&provider, &vllm()).await.unwrap();
    assert_eq!(machine.price_usd_per_hour.unwrap().to_string(), "2.69");
    assert_eq!(machine.facts.gpu_id(), H200);
    let endpoint = machine.endpoint.clone().unwrap();
    assert!(!endpoint.through_proxy && endpoint.api_key == provider.api_key(NAME));
    // Another worker finds it.
    let other = fake.provider();
    assert_eq!(ready(&other, &vllm()).await.unwrap().external_id, machine.external_id);
    let running = other.ensure_engine(&engine_request(&machine)).await.unwrap();
    assert_eq!(running.endpoint.base_url, endpoint.base_url);
    assert_eq!(other.engine_alive(NAME, running.external_id.as_deref()).await.unwrap(), Liveness::Alive);
    assert_eq!(fake.counts(), (1, 1));
    other.destroy(NAME, None).await.unwrap();
    other.destroy(NAME, machine.external_id.as_deref()).await.unwrap();
    assert_eq!(fake.counts(), (0, 1));
    assert!(matches!(
        provider.engine_alive(NAME, machine.external_id.as_deref()).await.unwrap(),
        Liveness::Gone { .. }
    ));
}

#[tokio::test]
async fn without_a_tcp_port_the_proxy_is_used_and_that_is_recorded() {
    let fake = FakeRunpod::start().await;
    fake.fault(|faults| faults.no_tcp = true);
    let endpoint = ready(&fake.provider(), &vllm()).await.unwrap().endpoint.unwrap();
    assert!(endpoint.through_proxy);
    assert_eq!(endpoint.base_url.as_str(), "http://127.0.0.1:1/pod1/8000");
}

#[tokio::test]
async fn gpus_are_tried_in_order_and_none_at_all_is_worth_another_try() {
    let fake = FakeRunpod::start().await;
    let mut request = vllm();
    request.machine.gpu_candidates = vec![H100.to_owned(), "NVIDIA B200".to_owned()];
    fake.fault(|faults| {
        faults.no_capacity = vec![H200.to_owned()];
        faults.forbidden = vec![H100.to_owned()];
    });
    let machine = fake.provider().ensure_machine(&request).await.unwrap();
    assert_eq!(machine.facts.gpu_id(), "NVIDIA B200", "what was rented is what is told");
    let asked: Vec<_> = fake.bodies().iter().map(|body| body["gpu"]["id"].clone()).collect();
    assert_eq!(asked, [H200, H100, "NVIDIA B200"]);
    fake.provider().destroy(NAME, None).await.unwrap();
    fake.fault(|faults| faults.no_capacity.push("NVIDIA B200".to_owned()));
    let failure = fake.provider().ensure_machine(&request).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("no_capacity", true));
    assert_eq!(failure.details["tried"].as_array().unwrap().len(), 3);
    request.machine.gpu_candidates = vec!["AMD Instinct MI300X OAM".to_owned()];
    assert_eq!(fake.provider().ensure_machine(&request).await.unwrap_err().code, "bad_request");
    assert_eq!(fake.counts().0, 0);
}

#[tokio::test]
async fn what_no_retry_can_cure_is_asked_once() {
    for (status, code) in [(400, "bad_request"), (402, "insufficient_balance"), (422, "bad_request")] {
        let fake = FakeRunpod::start().await;
        fake.fault(|faults| faults.answers.push_back((Method::POST, status)));
        let failure = fake.provider().ensure_machine(&vllm()).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), (code, false), "{status}");
        assert_eq!((fake.requests("POST"), fake.counts().1), (1, 0), "{status}");
    }
    let fake = FakeRunpod::start().await;
    let settings = dria_bench::provider::RunpodSettings { api_key: Secret::new("wrong"), ..fake.settings() };
    let failure = RunpodProvider::new(settings).unwrap().ensure_machine(&vllm()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("provider_unauthorized", false));
}

#[tokio::test]
async fn a_busy_or_broken_api_is_asked_again_and_its_pages_are_survived() {
    let fake = FakeRunpod::start().await;
    fake.fault(|faults| {
        faults.answers =
            [(Method::GET, 503), (Method::GET, 429), (Method::POST, 429), (Method::POST, 500)].into();
    });
    fake.provider().ensure_machine(&vllm()).await.unwrap();
    assert_eq!(fake.counts(), (1, 1));
    fake.fault(|faults| faults.answers.push_back((Method::GET, 403)));
    let failure = fake.provider().ensure_machine(&vllm()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("provider_unavailable", true));
}

#[tokio::test]
async fn a_create_whose_reply_is_lost_rents_one_pod_also_when_the_list_lags() {
    let fake = FakeRunpod::start().await;
    fake.fault(|faults| faults.lost_replies = 1);
    // One look before the create, then two after it that don't see the pod yet.
    fake.lag(3);
    let machine = fake.provider().ensure_machine(&vllm()).await.unwrap();
    assert_eq!((machine.external_id.as_deref(), fake.counts()), (Some("pod1"), (1, 1)));
    assert_eq!(fake.requests("POST"), 1);
}

#[tokio::test]
async fn a_pod_that_the_list_does_not_show_yet_is_known_by_its_id() {
    let fake = FakeRunpod::start().await;
    fake.lag(50);
    let mut request = vllm();
    let provider = fake.provider();
    request.external_id = provider.ensure_machine(&request).await.unwrap().external_id;
    provider.ensure_machine(&request).await.unwrap();
    // And by another worker, which has the id from the ledger.
    fake.provider().ensure_machine(&request).await.unwrap();
    assert_eq!(fake.counts(), (1, 1));
}

#[tokio::test]
async fn the_id_of_a_pod_that_was_given_up_does_not_hide_the_one_that_took_its_place() {
    let fake = FakeRunpod::start().await;
    let provider = fake.provider();
    let mut request = vllm();
    request.external_id = provider.ensure_machine(&request).await.unwrap().external_id;
    provider.destroy(NAME, request.external_id.as_deref()).await.unwrap();
    // The request still has the dead one's id, and no list shows the new one.
    fake.lag(50);
    let second = provider.ensure_machine(&request).await.unwrap();
    let again = provider.ensure_machine(&request).await.unwrap();
    assert_eq!((again.external_id, fake.counts()), (second.external_id, (1, 2)));
}

#[tokio::test]
async fn a_delete_that_fails_and_a_list_that_lags_end_with_nothing_left() {
    let fake = FakeRunpod::start().await;
    let provider = fake.provider();
    let machine = provider.ensure_machine(&vllm()).await.unwrap();
    fake.fault(|faults| faults.answers = vec![(Method::DELETE, 500); 3].into());
    fake.lag(4);
    provider.destroy(NAME, machine.external_id.as_deref()).await.unwrap();
    assert_eq!(fake.counts(), (0, 1));
    // One that never goes away is a failure, and not believed to be gone.
    let stubborn = provider.ensure_machine(&vllm()).await.unwrap();
    fake.lag(100);
    let failure = provider.destroy(NAME, stubborn.external_id.as_deref()).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("not_gone", true));
}

#[tokio::test]
async fn a_pod_without_gpus_is_replaced() {
    let fake = FakeRunpod::start().await;
    fake.fault(|faults| faults.without_gpu = 1);
    let machine = ready(&fake.provider(), &vllm()).await.unwrap();
    assert_eq!((machine.external_id.as_deref(), fake.counts()), (Some("pod2"), (1, 2)));
}

#[tokio::test]
async fn a_pod_that_never_starts_or_ends_at_once_is_removed_and_its_log_is_kept_without_tokens() {
    for (exits, code) in [(false, "pod_not_started"), (true, "engine_exited")] {
        let fake = FakeRunpod::start().await;
        fake.fault(|faults| (faults.stuck, faults.exits) = (!exits, exits));
        let settings = dria_bench::provider::RunpodSettings {
            start_deadline: Duration::from_millis(if exits { 60_000 } else { 50 }),
            ..fake.settings()
        };
        let failure = ready(&RunpodProvider::new(settings).unwrap(), &vllm()).await.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), (code, true));
        let tail = failure.details["log_tail"].as_str().unwrap();
        assert!(tail.contains("Pulling from vllm") && tail.ends_with("boom with [redacted]"), "{tail}");
        assert_eq!(fake.counts(), (0, 1));
    }
}

#[tokio::test]
async fn a_container_that_restarts_again_and_again_is_no_live_engine() {
    let fake = FakeRunpod::start().await;
    fake.fault(|faults| faults.restarts = true);
    let provider = fake.provider();
    let machine = ready(&provider, &vllm()).await.unwrap();
    loop {
        tokio::time::sleep(Duration::from_millis(12)).await;
        if let Liveness::Gone { reason, log_tail } =
            provider.engine_alive(NAME, machine.external_id.as_deref()).await.unwrap()
        {
            assert!(reason.contains("restarted 2 times") && log_tail.contains("boom"), "{reason}");
            break;
        }
    }
}

#[tokio::test]
async fn many_that_wait_share_one_list() {
    let fake = FakeRunpod::start().await;
    let settings =
        dria_bench::provider::RunpodSettings { poll_every: Duration::from_mins(10), ..fake.settings() };
    let provider = RunpodProvider::new(settings).unwrap();
    let asking = (0..50).map(|_| provider.engine_alive(NAME, None));
    futures::future::join_all(asking).await;
    assert_eq!(fake.requests("GET"), 1);
}

#[tokio::test]
async fn a_gated_model_without_a_token_is_refused_before_anything_is_asked_of_runpod() {
    let fake = FakeRunpod::start().await;
    let request = MachineRequest { gated_model: true, ..vllm() };
    let failure = fake.provider().ensure_machine(&request).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("model_gated", false));
    assert!(failure.message.contains("HF_TOKEN") && fake.requests("") == 0, "{failure}");
    let mut settings = fake.settings();
    settings.hf_token = Some(Secret::new("hf_TOKENTOKENTOKENTOKEN"));
    RunpodProvider::new(settings.clone()).unwrap().ensure_machine(&request).await.unwrap();
    settings.hf_secret = Some("hf".to_owned());
    let request = MachineRequest { name: format!("{NAME}-2"), ..request };
    RunpodProvider::new(settings).unwrap().ensure_machine(&request).await.unwrap();
    let tokens: Vec<_> = fake.bodies().iter().map(|body| body["env"]["HF_TOKEN"].clone()).collect();
    assert_eq!(tokens, ["hf_TOKENTOKENTOKENTOKEN", "{{ RUNPOD_SECRET_hf }}"]);
}

#[tokio::test]
async fn the_three_commands_of_the_original_ask_for_these_pods() {
    for kind in [EngineKind::Ollama, EngineKind::Vllm, EngineKind::Sglang] {
        let fake = FakeRunpod::start().await;
        fake.provider().ensure_machine(&request(&spec(kind))).await.unwrap();
        insta::assert_json_snapshot!(format!("pod_{kind}"), fake.bodies()[0]);
    }
    let fake = FakeRunpod::start().await;
    let mut amd = spec(EngineKind::Vllm);
    amd.machine.gpu_id = "AMD Instinct MI300X OAM".to_owned();
    fake.provider().ensure_machine(&request(&amd)).await.unwrap();
    let body = &fake.bodies()[0];
    assert!(body["image"].as_str().unwrap().contains("rocm") && body["gpu"]["minCudaVersion"].is_null());
}

#[tokio::test]
async fn a_whole_run_is_measured_its_pod_is_gone_and_no_secret_is_in_the_database() {
    let fake = FakeRunpod::start().await;
    let database = TestDatabase::new().await;
    let folder = public_folder();
    let tokens = Arc::new(Remembered::default());
    let mut services = runs::services(&database, Arc::clone(&tokens) as Arc<dyn TokenQueue>, folder.path());
    let mut settings = fake.settings();
    settings.hf_token = Some(Secret::new(HF_TOKEN));
    let provider = Arc::new(RunpodProvider::new(settings).unwrap());
    services.providers = services.providers.with(Arc::clone(&provider) as Arc<dyn Provider>);
    let spec = spec(EngineKind::Vllm);
    let workflow = runs::quick_workflow(&[1, 2]);
    runs::start(&database, tokens.as_ref(), &spec, &workflow, "steps").await;
    while let Some(token) = tokens.pop() {
        execute_one(&services, &token, "test-worker", &CancellationToken::new()).await.unwrap();
    }
    let broken = runs::broken_invariants(&database, folder.path()).await;
    assert!(broken.is_empty(), "{broken:?}");
    let failures: Vec<String> = sqlx::query_scalar("select coalesce(error::text, '') from step_attempts")
        .fetch_all(&database.pool)
        .await
        .unwrap();
    assert_eq!(database.count("select count(*) from benchmark_results").await, 3, "{failures:?}");
    assert_eq!(fake.counts(), (0, 1));
    let unseen = "select count(*) from benchmark_results where summary #>> '{gpu,gpus}' is distinct from '1'";
    assert_eq!(database.count(unseen).await, 0, "what the GPU did is stored with each level");
    let name: String = sqlx::query_scalar("select name from pods").fetch_one(&database.pool).await.unwrap();
    let everything = database.everything().await;
    assert!(everything.contains(&name), "the search looks at the rows");
    for secret in [KEY, HF_TOKEN, &provider.api_key(&name).unwrap()] {
        assert!(!everything.contains(secret), "a secret is in the database");
    }
}

/// A pod that was rented as `NAME`, and the request of the run that takes it over.
async fn handed_over(fake: &FakeRunpod) -> (RunpodProvider, Machine, MachineRequest) {
    let provider = fake.provider();
    let before = ready(&provider, &vllm()).await.unwrap();
    let mut request = request(&spec(EngineKind::Sglang));
    request.name = format!("{NAME}-next");
    request.external_id.clone_from(&before.external_id);
    request.taken_for = Some(Duration::ZERO);
    (provider, before, request)
}

/// Asks until the machine is ready, as provision does: it was handed over at `taken`.
async fn taken_over(
    provider: &RunpodProvider,
    mut request: MachineRequest,
    taken: Instant,
) -> Result<Machine, Failure> {
    loop {
        request.taken_for = Some(taken.elapsed());
        let machine = provider.ensure_machine(&request).await?;
        if machine.ready {
            return Ok(machine);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_pod_is_taken_over_once_though_the_answer_is_lost_or_comes_late() {
    type Fault = fn(&mut crate::support::runpod::Faults);
    let faults: [(Fault, usize); 4] = [
        (|_| {}, 1),
        (|faults| faults.lost_changes = 1, 1),
        (|faults| faults.answers = [(Method::PATCH, 503), (Method::PATCH, 429)].into(), 1),
        // RunPod doesn't say that a change restarts the container.
        (|faults| faults.no_reset = true, 1),
    ];
    for (fault, changes) in faults {
        let fake = FakeRunpod::start().await;
        let (_, before, request) = handed_over(&fake).await;
        fake.fault(fault);
        let settings = dria_bench::provider::RunpodSettings {
            restart_after: Duration::from_millis(100),
            ..fake.settings()
        };
        let provider = RunpodProvider::new(settings).unwrap();
        let taken = Instant::now();
        let machine = taken_over(&provider, request.clone(), taken).await.unwrap();
        assert_eq!(machine.external_id, before.external_id, "the very machine");
        let (endpoint, old) = (machine.endpoint.unwrap(), before.endpoint.unwrap());
        assert_ne!(endpoint.base_url, old.base_url, "the engine of before isn't taken for ours");
        assert_ne!(endpoint.api_key, old.api_key);
        assert_eq!(
            (fake.changes().len(), fake.counts(), fake.names()),
            (changes, (1, 1), vec![request.name.clone()])
        );
        // Another worker finds it by its name, and leaves it as it is.
        taken_over(&fake.provider(), request.clone(), taken).await.unwrap();
        assert_eq!(fake.changes().len(), changes);
        provider.destroy(&request.name, None).await.unwrap();
        assert_eq!(fake.counts(), (0, 1));
    }
}

#[tokio::test]
async fn a_pod_that_cannot_be_taken_over_is_removed_and_another_rented_and_one_never_taken_is_removed_too() {
    for status in [400, 409, 422] {
        let fake = FakeRunpod::start().await;
        let (provider, before, request) = handed_over(&fake).await;
        fake.fault(|faults| faults.answers.push_back((Method::PATCH, status)));
        let machine = taken_over(&provider, request.clone(), Instant::now()).await.unwrap();
        assert_ne!(machine.external_id, before.external_id, "{status}");
        assert_eq!((fake.counts(), fake.names()), ((1, 2), vec![request.name]));
    }
    let fake = FakeRunpod::start().await;
    let (provider, before, request) = handed_over(&fake).await;
    fake.fault(|faults| faults.answers = [(Method::PATCH, 401)].into());
    assert_eq!(
        taken_over(&provider, request.clone(), Instant::now()).await.unwrap_err().code,
        "provider_unauthorized"
    );
    // It still has the name of the run before, and is ours by its id.
    provider.destroy(&request.name, before.external_id.as_deref()).await.unwrap();
    assert_eq!(fake.counts(), (0, 1));
}

#[tokio::test]
async fn a_port_that_is_not_mapped_yet_keeps_no_list_from_being_read() {
    let fake = FakeRunpod::start().await;
    fake.fault(|faults| faults.unmapped = true);
    let provider = fake.provider();
    for _ in 0..5 {
        assert!(!provider.ensure_machine(&vllm()).await.unwrap().ready);
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    assert_eq!(provider.list("dria-").await.unwrap().len(), 1);
}
