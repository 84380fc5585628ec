//! `/`: a page for people, and for programs the word that somebody is there.

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use sqlx::PgPool;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    accept::{self, Form},
    app::{App, Pool},
    error::Error,
    health::{Alive, health},
    page,
    parameters::{Parameters, RunParameter},
    redact,
};
use crate::{report::RunReport, store::runs};

/// Other runs that the page lists.
const OTHERS: i64 = 20;

/// The route.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(home))
}

/// A page for people, and for programs the same as /health
///
/// The newest run, or that of `run`, where `Accept` names HTML.
#[utoipa::path(
    get, path = "/", tag = "original",
    params(("run" = Option<String>, Query, description = "Of the page: a run's id")),
    responses((status = 200, content((Alive = "application/json"), (String = "text/html"))))
)]
async fn home(State(pool): Pool, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    match accept::form(&headers) {
        Form::Html => Ok(run_page(&pool, &uri).await?.into_response()),
        Form::Json | Form::Any => Ok(health().await.into_response()),
    }
}

async fn run_page(pool: &PgPool, uri: &Uri) -> Result<page::Page, Error> {
    let mut parameters = Parameters::of(uri);
    let wanted: Option<RunParameter> = parameters.take("run");
    parameters.ignore_others();
    parameters.finish()?;
    let mut conn = pool.acquire().await?;
    let newest = runs::list(&mut conn, None, OTHERS + 1).await?;
    let shown = match wanted {
        Some(RunParameter(id)) => Some(runs::get(&mut conn, id).await?.ok_or(Error::UnknownRun(id))?),
        None => newest.first().cloned(),
    };
    let Some(run) = shown else { return Ok(page::no_runs()) };
    let mut report = RunReport::of(&mut conn, run.clone()).await?;
    redact::report(&mut report);
    let others: Vec<_> =
        newest.into_iter().filter(|other| other.id != run.id).take(OTHERS as usize).collect();
    Ok(page::run(&report, &run, &others))
}
