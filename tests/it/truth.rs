//! The truth server as any client sees it.

use std::time::{Duration, Instant};

use dria_bench::truth::{Settings, Stats, TruthServer, serve};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn start(settings: Settings) -> TruthServer {
    serve(settings, TcpListener::bind("127.0.0.1:0").await.unwrap()).await.unwrap()
}

fn quick() -> Settings {
    Settings { ttft: Duration::from_millis(20), itl: Duration::from_millis(5), ..Settings::default() }
}

fn client() -> reqwest::Client {
    dria_bench::http::client(Some(Duration::from_secs(20))).unwrap()
}

async fn get(server: &TruthServer, path: &str) -> Value {
    client().get(format!("{}{path}", server.url())).send().await.unwrap().json().await.unwrap()
}

async fn post(server: &TruthServer, path: &str, body: &Value) -> (u16, String) {
    let answer = client().post(format!("{}{path}", server.url())).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn completions_stream_the_tokens_asked_for_with_usage_and_an_end() {
    let server = start(quick()).await;
    let body = json!({"model": "truth", "prompt": "a b c", "max_tokens": 5, "stream": true,
                      "stream_options": {"include_usage": true}});
    let began = Instant::now();
    let (status, text) = post(&server, "/v1/completions", &body).await;
    assert!(began.elapsed() >= Duration::from_millis(20 + 4 * 5), "no token before it is due");
    assert_eq!(status, 200);
    let events: Vec<&str> =
        text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(events.len(), 7, "five tokens, usage, the end: {text}");
    assert_eq!(events[6], "[DONE]");
    let usage: Value = serde_json::from_str(events[5]).unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"], json!({"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}));
    let last: Value = serde_json::from_str(events[4]).unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn an_answer_in_one_piece_comes_when_its_last_token_is_due() {
    let server = start(quick()).await;
    let began = Instant::now();
    let (_, text) = post(&server, "/v1/completions", &json!({"prompt": "a", "max_tokens": 5})).await;
    assert!(began.elapsed() >= Duration::from_millis(20 + 4 * 5));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["usage"]["completion_tokens"], 5);
}

#[tokio::test]
async fn ollamas_routes_answer_in_its_shapes() {
    let server = start(quick()).await;
    assert!(get(&server, "/api/version").await["version"].is_string());
    assert_eq!(get(&server, "/api/tags").await["models"][0]["name"], "truth");
    assert!(get(&server, "/api/ps").await["models"][0]["size_vram"].is_u64());
    let (_, pulled) = post(&server, "/api/pull", &json!({"model": "truth"})).await;
    assert_eq!(pulled.lines().last(), Some(r#"{"status":"success"}"#));
    let (_, loaded) = post(&server, "/api/generate", &json!({"model": "truth"})).await;
    assert_eq!(serde_json::from_str::<Value>(&loaded).unwrap()["done_reason"], "load");
    let body = json!({"model": "truth", "prompt": "a b", "options": {"num_predict": 3}});
    let (_, text) = post(&server, "/api/generate", &body).await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!((&lines[3]["prompt_eval_count"], &lines[3]["eval_count"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn the_other_openai_routes_answer() {
    let server = start(quick()).await;
    assert_eq!(get(&server, "/health").await["status"], "ok");
    assert_eq!(get(&server, "/v1/models").await["data"][0]["id"], "truth");
    for key in ["prompt", "content"] {
        let (_, text) = post(&server, "/tokenize", &json!({ key: " one two  three" })).await;
        let counted: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&counted["count"], counted["tokens"].as_array().unwrap().len()), (&json!(3), 3));
    }
    assert_eq!(post(&server, "/v1/completions", &json!({"no": "prompt"})).await.0, 400);
    let missing = client().get(format!("{}/nothing", server.url())).send().await.unwrap();
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn stats_tell_what_was_written_and_reset_starts_them_again() {
    let server = start(quick()).await;
    for prompt in ["a", "b", "b"] {
        post(&server, "/v1/completions", &json!({"prompt": prompt, "max_tokens": 4, "stream": true})).await;
    }
    // A client may see an answer's end before the server has booked it.
    while server.stats().ttft_ms.n < 3 {
        tokio::task::yield_now().await;
    }
    let stats: Stats = serde_json::from_value(get(&server, "/stats").await).unwrap();
    assert_eq!((stats.requests, stats.distinct_prompts, stats.peak_concurrency), (3, 2, 1));
    assert_eq!((stats.ttft_ms.n, stats.itl_ms.n, stats.gap_ms.n), (3, 3, 9));
    assert!(stats.ttft_ms.mean.unwrap() >= 20.0 && stats.ttft_ms.p99 >= stats.ttft_ms.p50);
    post(&server, "/reset", &json!({})).await;
    let stats: Stats = serde_json::from_value(get(&server, "/stats").await).unwrap();
    assert_eq!((stats.requests, stats.distinct_prompts, stats.ttft_ms.p50), (0, 0, None));
}

#[tokio::test]
async fn metrics_count_tokens_as_an_engine_does() {
    let server = start(quick()).await;
    post(&server, "/v1/completions", &json!({"prompt": "a b c", "max_tokens": 4, "stream": true})).await;
    // A client may see an answer's end before the server has booked it.
    while server.stats().ttft_ms.n < 1 {
        tokio::task::yield_now().await;
    }
    let text = client().get(format!("{}/metrics", server.url())).send().await.unwrap().text().await.unwrap();
    let value =
        |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().rsplit(' ').next().unwrap();
    assert_eq!(value("truth:prompt_tokens_total"), "3");
    assert_eq!(value("truth:generation_tokens_total"), "4");
    assert_eq!(value("truth:num_requests_running"), "0");
}

#[tokio::test]
async fn faults_are_scripted_over_http() {
    let server = start(quick()).await;
    let fault = json!({"fault": "status", "status": 429, "retry_after_s": 2, "next": 1});
    assert_eq!(post(&server, "/faults", &fault).await.0, 200);
    assert_eq!(post(&server, "/faults", &json!({"fault": "explode"})).await.0, 400);
    let body = json!({"prompt": "a", "max_tokens": 1});
    let url = format!("{}/v1/completions", server.url());
    let refused = client().post(&url).json(&body).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    assert_eq!(post(&server, "/v1/completions", &body).await.0, 200);
}

#[tokio::test]
async fn slots_serve_in_order_of_arrival() {
    let server = start(Settings { slots: Some(1), ..quick() }).await;
    let mut ends = Vec::new();
    let mut running = Vec::new();
    for number in 0..3_u64 {
        let url = format!("{}/v1/completions", server.url());
        let body = json!({"prompt": "a", "max_tokens": 1});
        running.push(tokio::spawn(async move {
            client().post(url).json(&body).send().await.unwrap().text().await.unwrap();
            (number, Instant::now())
        }));
        // The next one is sent when the server has this one.
        while server.stats().requests <= number {
            tokio::task::yield_now().await;
        }
    }
    for request in running {
        ends.push(request.await.unwrap());
    }
    ends.sort_by_key(|(_, at)| *at);
    assert_eq!(ends.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(server.stats().peak_concurrency, 1);
}

#[tokio::test]
async fn a_stopped_server_leaves_its_port() {
    let server = start(quick()).await;
    let address = server.address();
    server.shut_down().await;
    assert!(TcpListener::bind(address).await.is_ok());
}
