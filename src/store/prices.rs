//! Writing prices: `price_scrapes`, `latest_prices`, `price_points`, `price_quarantine`, `price_unknown_names`,
//! `price_fx_rates`.
//!
//! A scrape's prices are one JSON parameter, so that thousands of them are one statement. A point is written when a price
//! changes, and when the last one is almost a day old: history then has one for each day that a price was seen.

use std::{collections::BTreeMap, time::Duration};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;

use super::{Error, outbox, parse};
use crate::domain::price::{Price, PriceKind, Rates, Series, guard::Doubt, normalise::UnknownGpu};

/// A series as it was before a scrape.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its row in `latest_prices`.
    pub id: i64,
    /// What it is of.
    pub series: Series,
    /// The last price believed.
    pub usd_per_gpu_hour: Decimal,
}

/// A jump that waits in quarantine.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its row in `price_quarantine`.
    pub id: i64,
    /// What it is of.
    pub series: Series,
    /// What was said.
    pub usd_per_gpu_hour: Decimal,
    /// Scrapes in a row that said so.
    pub confirmations: u32,
}

/// A price that isn't believed.
#[derive(Debug, Clone)]
pub struct Doubted {
    /// What it is of; of an offer, with the source's name of the GPU as its key.
    pub series: Series,
    /// Why.
    pub reason: Doubt,
    /// As the source says it; of a jump, USD per GPU-hour.
    pub price: String,
    /// Of a jump: the price it jumps from.
    pub last_accepted_usd: Option<Decimal>,
    /// Of a jump: scrapes in a row that said so.
    pub confirmations: u32,
}

/// How a scrape ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// `ok`, `partial`, `failed`.
    pub outcome: &'a str,
    /// What failed.
    pub error: Option<&'a str>,
    /// Offers listed.
    pub offers: u64,
    /// Prices accepted.
    pub prices: u64,
    /// Offers of unknown GPUs.
    pub unknown: u64,
    /// Prices not believed.
    pub quarantined: u64,
}

/// Records that a source is being asked. `None`: it was asked less than `interval` ago.
///
/// # Errors
/// When the database fails.
pub async fn begin(conn: &mut PgConnection, source: &str, interval: Duration) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "insert into price_scrapes (source)
         select $1 where not exists (select 1 from price_scrapes
                                     where source = $1 and started_at > now() - make_interval(secs => $2))
         returning id",
        source,
        interval.as_secs_f64()
    )
    .fetch_optional(conn)
    .await?)
}

/// Records how it ended.
///
/// # Errors
/// When the database fails.
pub async fn finish(conn: &mut PgConnection, scrape: i64, finish: &Finish<'_>) -> Result<(), Error> {
    let count = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
    sqlx::query!(
        "update price_scrapes set ended_at = clock_timestamp(), outcome = $2, error = $3, offers = $4, prices = $5,
                                  unknown = $6, quarantined = $7
         where id = $1",
        scrape,
        finish.outcome,
        finish.error,
        count(finish.offers),
        count(finish.prices),
        count(finish.unknown),
        count(finish.quarantined)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps others from recording this source's prices until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, source: &str) -> Result<(), Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('prices of ' || $1)) as \"done!: ()\"", source)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Every series of a source.
///
/// # Errors
/// When the database fails.
pub async fn known(conn: &mut PgConnection, source: &str) -> Result<Vec<Known>, Error> {
    let rows = sqlx::query!(
        "select id, platform, provider, gpu_key, gpu_count, kind, tier, region, usd_per_gpu_hour
         from latest_prices where source = $1",
        source
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| {
        Ok(Known {
            id: row.id,
            series: Series {
                platform: row.platform,
                provider: row.provider,
                gpu_key: row.gpu_key,
                gpu_count: u32::try_from(row.gpu_count).unwrap_or_default(),
                kind: parse("latest_prices.kind", &row.kind)?,
                tier: row.tier,
                region: row.region,
            },
            usd_per_gpu_hour: row.usd_per_gpu_hour.normalize(),
        })
    });
    known.collect()
}

/// The jumps of a source that wait in quarantine.
///
/// # Errors
/// When the database fails.
pub async fn jumps(conn: &mut PgConnection, source: &str) -> Result<Vec<Held>, Error> {
    let rows = sqlx::query!(
        "select id, platform, provider, gpu_name, gpu_count, kind, tier, region, price, confirmations
         from price_quarantine where source = $1 and reason = 'jump' and released_at is null",
        source
    )
    .fetch_all(conn)
    .await?;
    let held = rows.into_iter().map(|row| {
        Ok(Held {
            id: row.id,
            series: Series {
                platform: row.platform,
                provider: row.provider,
                gpu_key: row.gpu_name,
                gpu_count: u32::try_from(row.gpu_count).unwrap_or_default(),
                kind: parse("price_quarantine.kind", &row.kind)?,
                tier: row.tier,
                region: row.region,
            },
            usd_per_gpu_hour: parse("price_quarantine.price", &row.price)?,
            confirmations: u32::try_from(row.confirmations).unwrap_or_default(),
        })
    });
    held.collect()
}

/// Takes prices in: each series' newest price, and a point in its history where it changed or a day has passed. Returns
/// how many points.
///
/// # Errors
/// When the database fails.
pub async fn accept(
    conn: &mut PgConnection,
    scrape: i64,
    source: &str,
    prices: &[Price],
) -> Result<u64, Error> {
    let rows: Vec<_> = prices
        .iter()
        .map(|price| {
            let (series, spread) = (&price.series, price.spread.as_ref());
            json!({
                "platform": series.platform, "provider": series.provider, "gpu_key": series.gpu_key,
                "gpu_count": series.gpu_count, "kind": series.kind, "tier": series.tier, "region": series.region,
                "usd": price.usd_per_gpu_hour, "min_usd": spread.map(|spread| spread.min),
                "p10_usd": spread.and_then(|spread| spread.p10), "offers": spread.map(|spread| spread.offers),
                "in_stock": price.in_stock, "regions": price.regions,
            })
        })
        .collect();
    let done = sqlx::query!(
        "with said as (
           select * from jsonb_to_recordset($3::jsonb) as r (
             platform text, provider text, gpu_key text, gpu_count int, kind text, tier text, region text, usd numeric,
             min_usd numeric, p10_usd numeric, offers int, in_stock boolean, regions text[])),
         series as (
           insert into latest_prices as l
             (source, platform, provider, gpu_key, gpu_count, kind, tier, region, usd_per_gpu_hour, min_usd, p10_usd,
              offers, in_stock, regions, scrape_id)
           select $2, platform, provider, gpu_key, gpu_count, kind, tier, region, usd, min_usd, p10_usd, offers, in_stock,
                  regions, $1
           from said
           on conflict on constraint latest_prices_series do update set
             usd_per_gpu_hour = excluded.usd_per_gpu_hour, min_usd = excluded.min_usd, p10_usd = excluded.p10_usd,
             offers = excluded.offers, in_stock = excluded.in_stock, regions = excluded.regions, last_seen_at = now(),
             withdrawn_at = null, scrape_id = excluded.scrape_id,
             point_at = case
               when l.withdrawn_at is not null or l.point_at < now() - interval '20 hours'
                    or (l.usd_per_gpu_hour, l.min_usd, l.p10_usd, l.in_stock)
                       is distinct from (excluded.usd_per_gpu_hour, excluded.min_usd, excluded.p10_usd, excluded.in_stock)
               then now() else l.point_at end
           returning id, point_at, usd_per_gpu_hour, min_usd, p10_usd, offers, in_stock)
         insert into price_points (series_id, as_of, usd_per_gpu_hour, min_usd, p10_usd, offers, in_stock, scrape_id)
         select id, point_at, usd_per_gpu_hour, min_usd, p10_usd, offers, in_stock, $1 from series where point_at = now()
         on conflict do nothing",
        scrape,
        source,
        serde_json::Value::from(rows)
    )
    .execute(&mut *conn)
    .await?;
    let mut said: Vec<String> = prices
        .iter()
        .filter(|price| price.series.kind == PriceKind::OnDemand)
        .map(|price| format!("{}:{}", price.series.gpu_key, price.series.platform))
        .collect();
    said.sort_unstable();
    said.dedup();
    outbox::append_many(conn, outbox::Aggregate::Price, &said, scrape).await?;
    Ok(done.rows_affected())
}

/// Notes that these series are still listed, at a price that isn't believed.
///
/// # Errors
/// When the database fails.
pub async fn hold(conn: &mut PgConnection, scrape: i64, series: &[i64]) -> Result<(), Error> {
    sqlx::query!("update latest_prices set scrape_id = $1 where id = any ($2)", scrape, series)
        .execute(conn)
        .await?;
    Ok(())
}

/// After a whole answer: marks what the source lists no longer, and ends what waits in quarantine and wasn't said again.
/// Returns how many series it marked.
///
/// # Errors
/// When the database fails.
pub async fn withdraw(conn: &mut PgConnection, scrape: i64, source: &str) -> Result<u64, Error> {
    sqlx::query!(
        "update price_quarantine set released_at = now()
         where source = $2 and released_at is null and scrape_id <> $1",
        scrape,
        source
    )
    .execute(&mut *conn)
    .await?;
    let done = sqlx::query!(
        "update latest_prices set withdrawn_at = now()
         where source = $2 and withdrawn_at is null and scrape_id <> $1",
        scrape,
        source
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Ends these jumps: they are believed now, or were taken back.
///
/// # Errors
/// When the database fails.
pub async fn release(conn: &mut PgConnection, quarantined: &[i64]) -> Result<(), Error> {
    sqlx::query!("update price_quarantine set released_at = now() where id = any ($1)", quarantined)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps prices that aren't believed: one row a series and reason, however often they are said.
///
/// # Errors
/// When the database fails.
pub async fn quarantine(
    conn: &mut PgConnection,
    scrape: i64,
    source: &str,
    doubted: &[Doubted],
) -> Result<(), Error> {
    let rows: Vec<_> = doubted
        .iter()
        .map(|doubted| {
            let series = &doubted.series;
            json!({
                "platform": series.platform, "provider": series.provider, "gpu_name": series.gpu_key,
                "gpu_count": series.gpu_count, "kind": series.kind, "tier": series.tier, "region": series.region,
                "reason": doubted.reason, "price": doubted.price, "last_accepted_usd": doubted.last_accepted_usd,
                "confirmations": doubted.confirmations,
            })
        })
        .collect();
    sqlx::query!(
        "insert into price_quarantine as q
           (source, platform, provider, gpu_name, gpu_count, kind, tier, region, reason, price, last_accepted_usd,
            confirmations, scrape_id)
         select $2, platform, provider, gpu_name, gpu_count, kind, tier, region, reason, price, last_accepted_usd,
                confirmations, $1
         from jsonb_to_recordset($3::jsonb) as r (
           platform text, provider text, gpu_name text, gpu_count int, kind text, tier text, region text, reason text,
           price text, last_accepted_usd numeric, confirmations int)
         on conflict (source, platform, provider, gpu_name, gpu_count, kind, tier, region, reason)
           where released_at is null
         do update set
           price = excluded.price, last_accepted_usd = excluded.last_accepted_usd, last_seen_at = now(),
           scrape_id = excluded.scrape_id,
           confirmations = case when q.reason = 'jump' then excluded.confirmations else q.confirmations + 1 end",
        scrape,
        source,
        serde_json::Value::from(rows)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps names that lead nowhere, for review.
///
/// # Errors
/// When the database fails.
pub async fn note_unknown(
    conn: &mut PgConnection,
    source: &str,
    unknown: &[UnknownGpu],
) -> Result<(), Error> {
    let rows: Vec<_> = unknown
        .iter()
        .map(|gpu| {
            json!({
                "name": gpu.name, "memory_gb": gpu.memory_gb, "reason": gpu.reason, "example_usd": gpu.example_usd,
                "offers": gpu.offers,
            })
        })
        .collect();
    sqlx::query!(
        "insert into price_unknown_names (source, name, memory_gb, reason, example_usd, offers)
         select $1, name, memory_gb, reason, example_usd, offers
         from jsonb_to_recordset($2::jsonb) as r (
           name text, memory_gb double precision, reason text, example_usd numeric, offers int)
         on conflict (source, name) do update set
           memory_gb = excluded.memory_gb, reason = excluded.reason, example_usd = excluded.example_usd,
           offers = excluded.offers, last_seen_at = now()",
        source,
        serde_json::Value::from(rows)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps exchange rates: US dollars for one unit.
///
/// # Errors
/// When the database fails.
pub async fn keep_rates(conn: &mut PgConnection, as_of: NaiveDate, rates: &Rates) -> Result<(), Error> {
    let rows: Vec<_> =
        rates.iter().map(|(currency, usd)| json!({ "currency": currency, "usd": usd })).collect();
    sqlx::query!(
        "insert into price_fx_rates as f (currency, usd, as_of)
         select currency, usd, $1 from jsonb_to_recordset($2::jsonb) as r (currency text, usd numeric)
         on conflict (currency) do update set usd = excluded.usd, as_of = excluded.as_of
         where f.as_of <= excluded.as_of",
        as_of,
        serde_json::Value::from(rows)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The exchange rates that are kept and at most so many days old.
///
/// # Errors
/// When the database fails.
pub async fn rates(conn: &mut PgConnection, max_age_days: i32) -> Result<Rates, Error> {
    let rows = sqlx::query!(
        "select currency, usd from price_fx_rates where as_of >= current_date - $1::int",
        max_age_days
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.currency, row.usd)).collect())
}

/// The cheapest on-demand price of each GPU that a source still lists, and where it is: USD per GPU-hour.
///
/// # Errors
/// When the database fails.
pub async fn cheapest(conn: &mut PgConnection) -> Result<BTreeMap<String, (Decimal, String)>, Error> {
    let rows = sqlx::query!(
        "select distinct on (gpu_key) gpu_key, usd_per_gpu_hour, platform from latest_prices
         where kind = 'on_demand' and withdrawn_at is null and last_seen_at > now() - interval '2 days'
         order by gpu_key, usd_per_gpu_hour, platform"
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.gpu_key, (row.usd_per_gpu_hour, row.platform))).collect())
}
