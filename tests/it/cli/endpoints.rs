//! URLs behind which there is nothing, something else, or something that doesn't let us in.

use axum::{
    Router,
    http::{StatusCode, header},
    response::{Html, IntoResponse},
    routing::any,
};

use crate::support::{program::Bench, runs::broken_invariants};

/// A server that answers everything the same way.
async fn server<R: IntoResponse + Clone + Send + Sync + 'static>(answer: R) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let everything = Router::new().fallback(any(move || {
        let answer = answer.clone();
        async move { answer }
    }));
    tokio::spawn(async move { axum::serve(listener, everything).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_behind_a_url_is_said_at_once_and_the_run_ends_as_failed() {
    let bench = Bench::new().await;
    let json = |body: &'static str| ([(header::CONTENT_TYPE, "application/json")], body);
    let web_page = server(Html("<html>Welcome to nginx!</html>")).await;
    let nothing_there = server(StatusCode::NOT_FOUND).await;
    let locked = server((StatusCode::UNAUTHORIZED, json("{}"))).await;
    let other_model =
        server(json(r#"{"version": "0.1", "data": [{"id": "mistral", "owned_by": "vllm"}]}"#)).await;
    let small =
        server(json(r#"{"version": "0.1", "data": [{"id": "m", "owned_by": "vllm", "max_model_len": 64}]}"#))
            .await;
    let other_engine = server(json(r#"{"data": [{"id": "m", "owned_by": "sglang"}]}"#)).await;
    for (engine, url, code, failure, said) in [
        ("vllm", "http://127.0.0.1:1", 3, "engine_unreachable", "nothing answers at http://127.0.0.1:1"),
        ("vllm", "http://no.such.host.invalid", 3, "engine_unreachable", "correct the URL"),
        ("vllm", &web_page, 2, "wrong_engine", "a web page answers"),
        ("ollama", &web_page, 2, "wrong_engine", "not Ollama"),
        ("llamacpp", &nothing_there, 2, "wrong_engine", "not llama.cpp"),
        ("vllm", &locked, 3, "engine_unauthorised", "DRIA_BENCH_ENDPOINT_API_KEY"),
        ("vllm", &other_model, 2, "stale_server", "serves mistral, not m"),
        ("llamacpp", &other_engine, 2, "wrong_engine", "SGLang answers"),
        ("vllm", &small, 2, "prompt_too_long", "don't fit the engine's context of 64"),
    ] {
        let ended = bench.run(&format!("run --engine {engine} --model m --url {url} --json"));
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let report = ended.json();
        assert_eq!(
            (&report["status"], &report["error"]["code"]),
            (&"failed".into(), &failure.into()),
            "{ended:?}"
        );
        assert!(ended.stderr.contains(said) && ended.stderr.contains("  next: "), "{ended:?}");
        let tries = bench.database.count("select max(attempt)::bigint from step_attempts").await;
        assert_eq!(tries, 1, "waiting can't cure {failure}");
    }
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_its_next_try_is_cancelled_at_once() {
    let bench = Bench::new().await;
    let broken = server(StatusCode::INTERNAL_SERVER_ERROR).await;
    // `ollama`: its pull waits up to ten seconds after a first failure, and longer after more.
    let mut run = bench.start(&format!("run --engine ollama --model m --url {broken}"));
    let id = run.wait_for(&["run "]).replace("run ", "");
    run.wait_for(&["pull_model", "Trying again in"]);
    let cancelled = bench.run(&format!("runs cancel {id} --json"));
    assert_eq!(cancelled.code, Some(0), "{cancelled:?}");
    assert_eq!(cancelled.json()["cancel_requested"], true);
    let ended = run.end();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("was cancelled"), "{ended:?}");
    assert_eq!(broken_invariants(&bench.database, bench.data_dir()).await, Vec::<String>::new());
    for (command, said) in [("cancel", "is cancelled already"), ("pause", "nothing to pause")] {
        let again = bench.run(&format!("runs {command} {id}"));
        assert_eq!(again.code, Some(1), "{again:?}");
        assert!(again.stderr.contains(said), "{again:?}");
    }
}
