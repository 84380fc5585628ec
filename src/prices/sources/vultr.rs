//! Vultr: cloud plans, many of which are slices of a card, and bare metal, whose GPUs only the plan's id tells.

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, PriceKind, RawOffer},
    prices::{
        read::json,
        source::{Page, Pages, PriceSource, SourceError},
        web::{Web, below},
    },
};

/// Pages of one list that are read at most.
const MAX_PAGES: usize = 20;

pub(super) struct Vultr;

#[derive(Deserialize)]
struct Plans {
    plans: Vec<Plan>,
}

#[derive(Deserialize)]
struct Plan {
    id: String,
    hourly_cost: Amount,
    locations: Vec<String>,
    gpu_type: Option<String>,
    /// Of the plan, be it a slice or several cards.
    gpu_vram_gb: Option<f64>,
}

#[derive(Deserialize)]
struct MetalPlans {
    plans_metal: Vec<MetalPlan>,
}

#[derive(Deserialize)]
struct MetalPlan {
    id: String,
    hourly_cost: Amount,
    hourly_cost_preemptible: Option<Amount>,
    locations: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    next: Option<String>,
}

#[async_trait]
impl PriceSource for Vultr {
    fn name(&self) -> &'static str {
        "vultr"
    }

    fn default_url(&self) -> &'static str {
        "https://api.vultr.com/v2"
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        let mut pages = Vec::new();
        for (list, all) in [("plans", "type=all&per_page=500"), ("plans-metal", "per_page=500")] {
            let mut cursor = String::new();
            for _ in 0..MAX_PAGES {
                let mut url = below(url, list);
                url.set_query(Some(all));
                if !cursor.is_empty() {
                    url.query_pairs_mut().append_pair("cursor", &cursor);
                }
                let page = web.get(list, url).await?;
                cursor = json::<Listed>(&page)?
                    .meta
                    .and_then(|meta| meta.links)
                    .and_then(|links| links.next)
                    .unwrap_or_default();
                pages.push(page);
                if cursor.is_empty() {
                    break;
                }
            }
        }
        Ok(pages.into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let mut offers = Vec::new();
        for page in pages {
            if page.part == "plans" {
                offers.extend(json::<Plans>(page)?.plans.into_iter().filter_map(cloud));
            } else {
                offers.extend(json::<MetalPlans>(page)?.plans_metal.into_iter().flat_map(metal));
            }
        }
        Ok(offers)
    }
}

/// Plans without a price can't be ordered.
fn cloud(plan: Plan) -> Option<RawOffer> {
    let (gpu, vram) = (plan.gpu_type?, plan.gpu_vram_gb?);
    (!plan.hourly_cost.is_zero()).then(|| RawOffer {
        gpus: Gpus::Memory(vram),
        per: Per::Machine,
        id: plan.id,
        ..placed(plan.locations, RawOffer::new("vultr", gpu, plan.hourly_cost))
    })
}

fn metal(plan: MetalPlan) -> Vec<RawOffer> {
    let Some((gpus, gpu)) = gpus_of(&plan.id) else { return Vec::new() };
    let sold =
        [(Some(plan.hourly_cost), PriceKind::OnDemand), (plan.hourly_cost_preemptible, PriceKind::Spot)];
    let offers = sold.into_iter().filter_map(|(price, kind)| {
        let price = price.filter(|price| !price.is_zero())?;
        Some(RawOffer {
            gpus: Gpus::Count(gpus),
            per: Per::Machine,
            id: plan.id.clone(),
            kind,
            // Eight on one board is what a PCIe card can't be.
            form: if gpus == 8 { "HGX".to_owned() } else { String::new() },
            ..placed(plan.locations.clone(), RawOffer::new("vultr", gpu.clone(), price))
        })
    });
    offers.collect()
}

/// No location: sold out. Some lists hold an empty one.
fn placed(locations: Vec<String>, offer: RawOffer) -> RawOffer {
    let regions: Vec<String> = locations.into_iter().filter(|location| !location.is_empty()).collect();
    RawOffer { in_stock: Some(!regions.is_empty()), regions, ..offer }
}

/// `vbm-112c-2048gb-8-h100-gpu`: eight H100.
fn gpus_of(plan: &str) -> Option<(u32, String)> {
    let parts: Vec<&str> = plan.strip_suffix("-gpu")?.split('-').collect();
    let at = parts.iter().rposition(|part| part.parse::<u32>().is_ok())?;
    let count = parts[at].parse().ok()?;
    let gpu = parts[at + 1..].join(" ");
    (!gpu.is_empty()).then_some((count, gpu))
}
