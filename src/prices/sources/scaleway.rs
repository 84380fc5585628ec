//! Scaleway: servers of each zone, euros a server.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, RawOffer},
    prices::{
        read::json,
        source::{Page, Pages, PriceSource, SourceError},
        web::{Web, below},
    },
};

/// The zones that have GPUs.
const ZONES: &[&str] = &["fr-par-1", "fr-par-2", "nl-ams-1", "pl-waw-2"];
/// Bytes in a GiB.
const GIB: f64 = 1_073_741_824.0;

pub(super) struct Scaleway;

#[derive(Deserialize)]
struct Answer {
    servers: BTreeMap<String, Server>,
}

#[derive(Deserialize)]
struct Server {
    hourly_price: Amount,
    gpu: Option<u32>,
    gpu_info: Option<GpuInfo>,
    end_of_service: Option<bool>,
}

#[derive(Deserialize)]
struct GpuInfo {
    gpu_name: String,
    /// Bytes of one GPU.
    gpu_memory: f64,
}

#[async_trait]
impl PriceSource for Scaleway {
    fn name(&self) -> &'static str {
        "scaleway"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://api.scaleway.com/instance/v1/zones"
    }

    fn pages_stand_alone(&self) -> bool {
        true
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let key = key.map_or("", Secret::expose);
        let mut answered = Pages::default();
        for zone in ZONES {
            let mut ask = below(url, &format!("{zone}/products/servers"));
            ask.set_query(Some("per_page=100"));
            match web.ask(zone, |client| client.get(ask.clone()).header("X-Auth-Token", key)).await {
                Ok(page) => answered.pages.push(page),
                Err(error) => answered.missing.push(((*zone).to_owned(), error)),
            }
        }
        Ok(answered)
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let mut offers = Vec::new();
        for page in pages {
            let answer: Answer = json(page)?;
            offers.extend(answer.servers.into_values().filter_map(|server| offer(&page.part, server)));
        }
        Ok(offers)
    }
}

fn offer(zone: &str, server: Server) -> Option<RawOffer> {
    let gpus = server.gpu.filter(|gpus| *gpus > 0 && server.end_of_service != Some(true))?;
    let info = server.gpu_info?;
    Some(RawOffer {
        memory_gb: Some(info.gpu_memory / GIB),
        gpus: Gpus::Count(gpus),
        per: Per::Machine,
        currency: "EUR".to_owned(),
        region: zone.to_owned(),
        ..RawOffer::new("scaleway", info.gpu_name, server.hourly_price)
    })
}
