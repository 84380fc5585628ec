//! A run with its ten results, as one that ended a moment ago is published.

use chrono::{DateTime, Utc};
use dria_bench::{
    domain::{measure::summary::BenchmarkType, run::RunStatus},
    store::publications::{self, Origin, PublishedCost, PublishedResult, PublishedRun},
};
use sqlx::PgPool;

/// Results of a run.
pub(crate) const RESULTS: u64 = 10;

/// Writes the `number`-th run, and its outbox row, in one transaction.
pub(crate) async fn publish(pool: &PgPool, number: usize, now: DateTime<Utc>) -> anyhow::Result<()> {
    let results: Vec<PublishedResult> =
        (1..=9).map(Some).chain([None]).map(|rate| result(number, rate, now)).collect();
    let mut tx = pool.begin().await?;
    publications::upsert(&mut tx, &run(number, now)?, &results).await?;
    tx.commit().await?;
    Ok(())
}

fn run(number: usize, now: DateTime<Utc>) -> anyhow::Result<PublishedRun> {
    Ok(PublishedRun {
        pod_id: format!("pod-{number:04}"),
        origin: Origin::Imported("file:bench".to_owned()),
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
        cost: Some(PublishedCost { usd_per_hour: "3.99".parse()?, uptime_s: 1800 }),
        benchmark_duration_s: Some(371.02),
        suite_started_at: None,
        suite_ended_at: None,
        failures: Vec::new(),
        comparability: None,
        icon_url: Some("https://example.org/llama.svg".to_owned()),
        created_at: now,
    })
}

/// No two runs have the same figures.
fn result(number: usize, rate: Option<i32>, now: DateTime<Utc>) -> PublishedResult {
    let figure = number as f64 + f64::from(rate.unwrap_or_default()) / 10.0;
    PublishedResult {
        benchmark_type: if rate.is_some() { BenchmarkType::Concurrent } else { BenchmarkType::Throughput },
        rate,
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
        time_to_first_token_ms: 812.44,
        time_per_output_token_ms: 35.0,
        inter_token_latency_ms: 34.5,
        output_tokens_per_second: 1207.331 + figure,
        tokens_per_second: 2101.0 + figure,
        measured_at: now,
    }
}
