//! Verda (before: DataCrunch): machines in US dollars, on demand and spot, and where there are some. Its key is
//! `client id:client secret`, for which it gives a token.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{
    config::Secret,
    domain::price::{Amount, Gpus, Per, PriceKind, RawOffer},
    prices::{
        bearer,
        read::json,
        source::{Page, Pages, PriceSource, SourceError, page},
        web::{Web, below},
    },
};

pub(super) struct Verda;

#[derive(Deserialize)]
struct Token {
    access_token: Secret,
}

#[derive(Deserialize)]
struct InstanceType {
    instance_type: String,
    name: String,
    gpu: Count,
    gpu_memory: Memory,
    currency: Option<String>,
    price_per_hour: Amount,
    spot_price: Option<Amount>,
}

#[derive(Deserialize)]
struct Count {
    number_of_gpus: u32,
}

#[derive(Deserialize)]
struct Memory {
    /// Of all its GPUs.
    size_in_gigabytes: f64,
}

#[derive(Deserialize)]
struct Place {
    location_code: String,
    availabilities: BTreeSet<String>,
}

#[async_trait]
impl PriceSource for Verda {
    fn name(&self) -> &'static str {
        "verda"
    }

    fn needs_key(&self) -> bool {
        true
    }

    fn default_url(&self) -> &'static str {
        "https://api.verda.com/v1"
    }

    async fn fetch(&self, web: &Web, url: &Url, key: Option<&Secret>) -> Result<Pages, SourceError> {
        let key = key.map_or("", Secret::expose);
        let (id, secret) = key.split_once(':').ok_or_else(|| {
            SourceError::Setup("VERDA_API_KEY must be the client's id and secret, as id:secret".to_owned())
        })?;
        let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
        let ask = below(url, "oauth2/token");
        let token: Token =
            json(&web.ask("oauth2/token", |client| client.post(ask.clone()).json(&body)).await?)?;
        let mut pages = Vec::new();
        for (part, query) in [("instance-types", Some("currency=usd")), ("instance-availability", None)] {
            let mut ask = below(url, part);
            ask.set_query(query);
            let key = Some(&token.access_token);
            pages.push(web.ask(part, |client| bearer(client.get(ask.clone()), key)).await?);
        }
        Ok(pages.into())
    }

    fn parse(&self, pages: &[Page]) -> Result<Vec<RawOffer>, SourceError> {
        let types: Vec<InstanceType> = json(page(pages, "instance-types")?)?;
        let places: Vec<Place> = json(page(pages, "instance-availability")?)?;
        let with_gpus = types.into_iter().filter(|kind| kind.gpu.number_of_gpus > 0);
        Ok(with_gpus.flat_map(|kind| sold(kind, &places)).collect())
    }
}

fn sold(kind: InstanceType, places: &[Place]) -> impl Iterator<Item = RawOffer> + use<> {
    let gpus = kind.gpu.number_of_gpus;
    let there = places.iter().filter(|place| place.availabilities.contains(&kind.instance_type));
    let regions: Vec<String> = there.map(|place| place.location_code.clone()).collect();
    let prices = [(Some(kind.price_per_hour), PriceKind::OnDemand), (kind.spot_price, PriceKind::Spot)];
    prices.into_iter().filter_map(move |(price, sold_as)| {
        // Which places have spot machines is another list.
        let on_demand = sold_as == PriceKind::OnDemand;
        Some(RawOffer {
            memory_gb: Some(kind.gpu_memory.size_in_gigabytes / f64::from(gpus)),
            gpus: Gpus::Count(gpus),
            per: Per::Machine,
            currency: kind.currency.clone().unwrap_or_else(|| "USD".to_owned()),
            kind: sold_as,
            in_stock: on_demand.then_some(!regions.is_empty()),
            regions: if on_demand { regions.clone() } else { Vec::new() },
            ..RawOffer::new("verda", kind.name.clone(), price?)
        })
    })
}
