//! Prices and the catalog over HTTP.

use dria_bench::prices::{self, PriceSource};
use serde_json::Value;

use super::{App, problem};
use crate::support::clouds::FakeClouds;

/// A server whose sources of prices were asked once.
async fn app() -> App {
    let (app, clouds) = (App::new().await, FakeClouds::start().await);
    let wanted: Vec<&'static dyn PriceSource> =
        ["runpod", "vastai", "lium"].into_iter().map(|name| prices::find(name).unwrap()).collect();
    prices::scrape(&app.bench.database.pool, &clouds.settings(), &wanted, true).await.unwrap();
    app
}

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn prices_are_listed_cheapest_first_and_each_filter_holds() {
    let app = app().await;
    let all = app.json("/api/v1/prices?gpu=H100").await;
    let prices = &all["prices"];
    assert!(texts(prices, "gpu_key").iter().all(|gpu| gpu.contains("H100")), "{all}");
    let median = all["medians"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sum| sum["gpu_key"] == "NVIDIA H100 80GB HBM3" && sum["kind"] == "on_demand");
    // vast.ai 1.99, lium 1.85, runpod 2.49.
    let median = median.unwrap();
    assert_eq!((&median["median_usd"], &median["platforms"]), (&"1.99".into(), &3.into()), "{median}");
    assert_eq!((&median["cheapest_usd"], &median["cheapest_platform"]), (&"1.85".into(), &"lium".into()));

    let spot = app.json("/api/v1/prices?gpu=H100%20SXM&platform=runpod&kind=spot").await;
    assert_eq!(texts(&spot["prices"], "usd_per_gpu_hour"), ["1.75"], "{spot}");
    assert_eq!(
        (texts(&spot["prices"], "platform"), texts(&spot["prices"], "kind")),
        (vec!["runpod"], vec!["spot"])
    );
    let nowhere = app.json("/api/v1/prices?platform=nobody").await;
    assert_eq!(nowhere["prices"].as_array().unwrap().len(), 0);
    let few = app.json("/api/v1/prices").await;
    let every = app.json("/api/v1/prices?every=true").await;
    let count = |list: &Value| list["prices"].as_array().unwrap().len();
    assert_eq!(count(&few) as u64 + few["left_out"].as_u64().unwrap(), count(&every) as u64);
    assert_eq!(every["left_out"], 0);
}

#[tokio::test]
async fn a_history_is_of_one_gpu_in_few_spans() {
    let app = app().await;
    let history = app.json("/api/v1/prices/history?gpu=H100&platform=lium&days=30").await;
    assert_eq!((&history["days"], &history["span_s"]), (&30.into(), &21_600.into()));
    let spans = history["history"].as_array().unwrap();
    assert_eq!(spans.len(), 1, "{history}");
    assert_eq!((&spans[0]["platform"], &spans[0]["median_usd"]), (&"lium".into(), &"1.85".into()));
    for (query, wrong) in [
        ("history", "gpu"),
        ("history?gpu=H9000", "gpu"),
        ("history?gpu=H100&days=0", "days"),
        ("history?gpu=H100&days=3651", "days"),
        ("history?gpu=H100&kind=rented", "kind"),
    ] {
        let refused = app.get(&format!("/api/v1/prices/{query}")).await;
        assert_eq!(problem(refused).await.2, [wrong], "{query}");
    }
    assert_eq!(problem(app.get("/api/v1/prices?gpu=H9000").await).await.2, ["gpu"]);
}

#[tokio::test]
async fn the_catalog_is_there_and_can_be_searched() {
    let app = App::new().await;
    let gpus = app.json("/api/v1/gpus?search=h200").await;
    assert_eq!(texts(&gpus["gpus"], "id"), ["NVIDIA H200 NVL", "NVIDIA H200"]);
    assert_eq!(gpus["gpus"][1]["category"], "datacenter");
    let models = app.json("/api/v1/models?search=QWEN%203%2014B").await;
    assert_eq!(texts(&models["models"], "common_name"), ["Qwen 3 14B"]);
    let catalog = dria_bench::domain::catalog::Catalog::embedded().unwrap();
    for (path, list, count) in
        [("gpus", "gpus", catalog.gpus().len()), ("models", "models", catalog.models().len())]
    {
        let all = app.json(&format!("/api/v1/{path}")).await;
        assert_eq!(all[list].as_array().unwrap().len(), count, "{path}");
    }
}
