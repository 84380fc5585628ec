//! Steering runs over HTTP: who may, what happens, and what is refused.

use dria_bench::{
    api::{self, Server},
    config,
    domain::run::RunStatus,
    http,
    ledger::tokens::{self, Role},
    store::audit,
};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::support::drain::Bench;

struct App {
    bench: Bench,
    server: Server,
    client: reqwest::Client,
}

impl App {
    async fn new() -> Self {
        let bench = Bench::new(&[1], |_| {}).await;
        let settings = config::Server { host: [127, 0, 0, 1].into(), port: 0, ..config::Server::default() };
        let server = api::serve(&settings, bench.database.pool.clone()).await.unwrap();
        Self { bench, server, client: http::client(None).unwrap() }
    }

    async fn token(&self, role: Role) -> String {
        tokens::create(&self.bench.database.pool, role.as_str(), role, None, "test").await.unwrap()
    }

    async fn post(&self, action: &str, token: Option<&str>) -> Response {
        let url = format!("{}/api/v1/runs/{}/{action}", self.server.url(), self.bench.run);
        let request = self.client.post(url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn nobody_steers_without_a_token_that_allows_it() {
    let app = App::new().await;
    let viewer = app.token(Role::Viewer).await;
    let operator = app.token(Role::Operator).await;
    for action in ["cancel", "pause", "resume", "retry", "rerun", "priority?priority=1"] {
        for token in [None, Some("drb_nonsense")] {
            let response = app.post(action, token).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{action}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
        assert_eq!(app.post(action, Some(&viewer)).await.status(), StatusCode::FORBIDDEN, "{action}");
    }
    tokens::revoke(&app.bench.database.pool, "operator", "test").await.unwrap();
    assert_eq!(app.post("cancel", Some(&operator)).await.status(), StatusCode::UNAUTHORIZED);
    let run = app.bench.run().await;
    assert!(!run.cancel_requested && !run.paused && run.priority != 1);
    let url = format!("{}/api/v1/runs/{}", app.server.url(), run.id);
    assert_eq!(app.client.get(url).send().await.unwrap().status(), StatusCode::OK, "reads stay public");
}

#[tokio::test]
async fn an_operator_steers_a_run_and_is_told_what_its_state_does_not_allow() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let post = async |action: &str| {
        let response = app.post(action, Some(&operator)).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(post("priority?priority=7").await.1["changed"], true);
    assert_eq!(post("priority?priority=10").await.0, 422);
    assert_eq!(post("priority").await.0, 422);
    assert_eq!(post("pause").await.1["changed"], true);
    assert_eq!(post("pause").await.1["changed"], false);
    assert_eq!(post("resume").await.1["changed"], true);
    let (status, problem) = post("retry").await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("refused")));
    assert!(problem["detail"].as_str().unwrap().contains("is not over yet"));
    assert_eq!(post("retry?from=nowhere").await.0, 422);
    // Two operators at once: one ends it, and both are told that it ends.
    let both = tokio::join!(post("cancel"), post("cancel"));
    let mut changed = [both.0.1["changed"].clone(), both.1.1["changed"].clone()];
    changed.sort_by_key(|changed| changed == true);
    assert_eq!(changed, [Value::Bool(false), Value::Bool(true)]);
    assert_eq!(post("pause").await.0, 409);
    // The run asks a URL, with arguments: doing that again needs an admin.
    let (status, problem) = post("rerun").await;
    assert_eq!((status, problem["code"].as_str()), (403, Some("forbidden")));
    assert!(problem["detail"].as_str().unwrap().contains("`machine.url`, `engine.extra_args` need"));
    let again = app.post("rerun", Some(&app.token(Role::Admin).await)).await;
    assert_eq!(again.status(), StatusCode::OK);
    let again: Value = again.json().await.unwrap();
    assert_eq!(again["rerun_of"].as_str(), Some(app.bench.run.to_string().as_str()));
    assert_eq!(app.bench.run().await.status, RunStatus::Pending);

    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    let log = audit::of(&mut conn, &app.bench.run.to_string()).await.unwrap();
    let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["run.create", "run.priority", "run.pause", "run.resume", "run.cancel", "run.rerun"]);
    for entry in &log[1..6] {
        let role = if entry.action == "run.rerun" { "admin" } else { "operator" };
        assert_eq!((entry.actor.as_str(), entry.role.as_deref()), (&*format!("token:{role}"), Some(role)));
        assert!(entry.request_id.is_some());
    }
}

#[tokio::test]
async fn a_run_that_is_not_there_is_a_404() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let url = format!("{}/api/v1/runs/01949c00-0000-7000-8000-000000000000/cancel", app.server.url());
    let response = app.client.post(url).bearer_auth(operator).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn beyond_this_machine_nothing_is_served_before_there_is_an_admin() {
    let bench = Bench::new(&[1], |_| {}).await;
    let pool = &bench.database.pool;
    let everywhere = config::Server { host: [0, 0, 0, 0].into(), port: 0, ..config::Server::default() };
    let refused = api::serve(&everywhere, pool.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("admin"), "{refused}");
    tokens::create(pool, "root", Role::Admin, None, "test").await.unwrap();
    api::serve(&everywhere, pool.clone()).await.unwrap().stop().await;
}
