//! `POST /api/v1/schedules/{name}/…`: turning one on or off, and running one now. No body is read.

use axum::{Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{NEXT, TICKS};
use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::{Error, Problem},
        parameters::{Parameters, Segment},
        refusals::{BadParameters, BelowOperator, NoToken},
    },
    ledger::schedules,
    report::schedules::{ScheduleReport, report},
};

/// A tick that a running scheduler works now.
#[derive(Serialize, ToSchema)]
pub(super) struct TickQueued {
    /// The schedule.
    schedule: String,
    /// The tick's time, under which `ticks` tells what became of it.
    tick: DateTime<Utc>,
}

/// Turn a schedule on, whatever its file says: it fires at its next time
#[utoipa::path(
    post, path = "/schedules/{name}/enable", tag = "schedules", security(("token" = [])),
    params(("name" = String, Path, description = "The schedule")),
    responses(
        (status = 200, body = ScheduleReport),
        NoToken,
        BelowOperator,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such schedule"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "Its file is gone, or never could be read"),
        BadParameters,
    )
)]
pub(super) async fn enable_schedule(
    State(pool): Pool,
    who: Operator,
    Segment(name): Segment,
    uri: Uri,
) -> Result<Json<ScheduleReport>, Error> {
    Parameters::of(&uri).finish()?;
    schedules::set_enabled(&pool, &name, true, who.by()).await?;
    now(&pool, &name).await
}

/// Turn a schedule off, whatever its file says; what it started goes on
#[utoipa::path(
    post, path = "/schedules/{name}/disable", tag = "schedules", security(("token" = [])),
    params(("name" = String, Path, description = "The schedule")),
    responses(
        (status = 200, body = ScheduleReport),
        NoToken,
        BelowOperator,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such schedule"),
        BadParameters,
    )
)]
pub(super) async fn disable_schedule(
    State(pool): Pool,
    who: Operator,
    Segment(name): Segment,
    uri: Uri,
) -> Result<Json<ScheduleReport>, Error> {
    Parameters::of(&uri).finish()?;
    schedules::set_enabled(&pool, &name, false, who.by()).await?;
    now(&pool, &name).await
}

/// Have a running scheduler do now what a schedule does, also where it is off
#[utoipa::path(
    post, path = "/schedules/{name}/run", tag = "schedules", security(("token" = [])),
    params(("name" = String, Path, description = "The schedule")),
    responses(
        (status = 200, body = TickQueued),
        NoToken,
        BelowOperator,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such schedule"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "Its file is gone, or never could be read"),
        BadParameters,
    )
)]
pub(super) async fn run_schedule(
    State(pool): Pool,
    who: Operator,
    Segment(schedule): Segment,
    uri: Uri,
) -> Result<Json<TickQueued>, Error> {
    Parameters::of(&uri).finish()?;
    let tick = schedules::run_now(&pool, &schedule, who.by()).await?;
    Ok(Json(TickQueued { schedule, tick }))
}

/// The schedule as it is now.
async fn now(pool: &PgPool, name: &str) -> Result<Json<ScheduleReport>, Error> {
    let mut conn = pool.acquire().await?;
    let schedule = schedules::find(&mut conn, name).await?;
    Ok(Json(report(&mut conn, schedule, NEXT, TICKS).await?))
}
