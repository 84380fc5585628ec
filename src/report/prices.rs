//! Prices as commands print and the API serves them: which GPUs a name means, the cheapest of each platform, medians.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    domain::{
        catalog::{Catalog, UnknownName},
        price::{PriceKind, normalise::median},
    },
    store::{
        Error,
        price_offers::{self, OfPlatform},
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

/// Today's prices.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PriceList {
    /// By GPU and kind, cheapest first.
    pub prices: Vec<Latest>,
    /// Of each GPU and kind, over the platforms.
    pub medians: Vec<PriceMedian>,
    /// Dearer regions and sizes of machine of the same platform that are left out.
    pub left_out: usize,
}

/// The prices that a filter lets pass: of each seller the cheapest, or, where they are asked for, every region and size of
/// machine.
///
/// # Errors
/// When the database fails.
pub async fn today(conn: &mut PgConnection, filter: &Filter<'_>, every: bool) -> Result<PriceList, Error> {
    let (prices, all) = if every {
        let prices = price_reads::latest(conn, filter).await?;
        let all = prices.len();
        (prices, all)
    } else {
        price_offers::cheapest(conn, filter).await?
    };
    let medians = medians(&price_offers::by_platform(conn, filter).await?);
    Ok(PriceList { left_out: all - prices.len(), prices, medians })
}

/// Of each GPU and kind: the median over platforms of each one's cheapest price.
fn medians(of_platforms: &[OfPlatform]) -> Vec<PriceMedian> {
    let mut sums: BTreeMap<(&str, PriceKind), Vec<&OfPlatform>> = BTreeMap::new();
    for price in of_platforms {
        sums.entry((&price.gpu_key, price.kind)).or_default().push(price);
    }
    let summed = sums.into_iter().filter_map(|((gpu_key, kind), platforms)| {
        let cheapest = platforms.iter().min_by_key(|price| price.usd_per_gpu_hour)?;
        let mut sorted: Vec<Decimal> = platforms.iter().map(|price| price.usd_per_gpu_hour).collect();
        sorted.sort_unstable();
        Some(PriceMedian {
            gpu_key: gpu_key.to_owned(),
            kind,
            median_usd: median(&sorted)?,
            platforms: sorted.len(),
            cheapest_usd: cheapest.usd_per_gpu_hour,
            cheapest_platform: cheapest.platform.clone(),
        })
    });
    summed.collect()
}
