//! A run as readers see it, to publish without measuring.

use chrono::{DateTime, Duration, Utc};
use dria_bench::{
    domain::{measure::summary::BenchmarkType, run::RunStatus},
    store::publications::{Origin, PublishedCost, PublishedResult, PublishedRun},
};

/// 2025-07-14, so many minutes after 15:45:40.372.
pub(crate) fn at(minute: i64) -> DateTime<Utc> {
    "2025-07-14T15:45:40.372Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
}

/// A run of Llama2-7B by vLLM on an H200, with everything that can be known of it.
pub(crate) fn run(pod_id: &str, minute: i64) -> PublishedRun {
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
pub(crate) fn throughput() -> PublishedResult {
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
pub(crate) fn concurrent(rate: i32) -> PublishedResult {
    PublishedResult {
        benchmark_type: BenchmarkType::Concurrent,
        rate: Some(rate),
        request_latency: 0.5 + f64::from(rate) / 8.0,
        ..throughput()
    }
}

/// Its ten benchmarks, in the order in which readers get them.
pub(crate) fn ten() -> Vec<PublishedResult> {
    (1..=9).map(concurrent).chain([throughput()]).collect()
}
