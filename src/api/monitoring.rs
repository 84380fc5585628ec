//! `/metrics`, and the time that answers take.

use std::{net::SocketAddr, time::Instant};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};

use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    app::{App, Pool},
    error::{Error, Problem},
};
use crate::{
    metrics,
    monitor::{self, Refused},
};

/// The route of whoever gathers metrics.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metrics_text))
}

/// Metrics as text that Prometheus reads
///
/// For programs of this machine, and with a token of any role from elsewhere.
#[utoipa::path(
    get, path = "/metrics", tag = "health", security((), ("token" = [])),
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text"),
        (status = 401, body = Problem, content_type = "application/problem+json",
         description = "Asked from elsewhere without a token that is in force"),
    )
)]
async fn metrics_text(State(pool): Pool, request: Request) -> Result<Response, Error> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    match monitor::may_read(&pool, peer, request.headers()).await {
        Ok(()) => {}
        Err(Refused::Stranger) => return Err(Error::Unauthorised),
        Err(Refused::Ledger(error)) => return Err(error.into()),
    }
    let text = monitor::metrics_text(&pool, monitor::SILENT).await;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

/// Records how long each answer took until its head, by the pattern of its route.
pub(super) async fn time(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    // What a client makes up must not become a label.
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    };
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    metrics::request_answered(method, route, response.status().as_u16(), started.elapsed());
    response
}
