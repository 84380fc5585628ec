//! `/api/v1/matrices`: start matrices, list them, look at one, resume or cancel it.

mod actions;
mod create;
mod read;
mod request;

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        app::App,
        error::{BadParameter, Error},
        parameters::Segment,
    },
    domain::ids::MatrixId,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read::list_matrices, create::create_matrix))
        .routes(routes!(read::show_matrix))
        .routes(routes!(actions::resume_matrix))
        .routes(routes!(actions::cancel_matrix))
}

/// The `{id}` of a matrix.
struct MatrixParameter(MatrixId);

impl<S: Send + Sync> FromRequestParts<S> for MatrixParameter {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|_| {
            let message = "must be a matrix's id, as /api/v1/matrices lists them".to_owned();
            Error::Parameters(vec![BadParameter { parameter: "id".to_owned(), message }])
        })
    }
}
