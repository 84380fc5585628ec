//! Reading what readers see, for those who copy or check all of it. Searches have their own queries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Origin, PublishedCost, PublishedResult, PublishedRun};
use crate::{
    domain::{ids::RunId, measure::summary::BenchmarkType},
    store::{Error, from_json, parse},
};

/// A run as it is published.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredPublication {
    /// The run.
    pub run: PublishedRun,
    /// The kinds of benchmark it has results of, in order of the alphabet.
    pub benchmark_types: Vec<String>,
    /// Its results: concurrent by ascending rate, then throughput.
    pub results: Vec<PublishedResult>,
    /// GitHub ids of those who vote for it, in the order of their votes.
    pub upvoters: Vec<i64>,
    /// Grows with each change.
    pub version: i64,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

impl StoredPublication {
    /// Whether it has its throughput result: without one, other readers show nothing of it.
    #[must_use]
    pub fn has_throughput(&self) -> bool {
        self.results.iter().any(|result| result.benchmark_type == BenchmarkType::Throughput)
    }
}

struct Row {
    pod_id: String,
    run_id: Option<Uuid>,
    imported_from: Option<String>,
    status: String,
    failure_code: Option<String>,
    llm_id: String,
    llm_common_name: String,
    llm_parameter_size: String,
    model_slug: Option<String>,
    precision: Option<String>,
    inference_name: String,
    engine_version: Option<String>,
    image: Option<String>,
    gpu_id: String,
    gpu_key: Option<String>,
    gpu_count: i32,
    server_type: String,
    pod_url: String,
    port: i32,
    volume_in_gb: i32,
    container_disk_in_gb: i32,
    server_start_s: Option<i32>,
    model_download_s: Option<i32>,
    usd_per_hour: Option<Decimal>,
    uptime_s: Option<i32>,
    benchmark_types: Vec<String>,
    benchmark_duration_s: Option<f64>,
    suite_started_at: Option<DateTime<Utc>>,
    suite_ended_at: Option<DateTime<Utc>>,
    failures: Value,
    comparability: Option<Value>,
    icon_url: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
    upvoters: Vec<i64>,
}

impl TryFrom<Row> for StoredPublication {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let run = PublishedRun {
            pod_id: row.pod_id,
            origin: match row.run_id {
                Some(id) => Origin::Measured(RunId::from_uuid(id)),
                None => Origin::Imported(row.imported_from.unwrap_or_default()),
            },
            status: parse("published_runs.status", &row.status)?,
            failure_code: row.failure_code,
            llm_id: row.llm_id,
            llm_common_name: row.llm_common_name,
            llm_parameter_size: row.llm_parameter_size,
            model_slug: row.model_slug,
            precision: row.precision,
            inference_name: row.inference_name,
            engine_version: row.engine_version,
            image: row.image,
            gpu_id: row.gpu_id,
            gpu_key: row.gpu_key,
            gpu_count: row.gpu_count,
            server_type: row.server_type,
            pod_url: row.pod_url,
            port: row.port,
            volume_in_gb: row.volume_in_gb,
            container_disk_in_gb: row.container_disk_in_gb,
            server_start_s: row.server_start_s,
            model_download_s: row.model_download_s,
            cost: row
                .usd_per_hour
                .zip(row.uptime_s)
                .map(|(usd_per_hour, uptime_s)| PublishedCost { usd_per_hour, uptime_s }),
            benchmark_duration_s: row.benchmark_duration_s,
            suite_started_at: row.suite_started_at,
            suite_ended_at: row.suite_ended_at,
            failures: from_json("published_runs.failures", row.failures)?,
            comparability: row
                .comparability
                .map(|value| from_json("published_runs.comparability", value))
                .transpose()?,
            icon_url: row.icon_url,
            created_at: row.created_at,
        };
        Ok(Self {
            run,
            benchmark_types: row.benchmark_types,
            results: Vec::new(),
            upvoters: row.upvoters,
            version: row.version,
            updated_at: row.updated_at,
        })
    }
}

/// A run by its public identifier.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, pod_id: &str) -> Result<Option<StoredPublication>, Error> {
    Ok(many(conn, &[pod_id.to_owned()]).await?.pop())
}

/// These runs, oldest first; what isn't there is left out.
///
/// # Errors
/// When the database fails.
pub async fn many(conn: &mut PgConnection, pod_ids: &[String]) -> Result<Vec<StoredPublication>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select pod_id, run_id, imported_from, status, failure_code, llm_id, llm_common_name, llm_parameter_size,
                  model_slug, precision, inference_name, engine_version, image, gpu_id, gpu_key, gpu_count,
                  server_type, pod_url, port, volume_in_gb, container_disk_in_gb, server_start_s, model_download_s,
                  usd_per_hour, uptime_s, benchmark_types, benchmark_duration_s, suite_started_at, suite_ended_at,
                  failures, comparability, icon_url, created_at, updated_at, version,
                  array(select v.github_id from run_upvotes v where v.pod_id = p.pod_id
                        order by v.created_at, v.github_id) as "upvoters!"
           from published_runs p where pod_id = any($1) order by created_at, pod_id"#,
        pod_ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut results = results_of(conn, pod_ids).await?;
    rows.into_iter()
        .map(|row| {
            let results = results.remove(&row.pod_id).unwrap_or_default();
            Ok(StoredPublication { results, ..StoredPublication::try_from(row)? })
        })
        .collect()
}

/// The identifiers of at most `limit` runs, oldest first, after the one given.
///
/// # Errors
/// When the database fails.
pub async fn after(
    conn: &mut PgConnection,
    last: Option<(DateTime<Utc>, &str)>,
    limit: i64,
) -> Result<Vec<(DateTime<Utc>, String)>, Error> {
    let (at, pod_id) = last.unzip();
    let rows = sqlx::query!(
        "select created_at, pod_id from published_runs
         where $1::timestamptz is null or (created_at, pod_id) > ($1, $2) order by created_at, pod_id limit $3",
        at,
        pod_id,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.created_at, row.pod_id)).collect())
}

async fn results_of(
    conn: &mut PgConnection,
    pod_ids: &[String],
) -> Result<BTreeMap<String, Vec<PublishedResult>>, Error> {
    let rows = sqlx::query!(
        "select pod_id, benchmark_type, rate, result_id, max_number, warmup_number, benchmark_duration,
                total_requests, successful_requests, requests_per_second, request_concurrency, request_latency,
                prompt_token_count, output_token_count, time_to_first_token_ms, time_per_output_token_ms,
                inter_token_latency_ms, output_tokens_per_second, tokens_per_second, measured_at
         from published_results where pod_id = any($1) order by pod_id, rate nulls last",
        pod_ids
    )
    .fetch_all(conn)
    .await?;
    let mut results: BTreeMap<String, Vec<PublishedResult>> = BTreeMap::new();
    for row in rows {
        let throughput = row.benchmark_type == BenchmarkType::Throughput.as_str();
        results.entry(row.pod_id).or_default().push(PublishedResult {
            benchmark_type: if throughput { BenchmarkType::Throughput } else { BenchmarkType::Concurrent },
            rate: row.rate,
            result_id: row.result_id,
            max_number: row.max_number,
            warmup_number: row.warmup_number,
            benchmark_duration: row.benchmark_duration,
            total_requests: row.total_requests,
            successful_requests: row.successful_requests,
            requests_per_second: row.requests_per_second,
            request_concurrency: row.request_concurrency,
            request_latency: row.request_latency,
            prompt_token_count: row.prompt_token_count,
            output_token_count: row.output_token_count,
            time_to_first_token_ms: row.time_to_first_token_ms,
            time_per_output_token_ms: row.time_per_output_token_ms,
            inter_token_latency_ms: row.inter_token_latency_ms,
            output_tokens_per_second: row.output_tokens_per_second,
            tokens_per_second: row.tokens_per_second,
            measured_at: row.measured_at,
        });
    }
    Ok(results)
}
