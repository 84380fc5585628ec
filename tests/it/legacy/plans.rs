//! How the original reads go through 100,000 results: by indexes, whatever is asked for.

use std::str::FromStr;

use dria_bench::{api, config, http};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use crate::support::database::TestDatabase;

/// 10,000 runs of ten results, of 40 models by 3 engines on 25 GPUs.
const RUNS: &str = "
    insert into published_runs (pod_id, imported_from, status, llm_id, llm_common_name, llm_parameter_size, inference_name,
        gpu_id, server_type, benchmark_types, usd_per_hour, uptime_s, used_usd, ttft_ms, output_tokens_per_second, created_at)
    select 'pod-' || n, 'file:test', 'succeeded', 'm' || n % 40, 'Model-' || n % 40, n % 8 || 'b',
        (array['Ollama', 'VLLM', 'SGLang'])[n % 3 + 1], 'GPU ' || n % 25, 'Runpod', '{concurrent,throughput}',
        1 + n % 7, 60, 0.1, n % 1000, n % 900, timestamptz '2025-01-01' + n * interval '1 minute'
    from generate_series(1, 10000) n;
    insert into published_results (pod_id, benchmark_type, rate, benchmark_duration, total_requests, successful_requests,
        requests_per_second, request_concurrency, request_latency, prompt_token_count, output_token_count,
        time_to_first_token_ms, time_per_output_token_ms, inter_token_latency_ms, output_tokens_per_second,
        tokens_per_second, measured_at)
    select 'pod-' || n, case when rate = 10 then 'throughput' else 'concurrent' end, nullif(rate, 10), 30, 100, 100,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, now()
    from generate_series(1, 10000) n, generate_series(1, 10) rate;";

#[tokio::test]
async fn no_read_goes_through_a_whole_table() {
    let database = TestDatabase::new().await;
    database.execute(RUNS).await;
    for table in ["published_runs", "published_results", "imported_summaries"] {
        database.execute(format!("vacuum analyze {table}")).await;
    }
    // Sessions of its own, whose counts are in when they end.
    let options = PgConnectOptions::from_str(&database.url).unwrap().application_name("reads");
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    let server = api::serve(&config::Server::default(), pool.clone()).await.unwrap();
    let client = http::client(None).unwrap();
    let scans = "select coalesce(sum(seq_scan), 0)::bigint from pg_stat_user_tables
                 where relname in ('published_runs', 'published_results')";
    let before = database.count(scans).await;
    for path in [
        "/benchmark_results?pod_id=pod-77",
        "/benchmark_results",
        "/benchmark_results?platform=vllm&gpu_type=GPU%203",
        "/multiple_benchmark_results?pod_ids=pod-1&pod_ids=pod-9999",
        "/get_all_benchmarks",
        "/get_all_benchmarks?page=200&per_page=50",
        "/get_benchmark_results_by_filters?model_name=Model-3",
        "/get_benchmark_results_by_filters?model_name=model-3",
        "/get_benchmark_results_by_filters?hardware=GPU%201&hardware=GPU%202&TPS_min=500",
        "/get_available_benchmark_options",
        "/get_gpu_prices_by_pod_id?pod_id=pod-5",
    ] {
        // More often than a session looks for a plan that fits the values.
        for _ in 0..8 {
            let response = client.get(format!("{}{path}", server.url())).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}");
        }
    }
    server.stop().await;
    pool.close().await;
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'reads'";
    while database.count(sessions).await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(database.count(scans).await - before, 0);
}
