//! Schedules over HTTP: what everybody sees of them, and who turns them on, off, or runs one now.

use dria_bench::{
    definitions::Definitions,
    jobs::chores,
    ledger::{schedules, tokens::Role},
    store::audit,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{App, problem};

/// A server that knows the shipped schedules.
async fn app() -> App {
    let app = App::new().await;
    schedules::sync(&app.bench.database.pool, &Definitions::default(), &chores::names()).await.unwrap();
    app
}

async fn post(app: &App, token: &str, what: &str) -> Response {
    let request = app.request(Method::POST, &format!("/api/v1/schedules/{what}"));
    request.bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn a_schedule_is_turned_on_and_off_by_an_operator_and_shows_when_it_fires() {
    let app = app().await;
    let (operator, viewer) = (app.token(Role::Operator).await, app.token(Role::Viewer).await);
    let list = app.json("/api/v1/schedules").await;
    let known: Vec<_> = list["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    assert_eq!(known, [("nightly", "off"), ("prices", "on"), ("retention", "on")]);
    for what in ["enable", "disable", "run"] {
        assert_eq!(problem(post(&app, &viewer, &format!("nightly/{what}")).await).await.0, 403, "{what}");
        let (status, code, _) = problem(post(&app, &operator, &format!("nightyl/{what}")).await).await;
        assert_eq!((status, code.as_str()), (404, "schedule_not_found"), "{what}");
    }
    assert_eq!(app.json("/api/v1/schedules/nightly").await["next"], json!([]), "it was left as it was");

    let on: Value = post(&app, &operator, "nightly/enable").await.json().await.unwrap();
    assert_eq!((&on["state"], on["next"].as_array().unwrap().len()), (&"on".into(), 5));
    assert!(on["next"][0].as_str().unwrap().contains("T02:30:00"), "{on}");
    let public = app.json("/api/v1/schedules/nightly").await;
    assert_eq!((&public["state"], &public["override_by"]), (&"on".into(), &"token".into()));
    let off: Value = post(&app, &operator, "nightly/disable").await.json().await.unwrap();
    assert_eq!((&off["state"], &off["next"]), (&"off".into(), &json!([])));
    let log = audit::of(&mut app.bench.database.pool.acquire().await.unwrap(), "nightly").await.unwrap();
    let actions: Vec<_> = log.iter().map(|entry| (entry.action.as_str(), entry.role.as_deref())).collect();
    assert_eq!(actions, [("schedule.enable", Some("operator")), ("schedule.disable", Some("operator"))]);
}

#[tokio::test]
async fn one_that_is_run_now_waits_for_a_scheduler_and_one_that_cannot_be_read_is_refused() {
    let app = app().await;
    let operator = app.token(Role::Operator).await;
    let queued: Value = post(&app, &operator, "nightly/run").await.json().await.unwrap();
    let shown = app.json("/api/v1/schedules/nightly").await;
    let tick = &shown["ticks"][0];
    assert_eq!((&tick["tick"], &tick["outcome"]), (&queued["tick"], &"queued".into()));
    assert_eq!((&tick["manual"], &tick["actor"]), (&true.into(), &"token".into()));
    app.bench
        .database
        .execute(
            "insert into schedules (name, error) values ('broken', '/etc/dria/broken.toml:1:1: no name')",
        )
        .await;
    for what in ["enable", "run"] {
        let (status, code, _) = problem(post(&app, &operator, &format!("broken/{what}")).await).await;
        assert_eq!((status, code.as_str()), (409, "refused"), "{what}");
    }
    assert_eq!(app.json("/api/v1/schedules/broken").await["state"], "broken");
    for junk in ["%ff", "%00", "..%2fbroken"] {
        assert_eq!(problem(app.get(&format!("/api/v1/schedules/{junk}")).await).await.0, 404, "{junk}");
    }
}

#[tokio::test]
async fn without_a_token_a_schedule_tells_of_no_machine() {
    let app = app().await;
    let viewer = app.token(Role::Viewer).await;
    app.bench
        .database
        .execute(
            "update schedules set error = '/etc/dria/nightly.toml:1:1: no name',
                    definition = jsonb_set(definition, '{action,matrix,url}', '\"http://10.0.0.7:8000\"')
             where name = 'nightly';
             insert into schedule_ticks (schedule, tick, start_at, actor, outcome, manual, reason, report, finished_at)
             values ('nightly', now(), now(), 'cli:ada', 'failed', true, 'no answer from http://10.0.0.7:8000',
                     '{\"host\": \"tower\"}', now())",
        )
        .await;
    for path in ["/api/v1/schedules", "/api/v1/schedules/nightly"] {
        let public = app.get(path).await.text().await.unwrap();
        let whole = app.request(Method::GET, path).bearer_auth(&viewer).send().await.unwrap();
        let whole = whole.text().await.unwrap();
        for secret in ["10.0.0.7", "/etc/dria", "cli:ada", "tower"] {
            assert!(!public.contains(secret), "{path} tells {secret}");
            assert!(whole.contains(secret), "a viewer doesn't see {secret} in {path}");
        }
        assert!(public.contains("no answer from …"), "{public}");
    }
}
