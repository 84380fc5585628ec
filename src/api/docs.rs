//! `/openapi.json`, and `/docs`: the same document to read and try out. Every file of it is part of this program.

use std::sync::Arc;

use axum::{Router, http::HeaderValue, http::header, response::IntoResponse, routing::get};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::{app::App, openapi};

/// What the pages of `/docs` may do: run their own files, ask this server, and set styles, which Swagger UI does itself.
pub(super) fn security_policy() -> HeaderValue {
    HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
}

/// The document, and the pages that show it.
pub(super) fn routes(document: &OpenApi) -> Router<App> {
    let text: Arc<str> = openapi::text(document).into();
    // Swagger UI would else show the document to a validator on another host.
    let config = Config::new(["/openapi.json"]).validator_url("none");
    Router::new()
        .route(
            "/openapi.json",
            get(async move || {
                ([(header::CONTENT_TYPE, "application/json")], text.to_string()).into_response()
            }),
        )
        .merge(SwaggerUi::new("/docs").config(config))
}
