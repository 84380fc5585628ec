//! What every request and every answer goes through: limits on the way in; on the way out security headers, and errors
//! as a page for people and as problem+json for programs.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    accept::{self, Form},
    caller::Caller,
    docs,
    error::Error,
    legacy, page,
};

/// What a request may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Until the answer's head, seconds.
    pub(super) answer_within: Duration,
    /// The same where a model writes the whole answer first; the assistant has a bound of its own below it.
    pub(super) slow_answer_within: Duration,
    /// The request's body, bytes.
    pub(super) body_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(15),
            slow_answer_within: Duration::from_secs(605),
            body_bytes: 64 * 1024,
        }
    }
}

/// Refuses bodies that are too long by their own word, and gives up on answers that take too long.
pub(super) async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|bytes| bytes > limits.body_bytes) {
        return Error::Body(limits.body_bytes).into_response();
    }
    let within =
        if legacy::is_slow(request.uri().path()) { limits.slow_answer_within } else { limits.answer_within };
    match tokio::time::timeout(within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Error::TooSlow(within.as_secs()).into_response(),
    }
}

/// Puts the headers on, and turns the errors that a person sees into a page.
pub(super) async fn dress(caller: Caller, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_for_programs = is_for_programs(path);
    let is_docs = path == "/docs" || path.starts_with("/docs/");
    let form = accept::form(request.headers());
    let is_legacy = legacy::is_one(path) || (path == "/" && form != Form::Html);
    let is_somebodys =
        [header::AUTHORIZATION, header::COOKIE].iter().any(|name| request.headers().contains_key(name));
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<Error>>() {
        if let Error::Store(cause) = &*error {
            tracing::error!(error = %cause, "a request failed");
        }
        let mut body = if is_legacy {
            legacy::envelope(&error)
        } else if !is_for_programs && form != Form::Json {
            page::failure(&error).into_response()
        } else {
            let mut body = Json(error.problem(Some(&caller.id))).into_response();
            let kind = HeaderValue::from_static("application/problem+json");
            body.headers_mut().insert(header::CONTENT_TYPE, kind);
            body
        };
        *body.status_mut() = response.status();
        // What the refusal itself says: `Allow`, `Retry-After`, `WWW-Authenticate`.
        response.headers_mut().remove(header::CONTENT_LENGTH);
        response.headers_mut().remove(header::CONTENT_TYPE);
        body.headers_mut().extend(std::mem::take(response.headers_mut()));
        response = body;
    }
    add_headers(response.headers_mut(), is_somebodys);
    let policy = if is_docs { docs::security_policy() } else { page::security_policy() };
    // The site has its own.
    response.headers_mut().entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    response
}

/// Tells browsers to come with TLS from now on, for a year, where they come with it at all.
pub(super) async fn stay_with_tls(State(https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if https {
        let year = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Whether nobody reads the answers of this path in a browser.
pub(super) fn is_for_programs(path: &str) -> bool {
    matches!(path, "/health" | "/healthz" | "/readyz" | "/metrics" | "/openapi.json")
        || path.starts_with("/api/")
}

/// What is served is never sniffed, framed or taken in by another site, and is asked for again each time, since runs go on. What somebody signed in sees is for them alone.
fn add_headers(headers: &mut HeaderMap, is_somebodys: bool) {
    let fixed: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let kept_by = HeaderValue::from_static(if is_somebodys { "private, no-cache" } else { "no-cache" });
    headers.entry(header::CACHE_CONTROL).or_insert(kept_by);
    for varies in ["Accept", "Authorization, Cookie"] {
        headers.append(header::VARY, HeaderValue::from_static(varies));
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::StatusCode, routing::get};

    use super::*;
    use crate::{api::routes::guarded, config};

    /// Serves a route that never answers, within 10 ms, and asks for it.
    async fn ask_in_vain(path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let routes = Router::new()
            .route("/api/slow", get(async || std::future::pending::<Body>().await))
            .route("/slow", get(async || std::future::pending::<Body>().await));
        let limits = Limits { answer_within: Duration::from_millis(10), body_bytes: 8, ..Limits::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(
            axum::serve(listener, guarded(routes, limits, &config::Server::default())).into_future(),
        );
        let mut request = crate::http::client(None).unwrap().get(format!("http://{address}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    #[tokio::test]
    async fn a_route_that_never_answers_is_given_up() {
        let response = ask_in_vain("/api/slow", &[]).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert!(response.text().await.unwrap().contains(r#""code":"timeout""#));
    }

    #[tokio::test]
    async fn a_person_is_told_so_on_a_page() {
        let response = ask_in_vain("/slow", &[("accept", "text/html")]).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let response = ask_in_vain("/slow", &[("accept", "application/json")]).await;
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }

    #[tokio::test]
    async fn a_long_body_is_refused_before_it_is_read() {
        let response = ask_in_vain("/api/slow", &[("content-length", "9")]).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
