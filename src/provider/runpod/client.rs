//! RunPod's REST v2 over HTTP: one call each, within the account's rate, and one list of pods that all share.

use std::{sync::Arc, time::Duration};

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::{sync::Mutex, time::Instant};

use super::{
    super::RequestGate,
    RunpodSettings,
    limit::{self, Limiter},
    policy::{self, CallError},
    types::{CreatePod, LogLine, Pod, PodList, UpdatePod},
};
use crate::{
    clock,
    config::Secret,
    domain::{failure::Failure, launch::last_lines},
    http,
    retry::{self, CallPolicy},
};

/// Longest that a call may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);
/// Longest error text that is kept.
const DETAIL_CHARS: usize = 300;

pub(super) struct Client {
    base: String,
    key: Secret,
    policy: CallPolicy,
    /// How long a log that says nothing more is listened to.
    log_idle: Duration,
    calls: reqwest::Client,
    streams: reqwest::Client,
    limiter: Limiter,
    /// What all processes share of that.
    gate: Option<Arc<dyn RequestGate>>,
    graphql_url: String,
    pods: Mutex<Option<(Instant, Vec<Pod>)>>,
}

impl Client {
    pub(super) fn new(settings: &RunpodSettings) -> Result<Self, Failure> {
        let failed =
            |error| Failure::permanent("host_error", format!("no HTTP client: {}", http::explain(error)));
        Ok(Self {
            base: settings.api_url.as_str().trim_end_matches('/').to_owned(),
            key: settings.api_key.clone(),
            policy: settings.calls,
            log_idle: settings.log_idle,
            calls: http::client(Some(CALL_LIMIT)).map_err(failed)?,
            streams: http::client(None).map_err(failed)?,
            limiter: Limiter::new(settings.requests_per_minute),
            gate: settings.gate.clone(),
            graphql_url: settings.graphql_url.to_string(),
            pods: Mutex::new(None),
        })
    }

    pub(super) const fn policy(&self) -> CallPolicy {
        self.policy
    }

    /// Every pod of the account, as of a request that was sent at most `age` before this call. Who asks meanwhile
    /// gets the same answer.
    pub(super) async fn pods(&self, age: Duration) -> Result<Vec<Pod>, Failure> {
        let asked = Instant::now();
        let mut pods = self.pods.lock().await;
        if let Some((sent, known)) = pods.as_ref()
            && *sent + age >= asked
        {
            return Ok(known.clone());
        }
        let sent = Instant::now();
        let list: PodList = self.get("/pods").await?;
        *pods = Some((sent, list.pods.clone()));
        Ok(list.pods)
    }

    /// The pod of this id; `None` where there is none.
    pub(super) async fn pod(&self, id: &str) -> Result<Option<Pod>, Failure> {
        match self.repeated(|| self.call(&self.calls, Method::GET, &format!("/pods/{id}"))).await {
            Ok(pod) => Ok(Some(pod)),
            Err(CallError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(policy::failure(&error)),
        }
    }

    /// One try: a create isn't idempotent.
    pub(super) async fn create(&self, pod: &CreatePod) -> Result<Pod, CallError> {
        let request = self.call(&self.calls, Method::POST, "/pods").json(pod);
        parsed(self.send(request).await?).await
    }

    /// Changes a pod. One try: it restarts what runs there.
    pub(super) async fn update(&self, id: &str, pod: &UpdatePod) -> Result<Pod, CallError> {
        let request = self.call(&self.calls, Method::PATCH, &format!("/pods/{id}")).json(pod);
        parsed(self.send(request).await?).await
    }

    /// Asks for another state of a pod.
    pub(super) async fn act(&self, id: &str, action: &serde_json::Value) -> Result<(), Failure> {
        let path = format!("/pods/{id}/action");
        let done = retry::call(self.policy, policy::again, || async {
            self.send(self.call(&self.calls, Method::POST, &path).json(action)).await.map(drop)
        });
        done.await.map_err(|error| policy::failure(&error))
    }

    /// Terminates; one that isn't there is fine.
    pub(super) async fn delete(&self, id: &str) -> Result<(), Failure> {
        let path = format!("/pods/{id}");
        let deleted = retry::call(self.policy, policy::again, || async {
            self.send(self.call(&self.calls, Method::DELETE, &path)).await.map(drop)
        });
        match deleted.await {
            Ok(()) | Err(CallError::Status { status: 404, .. }) => Ok(()),
            Err(error) => Err(policy::failure(&error)),
        }
    }

    /// The last lines of a pod's log, without tokens. The stream goes on for ever: it is left when it falls silent.
    pub(super) async fn logs(&self, id: &str, source: &str, lines: usize) -> Result<String, Failure> {
        let path = format!("/pods/{id}/logs?source={source}&tail={}", lines.min(5000));
        let request = self.call(&self.streams, Method::GET, &path);
        let mut response = match tokio::time::timeout(CALL_LIMIT, self.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(policy::failure(&error)),
            Err(_) => return Err(policy::failure(&CallError::Unclear("its log took too long".to_owned()))),
        };
        let (mut text, until) = (Vec::new(), Instant::now() + CALL_LIMIT);
        while let Ok(Ok(Some(piece))) = tokio::time::timeout(self.log_idle, response.chunk()).await {
            text.extend_from_slice(&piece);
            if Instant::now() > until {
                break;
            }
        }
        let text = String::from_utf8_lossy(&text);
        let events = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let log: Vec<String> = events
            .filter_map(|event| serde_json::from_str::<LogLine>(event).ok())
            .map(|event| event.line)
            .collect();
        Ok(last_lines(&log.join("\n").replace(self.key.expose(), "[redacted]"), lines))
    }

    fn call(&self, client: &reqwest::Client, method: Method, path: &str) -> RequestBuilder {
        client.request(method, format!("{}{path}", self.base)).bearer_auth(self.key.expose())
    }

    /// A request to a URL of its own.
    pub(super) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.calls.request(method, url).bearer_auth(self.key.expose())
    }

    pub(super) fn graphql_url(&self) -> &str {
        &self.graphql_url
    }

    /// What a path answers, asked again where that may help.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.repeated(|| self.call(&self.calls, Method::GET, path)).await;
        answer.map_err(|error| policy::failure(&error))
    }

    /// What one request answers.
    pub(super) async fn parsed_once<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, CallError> {
        parsed(self.send(request).await?).await
    }

    async fn repeated<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, CallError> {
        retry::call(self.policy, policy::again, || async { parsed(self.send(request()).await?).await }).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        self.limiter.turn().await;
        if let Some(gate) = &self.gate {
            tokio::time::sleep(gate.turn().await).await;
        }
        let response = request.send().await.map_err(|error| CallError::Unclear(http::explain(error)))?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        if let Some(wait) = header("ratelimit").as_deref().and_then(limit::spent) {
            self.hold(wait).await;
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let retry_after = header("retry-after").and_then(|text| retry::retry_after(&text, clock::now()));
        if let Some(wait) = retry_after.filter(|_| response.status() == StatusCode::TOO_MANY_REQUESTS) {
            self.hold(wait).await;
        }
        Err(refused(response.status(), retry_after, &response.text().await.unwrap_or_default()))
    }
}

impl Client {
    /// Has everybody wait, at most a minute: what one call was told holds for the account.
    async fn hold(&self, wait: Duration) {
        let wait = wait.min(limit::WINDOW);
        self.limiter.hold(wait).await;
        if let Some(gate) = &self.gate {
            gate.hold(wait).await;
        }
    }
}

async fn parsed<T: DeserializeOwned>(response: Response) -> Result<T, CallError> {
    response.json().await.map_err(|error| CallError::Unclear(http::explain(error)))
}

/// The error in its own words, where the body has some: the proxy in front of it answers in HTML.
fn refused(status: StatusCode, retry_after: Option<Duration>, body: &str) -> CallError {
    let problem: Option<serde_json::Value> =
        serde_json::from_str(body).ok().filter(serde_json::Value::is_object);
    let text = problem.as_ref().map(|problem| {
        let field = |name: &str| problem.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let errors = problem.get("errors").filter(|errors| errors.is_array()).map(ToString::to_string);
        let parts = [field("detail").or_else(|| field("title")), errors];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let detail = text.unwrap_or_else(|| "a page instead of an answer".to_owned());
    let detail = last_lines(&detail, 1).chars().take(DETAIL_CHARS).collect();
    CallError::Status { status: status.as_u16(), detail, problem: problem.is_some(), retry_after }
}
