//! `cost_now`: what a GPU costs today on each platform, and what a run's tokens would cost at that.

use async_trait::async_trait;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Places, Tool, ToolError,
    arguments::{data, gpus, kind, name, object, one_of, path, read, text, usd},
    results::{link_to, one, title},
};
use crate::{
    domain::measure::cost::usd_per_million_output_tokens,
    report::prices::{PriceList, today},
    store::{
        evidence::Finding,
        price_reads::{Filter, Latest},
    },
};

/// Offers that are put out.
const MOST: usize = 10;

/// Looks at today's prices.
pub(super) struct CostNow;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    gpu: Option<String>,
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

#[async_trait]
impl Tool for CostNow {
    fn name(&self) -> &'static str {
        "cost_now"
    }

    fn description(&self) -> &'static str {
        "What a GPU costs today per GPU-hour on each platform, cheapest first; with a run, also what a million of its output \
         tokens would cost at today's cheapest price. Give a gpu or a run."
    }

    fn parameters(&self) -> Value {
        object(&[
            ("gpu", text("name of the GPU or its family; null: that of the run")),
            ("run", text("`run` of a result; null: only the GPU's prices")),
            ("kind", one_of(&["on_demand", "spot"], "null: on_demand")),
        ])
    }

    async fn call(&self, places: Places<'_>, arguments: &str) -> Result<Value, ToolError> {
        let asked: Arguments = read(arguments)?;
        let (gpu, run, kind) = (name(asked.gpu)?, name(asked.run)?, kind(asked.kind.as_deref())?);
        let mut conn = places.pool.acquire().await?;
        let run = match run {
            Some(id) => Some(one(&mut conn, &id).await?.ok_or_else(|| {
                ToolError::Arguments("there is no such run: take `run` from search_results".to_owned())
            })?),
            None => None,
        };
        let wanted =
            gpu.or_else(|| run.as_ref().map(|run| run.gpu_key.clone().unwrap_or_else(|| run.gpu.clone())));
        let wanted = wanted.ok_or_else(|| ToolError::Arguments("give a gpu or a run".to_owned()))?;
        let keys = gpus(places.catalog, &wanted)?;
        let filter = Filter { gpu_keys: Some(&keys), kind: Some(kind), ..Filter::default() };
        let PriceList { mut prices, medians, .. } = today(&mut conn, &filter, false).await?;
        prices.retain(|price| price.freshness.counts());
        prices.sort_by_key(|price| price.usd_per_gpu_hour);
        let kind_name = kind.as_str();
        let mut out = json!({
            "link": path("/prices", &[("gpu", &wanted), ("kind", kind_name)]),
            "title": format!("prices of {}", data(&wanted)),
            "kind": kind_name,
            "unit": "USD per GPU-hour",
            "medians": medians.iter().map(|sum| json!({
                "gpu": display(places, &sum.gpu_key),
                "median_usd": usd(sum.median_usd),
                "cheapest_usd": usd(sum.cheapest_usd),
                "cheapest_platform": sum.cheapest_platform,
                "platforms": sum.platforms,
            })).collect::<Value>(),
            "offers": prices.iter().take(MOST).map(|price| offer(places, price)).collect::<Value>(),
        });
        if prices.is_empty() {
            out["missing"] = json!("no price younger than a day is known; say so");
        }
        if let Some(run) = run {
            out["run_at_todays_price"] = at_todays_price(&run, &prices);
        }
        Ok(out)
    }
}

fn display(places: Places<'_>, key: &str) -> String {
    places.catalog.gpu(key).map_or_else(|_| key.to_owned(), |gpu| gpu.display_name.clone())
}

fn offer(places: Places<'_>, price: &Latest) -> Value {
    json!({
        "gpu": display(places, &price.gpu_key),
        "platform": data(&price.platform),
        "tier": data(&price.tier),
        "usd_per_gpu_hour": usd(price.usd_per_gpu_hour),
        "gpus_of_the_machine": if price.gpu_count > 0 { json!(price.gpu_count) } else { json!("any number") },
        "in_stock": price.in_stock,
        "seen": price.reason,
    })
}

/// What a million output tokens of a run would cost at the cheapest price of its own GPU.
fn at_todays_price(run: &Finding, prices: &[Latest]) -> Value {
    let own = prices.iter().filter(|price| run.gpu_key.as_ref().is_none_or(|key| *key == price.gpu_key));
    let there = own.filter(|price| price.in_stock != Some(false));
    let cheapest = there.min_by_key(|price| price.usd_per_gpu_hour);
    let per_hour = cheapest.map(|price| price.usd_per_gpu_hour * Decimal::from(run.gpu_count.max(1)));
    let per_million = per_hour
        .zip(run.output_tokens_per_second)
        .and_then(|(price, rate)| usd_per_million_output_tokens(price, rate));
    json!({
        "link": link_to(&run.pod_id),
        "title": title(run),
        "run": run.pod_id,
        "usd_per_hour_of_the_machine": per_hour.map(usd),
        "usd_per_million_output_tokens": per_million.map(usd),
        "platform": cheapest.map(|price| data(&price.platform)),
        "when_measured": {
            "usd_per_hour": run.usd_per_hour.map(usd),
            "usd_per_million_output_tokens": run.usd_per_million_output_tokens.map(usd),
        },
    })
}
