//! How reads go through big tables: a hundred thousand results, and which tables were read from end to end meanwhile.

use std::{collections::BTreeMap, str::FromStr};

use dria_bench::{api, config, http};
use sqlx::{
    Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::database::TestDatabase;

/// 10,000 runs of ten results, of 40 models by 3 engines on 25 GPUs.
pub(crate) const RUNS: &str = "
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

/// What autovacuum would come to do in time.
pub(crate) async fn tidy(database: &TestDatabase, tables: &[&str]) {
    for table in tables {
        database.execute(format!("vacuum analyze {table}")).await;
    }
}

/// Asks a server for these paths, each more often than a session looks for a plan that fits the values. Returns how often
/// tables were read from end to end for that; one that never was is absent.
pub(crate) async fn sequential_scans(database: &TestDatabase, paths: &[&str]) -> BTreeMap<String, i64> {
    // Sessions of its own, whose counts are in when they end.
    let options = PgConnectOptions::from_str(&database.url).unwrap().application_name("reads");
    let pool = PgPoolOptions::new().max_connections(2).connect_with(options).await.unwrap();
    let server = api::serve(&config::Server::default(), pool.clone()).await.unwrap();
    let client = http::client(None).unwrap();
    let before = counts(database).await;
    for path in paths {
        for again in 0..8 {
            // What holds already is answered from memory: of those a parameter that makes it another question.
            let path = path.replace("$n", &again.to_string());
            let response = client.get(format!("{}{path}", server.url())).send().await.unwrap();
            assert_eq!(response.status(), 200, "{path}: {}", response.text().await.unwrap());
        }
    }
    server.stop().await;
    pool.close().await;
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'reads'";
    while database.count(sessions).await > 0 {
        tokio::task::yield_now().await;
    }
    let mut scans = counts(database).await;
    for (table, count) in &mut scans {
        *count -= before.get(table).copied().unwrap_or_default();
    }
    scans.retain(|_, count| *count > 0);
    scans
}

async fn counts(database: &TestDatabase) -> BTreeMap<String, i64> {
    let rows =
        sqlx::query("select relname::text, seq_scan from pg_stat_user_tables").fetch_all(&database.pool);
    rows.await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}
