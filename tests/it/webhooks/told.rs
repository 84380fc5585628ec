//! A price that falls, from a source's answer to a receiver that checks what it got.

use dria_bench::{domain::webhook::EventKind, prices, webhooks::send_due};
use serde_json::json;

use super::{Inbox, add, settings};
use crate::support::{clouds::FakeClouds, database::TestDatabase};

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_fell_is_told_signed_and_one_that_stayed_is_not() {
    let (database, clouds, (inbox, url)) =
        (TestDatabase::new().await, FakeClouds::start().await, Inbox::start().await);
    let made = add(&database, &url, &[EventKind::PriceDrop]).await;
    let wanted = [prices::find("lium").unwrap()];
    let look = async || {
        prices::scrape(&database.pool, &clouds.settings(), &wanted, true).await.unwrap();
        send_due(&database.pool, &settings()).await.unwrap().delivered
    };
    assert_eq!(look().await, 0, "nothing was known before");
    assert_eq!(look().await, 0, "all stayed as it was");
    let dearer = "update latest_prices set usd_per_gpu_hour = usd_per_gpu_hour * 1.25
                  where gpu_key = 'NVIDIA H100 80GB HBM3' and kind = 'on_demand'";
    database.execute(dearer).await;
    assert_eq!(look().await, 1);
    let told = &inbox.got()[0];
    assert!(told.is_signed_with(&made.secret));
    let (kind, data) = (&told.json()["type"], &told.json()["data"]);
    assert_eq!((kind, &data["gpu"]), (&json!("price.drop"), &json!("NVIDIA H100 80GB HBM3")), "{data}");
    assert_eq!((&data["platform"], &data["fell_percent"]), (&json!("lium"), &json!("20.0")), "{data}");
}
