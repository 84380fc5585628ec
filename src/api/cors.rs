//! Other origins: which sites may read our answers from a browser. Outermost of what touches an answer, so that errors and
//! streams can be read too.

use std::{collections::HashSet, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// The origins that may read: `https://dria.co`, …
#[derive(Debug)]
pub(super) struct Origins(HashSet<HeaderValue>);

impl Origins {
    /// These; one that no header can hold is none.
    pub(super) fn new(origins: &[String]) -> Arc<Self> {
        Arc::new(Self(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect()))
    }
}

/// Answers a browser's question before a request (a preflight), and says on every answer who may read it.
pub(super) async fn allow(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).filter(|origin| origins.0.contains(*origin)).cloned();
    let asks_first = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if asks_first { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if asks_first {
            may_ask(headers);
        } else {
            let readable = HeaderValue::from_static("ETag, Location, Retry-After, X-Request-Id");
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        }
    }
    response
}

/// What a request of an allowed origin may be.
fn may_ask(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
