//! `/api/v1/admin/workers` and `…/reaper`: who works, and what the reaper last found.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::Error,
        parameters::{Limit, Parameters},
        refusals::{BadParameters, BelowOperator, NoToken},
    },
    monitor::SILENT,
    store::{
        chores::{self, ChoreReport},
        workers::{self, Worker},
    },
};

/// Workers.
#[derive(Serialize, ToSchema)]
pub(super) struct WorkerList {
    /// The last seen first.
    workers: Vec<Worker>,
}

/// What the reaper last found.
#[derive(Serialize, ToSchema)]
pub(super) struct Reaper {
    /// Null before its first round.
    reaper: Option<ChoreReport>,
}

/// Workers, the last seen first
#[utoipa::path(
    get, path = "/admin/workers", tag = "admin", security(("token" = [])),
    params(
        ("all" = Option<bool>, Query, description = "`true`: those that ended or died too"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 100", minimum = 1, maximum = 100),
    ),
    responses(
        (status = 200, body = WorkerList),
        NoToken,
        BelowOperator,
        BadParameters,
    )
)]
pub(super) async fn list_workers(
    State(pool): Pool,
    _: Operator,
    uri: Uri,
) -> Result<Json<WorkerList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let all: bool = parameters.take("all").unwrap_or_default();
    let Limit(limit) = parameters.take("limit").unwrap_or(Limit(100));
    parameters.finish()?;
    let workers = workers::list(&mut *pool.acquire().await?, SILENT.as_secs_f64(), !all, limit).await?;
    Ok(Json(WorkerList { workers }))
}

/// What the reaper last found
#[utoipa::path(
    get, path = "/admin/reaper", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, body = Reaper),
        NoToken,
        BelowOperator,
        BadParameters,
    )
)]
pub(super) async fn reaper(State(pool): Pool, _: Operator, uri: Uri) -> Result<Json<Reaper>, Error> {
    Parameters::of(&uri).finish()?;
    let reaper = chores::last(&mut *pool.acquire().await?, chores::REAPER).await?;
    Ok(Json(Reaper { reaper }))
}
