//! `result_records`: the raw records of results, as blocks that [`crate::domain::measure::raw`] reads.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Error, from_json};
use crate::domain::{
    ids::RunId,
    measure::summary::{BenchmarkType, Columns, LevelSummary},
};

/// Records the block of a result, in the transaction that records the result.
///
/// # Errors
/// When the database fails, or the result has one already.
pub async fn insert(conn: &mut PgConnection, result: i64, records: &[u8]) -> Result<(), Error> {
    sqlx::query!("insert into result_records (result_id, records) values ($1, $2)", result, records)
        .execute(conn)
        .await?;
    Ok(())
}

/// The block of a run's live result at this level; `None`: no such result, or it is of a version that kept no records.
///
/// # Errors
/// When the database fails.
pub async fn of_level(
    conn: &mut PgConnection,
    run: RunId,
    benchmark_type: BenchmarkType,
    rate: Option<u32>,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar!(
        "select records from result_records join benchmark_results on id = result_id
         where run_id = $1 and superseded_at is null and benchmark_type = $2 and rate is not distinct from $3",
        run.as_uuid(),
        benchmark_type.as_str(),
        rate.and_then(|rate| i32::try_from(rate).ok())
    )
    .fetch_optional(conn)
    .await?)
}

/// A live result in both places that it is stored, and the records it came from.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The row's own 17 columns.
    pub columns: Columns,
    /// The whole summary.
    pub summary: LevelSummary,
    /// SHA-256 of its records.
    pub records_sha256: String,
    /// Wall time of the level's start.
    pub started_at: DateTime<Utc>,
    /// The block; `None`: the result is of a version that kept no records.
    pub records: Option<Vec<u8>>,
}

/// The live results of a run with their records: concurrent by ascending rate, then throughput.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, run: RunId) -> Result<Vec<Recorded>, Error> {
    let rows = sqlx::query!(
        r#"select benchmark_type, rate, max_number, warmup_number, benchmark_duration, total_requests,
             successful_requests, requests_per_second, request_concurrency, request_latency, prompt_token_count,
             output_token_count, time_to_first_token_ms, time_per_output_token_ms, inter_token_latency_ms,
             output_tokens_per_second, tokens_per_second, summary, records_sha256, started_at,
             records as "records?"
           from benchmark_results left join result_records on result_id = id
           where run_id = $1 and superseded_at is null order by rate nulls last"#,
        run.as_uuid()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let columns = Columns {
                benchmark_type: from_json("benchmark_results.benchmark_type", row.benchmark_type.into())?,
                rate: row.rate.and_then(|rate| u32::try_from(rate).ok()),
                max_number: row.max_number.and_then(|number| u64::try_from(number).ok()),
                warmup_number: row.warmup_number.and_then(|number| u64::try_from(number).ok()),
                benchmark_duration: row.benchmark_duration,
                total_requests: row.total_requests.unsigned_abs(),
                successful_requests: row.successful_requests.unsigned_abs(),
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
            };
            Ok(Recorded {
                columns,
                summary: from_json("benchmark_results.summary", row.summary)?,
                records_sha256: row.records_sha256,
                started_at: row.started_at,
                records: row.records,
            })
        })
        .collect()
}
