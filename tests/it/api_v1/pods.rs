//! Pods over HTTP: what each is rented for, and what it has cost.

use dria_bench::{
    domain::{kinds::ProviderKind, money::Rented},
    ledger::tokens::Role,
    store::{pods, rentals},
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::App;

#[tokio::test]
async fn a_rented_pod_has_its_price_and_cost_and_one_that_is_not_has_neither() {
    let app = App::new().await;
    let operator = app.token(Role::Operator).await;
    let mut conn = app.bench.database.pool.acquire().await.unwrap();
    for (name, provider) in [("dria-x-rented", ProviderKind::Runpod), ("dria-x-here", ProviderKind::Local)] {
        pods::intend(&mut conn, app.bench.run, 1, provider, name).await.unwrap();
    }
    // The pod was lost once, and rented anew for another price; a third told none.
    for (id, cents) in [("first", 200), ("second", 399), ("untold", 0)] {
        let rented = Rented {
            gpu_id: "NVIDIA H200".to_owned(),
            gpu_count: 1,
            data_center: None,
            price_usd_per_hour: Decimal::new(cents, 2),
            created_at: None,
        };
        let run = Some(app.bench.run);
        rentals::record(&mut conn, run, ProviderKind::Runpod, "dria-x-rented", id, &rented).await.unwrap();
    }
    let hours =
        "update rentals set started_at = now() - interval '3 hours', ended_at = now() - interval '1 hour'
                 where external_id = 'first'";
    app.bench.database.execute(hours).await;
    let request = app.request(reqwest::Method::GET, "/api/v1/admin/pods").bearer_auth(&operator);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let pod = |name: &str| {
        let pods = answer["pods"].as_array().unwrap();
        pods.iter().find(|pod| pod["name"] == name).unwrap_or_else(|| panic!("{name}: {answer}"))
    };
    let rented = pod("dria-x-rented");
    assert_eq!(rented["usd_per_hour"], "3.99", "the price of the one that is there");
    let spent: Decimal = rented["spent_usd"].as_str().unwrap().parse().unwrap();
    assert!(
        spent >= Decimal::from(4) && spent < Decimal::from(5),
        "two hours of 2 USD and a moment: {spent}"
    );
    assert_eq!(
        (&pod("dria-x-here")["usd_per_hour"], &pod("dria-x-here")["spent_usd"]),
        (&Value::Null, &Value::Null)
    );
}
