//! `/api/v1/results`: results across runs.

use axum::{
    Json,
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    cursor::RowCursor,
    explore::{Filters, export::export},
};
use crate::{
    api::{
        app::App,
        error::Error,
        parameters::{Limit, Parameters, Time},
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::{
        ids::RunId,
        kinds::{EngineKind, ProviderKind},
        measure::{
            comparable::Comparability,
            summary::{BenchmarkType, Columns, Measured},
        },
    },
    report::{View, export::ExportFormat},
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
///
/// As a file (`format=csv` or `parquet`) it is every result of the runs that the filters of `/explore` mean, imported ones too, in
/// the compat view: the newest run first, with what each run is. A run without results has a row of its own. At most 20000 runs.
/// `view`, `limit` and `cursor` are of the list alone; of the filters, the list has `engine`, `model`, `gpu`, `benchmark_type`, `rate` and
/// `since`, each once and exactly.
#[utoipa::path(
    get, path = "/results", tag = "results", operation_id = "list_results",
    params(
        Filters,
        ("format" = Option<String>, Query, description = "`json` (default), `csv` or `parquet`"),
        ("benchmark_type" = Option<BenchmarkType>, Query, description = "`concurrent` or `throughput`"),
        ("rate" = Option<i32>, Query, description = "Streams", minimum = 1),
        ("view" = Option<String>, Query, description = "`measured` (default) or `compat`"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, content((ResultList = "application/json"), (String = "text/csv"),
                               (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 304, description = "Nothing of the file has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
async fn list(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    if let Some(AsFile(Some(format))) = parameters.take("format") {
        return export(&app, public, parameters, format).await;
    }
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
    let mut results = result_pages::page(&mut *app.pool.acquire().await?, &filter, before, limit + 1).await?;
    let has_more = results.len() > usize::try_from(limit).unwrap_or_default();
    results.truncate(limit as usize);
    let next = results.last().filter(|_| has_more).map(|result| RowCursor(result.id).text());
    let results = results.into_iter().map(|result| ResultItem::of(view, result)).collect();
    Ok(Json(ResultList { view: view.as_str(), results, next }).into_response())
}

/// A file, or the list.
struct AsFile(Option<ExportFormat>);

impl std::str::FromStr for AsFile {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        if s == "json" { Ok(Self(None)) } else { s.parse().map(|format| Self(Some(format))) }
    }
}

/// A kind of benchmark that runs have.
pub(super) struct Kind(pub(super) BenchmarkType);

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
pub(super) struct Streams(pub(super) i32);

impl std::str::FromStr for Streams {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(streams @ 1..) => Ok(Self(streams)),
            _ => Err("must be a number of streams, 1 or more"),
        }
    }
}
