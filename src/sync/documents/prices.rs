//! Prices: the latest of each GPU on each platform, and one line an hour.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DurationRound as _, TimeDelta};
use mongodb::bson::{Document, doc};
use rust_decimal::prelude::ToPrimitive as _;

use super::{Unfit, Upsert, VERSION, count, date, double};
use crate::store::outgoing::OutgoingPrice;

/// A price with the names that readers know its GPU by.
#[derive(Debug, Clone)]
pub(in crate::sync) struct NamedPrice {
    /// The price.
    pub(in crate::sync) price: OutgoingPrice,
    /// The GPU's name for people: `H200`.
    pub(in crate::sync) name: String,
    /// MD5 of that name in lower case, hex.
    pub(in crate::sync) id: String,
    /// Where its source was asked; empty where nobody was.
    pub(in crate::sync) source_url: String,
}

/// The latest price of a GPU on a platform. Its times are when it was seen.
pub(in crate::sync) fn price(named: &NamedPrice) -> Result<Upsert, Unfit> {
    let OutgoingPrice { gpu_key, platform, usd_per_gpu_hour, last_seen_at, read_at, .. } = &named.price;
    let usd = double("price", usd_per_gpu_hour.to_f64().unwrap_or(f64::NAN))?;
    Ok(Upsert {
        collection: "gpu_pricing_processed",
        key: doc! { "gpu_id": named.id.as_str(), "platform": platform.as_str() },
        set: doc! {
            "gpu_id": named.id.as_str(),
            "original_name": gpu_key.as_str(),
            "name": gpu_key.as_str(),
            "normalized_name": named.name.as_str(),
            "platform": platform.as_str(),
            "price": usd.clone(),
            "url": "",
            "source_url": named.source_url.as_str(),
            "scraped_at": date(*last_seen_at),
            "processed_at": date(*last_seen_at),
            "updated_at": date(*last_seen_at),
            "raw_data": { "name": gpu_key.as_str(), "price": usd, "url": "", "platform": platform.as_str() },
            // What was read later wins, though it may have been seen earlier: a price that is gone makes way for another.
            VERSION: read_at.timestamp_millis(),
        },
        set_on_insert: Document::new(),
    })
}

/// What there was in the hour in which the prices were read. `None`: nothing.
pub(in crate::sync) fn hourly(prices: &[NamedPrice]) -> Result<Option<Upsert>, Unfit> {
    let Some(read_at) = prices.iter().map(|named| named.price.read_at).max() else { return Ok(None) };
    let hour = read_at.duration_trunc(TimeDelta::hours(1)).map_err(|error| Unfit(error.to_string()))?;
    let usd: Vec<f64> = prices.iter().filter_map(|named| named.price.usd_per_gpu_hour.to_f64()).collect();
    let mut gpus: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for named in prices {
        gpus.entry(&named.price.platform).or_default().insert(&named.id);
    }
    let unique: BTreeSet<&str> = prices.iter().map(|named| named.id.as_str()).collect();
    let platforms: Vec<&str> = gpus.keys().copied().collect();
    let counts: Document =
        gpus.iter().map(|(platform, gpus)| ((*platform).to_owned(), count(gpus.len()))).collect();
    Ok(Some(Upsert {
        collection: "gpu_pricing_hourly_summary",
        key: doc! { "timestamp": date(hour) },
        set: doc! {
            "timestamp": date(hour),
            "total_unique_gpus": count(unique.len()),
            "platforms": platforms,
            "price_range": {
                "min": double("min", usd.iter().copied().fold(f64::INFINITY, f64::min))?,
                "max": double("max", usd.iter().copied().fold(0.0, f64::max))?,
            },
            "gpu_count_by_platform": counts,
            VERSION: read_at.timestamp_millis(),
        },
        set_on_insert: Document::new(),
    }))
}
