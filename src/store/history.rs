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

/// How long a step took in earlier runs.
#[derive(Debug, Clone, PartialEq)]
pub struct StepSeconds {
    /// Its name: `concurrency:3`.
    pub name: String,
    /// The shortest, seconds.
    pub least_s: f64,
    /// The median, seconds.
    pub median_s: f64,
    /// The longest, seconds.
    pub most_s: f64,
    /// Of so many runs.
    pub runs: i64,
}

/// What a run is compared with: those of the same engine, model and machine.
#[derive(Debug, Clone, Copy)]
pub struct Alike<'a> {
    /// The engine.
    pub engine: EngineKind,
    /// The model, by the id that its runs are stored under.
    pub model: &'a str,
    /// The GPU, by its id.
    pub gpu_id: &'a str,
    /// How many.
    pub gpu_count: u32,
    /// Seconds that a level lasts at least; levels of runs with other ones aren't looked at.
    pub level_s: f64,
}

/// How long each step took in the newest succeeded runs like this one.
///
/// The GPU is the one that a run got, which may be another than it asked for first.
///
/// # Errors
/// When the database fails.
pub async fn step_seconds(conn: &mut PgConnection, alike: Alike<'_>) -> Result<Vec<StepSeconds>, Error> {
    Ok(sqlx::query_as!(
        StepSeconds,
        r#"select step.name as "name!", min(step.s) as "least_s!", max(step.s) as "most_s!",
                  percentile_cont(0.5) within group (order by step.s) as "median_s!", count(*) as "runs!"
           from (select id, spec, gpu_id from workflow_runs
                 where engine = $1 and model = any(array[$2::text]) and status = 'succeeded'
                 order by finished_at desc limit $6) run
           left join step_runs place on place.run_id = run.id and place.name = 'provision'
           join lateral (select name, extract(epoch from finished_at - started_at)::float8 as s from step_runs
                         where run_id = run.id and status = 'done' and started_at is not null) step on true
           where coalesce(place.output #>> '{host,gpus,0,name}', run.gpu_id) = $3
             and (run.spec #>> '{machine,gpu_count}')::int = $4
             and ((step.name <> 'throughput' and step.name not like 'concurrency:%')
                  or (run.spec #>> '{load,seconds}')::float8 = $5)
           group by step.name"#,
        alike.engine.as_str(),
        alike.model,
        alike.gpu_id,
        i32::try_from(alike.gpu_count).unwrap_or(i32::MAX),
        alike.level_s,
        RUNS
    )
    .fetch_all(conn)
    .await?)
}
