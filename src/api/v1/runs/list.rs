//! `GET /api/v1/runs`: runs, newest first, page by page.

use axum::{Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::Pool,
        error::Error,
        parameters::{Limit, Parameters, Time},
        refusals::BadParameters,
        v1::cursor::RunCursor,
    },
    domain::{
        ids::RunId,
        kinds::{EngineKind, ProviderKind},
        run::RunStatus,
    },
    store::{
        run_pages::{self, PageFilter},
        runs::Run,
    },
};

/// A page of runs.
#[derive(Serialize, ToSchema)]
pub(super) struct RunList {
    /// Newest first.
    runs: Vec<RunItem>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// A run in the list.
#[derive(Serialize, ToSchema)]
struct RunItem {
    id: RunId,
    status: RunStatus,
    /// No further step starts.
    paused: bool,
    /// Somebody asked for it to end.
    cancel_requested: bool,
    engine: EngineKind,
    /// The model's display name.
    model: String,
    gpu_id: String,
    provider: ProviderKind,
    /// 0 to 9: higher goes first.
    priority: i32,
    /// The identifier it is published under.
    pod_id: Option<String>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<Run> for RunItem {
    fn from(run: Run) -> Self {
        Self {
            id: run.id,
            status: run.status,
            paused: run.paused,
            cancel_requested: run.cancel_requested,
            engine: run.spec.engine.kind,
            model: run.spec.model.common_name,
            gpu_id: run.spec.machine.gpu_id,
            provider: run.spec.machine.provider,
            priority: run.priority,
            pod_id: run.public_id,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
        }
    }
}

/// Runs, newest first
///
/// Filters must all hold; texts match exactly, but `text` is looked for in any case within id, model, GPU and engine.
#[utoipa::path(
    get, path = "/runs", tag = "runs", operation_id = "list_runs",
    params(
        ("status" = Option<RunStatus>, Query),
        ("engine" = Option<EngineKind>, Query),
        ("provider" = Option<ProviderKind>, Query),
        ("model" = Option<String>, Query, description = "The engine's id of it, or its display name"),
        ("gpu" = Option<String>, Query, description = "Its id, such as `NVIDIA H200`"),
        ("since" = Option<String>, Query, description = "Made then or later: RFC 3339, or a day"),
        ("until" = Option<String>, Query, description = "Made before: RFC 3339, or a day"),
        ("text" = Option<String>, Query),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = RunList),
        BadParameters,
    )
)]
pub(super) async fn list(State(pool): Pool, uri: Uri) -> Result<Json<RunList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let filter = PageFilter {
        status: parameters.take("status"),
        engine: parameters.take("engine"),
        provider: parameters.take("provider"),
        model: parameters.take("model"),
        gpu_id: parameters.take("gpu"),
        since: parameters.take("since").map(|Time(time)| time),
        until: parameters.take("until").map(|Time(time)| time),
        text: parameters.take("text"),
    };
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    let cursor: Option<RunCursor> = parameters.take("cursor");
    parameters.finish()?;
    let after = cursor.map(|RunCursor(at, id)| (at, id));
    let mut runs = run_pages::page(&mut *pool.acquire().await?, &filter, after, limit + 1).await?;
    let has_more = runs.len() > usize::try_from(limit).unwrap_or_default();
    runs.truncate(limit as usize);
    let next = runs.last().filter(|_| has_more).map(|run| RunCursor(run.created_at, run.id).text());
    Ok(Json(RunList { runs: runs.into_iter().map(RunItem::from).collect(), next }))
}
