//! The gpuhunt catalog of dstack: a zip a cloud, made anew each day, with the prices of the large clouds and of some that
//! want a key. Prices are for whole machines.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::{instances::form_of, platform};
use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, PriceKind, RawOffer},
    prices::{
        read::{csv, unzipped},
        source::{Page, Pages, PriceSource, SourceError},
        web::{Web, below},
    },
};

/// The clouds in it.
const CLOUDS: &[&str] =
    &["aws", "azure", "gcp", "oci", "nebius", "lambdalabs", "verda", "runpod", "cloudrift"];

const COLUMNS: [&str; 7] =
    ["instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot"];

pub(super) struct GpuHunt;

#[async_trait]
impl PriceSource for GpuHunt {
    fn name(&self) -> &'static str {
        "gpuhunt"
    }

    fn default_url(&self) -> &'static str {
        "https://dstack-gpu-pricing.s3.eu-west-1.amazonaws.com/v3"
    }

    fn min_interval(&self) -> Duration {
        Duration::from_mins(30)
    }

    fn time_limit(&self) -> Duration {
        Duration::from_mins(5)
    }

    fn pages_stand_alone(&self) -> bool {
        true
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        let mut answered = Pages::default();
        for cloud in CLOUDS {
            match catalog(web, url, cloud).await {
                Ok(page) => answered.pages.push(page),
                Err(error) => answered.missing.push(((*cloud).to_owned(), error)),
            }
        }
        Ok(answered)
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let mut offers = Vec::new();
        for page in pages {
            let platform = platform(&page.part);
            let text = unzipped(page, ".csv")?;
            csv(&page.part, &text, COLUMNS, |row| offers.extend(offer(&platform, row)))?;
        }
        Ok(offers)
    }
}

/// The newest catalog of a cloud; its version is a file of its own.
async fn catalog(web: &Web, url: &Url, cloud: &str) -> Result<Page, SourceError> {
    let version = web.get(cloud, below(url, &format!("{cloud}/version"))).await?;
    let text = String::from_utf8_lossy(&version.body);
    let version = text.trim();
    let is_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if version.is_empty() || version.len() > 64 || !version.chars().all(is_version) {
        return Err(SourceError::shape(cloud, "version", "is no version"));
    }
    web.get(cloud, below(url, &format!("{cloud}/{version}/catalog.zip"))).await
}

fn offer(platform: &str, row: [&str; COLUMNS.len()]) -> Option<RawOffer> {
    let [machine, location, price, gpu_count, gpu, memory, spot] = row;
    // Machines without a GPU, and Google's TPUs.
    if gpu.is_empty() || gpu.starts_with("tpu") || gpu.starts_with("v5lite") {
        return None;
    }
    let count = gpu_count.parse::<u32>().ok().filter(|count| *count > 0)?;
    let is_spot = spot.eq_ignore_ascii_case("true");
    Some(RawOffer {
        form: form_of(platform, machine).to_owned(),
        memory_gb: memory.parse().ok(),
        gpus: Gpus::Count(count),
        per: Per::Machine,
        kind: if is_spot { PriceKind::Spot } else { PriceKind::OnDemand },
        region: location.to_owned(),
        ..RawOffer::new(platform, gpu, Amount::read(price))
    })
}
