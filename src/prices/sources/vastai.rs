//! Vast.ai, a marketplace: offers of verified hosts. A price is for the whole offer; `min_bid` is what a spot bid starts
//! at. More matches than the limit give a sample.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Market, Per, PriceKind, RawOffer},
    prices::{
        read::{json, nullable},
        source::{Page, Pages, PriceSource, SourceError, page},
        web::Web,
    },
};

/// Offers asked for.
const LIMIT: u32 = 1000;
/// MiB in a GiB: `gpu_ram` is in MiB.
const MIB: f64 = 1024.0;

pub(super) struct VastAi;

#[derive(Deserialize)]
struct Answer {
    offers: Vec<Offer>,
}

#[derive(Deserialize)]
struct Offer {
    id: u64,
    gpu_name: String,
    num_gpus: u32,
    gpu_ram: Option<f64>,
    /// GPUs without storage, of the whole offer.
    dph_base: Amount,
    #[serde(deserialize_with = "nullable")]
    min_bid: Option<Amount>,
    #[serde(deserialize_with = "nullable")]
    verification: Option<String>,
    rentable: Option<bool>,
    rented: Option<bool>,
    geolocation: Option<String>,
}

#[async_trait]
impl PriceSource for VastAi {
    fn name(&self) -> &'static str {
        "vastai"
    }

    fn default_url(&self) -> &'static str {
        "https://console.vast.ai/api/v0/bundles/"
    }

    fn market(&self) -> Market {
        Market::Many
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        let body = json!({
            "verified": { "eq": true }, "rentable": { "eq": true }, "rented": { "eq": false },
            "order": [["score", "desc"]], "type": "on-demand", "allocated_storage": 5.0, "limit": LIMIT,
        });
        Ok(vec![web.ask("bundles", |client| client.post(url.clone()).json(&body)).await?].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let answer: Answer = json(page(pages, "bundles")?)?;
        let wanted = answer.offers.into_iter().filter(|offer| {
            offer.verification.as_deref() == Some("verified")
                && offer.rentable != Some(false)
                && offer.rented != Some(true)
        });
        Ok(wanted.flat_map(offers).collect())
    }
}

fn offers(offer: Offer) -> impl Iterator<Item = RawOffer> {
    let sold = [(Some(offer.dph_base), PriceKind::OnDemand), (offer.min_bid, PriceKind::Spot)];
    sold.into_iter().filter_map(move |(price, kind)| {
        Some(RawOffer {
            id: offer.id.to_string(),
            memory_gb: offer.gpu_ram.map(|mib| mib / MIB),
            gpus: Gpus::Count(offer.num_gpus),
            per: Per::Machine,
            kind,
            tier: "verified".to_owned(),
            regions: offer.geolocation.clone().into_iter().collect(),
            in_stock: Some(true),
            ..RawOffer::new("vast.ai", offer.gpu_name.clone(), price?)
        })
    })
}
