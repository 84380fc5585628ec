//! `/`: the site for people, and for programs the word that somebody is there.

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    accept::{self, Form},
    app::App,
    health::{Alive, health},
    site,
};

/// The route.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(home))
}

/// The site for people, and for programs the same as /health
///
/// The site where `Accept` names HTML.
#[utoipa::path(
    get, path = "/", tag = "original",
    responses(
        (status = 200, content((Alive = "application/json"), (String = "text/html"))),
        (status = 503, description = "HTML only: the site is not part of this build", content_type = "text/html", body = String),
    )
)]
async fn home(State(app): State<App>, headers: HeaderMap, uri: Uri) -> Response {
    match accept::form(&headers) {
        Form::Html => site::page(&app, &headers, &uri).await,
        Form::Json | Form::Any => health().await.into_response(),
    }
}
