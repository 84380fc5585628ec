//! `POST /api/v1/runs/{id}/…`: steering a run, as the commands do. Parameters come after the `?`; no body is read.

use axum::{Json, extract::FromRequestParts, http::request::Parts};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::place::restricted;
use crate::{
    api::{
        app::App,
        auth::Operator,
        error::{Error, Problem},
        parameters::{Parameters, RunParameter, Usd},
        refusals::{BadParameters, NoToken},
    },
    domain::{ids::RunId, step::StepKind},
    ledger::{self, operator},
    queue::ApalisQueue,
    store::runs,
};

/// Somebody who may, a run, and how it is to be steered.
pub(super) struct Steering {
    pool: PgPool,
    who: Operator,
    run: RunId,
    parameters: Parameters,
}

impl FromRequestParts<App> for Steering {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let who = Operator::from_request_parts(parts, app).await?;
        let RunParameter(run) = RunParameter::from_request_parts(parts, app).await?;
        Ok(Self { pool: app.pool.clone(), who, run, parameters: Parameters::of(&parts.uri) })
    }
}

/// What became of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Steered {
    /// The run; for a rerun the new one.
    run: Option<RunId>,
    /// False: it was so already.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    /// After `cancel`: it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_requested: Option<bool>,
    /// After `pause` and `resume`.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
    /// After `retry`: one more than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i32>,
    /// After `priority`.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    /// After `budget`: what it may cost, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    max_usd: Option<Decimal>,
    /// After `rerun`: the run that is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    rerun_of: Option<RunId>,
}

type Answer = Result<Json<Steered>, Error>;

/// Documents an action: its path, its words, its further parameters, and the answers they all have.
macro_rules! action {
    ($path:literal, $summary:literal, [$($parameter:tt)*], $(#[$doc:meta])* $name:ident($on:ident) $body:block) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, tag = "runs", summary = $summary, security(("token" = [])),
            params(("id" = RunId, Path, description = "The run"), $($parameter)*),
            responses(
                (status = 200, body = Steered),
                NoToken,
                (status = 403, body = Problem, content_type = "application/problem+json", description = "A role that isn't enough; it says which is"),
                (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
                (status = 409, body = Problem, content_type = "application/problem+json", description = "The run's state doesn't allow it; it says why"),
                BadParameters,
            )
        )]
        pub(super) async fn $name(mut $on: Steering) -> Answer $body
    };
}

action!("/runs/{id}/cancel", "End a run within a heartbeat, through teardown", [],
    /// Cancels.
    cancel(on) {
        std::mem::take(&mut on.parameters).finish()?;
        let changed = operator::cancel(&on.pool, &ApalisQueue, on.run, on.who.by()).await?;
        Ok(Json(Steered { run: Some(on.run), changed: Some(changed), cancel_requested: Some(true), ..Steered::default() }))
    }
);

action!("/runs/{id}/pause", "Let no further step of a run start", [],
    /// Pauses.
    pause(on) {
        std::mem::take(&mut on.parameters).finish()?;
        let changed = operator::pause(&on.pool, on.run, on.who.by()).await?;
        Ok(Json(Steered { run: Some(on.run), changed: Some(changed), paused: Some(true), ..Steered::default() }))
    }
);

action!("/runs/{id}/resume", "Let a paused run go on", [],
    /// Resumes.
    resume(on) {
        std::mem::take(&mut on.parameters).finish()?;
        let changed = operator::resume(&on.pool, &ApalisQueue, on.run, on.who.by()).await?;
        Ok(Json(Steered { run: Some(on.run), changed: Some(changed), paused: Some(false), ..Steered::default() }))
    }
);

action!("/runs/{id}/retry", "Open a run that is over again; levels already measured stay",
    [("from" = Option<String>, Query, description = "A step: its results and those of later steps are superseded")],
    /// Retries.
    retry(on) {
        let from: Option<StepKind> = on.parameters.take("from");
        std::mem::take(&mut on.parameters).finish()?;
        let generation = match from {
            Some(step) => ledger::retry_from(&on.pool, &ApalisQueue, on.run, step, on.who.by()).await?,
            None => ledger::retry(&on.pool, &ApalisQueue, on.run, on.who.by()).await?,
        };
        Ok(Json(Steered { run: Some(on.run), generation: Some(generation), ..Steered::default() }))
    }
);

action!("/runs/{id}/rerun", "Start a new run of the same request", [],
    /// Runs it again. What needed an admin the first time needs one again.
    rerun(on) {
        std::mem::take(&mut on.parameters).finish()?;
        let run = runs::get(&mut *on.pool.acquire().await?, on.run).await?.ok_or(Error::UnknownRun(on.run))?;
        on.who.allow(&restricted(&run.spec))?;
        let again = ledger::rerun(&on.pool, &ApalisQueue, on.run, on.who.by()).await?;
        Ok(Json(Steered { run: Some(again), rerun_of: Some(on.run), ..Steered::default() }))
    }
);

action!("/runs/{id}/priority", "Give a run a priority: higher goes first",
    [("priority" = i32, Query, description = "0 to 9", minimum = 0, maximum = 9)],
    /// Sets the priority.
    priority(on) {
        let Priority(priority) = on.parameters.need("priority")?;
        std::mem::take(&mut on.parameters).finish()?;
        let changed = operator::prioritise(&on.pool, &ApalisQueue, on.run, priority, on.who.by()).await?;
        Ok(Json(Steered { run: Some(on.run), changed: Some(changed), priority: Some(priority), ..Steered::default() }))
    }
);

action!("/runs/{id}/budget", "Say what a run may cost; one that was stopped for it goes on with a retry",
    [("max_usd" = f64, Query, description = "US dollars over all its generations, more than 0", exclusive_minimum = 0)],
    /// Sets the budget.
    budget(on) {
        let Usd(max_usd) = on.parameters.need("max_usd")?;
        std::mem::take(&mut on.parameters).finish()?;
        let changed = operator::set_budget(&on.pool, on.run, Some(max_usd), on.who.by()).await?;
        Ok(Json(Steered { run: Some(on.run), changed: Some(changed), max_usd: Some(max_usd), ..Steered::default() }))
    }
);

/// 0 to 9.
struct Priority(i32);

impl std::str::FromStr for Priority {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.parse() {
            Ok(priority) if (0..=9).contains(&priority) => Ok(Self(priority)),
            _ => Err("must be a whole number from 0 to 9"),
        }
    }
}
