//! Hyperstack: its price book, US dollars a GPU (and of much that is no GPU), and its flavors, which say what is in stock.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, PriceKind, RawOffer},
    prices::{
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::{Web, below},
    },
};

/// Words of what else the price book sells.
const NOT_GPUS: &[&str] = &[
    "cpu", "ram", "memory", "storage", "volume", "ssd", "hdd", "disk", "ip", "snapshot", "image", "network",
];

pub(super) struct Hyperstack;

#[derive(Deserialize)]
struct Entry {
    name: String,
    value: Amount,
}

#[derive(Deserialize)]
struct Flavors {
    data: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    gpu: Option<String>,
    flavors: Vec<Flavor>,
}

#[derive(Deserialize)]
struct Flavor {
    region_name: String,
    stock_available: bool,
}

#[async_trait]
impl PriceSource for Hyperstack {
    fn name(&self) -> &'static str {
        "hyperstack"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://infrahub-api.nexgencloud.com/v1"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let key = key.map_or("", Secret::expose);
        let mut pages = Vec::new();
        for (part, path) in [("pricebook", "pricebook"), ("flavors", "core/flavors")] {
            let url = below(url, path);
            pages.push(web.ask(part, |client| client.get(url.clone()).header("api_key", key)).await?);
        }
        Ok(pages.into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let entries: Vec<Entry> = json(page(pages, "pricebook")?)?;
        let flavors: Flavors = json(page(pages, "flavors")?)?;
        let mut stock: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for group in flavors.data {
            let Some(gpu) = group.gpu.filter(|gpu| !gpu.is_empty()) else { continue };
            let there = group.flavors.into_iter().filter(|flavor| flavor.stock_available);
            stock.entry(gpu).or_default().extend(there.map(|flavor| flavor.region_name));
        }
        Ok(entries.into_iter().filter_map(|entry| offer(entry, &stock)).collect())
    }
}

fn offer(entry: Entry, stock: &BTreeMap<String, BTreeSet<String>>) -> Option<RawOffer> {
    let (gpu, kind) = match entry.name.strip_suffix("-spot") {
        Some(gpu) => (gpu, PriceKind::Spot),
        None => (entry.name.as_str(), PriceKind::OnDemand),
    };
    let words = gpu.to_lowercase();
    let mut words = words.split(|c: char| !c.is_alphanumeric());
    let sells_else = words.any(|word| NOT_GPUS.iter().any(|other| word.trim_start_matches('v') == *other));
    if sells_else && !stock.contains_key(gpu) {
        return None;
    }
    let regions = stock.get(gpu);
    Some(RawOffer {
        kind,
        in_stock: regions.map(|regions| !regions.is_empty()),
        regions: regions.into_iter().flatten().cloned().collect(),
        ..RawOffer::new("hyperstack", gpu, entry.value)
    })
}
