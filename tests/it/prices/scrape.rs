//! What is kept of what sources say: nothing twice, nothing lost, nothing absurd.

use dria_bench::{
    domain::price::{Freshness, PriceKind},
    prices::{Outcome, scrape_all, sources},
    store::price_reads::{self, Filter},
};

use super::Prices;

const H100: &str = "NVIDIA H100 80GB HBM3";
const RTX_4090: &str = "NVIDIA GeForce RTX 4090";

#[tokio::test(flavor = "multi_thread")]
async fn all_sources_answer_and_a_second_scrape_of_the_same_adds_nothing() {
    let prices = Prices::new().await;
    let first = scrape_all(prices.pool(), &prices.settings).await.unwrap();
    assert_eq!(first.len(), sources::ALL.len());
    for done in &first {
        assert_eq!((done.outcome, done.error.as_deref()), (Outcome::Ok, None), "{done:?}");
        assert!(done.offers > 0 && done.points == done.prices && done.quarantined == 0, "{done:?}");
    }
    let points = prices.database.count("select count(*) from price_points").await;
    let series = prices.database.count("select count(*) from latest_prices").await;
    assert_eq!(points, series);
    let all: Vec<&str> = sources::ALL.iter().map(|source| source.name()).collect();
    let second = prices.scrape(&all).await;
    for (again, first) in second.iter().zip(&first) {
        assert_eq!((again.outcome, again.points, again.withdrawn), (Outcome::Ok, 0, 0), "{again:?}");
        assert_eq!(again.prices, first.prices, "{again:?}");
    }
    assert_eq!(prices.database.count("select count(*) from price_points").await, points);
    assert_eq!(prices.database.count("select count(*) from latest_prices").await, series);
    assert_eq!(
        prices.database.count("select count(*) from price_unknown_names where name = 'A10G'").await,
        1
    );

    let third = scrape_all(prices.pool(), &prices.settings).await.unwrap();
    assert!(third.iter().all(|done| done.outcome == Outcome::TooSoon), "{third:?}");

    let h100 = [H100.to_owned()];
    let of_h100 = Filter { gpu_keys: Some(&h100), kind: Some(PriceKind::OnDemand), ..Filter::default() };
    let cheapest = prices.latest(&of_h100).await;
    assert_eq!(
        (cheapest[0].platform.as_str(), cheapest[0].usd_per_gpu_hour.to_string()),
        ("hyperbolic", "1.49".to_owned())
    );
    assert!(cheapest.iter().all(|price| price.freshness == Freshness::Fresh));
    let aws: Vec<_> = cheapest.iter().filter(|price| price.platform == "aws").collect();
    assert_eq!((aws[0].usd_per_gpu_hour.to_string().as_str(), aws[0].gpu_count), ("6.88", 8));
    let in_region = Filter { region: Some("US-KS-2"), gpu_keys: Some(&h100), ..Filter::default() };
    assert!(prices.latest(&in_region).await.iter().any(|price| price.source == "runpod_v2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_ask_at_once_write_each_price_once() {
    let prices = Prices::new().await;
    let (one, other) = tokio::join!(prices.ask("lium"), prices.ask("lium"));
    assert_eq!((one.outcome, other.outcome), (Outcome::Ok, Outcome::Ok));
    assert_eq!(one.points + other.points, one.prices);
    assert_eq!(
        prices.database.count("select count(*) from price_points").await,
        i64::try_from(one.prices).unwrap()
    );
}

fn lium(price: &str) -> String {
    format!(
        r#"{{"nodes": [{{"id": "a", "gpu_model": "NVIDIA GeForce RTX 4090", "price_per_gpu_hour": {price},
            "available_gpu_count": 1, "tier": "secure"}}]}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_is_kept_back_until_it_was_said_three_times_in_a_row() {
    let prices = Prices::new().await;
    prices.clouds.serve("lium", lium("0.40"));
    prices.ask("lium").await;
    prices.clouds.serve("lium", lium("2.10"));
    for time in 1..=2 {
        let jumped = prices.ask("lium").await;
        assert_eq!((jumped.outcome, jumped.quarantined, jumped.points), (Outcome::Ok, 1, 0), "{time}");
        assert_eq!(jumped.withdrawn, 0, "it is still listed");
        assert_eq!(prices.price("lium", RTX_4090).await, "0.4");
    }
    let shown = price_reads::quarantined(&mut prices.pool().acquire().await.unwrap()).await.unwrap();
    assert_eq!((shown.len(), shown[0].reason.as_str(), shown[0].confirmations), (1, "jump", 2));
    assert_eq!(
        (shown[0].price.as_str(), shown[0].last_accepted_usd.unwrap().to_string().as_str()),
        ("2.1", "0.400000")
    );

    // Another price is another jump, and one that is taken back was an outlier.
    prices.clouds.serve("lium", lium("9"));
    prices.ask("lium").await;
    prices.clouds.serve("lium", lium("0.41"));
    assert_eq!(prices.ask("lium").await.points, 1);
    assert_eq!(
        prices.database.count("select count(*) from price_quarantine where released_at is null").await,
        0
    );

    prices.clouds.serve("lium", lium("2.10"));
    let points: Vec<u64> = [prices.ask("lium").await, prices.ask("lium").await, prices.ask("lium").await]
        .iter()
        .map(|done| done.points)
        .collect();
    assert_eq!(points, [0, 0, 1]);
    assert_eq!(prices.price("lium", RTX_4090).await, "2.1");
    assert_eq!(
        prices.database.count("select count(*) from price_quarantine where released_at is null").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_price_is_shown_in_quarantine_and_in_no_list() {
    let prices = Prices::new().await;
    let absurd =
        [("0", "not_positive"), ("51", "too_high"), ("-1.5", "not_positive"), ("\"NaN\"", "unreadable")];
    for (price, reason) in absurd {
        prices.clouds.serve("lium", lium(price));
        for _ in 0..2 {
            let done = prices.ask("lium").await;
            assert_eq!((done.outcome, done.prices, done.quarantined), (Outcome::Ok, 0, 1), "{price}");
        }
        let shown = price_reads::quarantined(&mut prices.pool().acquire().await.unwrap()).await.unwrap();
        assert_eq!((shown.len(), shown[0].reason.as_str()), (1, reason), "{price}: {shown:?}");
        assert_eq!(shown[0].confirmations, 2, "one row however often it is said");
        assert!(prices.latest(&Filter::default()).await.is_empty());
    }
    prices.clouds.serve("lium", lium("NaN"));
    let done = prices.ask("lium").await;
    assert_eq!(done.outcome, Outcome::Failed);
    assert!(done.error.unwrap().contains("a text that can't be read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_lists_no_longer_is_marked_and_left_out_of_medians() {
    let prices = Prices::new().await;
    prices.ask("lium").await;
    prices.clouds.serve("lium", lium("0.40"));
    let done = prices.ask("lium").await;
    assert_eq!((done.points, done.withdrawn), (1, 2));
    let gone = prices.latest(&Filter { gpu_keys: Some(&[H100.to_owned()]), ..Filter::default() }).await;
    assert_eq!((gone.len(), gone[0].freshness), (1, Freshness::Old));
    assert!(gone[0].reason.contains("lists it no longer"), "{}", gone[0].reason);
    let body = crate::support::clouds::body("lium", "").unwrap();
    prices.clouds.serve("lium", body);
    assert_eq!(prices.ask("lium").await.points, 2, "what comes back is a point");
    assert_eq!(
        prices.latest(&Filter { gpu_keys: Some(&[H100.to_owned()]), ..Filter::default() }).await[0].freshness,
        Freshness::Fresh
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_age_in_bands_and_one_that_stays_has_a_point_a_day() {
    let prices = Prices::new().await;
    prices.ask("akash").await;
    for (hours, freshness) in [(1, Freshness::Fresh), (3, Freshness::Stale), (13, Freshness::Old)] {
        prices
            .database
            .execute(format!("update latest_prices set last_seen_at = now() - interval '{hours} hours'"))
            .await;
        assert_eq!(prices.latest(&Filter::default()).await[0].freshness, freshness);
    }
    prices.database.execute("update latest_prices set last_seen_at = now() - interval '25 hours'").await;
    assert!(prices.latest(&Filter::default()).await.is_empty());
    let old = prices.latest(&Filter { hidden: true, ..Filter::default() }).await;
    assert_eq!((old.len(), old[0].freshness), (1, Freshness::Hidden));

    prices.database.execute("update price_points set as_of = as_of - interval '21 hours'").await;
    prices.database.execute("update latest_prices set point_at = point_at - interval '21 hours'").await;
    assert_eq!(prices.ask("akash").await.points, 1, "the same price, almost a day later");
    assert_eq!(prices.ask("akash").await.points, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_one_span_a_platform_kind_and_time_with_its_lowest_median_and_highest() {
    let prices = Prices::new().await;
    prices.ask("akash").await;
    prices
        .database
        .execute(
            "insert into price_points (series_id, as_of, usd_per_gpu_hour, scrape_id)
             select l.id, date_trunc('day', now()) - interval '3 days' + n * interval '1 hour', 1 + n * 0.1, l.scrape_id
             from latest_prices l, generate_series(0, 4) n;
             insert into price_points (series_id, as_of, usd_per_gpu_hour, scrape_id)
             select id, now() - interval '200 days', 9, scrape_id from latest_prices",
        )
        .await;
    let mut conn = prices.pool().acquire().await.unwrap();
    let spans = price_reads::history(&mut conn, H100, None, None, 90, 86_400).await.unwrap();
    assert_eq!(spans.len(), 2, "{spans:?}");
    let (first, now) = (&spans[0], &spans[1]);
    let shown = [first.min_usd, first.median_usd, first.max_usd].map(|usd| usd.to_string());
    assert_eq!((shown, first.points), (["1", "1.2", "1.4"].map(str::to_owned), 5));
    assert_eq!((now.median_usd.to_string().as_str(), now.points), ("1.71", 1));
    let none = price_reads::history(&mut conn, H100, Some("runpod"), None, 90, 86_400).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn euros_need_a_rate_and_the_last_good_one_serves_for_days() {
    let prices = Prices::new().await;
    prices.clouds.serve("ecb", "<html>closed</html>");
    let none = prices.ask("scaleway").await;
    assert_eq!(none.outcome, Outcome::Failed);
    assert!(
        none.error.as_deref().unwrap().contains("no exchange rate: ECB: Cube/@time: is missing"),
        "{none:?}"
    );
    prices.clouds.serve("ecb", crate::support::clouds::body("ecb", "").unwrap());
    prices.database.execute("update price_fx_rates set as_of = current_date").await;
    assert_eq!(prices.ask("scaleway").await.outcome, Outcome::Ok);
    assert_eq!(prices.price("scaleway", "NVIDIA H100 PCIe").await, "3.115476");
    prices.clouds.serve("ecb", "<html>closed</html>");
    prices.database.execute("update price_fx_rates set as_of = current_date - 9").await;
    assert_eq!(prices.ask("scaleway").await.outcome, Outcome::Ok);
    prices.database.execute("update price_fx_rates set as_of = current_date - 11").await;
    assert_eq!(prices.ask("scaleway").await.outcome, Outcome::Failed);
    assert_eq!(prices.price("scaleway", "NVIDIA H100 PCIe").await, "3.115476", "the last price stays");
}
