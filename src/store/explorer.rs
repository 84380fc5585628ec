//! What searches of published runs read: every run once, and the benchmarks of those that are shown.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Error, from_json, parse};
use crate::domain::{
    explore::{Listed, Spread},
    ids::RunId,
    kinds::{EngineKind, ProviderKind},
    measure::{
        comparable::Comparability,
        summary::{BenchmarkType, Columns},
    },
};

/// A published benchmark.
#[derive(Debug, Clone)]
pub struct Level {
    /// Its run.
    pub pod_id: String,
    /// The 17 columns (compat view).
    pub columns: Columns,
    /// The measured view's spread; `None`: imported.
    pub spread: Option<Spread>,
    /// When it ended.
    pub measured_at: DateTime<Utc>,
}

/// Which benchmarks of a run are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LevelFilter {
    /// Of this type.
    pub benchmark_type: Option<BenchmarkType>,
    /// Of so many streams.
    pub rate: Option<i32>,
}

/// At most `most` runs, the newest first: published ones, and those that failed or were cancelled before they had a result.
///
/// # Errors
/// When the database fails, or a row holds what this version can't read.
pub async fn runs(conn: &mut PgConnection, most: i64) -> Result<Vec<Listed>, Error> {
    let mut runs = published(conn, most).await?;
    runs.extend(without_results(conn, most).await?);
    runs.sort_by(|a, b| (b.measured_at, &b.id).cmp(&(a.measured_at, &a.id)));
    runs.truncate(usize::try_from(most).unwrap_or_default());
    Ok(runs)
}

async fn published(conn: &mut PgConnection, most: i64) -> Result<Vec<Listed>, Error> {
    sqlx::query!(
        r#"select p.pod_id, p.run_id, p.status, p.failure_code, p.llm_common_name, p.llm_id, p.llm_parameter_size,
             p.inference_name, p.engine_version, p.image, p.precision, coalesce(p.gpu_key, p.gpu_id) as "gpu!", p.gpu_id,
             p.gpu_count, p.server_type, p.comparability ->> 'prompt_set_sha256' as prompt_set, p.usd_per_hour,
             p.usd_per_million_output_tokens, p.ttft_ms, p.output_tokens_per_second,
             t.inter_token_latency_ms as "inter_token_latency_ms?", p.request_latency_s,
             coalesce(p.suite_started_at, p.created_at) as "measured_at!"
           from published_runs p
           left join published_results t on t.pod_id = p.pod_id and t.benchmark_type = 'throughput'
           order by p.created_at desc limit $1"#,
        most
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Listed {
            id: row.pod_id.clone(),
            run: row.run_id.map(RunId::from_uuid),
            pod_id: Some(row.pod_id),
            status: from_json("published_runs.status", row.status.into())?,
            failure_code: row.failure_code,
            model: row.llm_common_name,
            llm_id: row.llm_id,
            parameter_size: row.llm_parameter_size,
            engine: row.inference_name,
            engine_version: row.engine_version,
            image: row.image,
            precision: row.precision,
            gpu: row.gpu,
            gpu_id: row.gpu_id,
            gpu_count: row.gpu_count,
            server: row.server_type,
            prompt_set: row.prompt_set,
            usd_per_hour: row.usd_per_hour,
            usd_per_million_output_tokens: row.usd_per_million_output_tokens,
            ttft_ms: row.ttft_ms,
            output_tokens_per_second: row.output_tokens_per_second,
            inter_token_latency_ms: row.inter_token_latency_ms,
            request_latency_s: row.request_latency_s,
            measured_at: row.measured_at,
        })
    })
    .collect()
}

/// Runs that ended badly and are not published, as their requests describe them.
async fn without_results(conn: &mut PgConnection, most: i64) -> Result<Vec<Listed>, Error> {
    sqlx::query!(
        r#"select r.id, r.status, r.error ->> 'code' as failure_code, r.model as llm_id,
             coalesce(r.spec -> 'model' ->> 'common_name', r.model) as "model!",
             coalesce(r.spec -> 'model' ->> 'parameter_size', '') as "parameter_size!", r.engine,
             r.spec -> 'engine' ->> 'precision' as precision, r.gpu_id,
             coalesce((r.spec -> 'machine' ->> 'gpu_count')::int, 0) as "gpu_count!", r.provider, r.created_at
           from workflow_runs r
           where r.status in ('failed', 'cancelled')
             and not exists (select from published_runs p where p.run_id = r.id)
           order by r.created_at desc limit $1"#,
        most
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        let engine: EngineKind = parse("workflow_runs.engine", &row.engine)?;
        let provider: ProviderKind = parse("workflow_runs.provider", &row.provider)?;
        Ok(Listed {
            id: RunId::from_uuid(row.id).to_string(),
            run: Some(RunId::from_uuid(row.id)),
            pod_id: None,
            status: from_json("workflow_runs.status", row.status.into())?,
            failure_code: row.failure_code,
            model: row.model,
            llm_id: row.llm_id,
            parameter_size: row.parameter_size.to_lowercase(),
            engine: engine.published_name().to_owned(),
            engine_version: None,
            image: None,
            precision: row.precision,
            gpu: row.gpu_id.clone(),
            gpu_id: row.gpu_id,
            gpu_count: row.gpu_count,
            server: provider.published_name().to_owned(),
            prompt_set: None,
            usd_per_hour: None,
            usd_per_million_output_tokens: None,
            ttft_ms: None,
            output_tokens_per_second: None,
            inter_token_latency_ms: None,
            request_latency_s: None,
            measured_at: row.created_at,
        })
    })
    .collect()
}

/// The benchmarks of these runs: by run, concurrent by ascending rate, then throughput.
///
/// # Errors
/// When the database fails, or a row holds what this version can't read.
pub async fn levels(
    conn: &mut PgConnection,
    pod_ids: &[String],
    filter: LevelFilter,
) -> Result<Vec<Level>, Error> {
    sqlx::query!(
        "select pod_id, benchmark_type, rate, max_number, warmup_number, benchmark_duration, total_requests,
           successful_requests, requests_per_second, request_concurrency, request_latency, prompt_token_count,
           output_token_count, time_to_first_token_ms, time_per_output_token_ms, inter_token_latency_ms,
           output_tokens_per_second, tokens_per_second, spread, measured_at
         from published_results
         where pod_id = any($1) and ($2::text is null or benchmark_type = $2) and ($3::int is null or rate = $3)
         order by pod_id, rate nulls last",
        pod_ids,
        filter.benchmark_type.map(BenchmarkType::as_str),
        filter.rate
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Level {
            pod_id: row.pod_id,
            columns: Columns {
                benchmark_type: from_json("published_results.benchmark_type", row.benchmark_type.into())?,
                rate: row.rate.and_then(|rate| u32::try_from(rate).ok()),
                max_number: row.max_number.and_then(|number| u64::try_from(number).ok()),
                warmup_number: row.warmup_number.and_then(|number| u64::try_from(number).ok()),
                benchmark_duration: row.benchmark_duration,
                total_requests: row.total_requests.unsigned_abs(),
                successful_requests: row.successful_requests.unsigned_abs(),
                requests_per_second: Some(row.requests_per_second),
                request_concurrency: Some(row.request_concurrency),
                request_latency: Some(row.request_latency),
                prompt_token_count: Some(row.prompt_token_count),
                output_token_count: Some(row.output_token_count),
                time_to_first_token_ms: Some(row.time_to_first_token_ms),
                time_per_output_token_ms: Some(row.time_per_output_token_ms),
                inter_token_latency_ms: Some(row.inter_token_latency_ms),
                output_tokens_per_second: Some(row.output_tokens_per_second),
                tokens_per_second: Some(row.tokens_per_second),
            },
            spread: row
                .spread
                .map(|spread| from_json("published_results.spread", spread))
                .transpose()?,
            measured_at: row.measured_at,
        })
    })
    .collect()
}

/// What another run must agree on to compare fairly with these, where it is known: by `pod_id`.
///
/// # Errors
/// When the database fails, or a row holds what this version can't read.
pub async fn setups(
    conn: &mut PgConnection,
    pod_ids: &[String],
) -> Result<Vec<(String, Comparability)>, Error> {
    sqlx::query!(
        r#"select pod_id, comparability as "comparability!" from published_runs
           where pod_id = any($1) and comparability is not null"#,
        pod_ids
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| Ok((row.pod_id, from_json("published_runs.comparability", row.comparability)?)))
    .collect()
}
