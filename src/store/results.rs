//! `benchmark_results`.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Error, from_json, records, to_json};
use crate::domain::{
    ids::RunId,
    measure::{
        comparable::Comparability,
        summary::{BenchmarkType, LevelSummary},
    },
};

/// The unique index that refuses two results of a run from the same records.
pub const NO_TWIN: &str = "benchmark_results_no_twin";

/// A result to be recorded.
#[derive(Debug, Clone)]
pub struct NewResult {
    /// The numbers.
    pub summary: LevelSummary,
    /// What another result must agree on to compare fairly.
    pub comparability: Comparability,
    /// SHA-256 of the records they come from, hex.
    pub records_sha256: String,
    /// Those records (`domain::measure::raw`).
    pub records: Vec<u8>,
    /// Wall time of the level's start.
    pub started_at: DateTime<Utc>,
}

/// Records a step's result and the records it comes from. Returns the id of its row.
///
/// # Errors
/// When the database fails, or the step has a live result already.
pub async fn insert(
    conn: &mut PgConnection,
    run: RunId,
    step: i32,
    generation: i32,
    new: &NewResult,
) -> Result<i64, Error> {
    let columns = &new.summary.compat;
    let benchmark_type = match columns.benchmark_type {
        BenchmarkType::Concurrent => "concurrent",
        BenchmarkType::Throughput => "throughput",
        BenchmarkType::Rate => {
            return Err(Error::Unreadable {
                what: "benchmark_results.benchmark_type",
                reason: "an open-loop measurement is not one of a run's results".to_owned(),
            });
        }
    };
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let id = sqlx::query_scalar!(
        "insert into benchmark_results
           (run_id, step, generation, benchmark_type, rate, max_number, warmup_number, benchmark_duration,
            total_requests, successful_requests, requests_per_second, request_concurrency, request_latency,
            prompt_token_count, output_token_count, time_to_first_token_ms, time_per_output_token_ms,
            inter_token_latency_ms, output_tokens_per_second, tokens_per_second, summary, records_sha256, started_at,
            comparability)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24)
         returning id",
        run.as_uuid(),
        step,
        generation,
        benchmark_type,
        columns.rate.and_then(|rate| i32::try_from(rate).ok()),
        columns.max_number.map(count),
        columns.warmup_number.map(count),
        columns.benchmark_duration,
        count(columns.total_requests),
        count(columns.successful_requests),
        columns.requests_per_second,
        columns.request_concurrency,
        columns.request_latency,
        columns.prompt_token_count,
        columns.output_token_count,
        columns.time_to_first_token_ms,
        columns.time_per_output_token_ms,
        columns.inter_token_latency_ms,
        columns.output_tokens_per_second,
        columns.tokens_per_second,
        to_json("benchmark_results.summary", &new.summary)?,
        new.records_sha256,
        new.started_at,
        to_json("benchmark_results.comparability", &new.comparability)?
    )
    .fetch_one(&mut *conn)
    .await?;
    records::insert(conn, id, &new.records).await?;
    Ok(id)
}

/// A live result.
#[derive(Debug, Clone)]
pub struct StoredResult {
    /// Its row.
    pub id: i64,
    /// Place of its step.
    pub step: i32,
    /// Generation it was measured in.
    pub generation: i32,
    /// The numbers.
    pub summary: LevelSummary,
    /// What another result must agree on to compare fairly.
    pub comparability: Option<Comparability>,
    /// SHA-256 of its records.
    pub records_sha256: String,
    /// Wall time of the level's start.
    pub started_at: DateTime<Utc>,
}

/// The live results of a run: concurrent by ascending rate, then throughput.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, run: RunId) -> Result<Vec<StoredResult>, Error> {
    sqlx::query!(
        "select id, step, generation, summary, comparability, records_sha256, started_at from benchmark_results
         where run_id = $1 and superseded_at is null order by rate nulls last",
        run.as_uuid()
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        Ok(StoredResult {
            id: row.id,
            step: row.step,
            generation: row.generation,
            summary: from_json::<LevelSummary>("benchmark_results.summary", row.summary)?,
            comparability: row
                .comparability
                .map(|value| from_json("benchmark_results.comparability", value))
                .transpose()?,
            records_sha256: row.records_sha256,
            started_at: row.started_at,
        })
    })
    .collect()
}

/// How many live results a run has.
///
/// # Errors
/// When the database fails.
pub async fn count(conn: &mut PgConnection, run: RunId) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "n!" from benchmark_results where run_id = $1 and superseded_at is null"#,
        run.as_uuid()
    )
    .fetch_one(conn)
    .await?)
}
