//! `GET /api/v1/trends`: a figure over time, a line a configuration, and where its engine changed.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
};

use axum::{extract::State, http::Uri, response::Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::query::{Filters, query};
use crate::{
    api::{
        app::App,
        error::Error,
        parameters::Parameters,
        public::Public,
        refusals::{BadParameters, BadToken},
        v1::results::Streams,
    },
    domain::{
        explore::{Change, Configuration, Figure, Listed, Metric, changes, group},
        measure::summary::BenchmarkType,
    },
    store::{
        data_versions::Scope,
        explorer::{self, Level, LevelFilter},
    },
};

/// Points of an answer, the newest.
const MOST_POINTS: usize = 2000;

/// The chart.
#[derive(Serialize, ToSchema)]
struct Trends {
    /// `ttft`, `tps`, `itl`, `latency` or `cost`.
    metric: &'static str,
    unit: &'static str,
    more_is_better: bool,
    benchmark_type: BenchmarkType,
    /// Streams; null for throughput.
    rate: Option<i32>,
    /// Those with the most points first.
    lines: Vec<TrendLine>,
    /// Lines beyond `limit`.
    lines_left_out: usize,
    /// Runs older than the newest 2000.
    runs_left_out: usize,
}

/// The runs of a configuration, oldest first. What was measured here and what was imported are never one line, nor are
/// two models that engines call differently.
#[derive(Serialize, ToSchema)]
struct TrendLine {
    configuration: Configuration,
    /// The engine's own id of the model.
    llm_id: String,
    /// `measured` or `imported`.
    origin: &'static str,
    points: Vec<TrendPoint>,
}

/// A run.
#[derive(Serialize, ToSchema)]
struct TrendPoint {
    /// The run, as `/explore` calls it.
    id: String,
    measured_at: DateTime<Utc>,
    /// Of the compat view.
    value: f64,
    /// Of the measured view, with n and interval; null: imported, or cost.
    measured: Option<Figure>,
    engine_version: Option<String>,
    image: Option<String>,
    /// What isn't as it was at the point before.
    changed: Vec<Change>,
}

/// How many lines: 1 to 300, by default 50.
pub(super) struct Lines(pub(super) usize);

impl Default for Lines {
    fn default() -> Self {
        Self(50)
    }
}

impl FromStr for Lines {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(lines @ 1..=300) => Ok(Self(lines)),
            _ => Err("must be a whole number from 1 to 300"),
        }
    }
}

/// A figure over time: a line a configuration and load, with marks where the engine's version or image changed
#[utoipa::path(
    get, path = "/trends", tag = "results",
    params(
        Filters,
        ("metric" = Option<String>, Query, description = "`tps` (default), `ttft`, `itl`, `latency` or `cost`"),
        ("rate" = Option<i32>, Query, description = "Of so many streams; default: of the throughput benchmark", minimum = 1),
        ("limit" = Option<usize>, Query, description = "Lines, 1 to 300, default 50", minimum = 1, maximum = 300),
    ),
    responses(
        (status = 200, body = Trends),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        BadParameters,
    )
)]
pub(super) async fn trends(State(app): State<App>, public: Public, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let query = query(&mut parameters);
    let metric: Metric = parameters.take("metric").unwrap_or(Metric::Tps);
    let rate = parameters.take("rate").map(|Streams(streams)| streams);
    let Lines(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let key = format!("trends {query:?} {metric:?} {rate:?} {limit}");
    let read = public.read(&app, &[Scope::Results], key).await?;
    let version = read.version().clone();
    let benchmark_type = if rate.is_some() { BenchmarkType::Concurrent } else { BenchmarkType::Throughput };
    let make = async {
        let index = app.explorer.index(&app.pool, &version).await?;
        let found = index.find(&query);
        let mut runs: Vec<&Listed> = index.runs(&found).filter(|run| run.pod_id.is_some()).collect();
        runs.sort_by(|a, b| (b.measured_at, &b.id).cmp(&(a.measured_at, &a.id)));
        let runs_left_out = runs.len().saturating_sub(MOST_POINTS);
        runs.truncate(MOST_POINTS);
        let pods: Vec<String> = runs.iter().filter_map(|run| run.pod_id.clone()).collect();
        let filter = LevelFilter { benchmark_type: Some(benchmark_type), rate };
        let levels = explorer::levels(&mut *app.pool.acquire().await?, &pods, filter).await?;
        let levels: HashMap<String, Level> =
            levels.into_iter().map(|level| (level.pod_id.clone(), level)).collect();
        let mut lines: Vec<TrendLine> = group(runs.into_iter())
            .into_iter()
            .flat_map(|(configuration, runs)| {
                alike(runs).into_iter().map(move |alike| (configuration.clone(), alike))
            })
            .map(|(configuration, ((llm_id, origin), runs))| TrendLine {
                configuration,
                llm_id: llm_id.to_owned(),
                origin,
                points: points(&runs, &levels, metric),
            })
            .filter(|line| !line.points.is_empty())
            .collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.points.len()));
        let lines_left_out = lines.len().saturating_sub(limit);
        lines.truncate(limit);
        Ok(Trends {
            metric: metric.as_str(),
            unit: metric.unit(),
            more_is_better: metric.more_is_better(),
            benchmark_type,
            rate,
            lines,
            lines_left_out,
            runs_left_out,
        })
    };
    read.json(&app, make).await
}

/// Runs of a configuration by what their engine calls the model and where they come from, in their order.
fn alike(runs: Vec<&Listed>) -> BTreeMap<(&str, &'static str), Vec<&Listed>> {
    let mut alike: BTreeMap<_, Vec<&Listed>> = BTreeMap::new();
    for run in runs {
        alike.entry((run.llm_id.as_str(), run.origin())).or_default().push(run);
    }
    alike
}

fn points(runs: &[&Listed], levels: &HashMap<String, Level>, metric: Metric) -> Vec<TrendPoint> {
    let mut before: Option<&Listed> = None;
    let mut points = Vec::new();
    for run in runs {
        let Some(level) = levels.get(&run.id) else { continue };
        let Some(value) = metric.of_level(&level.columns, run.usd_per_hour) else { continue };
        points.push(TrendPoint {
            id: run.id.clone(),
            measured_at: run.measured_at,
            value,
            measured: level.spread.as_ref().and_then(|spread| spread.figure(metric)),
            engine_version: run.engine_version.clone(),
            image: run.image.clone(),
            changed: before.map(|before| changes(before, run)).unwrap_or_default(),
        });
        before = Some(run);
    }
    points
}
