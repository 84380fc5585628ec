//! Prime Intellect, which rents out machines of several clouds: US dollars an offer, a page of a hundred at a time.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use super::platform;
use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, PriceKind, RawOffer},
    prices::{
        bearer,
        read::json,
        source::{Page, Pages, PriceSource, SourceError},
        web::Web,
    },
};

const PAGE_SIZE: usize = 100;
/// Pages that are read at most.
const MAX_PAGES: usize = 30;

pub(super) struct PrimeIntellect;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    items: Vec<Item>,
    total_count: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    gpu_type: String,
    socket: Option<String>,
    provider: Option<String>,
    data_center: Option<String>,
    country: Option<String>,
    gpu_count: u32,
    gpu_memory: Option<f64>,
    stock_status: Option<String>,
    security: Option<String>,
    prices: Prices,
    is_spot: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prices {
    on_demand: Option<Amount>,
    community_price: Option<Amount>,
    currency: Option<String>,
}

#[async_trait]
impl PriceSource for PrimeIntellect {
    fn name(&self) -> &'static str {
        "primeintellect"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://api.primeintellect.ai/api/v1/availability/gpus"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let (mut pages, mut seen) = (Vec::new(), 0);
        for number in 1..=MAX_PAGES {
            let query = [("page", number.to_string()), ("page_size", PAGE_SIZE.to_string())];
            let page = web.ask("gpus", |client| bearer(client.get(url.clone()).query(&query), key)).await?;
            let answer: Answer = json(&page)?;
            seen += answer.items.len();
            pages.push(page);
            if answer.items.is_empty() || seen >= answer.total_count.unwrap_or(0) {
                break;
            }
        }
        Ok(pages.into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let mut offers = Vec::new();
        for (number, page) in pages.iter().enumerate() {
            for (index, item) in json::<Answer>(page)?.items.into_iter().enumerate() {
                let at = || format!("[page {}].items[{index}].prices.onDemand", number + 1);
                offers.push(offer(item).ok_or_else(|| SourceError::shape("gpus", at(), "is missing"))?);
            }
        }
        Ok(offers)
    }
}

/// A machine of a community has a price of its own.
fn offer(item: Item) -> Option<RawOffer> {
    let price = item.prices.on_demand.or(item.prices.community_price)?;
    let there =
        item.stock_status.map(|status| !matches!(status.to_lowercase().as_str(), "unavailable" | "none"));
    Some(RawOffer {
        provider: item.provider.as_deref().map(platform).unwrap_or_default(),
        form: item.socket.unwrap_or_default(),
        memory_gb: item.gpu_memory,
        gpus: Gpus::Count(item.gpu_count),
        per: Per::Machine,
        currency: item.prices.currency.unwrap_or_else(|| "USD".to_owned()),
        kind: if item.is_spot == Some(true) { PriceKind::Spot } else { PriceKind::OnDemand },
        tier: item.security.map(|tier| tier.trim_end_matches("_cloud").to_owned()).unwrap_or_default(),
        region: item.data_center.or(item.country).unwrap_or_default(),
        in_stock: there,
        ..RawOffer::new("primeintellect", item.gpu_type, price)
    })
}
