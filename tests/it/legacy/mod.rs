//! The original HTTP paths, sentence by sentence of what their clients were told.

mod frame;
mod kept;
mod plans;
mod prices;
mod results;
mod search;

use dria_bench::{
    api::{self, Server},
    config::{self, Secret, SignIn},
    http,
    people::People,
    store::{
        publications::{self, PublishedResult, PublishedRun},
        users::{self, Profile},
    },
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::support::{
    database::TestDatabase,
    published::{run, throughput},
};

/// A server over a database of its own.
struct App {
    database: TestDatabase,
    server: Server,
    client: reqwest::Client,
    settings: config::Server,
}

impl App {
    async fn new() -> Self {
        let key = Secret::new("a key that only tests use");
        let sign_in = SignIn { secret_key: Some(key), ..SignIn::default() };
        Self::with(config::Server { sign_in, ..config::Server::default() }).await
    }

    async fn with(settings: config::Server) -> Self {
        let database = TestDatabase::new().await;
        let server = api::serve(&settings, database.pool.clone()).await.unwrap();
        Self { database, server, client: http::client(None).unwrap(), settings }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server.url()))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// Publishes a run with these results.
    async fn publish(&self, run: &PublishedRun, results: &[PublishedResult]) {
        let mut conn = self.database.pool.acquire().await.unwrap();
        publications::upsert(&mut conn, run, results).await.unwrap();
    }

    /// Publishes runs that are all alike but for their ids, and made a minute after the other.
    async fn publish_all(&self, pod_ids: &[&str]) {
        for (minute, pod_id) in (0..).zip(pod_ids) {
            self.publish(&run(pod_id, minute), &[throughput()]).await;
        }
    }

    /// Signs somebody in. Returns their access token.
    async fn sign_in(&self, github_id: i64) -> String {
        let mut conn = self.database.pool.acquire().await.unwrap();
        let profile = Profile {
            github_id,
            username: format!("user-{github_id}"),
            email: String::new(),
            avatar_url: None,
        };
        let user = users::sign_in(&mut conn, &profile).await.unwrap();
        People::new(&self.settings.sign_in).open_client(&mut conn, &user, "test").await.unwrap()
    }
}

/// The `pod_id` of each, in order.
fn pods(answer: &Value) -> Vec<&str> {
    let results = answer["benchmark_results"].as_array().unwrap();
    results.iter().map(|result| result["pod_id"].as_str().unwrap()).collect()
}

/// What a refusal is: its status, and of a 422 each fault's place and type.
async fn refused(response: Response) -> (u16, Vec<(Value, String)>) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.unwrap();
    assert_eq!((&body["success"], &body["data"]["status_code"]), (&json!(false), &json!(status)));
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    let faults = body["data"]["errors"].as_array().cloned().unwrap_or_default();
    let fault = |fault: Value| (fault["loc"].clone(), fault["type"].as_str().unwrap().to_owned());
    (status, faults.into_iter().map(fault).collect())
}
