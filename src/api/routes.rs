//! Which path is answered by whom.

use axum::{
    Router,
    extract::State,
    http::Uri,
    middleware,
    routing::{get, post},
};
use sqlx::PgPool;

use super::{
    actions, admin,
    error::Error,
    guard::{self, Limits},
    home, monitoring, records, runs,
};

/// Every route, with its guards.
pub(super) fn router(pool: PgPool) -> Router {
    let routes = Router::new()
        .route("/", get(home::home))
        .route("/health", get(home::health))
        .route("/metrics", get(monitoring::read))
        .route("/api/v1/runs", get(runs::list))
        .route("/api/v1/runs/{id}", get(runs::show))
        .route("/api/v1/runs/{id}/results", get(runs::results))
        .route("/api/v1/runs/{id}/results/{level}/records", get(records::download))
        .route("/api/v1/runs/{id}/cancel", post(actions::cancel))
        .route("/api/v1/runs/{id}/pause", post(actions::pause))
        .route("/api/v1/runs/{id}/resume", post(actions::resume))
        .route("/api/v1/runs/{id}/retry", post(actions::retry))
        .route("/api/v1/runs/{id}/rerun", post(actions::rerun))
        .route("/api/v1/runs/{id}/priority", post(actions::priority))
        .merge(admin::routes())
        .with_state(pool);
    guarded(routes, Limits::default())
}

/// These routes behind the guards: limits inside, so that what they refuse is dressed like everything else.
pub(super) fn guarded(routes: Router, limits: Limits) -> Router {
    routes
        .fallback(async |uri: Uri| Error::UnknownPath(uri.path().to_owned()))
        .method_not_allowed_fallback(async || Error::Method)
        .layer(middleware::from_fn_with_state(limits, guard::limit))
        .layer(middleware::from_fn(guard::dress))
        .layer(middleware::from_fn(monitoring::time))
}

/// What handlers get.
pub(super) type Pool = State<PgPool>;
