//! Pages of live `benchmark_results` across runs, newest first, with what their runs are.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Error, from_json, parse};
use crate::domain::{
    ids::RunId,
    kinds::{EngineKind, ProviderKind},
    measure::{comparable::Comparability, summary::LevelSummary},
};

/// Which results are listed. What isn't given doesn't matter; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct ResultFilter {
    /// On this engine.
    pub engine: Option<EngineKind>,
    /// Of this model, by the engine's id or its display name.
    pub model: Option<String>,
    /// On this GPU, by its id.
    pub gpu_id: Option<String>,
    /// `concurrent` or `throughput`.
    pub benchmark_type: Option<String>,
    /// Of so many streams.
    pub rate: Option<i32>,
    /// Measured at this time or later.
    pub since: Option<DateTime<Utc>>,
}

/// A live result and what its run is.
#[derive(Debug, Clone)]
pub struct ListedResult {
    /// Its number; ascends as results are recorded.
    pub id: i64,
    /// Its run.
    pub run: RunId,
    /// The identifier its run is published under.
    pub public_id: Option<String>,
    /// The engine.
    pub engine: EngineKind,
    /// The model's display name.
    pub model: String,
    /// The model's parameter size.
    pub parameter_size: String,
    /// The GPU.
    pub gpu_id: String,
    /// How many of them.
    pub gpu_count: u32,
    /// Where the engine ran.
    pub provider: ProviderKind,
    /// Wall time of the level's start.
    pub started_at: DateTime<Utc>,
    /// The numbers.
    pub summary: LevelSummary,
    /// What another result must agree on to compare fairly.
    pub comparability: Option<Comparability>,
}

/// Live results that the filter lets pass, newest first, at most `limit`; only those recorded before number `before`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    conn: &mut PgConnection,
    filter: &ResultFilter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<ListedResult>, Error> {
    sqlx::query!(
        r#"select b.id, b.run_id, r.public_id, r.engine, r.gpu_id, r.provider,
                  coalesce(r.spec -> 'model' ->> 'common_name', r.model) as "model!",
                  coalesce(r.spec -> 'model' ->> 'parameter_size', 'unknown') as "parameter_size!",
                  coalesce((r.spec -> 'machine' ->> 'gpu_count')::int, 0) as "gpu_count!",
                  b.started_at, b.summary, b.comparability
           from benchmark_results b join workflow_runs r on r.id = b.run_id
           where b.superseded_at is null
             and ($1::text is null or r.engine = $1)
             and ($2::text is null or r.model = $2 or r.spec -> 'model' ->> 'common_name' = $2)
             and ($3::text is null or r.gpu_id = $3)
             and ($4::text is null or b.benchmark_type = $4) and ($5::int is null or b.rate = $5)
             and ($6::timestamptz is null or b.started_at >= $6)
             and ($7::bigint is null or b.id < $7)
           order by b.id desc limit $8"#,
        filter.engine.map(EngineKind::as_str),
        filter.model.as_deref(),
        filter.gpu_id.as_deref(),
        filter.benchmark_type.as_deref(),
        filter.rate,
        filter.since,
        before,
        limit
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(|row| {
        Ok(ListedResult {
            id: row.id,
            run: RunId::from_uuid(row.run_id),
            public_id: row.public_id,
            engine: parse("workflow_runs.engine", &row.engine)?,
            model: row.model,
            parameter_size: row.parameter_size,
            gpu_id: row.gpu_id,
            gpu_count: u32::try_from(row.gpu_count).unwrap_or_default(),
            provider: parse("workflow_runs.provider", &row.provider)?,
            started_at: row.started_at,
            summary: from_json("benchmark_results.summary", row.summary)?,
            comparability: row
                .comparability
                .map(|value| from_json("benchmark_results.comparability", value))
                .transpose()?,
        })
    })
    .collect()
}
