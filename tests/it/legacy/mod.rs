//! The original HTTP paths, sentence by sentence of what their clients were told.

mod frame;
mod plans;
mod prices;
mod results;
mod search;

use chrono::{DateTime, Duration, Utc};
use dria_bench::{
    api::{self, Server},
    config::{self, Secret, SignIn},
    domain::{measure::summary::BenchmarkType, run::RunStatus},
    http,
    people::People,
    store::{
        publications::{self, Origin, PublishedCost, PublishedResult, PublishedRun},
        users::{self, Profile},
    },
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;

/// A server over a database of its own.
struct App {
    database: TestDatabase,
    server: Server,
    client: reqwest::Client,
    settings: config::Server,
}

impl App {
    async fn new() -> Self {
        let key = Secret::new("a key that only tests use");
        let sign_in = SignIn { secret_key: Some(key), ..SignIn::default() };
        Self::with(config::Server { sign_in, ..config::Server::default() }).await
    }

    async fn with(settings: config::Server) -> Self {
        let database = TestDatabase::new().await;
        let server = api::serve(&settings, database.pool.clone()).await.unwrap();
        Self { database, server, client: http::client(None).unwrap(), settings }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server.url()))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// Publishes a run with these results.
    async fn publish(&self, run: &PublishedRun, results: &[PublishedResult]) {
        let mut conn = self.database.pool.acquire().await.unwrap();
        publications::upsert(&mut conn, run, results).await.unwrap();
    }

    /// Publishes runs that are all alike but for their ids, and made a minute after the other.
    async fn publish_all(&self, pod_ids: &[&str]) {
        for (minute, pod_id) in (0..).zip(pod_ids) {
            self.publish(&run(pod_id, minute), &[throughput()]).await;
        }
    }

    /// Signs somebody in. Returns their access token.
    async fn sign_in(&self, github_id: i64) -> String {
        let mut conn = self.database.pool.acquire().await.unwrap();
        let profile = Profile {
            github_id,
            username: format!("user-{github_id}"),
            email: String::new(),
            avatar_url: None,
        };
        let user = users::sign_in(&mut conn, &profile).await.unwrap();
        People::new(&self.settings.sign_in).open_client(&mut conn, &user, "test").await.unwrap()
    }
}

/// The `pod_id` of each, in order.
fn pods(answer: &Value) -> Vec<&str> {
    let results = answer["benchmark_results"].as_array().unwrap();
    results.iter().map(|result| result["pod_id"].as_str().unwrap()).collect()
}

/// What a refusal is: its status, and of a 422 each fault's place and type.
async fn refused(response: Response) -> (u16, Vec<(Value, String)>) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["success"], &body["data"]["status_code"]), (&json!(false), &json!(status)));
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    let faults = body["data"]["errors"].as_array().cloned().unwrap_or_default();
    let fault = |fault: Value| (fault["loc"].clone(), fault["type"].as_str().unwrap().to_owned());
    (status, faults.into_iter().map(fault).collect())
}

/// 2025-07-14, so many minutes after 15:45:40.372.
fn at(minute: i64) -> DateTime<Utc> {
    "2025-07-14T15:45:40.372Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
}

/// A run of Llama2-7B by vLLM on an H200, with everything that can be known of it.
fn run(pod_id: &str, minute: i64) -> PublishedRun {
    PublishedRun {
        pod_id: pod_id.to_owned(),
        origin: Origin::Imported("mongodb:test".to_owned()),
        status: RunStatus::Succeeded,
        failure_code: None,
        llm_id: "meta-llama/Llama-2-7b-chat-hf".to_owned(),
        llm_common_name: "Llama2-7B".to_owned(),
        llm_parameter_size: "7b".to_owned(),
        model_slug: None,
        precision: None,
        inference_name: "VLLM".to_owned(),
        engine_version: None,
        image: None,
        gpu_id: "NVIDIA H200".to_owned(),
        gpu_key: Some("NVIDIA H200".to_owned()),
        gpu_count: 1,
        server_type: "Runpod".to_owned(),
        pod_url: String::new(),
        port: 8000,
        volume_in_gb: 200,
        container_disk_in_gb: 50,
        server_start_s: Some(298),
        model_download_s: Some(121),
        cost: Some(PublishedCost { usd_per_hour: "3.99".parse().unwrap(), uptime_s: 1800 }),
        benchmark_duration_s: Some(371.02),
        suite_started_at: None,
        suite_ended_at: None,
        failures: Vec::new(),
        comparability: None,
        icon_url: Some("https://example.org/llama.svg".to_owned()),
        created_at: at(minute),
    }
}

/// Its throughput benchmark.
fn throughput() -> PublishedResult {
    PublishedResult {
        benchmark_type: BenchmarkType::Throughput,
        rate: None,
        result_id: None,
        max_number: None,
        warmup_number: None,
        benchmark_duration: 37.5,
        total_requests: 733,
        successful_requests: 730,
        requests_per_second: 19.5,
        request_concurrency: 64.0,
        request_latency: 3.25,
        prompt_token_count: 51.83,
        output_token_count: 70.02,
        time_to_first_token_ms: 812.4401,
        time_per_output_token_ms: 35.0,
        inter_token_latency_ms: 34.5,
        output_tokens_per_second: 1207.331,
        tokens_per_second: 2101.0,
        measured_at: at(0),
    }
}

/// A benchmark of so many streams.
fn concurrent(rate: i32) -> PublishedResult {
    PublishedResult {
        benchmark_type: BenchmarkType::Concurrent,
        rate: Some(rate),
        request_latency: 0.5 + f64::from(rate) / 8.0,
        ..throughput()
    }
}
