//! `POST /api/v1/runs/bulk`: one action on all runs that a filter means.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::{BadParameter, Error, Problem},
        parameters::{Parameters, Time},
        refusals::NoToken,
    },
    domain::{ids::RunId, kinds::EngineKind, run::RunStatus},
    ledger::bulk::{self, Action},
    queue::ApalisQueue,
    store::steering::RunFilter,
};

/// What became of the runs that were meant, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct BulkOutcome {
    /// What was asked for.
    action: &'static str,
    /// Nothing was changed: this is what would be.
    dry_run: bool,
    /// Those that were changed.
    done: Vec<RunId>,
    /// Those that were as asked already, or whose state didn't allow it.
    left: Vec<LeftRun>,
}

/// A run that is as it was.
#[derive(Serialize, ToSchema)]
pub(super) struct LeftRun {
    run: RunId,
    reason: String,
}

/// Cancel, retry, pause or resume every run that a filter means
///
/// With `dry_run` it says which would be changed and which not, and changes nothing.
///
/// At most 1000 at once, oldest first. At least one part of the filter must be given; all that are given must hold.
#[utoipa::path(
    post, path = "/runs/bulk", tag = "runs", security(("token" = [])),
    params(
        ("action" = String, Query, description = "cancel, retry, pause or resume"),
        ("dry_run" = Option<bool>, Query, description = "`true`: only say what it would do"),
        ("status" = Option<RunStatus>, Query, description = "Only runs in this state"),
        ("engine" = Option<EngineKind>, Query, description = "Only runs on this engine"),
        ("model" = Option<String>, Query, description = "Only runs of this model, by the engine's id"),
        ("gpu" = Option<String>, Query, description = "Only runs on this GPU"),
        ("since" = Option<String>, Query, description = "Only runs made at this time or later (RFC 3339)"),
    ),
    responses(
        (status = 200, body = BulkOutcome),
        NoToken,
        (status = 403, body = Problem, content_type = "application/problem+json", description = "A role that isn't enough; it says which is"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Parameters that can't be used, or no filter"),
    )
)]
pub(super) async fn bulk(State(pool): Pool, who: Operator, uri: Uri) -> Result<Json<BulkOutcome>, Error> {
    let mut parameters = Parameters::of(&uri);
    let action: Action = parameters.need("action")?;
    let dry_run: bool = parameters.take("dry_run").unwrap_or_default();
    let filter = RunFilter {
        status: parameters.take("status"),
        engine: parameters.take("engine"),
        model: parameters.take("model"),
        gpu_id: parameters.take("gpu"),
        created_since: parameters.take("since").map(|Time(since)| since),
    };
    parameters.finish()?;
    if filter.is_empty() {
        return Err(Error::Parameters(vec![BadParameter {
            parameter: "status".to_owned(),
            message: "or engine, model, gpu, since: without any it would mean every run".to_owned(),
        }]));
    }
    let outcome = if dry_run {
        bulk::foresee(&pool, &ApalisQueue, action, &filter, who.by()).await?
    } else {
        bulk::apply(&pool, &ApalisQueue, action, &filter, who.by()).await?
    };
    let left = outcome.left.into_iter().map(|(run, reason)| LeftRun { run, reason }).collect();
    Ok(Json(BulkOutcome { action: action.as_str(), dry_run, done: outcome.done, left }))
}
