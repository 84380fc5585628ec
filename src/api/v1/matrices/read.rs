//! `GET /api/v1/matrices` and `GET /api/v1/matrices/{id}`.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::MatrixParameter;
use crate::{
    api::{
        app::Pool,
        auth::Reader,
        error::{Error, Problem},
        parameters::{Limit, Parameters},
        redact,
        refusals::{BadParameters, BadToken},
    },
    domain::ids::MatrixId,
    report::matrix::{self, MatrixReport, MatrixSummary},
};

/// Matrices.
#[derive(Serialize, ToSchema)]
pub(super) struct MatrixList {
    /// Newest first.
    matrices: Vec<MatrixSummary>,
}

/// Matrices, newest first
#[utoipa::path(
    get, path = "/matrices", tag = "matrices", security((), ("token" = [])),
    params(
        ("schedule" = Option<String>, Query, description = "Only those of this schedule"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
    ),
    responses(
        (status = 200, body = MatrixList),
        BadToken,
        BadParameters,
    )
)]
pub(super) async fn list_matrices(
    State(pool): Pool,
    reader: Reader,
    uri: Uri,
) -> Result<Json<MatrixList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let schedule: Option<String> = parameters.take("schedule");
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut matrices = matrix::list(&mut *pool.acquire().await?, schedule.as_deref(), limit).await?;
    if !reader.sees_all() {
        matrices.iter_mut().for_each(redact::matrix);
    }
    Ok(Json(MatrixList { matrices }))
}

/// The report of a matrix: its cells, what became of each and why, and what it has cost
#[utoipa::path(
    get, path = "/matrices/{id}", tag = "matrices", security((), ("token" = [])),
    params(("id" = MatrixId, Path, description = "The matrix")),
    responses(
        (status = 200, body = MatrixReport),
        BadToken,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such matrix"),
        BadParameters,
    )
)]
pub(super) async fn show_matrix(
    State(pool): Pool,
    reader: Reader,
    MatrixParameter(id): MatrixParameter,
    uri: Uri,
) -> Result<Json<MatrixReport>, Error> {
    Parameters::of(&uri).finish()?;
    let report = MatrixReport::read(&mut *pool.acquire().await?, id).await?;
    let mut report = report.ok_or(Error::UnknownMatrix(id))?;
    if !reader.sees_all() {
        redact::matrix_report(&mut report);
    }
    Ok(Json(report))
}
