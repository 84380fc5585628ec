//! RunPod's REST v2 catalog: list prices of one GPU, secure and community, and whether there are any. No spot.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, RawOffer},
    prices::{
        bearer,
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::{Web, below},
    },
};

pub(super) struct RunpodV2;

#[derive(Deserialize)]
struct Answer {
    gpus: Vec<GpuType>,
}

#[derive(Deserialize)]
struct GpuType {
    id: String,
    memory: Option<f64>,
    secure: bool,
    community: bool,
    price: Prices,
    availability: Option<String>,
    #[serde(rename = "dataCenters", default)]
    data_centers: Vec<DataCenter>,
}

#[derive(Deserialize)]
struct Prices {
    secure: Amount,
    community: Amount,
}

#[derive(Deserialize)]
struct DataCenter {
    id: String,
    availability: Option<String>,
}

#[async_trait]
impl PriceSource for RunpodV2 {
    fn name(&self) -> &'static str {
        "runpod_v2"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn key_name(&self) -> &'static str {
        "runpod"
    }

    fn default_url(&self) -> &'static str {
        "https://api.runpod.io/v2"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        // `product` is asked for with `include`, else it is refused.
        let query = [("include", "AVAILABILITY"), ("product", "POD")];
        let url = below(url, "catalog/gpus");
        let page = web.ask("gpus", |client| bearer(client.get(url.clone()).query(&query), key)).await?;
        Ok(vec![page].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "gpus")?)?;
        Ok(answer.gpus.into_iter().flat_map(offers).collect())
    }
}

fn offers(gpu: GpuType) -> impl Iterator<Item = RawOffer> {
    let there = |availability: &Option<String>| availability.as_deref().map(|level| level != "NONE");
    let in_stock = there(&gpu.availability);
    let regions: Vec<String> = gpu
        .data_centers
        .iter()
        .filter(|center| there(&center.availability) != Some(false))
        .map(|center| center.id.clone())
        .collect();
    // The price of a cloud that doesn't have it is 0, and says nothing.
    let sold = [
        (gpu.secure, gpu.price.secure, "secure", regions),
        (gpu.community, gpu.price.community, "community", Vec::new()),
    ];
    sold.into_iter().filter(|(offered, ..)| *offered).map(move |(_, price, tier, regions)| RawOffer {
        memory_gb: gpu.memory,
        tier: tier.to_owned(),
        regions,
        in_stock,
        ..RawOffer::new("runpod", gpu.id.clone(), price)
    })
}
