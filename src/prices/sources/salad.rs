//! Salad: GPUs of people at home, US dollars a GPU by priority; processors and memory are apart. What runs at low priority
//! may be taken away. Its key is `organization:key`.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, PriceKind, RawOffer},
    prices::{
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::{Web, below},
    },
};

pub(super) struct Salad;

#[derive(Deserialize)]
struct Answer {
    items: Vec<GpuClass>,
}

#[derive(Deserialize)]
struct GpuClass {
    name: String,
    prices: Vec<Price>,
}

#[derive(Deserialize)]
struct Price {
    priority: String,
    price: Amount,
}

#[async_trait]
impl PriceSource for Salad {
    fn name(&self) -> &'static str {
        "salad"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://api.salad.com/api/public/organizations"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let key = key.map_or("", Secret::expose);
        let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let (organization, key) = key
            .split_once(':')
            .filter(|(name, _)| !name.is_empty() && is_name(name))
            .ok_or_else(|| {
            SourceError::Setup("SALAD_API_KEY must be organization and key, as organization:key".to_owned())
        })?;
        let url = below(url, &format!("{organization}/gpu-classes"));
        let page =
            web.ask("gpu-classes", |client| client.get(url.clone()).header("Salad-Api-Key", key)).await?;
        Ok(vec![page].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "gpu-classes")?)?;
        Ok(answer.items.into_iter().flat_map(sold).collect())
    }
}

fn sold(class: GpuClass) -> impl Iterator<Item = RawOffer> {
    let name = class.name;
    class.prices.into_iter().filter_map(move |price| {
        let kind = match price.priority.as_str() {
            "high" => PriceKind::OnDemand,
            "low" | "batch" => PriceKind::Spot,
            _ => return None,
        };
        Some(RawOffer { kind, tier: price.priority, ..RawOffer::new("salad", name.clone(), price.price) })
    })
}
