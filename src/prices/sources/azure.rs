//! Azure's retail prices: virtual machines of the N series, a thousand a page. GPUs are known by the machine's size.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use super::azure_skus::gpus_of;
use crate::{
    config::Secret,
    domain::price::{Amount, Per, PriceKind, RawOffer},
    prices::{
        read::{json, nullable},
        source::{Page, Pages, PriceSource, SourceError},
        web::Web,
    },
};

const FILTER: &str = "serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and \
                      contains(armSkuName, 'Standard_N')";

/// Pages that are read at most.
const MAX_PAGES: usize = 40;

pub(super) struct Azure;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    items: Vec<Item>,
    #[serde(deserialize_with = "nullable")]
    next_page_link: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    currency_code: String,
    retail_price: Amount,
    arm_region_name: String,
    meter_name: String,
    product_name: String,
    arm_sku_name: String,
    unit_of_measure: String,
    #[serde(rename = "type")]
    price_type: String,
}

#[async_trait]
impl PriceSource for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn default_url(&self) -> &'static str {
        "https://prices.azure.com/api/retail/prices"
    }

    fn time_limit(&self) -> std::time::Duration {
        std::time::Duration::from_mins(3)
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        let mut pages = Vec::new();
        let mut next = url.clone();
        next.query_pairs_mut().append_pair("$filter", FILTER);
        for _ in 0..MAX_PAGES {
            let page = web.get("prices", next).await?;
            let link = json::<Answer>(&page)?.next_page_link;
            pages.push(page);
            let Some(link) = link.and_then(|link| Url::parse(&link).ok()) else { return Ok(pages.into()) };
            // Only its query is followed: the link names a host of its own, and a source is asked where we said.
            next = url.clone();
            next.set_query(link.query());
        }
        Err(SourceError::shape("prices", "NextPageLink", format!("there is still one on page {MAX_PAGES}")))
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let mut offers = Vec::new();
        for page in pages {
            offers.extend(json::<Answer>(page)?.items.into_iter().filter_map(offer));
        }
        Ok(offers)
    }
}

/// Linux by the hour. "Low Priority" is what batch pools paid before spot.
fn offer(item: Item) -> Option<RawOffer> {
    let is_wanted = item.unit_of_measure == "1 Hour"
        && item.price_type == "Consumption"
        && !item.product_name.contains("Windows")
        && !item.meter_name.contains("Low Priority")
        && !item.retail_price.is_zero();
    is_wanted.then(|| {
        let (gpu, form, gpus) = gpus_of(&item.arm_sku_name);
        let kind = if item.meter_name.contains("Spot") { PriceKind::Spot } else { PriceKind::OnDemand };
        RawOffer {
            form: form.to_owned(),
            gpus,
            per: Per::Machine,
            currency: item.currency_code,
            kind,
            region: item.arm_region_name,
            ..RawOffer::new("azure", gpu, item.retail_price)
        }
    })
}
