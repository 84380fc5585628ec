//! `/get_gpu_prices_by_platform` and `/get_gpu_prices_by_pod_id`: what a GPU costs on each platform.

use axum::{extract::State, http::Uri, response::Response};
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    query::Query,
    refusal::{Refusal, Unknown, Unusable},
};
use crate::{
    api::{app::App, error::Error, public::Anybody},
    domain::catalog::Catalog,
    store::{
        data_versions::Scope,
        original_prices::{self, PlatformPrice},
        original_runs,
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(by_platform)).routes(routes!(by_run))
}

/// Prices, of a GPU after the other, cheapest first.
#[derive(Debug, Serialize, ToSchema)]
struct GpuPrices {
    gpu_prices: Vec<GpuPrice>,
}

/// What a GPU costs on a platform.
#[derive(Debug, Serialize, ToSchema)]
struct GpuPrice {
    platform: String,
    /// The GPU's short name: `H200 SXM`.
    name: String,
    /// US dollars per GPU-hour.
    price: f64,
}

/// The latest prices: of a platform, of a GPU, or all
///
/// A platform is in its lower-case spelling; beside one, `gpu_name` is ignored.
#[utoipa::path(
    get, path = "/get_gpu_prices_by_platform", tag = "original", operation_id = "original_prices",
    params(
        ("platform" = Option<String>, Query, description = "`runpod`, `vast.ai`, …"),
        ("gpu_name" = Option<String>, Query, description = "`H200 SXM`, as answers name it"),
    ),
    responses((status = 200, body = GpuPrices))
)]
async fn by_platform(
    State(app): State<App>,
    Anybody(public): Anybody,
    uri: Uri,
) -> Result<Response, Refusal> {
    let query = Query::of(&uri);
    let platform = query.text("platform");
    let name = query.text("gpu_name").filter(|_| platform.is_none());
    let read =
        public.read_now(&app, &[Scope::Prices], format!("original prices {platform:?} {name:?}")).await?;
    let make = async {
        let catalog = catalog()?;
        let mut conn = app.pool.acquire().await?;
        let mut prices = original_prices::latest(&mut conn, None, platform.as_deref()).await?;
        prices
            .retain(|price| name.as_deref().is_none_or(|name| self::name(&catalog, &price.gpu_key) == name));
        Ok(listed(&catalog, prices, str::to_owned))
    };
    read.json(&app, make).await
}

/// The latest prices of a run's GPU, on every platform
#[utoipa::path(
    get, path = "/get_gpu_prices_by_pod_id", tag = "original", operation_id = "original_prices_of",
    params(("pod_id" = String, Query)),
    responses((status = 200, body = GpuPrices), Unknown, Unusable)
)]
async fn by_run(State(app): State<App>, Anybody(public): Anybody, uri: Uri) -> Result<Response, Refusal> {
    let mut query = Query::of(&uri);
    let pod_id = query.required_text("pod_id");
    query.finish()?;
    let key = format!("original prices of {pod_id:?}");
    let read = public.read_now(&app, &[Scope::Prices, Scope::Results], key).await?;
    let make = async {
        let catalog = catalog()?;
        let mut conn = app.pool.acquire().await?;
        let Some((key, called)) = original_runs::gpu_of(&mut conn, &pod_id).await? else {
            return Err(Refusal::unknown(format!("there is no run {pod_id}")));
        };
        let prices = match key.or_else(|| catalog.gpu(&called).ok().map(|gpu| gpu.id.clone())) {
            Some(key) => original_prices::latest(&mut conn, Some(&key), None).await?,
            None => Vec::new(),
        };
        Ok(listed(&catalog, prices, title))
    };
    read.json(&app, make).await
}

fn listed(catalog: &Catalog, prices: Vec<PlatformPrice>, platform: fn(&str) -> String) -> GpuPrices {
    let price = |price: PlatformPrice| GpuPrice {
        name: name(catalog, &price.gpu_key).to_owned(),
        platform: platform(&price.platform),
        price: price.usd_per_gpu_hour.to_f64().unwrap_or_default(),
    };
    GpuPrices { gpu_prices: prices.into_iter().map(price).collect() }
}

/// The short name of a GPU of the catalog.
fn name<'a>(catalog: &'a Catalog, key: &'a str) -> &'a str {
    catalog.gpus().iter().find(|gpu| gpu.id == key).map_or(key, |gpu| &gpu.display_name)
}

/// A platform as a title.
fn title(platform: &str) -> String {
    match platform {
        "primeintellect" => "Prime Intellect".to_owned(),
        "akash" => "Akash Network".to_owned(),
        _ => {
            let mut letters = platform.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

fn catalog() -> Result<Catalog, Error> {
    Catalog::embedded().map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_as_a_title_begins_with_a_capital_and_two_have_titles_of_their_own() {
        let titles = ["runpod", "vast.ai", "primeintellect", "akash", "lambda", ""].map(title);
        assert_eq!(titles, ["Runpod", "Vast.ai", "Prime Intellect", "Akash Network", "Lambda", ""]);
    }
}
