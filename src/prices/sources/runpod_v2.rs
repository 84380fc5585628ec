//! RunPod's REST v2 catalog: list prices of a GPU, secure and community, and whether machines of one, two, four and eight
//! can be had. No spot.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, RawOffer},
    prices::{
        bearer,
        read::json,
        source::{Page, Pages, PriceSource, SourceError},
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
    #[serde(rename = "maxCount")]
    max_count: MaxCount,
    availability: Option<String>,
    #[serde(rename = "dataCenters", default)]
    data_centers: Vec<DataCenter>,
}

#[derive(Deserialize)]
struct Prices {
    secure: Amount,
    community: Amount,
}

/// Most GPUs of a machine.
#[derive(Deserialize)]
struct MaxCount {
    secure: u32,
    community: u32,
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

    fn pages_stand_alone(&self) -> bool {
        true
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let url = below(url, "catalog/gpus");
        let mut answered = Pages::default();
        for gpus in COUNTS {
            let (part, count) = (part(gpus), gpus.to_string());
            // `product` is asked for with `include`, else it is refused.
            let query = [("include", "AVAILABILITY"), ("product", "POD"), ("count", count.as_str())];
            match web.ask(&part, |client| bearer(client.get(url.clone()).query(&query), key)).await {
                Ok(page) => answered.pages.push(page),
                // What is wrong with one GPU is wrong with eight.
                Err(error) if answered.pages.is_empty() => return Err(error),
                Err(error) => answered.missing.push((part, error)),
            }
        }
        Ok(answered)
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let mut offers = Vec::new();
        for gpus in COUNTS {
            for page in pages.iter().filter(|page| page.part == part(gpus)) {
                let answer: Answer = json(page)?;
                offers.extend(answer.gpus.into_iter().flat_map(|gpu| offers_of(gpu, gpus)));
            }
        }
        Ok(offers)
    }
}

/// Numbers of GPUs that are asked for.
const COUNTS: [u32; 4] = [1, 2, 4, 8];

fn part(gpus: u32) -> String {
    format!("gpus x{gpus}")
}

fn offers_of(gpu: GpuType, gpus: u32) -> impl Iterator<Item = RawOffer> {
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
        (gpu.secure && gpus <= gpu.max_count.secure, gpu.price.secure, "secure", regions),
        (gpu.community && gpus <= gpu.max_count.community, gpu.price.community, "community", Vec::new()),
    ];
    sold.into_iter().filter(|(offered, ..)| *offered).map(move |(_, price, tier, regions)| RawOffer {
        memory_gb: gpu.memory,
        tier: tier.to_owned(),
        regions,
        in_stock,
        gpus: Gpus::Count(gpus),
        per: Per::GpuOfMany,
        ..RawOffer::new("runpod", gpu.id.clone(), price)
    })
}
