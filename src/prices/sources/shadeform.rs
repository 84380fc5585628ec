//! Shadeform, which rents out machines of about twenty clouds: US cents a machine, the regions of each.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use super::platform;
use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, RawOffer},
    prices::{
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

pub(super) struct Shadeform;

#[derive(Deserialize)]
struct Answer {
    instance_types: Vec<InstanceType>,
}

#[derive(Deserialize)]
struct InstanceType {
    cloud: String,
    configuration: Configuration,
    /// US cents for the whole machine.
    hourly_price: Amount,
    availability: Vec<Place>,
}

#[derive(Deserialize)]
struct Configuration {
    num_gpus: u32,
    gpu_type: String,
    interconnect: Option<String>,
    vram_per_gpu_in_gb: Option<f64>,
}

#[derive(Deserialize)]
struct Place {
    region: String,
    available: bool,
}

#[async_trait]
impl PriceSource for Shadeform {
    fn name(&self) -> &'static str {
        "shadeform"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://api.shadeform.ai/v1/instances/types"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let key = key.map_or("", Secret::expose);
        let page = web.ask("types", |client| client.get(url.clone()).header("X-API-KEY", key)).await?;
        Ok(vec![page].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "types")?)?;
        Ok(answer
            .instance_types
            .into_iter()
            .filter(|kind| kind.configuration.num_gpus > 0)
            .map(offer)
            .collect())
    }
}

fn offer(kind: InstanceType) -> RawOffer {
    let regions: Vec<String> =
        kind.availability.into_iter().filter(|place| place.available).map(|place| place.region).collect();
    RawOffer {
        provider: platform(&kind.cloud),
        form: kind.configuration.interconnect.unwrap_or_default(),
        memory_gb: kind.configuration.vram_per_gpu_in_gb,
        gpus: Gpus::Count(kind.configuration.num_gpus),
        per: Per::Machine,
        in_stock: Some(!regions.is_empty()),
        regions,
        ..RawOffer::new("shadeform", kind.configuration.gpu_type, kind.hourly_price.of_cents())
    }
}
