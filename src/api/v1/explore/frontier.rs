//! `GET /api/v1/frontier`: how fast each request is against how much comes out in all, a line a configuration.

use std::collections::HashMap;

use axum::{extract::State, http::Uri, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    list::RunFacts,
    query::{Filters, query},
};
use crate::{
    api::{
        app::App,
        error::Error,
        parameters::Parameters,
        public::Public,
        refusals::{BadParameters, BadToken},
        v1::explore::trends::Lines,
    },
    domain::{
        explore::{Configuration, Figure, Listed, Metric, configurations, pareto},
        measure::summary::BenchmarkType,
    },
    store::{
        data_versions::Scope,
        explorer::{self, Level, LevelFilter},
    },
};

/// The chart.
#[derive(Serialize, ToSchema)]
struct Frontier {
    x: Axis,
    y: Axis,
    /// The fastest a GPU first.
    lines: Vec<FrontierLine>,
    /// Configurations beyond `limit`.
    left_out: usize,
}

/// What an axis shows.
#[derive(Serialize, ToSchema)]
struct Axis {
    title: &'static str,
    unit: &'static str,
    more_is_better: bool,
}

/// The newest run of a configuration.
#[derive(Serialize, ToSchema)]
struct FrontierLine {
    configuration: Configuration,
    /// Runs of this configuration that the filters mean.
    runs: usize,
    /// The newest, whose points these are.
    run: RunFacts,
    /// By ascending number of streams, the throughput benchmark last.
    points: Vec<FrontierPoint>,
}

/// One benchmark.
#[derive(Serialize, ToSchema)]
struct FrontierPoint {
    benchmark_type: BenchmarkType,
    /// Streams; null: as many requests as it takes (throughput).
    rate: Option<u32>,
    /// Output tokens a second of one request: those of all ÷ mean requests in flight (compat view).
    x: f64,
    /// As asked for.
    y: f64,
    /// Whether no point of any line is better in both.
    pareto: bool,
    /// Output tokens a second of the whole machine in the measured view, with n and interval; null: imported.
    throughput: Option<Figure>,
}

/// What is drawn upwards.
#[derive(Debug, Clone, Copy, Default)]
enum Y {
    #[default]
    Total,
    Output,
    Cost,
}

impl std::str::FromStr for Y {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "total" => Ok(Self::Total),
            "output" => Ok(Self::Output),
            "cost" => Ok(Self::Cost),
            _ => Err("must be total, output or cost"),
        }
    }
}

impl Y {
    const fn axis(self) -> Axis {
        let (title, unit) = match self {
            Self::Total => ("prompt and output tokens per GPU", "tokens/s"),
            Self::Output => ("output tokens per GPU", "tokens/s"),
            Self::Cost => ("price of output tokens", "USD per million output tokens"),
        };
        Axis { title, unit, more_is_better: !matches!(self, Self::Cost) }
    }

    /// Of a machine without a GPU all of it; `None`: it isn't known.
    fn of(self, run: &Listed, level: &Level) -> Option<f64> {
        let gpus = f64::from(run.gpu_count.max(1));
        let output = level.columns.output_tokens_per_second?;
        match self {
            Self::Total => Some(level.columns.tokens_per_second? / gpus),
            Self::Output => Some(output / gpus),
            Self::Cost => Metric::Cost.of_level(&level.columns, run.usd_per_hour),
        }
    }
}

/// Speed of a request against throughput: a line a configuration, and which points no other beats
///
/// A line is the newest run of its configuration among those that the filters mean.
#[utoipa::path(
    get, path = "/frontier", tag = "results",
    params(
        Filters,
        ("y" = Option<String>, Query,
         description = "`total` (default): prompt and output tokens a second and GPU; `output`; `cost`: USD per million output tokens"),
        ("limit" = Option<usize>, Query, description = "Lines, 1 to 300, default 50", minimum = 1, maximum = 300),
    ),
    responses(
        (status = 200, body = Frontier),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
pub(super) async fn frontier(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let query = query(&mut parameters);
    let y: Y = parameters.take("y").unwrap_or_default();
    let Lines(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let read = public.read(&app, &[Scope::Results], format!("frontier {query:?} {y:?} {limit}")).await?;
    let version = read.version().clone();
    let make = async {
        let index = app.explorer.index(&app.pool, &version).await?;
        let found = index.find(&query);
        let mut newest = configurations(index.runs(&found));
        let left_out = newest.len().saturating_sub(limit);
        newest.truncate(limit);
        let pods: Vec<String> = newest.iter().filter_map(|(_, run, _)| run.pod_id.clone()).collect();
        let levels = explorer::levels(&mut *app.pool.acquire().await?, &pods, LevelFilter::default()).await?;
        let mut of: HashMap<String, Vec<Level>> = HashMap::new();
        for level in levels {
            of.entry(level.pod_id.clone()).or_default().push(level);
        }
        let mut lines: Vec<FrontierLine> = newest
            .into_iter()
            .map(|(configuration, run, runs)| {
                let levels = of.remove(&run.id).unwrap_or_default();
                let points = levels.iter().filter_map(|level| point(run, level, y)).collect();
                FrontierLine { configuration, runs, run: run.into(), points }
            })
            .collect();
        mark(&mut lines, y);
        Ok(Frontier { x: X, y: y.axis(), lines, left_out })
    };
    read.json(&app, make).await
}

const X: Axis = Axis { title: "output tokens per request", unit: "tokens/s", more_is_better: true };

fn point(run: &Listed, level: &Level, y: Y) -> Option<FrontierPoint> {
    let columns = &level.columns;
    let in_flight = columns.request_concurrency.filter(|in_flight| *in_flight > 0.0)?;
    Some(FrontierPoint {
        benchmark_type: columns.benchmark_type,
        rate: columns.rate,
        x: columns.output_tokens_per_second? / in_flight,
        y: y.of(run, level)?,
        pareto: false,
        throughput: level.spread.as_ref().and_then(|spread| spread.figure(Metric::Tps)),
    })
}

fn mark(lines: &mut [FrontierLine], y: Y) {
    let points: Vec<(f64, f64)> =
        lines.iter().flat_map(|line| &line.points).map(|point| (point.x, point.y)).collect();
    let on = pareto(&points, !y.axis().more_is_better);
    for (point, on) in lines.iter_mut().flat_map(|line| &mut line.points).zip(on) {
        point.pareto = on;
    }
}
