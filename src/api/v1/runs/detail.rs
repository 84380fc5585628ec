//! `GET /api/v1/runs/{id}`: a run with its numbers, and how it came to them.

use axum::{Json, extract::State, http::Uri};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::Pool,
        auth::Reader,
        error::{Error, Problem},
        parameters::{After, Parameters, RunParameter},
        redact,
        refusals::{BadParameters, BadToken},
    },
    domain::ids::RunId,
    report::RunReport,
    store::{attempts, budgets, events, pods, rentals, runs, steps},
};

/// Events that come with a run.
const EVENTS: i64 = 200;

/// A run with its numbers, and how it came to them.
#[derive(Serialize, ToSchema)]
pub(super) struct RunDetail {
    /// What `dria-bench results --json` prints: `run`, `status`, `pod_id`, `spec`, `system`, `setup`, `results`, `cost`,
    /// `error`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    report: RunReport,
    /// Name of its workflow.
    workflow: String,
    /// No further step starts.
    paused: bool,
    /// Somebody asked for it to end.
    cancel_requested: bool,
    /// 1, and one more with every retry.
    generation: i32,
    /// 0 to 9: higher goes first.
    priority: i32,
    /// The run it repeats.
    rerun_of: Option<RunId>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// What has been rented for it until now, US dollars.
    #[schema(value_type = String)]
    spent_usd: Decimal,
    /// What may be, over all its generations; null: nobody said, and what the settings of its worker say holds.
    #[schema(value_type = Option<String>)]
    max_usd: Option<Decimal>,
    /// Those that have been scheduled, in order; without a token no worker and no output.
    steps: Vec<steps::Step>,
    /// Every try, oldest first; without a token no worker.
    attempts: Vec<attempts::Attempt>,
    /// What it has outside, or had; without a token no names.
    pods: Vec<pods::Pod>,
    /// Oldest first; at most 200.
    events: Vec<events::Event>,
    /// `events_after` that asks for the events after these; null: there are no more yet.
    next_events: Option<i64>,
}

/// A run with its numbers, steps, tries, pods and events
#[utoipa::path(
    get, path = "/runs/{id}", tag = "runs", security((), ("token" = [])),
    params(
        ("id" = RunId, Path, description = "The run"),
        ("events_after" = Option<i64>, Query, description = "Only events after this one", minimum = 0),
    ),
    responses(
        (status = 200, body = RunDetail),
        BadToken,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
    )
)]
pub(super) async fn show(
    State(pool): Pool,
    reader: Reader,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Json<RunDetail>, Error> {
    let mut parameters = Parameters::of(&uri);
    let After(after) = parameters.take("events_after").unwrap_or_default();
    parameters.finish()?;
    let mut conn = pool.acquire().await?;
    let run = runs::get(&mut conn, id).await?.ok_or(Error::UnknownRun(id))?;
    let mut events = events::page(&mut conn, id, after, EVENTS + 1).await?;
    let has_more = events.len() > usize::try_from(EVENTS).unwrap_or_default();
    events.truncate(EVENTS as usize);
    let mut detail = RunDetail {
        workflow: run.kind.clone(),
        paused: run.paused,
        cancel_requested: run.cancel_requested,
        generation: run.generation,
        priority: run.priority,
        rerun_of: run.rerun_of,
        created_at: run.created_at,
        started_at: run.started_at,
        finished_at: run.finished_at,
        spent_usd: rentals::spent_by(&mut conn, &[id], false).await?.spent_usd.round_dp(6),
        max_usd: budgets::of_run(&mut conn, id).await?.map(|usd| usd.normalize()),
        steps: steps::list(&mut conn, id).await?,
        attempts: attempts::list(&mut conn, id).await?,
        pods: pods::list(&mut conn, id).await?,
        next_events: events.last().filter(|_| has_more).map(|event| event.id),
        events,
        report: RunReport::of(&mut conn, run).await?,
    };
    if !reader.sees_all() {
        redact::report(&mut detail.report);
        detail.steps.iter_mut().for_each(redact::step);
        detail.attempts.iter_mut().for_each(redact::attempt);
        detail.pods.iter_mut().for_each(redact::pod);
        detail.events.iter_mut().for_each(redact::event);
    }
    Ok(Json(detail))
}
