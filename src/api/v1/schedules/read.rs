//! `GET /api/v1/schedules` and `GET /api/v1/schedules/{name}`.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NEXT, TICKS};
use crate::{
    api::{
        app::Pool,
        auth::Reader,
        error::{Error, Problem},
        parameters::{Parameters, Segment},
        redact,
        refusals::{BadParameters, BadToken},
    },
    ledger::schedules,
    report::schedules::{ScheduleReport, list, report},
};

/// Schedules.
#[derive(Serialize, ToSchema)]
pub(super) struct ScheduleList {
    /// By name, each with its next time and its last tick.
    schedules: Vec<ScheduleReport>,
}

/// Every schedule, when it fires next, and what became of its last time
#[utoipa::path(
    get, path = "/schedules", tag = "schedules", security((), ("token" = [])),
    responses(
        (status = 200, body = ScheduleList),
        BadToken,
        BadParameters,
    )
)]
pub(super) async fn list_schedules(
    State(pool): Pool,
    reader: Reader,
    uri: Uri,
) -> Result<Json<ScheduleList>, Error> {
    Parameters::of(&uri).finish()?;
    let mut schedules = list(&mut *pool.acquire().await?).await?;
    if !reader.sees_all() {
        schedules.iter_mut().for_each(redact::schedule);
    }
    Ok(Json(ScheduleList { schedules }))
}

/// A schedule: what it does, its next 5 times and its last 10 ticks
#[utoipa::path(
    get, path = "/schedules/{name}", tag = "schedules", security((), ("token" = [])),
    params(("name" = String, Path, description = "The schedule")),
    responses(
        (status = 200, body = ScheduleReport),
        BadToken,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such schedule"),
        BadParameters,
    )
)]
pub(super) async fn show_schedule(
    State(pool): Pool,
    reader: Reader,
    Segment(name): Segment,
    uri: Uri,
) -> Result<Json<ScheduleReport>, Error> {
    Parameters::of(&uri).finish()?;
    let mut conn = pool.acquire().await?;
    let schedule = schedules::find(&mut conn, &name).await?;
    let mut shown = report(&mut conn, schedule, NEXT, TICKS).await?;
    if !reader.sees_all() {
        redact::schedule(&mut shown);
    }
    Ok(Json(shown))
}
