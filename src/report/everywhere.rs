//! What a run's tokens would cost on every platform today: its results at each one's price of the same GPUs.
//!
//! A platform's GPU of the same name may sit in another machine; nothing here says that it would be as fast there.

use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;

use super::{
    RunReport,
    costs::{CostAnalysis, CostOptions, LevelCosts},
};
use crate::{
    domain::{catalog::Catalog, ids::RunId, measure::summary::BenchmarkType, price::PriceKind},
    store::{
        Error,
        price_reads::{self, Filter, Latest},
    },
};

/// A run's costs on every platform.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Everywhere {
    /// The run.
    pub run: RunId,
    /// Its GPU, by its id.
    pub gpu_id: String,
    /// How many.
    pub gpu_count: u32,
    /// Share of the time that the machine serves such a load.
    #[schema(value_type = String)]
    pub utilisation: Decimal,
    /// The offers: on demand before spot, the cheapest first.
    pub offers: Vec<Repriced>,
}

/// The run's tokens at one price.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Repriced {
    /// The price, and how old it is.
    #[serde(flatten)]
    pub price: Latest,
    /// Of all the run's GPUs, an hour.
    #[schema(value_type = String)]
    pub usd_per_hour: Decimal,
    /// A million output tokens in the throughput benchmark; null where it has none.
    #[schema(value_type = Option<String>)]
    pub usd_per_million_output_tokens: Option<Decimal>,
    /// Each level.
    pub levels: Vec<LevelCosts>,
}

/// A run at the latest price that each platform asks for its GPU: of each platform, provider, kind and tier the cheapest.
///
/// # Errors
/// When the database fails.
pub async fn everywhere(
    conn: &mut PgConnection,
    report: &RunReport,
    options: &CostOptions,
) -> Result<Everywhere, Error> {
    let (named, gpu_count) = report.gpus();
    let known = Catalog::embedded().ok().and_then(|catalog| Some(catalog.gpu(named).ok()?.id.clone()));
    let gpu_id = known.unwrap_or_else(|| named.to_owned());
    let keys = [gpu_id.clone()];
    let filter = Filter { gpu_keys: Some(&keys), ..Filter::default() };
    let prices = price_reads::latest(conn, &filter).await?;
    let mut offers: Vec<Repriced> = Vec::new();
    // They come with the cheapest first.
    for price in prices.into_iter().filter(|price| fits(price, gpu_count)) {
        if !offers.iter().any(|offer| same_series(&offer.price, &price)) {
            offers.extend(reprice(report, price, gpu_count, options));
        }
    }
    offers.sort_by_key(|offer| (offer.price.kind == PriceKind::Spot, offer.price.usd_per_gpu_hour));
    let utilisation = options.utilisation.unwrap_or(Decimal::ONE);
    Ok(Everywhere { run: report.run, gpu_id, gpu_count, utilisation, offers })
}

/// Whether a machine of this offer has as many GPUs, or any number.
fn fits(price: &Latest, gpu_count: u32) -> bool {
    gpu_count > 0 && (price.gpu_count == 0 || u32::try_from(price.gpu_count) == Ok(gpu_count))
}

fn same_series(one: &Latest, other: &Latest) -> bool {
    let key =
        |price: &Latest| (price.platform.clone(), price.provider.clone(), price.kind, price.tier.clone());
    key(one) == key(other)
}

fn reprice(report: &RunReport, price: Latest, gpu_count: u32, options: &CostOptions) -> Option<Repriced> {
    let usd_per_hour = price.usd_per_gpu_hour * Decimal::from(gpu_count);
    let at = CostOptions { usd_per_hour: Some(usd_per_hour), ..*options };
    let levels = CostAnalysis::of(report, &at)?.levels;
    let throughput = levels.iter().find(|level| level.benchmark_type == BenchmarkType::Throughput);
    let usd_per_million_output_tokens = throughput.and_then(|level| level.cost.usd_per_million_output_tokens);
    Some(Repriced { price, usd_per_hour, usd_per_million_output_tokens, levels })
}
