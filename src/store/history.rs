//! What succeeded runs measured of a model on an engine, for predicting others.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;
use crate::domain::kinds::EngineKind;

/// Newest runs that are looked at; what is older says less of today's engines.
const RUNS: i64 = 200;

/// One live result of a succeeded run, measured view. What wasn't known is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredLevel {
    /// The GPU, in the words of the host that had it.
    pub gpu_id: String,
    /// How many; 0: a CPU.
    pub gpu_count: i32,
    /// Precision of the weights, as the engine said it.
    pub precision: Option<String>,
    /// Streams; `None`: saturated.
    pub streams: Option<i32>,
    /// Mean prompt, tokens.
    pub prompt_tokens: Option<f64>,
    /// Mean answer, tokens.
    pub output_tokens: Option<f64>,
    /// Output tokens a second.
    pub output_tokens_per_second: Option<f64>,
    /// Median time to the first token, ms.
    pub ttft_ms: Option<f64>,
    /// Mean time between tokens, ms.
    pub itl_ms: Option<f64>,
    /// When its run ended.
    pub finished_at: DateTime<Utc>,
}

/// The levels of the newest succeeded runs of a model, by any of the ids it goes by, on an engine; newest first.
///
/// # Errors
/// When the database fails.
pub async fn measured_levels(
    conn: &mut PgConnection,
    engine: EngineKind,
    model_ids: &[String],
) -> Result<Vec<MeasuredLevel>, Error> {
    Ok(sqlx::query_as!(
        MeasuredLevel,
        r#"select result.comparability ->> 'gpu_id' as "gpu_id!",
                  (result.comparability ->> 'gpu_count')::int as "gpu_count!",
                  result.comparability ->> 'precision' as "precision?",
                  result.rate as "streams?",
                  (result.summary #>> '{measured,prompt_token_count}')::double precision as "prompt_tokens?",
                  (result.summary #>> '{measured,output_token_count}')::double precision as "output_tokens?",
                  (result.summary #>> '{measured,output_tokens_per_second}')::double precision
                    as "output_tokens_per_second?",
                  (result.summary #>> '{measured,percentiles,time_to_first_token_ms,p50}')::double precision
                    as "ttft_ms?",
                  (result.summary #>> '{measured,inter_token_latency_ms}')::double precision as "itl_ms?",
                  run.finished_at as "finished_at!"
           from (select id, finished_at from workflow_runs
                 where engine = $1 and model = any($2) and status = 'succeeded'
                 order by finished_at desc limit $3) run
           join benchmark_results result on result.run_id = run.id and result.superseded_at is null
           where result.comparability is not null
           order by run.finished_at desc, result.id"#,
        engine.as_str(),
        model_ids,
        RUNS
    )
    .fetch_all(conn)
    .await?)
}
