//! How engines' own routes are called: time limits, keys, and one meaning for each kind of answer.

use std::{sync::OnceLock, time::Duration};

use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Endpoint;
use crate::{
    domain::{failure::Failure, kinds::EngineKind},
    http,
};

/// Most of an answer that is read: a server that isn't the engine may send anything.
const MAX_BODY_BYTES: usize = 8 << 20;

/// A caller of one engine's routes. Its client is made at the first call and kept: connections are reused.
pub(super) struct Control {
    kind: EngineKind,
    client: OnceLock<reqwest::Client>,
}

/// An answer, read whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

/// What a call came to: an answer, or no answer at all and why.
pub(super) enum Outcome {
    Answered(Answer),
    NoAnswer(String),
}

impl Control {
    pub(super) const fn new(kind: EngineKind) -> Self {
        Self { kind, client: OnceLock::new() }
    }

    /// A request to `path`, which replaces the endpoint's own path.
    pub(super) fn request(
        &self,
        endpoint: &Endpoint,
        method: reqwest::Method,
        path: &str,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let client = if let Some(client) = self.client.get() {
            client
        } else {
            let made = http::client(None).map_err(|error| {
                Failure::permanent(
                    "host_error",
                    format!("no HTTP client can be made: {}", http::explain(error)),
                )
            })?;
            self.client.get_or_init(|| made)
        };
        let base = endpoint.base_url.as_str().trim_end_matches('/');
        let request = client.request(method, format!("{base}{path}"));
        Ok(match &endpoint.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
    }

    /// Sends the request and reads the answer whole, within `limit`.
    pub(super) async fn send(&self, request: reqwest::RequestBuilder, limit: Duration) -> Outcome {
        let exchange = async {
            let mut response = request.send().await.map_err(http::explain)?;
            let status = response.status();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(http::explain)? {
                if body.len() + chunk.len() > MAX_BODY_BYTES {
                    return Err(format!("the answer is longer than {MAX_BODY_BYTES} bytes"));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
        };
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok(answer)) => Outcome::Answered(answer),
            Ok(Err(reason)) => Outcome::NoAnswer(reason),
            Err(_) => Outcome::NoAnswer(format!("no whole answer within {} s", limit.as_secs())),
        }
    }

    /// GET, short.
    pub(super) async fn get(&self, endpoint: &Endpoint, path: &str) -> Result<Outcome, Failure> {
        let request = self.request(endpoint, reqwest::Method::GET, path)?;
        Ok(self.send(request, Duration::from_secs(10)).await)
    }

    /// GET an answer; not answering is a failure.
    pub(super) async fn get_answer(&self, endpoint: &Endpoint, path: &str) -> Result<Answer, Failure> {
        match self.get(endpoint, path).await? {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::NoAnswer(reason) => Err(self.unreachable(endpoint, &reason)),
        }
    }

    /// GET JSON; `None` when the route isn't there.
    pub(super) async fn get_json<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        path: &str,
    ) -> Result<Option<T>, Failure> {
        let answer = self.get_answer(endpoint, path).await?;
        self.json(endpoint, path, &answer)
    }

    /// POST JSON and read JSON; `None` when the route isn't there.
    pub(super) async fn post_json<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        path: &str,
        body: &Value,
        limit: Duration,
    ) -> Result<Option<T>, Failure> {
        let request = self.request(endpoint, reqwest::Method::POST, path)?.json(body);
        match self.send(request, limit).await {
            Outcome::Answered(answer) => self.json(endpoint, path, &answer),
            Outcome::NoAnswer(reason) => Err(self.unreachable(endpoint, &reason)),
        }
    }

    fn json<T: DeserializeOwned>(
        &self,
        endpoint: &Endpoint,
        path: &str,
        answer: &Answer,
    ) -> Result<Option<T>, Failure> {
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self.refused(endpoint, path, answer));
        }
        serde_json::from_str(&answer.body).map(Some).map_err(|error| {
            if answer.body.trim_start().starts_with('<') {
                return self.wrong_engine(endpoint, "a web page");
            }
            self.bad_answer(endpoint, path, &format!("it isn't the JSON expected: {error}"))
        })
    }

    /// The failure that an answer other than 2xx means.
    pub(super) fn refused(&self, endpoint: &Endpoint, path: &str, answer: &Answer) -> Failure {
        let said = error_message(&answer.body).map(|message| format!(": {message}")).unwrap_or_default();
        let status = answer.status.as_u16();
        let name = self.kind.common_name();
        match status {
            401 | 403 => Failure::permanent(
                "engine_unauthorised",
                format!(
                    "{name} at {endpoint} asks for a key, and ours won't do (HTTP {status}): set \
                     DRIA_BENCH_ENDPOINT_API_KEY, or DRIA_BENCH_ENDPOINT_API_KEY_FILE, to its API key"
                ),
            ),
            404 | 502 | 504 | 524 if endpoint.through_proxy => Failure::transient(
                "engine_starting",
                format!("nothing listens yet behind the proxy at {endpoint} (HTTP {status})"),
            ),
            503 => Failure::transient(
                "engine_starting",
                format!("{name} at {endpoint} isn't ready or is busy (HTTP 503){said}"),
            ),
            500..=599 => Failure::transient(
                "engine_bad_answer",
                format!("{name} at {endpoint} answered {path} with HTTP {status}{said}"),
            ),
            _ => self.bad_answer(endpoint, path, &format!("HTTP {status}{said}")),
        }
    }

    pub(super) fn unreachable(&self, endpoint: &Endpoint, reason: &str) -> Failure {
        Failure::transient(
            "engine_unreachable",
            format!(
                "{} at {endpoint} doesn't answer ({reason}): check that it runs and that the address is right",
                self.kind.common_name()
            ),
        )
    }

    pub(super) fn bad_answer(&self, endpoint: &Endpoint, path: &str, what: &str) -> Failure {
        Failure::permanent(
            "engine_bad_answer",
            format!(
                "what answers at {endpoint}{path} isn't {} as we know it ({what}): check the address and the \
                 engine's version",
                self.kind.common_name()
            ),
        )
    }

    pub(super) fn wrong_engine(&self, endpoint: &Endpoint, found: &str) -> Failure {
        Failure::permanent(
            "wrong_engine",
            format!(
                "{found} answers at {endpoint}, not {}: check the engine and the address",
                self.kind.common_name()
            ),
        )
    }
}

/// The error text of an engine's JSON answer: `{"error": "…"}`, `{"error": {"message": "…"}}`, `{"message": "…"}`
/// or `{"detail": "…"}`. At most 300 characters.
pub(super) fn error_message(body: &str) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    let text = match value.get("error") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(error)) => error.get("message")?.as_str()?.to_owned(),
        _ => value.get("message").or_else(|| value.get("detail"))?.as_str()?.to_owned(),
    };
    Some(text.chars().take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_text_is_found_in_every_shape_engines_use() {
        for body in [
            r#"{"error":"model 'nope' not found"}"#,
            r#"{"error":{"message":"model 'nope' not found","code":404}}"#,
            r#"{"object":"error","message":"model 'nope' not found"}"#,
            r#"{"detail":"model 'nope' not found"}"#,
        ] {
            assert_eq!(error_message(body).as_deref(), Some("model 'nope' not found"));
        }
        assert_eq!(error_message("<html>502 Bad Gateway</html>"), None);
        assert_eq!(error_message("{}"), None);
    }
}
