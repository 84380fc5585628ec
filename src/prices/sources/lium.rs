//! Lium's public feed, a marketplace: whole nodes of which one GPU or more can be rented.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Market, PriceKind, RawOffer},
    prices::{
        read::{json, nullable},
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

pub(super) struct Lium;

#[derive(Deserialize)]
struct Answer {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    #[serde(deserialize_with = "nullable")]
    gpu_model: Option<String>,
    #[serde(deserialize_with = "nullable")]
    price_per_gpu_hour: Option<Amount>,
    #[serde(deserialize_with = "nullable")]
    available_gpu_count: Option<u32>,
    min_rentable_gpu_count: Option<u32>,
    gpu_memory_gb: Option<f64>,
    #[serde(deserialize_with = "nullable")]
    tier: Option<String>,
    country_code: Option<String>,
}

#[async_trait]
impl PriceSource for Lium {
    fn name(&self) -> &'static str {
        "lium"
    }

    fn default_url(&self) -> &'static str {
        "https://lium.io/api/public/v1/nodes"
    }

    fn market(&self) -> Market {
        Market::Many
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        Ok(vec![web.get("nodes", url.clone()).await?].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "nodes")?)?;
        Ok(answer.nodes.into_iter().filter_map(offer).collect())
    }
}

/// What nobody can rent now is no offer.
fn offer(node: Node) -> Option<RawOffer> {
    let free = node.available_gpu_count.unwrap_or(0);
    if free == 0 || free < node.min_rentable_gpu_count.unwrap_or(1) {
        return None;
    }
    // Both kinds have tiers of one name each, so the kind says it.
    let is_spot = node.tier.as_deref() == Some("spot");
    Some(RawOffer {
        id: node.id,
        memory_gb: node.gpu_memory_gb,
        gpus: Gpus::Count(free),
        kind: if is_spot { PriceKind::Spot } else { PriceKind::OnDemand },
        tier: node.tier.filter(|_| !is_spot).unwrap_or_default(),
        regions: node.country_code.into_iter().collect(),
        in_stock: Some(true),
        ..RawOffer::new("lium", node.gpu_model?, node.price_per_gpu_hour?)
    })
}
