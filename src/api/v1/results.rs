//! `/api/v1/results`: results across runs.

use axum::{Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::cursor::RowCursor;
use crate::{
    api::{
        app::{App, Pool},
        error::Error,
        parameters::{Limit, Parameters, Time},
        refusals::BadParameters,
    },
    domain::{
        ids::RunId,
        kinds::{EngineKind, ProviderKind},
        measure::{
            comparable::Comparability,
            summary::{BenchmarkType, Columns, Measured},
        },
    },
    report::View,
    store::result_pages::{self, ListedResult, ResultFilter},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A page of results.
#[derive(Serialize, ToSchema)]
struct ResultList {
    /// `measured` or `compat`.
    view: &'static str,
    /// Newest first.
    results: Vec<ResultItem>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// A result and what its run is.
#[derive(Serialize, ToSchema)]
struct ResultItem {
    run: RunId,
    /// The identifier its run is published under.
    pod_id: Option<String>,
    engine: EngineKind,
    /// The model's display name.
    model: String,
    parameter_size: String,
    gpu_id: String,
    gpu_count: u32,
    provider: ProviderKind,
    started_at: DateTime<Utc>,
    /// The 17 columns; the measured view has its spreads with them.
    #[schema(value_type = Columns)]
    columns: Numbers,
    /// What is to be known of these numbers.
    flags: Vec<String>,
    /// What another result must agree on to compare fairly.
    #[schema(value_type = Object)]
    comparability: Option<Comparability>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Numbers {
    Measured(Box<Measured>),
    Compat(Box<Columns>),
}

impl ResultItem {
    fn of(view: View, result: ListedResult) -> Self {
        let ListedResult { summary, .. } = result;
        Self {
            run: result.run,
            pod_id: result.public_id,
            engine: result.engine,
            model: result.model,
            parameter_size: result.parameter_size,
            gpu_id: result.gpu_id,
            gpu_count: result.gpu_count,
            provider: result.provider,
            started_at: result.started_at,
            columns: match view {
                View::Measured => Numbers::Measured(Box::new(summary.measured)),
                View::Compat => Numbers::Compat(Box::new(summary.compat)),
            },
            flags: summary.instrument.flags,
            comparability: result.comparability,
        }
    }
}

/// Results across runs, newest first
///
/// Filters must all hold; texts match exactly.
#[utoipa::path(
    get, path = "/results", tag = "results", operation_id = "list_results",
    params(
        ("engine" = Option<EngineKind>, Query),
        ("model" = Option<String>, Query, description = "The engine's id of it, or its display name"),
        ("gpu" = Option<String>, Query, description = "Its id, such as `NVIDIA H200`"),
        ("benchmark_type" = Option<BenchmarkType>, Query, description = "`concurrent` or `throughput`"),
        ("rate" = Option<i32>, Query, description = "Streams", minimum = 1),
        ("since" = Option<String>, Query, description = "Measured then or later: RFC 3339, or a day"),
        ("view" = Option<String>, Query, description = "`measured` (default) or `compat`"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = ResultList),
        BadParameters,
    )
)]
async fn list(State(pool): Pool, uri: Uri) -> Result<Json<ResultList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let filter = ResultFilter {
        engine: parameters.take("engine"),
        model: parameters.take("model"),
        gpu_id: parameters.take("gpu"),
        benchmark_type: parameters.take("benchmark_type").map(|Kind(kind)| kind.as_str().to_owned()),
        rate: parameters.take("rate").map(|Streams(streams)| streams),
        since: parameters.take("since").map(|Time(time)| time),
    };
    let view: View = parameters.take("view").unwrap_or_default();
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    let before = parameters.take("cursor").map(|RowCursor(row)| row);
    parameters.finish()?;
    let mut results = result_pages::page(&mut *pool.acquire().await?, &filter, before, limit + 1).await?;
    let has_more = results.len() > usize::try_from(limit).unwrap_or_default();
    results.truncate(limit as usize);
    let next = results.last().filter(|_| has_more).map(|result| RowCursor(result.id).text());
    let results = results.into_iter().map(|result| ResultItem::of(view, result)).collect();
    Ok(Json(ResultList { view: view.as_str(), results, next }))
}

/// A kind of benchmark that runs have.
struct Kind(BenchmarkType);

impl std::str::FromStr for Kind {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        [BenchmarkType::Concurrent, BenchmarkType::Throughput]
            .into_iter()
            .find(|kind| kind.as_str() == s)
            .map(Self)
            .ok_or("must be concurrent or throughput")
    }
}

/// A number of streams.
struct Streams(i32);

impl std::str::FromStr for Streams {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(streams @ 1..) => Ok(Self(streams)),
            _ => Err("must be a number of streams, 1 or more"),
        }
    }
}
