//! Signing in with GitHub, being signed in at the site, and what happens to accounts.

mod accounts;
mod session;
mod sign_in;

use dria_bench::{
    api::{self, Server},
    config,
    ledger::tokens::{self, Role},
};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::support::{database::TestDatabase, github::FakeGithub, people};

/// A server that people can sign in at.
struct App {
    database: TestDatabase,
    github: FakeGithub,
    server: Server,
    client: Client,
}

impl App {
    /// `ann` is an administrator, and so is number 7, whatever they are called.
    async fn new() -> Self {
        Self::with(|settings| settings.sign_in.admins = vec!["ann".to_owned(), "id:7".to_owned()]).await
    }

    async fn with(change: impl FnOnce(&mut config::Server)) -> Self {
        let github = FakeGithub::start().await;
        let database = TestDatabase::new().await;
        let mut settings = config::Server { sign_in: github.settings(), ..config::Server::default() };
        change(&mut settings);
        let server = api::serve(&settings, database.pool.clone()).await.unwrap();
        Self { database, github, server, client: people::client() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server.url()))
    }

    async fn get(&self, path: &str, token: &str) -> Response {
        self.request(Method::GET, path).bearer_auth(token).send().await.unwrap()
    }

    async fn json(&self, path: &str, token: &str) -> Value {
        let response = self.get(path, token).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// An access token of somebody who signed in as a client does.
    async fn signed_in(&self, github_id: i64, login: &str) -> String {
        people::signed_in(&self.server, &self.github, github_id, login).await
    }

    async fn api_token(&self, role: Role) -> String {
        tokens::create(&self.database.pool, &format!("the {role}"), role, None, "test").await.unwrap()
    }
}

/// Status and body of an answer.
async fn said(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}
