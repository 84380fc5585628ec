//! The HTTP server over a real database: the JSON, the CSV, and every way to ask for what isn't there.

use std::collections::BTreeMap;

use dria_bench::{
    api::{self, Server},
    cli::{self, Output},
    config,
    domain::{
        ids::RunId,
        kinds::{EngineKind, ProviderKind},
        measure::{
            comparable::Comparability,
            raw,
            record::{ClientSample, LevelRecords, LoadShape, Outcome, RequestRecord, Window},
            summarise,
        },
        run::RunStatus,
        spec::RunSpec,
        step::{StepKind, StepStatus},
    },
    http,
    store::{
        results::{self, NewResult},
        runs::{self, NewRun},
        steps::{self, Settled},
    },
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{database::TestDatabase, runs as support};

const TEN: &str = "01949c00-0000-7000-8000-000000000010";
const TWO: &str = "01949c00-0000-7000-8000-000000000002";
const NONE: &str = "01949c00-0000-7000-8000-000000000000";

/// A server over a database of its own.
struct App {
    database: TestDatabase,
    server: Server,
    client: reqwest::Client,
}

impl App {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let server = api::serve(&on_port(0), database.pool.clone()).await.unwrap();
        Self { database, server, client: http::client(None).unwrap() }
    }

    async fn ask(&self, path: &str, accept: &str) -> Response {
        let url = format!("{}{path}", self.server.url());
        self.client.get(url).header("accept", accept).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.ask(path, "*/*").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Status, kind and body of a problem.
    async fn problem(&self, path: &str) -> Value {
        let response = self.ask(path, "*/*").await;
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["status"], status);
        body
    }

    /// Records a run that measured these numbers of streams, at times that never change.
    async fn record(&self, id: &str, spec: &RunSpec, day: &str) {
        let id: RunId = id.parse().unwrap();
        let workflow = support::quick_workflow(&spec.load.rates);
        let mut conn = self.database.pool.begin().await.unwrap();
        let new = NewRun { id, spec, definition: &workflow, queue: "steps", priority: 5, rerun_of: None };
        runs::insert(&mut conn, &new).await.unwrap();
        runs::start(&mut conn, id).await.unwrap();
        for (step, definition) in (0..).zip(&workflow.steps) {
            let kind = definition.kind;
            let token = format!("token {step}");
            steps::schedule(&mut conn, id, step, kind, &token, 0.0).await.unwrap();
            let output = output(kind, spec);
            let settled =
                Settled { status: StepStatus::Done, output: Some(&output), timings: None, failure: None };
            steps::settle(&mut conn, id, step, settled).await.unwrap();
            if kind.is_measurement() {
                results::insert(&mut conn, id, step, 1, &result(kind, spec)).await.unwrap();
            }
        }
        runs::finish(&mut conn, id, RunStatus::Succeeded).await.unwrap();
        conn.commit().await.unwrap();
        self.database
            .execute(format!(
                "update workflow_runs set created_at = '{day} 06:00Z', started_at = '{day} 06:00:01Z',
                   finished_at = '{day} 06:01:31Z' where id = '{id}';
                 update step_runs set started_at = '{day} 06:00:01Z', finished_at = '{day} 06:00:08.5Z'
                   where run_id = '{id}'"
            ))
            .await;
    }
}

fn on_port(port: u16) -> config::Server {
    config::Server { host: [127, 0, 0, 1].into(), port, ..config::Server::default() }
}

/// A CPU run of llama.cpp.
fn spec(rates: &[u32]) -> RunSpec {
    let mut spec = support::truth_spec(rates, ProviderKind::Local, None);
    spec.engine.kind = EngineKind::Llamacpp;
    spec.engine.extra_args.clear();
    "smollm2-135m".clone_into(&mut spec.model.id);
    "SmolLM2-135M".clone_into(&mut spec.model.common_name);
    "CPU Example 9000".clone_into(&mut spec.machine.gpu_id);
    spec
}

/// What a step leaves.
fn output(kind: StepKind, spec: &RunSpec) -> Value {
    match kind {
        StepKind::Provision => json!({
            "pod_name": "dria-test", "external_id": null, "price_usd_per_hour": null, "install": null,
            "placement_s": null,
            "host": {
                "cpu_model": "Example 9000", "logical_cores": 2, "memory_bytes": 8_589_934_592_u64,
                "os": "Linux (Debian GNU/Linux 12)", "shared_with_client": true,
            },
        }),
        StepKind::PullModel => json!({ "pull": {}, "server_setup_s": null }),
        StepKind::StartEngine => json!({
            "external_id": "1:2", "endpoint": { "base_url": "http://127.0.0.1:9/" }, "version": "b6000",
            "served": { "id": spec.model.id, "context_tokens": 288, "quantization": "Q4_K_M", "parallel_slots": 9 },
            "load": { "model_loading_s": 0.5 }, "command": null, "server_setup_s": 1.25,
        }),
        StepKind::Warmup => json!({
            "calibration": { "fixed_offset": 0, "tokens_per_word": 1.0, "exact": true, "dropped_words": [] },
            "prompt_set_sha256": "ab12", "warmup_s": 3.5, "requests": 20,
        }),
        _ => Value::Null,
    }
}

/// A level of a made-up engine that gets slower with every stream.
fn result(kind: StepKind, spec: &RunSpec) -> NewResult {
    let shape = match kind {
        StepKind::Concurrency(streams) => LoadShape::Closed { streams },
        _ => LoadShape::Saturate { max_in_flight: 36 },
    };
    let streams = u64::from(shape.in_flight_limit().unwrap_or(1));
    let mut records = Vec::new();
    for stream in 0..streams {
        let mut now = 500_000;
        for i in 0..9 {
            let end_us = now + 400_000 + 20_000 * streams + ((stream + i) * 7_919) % 90_000;
            records.push(RequestRecord {
                stream: stream as u32,
                intended_start_us: now,
                start_us: now,
                arrivals_us: (0..16).map(|token| end_us - 150_000 + token * 10_000).collect(),
                end_us,
                prompt_tokens: Some(16),
                output_tokens: Some(16),
                cached_prompt_tokens: None,
                intended_prompt_tokens: 16,
                intended_output_tokens: 16,
                outcome: Outcome::Completed,
            });
            now = end_us;
        }
    }
    let level = LevelRecords {
        shape,
        window: Window { start_us: 1_000_000, end_us: 4_000_000 },
        records,
        client: ClientSample {
            send_lags_us: (1..=40).map(|i| i * 2).collect(),
            cpu_share: 0.062,
            rtt_us: Some(41),
            rtt_after_us: None,
            through_proxy: false,
            shared_host: true,
        },
        seed: 42,
    };
    NewResult {
        summary: summarise(&level),
        comparability: Comparability {
            model: spec.model.common_name.clone(),
            precision: Some("Q4_K_M".to_owned()),
            context_tokens: Some(288),
            parallel_slots: Some(9),
            prefix_caching: Some(false),
            prompt_set_sha256: "ab12".to_owned(),
            gpu_id: spec.machine.gpu_id.clone(),
            gpu_count: 0,
        },
        records_sha256: format!("{streams:064x}"),
        records: raw::encode(&level).unwrap(),
        started_at: chrono::DateTime::from_timestamp(1_795_500_000, 0).unwrap(),
    }
}

/// A page without what changes with its look and with each version.
#[tokio::test]
async fn runs_are_listed_newest_first() {
    let app = App::new().await;
    app.record(TWO, &spec(&[1]), "2026-11-23").await;
    app.record(TEN, &spec(&[2]), "2026-11-24").await;
    insta::assert_json_snapshot!("list_of_runs", app.json("/api/v1/runs").await);
    let one = app.json("/api/v1/runs?limit=1").await;
    assert_eq!(one["runs"].as_array().unwrap().len(), 1);
    assert_eq!(one["runs"][0]["id"], TEN);
}

#[tokio::test]
async fn a_run_is_what_the_command_prints() {
    let app = App::new().await;
    app.record(TWO, &spec(&[1]), "2026-11-23").await;
    let run = app.json(&format!("/api/v1/runs/{TWO}")).await;
    insta::assert_json_snapshot!("run_with_two_results", run, {
        ".created_at" => "[time]", ".**.scheduled_at" => "[time]", ".**.run_after" => "[time]",
        ".**.heartbeat_at" => "[time]", ".**.finished_at" => "[time]", ".**.started_at" => "[time]",
    });
    let printed = tokio::process::Command::new(env!("CARGO_BIN_EXE_dria-bench"))
        .args(["results", TWO, "--json"])
        .env("DATABASE_URL", &app.database.url)
        .output()
        .await
        .unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    for (name, value) in printed.as_object().unwrap() {
        assert_eq!(*value, run[name], "{name}");
    }
}

#[tokio::test]
async fn results_come_as_json_or_csv_in_either_view() {
    let app = App::new().await;
    app.record(TWO, &spec(&[1, 2]), "2026-11-23").await;
    let path = format!("/api/v1/runs/{TWO}/results");
    let run = app.json(&format!("/api/v1/runs/{TWO}")).await;
    for view in ["measured", "compat"] {
        let json = app.json(&format!("{path}?view={view}")).await;
        let expected: Vec<Value> =
            run["results"].as_array().unwrap().iter().map(|result| result[view].clone()).collect();
        assert_eq!(json, json!({ "run": TWO, "view": view, "results": expected }));

        let csv = app.ask(&format!("{path}?format=csv&view={view}"), "*/*").await;
        assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8; header=present");
        let file = format!("attachment; filename=\"dria-bench-{TWO}-{view}.csv\"");
        assert_eq!(csv.headers()["content-disposition"].to_str().unwrap(), file);
        let text = csv.text().await.unwrap();
        let rows: Vec<BTreeMap<String, String>> =
            csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        for (row, result) in rows.iter().zip(&expected) {
            assert_eq!(row.len(), 17);
            for (name, value) in row {
                let shown = match &result[name] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    number => number.as_f64().unwrap().to_string(),
                };
                assert_eq!(*value, shown, "{name}");
            }
        }
    }
    assert_eq!(app.json(&path).await["view"], "measured");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_for_programs() {
    let app = App::new().await;
    let mut problems = Vec::new();
    for path in [
        "/api/v1/nothing",
        &format!("/api/v1/runs/{NONE}"),
        &format!("/api/v1/runs/{NONE}/results"),
        "/api/v1/runs/latest",
        "/api/v1/runs/%ff",
        "/api/v1/runs?limit=0&offset=3",
        &format!("/api/v1/runs/{NONE}/results?format=xml&view=both"),
        &format!("/api/v1/runs/{NONE}?view=compat"),
    ] {
        let mut answer = app.problem(path).await;
        answer.as_object_mut().unwrap().remove("request_id").unwrap();
        problems.push(json!({ "path": path, "answer": answer }));
    }
    insta::assert_json_snapshot!("problems", problems);

    let response = app.ask("/nothing", "*/*").await;
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let response = app.ask("/nothing", "application/json").await;
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn only_reads_are_answered() {
    let app = App::new().await;
    for (path, kind) in [("/api/v1/results", "application/problem+json"), ("/", "application/json")] {
        let response = app.client.post(format!("{}{path}", app.server.url())).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()["allow"], "GET,HEAD");
        assert_eq!(response.headers()["content-type"], kind);
    }
    let head = app.client.head(format!("{}/api/v1/runs", app.server.url())).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_database_that_is_gone_is_a_503_that_tells_no_secret() {
    let app = App::new().await;
    app.database.pool.close().await;
    let problem = app.problem("/api/v1/runs").await;
    assert_eq!((&problem["status"], &problem["code"]), (&json!(503), &json!("database")));
    assert!(problem["detail"].as_str().unwrap().contains("dria-bench doctor"));
    assert_eq!(app.json("/health").await["success"], true);
}

#[tokio::test]
async fn a_taken_port_is_said_and_a_stopped_server_gives_its_port_back() {
    let app = App::new().await;
    let port = app.server.address().port();
    assert!(app.server.address().ip().is_loopback());
    let taken = api::serve(&on_port(port), app.database.pool.clone()).await.unwrap_err();
    assert_eq!(taken.to_string(), format!("port {port} of 127.0.0.1 is taken by another program"));
    // A command that has something to show takes a free port instead.
    let output = Output { json: false, quiet: true };
    let elsewhere = cli::site::serve(&on_port(port), &app.database.pool, output).await.unwrap();
    assert_ne!(elsewhere.address().port(), port);
    elsewhere.stop().await;
    // The client keeps its connection open: an idle one must not hold the server up.
    app.json("/health").await;
    app.server.stop().await;
    let again = api::serve(&on_port(port), app.database.pool.clone()).await.unwrap();
    again.stop().await;
}
