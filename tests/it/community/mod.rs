//! Comments, votes and moderation as people meet them: the original paths, `/api/v1`, many at once, and a model that is
//! asked.

mod model;
mod moderation;
mod original;
mod v1;
mod voters;

use dria_bench::{
    api::{self, Extras, Server},
    config::{self, Secret, SignIn},
    http,
    ledger::tokens::{self, Role},
    people::People,
    store::users::{self, Profile},
};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;

/// A server over a database with three runs: `pod-a`, `pod-b`, `pod-c`.
struct App {
    database: TestDatabase,
    server: Server,
    client: reqwest::Client,
    settings: config::Server,
}

impl App {
    async fn new() -> Self {
        Self::with(Extras::default()).await
    }

    async fn with(extras: Extras) -> Self {
        let database = TestDatabase::new().await;
        database
            .execute(
                "insert into published_runs
                   (pod_id, imported_from, status, llm_id, llm_common_name, inference_name, gpu_id, server_type, created_at)
                 select 'pod-' || p, 'file:test', 'succeeded', 'llama2:7b', 'Llama2-7B', 'Ollama', 'NVIDIA H200', 'Runpod', now()
                 from unnest(array['a', 'b', 'c']) p",
            )
            .await;
        let key = Secret::new("a key that only tests use");
        let sign_in = SignIn { secret_key: Some(key), ..SignIn::default() };
        let many = 1_000_000.try_into().unwrap();
        let settings =
            config::Server { sign_in, writes_per_minute: many, reads_per_minute: many, ..Default::default() };
        let server = api::serve_with(&settings, database.pool.clone(), extras).await.unwrap();
        Self { database, server, client: http::client(None).unwrap(), settings }
    }

    /// Signs somebody in. Returns their access token.
    async fn sign_in(&self, github_id: i64) -> String {
        let mut conn = self.database.pool.acquire().await.unwrap();
        let profile = Profile {
            github_id,
            username: format!("user-{github_id}"),
            email: "private@example.com".to_owned(),
            avatar_url: None,
        };
        let user = users::sign_in(&mut conn, &profile).await.unwrap();
        People::new(&self.settings.sign_in).open_client(&mut conn, &user, "test").await.unwrap()
    }

    /// A token of the API with this role.
    async fn token(&self, role: Role) -> String {
        tokens::create(&self.database.pool, role.as_str(), role, None, "test").await.unwrap()
    }

    async fn send(&self, method: Method, path: &str, token: &str, body: Value) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.server.url()));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let response = self.send(method, path, token, body).await;
        let status = response.status();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str, token: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, token, Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, token, body).await
    }

    /// Comments by the original path. Returns its id.
    async fn comment(&self, token: &str, pod_id: &str, text: &str, parent: Option<&str>) -> String {
        let body = json!({ "comment": text, "pod_id": pod_id, "parent_id": parent });
        let (status, answer) = self.post("/post_comment", token, body).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"]["comment_id"].as_str().unwrap().to_owned()
    }

    /// As of which version something is to be published; 0: it isn't.
    async fn announced(&self, aggregate: &str, key: &str) -> i64 {
        sqlx::query_scalar(
            "select coalesce(max(version), 0) from outbox where aggregate = $1 and aggregate_id = $2",
        )
        .bind(aggregate)
        .bind(key)
        .fetch_one(&self.database.pool)
        .await
        .unwrap()
    }

    /// How many counts differ from what they count.
    async fn drifted(&self) -> i64 {
        self.database
            .count(
                "select (select count(*) from published_runs r where
                           upvotes <> (select count(*) from run_upvotes u where u.pod_id = r.pod_id)
                           or comment_count <> (select count(*) from comments c where c.pod_id = r.pod_id
                                                and c.parent_id is null and c.hidden_at is null))
                      + (select count(*) from comments c where
                           likes <> (select count(*) from comment_likes l where l.comment_id = c.id)
                           or reply_count <> (select count(*) from comments r where r.parent_id = c.id and r.hidden_at is null))",
            )
            .await
    }
}

/// The ids of comments, in their order.
fn ids(comments: &Value, id: &str) -> Vec<String> {
    comments.as_array().unwrap().iter().map(|comment| comment[id].as_str().unwrap().to_owned()).collect()
}
