//! `/api/v1/runs`: the runs, one run with its numbers, and its results alone.

use axum::{
    Json,
    extract::State,
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    error::Error,
    parameters::{Format, Limit, Parameters, RunParameter},
    routes::Pool,
};
use crate::{
    domain::{
        ids::RunId,
        kinds::{EngineKind, ProviderKind},
        measure::summary::{Columns, Measured},
        run::RunStatus,
    },
    report::{self, ResultReport, RunReport, View},
    store::runs::{self, Run},
};

#[derive(Serialize)]
pub(super) struct RunList {
    /// Newest first.
    runs: Vec<RunItem>,
}

/// A run in the list.
#[derive(Serialize)]
struct RunItem {
    id: RunId,
    status: RunStatus,
    engine: EngineKind,
    model: String,
    gpu_id: String,
    provider: ProviderKind,
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
            engine: run.spec.engine.kind,
            model: run.spec.model.common_name,
            gpu_id: run.spec.machine.gpu_id,
            provider: run.spec.machine.provider,
            pod_id: run.public_id,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
        }
    }
}

/// The results of a run in one of the two views.
#[derive(Serialize)]
struct RunResults<'a> {
    run: RunId,
    view: &'static str,
    results: Vec<ResultRow<'a>>,
}

/// The 17 columns; the measured view has its spreads with them.
#[derive(Serialize)]
#[serde(untagged)]
enum ResultRow<'a> {
    Measured(&'a Measured),
    Compat(&'a Columns),
}

impl<'a> ResultRow<'a> {
    const fn of(view: View, result: &'a ResultReport) -> Self {
        match view {
            View::Measured => Self::Measured(&result.measured),
            View::Compat => Self::Compat(&result.compat),
        }
    }
}

/// `GET /api/v1/runs?limit=`
pub(super) async fn list(State(pool): Pool, uri: Uri) -> Result<Json<RunList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let runs = runs::list(&mut *pool.acquire().await?, None, limit).await?;
    Ok(Json(RunList { runs: runs.into_iter().map(RunItem::from).collect() }))
}

/// `GET /api/v1/runs/{id}`: what `dria-bench run --json` prints.
pub(super) async fn show(State(pool): Pool, run: RunParameter, uri: Uri) -> Result<Json<RunReport>, Error> {
    Parameters::of(&uri).finish()?;
    report(&pool, run).await.map(Json)
}

/// `GET /api/v1/runs/{id}/results?format=json|csv&view=measured|compat`
pub(super) async fn results(State(pool): Pool, run: RunParameter, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let format = parameters.take("format").unwrap_or_default();
    let view: View = parameters.take("view").unwrap_or_default();
    parameters.finish()?;
    let report = report(&pool, run).await?;
    Ok(match format {
        Format::Json => {
            let results = report.results.iter().map(|result| ResultRow::of(view, result)).collect();
            Json(RunResults { run: report.run, view: view.as_str(), results }).into_response()
        }
        Format::Csv => {
            let file = format!("attachment; filename=\"dria-bench-{}-{}.csv\"", report.run, view.as_str());
            let kind = "text/csv; charset=utf-8; header=present".to_owned();
            let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, file)];
            (headers, report::csv(&report.summaries(), view)).into_response()
        }
    })
}

async fn report(pool: &PgPool, RunParameter(id): RunParameter) -> Result<RunReport, Error> {
    RunReport::read(&mut *pool.acquire().await?, id).await?.ok_or(Error::UnknownRun(id))
}
