//! Lambda: machines in US cents an hour, and the regions that have some. Older answers lack two of the fields.

use std::collections::BTreeMap;

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

pub(super) struct Lambda;

#[derive(Deserialize)]
struct Answer {
    data: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    instance_type: InstanceType,
    regions_with_capacity_available: Vec<Region>,
}

#[derive(Deserialize)]
struct InstanceType {
    name: String,
    description: String,
    gpu_description: Option<String>,
    price_cents_per_hour: Amount,
    specs: Specs,
}

#[derive(Deserialize)]
struct Specs {
    gpus: Option<u32>,
}

#[derive(Deserialize)]
struct Region {
    name: String,
}

#[async_trait]
impl PriceSource for Lambda {
    fn name(&self) -> &'static str {
        "lambda"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://cloud.lambda.ai/api/v1/instance-types"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let page = web.ask("instance-types", |client| bearer(client.get(url.clone()), key)).await?;
        Ok(vec![page].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "instance-types")?)?;
        Ok(answer.data.into_values().filter_map(offer).collect())
    }
}

fn offer(entry: Entry) -> Option<RawOffer> {
    let machine = entry.instance_type;
    // `gpu_8x_h100_sxm5`, or `8x H100 (80 GB SXM5)`; a machine without a GPU says 0, or no count.
    let named = machine.name.strip_prefix("gpu_").and_then(|rest| rest.split_once("x_")?.0.parse().ok());
    let gpus: u32 = machine.specs.gpus.or(named).filter(|gpus| *gpus > 0)?;
    let regions: Vec<String> =
        entry.regions_with_capacity_available.into_iter().map(|region| region.name).collect();
    Some(RawOffer {
        gpus: Gpus::Count(gpus),
        per: Per::Machine,
        in_stock: Some(!regions.is_empty()),
        regions,
        ..RawOffer::new(
            "lambda",
            machine.gpu_description.unwrap_or(machine.description),
            machine.price_cents_per_hour.of_cents(),
        )
    })
}
