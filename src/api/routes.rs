//! Which path is answered by whom.

use axum::{Router, middleware};
use utoipa_axum::router::OpenApiRouter;

use super::{
    app::App,
    caller, compress, cors, docs,
    error::Error,
    guard::{self, Limits},
    health, home, legacy, monitoring, openapi,
    rate::{self, Rates},
    site, v1,
};
use crate::config;

/// Every route that is in the OpenAPI document: a resource brings its own.
pub(super) fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::preamble())
        .merge(health::routes())
        .merge(monitoring::routes())
        .merge(home::routes())
        .merge(legacy::routes())
        .nest("/api/v1", v1::routes())
}

/// Every route, with its guards.
pub(super) fn router(app: App, settings: &config::Server) -> Router {
    let (routes, document) = documented().split_for_parts();
    let routes = routes.merge(docs::routes(&document)).fallback(site::answer).with_state(app);
    guarded(routes, Limits::default(), settings)
}

/// These routes behind the guards: limits inside, so that what they refuse is dressed like everything else.
pub(super) fn guarded(routes: Router, limits: Limits, settings: &config::Server) -> Router {
    let rates = Rates::new(settings.reads_per_minute, settings.writes_per_minute);
    routes
        .method_not_allowed_fallback(async || Error::Method)
        .layer(middleware::from_fn_with_state(limits, guard::limit))
        .layer(middleware::from_fn_with_state(rates, rate::limit))
        .layer(middleware::from_fn(guard::dress))
        .layer(middleware::from_fn_with_state(is_https(settings), guard::stay_with_tls))
        .layer(middleware::from_fn_with_state(cors::Origins::new(&settings.origins), cors::allow))
        .layer(compress::layer())
        .layer(middleware::from_fn_with_state(settings.behind_proxy, caller::identify))
        .layer(middleware::from_fn(monitoring::time))
}

/// Whether browsers reach this server with TLS.
fn is_https(settings: &config::Server) -> bool {
    settings.base_url.as_ref().is_some_and(|url| url.scheme() == "https")
}
