//! Prices as commands print and the API serves them: which GPUs a name means, the cheapest of each platform, medians.

use std::collections::{BTreeMap, HashSet};

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    domain::{
        catalog::{Catalog, UnknownName},
        price::{PriceKind, normalise::median},
        recommend::Priced,
    },
    store::{
        Error,
        price_reads::{self, Filter, Latest},
    },
};

/// The platforms' prices of one GPU, summed up: fresh and stale ones of one platform count once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PriceMedian {
    /// The GPU: an id of the catalog.
    pub gpu_key: String,
    /// On demand or spot.
    pub kind: PriceKind,
    /// The median over platforms of each one's cheapest price, US dollars per GPU-hour.
    #[schema(value_type = String)]
    pub median_usd: Decimal,
    /// How many platforms there are.
    pub platforms: usize,
    /// The cheapest price, US dollars per GPU-hour.
    #[schema(value_type = String)]
    pub cheapest_usd: Decimal,
    /// Where that is.
    pub cheapest_platform: String,
}

/// The GPU of this name, or those of a family: a name that begins the short names of several.
///
/// # Errors
/// When there is none; the nearest names are offered.
pub fn gpu_keys(catalog: &Catalog, name: &str) -> Result<Vec<String>, UnknownName> {
    let wanted = name.trim().to_lowercase();
    let family = catalog.gpus().iter().filter(|gpu| gpu.alias_of.is_none());
    let family: Vec<String> = family
        .filter(|gpu| gpu.display_name.to_lowercase().split(' ').next() == Some(wanted.as_str()))
        .map(|gpu| gpu.id.clone())
        .collect();
    match catalog.gpu(name) {
        Ok(gpu) if !family.contains(&gpu.id) || family.len() == 1 => Ok(vec![gpu.id.clone()]),
        Ok(gpu) if gpu.id == name => Ok(vec![gpu.id.clone()]),
        _ if !family.is_empty() => Ok(family),
        Ok(gpu) => Ok(vec![gpu.id.clone()]),
        Err(unknown) => Err(unknown),
    }
}

/// Of each GPU and kind: the median over platforms of each one's cheapest price that is young enough.
#[must_use]
pub fn medians(prices: &[Latest]) -> Vec<PriceMedian> {
    let mut cheapest: BTreeMap<(&str, PriceKind), BTreeMap<&str, Decimal>> = BTreeMap::new();
    for price in prices.iter().filter(|price| price.freshness.counts()) {
        let of_gpu = cheapest.entry((&price.gpu_key, price.kind)).or_default();
        let known = of_gpu.entry(&price.platform).or_insert(price.usd_per_gpu_hour);
        *known = (*known).min(price.usd_per_gpu_hour);
    }
    let summed = cheapest.into_iter().filter_map(|((gpu_key, kind), platforms)| {
        let (platform, lowest) = platforms.iter().min_by_key(|(_, usd)| **usd)?;
        let mut sorted: Vec<Decimal> = platforms.values().copied().collect();
        sorted.sort_unstable();
        Some(PriceMedian {
            gpu_key: gpu_key.to_owned(),
            kind,
            median_usd: median(&sorted)?,
            platforms: sorted.len(),
            cheapest_usd: *lowest,
            cheapest_platform: (*platform).to_owned(),
        })
    });
    summed.collect()
}

/// Keeps of each GPU, platform, kind and tier the cheapest: the list is sorted by price.
pub fn keep_cheapest(prices: &mut Vec<Latest>) {
    let mut seen = HashSet::new();
    prices.retain(|price| {
        seen.insert((
            price.gpu_key.clone(),
            price.platform.clone(),
            price.provider.clone(),
            price.kind,
            price.tier.clone(),
        ))
    });
}

/// Today's on-demand prices that are young enough to count, as recommendations take them. Spot is another thing: a machine
/// that may be taken away.
///
/// # Errors
/// When the database fails.
pub async fn todays(conn: &mut PgConnection) -> Result<Vec<Priced>, Error> {
    let filter = Filter { kind: Some(PriceKind::OnDemand), ..Filter::default() };
    let all = price_reads::latest(conn, &filter).await?;
    let young = all.into_iter().filter(|price| price.freshness.counts());
    Ok(young
        .map(|price| Priced {
            gpu: price.gpu_key,
            count: u32::try_from(price.gpu_count).ok().filter(|count| *count > 0),
            usd_per_gpu_hour: price.usd_per_gpu_hour,
            source: [price.platform, price.tier].join(" ").trim().to_owned(),
            in_stock: price.in_stock,
            as_of: Some(price.last_seen_at),
        })
        .collect())
}
