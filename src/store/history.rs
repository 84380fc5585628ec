//! How long the steps of succeeded runs took, for predicting others.

use sqlx::PgConnection;

use super::Error;
use crate::domain::kinds::EngineKind;

/// Newest runs that are looked at; what is older says less of today's engines.
pub(super) const RUNS: i64 = 200;

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
