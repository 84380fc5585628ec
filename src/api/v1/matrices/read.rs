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
        v1::cursor::MatrixCursor,
    },
    domain::ids::MatrixId,
    report::matrix::{self, MatrixReport, MatrixSummary},
};

/// A page of matrices.
#[derive(Serialize, ToSchema)]
pub(super) struct MatrixList {
    /// Newest first.
    matrices: Vec<MatrixSummary>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// Matrices, newest first
#[utoipa::path(
    get, path = "/matrices", tag = "matrices", security((), ("token" = [])),
    params(
        ("schedule" = Option<String>, Query, description = "Only those of this schedule"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
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
    let after = parameters.take("cursor").map(|MatrixCursor(at, id)| (at, id));
    parameters.finish()?;
    let mut conn = pool.acquire().await?;
    let mut matrices = matrix::list(&mut conn, schedule.as_deref(), after, limit + 1).await?;
    let has_more = matrices.len() > usize::try_from(limit).unwrap_or_default();
    matrices.truncate(limit as usize);
    let last = matrices.last().filter(|_| has_more);
    let next = last.map(|matrix| MatrixCursor(matrix.created_at, matrix.matrix).text());
    if !reader.sees_all() {
        matrices.iter_mut().for_each(redact::matrix);
    }
    Ok(Json(MatrixList { matrices, next }))
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
