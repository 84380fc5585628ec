//! `/api/v1` as clients meet it: its document, its lists, starting runs and matrices, following and
//! steering them, schedules, prices, and everything that is refused.

mod budget;
mod bulk;
mod create;
mod document;
mod economics;
pub(crate) mod events;
mod hostile;
mod lists;
mod marks;
mod matrices;
mod pods;
mod prices;
mod redacted;
mod schedules;

use dria_bench::{
    api::{self, Server},
    config, http,
    ledger::tokens::{self, Role},
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::drain::Bench;

/// A server over a database with one run of an engine that runs already, not worked yet.
struct App {
    bench: Bench,
    server: Server,
    client: reqwest::Client,
}

impl App {
    async fn new() -> Self {
        Self::with(config::Server::default()).await
    }

    async fn with(settings: config::Server) -> Self {
        let bench = Bench::new(&[1], |_| {}).await;
        let server = api::serve(&settings, bench.database.pool.clone()).await.unwrap();
        Self { bench, server, client: http::client(None).unwrap() }
    }

    /// A token of this role.
    async fn token(&self, role: Role) -> String {
        let name = format!("{role}-{}", ulid::Ulid::generate());
        tokens::create(&self.bench.database.pool, &name, role, None, "test").await.unwrap()
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server.url()))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    async fn create(&self, token: &str, body: &Value) -> Response {
        self.request(Method::POST, "/api/v1/runs").bearer_auth(token).json(body).send().await.unwrap()
    }
}

/// A problem's status, its code, and what it says of each part.
async fn problem(response: Response) -> (u16, String, Vec<String>) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{status}");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["status"], &body["request_id"]), (&json!(status), &json!(id)));
    let parts = body["errors"].as_array().cloned().unwrap_or_default();
    let name = |part: &Value| part["field"].as_str().or(part["parameter"].as_str()).unwrap().to_owned();
    (status, body["code"].as_str().unwrap().to_owned(), parts.iter().map(name).collect())
}

/// A request that any operator may send.
fn plain() -> Value {
    json!({
        "engine": { "kind": "vllm" },
        "model": { "id": "meta-llama/Llama-2-7b-chat-hf" },
        "machine": { "provider": "runpod", "gpu_id": "NVIDIA H200" },
        "load": { "rates": [1, 2], "seconds": 1 },
    })
}
