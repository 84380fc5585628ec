//! `GET /api/v1/explore`: runs with the figures of their throughput benchmark, and how many there are of each kind.

use std::collections::{BTreeMap, HashMap};

use axum::{extract::State, http::Uri, response::Response};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    place::{Cursor, order_and_place},
    query::{Filters, query},
};
use crate::{
    api::{
        app::App,
        error::Error,
        explorer::MOST_RUNS,
        parameters::{Limit, Parameters},
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::{
        explore::{Facet, Figure, Found, Index, Listed, Metric, Place, Sort, Spread},
        ids::RunId,
        measure::summary::BenchmarkType,
        run::RunStatus,
    },
    store::{
        data_versions::Scope,
        explorer::{self, LevelFilter},
    },
};

/// Values of a facet that are told, the most frequent.
const MOST_VALUES: usize = 200;

/// A page of runs, and of what kinds all of those are that the filters mean.
#[derive(Serialize, ToSchema)]
struct Explored {
    /// Runs that the filters mean.
    total: usize,
    /// In the order asked for.
    runs: Vec<ExploredRun>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
    /// By facet (`model`, `engine`, …): its values, the most frequent first, at most 200. Absent with `facets=false`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facets: BTreeMap<&'static str, Vec<FacetValue>>,
    /// By metric (`ttft`, `tps`, `itl`, `latency`, `cost`): its bounds. Absent with `facets=false`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    ranges: BTreeMap<&'static str, MetricRange>,
    /// Whether there are more runs than the newest 200000, which are all that is searched.
    truncated: bool,
}

/// A value of a facet.
#[derive(Serialize, ToSchema)]
struct FacetValue {
    /// As a filter takes it.
    value: String,
    /// Runs that have it among those that all other filters mean. 0: choosing it would find nothing.
    count: u32,
    /// Whether the filter names it.
    selected: bool,
}

/// A metric among the runs that all filters but its own bounds mean.
#[derive(Serialize, ToSchema)]
struct MetricRange {
    unit: &'static str,
    /// Runs of which it is known.
    known: u32,
    min: Option<f64>,
    max: Option<f64>,
}

/// What a run is.
#[derive(Serialize, ToSchema)]
pub(super) struct RunFacts {
    /// Its `pod_id`; of a run that ended before it had a result, the run's id.
    id: String,
    /// Null: imported.
    run: Option<RunId>,
    /// Null: it has no results.
    pod_id: Option<String>,
    /// `measured` or `imported`.
    origin: &'static str,
    status: RunStatus,
    /// What ended it.
    failure_code: Option<String>,
    /// The model's display name.
    model: String,
    /// The engine's own id of it.
    llm_id: String,
    /// Empty: unknown.
    parameter_size: String,
    engine: String,
    engine_version: Option<String>,
    /// The container image that ran.
    image: Option<String>,
    precision: Option<String>,
    gpu: String,
    /// 0: a CPU.
    gpu_count: i32,
    /// Where it ran.
    server: String,
    /// The whole machine.
    #[schema(value_type = Option<String>)]
    usd_per_hour: Option<Decimal>,
    measured_at: DateTime<Utc>,
}

impl From<&Listed> for RunFacts {
    fn from(run: &Listed) -> Self {
        let run = run.clone();
        Self {
            origin: run.origin(),
            id: run.id,
            run: run.run,
            pod_id: run.pod_id,
            status: run.status,
            failure_code: run.failure_code,
            model: run.model,
            llm_id: run.llm_id,
            parameter_size: run.parameter_size,
            engine: run.engine,
            engine_version: run.engine_version,
            image: run.image,
            precision: run.precision,
            gpu: run.gpu,
            gpu_count: run.gpu_count,
            server: run.server,
            usd_per_hour: run.usd_per_hour,
            measured_at: run.measured_at,
        }
    }
}

/// A run with the figures of its throughput benchmark.
#[derive(Serialize, ToSchema)]
pub(super) struct ExploredRun {
    #[serde(flatten)]
    run: RunFacts,
    /// By metric (`ttft`, `tps`, `itl`, `latency`, `cost`); one that isn't known is absent.
    metrics: BTreeMap<&'static str, MetricOfRun>,
}

/// A figure of a run.
#[derive(Serialize, ToSchema)]
struct MetricOfRun {
    /// Of the compat view, which imported runs have too: what filters and orders go by.
    value: f64,
    /// Of the measured view; null: imported, or cost.
    measured: Option<Figure>,
}

/// Published runs by facets, bounds and text, with counts
///
/// A run that failed before it had a result is among them, with its code. All filters must hold; of one facet's values any.
#[utoipa::path(
    get, path = "/explore", tag = "results", operation_id = "explore_runs",
    params(
        Filters,
        ("sort" = Option<String>, Query, description = "`measured_at` (default), `ttft`, `tps`, `itl`, `latency` or `cost`"),
        ("order" = Option<String>, Query,
         description = "`asc` or `desc`; default: the newest, the fastest, the cheapest first. What isn't known comes last"),
        ("facets" = Option<bool>, Query, description = "`false`: no counts, for further pages"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before, in the same order"),
    ),
    responses(
        (status = 200, body = Explored),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
pub(super) async fn explore(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let query = query(&mut parameters);
    let (sort, after) = order_and_place(&mut parameters);
    let with_facets: bool = parameters.take("facets").unwrap_or(true);
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let key = format!("explore {query:?} {sort:?} {after:?} {with_facets} {limit}");
    let read = public.read(&app, &[Scope::Results], key).await?;
    let version = read.version().clone();
    let make = async {
        let index = app.explorer.index(&app.pool, &version).await?;
        let found = index.find(&query);
        let (page, has_more) = index.page(&found, sort, after.as_ref(), limit as usize);
        let spreads = spreads(&app, &page).await?;
        Ok(Explored {
            total: found.len(),
            next: page.last().filter(|_| has_more).map(|run| next(run, sort)),
            runs: page.into_iter().map(|run| explored(run, spreads.get(&run.id))).collect(),
            facets: if with_facets { facets(&index, &found) } else { BTreeMap::new() },
            ranges: if with_facets { ranges(&found) } else { BTreeMap::new() },
            truncated: index.len() >= MOST_RUNS as usize,
        })
    };
    read.json(&app, make).await
}

fn next(run: &Listed, sort: Sort) -> String {
    Cursor { sort, place: Place::of(run, sort) }.text()
}

/// The spreads of the throughput benchmarks of these runs that were measured here.
async fn spreads(app: &App, page: &[&Listed]) -> Result<HashMap<String, Spread>, Error> {
    let measured = page.iter().filter(|run| run.run.is_some()).filter_map(|run| run.pod_id.clone());
    let pods: Vec<String> = measured.collect();
    if pods.is_empty() {
        return Ok(HashMap::new());
    }
    let filter = LevelFilter { benchmark_type: Some(BenchmarkType::Throughput), rate: None };
    let levels = explorer::levels(&mut *app.pool.acquire().await?, &pods, filter).await?;
    Ok(levels.into_iter().filter_map(|level| Some((level.pod_id, level.spread?))).collect())
}

/// A run with its figures; those of the measured view out of the spread of its throughput benchmark.
pub(super) fn explored(run: &Listed, spread: Option<&Spread>) -> ExploredRun {
    let metrics = Metric::ALL.into_iter().filter_map(|metric| {
        let measured = spread.and_then(|spread| spread.figure(metric));
        Some((metric.as_str(), MetricOfRun { value: metric.of(run)?, measured }))
    });
    ExploredRun { metrics: metrics.collect(), run: run.into() }
}

fn facets(index: &Index, found: &Found) -> BTreeMap<&'static str, Vec<FacetValue>> {
    let values = |facet: Facet| {
        let counts = index.facet(found, facet, MOST_VALUES).into_iter();
        counts
            .map(|one| FacetValue { value: one.value.to_owned(), count: one.count, selected: one.selected })
            .collect()
    };
    Facet::ALL.into_iter().map(|facet| (facet.as_str(), values(facet))).collect()
}

fn ranges(found: &Found) -> BTreeMap<&'static str, MetricRange> {
    Metric::ALL
        .into_iter()
        .map(|metric| {
            let span = found.span(metric);
            let (min, max) = span.bounds.unzip();
            (metric.as_str(), MetricRange { unit: metric.unit(), known: span.known, min, max })
        })
        .collect()
}
