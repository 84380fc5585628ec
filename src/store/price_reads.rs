//! Reading prices: the newest of each series, a GPU's history in few points, and what people look after.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use super::{Error, parse};
use crate::domain::price::{Freshness, PriceKind, freshness::SHOWN};

/// Which prices.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only these GPUs (ids of the catalog).
    pub gpu_keys: Option<&'a [String]>,
    /// Only this platform.
    pub platform: Option<&'a str>,
    /// Only this kind.
    pub kind: Option<PriceKind>,
    /// Only what holds in, or can be had in, this region; what costs the same everywhere and doesn't say where it can be
    /// had is in all.
    pub region: Option<&'a str>,
    /// Those older than a day, too.
    pub hidden: bool,
}

/// The newest price of a series.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Latest {
    /// Who says so.
    pub source: String,
    /// Where it is rented.
    pub platform: String,
    /// Whose machine it is, where the platform resells; else empty.
    pub provider: String,
    /// The GPU: an id of the catalog.
    pub gpu_key: String,
    /// GPUs of the machine; 0: any number.
    pub gpu_count: i32,
    /// On demand or spot.
    pub kind: PriceKind,
    /// `secure`, `community`, …
    pub tier: String,
    /// The region it holds in; empty: everywhere.
    pub region: String,
    /// US dollars per GPU-hour; of a marketplace, the median of its offers.
    #[schema(value_type = String)]
    pub usd_per_gpu_hour: Decimal,
    /// Of a marketplace: the lowest.
    #[schema(value_type = Option<String>)]
    pub min_usd: Option<Decimal>,
    /// Of a marketplace: a tenth of its offers cost at most this.
    #[schema(value_type = Option<String>)]
    pub p10_usd: Option<Decimal>,
    /// Of a marketplace: how many offers there are.
    pub offers: Option<i32>,
    /// Whether it can be had; `None`: the source doesn't say.
    pub in_stock: Option<bool>,
    /// Where it can be had at this price.
    pub regions: Vec<String>,
    /// When the source first said so.
    pub first_seen_at: DateTime<Utc>,
    /// When it last did.
    pub last_seen_at: DateTime<Utc>,
    /// Seconds since then.
    pub age_s: f64,
    /// What that is worth.
    pub freshness: Freshness,
    /// The same for people.
    pub reason: String,
}

/// A row of `latest_prices`.
pub(super) struct Row {
    pub(super) source: String,
    pub(super) platform: String,
    pub(super) provider: String,
    pub(super) gpu_key: String,
    pub(super) gpu_count: i32,
    pub(super) kind: String,
    pub(super) tier: String,
    pub(super) region: String,
    pub(super) usd_per_gpu_hour: Decimal,
    pub(super) min_usd: Option<Decimal>,
    pub(super) p10_usd: Option<Decimal>,
    pub(super) offers: Option<i32>,
    pub(super) in_stock: Option<bool>,
    pub(super) regions: Vec<String>,
    pub(super) first_seen_at: DateTime<Utc>,
    pub(super) last_seen_at: DateTime<Utc>,
    pub(super) withdrawn: bool,
    pub(super) age_s: f64,
}

impl TryFrom<Row> for Latest {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let age = Duration::try_from_secs_f64(row.age_s.max(0.0)).unwrap_or(Duration::MAX);
        let freshness = Freshness::of(age, row.withdrawn);
        Ok(Self {
            source: row.source,
            platform: row.platform,
            provider: row.provider,
            gpu_key: row.gpu_key,
            gpu_count: row.gpu_count,
            kind: parse("latest_prices.kind", &row.kind)?,
            tier: row.tier,
            region: row.region,
            usd_per_gpu_hour: row.usd_per_gpu_hour.normalize(),
            min_usd: row.min_usd.map(|usd| usd.normalize()),
            p10_usd: row.p10_usd.map(|usd| usd.normalize()),
            offers: row.offers,
            in_stock: row.in_stock,
            regions: row.regions,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            age_s: row.age_s,
            reason: freshness.reason(age, row.withdrawn),
            freshness,
        })
    }
}

impl Filter<'_> {
    /// Seconds since a price was seen, at most.
    pub(super) const fn most_age_s(&self) -> f64 {
        if self.hidden { 1e9 } else { SHOWN.as_secs() as f64 }
    }
}

/// The newest price of each series: by GPU and kind, cheapest first.
///
/// # Errors
/// When the database fails.
pub async fn latest(conn: &mut PgConnection, filter: &Filter<'_>) -> Result<Vec<Latest>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"select source, platform, provider, gpu_key, gpu_count, kind, tier, region, usd_per_gpu_hour, min_usd, p10_usd,
                  offers, in_stock, regions, first_seen_at, last_seen_at, withdrawn_at is not null as "withdrawn!",
                  extract(epoch from now() - last_seen_at)::float8 as "age_s!"
           from latest_prices
           where ($1::text[] is null or gpu_key = any ($1)) and ($2::text is null or platform = $2)
             and ($3::text is null or kind = $3)
             and ($4::text is null or region = $4 or $4 = any (regions) or (region = '' and regions = '{}'))
             and last_seen_at > now() - make_interval(secs => $5)
           order by gpu_key collate "C", kind collate "C", usd_per_gpu_hour, platform collate "C", source collate "C", id"#,
        filter.gpu_keys,
        filter.platform,
        filter.kind.map(PriceKind::as_str),
        filter.region,
        filter.most_age_s()
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Latest::try_from).collect()
}

/// The prices of a GPU on one platform within a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Span {
    /// Where it is rented.
    pub platform: String,
    /// On demand or spot.
    pub kind: PriceKind,
    /// `secure`, `community`, …
    pub tier: String,
    /// When the span begins.
    pub from: DateTime<Utc>,
    /// The lowest price in it, US dollars per GPU-hour.
    #[schema(value_type = String)]
    pub min_usd: Decimal,
    /// The median.
    #[schema(value_type = String)]
    pub median_usd: Decimal,
    /// The highest.
    #[schema(value_type = String)]
    pub max_usd: Decimal,
    /// How many points there are.
    pub points: i64,
}

/// Seconds of a span, for a history of so many days in few spans: an hour for a week, six hours for a month, else whole
/// days, at most 120 of them.
#[must_use]
pub const fn span_s(days: u32) -> u32 {
    match days {
        0..=7 => 3600,
        8..=30 => 6 * 3600,
        _ => days.div_ceil(120).saturating_mul(86_400),
    }
}

/// A GPU's prices of the last `days`, in spans of `span_s` seconds: a platform, kind and tier after the other, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn history(
    conn: &mut PgConnection,
    gpu_key: &str,
    platform: Option<&str>,
    kind: Option<PriceKind>,
    days: u32,
    span_s: u32,
) -> Result<Vec<Span>, Error> {
    let rows = sqlx::query!(
        r#"select l.platform, l.kind, l.tier,
                  date_bin(make_interval(secs => $5), p.as_of, timestamptz '2000-01-01 00:00:00+00') as "since!",
                  min(p.usd_per_gpu_hour) as "min_usd!", max(p.usd_per_gpu_hour) as "max_usd!", count(*) as "points!",
                  percentile_disc(0.5) within group (order by p.usd_per_gpu_hour) as "median_usd!"
           from latest_prices l join price_points p on p.series_id = l.id
           where l.gpu_key = $1 and ($2::text is null or l.platform = $2) and ($3::text is null or l.kind = $3)
             and p.as_of > now() - make_interval(days => $4)
           group by 1, 2, 3, 4 order by 1, 2, 3, 4"#,
        gpu_key,
        platform,
        kind.map(PriceKind::as_str),
        i32::try_from(days).unwrap_or(i32::MAX),
        f64::from(span_s.max(1))
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| {
        Ok(Span {
            platform: row.platform,
            kind: parse("latest_prices.kind", &row.kind)?,
            tier: row.tier,
            from: row.since,
            min_usd: row.min_usd.normalize(),
            median_usd: row.median_usd.normalize(),
            max_usd: row.max_usd.normalize(),
            points: row.points,
        })
    });
    read.collect()
}

/// A name that leads to no GPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnknownName {
    /// Who says it.
    pub source: String,
    /// The name.
    pub name: String,
    /// Memory of one GPU in GB.
    pub memory_gb: Option<f64>,
    /// Why it leads nowhere.
    pub reason: String,
    /// What an offer of it costs, US dollars per GPU-hour.
    pub example_usd: Option<Decimal>,
    /// Offers of it when last seen.
    pub offers: i32,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
}

/// Names that lead to no GPU and were seen in the last `days`, most offers first.
///
/// # Errors
/// When the database fails.
pub async fn unknown(conn: &mut PgConnection, days: i32) -> Result<Vec<UnknownName>, Error> {
    Ok(sqlx::query_as!(
        UnknownName,
        "select source, name, memory_gb, reason, example_usd, offers, first_seen_at, last_seen_at
         from price_unknown_names where last_seen_at > now() - make_interval(days => $1)
         order by offers desc, name, source",
        days
    )
    .fetch_all(conn)
    .await?)
}

/// A price that isn't believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Who says it.
    pub source: String,
    /// Where it is rented.
    pub platform: String,
    /// The GPU as the source spells it; of a jump, an id of the catalog.
    pub gpu_name: String,
    /// GPUs of the machine; 0: any number.
    pub gpu_count: i32,
    /// `on_demand` or `spot`.
    pub kind: String,
    /// The region, if it has one.
    pub region: String,
    /// `unreadable`, `not_positive`, `too_high`, `jump`, `currency`.
    pub reason: String,
    /// What the source says.
    pub price: String,
    /// Of a jump: the price it jumps from.
    pub last_accepted_usd: Option<Decimal>,
    /// Scrapes that said it; of a jump, in a row.
    pub confirmations: i32,
    /// When it was first said.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last said.
    pub last_seen_at: DateTime<Utc>,
}

/// What is in quarantine, newest first.
///
/// # Errors
/// When the database fails.
pub async fn quarantined(conn: &mut PgConnection) -> Result<Vec<Quarantined>, Error> {
    Ok(sqlx::query_as!(
        Quarantined,
        "select source, platform, gpu_name, gpu_count, kind, region, reason, price, last_accepted_usd, confirmations,
                first_seen_at, last_seen_at
         from price_quarantine where released_at is null order by last_seen_at desc, id"
    )
    .fetch_all(conn)
    .await?)
}

/// How a source does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceState {
    /// The source.
    pub source: String,
    /// How the last ask that ended did: `ok`, `partial`, `failed`.
    pub outcome: Option<String>,
    /// What failed then.
    pub error: Option<String>,
    /// When it was last asked.
    pub asked_at: Option<DateTime<Utc>>,
    /// When it last gave prices.
    pub answered_at: Option<DateTime<Utc>>,
    /// Seconds since then.
    pub age_s: Option<f64>,
    /// Series that it lists now.
    pub series: i64,
}

/// How each of these sources does, in their order.
///
/// # Errors
/// When the database fails.
pub async fn sources(conn: &mut PgConnection, names: &[String]) -> Result<Vec<SourceState>, Error> {
    Ok(sqlx::query_as!(
        SourceState,
        r#"select n.source as "source!", last.outcome, last.error, asked.started_at as "asked_at?",
                  good.ended_at as answered_at, extract(epoch from now() - good.ended_at)::float8 as age_s,
                  (select count(*) from latest_prices l where l.source = n.source and l.withdrawn_at is null) as "series!"
           from unnest($1::text[]) with ordinality as n (source, place)
           left join lateral (select started_at from price_scrapes s where s.source = n.source
                              order by id desc limit 1) asked on true
           left join lateral (select outcome, error from price_scrapes s
                              where s.source = n.source and ended_at is not null order by id desc limit 1) last on true
           left join lateral (select ended_at from price_scrapes s
                              where s.source = n.source and outcome in ('ok', 'partial')
                              order by id desc limit 1) good on true
           order by n.place"#,
        names
    )
    .fetch_all(conn)
    .await?)
}
