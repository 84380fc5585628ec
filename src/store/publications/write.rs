//! Writing what readers see, in place and only where it changed.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Origin, PublishedResult, PublishedRun};
use crate::{
    domain::measure::{cost, summary::BenchmarkType},
    store::{Error, outbox, to_json},
};

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It is new, or changed: its version now.
    Written(i64),
    /// It was so already.
    Unchanged,
    /// It was measured here; an import doesn't replace it.
    Kept,
}

impl Origin {
    /// Whether a change of it is sent on at once. What came from a MongoDB database isn't: it is there.
    fn is_sent(&self) -> bool {
        match self {
            Self::Measured(_) => true,
            Self::Imported(from) => !from.starts_with("mongodb:"),
        }
    }
}

/// Writes a run and all of its results, on the caller's transaction: results that it has no more go. Upvotes and
/// comments stay. What changed gets a higher version and, unless it came from a MongoDB database, waits to be
/// published. No two of `results` may be of the same type and rate.
///
/// # Errors
/// When the database fails or refuses a value (a wrong `pod_id`, two equal results).
pub async fn upsert(
    conn: &mut PgConnection,
    run: &PublishedRun,
    results: &[PublishedResult],
) -> Result<Published, Error> {
    let known =
        sqlx::query!("select version, run_id from published_runs where pod_id = $1 for update", run.pod_id)
            .fetch_optional(&mut *conn)
            .await?;
    let ours = known.as_ref().is_some_and(|row| row.run_id.is_some());
    if ours && matches!(run.origin, Origin::Imported(_)) {
        return Ok(Published::Kept);
    }
    let written = write_run(conn, run, results).await?;
    let changed = write_results(conn, &run.pod_id, results).await?;
    let version = match written {
        Some(version) => version,
        None if changed => {
            sqlx::query_scalar!(
                "update published_runs set version = version + 1, updated_at = now() where pod_id = $1
                 returning version",
                run.pod_id
            )
            .fetch_one(&mut *conn)
            .await?
        }
        None => return Ok(Published::Unchanged),
    };
    if run.origin.is_sent() {
        outbox::append(conn, outbox::Aggregate::Run, &run.pod_id, version).await?;
    }
    Ok(Published::Written(version))
}

/// The version, where the row is new or changed.
async fn write_run(
    conn: &mut PgConnection,
    run: &PublishedRun,
    results: &[PublishedResult],
) -> Result<Option<i64>, Error> {
    let (run_id, imported_from) = match &run.origin {
        Origin::Measured(id) => (Some(id.as_uuid()), None),
        Origin::Imported(from) => (None, Some(from.as_str())),
    };
    let comparability =
        run.comparability.as_ref().map(|it| to_json("published_runs.comparability", it)).transpose()?;
    let throughput = results.iter().find(|result| result.benchmark_type == BenchmarkType::Throughput);
    Ok(sqlx::query_scalar!(
        "insert into published_runs as p
           (pod_id, run_id, imported_from, status, failure_code, llm_id, llm_common_name, llm_parameter_size,
            model_slug, precision, inference_name, engine_version, image, gpu_id, gpu_key, gpu_count, server_type,
            pod_url, port, volume_in_gb, container_disk_in_gb, server_start_s, model_download_s, usd_per_hour,
            uptime_s, used_usd, benchmark_types, benchmark_duration_s, suite_started_at, suite_ended_at, failures,
            ttft_ms, output_tokens_per_second, request_latency_s, usd_per_million_output_tokens, comparability,
            icon_url, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)
         on conflict (pod_id) do update set
            run_id = excluded.run_id, imported_from = excluded.imported_from, status = excluded.status,
            failure_code = excluded.failure_code, llm_id = excluded.llm_id,
            llm_common_name = excluded.llm_common_name, llm_parameter_size = excluded.llm_parameter_size,
            model_slug = excluded.model_slug, precision = excluded.precision,
            inference_name = excluded.inference_name, engine_version = excluded.engine_version,
            image = excluded.image, gpu_id = excluded.gpu_id, gpu_key = excluded.gpu_key,
            gpu_count = excluded.gpu_count, server_type = excluded.server_type, pod_url = excluded.pod_url,
            port = excluded.port, volume_in_gb = excluded.volume_in_gb,
            container_disk_in_gb = excluded.container_disk_in_gb, server_start_s = excluded.server_start_s,
            model_download_s = excluded.model_download_s, usd_per_hour = excluded.usd_per_hour,
            uptime_s = excluded.uptime_s, used_usd = excluded.used_usd, benchmark_types = excluded.benchmark_types,
            benchmark_duration_s = excluded.benchmark_duration_s, suite_started_at = excluded.suite_started_at,
            suite_ended_at = excluded.suite_ended_at, failures = excluded.failures, ttft_ms = excluded.ttft_ms,
            output_tokens_per_second = excluded.output_tokens_per_second,
            request_latency_s = excluded.request_latency_s,
            usd_per_million_output_tokens = excluded.usd_per_million_output_tokens,
            comparability = excluded.comparability, icon_url = excluded.icon_url, created_at = excluded.created_at,
            updated_at = now(), version = p.version + 1
         where (p.run_id, p.imported_from, p.status, p.failure_code, p.llm_id, p.llm_common_name,
                p.llm_parameter_size, p.model_slug, p.precision, p.inference_name, p.engine_version, p.image,
                p.gpu_id, p.gpu_key, p.gpu_count, p.server_type, p.pod_url, p.port, p.volume_in_gb,
                p.container_disk_in_gb, p.server_start_s, p.model_download_s, p.usd_per_hour, p.uptime_s, p.used_usd,
                p.benchmark_types, p.benchmark_duration_s, p.suite_started_at, p.suite_ended_at, p.failures,
                p.ttft_ms, p.output_tokens_per_second, p.request_latency_s, p.usd_per_million_output_tokens,
                p.comparability, p.icon_url, p.created_at)
               is distinct from
               (excluded.run_id, excluded.imported_from, excluded.status, excluded.failure_code, excluded.llm_id,
                excluded.llm_common_name, excluded.llm_parameter_size, excluded.model_slug, excluded.precision,
                excluded.inference_name, excluded.engine_version, excluded.image, excluded.gpu_id, excluded.gpu_key,
                excluded.gpu_count, excluded.server_type, excluded.pod_url, excluded.port, excluded.volume_in_gb,
                excluded.container_disk_in_gb, excluded.server_start_s, excluded.model_download_s,
                excluded.usd_per_hour, excluded.uptime_s, excluded.used_usd, excluded.benchmark_types,
                excluded.benchmark_duration_s, excluded.suite_started_at, excluded.suite_ended_at, excluded.failures,
                excluded.ttft_ms, excluded.output_tokens_per_second, excluded.request_latency_s,
                excluded.usd_per_million_output_tokens, excluded.comparability, excluded.icon_url,
                excluded.created_at)
         returning version",
        run.pod_id,
        run_id,
        imported_from,
        run.status.as_str(),
        run.failure_code,
        run.llm_id,
        run.llm_common_name,
        run.llm_parameter_size,
        run.model_slug,
        run.precision,
        run.inference_name,
        run.engine_version,
        run.image,
        run.gpu_id,
        run.gpu_key,
        run.gpu_count,
        run.server_type,
        run.pod_url,
        run.port,
        run.volume_in_gb,
        run.container_disk_in_gb,
        run.server_start_s,
        run.model_download_s,
        run.cost.map(|cost| cost.usd_per_hour),
        run.cost.map(|cost| cost.uptime_s),
        run.cost.map(|cost| cost.used_usd()),
        &kinds(results),
        run.benchmark_duration_s,
        run.suite_started_at,
        run.suite_ended_at,
        to_json("published_runs.failures", &run.failures)?,
        throughput.map(|result| result.time_to_first_token_ms),
        throughput.map(|result| result.output_tokens_per_second),
        throughput.map(|result| result.request_latency),
        usd_per_million_output_tokens(run, throughput),
        comparability,
        run.icon_url,
        run.created_at
    )
    .fetch_optional(conn)
    .await?)
}

/// The kinds of benchmark that there are results of, each once.
fn kinds(results: &[PublishedResult]) -> Vec<String> {
    let mut kinds: Vec<String> =
        results.iter().map(|result| result.benchmark_type.as_str().to_owned()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn usd_per_million_output_tokens(
    run: &PublishedRun,
    throughput: Option<&PublishedResult>,
) -> Option<Decimal> {
    let (result, paid) = throughput.zip(run.cost)?;
    cost::usd_per_million_output_tokens(paid.usd_per_hour, result.output_tokens_per_second)
}

/// Whether any result is new, changed or gone.
async fn write_results(
    conn: &mut PgConnection,
    pod_id: &str,
    results: &[PublishedResult],
) -> Result<bool, Error> {
    fn column<T>(results: &[PublishedResult], of: impl Fn(&PublishedResult) -> T) -> Vec<T> {
        results.iter().map(of).collect()
    }
    let types = column(results, |r| r.benchmark_type.as_str().to_owned());
    let rates = column(results, |r| r.rate);
    let gone = sqlx::query!(
        "delete from published_results p where pod_id = $1 and not exists (
             select from unnest($2::text[], $3::int[]) as k (benchmark_type, rate)
             where k.benchmark_type = p.benchmark_type and k.rate is not distinct from p.rate)",
        pod_id,
        &types,
        &rates as &[Option<i32>]
    )
    .execute(&mut *conn)
    .await?;
    let written = sqlx::query!(
        "insert into published_results as p
           (pod_id, benchmark_type, rate, result_id, max_number, warmup_number, benchmark_duration, total_requests,
            successful_requests, requests_per_second, request_concurrency, request_latency, prompt_token_count,
            output_token_count, time_to_first_token_ms, time_per_output_token_ms, inter_token_latency_ms,
            output_tokens_per_second, tokens_per_second, measured_at)
         select $1, r.* from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::float8[],
            $8::bigint[], $9::bigint[], $10::float8[], $11::float8[], $12::float8[], $13::float8[], $14::float8[],
            $15::float8[], $16::float8[], $17::float8[], $18::float8[], $19::float8[], $20::timestamptz[]) as r
         on conflict (pod_id, benchmark_type, rate) do update set
            result_id = excluded.result_id, max_number = excluded.max_number,
            warmup_number = excluded.warmup_number, benchmark_duration = excluded.benchmark_duration,
            total_requests = excluded.total_requests, successful_requests = excluded.successful_requests,
            requests_per_second = excluded.requests_per_second, request_concurrency = excluded.request_concurrency,
            request_latency = excluded.request_latency, prompt_token_count = excluded.prompt_token_count,
            output_token_count = excluded.output_token_count,
            time_to_first_token_ms = excluded.time_to_first_token_ms,
            time_per_output_token_ms = excluded.time_per_output_token_ms,
            inter_token_latency_ms = excluded.inter_token_latency_ms,
            output_tokens_per_second = excluded.output_tokens_per_second,
            tokens_per_second = excluded.tokens_per_second, measured_at = excluded.measured_at
         where p.* is distinct from excluded.*",
        pod_id,
        &types,
        &rates as &[Option<i32>],
        &column(results, |r| r.result_id) as &[Option<i64>],
        &column(results, |r| r.max_number) as &[Option<i64>],
        &column(results, |r| r.warmup_number) as &[Option<i64>],
        &column(results, |r| r.benchmark_duration),
        &column(results, |r| r.total_requests),
        &column(results, |r| r.successful_requests),
        &column(results, |r| r.requests_per_second),
        &column(results, |r| r.request_concurrency),
        &column(results, |r| r.request_latency),
        &column(results, |r| r.prompt_token_count),
        &column(results, |r| r.output_token_count),
        &column(results, |r| r.time_to_first_token_ms),
        &column(results, |r| r.time_per_output_token_ms),
        &column(results, |r| r.inter_token_latency_ms),
        &column(results, |r| r.output_tokens_per_second),
        &column(results, |r| r.tokens_per_second),
        &column(results, |r| r.measured_at)
    )
    .execute(conn)
    .await?;
    Ok(gone.rows_affected() + written.rows_affected() > 0)
}
