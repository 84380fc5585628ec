//! What a reader without a token doesn't see, and one with a token does.

use dria_bench::ledger::tokens::Role;
use reqwest::Method;

use super::App;

#[tokio::test]
async fn a_reader_without_a_token_sees_the_numbers_and_nothing_of_the_machines() {
    let app = App::new().await;
    app.bench.drain().await;
    let viewer = app.token(Role::Viewer).await;
    let path = format!("/api/v1/runs/{}", app.bench.run);
    let url = app.bench.server.url();
    let events = format!("{path}/events");
    for path in [&path, &events] {
        let public = app.get(path).await.text().await.unwrap();
        for secret in [url.as_str(), "--ttft-ms", "test-worker", "/tmp/"] {
            assert!(!public.contains(secret), "{path} tells {secret}");
        }
    }
    let public = app.json(&path).await;
    assert_eq!(public["results"].as_array().unwrap().len(), 2);
    assert_eq!(public["spec"]["machine"]["gpu_id"], "CPU test");
    assert!(public["steps"].as_array().unwrap().iter().all(|step| step["worker"].is_null()));
    assert!(public["attempts"].as_array().unwrap().len() >= 7);

    let whole =
        app.request(Method::GET, &path).bearer_auth(&viewer).send().await.unwrap().text().await.unwrap();
    for seen in [url.as_str(), "--ttft-ms", "test-worker"] {
        assert!(whole.contains(seen), "a viewer doesn't see {seen}");
    }
    let page = app.request(Method::GET, "/").header("accept", "text/html").send().await.unwrap();
    assert!(!page.text().await.unwrap().contains(url.as_str()), "the page is for everybody");
    let bad = app.request(Method::GET, &path).bearer_auth("drb_nonsense").send().await.unwrap();
    assert_eq!(bad.status(), 401, "who sends a token expects to see more");
}
