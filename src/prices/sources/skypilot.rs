//! The `SkyPilot` catalog: a CSV a cloud, here those that no other source without a key covers, and Lambda. The order of
//! columns differs by cloud. Prices are for whole machines.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::{instances::form_of, platform};
use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, PriceKind, RawOffer},
    prices::{
        read::csv,
        source::{Page, Pages, PriceSource, SourceError},
        web::{Web, below},
    },
};

const CLOUDS: &[&str] = &[
    "lambda",
    "cudo",
    "do",
    "fluidstack",
    "hyperbolic",
    "ibm",
    "paperspace",
    "primeintellect",
    "seeweb",
    "shadeform",
    "vast",
];

const COLUMNS: [&str; 7] =
    ["InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "SpotPrice", "Region", "GpuInfo"];

/// MiB in a GiB.
const MIB: f64 = 1024.0;

pub(super) struct SkyPilot;

#[async_trait]
impl PriceSource for SkyPilot {
    fn name(&self) -> &'static str {
        "skypilot"
    }

    fn default_url(&self) -> &'static str {
        "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8"
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
            match web.get(cloud, below(url, &format!("{cloud}/vms.csv"))).await {
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
            csv(&page.part, &page.body, COLUMNS, |row| offers.extend(sold(&platform, row)))?;
        }
        Ok(offers)
    }
}

fn sold(platform: &str, row: [&str; COLUMNS.len()]) -> Vec<RawOffer> {
    let [machine, gpu, count, price, spot_price, region, info] = row;
    let Some(gpus) = gpus_of(gpu, count) else { return Vec::new() };
    let prices = [(price, PriceKind::OnDemand), (spot_price, PriceKind::Spot)];
    let offers = prices.into_iter().filter(|(price, _)| !price.is_empty()).map(|(price, kind)| RawOffer {
        form: form_of(platform, machine).to_owned(),
        memory_gb: memory_gb(info),
        gpus,
        per: Per::Machine,
        kind,
        region: region.to_owned(),
        ..RawOffer::new(platform, gpu, Amount::read(price))
    });
    offers.collect()
}

/// Counts are written `1.0`; `0.5` is half a card; without one it is a machine without a GPU.
fn gpus_of(gpu: &str, count: &str) -> Option<Gpus> {
    let count = count.parse::<f64>().ok().filter(|count| *count > 0.0 && !gpu.is_empty())?;
    let is_whole = count.fract() == 0.0 && count <= 64.0;
    Some(if is_whole { Gpus::Count(count as u32) } else { Gpus::Slice })
}

/// Memory of one GPU in a cell that is a Python dictionary: `'MemoryInfo': {'SizeInMiB': 24576}`.
fn memory_gb(info: &str) -> Option<f64> {
    let (_, after) = info.split_once("'SizeInMiB':")?;
    let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse::<f64>().ok().filter(|mib| *mib > 0.0).map(|mib| mib / MIB)
}
