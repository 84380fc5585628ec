//! Prices chosen in the database: the cheapest of each seller, of each platform, and what a machine may be rented for. Whole
//! price lists are [`super::price_reads`]'s.

use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{
    Error, parse,
    price_reads::{Filter, Latest, Row},
};
use crate::domain::{
    price::{PriceKind, freshness::STALE},
    recommend::Priced,
};

/// The cheapest price of each GPU, platform, provider, kind and tier, whatever its region and size of machine: by GPU and
/// kind, cheapest first. And how many prices there are with the dearer ones.
///
/// # Errors
/// When the database fails.
pub async fn cheapest(conn: &mut PgConnection, filter: &Filter<'_>) -> Result<(Vec<Latest>, usize), Error> {
    let rows = sqlx::query!(
        r#"select source as "source!", platform as "platform!", provider as "provider!", gpu_key as "gpu_key!",
                  gpu_count as "gpu_count!", kind as "kind!", tier as "tier!", region as "region!",
                  usd_per_gpu_hour as "usd_per_gpu_hour!", min_usd, p10_usd, offers, in_stock, regions as "regions!",
                  first_seen_at as "first_seen_at!", last_seen_at as "last_seen_at!",
                  withdrawn_at is not null as "withdrawn!",
                  extract(epoch from now() - last_seen_at)::float8 as "age_s!", every as "every!"
           from (select distinct on (gpu_key, kind, platform, provider, tier) *, count(*) over () as every
                 from latest_prices
                 where ($1::text[] is null or gpu_key = any ($1)) and ($2::text is null or platform = $2)
                   and ($3::text is null or kind = $3)
                   and ($4::text is null or region = $4 or $4 = any (regions) or (region = '' and regions = '{}'))
                   and last_seen_at > now() - make_interval(secs => $5)
                 order by gpu_key, kind, platform, provider, tier, usd_per_gpu_hour, source, id) cheapest
           order by gpu_key collate "C", kind collate "C", usd_per_gpu_hour, platform collate "C", source collate "C", id"#,
        filter.gpu_keys,
        filter.platform,
        filter.kind.map(PriceKind::as_str),
        filter.region,
        filter.most_age_s()
    )
    .fetch_all(conn)
    .await?;
    let every = rows.first().map_or(0, |row| usize::try_from(row.every).unwrap_or_default());
    let cheapest = rows.into_iter().map(|row| {
        Latest::try_from(Row {
            source: row.source,
            platform: row.platform,
            provider: row.provider,
            gpu_key: row.gpu_key,
            gpu_count: row.gpu_count,
            kind: row.kind,
            tier: row.tier,
            region: row.region,
            usd_per_gpu_hour: row.usd_per_gpu_hour,
            min_usd: row.min_usd,
            p10_usd: row.p10_usd,
            offers: row.offers,
            in_stock: row.in_stock,
            regions: row.regions,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            withdrawn: row.withdrawn,
            age_s: row.age_s,
        })
    });
    Ok((cheapest.collect::<Result<_, _>>()?, every))
}

/// The cheapest price of a GPU on one platform that is young enough to count in medians.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfPlatform {
    /// The GPU: an id of the catalog.
    pub gpu_key: String,
    /// On demand or spot.
    pub kind: PriceKind,
    /// Where it is rented.
    pub platform: String,
    /// US dollars per GPU-hour.
    pub usd_per_gpu_hour: Decimal,
}

/// Of each GPU, kind and platform the cheapest price that counts, in this order.
///
/// # Errors
/// When the database fails.
pub async fn by_platform(conn: &mut PgConnection, filter: &Filter<'_>) -> Result<Vec<OfPlatform>, Error> {
    let rows = sqlx::query!(
        r#"select gpu_key, kind, platform, min(usd_per_gpu_hour) as "usd!"
           from latest_prices
           where ($1::text[] is null or gpu_key = any ($1)) and ($2::text is null or platform = $2)
             and ($3::text is null or kind = $3)
             and ($4::text is null or region = $4 or $4 = any (regions) or (region = '' and regions = '{}'))
             and last_seen_at >= now() - make_interval(secs => $5) and withdrawn_at is null
           group by gpu_key, kind, platform order by gpu_key collate "C", kind collate "C", platform collate "C""#,
        filter.gpu_keys,
        filter.platform,
        filter.kind.map(PriceKind::as_str),
        filter.region,
        STALE.as_secs_f64()
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(OfPlatform {
            gpu_key: row.gpu_key,
            kind: parse("latest_prices.kind", &row.kind)?,
            platform: row.platform,
            usd_per_gpu_hour: row.usd.normalize(),
        })
    });
    read.collect()
}

/// Whose machines are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seller<'a> {
    /// Only this platform.
    pub platform: Option<&'a str>,
    /// Only this tier.
    pub tier: Option<&'a str>,
}

/// Where runs are rented: RunPod's own data centers.
pub const RUNPOD: Seller<'_> = Seller { platform: Some("runpod"), tier: Some("secure") };

/// On-demand prices that are young enough to count: of each GPU and number of them, platform and tier the cheapest that can
/// be had, and the cheapest that can't. Spot is another thing: a machine that may be taken away.
///
/// # Errors
/// When the database fails.
pub async fn on_demand(conn: &mut PgConnection, seller: Seller<'_>) -> Result<Vec<Priced>, Error> {
    let rows = sqlx::query!(
        r#"select distinct on (gpu_key, gpu_count, platform, tier, in_stock is distinct from false)
                  gpu_key, gpu_count, platform, tier, usd_per_gpu_hour, in_stock, last_seen_at
           from latest_prices
           where kind = 'on_demand' and withdrawn_at is null and last_seen_at >= now() - make_interval(secs => $1)
             and ($2::text is null or platform = $2) and ($3::text is null or tier = $3)
           order by gpu_key, gpu_count, platform, tier, in_stock is distinct from false, usd_per_gpu_hour, last_seen_at desc"#,
        STALE.as_secs_f64(),
        seller.platform,
        seller.tier
    )
    .fetch_all(conn)
    .await?;
    let priced = rows.into_iter().map(|row| Priced {
        gpu: row.gpu_key,
        count: u32::try_from(row.gpu_count).ok().filter(|count| *count > 0),
        usd_per_gpu_hour: row.usd_per_gpu_hour.normalize(),
        source: [row.platform, row.tier].join(" ").trim().to_owned(),
        in_stock: row.in_stock,
        as_of: Some(row.last_seen_at),
    });
    Ok(priced.collect())
}
