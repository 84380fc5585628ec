//! `/api/v1/admin`: queues, jobs, workers, dead letters and the reaper's report. Operators look, admins change.
//!
//! Changes go through the ledger, as the commands `queues` and `jobs` do.

use std::str::FromStr;

use axum::{
    Json, Router,
    extract::{FromRef, FromRequestParts, Path, State},
    http::{Uri, request::Parts},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::DateTime;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    auth::Operator,
    error::{BadParameter, Error},
    parameters::{Limit, Parameters},
};
use crate::{
    domain::job::JobState,
    ledger::{By, jobs as steer, queues as control, tokens::Role},
    monitor::SILENT,
    queue::ApalisQueue,
    store::{
        chores, dead,
        jobs::{self, JobFilter},
        queues, workers,
    },
};

const NOT_A_CURSOR: &str = "must be the `next` of an earlier page, as it was given";

type Answer = Result<Json<Value>, Error>;

/// Every route of it.
pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PgPool: FromRef<S>,
    Operator: FromRequestParts<S, Rejection = Error>,
{
    Router::new()
        .route("/api/v1/admin/queues", get(list_queues))
        .route("/api/v1/admin/queues/{name}/pause", post(pause))
        .route("/api/v1/admin/queues/{name}/resume", post(resume))
        .route("/api/v1/admin/jobs", get(list_jobs))
        .route("/api/v1/admin/jobs/{id}", get(show_job).delete(delete_job))
        .route("/api/v1/admin/jobs/{id}/retry", post(retry_job))
        .route("/api/v1/admin/jobs/{id}/cancel", post(cancel_job))
        .route("/api/v1/admin/dead-letters", get(list_dead))
        .route("/api/v1/admin/workers", get(list_workers))
        .route("/api/v1/admin/reaper", get(reaper))
}

/// Somebody who may administer queues.
struct Admin(Operator);

impl Admin {
    fn by(&self) -> By<'_> {
        self.0.by()
    }
}

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    Operator: FromRequestParts<S, Rejection = Error>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let who = Operator::from_request_parts(parts, state).await?;
        match who.role() {
            Role::Admin => Ok(Self(who)),
            role => Err(Error::Forbidden(role, Role::Admin)),
        }
    }
}

async fn list_queues(State(pool): State<PgPool>, _: Operator, uri: Uri) -> Answer {
    Parameters::of(&uri).finish()?;
    let queues = queues::list(&mut *pool.acquire().await?, SILENT.as_secs_f64()).await?;
    Ok(Json(json!({ "queues": queues })))
}

/// `?reason=` is kept for whoever looks.
async fn pause(State(pool): State<PgPool>, who: Admin, Path(name): Path<String>, uri: Uri) -> Answer {
    let mut parameters = Parameters::of(&uri);
    let reason: Option<String> = parameters.take("reason");
    parameters.finish()?;
    let changed = control::pause(&pool, &name, reason.as_deref(), who.by()).await?;
    Ok(Json(json!({ "queue": name, "paused": true, "changed": changed })))
}

async fn resume(State(pool): State<PgPool>, who: Admin, Path(name): Path<String>, uri: Uri) -> Answer {
    Parameters::of(&uri).finish()?;
    let changed = control::resume(&pool, &ApalisQueue, &name, SILENT.as_secs_f64(), who.by()).await?;
    Ok(Json(json!({ "queue": name, "paused": false, "changed": changed })))
}

/// `?queue=&state=&limit=&cursor=`
async fn list_jobs(State(pool): State<PgPool>, _: Operator, uri: Uri) -> Answer {
    let mut parameters = Parameters::of(&uri);
    let state: Option<JobState> = parameters.take("state");
    let before = parameters.take("cursor").map(|JobCursor(id)| id);
    let filter = JobFilter { queue: parameters.take("queue"), state, before };
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut jobs = jobs::list(&mut *pool.acquire().await?, &filter, limit + 1).await?;
    let next = cut(&mut jobs, limit, |last| last.id.clone());
    Ok(Json(json!({ "jobs": jobs, "next": next })))
}

async fn show_job(State(pool): State<PgPool>, _: Operator, Path(id): Path<String>, uri: Uri) -> Answer {
    Parameters::of(&uri).finish()?;
    match jobs::get(&mut *pool.acquire().await?, &id).await? {
        Some(job) => Ok(Json(json!(job))),
        None => Err(Error::Unknown(format!(
            "there is no job `{id}`; /api/v1/admin/jobs lists those that there are"
        ))),
    }
}

async fn retry_job(State(pool): State<PgPool>, who: Admin, Path(id): Path<String>, uri: Uri) -> Answer {
    Parameters::of(&uri).finish()?;
    Ok(Json(json!(steer::retry(&pool, &ApalisQueue, &id, who.by()).await?)))
}

async fn cancel_job(State(pool): State<PgPool>, who: Admin, Path(id): Path<String>, uri: Uri) -> Answer {
    Parameters::of(&uri).finish()?;
    let (run, changed) = steer::cancel(&pool, &ApalisQueue, &id, who.by()).await?;
    Ok(Json(json!({ "job": id, "run": run, "cancel_requested": true, "changed": changed })))
}

/// `?confirm=true`, since it is for good.
async fn delete_job(State(pool): State<PgPool>, who: Admin, Path(id): Path<String>, uri: Uri) -> Answer {
    let mut parameters = Parameters::of(&uri);
    let confirmed: bool = parameters.take("confirm").unwrap_or_default();
    parameters.finish()?;
    if !confirmed {
        let message = format!("has to be true: job {id} would be gone for good");
        return Err(Error::Parameters(vec![BadParameter { parameter: "confirm".to_owned(), message }]));
    }
    steer::delete(&pool, &id, who.by()).await?;
    Ok(Json(json!({ "job": id, "deleted": true })))
}

/// `?limit=&cursor=`
async fn list_dead(State(pool): State<PgPool>, _: Operator, uri: Uri) -> Answer {
    let mut parameters = Parameters::of(&uri);
    let after: Option<DeadCursor> = parameters.take("cursor");
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let after = after.map(|DeadCursor(after)| after);
    let mut letters = dead::list(&mut *pool.acquire().await?, after, limit + 1).await?;
    let next = cut(&mut letters, limit, |last| DeadCursor((last.at, last.run, last.step)).text());
    Ok(Json(json!({ "dead_letters": letters, "next": next })))
}

/// `?all=true`: those that ended or died too; `?limit=`
async fn list_workers(State(pool): State<PgPool>, _: Operator, uri: Uri) -> Answer {
    let mut parameters = Parameters::of(&uri);
    let all: bool = parameters.take("all").unwrap_or_default();
    let Limit(limit) = parameters.take("limit").unwrap_or(Limit(100));
    parameters.finish()?;
    let workers = workers::list(&mut *pool.acquire().await?, SILENT.as_secs_f64(), !all, limit).await?;
    Ok(Json(json!({ "workers": workers })))
}

/// `null` before its first round.
async fn reaper(State(pool): State<PgPool>, _: Operator, uri: Uri) -> Answer {
    Parameters::of(&uri).finish()?;
    let last = chores::last(&mut *pool.acquire().await?, chores::REAPER).await?;
    Ok(Json(json!({ "reaper": last })))
}

/// Takes the row away that was read to see whether there are more, and says where they begin.
fn cut<T>(rows: &mut Vec<T>, limit: i64, cursor: impl FnOnce(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or_default();
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(cursor)
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

/// The last dead letter of a page, as text that clients pass back as it is.
struct DeadCursor(dead::After);

impl DeadCursor {
    fn text(&self) -> String {
        let (at, run, step) = self.0;
        BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{run}/{step}", at.timestamp_micros()))
    }

    fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = text.split('/');
        let at = DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?;
        let (run, step) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self((at, run, step)))
    }
}

impl FromStr for DeadCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::read(s).ok_or(NOT_A_CURSOR)
    }
}
