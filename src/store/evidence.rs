//! What the assistant looks up among published runs: few columns, few rows, and names that are matched as people write
//! them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Error;

/// Which runs; all that is given must hold. Patterns are regular expressions that all have to match.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Engine, lower case without dots: `llamacpp`.
    pub engine: Option<String>,
    /// Of model names, ids and sizes, in lower case.
    pub model_patterns: Vec<String>,
    /// GPUs by their ids in the catalog.
    pub gpu_keys: Option<Vec<String>>,
    /// Of GPU names in lower case; where given, they or the keys must hold.
    pub gpu_patterns: Option<Vec<String>>,
    /// Measured in the last so many days.
    pub days: Option<i32>,
    /// Only this run.
    pub pod_id: Option<String>,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The most output tokens a second.
    Fastest,
    /// The shortest time to the first token.
    Ttft,
    /// The shortest latency.
    Latency,
    /// The least for a million output tokens.
    Cheapest,
    /// What was measured last.
    Newest,
}

impl Order {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fastest => "fastest",
            Self::Ttft => "ttft",
            Self::Latency => "latency",
            Self::Cheapest => "cheapest",
            Self::Newest => "newest",
        }
    }
}

/// A published run by its throughput benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its public id.
    pub pod_id: String,
    /// The run that was measured here; `None`: imported.
    pub run_id: Option<Uuid>,
    /// The model for people.
    pub model: String,
    /// Its size: `7b`.
    pub parameter_size: String,
    /// Precision of the weights.
    pub precision: Option<String>,
    /// The engine.
    pub engine: String,
    /// Its version.
    pub engine_version: Option<String>,
    /// The GPU in the words of the run.
    pub gpu: String,
    /// The GPU in the catalog.
    pub gpu_key: Option<String>,
    /// GPUs.
    pub gpu_count: i32,
    /// Where it ran.
    pub server_type: String,
    /// Output tokens a second.
    pub output_tokens_per_second: Option<f64>,
    /// Mean time to the first token, ms.
    pub ttft_ms: Option<f64>,
    /// Mean latency, s.
    pub request_latency_s: Option<f64>,
    /// The whole machine, USD an hour, as it was paid.
    pub usd_per_hour: Option<Decimal>,
    /// A million output tokens at that price, USD.
    pub usd_per_million_output_tokens: Option<Decimal>,
    /// When it was measured.
    pub measured_at: DateTime<Utc>,
    /// How many runs there are.
    pub total: i64,
}

/// Succeeded runs that have a throughput benchmark, at most `most`, in this order; what lacks the figure comes last.
///
/// # Errors
/// When the database fails.
pub async fn find(
    conn: &mut PgConnection,
    filter: &Filter,
    order: Order,
    most: i64,
) -> Result<Vec<Finding>, Error> {
    Ok(sqlx::query_as!(
        Finding,
        r#"select pod_id, run_id, llm_common_name as model, llm_parameter_size as parameter_size, precision,
                  inference_name as engine, engine_version, gpu_id as gpu, gpu_key, gpu_count, server_type,
                  output_tokens_per_second, ttft_ms, request_latency_s, usd_per_hour, usd_per_million_output_tokens,
                  coalesce(suite_ended_at, created_at) as "measured_at!", count(*) over () as "total!"
           from published_runs
           where status = 'succeeded' and output_tokens_per_second is not null
             and ($1::text is null or replace(lower(inference_name), '.', '') = $1)
             and lower(llm_common_name || ' ' || llm_id || ' ' || llm_parameter_size || ' '
                       || regexp_replace(llm_common_name, '[ _-]', '', 'g')) ~ all ($2::text[])
             and (($3::text[] is null and $4::text[] is null) or gpu_key = any ($3) or gpu_id = any ($3)
                  or ($4::text[] is not null and lower(gpu_id) ~ all ($4)))
             and ($5::int is null or coalesce(suite_ended_at, created_at) > now() - make_interval(days => $5))
             and ($6::text is null or pod_id = $6)
           order by case $7::text when 'fastest' then -output_tokens_per_second when 'ttft' then ttft_ms
                                  when 'latency' then request_latency_s
                                  when 'cheapest' then usd_per_million_output_tokens::double precision end nulls last,
                    "measured_at!" desc, pod_id
           limit $8"#,
        filter.engine,
        &filter.model_patterns,
        filter.gpu_keys.as_deref(),
        filter.gpu_patterns.as_deref(),
        filter.days,
        filter.pod_id,
        order.as_str(),
        most
    )
    .fetch_all(conn)
    .await?)
}

/// One benchmark of a published run.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// `concurrent` or `throughput`.
    pub benchmark_type: String,
    /// Streams; `None`: throughput.
    pub rate: Option<i32>,
    /// Output tokens a second.
    pub output_tokens_per_second: f64,
    /// Mean time to the first token, ms.
    pub ttft_ms: f64,
    /// Mean time between tokens, ms.
    pub itl_ms: f64,
    /// Mean latency, s.
    pub request_latency_s: f64,
}

/// The benchmarks of a published run: concurrent by ascending streams, then throughput.
///
/// # Errors
/// When the database fails.
pub async fn levels(conn: &mut PgConnection, pod_id: &str) -> Result<Vec<Level>, Error> {
    Ok(sqlx::query_as!(
        Level,
        "select benchmark_type, rate, output_tokens_per_second, time_to_first_token_ms as ttft_ms,
                inter_token_latency_ms as itl_ms, request_latency as request_latency_s
         from published_results where pod_id = $1 order by benchmark_type, rate",
        pod_id
    )
    .fetch_all(conn)
    .await?)
}
