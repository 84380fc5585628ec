//! Administering queues over HTTP: who may look, who may change, pages, and refusals that say why.

use dria_bench::{
    api::{self, Server},
    config,
    domain::{ids::RunId, kinds::ProviderKind},
    http,
    ledger::tokens::{self, Role},
    queue::ApalisQueue,
    store::{audit, chores},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{database::TestDatabase, runs};

struct App {
    database: TestDatabase,
    server: Server,
    client: reqwest::Client,
    run: RunId,
    operator: String,
    admin: String,
}

impl App {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let spec = runs::truth_spec(&[1], ProviderKind::Endpoint, Some("http://127.0.0.1:9".to_owned()));
        let run = runs::start(&database, &ApalisQueue, &spec, &runs::quick_workflow(&[1]), "steps").await;
        let settings = config::Server { host: [127, 0, 0, 1].into(), port: 0, ..Default::default() };
        let server = api::serve(&settings, database.pool.clone()).await.unwrap();
        let operator = tokens::create(&database.pool, "ops", Role::Operator, None, "test").await.unwrap();
        let admin = tokens::create(&database.pool, "root", Role::Admin, None, "test").await.unwrap();
        Self { database, server, client: http::client(None).unwrap(), run, operator, admin }
    }

    async fn ask(&self, method: Method, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = self.client.request(method, format!("{}/api/v1/admin/{path}", self.server.url()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, Some(&self.operator)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn as_admin(&self, method: Method, path: &str) -> (StatusCode, Value) {
        self.ask(method, path, Some(&self.admin)).await
    }

    async fn job(&self) -> String {
        self.get("jobs?state=queued").await["jobs"][0]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn operators_look_admins_change_and_nobody_else_does_either() {
    let app = App::new().await;
    for path in ["queues", "jobs", "dead-letters", "workers", "reaper", "pods", "audit"] {
        assert_eq!(app.ask(Method::GET, path, None).await.0, StatusCode::UNAUTHORIZED, "{path}");
        app.get(path).await;
    }
    let job = app.job().await;
    for (method, path) in [
        (Method::POST, "queues/steps/pause".to_owned()),
        (Method::POST, "queues/steps/resume".to_owned()),
        (Method::POST, format!("jobs/{job}/retry")),
        (Method::POST, format!("jobs/{job}/cancel")),
        (Method::DELETE, format!("jobs/{job}?confirm=true")),
    ] {
        let (status, answer) = app.ask(method, &path, Some(&app.operator)).await;
        assert_eq!((status, &answer["code"]), (StatusCode::FORBIDDEN, &"forbidden".into()), "{path}");
    }
    assert_eq!(app.get("queues").await["queues"][0]["paused"], false, "and nothing was changed");
    app.server.stop().await;
}

#[tokio::test]
async fn a_queue_is_paused_and_resumed_by_an_admin_whose_name_is_kept() {
    let app = App::new().await;
    let (_, answer) = app.as_admin(Method::POST, "queues/steps/pause?reason=upgrade").await;
    assert_eq!(answer, json!({ "queue": "steps", "paused": true, "changed": true }));
    let queue = &app.get("queues").await["queues"][0];
    assert_eq!((&queue["paused_by"], &queue["reason"]), (&"token:root".into(), &"upgrade".into()));
    assert_eq!(queue["held"], 1);
    assert_eq!(app.as_admin(Method::POST, "queues/steps/pause").await.1["changed"], false);
    let (status, answer) = app.as_admin(Method::POST, "queues/stpes/pause").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(answer["detail"].as_str().unwrap().contains("there are steps"), "{answer}");
    assert_eq!(app.as_admin(Method::POST, "queues/steps/resume").await.1["changed"], true);
    let log = audit::of(&mut app.database.pool.acquire().await.unwrap(), "steps").await.unwrap();
    assert_eq!(log.iter().map(|entry| entry.role.as_deref()).collect::<Vec<_>>(), [Some("admin"); 2]);
    app.server.stop().await;
}

#[tokio::test]
async fn a_job_is_steered_by_the_rules_of_its_run() {
    let app = App::new().await;
    let job = app.job().await;
    assert_eq!(app.get(&format!("jobs/{job}")).await["wakes"]["run"], app.run.to_string());
    let (status, answer) = app.as_admin(Method::DELETE, &format!("jobs/{job}")).await;
    assert_eq!(
        (status, &answer["errors"][0]["parameter"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &"confirm".into())
    );
    let (status, answer) = app.as_admin(Method::DELETE, &format!("jobs/{job}?confirm=true")).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &"refused".into()));
    let (_, answer) = app.as_admin(Method::POST, &format!("jobs/{job}/retry")).await;
    assert_eq!(answer, json!({ "woken": { "run": app.run, "step": "provision" } }));
    let (status, _) = app.as_admin(Method::POST, &format!("jobs/{job}/cancel")).await;
    assert_eq!(status, StatusCode::CONFLICT, "another token wakes the step by now");
    let (status, _) = app.as_admin(Method::POST, "jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let current = app.job().await;
    let (_, answer) = app.as_admin(Method::POST, &format!("jobs/{current}/cancel")).await;
    assert_eq!((&answer["run"], &answer["changed"]), (&json!(app.run), &true.into()));
    app.server.stop().await;
}

#[tokio::test]
async fn lists_come_in_pages_and_parameters_that_make_no_sense_are_named() {
    let app = App::new().await;
    app.database
        .execute(
            "insert into apalis.jobs (id, job_type, job, status, run_at, max_attempts, attempts)
             select '01BX5ZZKBKACTAV9WEVG' || lpad(n::text, 6, '0'), 'steps', '{}'::bytea, 'Done', now(), 25, 1
             from generate_series(1, 5) n;
             insert into step_runs (run_id, step, name, status, job_key, finished_at)
             select run_id, n, 'concurrency:' || n, 'failed', 'k' || n, now() from step_runs, generate_series(20, 24) n",
        )
        .await;
    for (list, of) in [("jobs", "jobs?state=done"), ("dead_letters", "dead-letters?")] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = app.get(&format!("{of}&limit=2{cursor}")).await;
            seen.extend(page[list].as_array().unwrap().iter().map(ToString::to_string));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((all, seen.len()), (5, 5), "{list}");
    }
    let (status, answer) = app.ask(Method::GET, "jobs?state=lost&limit=0&page=2", Some(&app.operator)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let named: Vec<_> =
        answer["errors"].as_array().unwrap().iter().map(|bad| bad["parameter"].clone()).collect();
    assert_eq!(named, ["state", "limit", "page"]);
    let (status, _) = app.ask(Method::GET, "dead-letters?cursor=nonsense", Some(&app.operator)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    app.server.stop().await;
}

#[tokio::test]
async fn the_reapers_last_report_is_there_for_whoever_looks() {
    let app = App::new().await;
    assert_eq!(app.get("reaper").await["reaper"], Value::Null);
    let mut conn = app.database.pool.acquire().await.unwrap();
    for destroyed in [json!([]), json!(["dria-x"])] {
        let report = json!({ "destroyed": destroyed });
        chores::record(&mut conn, chores::REAPER, "host", report).await.unwrap();
    }
    let reaper = app.get("reaper").await;
    assert_eq!(reaper["reaper"]["report"]["destroyed"], json!(["dria-x"]), "the last one");
    app.server.stop().await;
}

#[tokio::test]
async fn a_token_is_told_once_works_at_once_and_not_after_it_was_revoked() {
    let app = App::new().await;
    assert_eq!(app.ask(Method::GET, "tokens", Some(&app.operator)).await.0, StatusCode::FORBIDDEN);
    let ask_for = async |body: Value| {
        let url = format!("{}/api/v1/admin/tokens", app.server.url());
        let answer = app.client.post(url).bearer_auth(&app.admin).json(&body).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let (status, made) = ask_for(json!({ "name": "night", "role": "operator", "expires_days": 30 })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let token = made["token"].as_str().unwrap().to_owned();
    assert_eq!(app.ask(Method::GET, "queues", Some(&token)).await.0, StatusCode::OK);
    let (_, list) = app.as_admin(Method::GET, "tokens").await;
    assert_eq!(list["tokens"][0]["name"], "night");
    assert!(!list.to_string().contains(&token), "only its digest is kept");

    assert_eq!(ask_for(json!({ "name": "night", "role": "viewer" })).await.0, StatusCode::CONFLICT);
    let (status, refused) =
        ask_for(json!({ "name": "a\nb", "role": "king", "expires_days": 0, "more": 1 })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused["errors"].as_array().unwrap().len(), 4, "{refused}");

    let (status, _) = app.as_admin(Method::POST, "tokens/night/revoke").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(app.ask(Method::GET, "queues", Some(&token)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(app.as_admin(Method::POST, "tokens/night/revoke").await.0, StatusCode::CONFLICT);

    let log = app.get("audit?target=night").await;
    let actions: Vec<_> =
        log["entries"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions, ["token.revoke", "token.create"], "the newest first");
    assert!(!log.to_string().contains(&token));
    let first = app.get("audit?limit=1&target=night").await;
    let second =
        app.get(&format!("audit?limit=1&target=night&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((&second["entries"][0]["action"], &second["next"]), (&"token.create".into(), &Value::Null));
    app.server.stop().await;
}

#[tokio::test]
async fn pods_are_listed_with_their_runs_and_those_that_are_gone_on_request() {
    let app = App::new().await;
    app.database
        .execute(&format!(
            "insert into pods (run_id, generation, provider, name, state, gone_at)
             values ('{0}', 1, 'local', 'dria-old', 'gone', now()), ('{0}', 2, 'local', 'dria-new', 'created', null)",
            app.run
        ))
        .await;
    let names = |list: &Value| -> Vec<Value> {
        list["pods"].as_array().unwrap().iter().map(|pod| pod["name"].clone()).collect()
    };
    let live = app.get("pods").await;
    assert_eq!((names(&live), &live["pods"][0]["run"]), (vec!["dria-new".into()], &json!(app.run)));
    let first = app.get("pods?all=true&limit=1").await;
    let rest = app.get(&format!("pods?all=true&limit=1&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((names(&first), names(&rest)), (vec!["dria-new".into()], vec!["dria-old".into()]));
    app.server.stop().await;
}
