//! People who are signed in, by the way that people sign in: through GitHub, the fake one.

use dria_bench::{api::Server, http};
use reqwest::{Client, Response};
use serde_json::Value;

use super::github::{Account, FakeGithub};

/// A client that follows no redirect and keeps no cookie.
pub(crate) fn client() -> Client {
    http::direct(None).unwrap()
}

/// Signs somebody in, as a client does, at a server whose settings lead to this GitHub. Returns their access token.
pub(crate) async fn signed_in(server: &Server, github: &FakeGithub, github_id: i64, login: &str) -> String {
    sign_in(server, github, &Account::new(github_id, login)).await
}

/// The same with an account that the test made.
pub(crate) async fn sign_in(server: &Server, github: &FakeGithub, account: &Account) -> String {
    let (code, state) = allow(server, github, account).await;
    let back = come_back(server, &format!("code={code}&state={state}")).await;
    assert_eq!(back.status(), 302);
    let location = back.headers()["location"].to_str().unwrap().to_owned();
    let (page, token) = location.split_once("?token=").unwrap();
    assert_eq!(page, format!("{}/inference-benchmark", server.url()));
    token.to_owned()
}

/// Begins a sign-in, as a client does, which this account allows at GitHub. Returns the code and the state to come back with.
pub(crate) async fn allow(server: &Server, github: &FakeGithub, account: &Account) -> (String, String) {
    let login = client().get(format!("{}/auth/github/login", server.url())).send().await.unwrap();
    let login: Value = login.json().await.unwrap();
    github.allow(login["auth_url"].as_str().unwrap(), account)
}

/// What the server says to somebody who comes back from GitHub with this.
pub(crate) async fn come_back(server: &Server, query: &str) -> Response {
    client().get(format!("{}/auth/github/callback?{query}", server.url())).send().await.unwrap()
}
