//! What nobody should send: it is refused in words, and the server goes on.

use std::num::NonZeroU32;

use dria_bench::{config, ledger::tokens::Role};
use reqwest::Method;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{App, problem};

#[tokio::test]
async fn bodies_that_are_none_are_refused_each_in_its_words() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = app.request(Method::POST, "/api/v1/runs").header("content-type", kind);
        let (status, code, _) =
            problem(request.bearer_auth(&operator).body(body).send().await.unwrap()).await;
        (status, code)
    };
    let deep = [b"{\"engine\":".repeat(10_000), b"1".to_vec(), b"}".repeat(10_000)].concat();
    for (body, status, code) in [
        (b"{\"engine\": ".to_vec(), 400, "malformed_body"),
        (b"".to_vec(), 400, "malformed_body"),
        (b"[]".to_vec(), 400, "malformed_body"),
        (b"{} {}".to_vec(), 400, "malformed_body"),
        (b"\xff\xfe".to_vec(), 400, "malformed_body"),
        ([b"{\"a\":".repeat(3_000), b"1".to_vec(), b"}".repeat(3_000)].concat(), 400, "malformed_body"),
        (deep, 413, "body_too_large"),
        (vec![b' '; 70_000], 413, "body_too_large"),
        (b"{}".to_vec(), 422, "invalid_body"),
    ] {
        assert_eq!(send("application/json", body.clone()).await, (status, code.to_owned()), "{body:.30?}");
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        assert_eq!(send(kind, b"{}".to_vec()).await, (415, "not_json".to_owned()), "{kind}");
    }
    assert_eq!(send("Application/JSON; charset=utf-8", b"{}".to_vec()).await.0, 422);
    // A body without a length is counted as it comes.
    let stream = futures::stream::iter((0..70).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])));
    let request = app.request(Method::POST, "/api/v1/runs").header("content-type", "application/json");
    let request = request.bearer_auth(&operator).body(reqwest::Body::wrap_stream(stream));
    assert_eq!(problem(request.send().await.unwrap()).await.0, 413);
    assert_eq!(app.bench.database.count("select count(*) from workflow_runs").await, 1);
}

#[tokio::test]
async fn text_that_looks_like_sql_is_only_text() {
    let app = App::new().await;
    for text in ["'%20or%201=1--", "%25", "_", "%00x", "%5C", "';drop%20table%20workflow_runs;--"] {
        for path in ["runs?text=", "runs?model=", "results?gpu=", "results?model="] {
            let response = app.get(&format!("/api/v1/{path}{text}")).await;
            // PostgreSQL holds no NUL: that is said, and nothing else breaks.
            let expected = if text == "%00x" { 422 } else { 200 };
            assert_eq!(response.status(), expected, "{path}{text}");
            if expected == 200 {
                let body: Value = response.json().await.unwrap();
                let list = body.get("runs").or(body.get("results")).unwrap();
                assert_eq!(list.as_array().unwrap().len(), 0, "{path}{text}");
            }
        }
    }
    assert_eq!(app.bench.database.count("select count(*) from workflow_runs").await, 1);
}

#[tokio::test]
async fn parameters_that_are_junk_are_all_named() {
    let app = App::new().await;
    let bad = app.get("/api/v1/runs?limit=0&cursor=junk&since=yesterday&engine=gpt&status=dead&x=1").await;
    let (status, _, mut names) = problem(bad).await;
    names.sort();
    assert_eq!((status, names.join(" ").as_str()), (422, "cursor engine limit since status x"));
    for path in
        ["runs/7", "runs/%ff/events", "runs/latest/cancel", "results?rate=0", "results?benchmark_type=rate"]
    {
        let method = if path.ends_with("cancel") { Method::POST } else { Method::GET };
        let admin = app.token(Role::Admin).await;
        let response =
            app.request(method, &format!("/api/v1/{path}")).bearer_auth(admin).send().await.unwrap();
        assert_eq!(problem(response).await.0, 422, "{path}");
    }
    let operator = app.token(Role::Operator).await;
    for (cursor, status) in
        [("junk", 422), ("", 422), ("%F0%9F%98%80", 422), ("01M870EWXRT2TVE33Q5VQ8CQ88", 200)]
    {
        let path = format!("/api/v1/admin/jobs?cursor={cursor}");
        let response = app.request(Method::GET, &path).bearer_auth(&operator).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
    let response = app.request(Method::PATCH, "/api/v1/runs").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET,HEAD,POST");
    assert_eq!(problem(response).await.0, 405);
}

#[tokio::test]
async fn junk_in_headers_is_nobodys_token_and_no_ones_request_id() {
    let app = App::new().await;
    let path = format!("/api/v1/runs/{}", app.bench.run);
    for junk in ["Basic YTpi", "Bearer", "Bearer ", "bearer drb_", "Bearer drb_' or 1=1", "\u{7f}"] {
        let request = app.request(Method::GET, &path);
        let Ok(value) = reqwest::header::HeaderValue::from_str(junk) else { continue };
        assert_eq!(request.header("authorization", value).send().await.unwrap().status(), 401, "{junk}");
    }
    let response = app.request(Method::GET, &path).header("x-request-id", "a\" b").send().await.unwrap();
    assert_ne!(response.headers()["x-request-id"], "a\" b");
    // Not even HTTP: the connection ends, the server doesn't.
    let mut raw = TcpStream::connect(app.server.address()).await.unwrap();
    raw.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    raw.read_to_end(&mut said).await.unwrap();
    assert!(said.starts_with(b"HTTP/1.1 400"), "{said:?}");
    assert_eq!(app.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let few = NonZeroU32::new(3).unwrap();
    let app = App::with(config::Server { reads_per_minute: few, ..config::Server::default() }).await;
    for _ in 0..3 {
        assert_eq!(app.get("/api/v1/runs").await.status(), 200);
    }
    let refused = app.get("/api/v1/runs").await;
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(problem(refused).await.1, "too_many_requests");
    for watched in ["/healthz", "/metrics"] {
        assert_eq!(app.get(watched).await.status(), 200, "{watched}: who watches over us is not counted");
    }
    let write = app.request(Method::POST, "/api/v1/runs").send().await.unwrap();
    assert_eq!(write.status(), 401, "writes are counted apart");
}

#[tokio::test]
async fn readiness_is_of_the_database_and_its_schema() {
    let app = App::new().await;
    assert_eq!(app.json("/readyz").await["status"], "ok");
    app.bench.database.execute("delete from _sqlx_migrations where version = 20261124124000").await;
    let lacking = app.get("/readyz").await;
    assert_eq!(problem(lacking).await.1, "not_ready");
    app.bench.database.pool.close().await;
    assert_eq!(problem(app.get("/readyz").await).await.1, "database");
    assert_eq!(app.get("/healthz").await.status(), 200);
}
