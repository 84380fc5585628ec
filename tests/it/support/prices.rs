//! Prices in the table, as if a source had said them.

use super::database::TestDatabase;

/// A price: platform, GPU, how many of it, $ a GPU-hour, tier, hours since it was seen, whether it can be had.
pub(crate) type Said<'a> = (&'a str, &'a str, u32, &'a str, &'a str, u32, bool);

/// Puts on-demand prices into the table.
pub(crate) async fn say(database: &TestDatabase, prices: &[Said<'_>]) {
    database
        .execute("insert into price_scrapes (source, ended_at, outcome) values ('test', now(), 'ok')")
        .await;
    for (platform, gpu, count, usd, tier, hours, in_stock) in prices {
        database
            .execute(format!(
                "insert into latest_prices (source, platform, gpu_key, gpu_count, kind, tier, usd_per_gpu_hour, in_stock,
                                            last_seen_at, scrape_id)
                 select 'test', '{platform}', '{gpu}', {count}, 'on_demand', '{tier}', {usd}, {in_stock},
                        now() - interval '{hours} hours', max(id) from price_scrapes"
            ))
            .await;
    }
}
