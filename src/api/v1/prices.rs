//! `/api/v1/prices`: what GPUs cost where, now and over time.

use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        app::App,
        error::{BadParameter, Error},
        parameters::Parameters,
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::{catalog::Catalog, price::PriceKind},
    report::prices::{PriceList, gpu_keys, today},
    store::{
        data_versions::Scope,
        price_reads::{self, Filter, Span},
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_prices)).routes(routes!(price_history))
}

/// A GPU's prices over time.
#[derive(Serialize, ToSchema)]
struct PriceHistory {
    /// Days back.
    days: u32,
    /// Seconds of a span.
    span_s: u32,
    /// Of each GPU, a platform, kind and tier after the other, oldest first.
    history: Vec<PriceSpan>,
}

/// The prices of a GPU on one platform within a span of time.
#[derive(Serialize, ToSchema)]
struct PriceSpan {
    /// The GPU: an id of the catalog.
    gpu_key: String,
    #[serde(flatten)]
    span: Span,
}

/// Today's prices in US dollars per GPU-hour, cheapest first, and the median of the platforms
///
/// A price older than a day is none of today's.
#[utoipa::path(
    get, path = "/prices", tag = "prices",
    params(
        ("gpu" = Option<String>, Query, description = "RunPod's id or short name, or a family such as H100"),
        ("platform" = Option<String>, Query, description = "`runpod`, `vast.ai`, `google`, …"),
        ("kind" = Option<PriceKind>, Query),
        ("region" = Option<String>, Query, description = "Only what holds in, or can be had in, this region"),
        ("every" = Option<bool>, Query, description = "`true`: every region and size of machine, not only the cheapest of each platform"),
    ),
    responses(
        (status = 200, body = PriceList),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
async fn list_prices(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let gpu: Option<String> = parameters.take("gpu");
    let platform: Option<String> = parameters.take("platform");
    let kind: Option<PriceKind> = parameters.take("kind");
    let region: Option<String> = parameters.take("region");
    let every: bool = parameters.take("every").unwrap_or_default();
    parameters.finish()?;
    let keys = gpu.as_deref().map(keys_of).transpose()?;
    let filter = Filter {
        gpu_keys: keys.as_deref(),
        platform: platform.as_deref(),
        kind,
        region: region.as_deref(),
        hidden: false,
    };
    let read = public.read_now(&app, &[Scope::Prices], format!("prices {filter:?} {every}")).await?;
    let make = async {
        let list: PriceList = today(&mut *app.pool.acquire().await?, &filter, every).await?;
        Ok(list)
    };
    read.json(&app, make).await
}

/// A GPU's prices over time, in few points
///
/// A point is an hour for up to 7 days, six hours for up to 30, else whole days, at most 120 of them.
#[utoipa::path(
    get, path = "/prices/history", tag = "prices",
    params(
        ("gpu" = String, Query, description = "RunPod's id or short name, or a family such as H100"),
        ("platform" = Option<String>, Query, description = "`runpod`, `vast.ai`, `google`, …"),
        ("kind" = Option<PriceKind>, Query),
        ("days" = Option<u32>, Query, description = "Days back, 1 to 3650, default 90", minimum = 1, maximum = 3650),
    ),
    responses(
        (status = 200, body = PriceHistory),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
async fn price_history(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let platform: Option<String> = parameters.take("platform");
    let kind: Option<PriceKind> = parameters.take("kind");
    let Days(days) = parameters.take("days").unwrap_or(Days(90));
    let gpu: String = parameters.need("gpu")?;
    parameters.finish()?;
    let keys = keys_of(&gpu)?;
    let span_s = price_reads::span_s(days);
    let key = format!("price history {keys:?} {platform:?} {kind:?} {days}");
    let read = public.read_now(&app, &[Scope::Prices], key).await?;
    let make = async {
        let mut history = Vec::new();
        let mut conn = app.pool.acquire().await?;
        for key in keys {
            let found =
                price_reads::history(&mut conn, &key, platform.as_deref(), kind, days, span_s).await?;
            history.extend(found.into_iter().map(|span| PriceSpan { gpu_key: key.clone(), span }));
        }
        Ok(PriceHistory { days, span_s, history })
    };
    read.json(&app, make).await
}

/// The GPUs that a name means.
fn keys_of(name: &str) -> Result<Vec<String>, Error> {
    let catalog = Catalog::embedded().map_err(|error| Error::Internal(error.to_string()))?;
    gpu_keys(&catalog, name).map_err(|unknown| {
        let message = format!("can't be used: {unknown}");
        Error::Parameters(vec![BadParameter { parameter: "gpu".to_owned(), message }])
    })
}

/// 1 to 3650 days.
struct Days(u32);

impl std::str::FromStr for Days {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(days @ 1..=3650) => Ok(Self(days)),
            _ => Err("must be a whole number of days from 1 to 3650"),
        }
    }
}
