//! `CloudRift`: a few kinds of machine, in US cents for each machine.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, RawOffer},
    prices::{
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

const VERSION: &str = "2025-03-21";

pub(super) struct CloudRift;

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    instance_types: Vec<InstanceType>,
}

#[derive(Deserialize)]
struct InstanceType {
    brand_short: String,
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Variant {
    gpu_count: Option<u32>,
    /// US cents for the whole machine.
    cost_per_hour: Amount,
    #[serde(default)]
    nodes_per_dc: BTreeMap<String, u32>,
}

#[async_trait]
impl PriceSource for CloudRift {
    fn name(&self) -> &'static str {
        "cloudrift"
    }

    fn default_url(&self) -> &'static str {
        "https://api.cloudrift.ai/api/v1/instance-types/list"
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        let selector = json!({ "ByServiceAndLocation": { "services": ["vm"] } });
        let body = json!({ "version": VERSION, "data": { "selector": selector } });
        Ok(vec![web.ask("instance-types", |client| client.post(url.clone()).json(&body)).await?].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "instance-types")?)?;
        let offers = answer.data.instance_types.into_iter().flat_map(|kind| {
            let gpu = kind.brand_short;
            kind.variants.into_iter().filter_map(move |variant| offer(&gpu, variant))
        });
        Ok(offers.collect())
    }
}

fn offer(gpu: &str, variant: Variant) -> Option<RawOffer> {
    let gpus = variant.gpu_count.filter(|gpus| *gpus > 0)?;
    let regions: Vec<String> =
        variant.nodes_per_dc.into_iter().filter(|(_, nodes)| *nodes > 0).map(|(center, _)| center).collect();
    Some(RawOffer {
        gpus: Gpus::Count(gpus),
        per: Per::Machine,
        in_stock: Some(!regions.is_empty()),
        regions,
        ..RawOffer::new("cloudrift", gpu, variant.cost_per_hour.of_cents())
    })
}
