//! Marks of answers about prices, costs and the catalog: what they hold for, and what ends them.

use dria_bench::{ledger::tokens::Role, prices};
use reqwest::header;

use super::App;
use crate::support::clouds::FakeClouds;

/// An answer's mark. `known` is sent as what the client has.
async fn mark(app: &App, path: &str, known: Option<&str>, token: Option<&str>) -> (u16, String, String) {
    let mut request = app.request(reqwest::Method::GET, path);
    if let Some(known) = known {
        request = request.header(header::IF_NONE_MATCH, known);
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let header = |name: header::HeaderName| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    (response.status().as_u16(), header(header::ETAG), header(header::CACHE_CONTROL))
}

/// Whether an answer is still good right after it was given. Ages are told by the minute: one may end in between.
async fn holds(app: &App, path: &str) -> bool {
    for _ in 0..3 {
        let (status, tag, control) = mark(app, path, None, None).await;
        assert_eq!((status, control.as_str()), (200, "public, no-cache"), "{path}");
        let again = mark(app, path, Some(&tag), None).await;
        if again == (304, tag, control) {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn an_answer_is_good_until_what_it_is_made_of_changes() {
    let app = App::new().await;
    app.bench.drain().await;
    let run = app.bench.run;
    let costs = format!("/api/v1/costs?run={run}&usd_per_hour=2");
    let everywhere = format!("/api/v1/costs/everywhere?run={run}");
    let recommended = "/api/v1/recommendations?model=Llama%203.1%208B";
    let history = "/api/v1/prices/history?gpu=H100";
    for path in [
        "/api/v1/gpus",
        "/api/v1/models?search=llama",
        "/api/v1/fits?model=Llama%203.1%208B",
        "/api/v1/prices",
        history,
        recommended,
        &costs,
        &everywhere,
    ] {
        assert!(holds(&app, path).await, "{path}");
    }
    let token = app.token(Role::Viewer).await;
    assert_eq!(mark(&app, "/api/v1/prices", None, Some(&token)).await.2, "private, no-cache");
    assert_eq!(mark(&app, "/api/v1/gpus", None, Some("drb_nonsense")).await.0, 401);

    let tag = async |path: &str| mark(&app, path, None, None).await.1;
    let (priced, past, advised, cost, known) = (
        tag("/api/v1/prices").await,
        tag(history).await,
        tag(recommended).await,
        tag(&costs).await,
        tag("/api/v1/gpus").await,
    );
    let clouds = FakeClouds::start().await;
    let wanted = [prices::find("runpod").unwrap()];
    prices::scrape(&app.bench.database.pool, &clouds.settings(), &wanted, true).await.unwrap();
    for (path, before) in [("/api/v1/prices", &priced), (history, &past), (recommended, &advised)] {
        assert_eq!(mark(&app, path, Some(before), None).await.0, 200, "{path}: prices came in");
    }
    app.bench
        .database
        .execute("update benchmark_results set superseded_at = now() where benchmark_type = 'concurrent'")
        .await;
    assert_eq!(mark(&app, &costs, Some(&cost), None).await.0, 200, "a result is measured again");
    assert_eq!(mark(&app, "/api/v1/gpus", Some(&known), None).await.0, 304, "the catalog is this version's");
}
