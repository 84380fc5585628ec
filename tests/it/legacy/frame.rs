//! What all of these paths have in common: their errors in every layer, the document, other origins, `/` and `/health`.

use std::num::NonZeroU32;

use dria_bench::{api, config};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{App, refused};

const PATHS: [&str; 7] = [
    "/benchmark_results",
    "/multiple_benchmark_results",
    "/get_all_benchmarks",
    "/get_benchmark_results_by_filters",
    "/get_available_benchmark_options",
    "/get_gpu_prices_by_platform",
    "/get_gpu_prices_by_pod_id",
];

#[tokio::test]
async fn the_root_and_health_answer_programs_alike_and_say_that_it_depends_on_accept() {
    let app = App::new().await;
    for path in ["/", "/health"] {
        let response = app.get(path).await;
        assert!(response.headers().get_all("vary").iter().any(|value| value == "Accept"), "{path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!((&body["success"], body["message"].is_string()), (&json!(true), true));
        assert!(body["data"].is_object(), "{path}");
    }
    let page = app.request(Method::GET, "/").header("accept", "text/html").send().await.unwrap();
    assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let health = app.request(Method::GET, "/health").header("accept", "text/html").send().await.unwrap();
    assert_eq!(health.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn whatever_goes_wrong_on_these_paths_comes_in_their_envelope_and_elsewhere_as_a_problem() {
    let app = App::new().await;
    for path in PATHS.into_iter().chain(["/health", "/"]) {
        let response = app.request(Method::POST, path).send().await.unwrap();
        assert_eq!(response.headers()["allow"], "GET,HEAD", "{path}");
        assert_eq!(refused(response).await, (405, vec![]), "{path}");
    }
    // A browser that opens one sees the same as a program.
    let opened = app.request(Method::GET, PATHS[0]).header("accept", "text/html").send().await.unwrap();
    assert_eq!(refused(opened).await, (404, vec![]));
    let long = app.request(Method::POST, PATHS[0]).body("x".repeat(65_537)).send().await.unwrap();
    assert_eq!(refused(long).await, (413, vec![]));
    let elsewhere = app.get("/api/v1/runs?limit=0").await;
    assert_eq!(elsewhere.headers()["content-type"], "application/problem+json");

    app.database.pool.close().await;
    for path in PATHS {
        let response = app.get(&format!("{path}?pod_id=a&pod_ids=a")).await;
        assert_eq!(refused(response).await, (503, vec![]), "{path}");
    }
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let few = config::Server { reads_per_minute: NonZeroU32::MIN, ..config::Server::default() };
    let app = App::with(few).await;
    app.json("/get_all_benchmarks").await;
    let response = app.get("/get_all_benchmarks").await;
    let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(refused(response).await, (429, vec![]));
}

#[test]
fn every_one_is_in_the_document_under_its_tag() {
    let document: Value = serde_json::from_str(&api::document()).unwrap();
    for path in PATHS.into_iter().chain(["/"]) {
        let operation = &document["paths"][path]["get"];
        assert_eq!(operation["tags"], json!(["original"]), "{path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('4') {
                let schema = &response["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/OriginalRefused", "{path} {status}");
            }
        }
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn pages_of_the_allowed_origins_read_answers_and_errors_with_credentials() {
    let app = App::new().await;
    for origin in ["https://dria.co", "https://app.dria.co", "http://localhost:3000"] {
        for path in
            ["/health", "/get_all_benchmarks", "/benchmark_results", "/api/v1/runs?limit=0", "/nothing"]
        {
            let response = app.request(Method::GET, path).header("origin", origin).send().await.unwrap();
            assert_eq!(header(&response, "access-control-allow-origin"), Some(origin), "{path}");
            assert_eq!(header(&response, "access-control-allow-credentials"), Some("true"));
            assert!(response.headers().get_all("vary").iter().any(|value| value == "Origin"));
        }
    }
    for origin in ["https://evil.com", "https://dria.co.evil.com", "http://dria.co", "null", ""] {
        let response = app.request(Method::GET, "/health").header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{origin}");
        assert_eq!(header(&response, "access-control-allow-credentials"), None, "{origin}");
    }
}

#[tokio::test]
async fn a_stream_can_be_read_by_an_allowed_origin_too() {
    let bench = crate::support::drain::Bench::new(&[1], |_| {}).await;
    let server = api::serve(&config::Server::default(), bench.database.pool.clone()).await.unwrap();
    let url = format!("{}/api/v1/runs/{}/events", server.url(), bench.run);
    let client = dria_bench::http::client(None).unwrap();
    let stream = client.get(url).header("origin", "https://dria.co").send().await.unwrap();
    assert_eq!(header(&stream, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&stream, "access-control-allow-origin"), Some("https://dria.co"));
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_it_may_send() {
    let app = App::new().await;
    let ask = async |origin: &str, path: &str| {
        let request = app.request(Method::OPTIONS, path).header("origin", origin);
        request.header("access-control-request-method", "DELETE").send().await.unwrap()
    };
    for path in ["/delete_comment", "/benchmark_results", "/api/v1/runs"] {
        let told = ask("https://app.dria.co", path).await;
        assert!(told.status().is_success());
        assert_eq!(header(&told, "access-control-allow-origin"), Some("https://app.dria.co"));
        assert_eq!(header(&told, "access-control-allow-methods"), Some("GET, POST, PUT, DELETE, OPTIONS"));
        assert_eq!(header(&told, "access-control-allow-headers"), Some("Authorization, Content-Type"));
        assert_eq!(header(&told, "access-control-allow-credentials"), Some("true"));
    }
    let told = ask("https://evil.com", "/benchmark_results").await;
    for name in ["allow-origin", "allow-methods", "allow-headers", "allow-credentials"] {
        assert_eq!(header(&told, &format!("access-control-{name}")), None, "{name}");
    }
}

#[tokio::test]
async fn the_origins_are_those_of_the_settings() {
    let own = config::Server { origins: vec!["https://example.org".to_owned()], ..config::Server::default() };
    let app = App::with(own).await;
    for (origin, allowed) in [("https://example.org", Some("https://example.org")), ("https://dria.co", None)]
    {
        let response = app.request(Method::GET, "/health").header("origin", origin).send().await.unwrap();
        assert_eq!(header(&response, "access-control-allow-origin"), allowed);
    }
}
