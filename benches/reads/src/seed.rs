//! A hundred thousand results: one run that was really measured, copied as often as is asked for, each copy with a model, an
//! engine, a GPU, a price, figures and a time of its own. One in four is a run that was measured here, with summaries and
//! records; the others are imported. And prices of the same GPUs.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use dria_bench::{
    domain::catalog::Catalog,
    truth::{self, Settings},
};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::net::TcpListener;

use super::questions::Known;

/// Of so many runs one was measured here.
const MEASURED_IN: i64 = 4;

/// Measures one run of ten results, of an engine whose timing is known.
pub(crate) async fn template(program: &Path, database: &str, folder: &Path) -> anyhow::Result<()> {
    let settings =
        Settings { ttft: Duration::from_millis(5), itl: Duration::from_millis(1), ..Settings::default() };
    let engine = truth::serve(settings, TcpListener::bind("127.0.0.1:0").await?).await?;
    let mut run = Command::new(program);
    run.args(["run", "--quiet", "--engine", "truth", "--model", "truth", "--url", &engine.url()])
        .args(["--seconds", "0.5", "--prompt-tokens", "20", "--output-tokens", "20", "--max-in-flight", "16"])
        .env("DATABASE_URL", database)
        .env("DRIA_BENCH_DATA_DIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let status = tokio::task::spawn_blocking(move || run.status()).await??;
    if !status.success() {
        bail!("the run to copy failed: {status}");
    }
    Ok(())
}

/// Writes the runs, and says what can be asked for.
pub(crate) async fn write(pool: &PgPool, runs: i64) -> anyhow::Result<Known> {
    let catalog = Catalog::embedded()?;
    let gpus: Vec<String> = catalog.gpus().iter().take(25).map(|gpu| gpu.id.clone()).collect();
    let models: Vec<String> =
        catalog.models().iter().take(40).map(|model| model.common_name.clone()).collect();
    sqlx::raw_sql(
        "create table template as select pod_id, run_id from published_runs;
         create table choice (gpus text[], models text[])",
    )
    .execute(pool)
    .await?;
    sqlx::query("insert into choice values ($1, $2)").bind(&gpus).bind(&models).execute(pool).await?;
    let numbers = |sql: &str| {
        let sql = sql.replace("$last", &runs.to_string()).replace("$measured_in", &MEASURED_IN.to_string());
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool)
    };
    for copy in [RUNS, RESULTS, PRICES] {
        numbers(copy).await?;
    }
    // What autovacuum and the checkpointer would come to do in the middle of a measurement.
    for tidy in ["vacuum analyze", "checkpoint"] {
        sqlx::raw_sql(tidy).execute(pool).await?;
    }
    let names = |column: &'static str| async move {
        let sql = format!(
            "select {column}::text from published_runs where pod_id like 'pod-%' and {column} is not null order by 1"
        );
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(pool).await
    };
    let known = Known { models, gpus, pods: names("pod_id").await?, measured: names("run_id").await? };
    let results: i64 = sqlx::query_scalar("select count(*) from published_results").fetch_one(pool).await?;
    let wanted = usize::try_from(runs).context("--runs is too large")?;
    if known.pods.len() != wanted || results < runs * 10 {
        bail!("{} runs and {results} results were written", known.pods.len());
    }
    Ok(known)
}

/// Takes in another run, as an import does.
pub(crate) async fn one_more(pool: &PgPool, n: u64) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(format!(
        "begin;
         insert into published_runs select (jsonb_populate_record(r, jsonb_build_object(
                'pod_id', 'later-{n}', 'run_id', null, 'imported_from', 'file:later', 'created_at', now()))).*
         from published_runs r where pod_id = 'pod-1';
         insert into published_results select (jsonb_populate_record(r, jsonb_build_object(
                'pod_id', 'later-{n}', 'result_id', null, 'spread', null))).*
         from published_results r where pod_id = 'pod-1';
         commit"
    )))
    .execute(pool)
    .await?;
    Ok(())
}

/// The copies, as the ledger has them where they were measured here, and as readers see them.
const RUNS: &str = "
    begin;
    insert into workflow_runs (id, kind, spec, definition, status, public_id, queue, priority, created_at, started_at,
            finished_at)
        select md5('run ' || n)::uuid, r.kind, r.spec, r.definition, r.status, 'pod-' || n, r.queue, r.priority,
               r.created_at - make_interval(mins => n), r.started_at - make_interval(mins => n),
               r.finished_at - make_interval(mins => n)
        from template t join workflow_runs r on r.id = t.run_id, generate_series(1, $last) n where n % $measured_in = 0;
    insert into step_runs (run_id, step, name, status, attempt, fence, job_key, output, timings, scheduled_at, started_at,
            finished_at)
        select md5('run ' || n)::uuid, s.step, s.name, s.status, s.attempt, s.fence, md5(n || ' ' || s.step), s.output,
               s.timings, s.scheduled_at, s.started_at, s.finished_at
        from template t join step_runs s on s.run_id = t.run_id, generate_series(1, $last) n where n % $measured_in = 0;
    insert into published_runs select (jsonb_populate_record(r, jsonb_build_object(
               'pod_id', 'pod-' || n,
               'run_id', case when n % $measured_in = 0 then md5('run ' || n)::uuid end,
               'imported_from', case when n % $measured_in <> 0 then 'file:bench' end,
               'llm_id', 'model-' || n % 40, 'llm_common_name', c.models[n % 40 + 1],
               'llm_parameter_size', (array['1b', '7b', '8b', '13b', '70b'])[n % 5 + 1],
               'inference_name', (array['VLLM', 'SGLang', 'Ollama'])[n % 3 + 1],
               'engine_version', '0.' || n / 1000, 'precision', (array['bf16', 'fp8', 'q4_k_m'])[n / 7 % 3 + 1],
               'gpu_id', c.gpus[n % 25 + 1], 'gpu_key', c.gpus[n % 25 + 1], 'gpu_count', 1 << (n % 4),
               'server_type', (array['Runpod', 'local'])[n % 2 + 1],
               'usd_per_hour', 1 + n % 300 * 0.01, 'uptime_s', 900, 'used_usd', 0.25 + n % 300 * 0.0025,
               'usd_per_million_output_tokens', 0.05 + n * 7 % 1000 * 0.01,
               'ttft_ms', 5 + n * 13 % 900, 'output_tokens_per_second', 20 + n * 11 % 3000,
               'request_latency_s', 0.1 + n * 17 % 100 * 0.1, 'icon_url', 'https://example.com/icon.png',
               'created_at', r.created_at - make_interval(mins => n),
               'suite_started_at', r.suite_started_at - make_interval(mins => n),
               'suite_ended_at', r.suite_ended_at - make_interval(mins => n)))).*
        from template t join published_runs r on r.pod_id = t.pod_id, choice c, generate_series(1, $last) n;
    commit";

/// Their ten results each, with summaries and records where they were measured here.
const RESULTS: &str = "
    begin;
    insert into benchmark_results (run_id, step, generation, benchmark_type, rate, max_number, warmup_number,
            benchmark_duration, total_requests, successful_requests, requests_per_second, request_concurrency,
            request_latency, prompt_token_count, output_token_count, time_to_first_token_ms, time_per_output_token_ms,
            inter_token_latency_ms, output_tokens_per_second, tokens_per_second, summary, comparability, records_sha256,
            started_at)
        select md5('run ' || n)::uuid, b.step, b.generation, b.benchmark_type, b.rate, b.max_number, b.warmup_number,
               b.benchmark_duration, b.total_requests, b.successful_requests, b.requests_per_second,
               b.request_concurrency, b.request_latency, b.prompt_token_count, b.output_token_count,
               b.time_to_first_token_ms, b.time_per_output_token_ms, b.inter_token_latency_ms,
               b.output_tokens_per_second, b.tokens_per_second, b.summary, b.comparability, b.records_sha256,
               b.started_at - make_interval(mins => n)
        from template t join benchmark_results b on b.run_id = t.run_id, generate_series(1, $last) n
        where n % $measured_in = 0;
    insert into result_records (result_id, records)
        select copy.id, r.records
        from template t join benchmark_results b on b.run_id = t.run_id join result_records r on r.result_id = b.id
        join benchmark_results copy on copy.step = b.step and copy.run_id <> b.run_id;
    insert into published_results select (jsonb_populate_record(r, jsonb_build_object(
               'pod_id', 'pod-' || n, 'result_id', copy.id, 'spread', null,
               'output_tokens_per_second', (20 + n * 11 % 3000) * coalesce(r.rate, 20) / 20.0,
               'tokens_per_second', (40 + n * 22 % 6000) * coalesce(r.rate, 20) / 20.0,
               'time_to_first_token_ms', 5 + n * 13 % 900, 'inter_token_latency_ms', 1 + n * 19 % 100,
               'request_latency', 0.1 + n * 17 % 100 * 0.1, 'measured_at', r.measured_at - make_interval(mins => n)))).*
        from template t join published_results r on r.pod_id = t.pod_id cross join generate_series(1, $last) n
        left join published_runs p on p.pod_id = 'pod-' || n
        left join benchmark_results copy
          on copy.run_id = p.run_id and copy.benchmark_type = r.benchmark_type and copy.rate is not distinct from r.rate;
    commit";

/// Prices of the same GPUs on ten platforms, as they are and as they were in the last 90 days.
const PRICES: &str = "
    insert into price_scrapes (source, ended_at, outcome) values ('bench', now(), 'ok');
    insert into latest_prices (source, platform, gpu_key, gpu_count, kind, region, usd_per_gpu_hour, in_stock, regions,
            scrape_id)
        select 'bench', (array['runpod', 'vast.ai', 'aws', 'google', 'azure', 'lambda', 'oci', 'verda', 'lium', 'vultr'])[n % 10 + 1],
               c.gpus[n / 10 % 25 + 1], 1, case n / 250 % 2 when 0 then 'on_demand' else 'spot' end, 'region ' || n / 500,
               0.2 + n % 97 * 0.05, true, array['a', 'b'], (select max(id) from price_scrapes)
        from choice c, generate_series(0, 4999) n;
    insert into price_points (series_id, as_of, usd_per_gpu_hour, in_stock, scrape_id)
        select s.id, now() - interval '90 days' * (1 - p::float8 / 20), 0.5 + (p * 7 + s.id) % 300 * 0.01, true, s.scrape_id
        from generate_series(0, 19) p, latest_prices s order by p;
    drop table template, choice";
