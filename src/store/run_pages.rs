//! Pages of `workflow_runs`, newest first, of those that a filter lets pass.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Error,
    runs::{Row, Run},
};
use crate::domain::{
    ids::RunId,
    kinds::{EngineKind, ProviderKind},
    run::RunStatus,
};

/// Which runs are listed. What isn't given doesn't matter; all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct PageFilter {
    /// In this state.
    pub status: Option<RunStatus>,
    /// On this engine.
    pub engine: Option<EngineKind>,
    /// Where the engine runs.
    pub provider: Option<ProviderKind>,
    /// Of this model, by the engine's id or its display name.
    pub model: Option<String>,
    /// On this GPU, by its id.
    pub gpu_id: Option<String>,
    /// Made at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Made before this time.
    pub until: Option<DateTime<Utc>>,
    /// With these letters, in any case, in its id, model, GPU, engine or published id.
    pub text: Option<String>,
}

/// Runs that the filter lets pass, newest first, at most `limit`; only those after the run made `after.0` with id
/// `after.1`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    conn: &mut PgConnection,
    filter: &PageFilter,
    after: Option<(DateTime<Utc>, RunId)>,
    limit: i64,
) -> Result<Vec<Run>, Error> {
    let (after_at, after_id) = after.map(|(at, id)| (at, id.as_uuid())).unzip();
    sqlx::query_as!(
        Row,
        "select id, kind, spec, definition, status, cancel_requested, paused, generation, engine_losses, public_id,
                multi_pod, queue, priority, error, rerun_of, created_at, started_at, finished_at
         from workflow_runs
         where ($1::text is null or status = $1) and ($2::text is null or engine = $2)
           and ($3::text is null or provider = $3)
           and ($4::text is null or model = $4 or spec -> 'model' ->> 'common_name' = $4)
           and ($5::text is null or gpu_id = $5)
           and ($6::timestamptz is null or created_at >= $6) and ($7::timestamptz is null or created_at < $7)
           and ($8::text is null or strpos(lower(concat_ws(' ', id::text, public_id, model,
                spec -> 'model' ->> 'common_name', gpu_id, engine)), lower($8)) > 0)
           and ($9::timestamptz is null or (created_at, id) < ($9, $10::uuid))
         order by created_at desc, id desc limit $11",
        filter.status.map(RunStatus::as_str),
        filter.engine.map(EngineKind::as_str),
        filter.provider.map(ProviderKind::as_str),
        filter.model.as_deref(),
        filter.gpu_id.as_deref(),
        filter.since,
        filter.until,
        filter.text.as_deref(),
        after_at,
        after_id,
        limit
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(Run::try_from)
    .collect()
}
