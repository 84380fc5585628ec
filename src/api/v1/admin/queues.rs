//! `/api/v1/admin/queues`: what waits in each, and pausing one.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::Pool,
        auth::{Admin, Operator},
        error::{Error, Problem},
        parameters::{Parameters, Segment},
        refusals::{BadParameters, BelowAdmin, BelowOperator, NoToken},
    },
    ledger::queues as control,
    monitor::SILENT,
    queue::ApalisQueue,
    store::queues::{self, Queue},
};

/// Every queue.
#[derive(Serialize, ToSchema)]
pub(super) struct QueueList {
    /// By name.
    queues: Vec<Queue>,
}

/// A queue after it was paused or resumed.
#[derive(Serialize, ToSchema)]
pub(super) struct QueueChanged {
    /// Its name.
    queue: String,
    /// Whether it is paused now.
    paused: bool,
    /// False: it was so already.
    changed: bool,
}

/// Queues: depth by state, age of the oldest, live workers, rented pods, pause
#[utoipa::path(
    get, path = "/admin/queues", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, body = QueueList),
        NoToken,
        BelowOperator,
        BadParameters,
    )
)]
pub(super) async fn list_queues(State(pool): Pool, _: Operator, uri: Uri) -> Result<Json<QueueList>, Error> {
    Parameters::of(&uri).finish()?;
    let queues = queues::list(&mut *pool.acquire().await?, SILENT.as_secs_f64()).await?;
    Ok(Json(QueueList { queues }))
}

/// Let no step of a queue be taken up but teardowns
#[utoipa::path(
    post, path = "/admin/queues/{name}/pause", tag = "admin", security(("token" = [])),
    params(
        ("name" = String, Path, description = "The queue: `steps`, or `steps@<host>`"),
        ("reason" = Option<String>, Query, description = "Kept for whoever looks"),
    ),
    responses(
        (status = 200, body = QueueChanged),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such queue"),
        BadParameters,
    )
)]
pub(super) async fn pause_queue(
    State(pool): Pool,
    who: Admin,
    Segment(queue): Segment,
    uri: Uri,
) -> Result<Json<QueueChanged>, Error> {
    let mut parameters = Parameters::of(&uri);
    let reason: Option<String> = parameters.take("reason");
    parameters.finish()?;
    let changed = control::pause(&pool, &queue, reason.as_deref(), who.by()).await?;
    Ok(Json(QueueChanged { queue, paused: true, changed }))
}

/// Let a paused queue go on
#[utoipa::path(
    post, path = "/admin/queues/{name}/resume", tag = "admin", security(("token" = [])),
    params(("name" = String, Path, description = "The queue: `steps`, or `steps@<host>`")),
    responses(
        (status = 200, body = QueueChanged),
        NoToken,
        BelowAdmin,
        BadParameters,
    )
)]
pub(super) async fn resume_queue(
    State(pool): Pool,
    who: Admin,
    Segment(queue): Segment,
    uri: Uri,
) -> Result<Json<QueueChanged>, Error> {
    Parameters::of(&uri).finish()?;
    let changed = control::resume(&pool, &ApalisQueue, &queue, SILENT.as_secs_f64(), who.by()).await?;
    Ok(Json(QueueChanged { queue, paused: false, changed }))
}
