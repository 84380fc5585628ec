//! What can be seen from outside: metrics and who may read them, readiness, logs and traces of a real worker.

use std::time::Duration;

use axum::{Router, body::Bytes, extract::State, routing::post};
use dria_bench::{
    api, config,
    domain::kinds::ProviderKind,
    http,
    ledger::tokens::{self, Role},
    monitor::{self, Readiness},
    queue::ApalisQueue,
};
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;
use reqwest::StatusCode;
use tokio::{net::TcpListener, sync::mpsc};

use crate::support::{
    database::TestDatabase,
    program::{Bench, Running},
    runs,
};

async fn get(url: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let mut request = http::client(None).unwrap().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

/// A collector of traces that keeps each body it is sent.
async fn collector() -> (String, mpsc::UnboundedReceiver<Bytes>) {
    let (tell, told) = mpsc::unbounded_channel();
    let routes = Router::new()
        .route(
            "/v1/traces",
            post(async |State(tell): State<mpsc::UnboundedSender<Bytes>>, body: Bytes| {
                tell.send(body).unwrap();
            }),
        )
        .with_state(tell);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());
    (url, told)
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key).unwrap();
    match found.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Starts a run of this host and a worker with metrics; returns once the run is over.
async fn worked(bench: &Bench, environment: &[(&str, &str)]) -> (String, Running, String) {
    let spec = runs::truth_spec(&[1], ProviderKind::Local, None);
    let queue = runs::local_queue();
    let run = runs::start(&bench.database, &ApalisQueue, &spec, &runs::quick_workflow(&[1]), &queue).await;
    let mut command = bench.command("worker --metrics-addr 127.0.0.1:0");
    command.envs(environment.iter().copied());
    let mut worker = Running::start(&mut command);
    let said = worker.wait_for(&["metrics at http://"]);
    let url = said.trim_start_matches("metrics at ").trim_end_matches("/metrics").to_owned();
    while bench.database.count("select count(*) from workflow_runs where status = 'succeeded'").await == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (run.to_string(), worker, url)
}

// The collector has to answer while the test waits for the worker's end.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_shows_what_it_worked_in_metrics_logs_and_traces() {
    let bench = Bench::new().await;
    let (endpoint, mut exported) = collector().await;
    let environment = [
        ("DRIA_BENCH_LOG_FORMAT", "json"),
        ("RUST_LOG", "info"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
    ];
    let (run, worker, url) = worked(&bench, &environment).await;

    let (status, text) = get(&format!("{url}/metrics"), &[]).await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        r#"dria_bench_step_duration_seconds_count{step="concurrency",engine="truth",outcome="done"} 1"#,
        r#"dria_bench_load_send_lag_seconds{engine="truth",quantile="0.99"}"#,
        r#"dria_bench_queue_depth{queue="steps",state="queued"} 0"#,
        r#"dria_bench_queue_workers{queue="steps"} 1"#,
        r#"dria_bench_live_pods{provider="local"} 0"#,
        r#"dria_bench_spend_usd{provider="runpod"} 0.0"#,
        r#"dria_bench_build_info{version=""#,
        "dria_bench_database_up 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(get(&format!("{url}/healthz"), &[]).await.0, StatusCode::OK);
    assert_eq!(get(&format!("{url}/readyz"), &[]).await, (StatusCode::OK, "ready\n".to_owned()));
    let (status, _) = get(&format!("{url}/metrics"), &[("x-forwarded-for", "203.0.113.7")]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "a proxy asks for somebody else");

    worker.signal(Signal::SIGTERM);
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let lines: Vec<serde_json::Value> =
        ended.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let started = lines.iter().find(|line| line["message"] == "engine started").unwrap();
    assert_eq!((&started["span"]["step"], &started["span"]["attempt"]), (&"start_engine".into(), &1.into()));
    assert_eq!(started["span"]["run"], run.as_str());
    assert!(started["span"]["fence"].as_i64().unwrap() > 0);

    let mut spans = Vec::new();
    while let Ok(body) = exported.try_recv() {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        spans.extend(request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans));
    }
    let steps: Vec<String> = spans
        .iter()
        .filter(|span| span.name == "step" && attribute(span, "run") == run)
        .map(|span| format!("{} {}", attribute(span, "step"), attribute(span, "outcome")))
        .collect();
    assert_eq!(
        steps,
        [
            "provision done",
            "pull_model done",
            "start_engine done",
            "warmup done",
            "throughput done",
            "concurrency:1 done",
            "teardown done"
        ],
        "what was left was sent when the process ended"
    );
}

#[tokio::test]
async fn a_collector_that_is_away_fails_no_run() {
    let bench = Bench::new().await;
    let (_, worker, _) = worked(&bench, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]).await;
    worker.signal(Signal::SIGTERM);
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(runs::broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_process_is_ready_while_its_workers_beat_and_its_database_answers() {
    let database = TestDatabase::new().await;
    let ready = Readiness {
        queues: vec!["steps".to_owned()],
        worker_prefix: "host-1-".to_owned(),
        silent: Duration::from_secs(30),
    };
    let address = "127.0.0.1:0".parse().unwrap();
    let server = monitor::serve(address, database.pool.clone(), ready).await.unwrap();
    let url = format!("http://{}", server.address());
    let (status, said) = get(&format!("{url}/readyz"), &[]).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(said.contains("the queue steps"), "{said}");
    database
        .execute(
            "insert into apalis.workers (id, worker_type, storage_name, last_seen)
             values ('host-1-a', 'steps', 's', now())",
        )
        .await;
    assert_eq!(get(&format!("{url}/readyz"), &[]).await.0, StatusCode::OK);
    database.pool.close().await;
    let (status, said) = get(&format!("{url}/readyz"), &[]).await;
    assert_eq!((status, said.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "the database can't be reached\n"));
    assert_eq!(get(&format!("{url}/healthz"), &[]).await.0, StatusCode::OK, "the process itself is well");
    let (status, text) = get(&format!("{url}/metrics"), &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("dria_bench_build_info"));
}

#[tokio::test]
async fn metrics_of_the_server_are_for_this_machine_and_for_tokens() {
    let database = TestDatabase::new().await;
    let token = tokens::create(&database.pool, "prometheus", Role::Viewer, None, "test").await.unwrap();
    let settings = config::Server { host: [127, 0, 0, 1].into(), port: 0, ..Default::default() };
    let server = api::serve(&settings, database.pool.clone()).await.unwrap();
    let url = server.url();
    get(&format!("{url}/api/v1/runs"), &[]).await;
    let (status, text) = get(&format!("{url}/metrics"), &[]).await;
    assert_eq!(status, StatusCode::OK);
    let timed =
        r#"dria_bench_http_request_duration_seconds_count{method="GET",route="/api/v1/runs",status="200"}"#;
    assert!(text.contains(timed), "{text}");
    let proxied = ("x-forwarded-for", "203.0.113.7");
    assert_eq!(get(&format!("{url}/metrics"), &[proxied]).await.0, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {token}");
    let known = [proxied, ("authorization", bearer.as_str())];
    assert_eq!(get(&format!("{url}/metrics"), &known).await.0, StatusCode::OK);
    get(&format!("{url}/made/up/by/a/client"), &[]).await;
    let (_, text) = get(&format!("{url}/metrics"), &[]).await;
    assert!(text.contains(r#"route="none",status="404""#) && !text.contains("made/up"), "{text}");
    server.stop().await;
}
