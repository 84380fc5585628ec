//! `/`: a page for people, and for programs the word that somebody is there.

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use sqlx::PgPool;

use super::{
    accept::{self, Form},
    app::Pool,
    error::Error,
    health::health,
    page,
    parameters::{Parameters, RunParameter},
    redact,
};
use crate::{report::RunReport, store::runs};

/// Other runs that the page lists.
const OTHERS: i64 = 20;

/// `GET /`: the newest run or `?run=` as a page where HTML is asked for, else as `/health`.
pub(super) async fn home(State(pool): Pool, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
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
