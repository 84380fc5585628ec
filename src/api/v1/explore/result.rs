//! `GET /api/v1/results/{id}`: a run with every benchmark that is published of it, measured here or imported.

use std::collections::BTreeMap;

use axum::{extract::State, http::Uri, response::Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    find,
    list::{ExploredRun, explored},
};
use crate::{
    api::{
        app::App,
        error::{Error, Problem},
        parameters::{Parameters, Segment},
        public::Public,
        refusals::{BadParameters, BadToken},
    },
    domain::{
        explore::{Figure, Metric},
        measure::summary::Columns,
    },
    store::{
        data_versions::Scope,
        explorer::{self, Level, LevelFilter},
    },
};

/// A run as it is published.
#[derive(Serialize, ToSchema)]
struct PublishedRun {
    #[serde(flatten)]
    run: ExploredRun,
    /// By ascending number of streams, the throughput benchmark last; none: it ended before it had one, or a file told no more of it
    /// than `metrics`.
    levels: Vec<PublishedLevel>,
}

/// One benchmark of it.
#[derive(Serialize, ToSchema)]
struct PublishedLevel {
    /// The 17 columns (compat view).
    columns: Columns,
    /// The measured view by metric (`ttft`, `tps`, `itl`, `latency`), with n and interval; empty: imported.
    figures: BTreeMap<&'static str, Figure>,
    /// When it ended.
    measured_at: DateTime<Utc>,
}

/// A published run with all its benchmarks, measured here or imported
#[utoipa::path(
    get, path = "/results/{id}", tag = "results", operation_id = "show_result",
    params(("id" = String, Path, description = "Its `pod_id`, or the id of its run")),
    responses(
        (status = 200, body = PublishedRun),
        (status = 304, description = "Nothing has changed since the answer with this `ETag`"),
        BadToken,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "Nothing is published under it"),
        BadParameters,
    )
)]
pub(super) async fn result(
    State(app): State<App>,
    public: Public,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let read = public.read(&app, &[Scope::Results], format!("result {id:?}")).await?;
    let version = read.version().clone();
    let make = async {
        let index = app.explorer.index(&app.pool, &version).await?;
        let run = find(&index, &id)?;
        let pods: Vec<String> = run.pod_id.iter().cloned().collect();
        let levels = explorer::levels(&mut *app.pool.acquire().await?, &pods, LevelFilter::default()).await?;
        let throughput = levels.iter().find(|level| level.columns.rate.is_none());
        let run = explored(run, throughput.and_then(|level| level.spread.as_ref()));
        Ok(PublishedRun { run, levels: levels.into_iter().map(PublishedLevel::from).collect() })
    };
    read.json(&app, make).await
}

impl From<Level> for PublishedLevel {
    fn from(level: Level) -> Self {
        let figure = |metric: Metric| Some((metric.as_str(), level.spread.as_ref()?.figure(metric)?));
        Self {
            figures: Metric::ALL.into_iter().filter_map(figure).collect(),
            columns: level.columns,
            measured_at: level.measured_at,
        }
    }
}
