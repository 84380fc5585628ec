//! The OpenAPI document: what is said of the whole API. What is said of a route stands at the route.

use utoipa::{
    Modify, OpenApi as _,
    openapi::{
        OpenApi,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{error::Problem, routes};

/// The document as it is served at `/openapi.json`.
#[must_use]
pub fn document() -> String {
    text(&routes::documented().split_for_parts().1)
}

/// A document as text, by lines, so that two versions of it can be compared.
pub(super) fn text(document: &OpenApi) -> String {
    document.to_pretty_json().unwrap_or_default()
}

/// What comes before the routes.
pub(super) fn preamble() -> OpenApi {
    Preamble::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "dria-bench",
        description = "Durable benchmarks of LLM inference: results for everybody, and steering runs for those with a \
                       token. Reads without a token leave out what tells of machines: URLs, paths, arguments, pods, \
                       hosts, log lines."
    ),
    components(schemas(Problem)),
    modifiers(&Bearer)
)]
struct Preamble;

/// How a token is sent.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token of `dria-bench tokens create`: role viewer, operator or admin."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        let scheme = Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The access token of somebody who signed in with GitHub, good for 15 minutes."))
            .build();
        components.add_security_scheme("access_token", SecurityScheme::Http(scheme));
        let cookie = ApiKeyValue::with_description(
            "__Host-dria_session",
            "The site's cookie (without TLS `dria_session`). Writes need `X-CSRF-Token` as well.",
        );
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}
