//! Hyperbolic, a marketplace: machines with free GPUs, US cents a GPU.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Market, RawOffer},
    prices::{
        bearer,
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

/// MiB in a GiB.
const MIB: f64 = 1024.0;

pub(super) struct Hyperbolic;

#[derive(Deserialize)]
struct Answer {
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    id: String,
    status: String,
    hardware: Hardware,
    gpus_total: u32,
    gpus_reserved: u32,
    location: Option<Location>,
    pricing: Pricing,
}

#[derive(Deserialize)]
struct Hardware {
    gpus: Vec<Gpu>,
}

/// Its `interface` is the slot's, `PCIeX16` of an SXM card too, and says nothing.
#[derive(Deserialize)]
struct Gpu {
    model: String,
    ram: Option<f64>,
}

#[derive(Deserialize)]
struct Location {
    region: Option<String>,
}

#[derive(Deserialize)]
struct Pricing {
    price: Price,
}

#[derive(Deserialize)]
struct Price {
    /// US cents.
    amount: Amount,
    period: String,
}

#[async_trait]
impl PriceSource for Hyperbolic {
    fn name(&self) -> &'static str {
        "hyperbolic"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://api.hyperbolic.xyz/v1/marketplace"
    }

    fn market(&self) -> Market {
        Market::Many
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let body = json!({ "filters": {} });
        let page = web.ask("marketplace", |client| bearer(client.post(url.clone()).json(&body), key)).await?;
        Ok(vec![page].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "marketplace")?)?;
        let mut offers = Vec::new();
        for (index, instance) in answer.instances.into_iter().enumerate() {
            if instance.pricing.price.period != "hourly" {
                let path = format!("instances[{index}].pricing.price.period");
                return Err(SourceError::shape("marketplace", path, "is not hourly"));
            }
            offers.extend(offer(instance));
        }
        Ok(offers)
    }
}

/// What nobody can rent now is no offer.
fn offer(instance: Instance) -> Option<RawOffer> {
    let free = instance.gpus_total.saturating_sub(instance.gpus_reserved);
    let gpu = instance.hardware.gpus.into_iter().next()?;
    (instance.status == "node_ready" && free > 0).then(|| RawOffer {
        id: instance.id,
        memory_gb: gpu.ram.map(|mib| mib / MIB),
        gpus: Gpus::Count(free),
        in_stock: Some(true),
        regions: instance.location.and_then(|location| location.region).into_iter().collect(),
        ..RawOffer::new("hyperbolic", gpu.model, instance.pricing.price.amount.of_cents())
    })
}
