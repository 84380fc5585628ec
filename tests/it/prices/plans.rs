//! How PostgreSQL finds prices among many: by indexes, whatever the history holds.

use sqlx::Row;

use super::Prices;

/// 5,000 series of 50 GPUs with 40 points each.
async fn fill(prices: &Prices) {
    prices
        .database
        .execute(
            "insert into price_scrapes (source, ended_at, outcome) values ('test', now(), 'ok');
             insert into latest_prices (source, platform, gpu_key, gpu_count, kind, region, usd_per_gpu_hour, scrape_id)
             select 'test', 'platform ' || n / 50 % 10, 'GPU ' || n % 50, 1, 'on_demand', 'region ' || n / 500, 1,
                    (select max(id) from price_scrapes) from generate_series(0, 4999) n;
             insert into price_points (series_id, as_of, usd_per_gpu_hour, scrape_id)
             select s.id, now() - p * interval '2 days', 1, s.scrape_id from latest_prices s, generate_series(1, 40) p;
             analyze latest_prices; analyze price_points",
        )
        .await;
}

async fn plan(prices: &Prices, query: &str) -> String {
    let rows =
        sqlx::query(sqlx::AssertSqlSafe(format!("explain {query}"))).fetch_all(prices.pool()).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prices_of_a_gpu_now_and_over_time_are_found_by_their_indexes() {
    let prices = Prices::new().await;
    fill(&prices).await;
    let latest = plan(
        &prices,
        "select * from latest_prices where gpu_key = any (array['GPU 7']) and last_seen_at > now() - interval '1 day'",
    )
    .await;
    assert!(latest.contains("latest_prices_of_gpu") && !latest.contains("Seq Scan"), "{latest}");
    let history = plan(
        &prices,
        "select l.platform, count(*) from latest_prices l join price_points p on p.series_id = l.id
         where l.gpu_key = 'GPU 7' and p.as_of > now() - interval '10 days' group by 1",
    )
    .await;
    assert!(
        history.contains("price_points_pkey") && !history.contains("Seq Scan on price_points"),
        "{history}"
    );
}
