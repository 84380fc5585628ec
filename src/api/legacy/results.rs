//! `/benchmark_results`, `/multiple_benchmark_results`, `/get_all_benchmarks`: runs with what their throughput benchmark came
//! to.

use std::collections::HashMap;

use axum::{
    Json,
    extract::State,
    http::Uri,
    response::{IntoResponse as _, Response},
};
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::Pagination,
    query::Query,
    refusal::{Refusal, Unknown, Unusable},
};
use crate::{
    api::{app::App, person::MaybePerson, public::Anybody},
    store::{
        data_versions::Scope,
        original_runs::{self, Filter, ListedRun, Match, Point},
    },
};

/// What the horizontal axis of one run's graph says.
const ONE: &str = "Request/S";
/// The same of several runs' graphs.
const SEVERAL: &str = "Rate";
/// What the vertical axis says.
const LATENCY: &str = "Request Latency";

/// What runs are listed from: they carry their votes and numbers of comments.
const RUNS: [Scope; 2] = [Scope::Results, Scope::Community];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(one)).routes(routes!(several)).routes(routes!(all))
}

/// A run and what its throughput benchmark came to. What isn't known is null.
#[derive(Debug, Serialize, ToSchema)]
struct BenchmarkResult {
    pod_id: String,
    /// The model's display name.
    model_name: String,
    /// Always `throughput`.
    benchmark_type: &'static str,
    parameter_size: String,
    inference_engine: String,
    /// The GPU's id.
    hardware: String,
    /// Container disk, GB.
    memory: Option<i32>,
    /// Always null.
    download_speed: Option<f64>,
    server_type: String,
    /// What the run cost, USD.
    cost: Option<f64>,
    /// Mean time to first token, ms.
    avg_ttft_ms: Option<f64>,
    /// Output tokens a second.
    avg_throughput: Option<f64>,
    /// All of the run's benchmarks together, s.
    test_duration: Option<f64>,
    /// Until the engine's server answered, s.
    container_setup: Option<i32>,
    avg_input_token_per_request: Option<f64>,
    avg_output_token_per_request: Option<f64>,
    total_requests: Option<i64>,
    /// Whole seconds.
    model_download_time: Option<i32>,
    /// The whole pod, USD.
    server_cost_per_hour: Option<f64>,
    /// The run's concurrent benchmarks, in ascending rate.
    graph_info: Vec<GraphPoint>,
    x_axis_label: Option<&'static str>,
    y_axis_label: Option<&'static str>,
    /// Votes for the run.
    likes: i32,
    /// Comments, replies apart.
    comment_count: i32,
    /// Whether the one who asks, signed in, votes for it; only ever true of one run asked for.
    is_upvoted_by_user: bool,
    icon_url: Option<String>,
}

/// A point of the graph.
#[derive(Debug, Serialize, ToSchema)]
struct GraphPoint {
    /// Streams.
    x: i32,
    /// Mean request latency, s.
    y: f64,
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
struct BenchmarkResults {
    benchmark_results: Vec<BenchmarkResult>,
    pagination: Pagination,
}

impl BenchmarkResult {
    /// Without a graph.
    fn bare(run: ListedRun) -> Self {
        Self {
            pod_id: run.pod_id,
            model_name: run.model_name,
            benchmark_type: "throughput",
            parameter_size: run.parameter_size,
            inference_engine: run.inference_engine,
            hardware: run.hardware,
            memory: (run.container_disk_in_gb > 0).then_some(run.container_disk_in_gb),
            download_speed: None,
            server_type: run.server_type,
            cost: run.used_usd.and_then(|usd| usd.to_f64()),
            avg_ttft_ms: run.ttft_ms,
            avg_throughput: run.output_tokens_per_second,
            test_duration: run.benchmark_duration_s,
            container_setup: run.server_start_s,
            avg_input_token_per_request: run.prompt_token_count,
            avg_output_token_per_request: run.output_token_count,
            total_requests: run.total_requests,
            model_download_time: run.model_download_s,
            server_cost_per_hour: run.usd_per_hour.and_then(|usd| usd.to_f64()),
            graph_info: Vec::new(),
            x_axis_label: None,
            y_axis_label: None,
            likes: run.upvotes,
            comment_count: run.comment_count,
            is_upvoted_by_user: false,
            icon_url: run.icon_url,
        }
    }

    /// With its graph, out of those of several runs.
    fn drawn(run: ListedRun, graphs: &HashMap<String, Vec<Point>>, label: &'static str) -> Self {
        let points = graphs.get(&run.pod_id).into_iter().flatten();
        let graph_info = points.map(|(x, y)| GraphPoint { x: *x, y: *y }).collect();
        Self { graph_info, x_axis_label: Some(label), y_axis_label: Some(LATENCY), ..Self::bare(run) }
    }
}

/// The newest run that matches
///
/// Texts match exactly; several must all hold.
#[utoipa::path(
    get, path = "/benchmark_results", tag = "original", operation_id = "original_result",
    params(
        ("pod_id" = Option<String>, Query),
        ("platform" = Option<String>, Query, description = "The engine, in any case"),
        ("gpu_type" = Option<String>, Query, description = "`hardware`"),
        ("llm_id" = Option<String>, Query, description = "`model_name`, or the engine's own id of the model"),
        ("server_type" = Option<String>, Query),
    ),
    responses((status = 200, body = BenchmarkResult), Unknown)
)]
async fn one(
    State(app): State<App>,
    Anybody(public): Anybody,
    MaybePerson(person): MaybePerson,
    uri: Uri,
) -> Result<Response, Refusal> {
    let query = Query::of(&uri);
    let wanted = Match {
        pod_id: query.text("pod_id"),
        engine: query.text("platform"),
        gpu_id: query.text("gpu_type"),
        model: query.text("llm_id"),
        server_type: query.text("server_type"),
    };
    let viewer = person.map(|person| person.github_id);
    let key = format!("original one {wanted:?}");
    let make = async {
        let mut conn = app.pool.acquire().await?;
        let Some(run) = original_runs::newest(&mut conn, &wanted).await? else {
            return Err(Refusal::unknown("no run with a throughput result matches this"));
        };
        let graphs = original_runs::graphs(&mut conn, std::slice::from_ref(&run.pod_id)).await?;
        let is_upvoted_by_user = match viewer {
            Some(viewer) => original_runs::is_upvoted_by(&mut conn, &run.pod_id, viewer).await?,
            None => false,
        };
        Ok(BenchmarkResult { is_upvoted_by_user, ..BenchmarkResult::drawn(run, &graphs, ONE) })
    };
    if viewer.is_some() {
        return Ok(Json(Box::pin(make).await?).into_response());
    }
    public.read(&app, &RUNS, key).await?.json(&app, make).await
}

/// Runs by id, in the order asked
///
/// An id asked twice comes twice; unknown ones are left out of the list, and counted in `pagination`.
#[utoipa::path(
    get, path = "/multiple_benchmark_results", tag = "original", operation_id = "original_results_of",
    params(
        ("pod_ids" = Vec<String>, Query, description = "At least one; repeated for each"),
        ("page" = Option<i64>, Query, minimum = 1, description = "Default 1"),
        ("per_page" = Option<i64>, Query, minimum = 1, maximum = 50, description = "Default 6"),
    ),
    responses((status = 200, body = BenchmarkResults), Unusable)
)]
async fn several(State(app): State<App>, Anybody(public): Anybody, uri: Uri) -> Result<Response, Refusal> {
    let mut query = Query::of(&uri);
    let pod_ids = query.required_texts("pod_ids");
    let page = query.page();
    query.finish()?;
    let pagination = Pagination::new(page, i64::try_from(pod_ids.len()).unwrap_or(i64::MAX));
    let pod_ids = page.of(pod_ids);
    let read = public.read(&app, &RUNS, format!("original several {pod_ids:?} {pagination:?}")).await?;
    let make = async {
        let mut conn = app.pool.acquire().await?;
        let runs = original_runs::in_order(&mut conn, &pod_ids).await?;
        let graphs = original_runs::graphs(&mut conn, &pod_ids).await?;
        let drawn = runs.into_iter().map(|run| BenchmarkResult::drawn(run, &graphs, SEVERAL));
        Ok(BenchmarkResults { benchmark_results: drawn.collect(), pagination })
    };
    read.json(&app, make).await
}

/// All runs, newest first, without their graphs
#[utoipa::path(
    get, path = "/get_all_benchmarks", tag = "original", operation_id = "original_results",
    params(
        ("page" = Option<i64>, Query, minimum = 1, description = "Default 1"),
        ("per_page" = Option<i64>, Query, minimum = 1, maximum = 50, description = "Default 6"),
    ),
    responses((status = 200, body = BenchmarkResults), Unusable)
)]
async fn all(State(app): State<App>, Anybody(public): Anybody, uri: Uri) -> Result<Response, Refusal> {
    let mut query = Query::of(&uri);
    let page = query.page();
    query.finish()?;
    let read = public.read(&app, &RUNS, format!("original all {page:?}")).await?;
    let make = async {
        let mut conn = app.pool.acquire().await?;
        let (runs, total) =
            original_runs::page(&mut conn, &Filter::default(), page.offset(), page.per_page).await?;
        Ok(BenchmarkResults {
            benchmark_results: runs.into_iter().map(BenchmarkResult::bare).collect(),
            pagination: Pagination::new(page, total),
        })
    };
    read.json(&app, make).await
}
