//! `/get_benchmark_results_by_filters` and `/get_available_benchmark_options`: which runs there are.

use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::Pagination,
    query::Query,
    refusal::{Refusal, Unusable},
};
use crate::{
    api::{app::App, public::Anybody},
    store::{
        data_versions::Scope,
        original_runs::{self, Filter, ListedRun},
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(options))
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
struct FoundRuns {
    benchmark_results: Vec<FoundRun>,
    pagination: Pagination,
}

/// A run, without its numbers.
#[derive(Debug, Serialize, ToSchema)]
struct FoundRun {
    pod_id: String,
    /// The model's display name.
    model_name: String,
    parameter_size: String,
    inference_engine: String,
    /// The GPU's id.
    hardware: String,
    /// Votes for it.
    likes: i32,
    /// Comments, replies apart.
    comment_count: i32,
    icon_url: Option<String>,
}

impl From<ListedRun> for FoundRun {
    fn from(run: ListedRun) -> Self {
        Self {
            pod_id: run.pod_id,
            model_name: run.model_name,
            parameter_size: run.parameter_size,
            inference_engine: run.inference_engine,
            hardware: run.hardware,
            likes: run.upvotes,
            comment_count: run.comment_count,
            icon_url: run.icon_url,
        }
    }
}

/// Runs that pass filters, newest first
///
/// Texts match exactly, and all that is given must hold. Bounds are inclusive; one of 0 is none, and a run without the value
/// fails it.
#[utoipa::path(
    get, path = "/get_benchmark_results_by_filters", tag = "original", operation_id = "original_search",
    params(
        ("model_name" = Option<String>, Query,
         description = "One that no run has is taken as a part of the name, in any case"),
        ("inference_engine" = Option<String>, Query),
        ("parameter_size" = Option<String>, Query),
        ("hardware" = Option<Vec<String>>, Query, description = "Repeated: any of them"),
        ("hardware_price" = Option<f64>, Query,
         description = "Exactly what the pod costs, USD an hour; ignored beside an hourly bound"),
        ("TTFT_min" = Option<f64>, Query, description = "ms"),
        ("TTFT_max" = Option<f64>, Query, description = "ms"),
        ("TPS_min" = Option<f64>, Query, description = "Output tokens a second"),
        ("TPS_max" = Option<f64>, Query, description = "Output tokens a second"),
        ("benchmark_type" = Option<String>, Query,
         description = "`throughput` or `concurrent`: runs that have it"),
        ("hourly_cost_min" = Option<f64>, Query, description = "USD an hour"),
        ("hourly_cost_max" = Option<f64>, Query, description = "USD an hour"),
        ("page" = Option<i64>, Query, minimum = 1, description = "Default 1"),
        ("per_page" = Option<i64>, Query, minimum = 1, maximum = 50, description = "Default 6"),
    ),
    responses((status = 200, body = FoundRuns), Unusable)
)]
async fn search(State(app): State<App>, Anybody(public): Anybody, uri: Uri) -> Result<Response, Refusal> {
    let mut query = Query::of(&uri);
    let mut hardware = query.texts("hardware");
    hardware.retain(|text| !text.is_empty());
    let price = query.bound("hardware_price");
    let (cheapest, dearest) = (query.bound("hourly_cost_min"), query.bound("hourly_cost_max"));
    let model = query.text("model_name");
    let mut filter = Filter {
        models: None,
        engine: query.text("inference_engine"),
        parameter_size: query.text("parameter_size"),
        gpu_ids: (!hardware.is_empty()).then_some(hardware),
        usd_per_hour: price.filter(|_| cheapest.is_none() && dearest.is_none()),
        min_usd_per_hour: cheapest,
        max_usd_per_hour: dearest,
        min_ttft_ms: query.bound("TTFT_min"),
        max_ttft_ms: query.bound("TTFT_max"),
        min_output_tokens_per_second: query.bound("TPS_min"),
        max_output_tokens_per_second: query.bound("TPS_max"),
        benchmark_type: query.text("benchmark_type"),
    };
    let page = query.page();
    query.finish()?;
    let key = format!("original search {model:?} {filter:?} {page:?}");
    let read = public.read(&app, &[Scope::Results], key).await?;
    let make = async {
        let mut conn = app.pool.acquire().await?;
        if let Some(model) = model {
            filter.models = Some(original_runs::models(&mut conn, &model).await?);
        }
        let (runs, total) = original_runs::page(&mut conn, &filter, page.offset(), page.per_page).await?;
        Ok(FoundRuns {
            benchmark_results: runs.into_iter().map(FoundRun::from).collect(),
            pagination: Pagination::new(page, total),
        })
    };
    read.json(&app, make).await
}

/// What there is to choose from, each list sorted.
#[derive(Debug, Serialize, ToSchema)]
struct AvailableOptions {
    model_names: Vec<String>,
    inference_engines: Vec<String>,
    parameter_sizes: Vec<String>,
    hardwares: Vec<String>,
    server_types: Vec<String>,
}

/// What filters can ask for: everything that a run has
#[utoipa::path(
    get, path = "/get_available_benchmark_options", tag = "original", operation_id = "original_options",
    responses((status = 200, body = AvailableOptions))
)]
async fn options(State(app): State<App>, Anybody(public): Anybody) -> Result<Response, Refusal> {
    let read = public.read(&app, &[Scope::Results], "original options".to_owned()).await?;
    let make = async {
        let there_are = original_runs::options(&mut *app.pool.acquire().await?).await?;
        Ok(AvailableOptions {
            model_names: there_are.model_names,
            inference_engines: there_are.inference_engines,
            parameter_sizes: there_are.parameter_sizes,
            hardwares: there_are.hardwares,
            server_types: there_are.server_types,
        })
    };
    read.json(&app, make).await
}
