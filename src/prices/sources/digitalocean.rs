//! `DigitalOcean`: droplets with GPUs, US dollars a droplet.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, RawOffer},
    prices::{
        bearer,
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

pub(super) struct DigitalOcean;

#[derive(Deserialize)]
struct Answer {
    sizes: Vec<Size>,
}

#[derive(Deserialize)]
struct Size {
    price_hourly: Amount,
    regions: Vec<String>,
    available: bool,
    gpu_info: Option<GpuInfo>,
}

#[derive(Deserialize)]
struct GpuInfo {
    count: u32,
    model: String,
    vram: Option<Vram>,
}

#[derive(Deserialize)]
struct Vram {
    /// Of all its GPUs: `gpu-h100x8-640gb` has 640.
    amount: f64,
}

#[async_trait]
impl PriceSource for DigitalOcean {
    fn name(&self) -> &'static str {
        "digitalocean"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://api.digitalocean.com/v2/sizes"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let query = [("per_page", "500")];
        let page = web.ask("sizes", |client| bearer(client.get(url.clone()).query(&query), key)).await?;
        Ok(vec![page].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "sizes")?)?;
        Ok(answer.sizes.into_iter().filter_map(offer).collect())
    }
}

fn offer(size: Size) -> Option<RawOffer> {
    let gpus = size.gpu_info.filter(|gpus| gpus.count > 0)?;
    Some(RawOffer {
        memory_gb: gpus.vram.map(|vram| vram.amount / f64::from(gpus.count)),
        gpus: Gpus::Count(gpus.count),
        per: Per::Machine,
        in_stock: Some(size.available && !size.regions.is_empty()),
        regions: if size.available { size.regions } else { Vec::new() },
        ..RawOffer::new("digitalocean", gpus.model, size.price_hourly)
    })
}
