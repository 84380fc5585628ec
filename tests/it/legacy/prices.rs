//! `/get_gpu_prices_by_platform` and `/get_gpu_prices_by_pod_id`.

use serde_json::{Value, json};

use super::{App, refused};
use crate::support::published::{run, throughput};

/// Prices as the round over the sources leaves them.
const PRICES: &str = "
    insert into price_scrapes (source, ended_at, outcome) values ('test', now(), 'ok');
    insert into latest_prices (source, platform, gpu_key, gpu_count, kind, region, usd_per_gpu_hour, last_seen_at,
                               withdrawn_at, scrape_id)
    values ('test', 'runpod', 'NVIDIA H200', 1, 'on_demand', '', 3.99, now(), null, 1),
           ('test', 'runpod', 'NVIDIA H200', 1, 'spot', '', 1.99, now(), null, 1),
           ('test', 'vast.ai', 'NVIDIA H200', 1, 'on_demand', 'EU', 2.5, now(), null, 1),
           ('test', 'vast.ai', 'NVIDIA H200', 1, 'on_demand', 'US', 2.25, now(), null, 1),
           ('test', 'vast.ai', 'NVIDIA H200', 1, 'on_demand', 'AS', 0.5, now() - interval '2 days', null, 1),
           ('test', 'vast.ai', 'NVIDIA H200', 1, 'on_demand', 'AU', 0.25, now(), now(), 1),
           ('test', 'akash', 'NVIDIA H200', 1, 'on_demand', '', 3.5, now() - interval '30 days', null, 1),
           ('test', 'primeintellect', 'NVIDIA H200', 1, 'on_demand', '', 3.0, now(), null, 1),
           ('test', 'lambda', 'NVIDIA L40S', 1, 'on_demand', '', 1.0, now(), null, 1);";

fn price(platform: &str, name: &str, price: f64) -> Value {
    json!({ "platform": platform, "name": name, "price": price })
}

#[tokio::test]
async fn a_gpu_has_one_price_on_each_platform_the_cheapest_of_the_latest() {
    let app = App::new().await;
    assert_eq!(app.json("/get_gpu_prices_by_platform").await, json!({ "gpu_prices": [] }));
    app.database.execute(PRICES).await;
    let h200 = [
        price("vast.ai", "H200 SXM", 2.25),
        price("primeintellect", "H200 SXM", 3.0),
        price("akash", "H200 SXM", 3.5),
        price("runpod", "H200 SXM", 3.99),
    ];
    let l40s = price("lambda", "L40S", 1.0);
    let all: Vec<Value> = h200.iter().chain([&l40s]).cloned().collect();
    for (query, prices) in [
        ("", all.clone()),
        ("?platform=&gpu_name=", all),
        ("?platform=runpod", vec![h200[3].clone()]),
        ("?platform=Runpod", vec![]),
        ("?gpu_name=H200%20SXM", h200.to_vec()),
        ("?gpu_name=h200%20sxm", vec![]),
        ("?platform=lambda&gpu_name=H200%20SXM", vec![l40s]),
    ] {
        let answer = app.json(&format!("/get_gpu_prices_by_platform{query}")).await;
        assert_eq!(answer["gpu_prices"], json!(prices), "{query}");
    }
}

#[tokio::test]
async fn a_runs_gpu_is_priced_on_every_platform_by_its_title() {
    let app = App::new().await;
    app.database.execute(PRICES).await;
    app.publish_all(&["h200"]).await;
    // As another spells it, and one that no catalog knows.
    let (mut spelled, mut odd) = (run("l40s", 1), run("odd", 2));
    (spelled.gpu_id, spelled.gpu_key) = ("L40S".to_owned(), None);
    (odd.gpu_id, odd.gpu_key) = ("CPU test".to_owned(), None);
    app.publish(&spelled, &[throughput()]).await;
    app.publish(&odd, &[throughput()]).await;
    let of = async |pod_id: &str| app.json(&format!("/get_gpu_prices_by_pod_id?pod_id={pod_id}")).await;
    assert_eq!(
        of("h200").await["gpu_prices"],
        json!([
            price("Vast.ai", "H200 SXM", 2.25),
            price("Prime Intellect", "H200 SXM", 3.0),
            price("Akash Network", "H200 SXM", 3.5),
            price("Runpod", "H200 SXM", 3.99),
        ])
    );
    assert_eq!(of("l40s").await["gpu_prices"], json!([price("Lambda", "L40S", 1.0)]));
    assert_eq!(of("odd").await["gpu_prices"], json!([]));
    for (query, refusal) in [
        ("?pod_id=nobody", (404, vec![])),
        ("?pod_id=", (404, vec![])),
        ("", (422, vec![(json!(["query", "pod_id"]), "missing".to_owned())])),
    ] {
        assert_eq!(
            refused(app.get(&format!("/get_gpu_prices_by_pod_id{query}")).await).await,
            refusal,
            "{query}"
        );
    }
}
