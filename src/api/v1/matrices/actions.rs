//! `POST /api/v1/matrices/{id}/…`: resuming and cancelling one, as the commands do. No body is read.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::MatrixParameter;
use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::{Error, Problem},
        parameters::{Parameters, Usd},
        refusals::{BadParameters, BelowOperator, NoToken},
    },
    domain::ids::MatrixId,
    ledger::matrices,
    queue::ApalisQueue,
};

/// A matrix that goes on.
#[derive(Serialize, ToSchema)]
pub(super) struct MatrixResumed {
    /// The matrix.
    matrix: MatrixId,
    /// Cells that are planned again.
    cells: u64,
}

/// A matrix that ends.
#[derive(Serialize, ToSchema)]
pub(super) struct MatrixCancelled {
    /// The matrix.
    matrix: MatrixId,
    /// Always true.
    cancel_requested: bool,
    /// False: it was so already.
    changed: bool,
}

/// Go on with what failed, was skipped or cancelled; measured levels stay
#[utoipa::path(
    post, path = "/matrices/{id}/resume", tag = "matrices", security(("token" = [])),
    params(
        ("id" = MatrixId, Path, description = "The matrix"),
        ("budget" = Option<f64>, Query, exclusive_minimum = 0,
         description = "A new budget in US dollars, what is spent already included"),
    ),
    responses(
        (status = 200, body = MatrixResumed),
        NoToken,
        BelowOperator,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such matrix"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "It isn't over, nothing is left to do, or its budget is spent"),
        BadParameters,
    )
)]
pub(super) async fn resume_matrix(
    State(pool): Pool,
    who: Operator,
    MatrixParameter(matrix): MatrixParameter,
    uri: Uri,
) -> Result<Json<MatrixResumed>, Error> {
    let mut parameters = Parameters::of(&uri);
    let budget = parameters.take("budget").map(|Usd(usd)| usd);
    parameters.finish()?;
    let mut tx = pool.begin().await?;
    let cells = matrices::resume(&mut tx, matrix, budget, who.by()).await?;
    tx.commit().await?;
    Ok(Json(MatrixResumed { matrix, cells }))
}

/// End a matrix: no cell starts any more, and runs under way are cancelled, through teardown
#[utoipa::path(
    post, path = "/matrices/{id}/cancel", tag = "matrices", security(("token" = [])),
    params(("id" = MatrixId, Path, description = "The matrix")),
    responses(
        (status = 200, body = MatrixCancelled),
        NoToken,
        BelowOperator,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such matrix"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is over already"),
        BadParameters,
    )
)]
pub(super) async fn cancel_matrix(
    State(pool): Pool,
    who: Operator,
    MatrixParameter(matrix): MatrixParameter,
    uri: Uri,
) -> Result<Json<MatrixCancelled>, Error> {
    Parameters::of(&uri).finish()?;
    let mut tx = pool.begin().await?;
    let changed = matrices::request_cancel(&mut tx, &ApalisQueue, matrix, who.by()).await?;
    tx.commit().await?;
    Ok(Json(MatrixCancelled { matrix, cancel_requested: true, changed }))
}
