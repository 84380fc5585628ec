//! Starting runs: what is resolved, what a key does, who may what, and every field that is wrong.

use dria_bench::{
    domain::run::RunStatus,
    ledger::tokens::Role,
    store::{audit, runs},
};
use serde_json::{Value, json};

use super::{App, plain, problem};

#[tokio::test]
async fn a_request_by_names_of_the_catalog_becomes_a_run() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let mut body = plain();
    body["machine"]["gpu_id"] = json!("h200");
    body["priority"] = json!(7);
    body["max_usd"] = json!(12.5);
    let response = app.create(&operator, &body).await;
    assert_eq!(response.status(), 201);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = response.json().await.unwrap();
    let detail = app.json(&location).await;
    assert_eq!((&detail["run"], &detail["priority"]), (&created["run"], &json!(7)));
    assert_eq!(detail["status"], "pending");
    assert_eq!(detail["spec"]["machine"]["gpu_id"], "NVIDIA H200");
    assert_eq!(detail["spec"]["model"]["common_name"], "Llama 2 7B");
    assert_eq!(detail["spec"]["load"]["rates"], json!([1, 2]));
    assert_eq!(detail["spec"]["engine"]["parallel_slots"], 2);
    assert_eq!(detail["steps"][0]["name"], "provision");

    // What a run was asked to do can be sent back as it is.
    let mut again = detail["spec"].clone();
    again["load"]["seconds"] = json!(2.0);
    assert_eq!(app.create(&operator, &again).await.status(), 201);
}

#[tokio::test]
async fn a_key_starts_one_run_however_often_and_at_once_it_is_sent() {
    let app = App::new().await;
    let (operator, other) = (app.token(Role::Operator).await, app.token(Role::Operator).await);
    let send = async |token: &str, key: &str, body: &Value| {
        let request = app.request(reqwest::Method::POST, "/api/v1/runs").header("idempotency-key", key);
        request.bearer_auth(token).json(body).send().await.unwrap()
    };
    let body = plain();
    let all = futures::future::join_all((0..5).map(|_| send(&operator, "night-1", &body))).await;
    let mut statuses: Vec<u16> = all.iter().map(|response| response.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 201]);
    let mut runs = Vec::new();
    for response in all {
        runs.push(response.json::<Value>().await.unwrap()["run"].clone());
    }
    runs.dedup();
    assert_eq!(runs.len(), 1);
    let mut else_body = plain();
    else_body["load"]["seconds"] = json!(2);
    let (status, code, _) = problem(send(&operator, "night-1", &else_body).await).await;
    assert_eq!((status, code.as_str()), (409, "refused"));
    assert_eq!(
        send(&other, "night-1", &else_body).await.status(),
        201,
        "another client's key is another key"
    );
    for key in ["", "a b", &"k".repeat(201)] {
        assert_eq!(problem(send(&operator, key, &body).await).await.2, ["Idempotency-Key"], "{key:.9}");
    }
    assert_eq!(app.bench.database.count("select count(*) from workflow_runs").await, 3);
}

#[tokio::test]
async fn what_leads_onto_machines_needs_an_admin_and_metadata_is_never_asked() {
    let app = App::new().await;
    let (operator, admin) = (app.token(Role::Operator).await, app.token(Role::Admin).await);
    let url = json!({
        "engine": { "kind": "vllm" }, "model": { "id": "any" },
        "machine": { "provider": "endpoint", "url": "http://127.0.0.1:8000" },
    });
    let (mut arguments, mut path) = (plain(), plain());
    arguments["engine"]["extra_args"] = json!(["--trust-remote-code"]);
    path["model"]["path"] = json!("/etc/passwd");
    for body in [&url, &arguments, &path] {
        let (status, code, _) = problem(app.create(&operator, body).await).await;
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{body}");
        assert_eq!(app.create(&admin, body).await.status(), 201, "{body}");
    }
    let mut metadata = url.clone();
    metadata["machine"]["url"] = json!("http://169.254.169.254/latest/meta-data");
    assert_eq!(problem(app.create(&admin, &metadata).await).await.2, ["machine.url"]);

    // The run of the bench has a URL and arguments: doing it again needs an admin as well.
    let rerun = format!("/api/v1/runs/{}/rerun", app.bench.run);
    let post = |token: &str| app.request(reqwest::Method::POST, &rerun).bearer_auth(token).send();
    assert_eq!(problem(post(&operator).await.unwrap()).await.0, 403);
    assert_eq!(post(&admin).await.unwrap().status(), 200);
}

#[tokio::test]
async fn every_wrong_field_is_named_with_its_path_and_nothing_is_started() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let wrong = json!({
        "engine": { "kind": "vlm", "slots": 3, "context_tokens": 0 },
        "model": { "id": "../../etc" },
        "machine": { "gpu_id": "NVIDIA H200", "gpu_count": -1 },
        "load": { "seconds": 0, "rates": "1-9", "until": { "ci": 2.0, "max_seconds": 10 } },
        "priority": 10, "notes": "hello",
    });
    let (status, code, mut fields) = problem(app.create(&operator, &wrong).await).await;
    assert_eq!((status, code.as_str()), (422, "invalid_body"));
    fields.sort();
    assert_eq!(
        fields,
        [
            "engine.context_tokens",
            "engine.kind",
            "engine.slots",
            "load.rates",
            "load.seconds",
            "load.until",
            "machine.gpu_count",
            "machine.provider",
            "model.id",
            "notes",
            "priority",
        ]
    );
    let unknown = json!({
        "workflow": "nightly", "engine": { "kind": "vllm" }, "model": { "id": "llama9" },
        "machine": { "provider": "runpod", "gpu_id": "H9000", "url": "http://x", "host": "h" },
        "load": { "rates": [0] },
    });
    let mut fields = problem(app.create(&operator, &unknown).await).await.2;
    fields.sort();
    assert_eq!(fields, ["machine.gpu_id", "machine.host", "machine.url", "model.id", "workflow"]);
    for amount in [json!(0), json!(-1), json!(1e9), json!(1e28), json!(1e-7), json!("NaN"), json!(true)] {
        let mut body = plain();
        body["max_usd"] = amount;
        let (status, _, fields) = problem(app.create(&operator, &body).await).await;
        assert_eq!((status, fields), (422, vec!["max_usd".to_owned()]), "{}", body["max_usd"]);
    }
    assert_eq!(app.bench.database.count("select count(*) from workflow_runs").await, 1);
}

#[tokio::test]
async fn a_local_run_goes_to_the_host_whose_worker_lives() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let body = json!({
        "engine": { "kind": "truth" }, "model": { "id": "truth" },
        "machine": { "provider": "local", "gpu_id": "CPU Example 9000" },
    });
    let (status, code, _) = problem(app.create(&operator, &body).await).await;
    assert_eq!((status, code.as_str()), (409, "refused"), "nobody would take it");
    let worker = |host: &str| {
        format!(
            "insert into apalis.workers (id, worker_type, storage_name, layers, last_seen)
             values ('w-{host}', 'steps@{host}', 'test', '', now())"
        )
    };
    app.bench.database.execute(worker("one")).await;
    let created: Value = app.create(&operator, &body).await.json().await.unwrap();
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    let run = runs::get(&mut conn, created["run"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((run.queue.as_str(), run.status), ("steps@one", RunStatus::Pending));
    app.bench.database.execute(worker("two")).await;
    assert_eq!(app.create(&operator, &body).await.status(), 409, "which of the two?");
    let mut told = body.clone();
    told["machine"]["host"] = json!("two");
    assert_eq!(app.create(&operator, &told).await.status(), 201);
    told["machine"]["host"] = json!("three");
    assert_eq!(app.create(&operator, &told).await.status(), 409);
}

#[tokio::test]
async fn the_audit_log_names_the_token_and_the_request() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let request = app.request(reqwest::Method::POST, "/api/v1/runs").header("x-request-id", "job-7");
    let response = request.bearer_auth(&operator).json(&plain()).send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "job-7");
    let created: Value = response.json().await.unwrap();
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    let log = audit::of(&mut conn, created["run"].as_str().unwrap()).await.unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].action.as_str(), log[0].request_id.as_deref()), ("run.create", Some("job-7")));
    assert!(log[0].actor.starts_with("token:operator-"), "{}", log[0].actor);
}
