//! Akash's console: what providers bid for each GPU, already summed up. Null where nobody bid.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Market, RawOffer, Summed},
    prices::{
        read::{json, nullable},
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

pub(super) struct Akash;

#[derive(Deserialize)]
struct Answer {
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    model: String,
    ram: String,
    interface: Option<String>,
    availability: Available,
    provider_availability: Option<Available>,
    #[serde(deserialize_with = "nullable")]
    price: Option<Price>,
}

#[derive(Deserialize)]
struct Available {
    available: u32,
}

#[derive(Deserialize)]
struct Price {
    currency: Option<String>,
    min: Amount,
    med: Amount,
}

#[async_trait]
impl PriceSource for Akash {
    fn name(&self) -> &'static str {
        "akash"
    }

    fn default_url(&self) -> &'static str {
        "https://console-api.akash.network/v1/gpu-prices"
    }

    fn market(&self) -> Market {
        Market::Many
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        Ok(vec![web.get("gpu-prices", url.clone()).await?].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "gpu-prices")?)?;
        Ok(answer.models.into_iter().filter_map(offer).collect())
    }
}

fn offer(model: Model) -> Option<RawOffer> {
    let price = model.price?;
    // The memory is part of the name: two cards of one name differ by it.
    let name = format!("{} {}", model.model, model.ram);
    let offers = model.provider_availability.as_ref().map_or(1, |providers| providers.available);
    Some(RawOffer {
        form: model.interface.unwrap_or_default(),
        currency: price.currency.unwrap_or_else(|| "USD".to_owned()),
        in_stock: Some(model.availability.available > 0),
        summed: Some(Summed { min: price.min, offers }),
        ..RawOffer::new("akash", name, price.med)
    })
}
