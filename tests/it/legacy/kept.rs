//! What is kept of these paths' answers: it ends with the data it was made of, is nobody's own, and is packed for who takes it.

use reqwest::{Method, Response, header};
use serde_json::{Value, json};

use super::App;
use crate::support::published::{run, throughput};

async fn ask(app: &App, path: &str, known: Option<&str>) -> (Response, String) {
    let mut request = app.request(Method::GET, path);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    let response = request.send().await.unwrap();
    let mark = response.headers()[header::ETAG].to_str().unwrap().to_owned();
    (response, mark)
}

#[tokio::test]
async fn an_answer_is_good_until_a_run_or_a_vote_comes_in() {
    let app = App::new().await;
    app.publish_all(&["a"]).await;
    let (one, all) = ("/benchmark_results?pod_id=a", "/get_all_benchmarks");
    for path in [one, all] {
        let (response, mark) = ask(&app, path, None).await;
        assert_eq!(response.headers()[header::CACHE_CONTROL], "public, no-cache", "{path}");
        assert_eq!(ask(&app, path, Some(&mark)).await.0.status(), 304, "{path}");
        app.database.execute("update published_runs set upvotes = upvotes + 1").await;
        let (response, voted) = ask(&app, path, Some(&mark)).await;
        assert_eq!((response.status().as_u16(), voted == mark), (200, false), "{path}: a vote came in");
    }
    assert_eq!(app.json(one).await["likes"], 2);

    let options = "/get_available_benchmark_options";
    let (_, before) = ask(&app, options, None).await;
    app.database.execute("update published_runs set upvotes = upvotes + 1").await;
    assert_eq!(ask(&app, options, Some(&before)).await.0.status(), 304, "votes are no part of it");
    app.publish_all(&["b"]).await;
    assert_eq!(ask(&app, options, Some(&before)).await.0.status(), 200);
    assert_eq!(app.json(all).await["pagination"]["total_items"], 2);
    assert_eq!(app.get("/benchmark_results?pod_id=c").await.status(), 404);
    app.publish_all(&["c"]).await;
    assert_eq!(
        app.json("/benchmark_results?pod_id=c").await["pod_id"],
        "c",
        "that it wasn't there isn't kept"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_seen_by_whoever_asks_after_it_however_many_ask_at_that_moment() {
    let app = App::new().await;
    app.publish_all(&["a"]).await;
    let path = "/benchmark_results?pod_id=a";
    let over = std::sync::atomic::AtomicBool::new(false);
    let asking = async || {
        while !over.load(std::sync::atomic::Ordering::Relaxed) {
            app.json(path).await;
        }
    };
    let writing = async {
        for likes in 1..=30 {
            app.database.execute("update published_runs set upvotes = upvotes + 1").await;
            assert_eq!(app.json(path).await["likes"], likes, "what was written before it was asked");
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    futures::future::join(writing, futures::future::join_all((0..8).map(|_| asking()))).await;
}

#[tokio::test]
async fn what_somebody_signed_in_sees_is_made_for_them_and_kept_from_others() {
    let app = App::new().await;
    app.publish_all(&["a"]).await;
    let voter = app.sign_in(1).await;
    let vote = json!({ "pod_id": "a" });
    let answer =
        app.request(Method::POST, "/upvote_pod").bearer_auth(&voter).json(&vote).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    for (token, is_upvoted) in [(Some(&voter), true), (None, false), (Some(&voter), true)] {
        let mut request = app.request(Method::GET, "/benchmark_results?pod_id=a");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let kept_by = if token.is_some() { "private, no-cache" } else { "public, no-cache" };
        assert_eq!(response.headers()[header::CACHE_CONTROL], kept_by);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["is_upvoted_by_user"], is_upvoted, "{token:?}");
    }
}

#[tokio::test]
async fn who_takes_zstd_gets_the_same_answer_packed_and_a_tokens_holder_never_does() {
    let app = App::new().await;
    for minute in 0..10 {
        app.publish(&run(&format!("pod-{minute}"), minute), &[throughput()]).await;
    }
    #[expect(clippy::disallowed_methods, reason = "ours unpacks what it gets")]
    let client = reqwest::Client::builder().no_zstd().no_brotli().no_gzip().build().unwrap();
    let url = format!("{}/get_all_benchmarks?per_page=50", app.server.url());
    let ask = async |codings: Option<&str>, token: Option<&str>| {
        let mut request = client.get(&url);
        if let Some(codings) = codings {
            request = request.header(header::ACCEPT_ENCODING, codings);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let headers = response.headers();
        let coding = headers.get(header::CONTENT_ENCODING).map(|coding| coding.to_str().unwrap().to_owned());
        let varies: Vec<String> =
            headers.get_all(header::VARY).iter().map(|by| by.to_str().unwrap().to_lowercase()).collect();
        (coding, varies, response.bytes().await.unwrap())
    };
    let (coding, _, plain) = ask(None, None).await;
    assert_eq!(coding, None);
    assert!(plain.len() > 4_000);
    for _ in 0..2 {
        let (coding, varies, packed) = ask(Some("gzip, deflate, br, zstd"), None).await;
        assert_eq!(coding.as_deref(), Some("zstd"));
        assert!(varies.iter().any(|by| by == "accept-encoding"), "{varies:?}");
        assert!(packed.len() * 2 < plain.len(), "{} of {}", packed.len(), plain.len());
        assert_eq!(zstd::decode_all(&*packed).unwrap(), plain);
    }
    assert_eq!(ask(Some("gzip, zstd;q=0"), None).await.0.as_deref(), Some("gzip"));
    let (coding, _, own) = ask(Some("zstd"), Some("anything")).await;
    assert_eq!((coding, own), (None, plain), "the length would tell of what is beside a secret");
}
