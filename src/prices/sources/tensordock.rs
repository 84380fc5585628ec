//! `TensorDock` v2, a marketplace: GPUs by location, US dollars a GPU (processors, memory and storage are apart).

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Market, RawOffer},
    prices::{
        bearer,
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

pub(super) struct TensorDock;

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    locations: Vec<Location>,
}

#[derive(Deserialize)]
struct Location {
    id: String,
    city: Option<String>,
    country: Option<String>,
    gpus: Vec<Gpu>,
}

#[derive(Deserialize)]
struct Gpu {
    #[serde(rename = "v0Name")]
    v0_name: String,
    #[serde(rename = "displayName")]
    display_name: String,
    max_count: u32,
    price_per_hr: Amount,
}

#[async_trait]
impl PriceSource for TensorDock {
    fn name(&self) -> &'static str {
        "tensordock"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://dashboard.tensordock.com/api/v2/locations"
    }

    fn market(&self) -> Market {
        Market::Many
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        Ok(vec![web.ask("locations", |client| bearer(client.get(url.clone()), key)).await?].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "locations")?)?;
        let mut offers = Vec::new();
        for location in answer.data.locations {
            let place =
                [location.city, location.country].into_iter().flatten().collect::<Vec<_>>().join(", ");
            // What nobody can rent now is no offer.
            offers.extend(location.gpus.into_iter().filter(|gpu| gpu.max_count > 0).map(|gpu| RawOffer {
                id: format!("{}/{}", location.id, gpu.v0_name),
                in_stock: Some(true),
                regions: vec![place.clone()],
                ..RawOffer::new("tensordock", gpu.display_name, gpu.price_per_hr)
            }));
        }
        Ok(offers)
    }
}
