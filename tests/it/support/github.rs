//! A GitHub of the tests' own, as much of it as signing in needs: a real server that keeps what it is asked, checks PKCE and
//! the app's secret, and can be told to fail in the ways that the real one does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use dria_bench::config::{Secret, SignIn};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

/// The OAuth app that it knows.
pub(crate) const CLIENT_ID: &str = "Iv1.test";
const CLIENT_SECRET: &str = "the-secret-of-the-app";

/// What sessions of the tests are signed with.
pub(crate) const SECRET_KEY: &str = "a key that only the tests know";

/// Somebody who has an account there.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) login: String,
    /// Shown to everybody there; `None`: kept to themselves.
    pub(crate) public_email: Option<String>,
    /// The primary, verified one.
    pub(crate) email: Option<String>,
}

impl Account {
    pub(crate) fn new(id: i64, login: &str) -> Self {
        let email = Some(format!("{login}@mail.example"));
        Self { id, login: login.to_owned(), public_email: None, email }
    }
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 502 and a page, as its front does.
    Page,
    /// 200 and a page.
    PageThatIsFine,
    /// 200 and a body that is cut.
    Cut,
    /// 200 and `incorrect_client_credentials`.
    Ours,
    /// No answer.
    Silent,
    /// `/user` refuses the token.
    Forgotten,
    /// An answer that doesn't end.
    Endless,
}

#[derive(Debug, Default)]
struct Inner {
    /// Whose a code is, and the challenge it was asked for with; good once.
    codes: HashMap<String, (Account, String, String)>,
    /// Whose a token is.
    tokens: HashMap<String, Account>,
    fault: Option<Fault>,
    number: u64,
}

/// The server.
#[derive(Debug, Clone)]
pub(crate) struct FakeGithub {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
}

impl FakeGithub {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { url, inner: Arc::default() };
        let routes = Router::new()
            .route("/login/oauth/access_token", post(access_token))
            .route("/api/user", get(user))
            .route("/api/user/emails", get(emails))
            .with_state(fake.clone());
        tokio::spawn(axum::serve(listener, routes).into_future());
        fake
    }

    /// Settings that lead here.
    pub(crate) fn settings(&self) -> SignIn {
        let url = |path: &str| Some(format!("{}{path}", self.url).parse().unwrap());
        SignIn {
            github_client_id: Some(CLIENT_ID.to_owned()),
            github_client_secret: Some(Secret::new(CLIENT_SECRET)),
            github_url: url(""),
            github_api_url: url("/api"),
            secret_key: Some(Secret::new(SECRET_KEY)),
            ..SignIn::default()
        }
    }

    /// What a person does at the address that the server gave them: they allow it. Returns GitHub's code and the state.
    pub(crate) fn allow(&self, auth_url: &str, account: &Account) -> (String, String) {
        let url = reqwest::Url::parse(auth_url).unwrap();
        assert!(auth_url.starts_with(&format!("{}/login/oauth/authorize?", self.url)), "{auth_url}");
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(
            (asked["client_id"].as_str(), asked["code_challenge_method"].as_str()),
            (CLIENT_ID, "S256")
        );
        assert!(asked["state"].len() >= 32 && asked["code_challenge"].len() == 43, "{asked:?}");
        let mut inner = self.inner.lock().unwrap();
        inner.number += 1;
        let code = format!("code-{}", inner.number);
        let known = (account.clone(), asked["code_challenge"].clone(), asked["redirect_uri"].clone());
        inner.codes.insert(code.clone(), known);
        (code, asked["state"].clone())
    }

    /// From now on it fails in this way, or (`None`) works.
    pub(crate) fn fails(&self, fault: impl Into<Option<Fault>>) {
        self.inner.lock().unwrap().fault = fault.into();
    }

    /// Every token that it gave.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.inner.lock().unwrap().tokens.keys().cloned().collect()
    }

    fn fault(&self) -> Option<Fault> {
        self.inner.lock().unwrap().fault
    }

    fn account(&self, headers: &HeaderMap) -> Option<Account> {
        assert!(headers.contains_key(header::USER_AGENT), "GitHub refuses those who don't say who they are");
        let token = headers.get(header::AUTHORIZATION)?.to_str().unwrap().strip_prefix("Bearer ")?;
        if self.fault() == Some(Fault::Forgotten) {
            return None;
        }
        self.inner.lock().unwrap().tokens.get(token).cloned()
    }
}

async fn access_token(State(fake): State<FakeGithub>, headers: HeaderMap, body: Bytes) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    match fake.fault() {
        Some(Fault::Page) => return (StatusCode::BAD_GATEWAY, Html("<h1>Unicorn!</h1>")).into_response(),
        Some(Fault::PageThatIsFine) => return Html("<h1>Unicorn!</h1>").into_response(),
        Some(Fault::Cut) => return "{\"access_token\": \"gho_".into_response(),
        Some(Fault::Silent) => tokio::time::sleep(Duration::from_hours(1)).await,
        Some(Fault::Endless) => {
            let chunks = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]));
            return axum::body::Body::from_stream(chunks).into_response();
        }
        _ => {}
    }
    assert_eq!(headers[header::ACCEPT], "application/json", "else it answers a form");
    let refuse = |error: &str| {
        Json(json!({ "error": error, "error_description": "…", "error_uri": "https://docs.example" }))
            .into_response()
    };
    if fake.fault() == Some(Fault::Ours)
        || form["client_id"] != CLIENT_ID
        || form["client_secret"] != CLIENT_SECRET
    {
        return refuse("incorrect_client_credentials");
    }
    let mut inner = fake.inner.lock().unwrap();
    let Some((account, challenge, redirect_uri)) = inner.codes.remove(&form["code"]) else {
        return refuse("bad_verification_code");
    };
    if BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])) != challenge {
        return refuse("bad_verification_code");
    }
    if form["redirect_uri"] != redirect_uri {
        return refuse("redirect_uri_mismatch");
    }
    inner.number += 1;
    let token = format!("gho_{}", inner.number);
    inner.tokens.insert(token.clone(), account);
    Json(json!({ "access_token": token, "token_type": "bearer", "scope": "read:user,user:email" }))
        .into_response()
}

fn unknown() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "message": "Bad credentials" }))).into_response()
}

async fn user(State(fake): State<FakeGithub>, headers: HeaderMap) -> Response {
    let Some(account) = fake.account(&headers) else { return unknown() };
    let avatar = format!("https://avatars.example/u/{}?v=4", account.id);
    let name: Value = json!("Somebody's Name");
    Json(json!({
        "id": account.id, "login": account.login, "name": name, "email": account.public_email, "avatar_url": avatar,
        "type": "User", "site_admin": false,
    }))
    .into_response()
}

async fn emails(State(fake): State<FakeGithub>, headers: HeaderMap) -> Response {
    let Some(account) = fake.account(&headers) else { return unknown() };
    let other =
        json!({ "email": "old@mail.example", "primary": false, "verified": true, "visibility": null });
    let primary = account
        .email
        .map(|email| json!({ "email": email, "primary": true, "verified": true, "visibility": "private" }));
    Json([Some(other), primary].into_iter().flatten().collect::<Value>()).into_response()
}
