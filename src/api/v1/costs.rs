//! `/api/v1/costs`: what measured tokens cost, at the price paid, at one's own, or at every platform's today.

use std::str::FromStr;

use axum::{extract::State, http::Uri, response::Response};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        app::App,
        error::{BadParameter, Error, Problem},
        parameters::{Parameters, RunParameter, Usd},
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::{catalog::Catalog, ids::RunId, kinds::EngineKind, run::RunStatus},
    report::{
        RunReport,
        costs::{CostAnalysis, CostOptions},
        everywhere::{Everywhere, everywhere},
        records::Level,
    },
    store::{
        data_versions::Scope,
        run_pages::{self, PageFilter},
    },
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_costs)).routes(routes!(costs_everywhere))
}

/// What tokens cost.
#[derive(Serialize, ToSchema)]
struct CostList {
    /// Of each run, the newest first.
    costs: Vec<RunCosts>,
    /// Runs that paid no price that is known, where none was given.
    unpriced: Vec<RunId>,
}

/// A run and what its tokens cost.
#[derive(Serialize, ToSchema)]
struct RunCosts {
    engine: EngineKind,
    /// The model's display name.
    model: String,
    /// The GPU it got.
    gpu_id: String,
    gpu_count: u32,
    #[serde(flatten)]
    costs: CostAnalysis,
}

/// What the same tokens would cost on every platform today.
#[derive(Serialize, ToSchema)]
struct EverywhereList {
    /// Of each run, the newest first.
    costs: Vec<Everywhere>,
}

/// What tokens cost at each level that was measured
///
/// Of one `run`, or of the newest succeeded runs of a `model`, on a `gpu`, under an `engine`; at least one of the four.
#[utoipa::path(
    get, path = "/costs", tag = "prices",
    params(
        ("run" = Option<RunId>, Query, description = "This run"),
        ("model" = Option<String>, Query, description = "Any name of the catalog, or the engine's own id"),
        ("gpu" = Option<String>, Query, description = "Asked for first: any name of the catalog"),
        ("engine" = Option<EngineKind>, Query),
        ("level" = Option<String>, Query, description = "Only this result: `throughput` or `concurrency:4`"),
        ("usd_per_hour" = Option<String>, Query,
         description = "At this price of the whole machine instead of the one that was paid, US dollars an hour"),
        ("utilisation" = Option<u32>, Query,
         description = "Share of the time that it serves such a load, per cent, default 100; the rest is paid for too",
         minimum = 1, maximum = 100),
        ("speed" = Option<f64>, Query,
         description = "Also where each user gets so many tokens a second, if that is within what was measured",
         exclusive_minimum = 0),
        ("limit" = Option<u32>, Query, description = "Runs, 1 to 20, default 5", minimum = 1, maximum = 20),
    ),
    responses(
        (status = 200, body = CostList),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
    )
)]
async fn list_costs(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let which = Which::take(&mut parameters)?;
    let level = parameters.take::<Level>("level").map(|level| level.to_string());
    let options = CostOptions {
        usd_per_hour: parameters.take("usd_per_hour").map(|Usd(usd)| usd),
        utilisation: parameters.take("utilisation").map(|Percent(share)| share),
        tokens_per_second_per_user: parameters.take("speed").map(|Speed(speed)| speed),
    };
    parameters.finish()?;
    let key = format!("costs {which:?} {level:?} {options:?}");
    let read = public.read_now(&app, &[Scope::Results, Scope::Measured], key).await?;
    read.json(&app, costs(&app, &which, level.as_deref(), &options)).await
}

async fn costs(
    app: &App,
    which: &Which,
    level: Option<&str>,
    options: &CostOptions,
) -> Result<CostList, Error> {
    let mut list = CostList { costs: Vec::new(), unpriced: Vec::new() };
    for report in which.reports(&mut *app.pool.acquire().await?).await? {
        let Some(mut costs) = CostAnalysis::of(&report, options) else {
            list.unpriced.push(report.run);
            continue;
        };
        if let Some(level) = level {
            costs.levels.retain(|one| one.level() == level);
        }
        let (gpu_id, gpu_count) = report.gpus();
        let spec = &report.spec;
        let (engine, model) = (spec.engine.kind, spec.model.common_name.clone());
        list.costs.push(RunCosts { engine, model, gpu_id: gpu_id.to_owned(), gpu_count, costs });
    }
    match (which.run, list.unpriced.is_empty()) {
        (Some(run), false) => {
            let message = format!("has to be given: run {run} paid no price that is known");
            Err(Error::Parameters(vec![BadParameter { parameter: "usd_per_hour".to_owned(), message }]))
        }
        _ => Ok(list),
    }
}

/// What the same tokens would cost at the latest price that every platform asks for the same GPUs
///
/// The speed is the one measured here: another platform's machine may be faster or slower.
#[utoipa::path(
    get, path = "/costs/everywhere", tag = "prices",
    params(
        ("run" = Option<RunId>, Query, description = "This run"),
        ("model" = Option<String>, Query, description = "Any name of the catalog, or the engine's own id"),
        ("gpu" = Option<String>, Query, description = "Asked for first: any name of the catalog"),
        ("engine" = Option<EngineKind>, Query),
        ("utilisation" = Option<u32>, Query,
         description = "Share of the time that it serves such a load, per cent, default 100; the rest is paid for too",
         minimum = 1, maximum = 100),
        ("limit" = Option<u32>, Query, description = "Runs, 1 to 20, default 5", minimum = 1, maximum = 20),
    ),
    responses(
        (status = 200, body = EverywhereList),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
    )
)]
async fn costs_everywhere(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let which = Which::take(&mut parameters)?;
    let utilisation = parameters.take("utilisation").map(|Percent(share)| share);
    parameters.finish()?;
    let options = CostOptions { utilisation, ..CostOptions::default() };
    let key = format!("costs everywhere {which:?} {options:?}");
    let read = public.read_now(&app, &[Scope::Prices, Scope::Results, Scope::Measured], key).await?;
    let make = async {
        let mut conn = app.pool.acquire().await?;
        let mut costs = Vec::new();
        for report in which.reports(&mut conn).await? {
            costs.push(everywhere(&mut conn, &report, &options).await?);
        }
        Ok(EverywhereList { costs })
    };
    read.json(&app, make).await
}

/// Which runs are meant.
#[derive(Debug)]
struct Which {
    run: Option<RunId>,
    filter: PageFilter,
    limit: i64,
}

impl Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Error> {
        let catalog = Catalog::embedded().map_err(|error| Error::Internal(error.to_string()))?;
        let run = parameters.take("run").map(|RunParameter(run)| run);
        let model: Option<String> = parameters.take("model");
        let gpu: Option<String> = parameters.take("gpu");
        let engine = parameters.take("engine");
        let limit = parameters.take("limit").map_or(5, |Runs(limit)| limit);
        if run.is_none() && model.is_none() && gpu.is_none() && engine.is_none() {
            parameters.refuse("run", "has to be given, or `model`, `gpu` or `engine`");
        }
        for (name, given) in
            [("model", model.is_some()), ("gpu", gpu.is_some()), ("engine", engine.is_some())]
        {
            if given && run.is_some() {
                parameters.refuse(name, "selects among runs, and `run` names one");
            }
        }
        // A model that isn't in the catalog has runs under its own id.
        let model = model.map(|name| {
            let known = catalog.model(&name, engine.unwrap_or(EngineKind::Vllm));
            known.map_or(name, |model| model.common_name.clone())
        });
        let gpu_id = gpu.and_then(|name| match catalog.gpu(&name) {
            Ok(gpu) => Some(gpu.id.clone()),
            // A machine without a GPU goes by its processor.
            Err(_) if name.starts_with("CPU ") => Some(name),
            Err(unknown) => {
                parameters.refuse("gpu", format!("can't be used: {unknown}"));
                None
            }
        });
        let status = Some(RunStatus::Succeeded);
        Ok(Self { run, filter: PageFilter { status, engine, model, gpu_id, ..PageFilter::default() }, limit })
    }

    /// Their reports, the newest first.
    async fn reports(&self, conn: &mut PgConnection) -> Result<Vec<RunReport>, Error> {
        if let Some(id) = self.run {
            return Ok(vec![RunReport::read(conn, id).await?.ok_or(Error::UnknownRun(id))?]);
        }
        let mut reports = Vec::new();
        for run in run_pages::page(conn, &self.filter, None, self.limit).await? {
            reports.push(RunReport::of(conn, run).await?);
        }
        Ok(reports)
    }
}

/// A share of the time, given in per cent.
struct Percent(Decimal);

impl FromStr for Percent {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(percent @ 1..=100) => Ok(Self(Decimal::new(percent, 2))),
            _ => Err("must be a whole number of per cent from 1 to 100"),
        }
    }
}

/// Tokens a second that a user gets.
struct Speed(f64);

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse::<f64>() {
            Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(Self(speed)),
            _ => Err("must be a number of tokens a second greater than zero"),
        }
    }
}

/// How many runs.
struct Runs(i64);

impl FromStr for Runs {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(limit @ 1..=20) => Ok(Self(limit)),
            _ => Err("must be a whole number from 1 to 20"),
        }
    }
}
