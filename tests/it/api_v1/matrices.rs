//! Matrices over HTTP: starting one, by names or by a schedule, what is refused, resuming, cancelling, who sees what.

use dria_bench::{
    definitions::Definitions,
    jobs::chores,
    ledger::{schedules, tokens::Role},
    store::audit,
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{App, problem};

/// Two cells on rented machines.
fn two() -> Value {
    json!({
        "provider": "runpod", "models": ["llama 3.1 8b"], "engines": ["vllm", "sglang"], "gpus": ["h200"],
        "budget_usd": "40.00",
    })
}

async fn post(app: &App, token: &str, path: &str, body: &Value) -> Response {
    let request = app.request(Method::POST, &format!("/api/v1/matrices{path}"));
    request.bearer_auth(token).json(body).send().await.unwrap()
}

/// Starts a matrix; returns its path.
async fn start(app: &App, token: &str, body: &Value) -> String {
    let response = post(app, token, "", body).await;
    assert_eq!(response.status(), 201, "{body}");
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: Value = response.json().await.unwrap();
    assert!(location.ends_with(created["matrix"].as_str().unwrap()), "{location}");
    location
}

#[tokio::test]
async fn a_matrix_by_names_of_the_catalog_is_made_listed_and_cancelled() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let location = start(&app, &operator, &two()).await;
    let report = app.json(&location).await;
    assert_eq!((&report["state"], &report["budget_usd"]), (&"planned".into(), &"40.000000".into()));
    let cells = report["list"].as_array().unwrap();
    let engines: Vec<_> = cells.iter().map(|cell| cell["engine"].as_str().unwrap()).collect();
    assert_eq!(engines, ["vllm", "sglang"]);
    assert!(cells.iter().all(|cell| cell["gpu"] == "NVIDIA H200" && cell["model"] == "Llama 3.1 8B"));

    assert_eq!(report["created_by"], "token", "a token's name is for those with one");
    let id = report["matrix"].as_str().unwrap();
    let seen = app.request(Method::GET, &location).bearer_auth(&operator).send().await.unwrap();
    let name = seen.json::<Value>().await.unwrap()["created_by"].as_str().unwrap().to_owned();
    assert!(name.starts_with("token:operator-"), "{name}");
    let log = audit::of(&mut app.bench.database.pool.acquire().await.unwrap(), id).await.unwrap();
    assert_eq!((log[0].action.as_str(), &log[0].actor), ("matrix.create", &name));

    let later = start(&app, &operator, &two()).await;
    let list = app.json("/api/v1/matrices?limit=1").await;
    assert!(later.ends_with(list["matrices"][0]["matrix"].as_str().unwrap()), "the newest first");
    assert_eq!(list["matrices"].as_array().unwrap().len(), 1);
    assert_eq!(app.json("/api/v1/matrices?schedule=nightly").await["matrices"], json!([]));

    let cancel = format!("/{id}/cancel");
    for changed in [true, false] {
        let answer: Value = post(&app, &operator, &cancel, &json!({})).await.json().await.unwrap();
        assert_eq!(answer, json!({ "matrix": id, "cancel_requested": true, "changed": changed }));
    }
    assert_eq!(app.json(&location).await["cells"]["cancelled"], 2);
}

#[tokio::test]
async fn all_matrices_come_page_by_page_newest_first() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(start(&app, &operator, &two()).await);
    }
    // Two of the same moment: the id decides.
    app.bench.database.execute("update matrices set created_at = date_trunc('minute', created_at)").await;
    let (mut seen, mut path) = (Vec::new(), "/api/v1/matrices?limit=2".to_owned());
    let pages = loop {
        let page = app.json(&path).await;
        let ids = page["matrices"].as_array().unwrap().iter();
        seen.extend(ids.map(|matrix| format!("/api/v1/matrices/{}", matrix["matrix"].as_str().unwrap())));
        let Some(next) = page["next"].as_str() else { break seen.len().div_ceil(2) };
        path = format!("/api/v1/matrices?limit=2&cursor={next}");
    };
    made.reverse();
    assert_eq!((pages, seen), (3, made));
    assert_eq!(problem(app.get("/api/v1/matrices?cursor=x").await).await.2, ["cursor"]);
}

#[tokio::test]
async fn a_request_with_a_key_makes_one_matrix_however_often_it_arrives() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let send = async |path: &str, key: &str, body: &Value| {
        let request = app.request(Method::POST, path).bearer_auth(&operator).header("idempotency-key", key);
        request.json(body).send().await.unwrap()
    };
    let body = two();
    let all = futures::future::join_all((0..4).map(|_| send("/api/v1/matrices", "night-1", &body))).await;
    let mut statuses: Vec<u16> = all.iter().map(|response| response.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 201]);
    let again: Value = send("/api/v1/matrices", "night-1", &body).await.json().await.unwrap();
    assert_eq!(again["replayed"], true);
    assert_eq!(app.bench.database.count("select count(*) from matrices").await, 1);
    let mut other = two();
    other["max_parallel"] = json!(2);
    let (status, code, _) = problem(send("/api/v1/matrices", "night-1", &other).await).await;
    assert_eq!((status, code.as_str()), (409, "refused"));
    // A run doesn't get a matrix' key.
    let (status, ..) = problem(send("/api/v1/runs", "night-1", &super::plain()).await).await;
    assert_eq!(status, 409);
    // A matrix that could not be made keeps no key.
    let mut bad = two();
    bad["max_cells"] = json!(1);
    assert_eq!(send("/api/v1/matrices", "night-2", &bad).await.status(), 422);
    assert_eq!(send("/api/v1/matrices", "night-2", &body).await.status(), 201);
}

#[tokio::test]
async fn the_load_of_a_matrix_is_that_of_each_of_its_runs() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    schedules::sync(&app.bench.database.pool, &Definitions::default(), &chores::names()).await.unwrap();
    let load = json!({ "rates": [8, 1, 8], "seconds": 5, "prompt_tokens": 64, "seed": 7 });
    let mut body = two();
    body["load"] = load.clone();
    start(&app, &operator, &body).await;
    start(&app, &operator, &json!({ "schedule": "nightly", "load": load })).await;
    let others = "select count(*) from matrix_cells c join matrices m on m.id = c.matrix_id
         where c.spec #> '{load,rates}' <> '[1, 8]' or (c.spec #>> '{load,seconds}')::float8 <> 5
            or (c.spec #>> '{load,prompt_tokens}')::int <> 64 or (c.spec #>> '{load,output_tokens}')::int <> 200
            or (c.spec #>> '{load,seed}')::int <> 7 or m.workflow::text not like '%concurrency:8%'
            or m.workflow::text like '%concurrency:2%'";
    assert_eq!(app.bench.database.count("select count(*) from matrix_cells").await, 14);
    assert_eq!(app.bench.database.count(others).await, 0);
    body["load"] = json!({ "rates": [0], "seconds": -1, "tokens": 3 });
    let mut fields = problem(post(&app, &operator, "", &body).await).await.2;
    fields.sort();
    assert_eq!(fields, ["load.seconds", "load.tokens"]);
    body["load"] = json!({ "rates": [0] });
    assert_eq!(problem(post(&app, &operator, "", &body).await).await.2, ["load.rates"]);
}

#[tokio::test]
async fn a_matrix_that_is_over_is_resumed_under_a_new_budget() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let location = start(&app, &operator, &two()).await;
    let path = location.trim_start_matches("/api/v1/matrices");
    let resume = |query: &str| format!("{path}/resume{query}");
    let (status, code, _) = problem(post(&app, &operator, &resume(""), &json!({})).await).await;
    assert_eq!((status, code.as_str()), (409, "refused"), "it goes on by itself");
    post(&app, &operator, &format!("{path}/cancel"), &json!({})).await;
    app.bench
        .database
        .execute("update matrices set state = 'cancelled', finished_at = now(), spent_usd = 40")
        .await;
    assert_eq!(post(&app, &operator, &resume(""), &json!({})).await.status(), 409, "its budget is spent");
    for bad in ["0", "-1", "much", "1e3", "99999999999"] {
        let refused = post(&app, &operator, &resume(&format!("?budget={bad}")), &json!({})).await;
        assert_eq!(problem(refused).await.2, ["budget"], "{bad}");
    }
    let resumed: Value =
        post(&app, &operator, &resume("?budget=60.50"), &json!({})).await.json().await.unwrap();
    assert_eq!(resumed["cells"], 2);
    let report = app.json(&location).await;
    assert_eq!((&report["state"], &report["budget_usd"]), (&"running".into(), &"60.500000".into()));
}

#[tokio::test]
async fn every_wrong_field_of_a_matrix_is_named_with_its_path_and_nothing_is_made() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let wrong = json!({
        "provider": "runpod", "models": ["Qwen 3 14B", "qwen3:14b", "llama9"], "engines": ["truth"],
        "gpus": ["cpu"], "gpu_count": 0, "url": "http://x", "workflow": 7, "budget": 3,
        "include": [{ "model": "Qwen 3 14B", "engine": "vlm", "gpus": "H200" }],
        "exclude": [{ "gpu": "H9000" }, {}], "priorities": [{ "engine": "vllm", "weight": 2 }],
        "max_parallel": 101, "max_cells": 0, "same_machine": "yes",
    });
    let (status, code, mut fields) = problem(post(&app, &operator, "", &wrong).await).await;
    assert_eq!((status, code.as_str()), (422, "invalid_body"));
    fields.sort();
    assert_eq!(
        fields,
        [
            "budget",
            "budget_usd",
            "engines",
            "exclude.0.gpu",
            "exclude.1.model",
            "gpu_count",
            "gpus",
            "include.0.engine",
            "include.0.gpu",
            "include.0.gpus",
            "max_cells",
            "max_parallel",
            "models",
            "models",
            "priorities.0.priority",
            "priorities.0.weight",
            "same_machine",
            "url",
            "workflow",
        ]
    );
    let mut fields = problem(post(&app, &operator, "", &json!({})).await).await.2;
    fields.sort();
    assert_eq!(fields, ["budget_usd", "engines", "gpus", "models", "provider"]);

    // Each field is right, and together they make no matrix.
    let mut many = two();
    many["max_cells"] = json!(1);
    let mut without_id = two();
    without_id["engines"] = json!(["llamacpp"]);
    for body in [many, without_id] {
        let (status, code, _) = problem(post(&app, &operator, "", &body).await).await;
        assert_eq!((status, code.as_str()), (422, "invalid_matrix"), "{body}");
    }
    let local = json!({
        "provider": "local", "models": ["Qwen 3 8B"], "engines": ["truth"], "gpus": ["cpu"], "budget_usd": 1,
    });
    let (status, code, _) = problem(post(&app, &operator, "", &local).await).await;
    assert_eq!((status, code.as_str()), (409, "refused"), "only that machine knows what it has");
    let mut parallel = local.clone();
    parallel["max_parallel"] = json!(2);
    assert_eq!(problem(post(&app, &operator, "", &parallel).await).await.2, ["max_parallel"]);
    assert_eq!(app.bench.database.count("select count(*) from matrices").await, 0);
}

#[tokio::test]
async fn a_url_of_a_matrix_needs_an_admin_and_metadata_is_never_asked() {
    let app = App::new().await;
    let (operator, admin) = (app.token(Role::Operator).await, app.token(Role::Admin).await);
    let mut body = json!({
        "provider": "endpoint", "url": "http://127.0.0.1:8000", "models": ["Qwen 3 8B"], "engines": ["vllm"],
        "gpus": ["cpu"], "budget_usd": 1,
    });
    let (status, code, _) = problem(post(&app, &operator, "", &body).await).await;
    assert_eq!((status, code.as_str()), (403, "forbidden"));
    start(&app, &admin, &body).await;
    body["url"] = json!("http://169.254.169.254/latest");
    assert_eq!(problem(post(&app, &admin, "", &body).await).await.2, ["url"]);
    assert_eq!(app.bench.database.count("select count(*) from matrices").await, 1);
}

#[tokio::test]
async fn the_matrix_of_a_schedule_is_started_by_its_name() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    schedules::sync(&app.bench.database.pool, &Definitions::default(), &chores::names()).await.unwrap();
    let location = start(&app, &operator, &json!({ "schedule": "nightly" })).await;
    let report = app.json(&location).await;
    assert_eq!((&report["schedule"], &report["tick"]), (&"nightly".into(), &Value::Null));
    assert_eq!(report["cells"]["planned"], 12);
    let list = app.json("/api/v1/matrices?schedule=nightly").await;
    assert_eq!(list["matrices"].as_array().unwrap().len(), 1);
    for (body, field) in [
        (json!({ "schedule": "nightyl" }), "schedule"),
        (json!({ "schedule": "retention" }), "schedule"),
        (json!({ "schedule": "nightly", "models": [] }), "models"),
    ] {
        assert_eq!(problem(post(&app, &operator, "", &body).await).await.2, [field], "{body}");
    }
    // Where a schedule's file leads is its writer's to say, but nothing leads to a metadata service.
    app.bench
        .database
        .execute(
            "update schedules set definition = jsonb_set(jsonb_set(definition, '{action,matrix,url}', '\"http://169.254.169.254\"'),
                                                         '{action,matrix,provider}', '\"endpoint\"')
             where name = 'nightly'",
        )
        .await;
    let refused = post(&app, &operator, "", &json!({ "schedule": "nightly" })).await;
    assert_eq!(problem(refused).await.2, ["url"]);
}
