//! `/api/v1/admin/jobs`: the tokens of the job queue, and steering them by the rules of their runs.

use std::str::FromStr;

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NOT_A_CURSOR, cut};
use crate::{
    api::{
        app::Pool,
        auth::{Admin, Operator},
        error::{BadParameter, Error, Problem},
        parameters::{Limit, Parameters, Segment},
        refusals::{BadParameters, BelowAdmin, BelowOperator, NoToken},
    },
    domain::{ids::RunId, job::JobState},
    ledger::jobs::{self as steer, Retried},
    queue::ApalisQueue,
    store::jobs::{self, Job, JobFilter},
};

/// A page of jobs.
#[derive(Serialize, ToSchema)]
pub(super) struct JobList {
    /// Newest first.
    jobs: Vec<Job>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// A job whose run was cancelled.
#[derive(Serialize, ToSchema)]
pub(super) struct JobCancelled {
    /// The job.
    job: String,
    /// Its run, which ends.
    run: RunId,
    /// Always true.
    cancel_requested: bool,
    /// False: it was so already.
    changed: bool,
}

/// A job that is gone.
#[derive(Serialize, ToSchema)]
pub(super) struct JobDeleted {
    /// The job.
    job: String,
    /// Always true.
    deleted: bool,
}

/// Jobs, newest first, each with the step that it wakes
#[utoipa::path(
    get, path = "/admin/jobs", tag = "admin", security(("token" = [])),
    params(
        ("queue" = Option<String>, Query, description = "Only those of this queue"),
        ("state" = Option<JobState>, Query),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = JobList),
        NoToken,
        BelowOperator,
        BadParameters,
    )
)]
pub(super) async fn list_jobs(State(pool): Pool, _: Operator, uri: Uri) -> Result<Json<JobList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let state: Option<JobState> = parameters.take("state");
    let before = parameters.take("cursor").map(|JobCursor(id)| id);
    let filter = JobFilter { queue: parameters.take("queue"), state, before };
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut jobs = jobs::list(&mut *pool.acquire().await?, &filter, limit + 1).await?;
    let next = cut(&mut jobs, limit, |last| last.id.clone());
    Ok(Json(JobList { jobs, next }))
}

/// A job
#[utoipa::path(
    get, path = "/admin/jobs/{id}", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, body = Job),
        NoToken,
        BelowOperator,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job"),
        BadParameters,
    )
)]
pub(super) async fn show_job(
    State(pool): Pool,
    _: Operator,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Job>, Error> {
    Parameters::of(&uri).finish()?;
    let job = jobs::get(&mut *pool.acquire().await?, &id).await?;
    let unknown =
        || Error::Unknown(format!("there is no job `{id}`; /api/v1/admin/jobs lists those that there are"));
    Ok(Json(job.ok_or_else(unknown)?))
}

/// Wake a job's step now, or open its run again
#[utoipa::path(
    post, path = "/admin/jobs/{id}/retry", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, body = Retried),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "The job is spent, or its run's state doesn't allow it; it says why"),
        BadParameters,
    )
)]
pub(super) async fn retry_job(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Retried>, Error> {
    Parameters::of(&uri).finish()?;
    Ok(Json(steer::retry(&pool, &ApalisQueue, &id, who.by()).await?))
}

/// Cancel a job's run, through teardown
#[utoipa::path(
    post, path = "/admin/jobs/{id}/cancel", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, body = JobCancelled),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "The job is spent, or its run's state doesn't allow it; it says why"),
        BadParameters,
    )
)]
pub(super) async fn cancel_job(
    State(pool): Pool,
    who: Admin,
    Segment(job): Segment,
    uri: Uri,
) -> Result<Json<JobCancelled>, Error> {
    Parameters::of(&uri).finish()?;
    let (run, changed) = steer::cancel(&pool, &ApalisQueue, &job, who.by()).await?;
    Ok(Json(JobCancelled { job, run, cancel_requested: true, changed }))
}

/// Delete a job that is over
#[utoipa::path(
    delete, path = "/admin/jobs/{id}", tag = "admin", security(("token" = [])),
    params(
        ("id" = String, Path, description = "The job"),
        ("confirm" = bool, Query, description = "`true`: it is for good"),
    ),
    responses(
        (status = 200, body = JobDeleted),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such job"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The job isn't over"),
        BadParameters,
    )
)]
pub(super) async fn delete_job(
    State(pool): Pool,
    who: Admin,
    Segment(job): Segment,
    uri: Uri,
) -> Result<Json<JobDeleted>, Error> {
    let mut parameters = Parameters::of(&uri);
    let confirmed: bool = parameters.take("confirm").unwrap_or_default();
    parameters.finish()?;
    if !confirmed {
        let message = format!("has to be true: job {job} would be gone for good");
        return Err(Error::Parameters(vec![BadParameter { parameter: "confirm".to_owned(), message }]));
    }
    steer::delete(&pool, &job, who.by()).await?;
    Ok(Json(JobDeleted { job, deleted: true }))
}

/// The id of the last job of a page.
struct JobCursor(String);

impl FromStr for JobCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let is_id = s.len() == 26 && s.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if is_id { Ok(Self(s.to_owned())) } else { Err(NOT_A_CURSOR) }
    }
}
