//! One action on many runs, over HTTP.

use dria_bench::ledger::tokens::Role;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{App, problem};

#[tokio::test]
async fn an_operator_acts_on_all_runs_of_a_filter_and_never_on_every_run() {
    let app = App::new().await;
    let (operator, viewer) = (app.token(Role::Operator).await, app.token(Role::Viewer).await);
    let run = app.bench.run;
    let post = async |token: &str, query: &str| -> Response {
        let request = app.request(Method::POST, &format!("/api/v1/runs/bulk{query}"));
        request.bearer_auth(token).send().await.unwrap()
    };
    assert_eq!(problem(post(&viewer, "?action=cancel&status=pending").await).await.0, 403);
    for (bad, part) in [
        ("?status=pending", "action"),
        ("?action=explode&status=pending", "action"),
        ("?action=cancel", "status"),
        ("?action=cancel&since=tomorrow", "since"),
        ("?action=cancel&status=pending&everything=1", "everything"),
    ] {
        let (status, _, parts) = problem(post(&operator, bad).await).await;
        assert_eq!((status, parts), (422, vec![part.to_owned()]), "{bad}");
    }
    let bulk = async |query: &str| -> Value { post(&operator, query).await.json().await.unwrap() };
    assert_eq!(
        bulk("?action=pause&gpu=none").await,
        json!({ "action": "pause", "dry_run": false, "done": [], "left": [] })
    );
    assert_eq!(bulk("?action=pause&status=pending").await["done"], json!([run]));
    let again = bulk("?action=pause&status=pending").await;
    assert_eq!((&again["done"], &again["left"][0]["run"]), (&json!([]), &json!(run)), "it was so already");
    assert_eq!(bulk("?action=cancel&since=2020-01-01").await["done"], json!([run]));
    let cancels = "select count(*) from audit_log where action = 'run.cancel' and request_id is not null";
    assert_eq!(app.bench.database.count(cancels).await, 1);
}

#[tokio::test]
async fn a_dry_run_says_what_each_action_would_change_and_changes_nothing() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let run = app.bench.run;
    let bulk = async |query: &str| -> Value {
        let request = app.request(Method::POST, &format!("/api/v1/runs/bulk?status=pending&{query}"));
        request.bearer_auth(&operator).send().await.unwrap().json().await.unwrap()
    };
    let rows = async || {
        let all =
            "select (select count(*) from run_events) * 1000000 + (select count(*) from audit_log) * 1000
                        + (select count(*) from apalis.jobs)
                        + (select count(*) from workflow_runs where paused or cancel_requested) * 1000000000";
        app.bench.database.count(all).await
    };
    let before = rows().await;
    for action in ["cancel", "pause"] {
        let would = bulk(&format!("action={action}&dry_run=true")).await;
        assert_eq!((&would["dry_run"], &would["done"]), (&json!(true), &json!([run])), "{action}");
    }
    assert_eq!(bulk("action=resume&dry_run=true").await["left"][0]["reason"], "it was as asked already");
    let retry = bulk("action=retry&dry_run=true").await;
    assert_eq!((&retry["done"], &retry["left"][0]["run"]), (&json!([]), &json!(run)), "it isn't over");
    assert_eq!(rows().await, before, "nothing is written, and nobody is told");
    assert_eq!(bulk("action=pause").await["done"], json!([run]), "what was foreseen is done");
    assert_eq!(bulk("action=resume&dry_run=true").await["done"], json!([run]));
}
