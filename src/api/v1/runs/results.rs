//! `GET /api/v1/runs/{id}/results`: the results of a run alone, as JSON or CSV.

use axum::{
    Json,
    extract::State,
    http::{Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::Pool,
        error::{Error, Problem},
        parameters::{Format, Parameters, RunParameter},
        refusals::BadParameters,
    },
    domain::{
        ids::RunId,
        measure::summary::{Columns, Measured},
    },
    report::{self, ResultReport, RunReport, View},
};

/// The results of a run in one of the two views.
#[derive(Serialize, ToSchema)]
struct RunResults<'a> {
    run: RunId,
    /// `measured` or `compat`.
    view: &'static str,
    /// The 17 columns of each; the measured view has its spreads with them.
    #[schema(value_type = Vec<Columns>)]
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

/// The results of a run, concurrent by ascending rate, then throughput
#[utoipa::path(
    get, path = "/runs/{id}/results", tag = "results",
    params(
        ("id" = RunId, Path, description = "The run"),
        ("format" = Option<String>, Query, description = "`json` (default) or `csv`"),
        ("view" = Option<String>, Query,
         description = "`measured` (default): requests completed inside the window; `compat`: what readers of the older \
                        17 columns expect"),
    ),
    responses(
        (status = 200, content((RunResults = "application/json"), (String = "text/csv"))),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
    )
)]
pub(super) async fn results(
    State(pool): Pool,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let format = parameters.take("format").unwrap_or_default();
    let view: View = parameters.take("view").unwrap_or_default();
    parameters.finish()?;
    let report = RunReport::read(&mut *pool.acquire().await?, id).await?.ok_or(Error::UnknownRun(id))?;
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
