//! Oracle's cost estimator: its shapes joined with its products. The one product of a GPU shape that is an "ocpu" is priced
//! per GPU-hour: its quantity is not to be multiplied with. Preemptible machines cost half.

use std::collections::HashMap;

use async_trait::async_trait;
use rust_decimal::Decimal;
use serde::Deserialize;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, PriceKind, RawOffer},
    prices::{
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::{Web, below},
    },
};

pub(super) struct Oci;

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    name: String,
    hidden: Option<bool>,
    status: Option<String>,
    allow_preemptible: Option<bool>,
    gpu_qty: Option<u32>,
    /// Of all its GPUs.
    gpu_memory_qty: Option<f64>,
    #[serde(default)]
    products: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    #[serde(rename = "type")]
    part_type: Value,
    part_number: String,
}

#[derive(Deserialize)]
struct Value {
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    part_number: String,
    #[serde(default)]
    currency_code_localizations: Vec<Localization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Localization {
    currency_code: String,
    prices: Vec<Priced>,
}

#[derive(Deserialize)]
struct Priced {
    model: String,
    value: Amount,
}

#[async_trait]
impl PriceSource for Oci {
    fn name(&self) -> &'static str {
        "oci"
    }

    fn default_url(&self) -> &'static str {
        "https://www.oracle.com/a/ocom/docs/cloudestimator2/data"
    }

    async fn fetch(&self, web: &Web, url: &Url, _: Option<&Secret>) -> Result<Pages, SourceError> {
        let shapes = web.get("shapes", below(url, "shapes.json")).await?;
        let products = web.get("products", below(url, "products.json")).await?;
        Ok(vec![shapes, products].into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let shapes: Items<Shape> = json(page(pages, "shapes")?)?;
        let products: Items<Product> = json(page(pages, "products")?)?;
        let prices: HashMap<String, Amount> = products
            .items
            .into_iter()
            .filter_map(|product| {
                let dollars = product.currency_code_localizations.into_iter();
                let mut dollars =
                    dollars.filter(|local| local.currency_code == "USD").flat_map(|local| local.prices);
                let price = dollars.find(|price| price.model == "PAY_AS_YOU_GO")?;
                Some((product.part_number, price.value))
            })
            .collect();
        let mut offers = Vec::new();
        for (index, shape) in shapes.items.into_iter().enumerate() {
            let Some(gpus) = shape.gpu_qty.filter(|gpus| *gpus > 0) else { continue };
            if shape.hidden == Some(true) || shape.status.as_deref().is_some_and(|status| status != "ACTIVE")
            {
                continue;
            }
            let part =
                shape.products.iter().find(|part| part.part_type.value == "ocpu").ok_or_else(|| {
                    SourceError::shape("shapes", format!("items[{index}].products"), "has no ocpu")
                })?;
            // A shape whose product isn't sold by the hour has no price of this kind.
            let Some(price) = prices.get(&part.part_number) else { continue };
            offers.extend(sold(&shape, gpus, price));
        }
        Ok(offers)
    }
}

fn sold(shape: &Shape, gpus: u32, price: &Amount) -> Vec<RawOffer> {
    let offer = RawOffer {
        // Bare metal with eight of them is a board.
        form: if shape.name.starts_with("BM.") && gpus == 8 { "SXM".to_owned() } else { String::new() },
        memory_gb: shape.gpu_memory_qty.map(|gb| gb / f64::from(gpus)),
        gpus: Gpus::Count(gpus),
        per: Per::Machine,
        ..RawOffer::new("oci", gpu_of(&shape.name), price.clone().times(gpus.into()))
    };
    let mut offers = vec![offer];
    if shape.allow_preemptible == Some(true) {
        let half = price.clone().times(Decimal::new(5, 1));
        offers.push(RawOffer { kind: PriceKind::Spot, price: half, ..offers[0].clone() });
    }
    offers
}

/// `BM.GPU.H100.8`, `BM.GPU.A100-v2.8`, `VM.GPU3.1`: the card, without version and network.
fn gpu_of(shape: &str) -> String {
    let parts: Vec<&str> = shape.split('.').collect();
    let name = match parts.as_slice() {
        [_, "GPU", gpu, ..] => gpu,
        [_, generation, ..] => generation,
        _ => shape,
    };
    name.split('-').next().unwrap_or(name).to_owned()
}
