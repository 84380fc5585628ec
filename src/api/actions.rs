//! `POST /api/v1/runs/{id}/…`: steering a run, as the commands do. Parameters come after the `?`; no body is read.

use axum::{Json, extract::State, http::Uri};
use serde_json::{Value, json};

use super::{
    auth::Operator,
    error::Error,
    parameters::{Parameters, RunParameter},
    routes::Pool,
};
use crate::{
    domain::step::StepKind,
    ledger::{self, operator},
    queue::ApalisQueue,
};

/// `POST /api/v1/runs/{id}/cancel`
pub(super) async fn cancel(
    State(pool): Pool,
    who: Operator,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Json<Value>, Error> {
    Parameters::of(&uri).finish()?;
    let changed = operator::cancel(&pool, &ApalisQueue, id, who.by()).await?;
    Ok(Json(json!({ "run": id, "cancel_requested": true, "changed": changed })))
}

/// `POST /api/v1/runs/{id}/pause`
pub(super) async fn pause(
    State(pool): Pool,
    who: Operator,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Json<Value>, Error> {
    Parameters::of(&uri).finish()?;
    let changed = operator::pause(&pool, id, who.by()).await?;
    Ok(Json(json!({ "run": id, "paused": true, "changed": changed })))
}

/// `POST /api/v1/runs/{id}/resume`
pub(super) async fn resume(
    State(pool): Pool,
    who: Operator,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Json<Value>, Error> {
    Parameters::of(&uri).finish()?;
    let changed = operator::resume(&pool, &ApalisQueue, id, who.by()).await?;
    Ok(Json(json!({ "run": id, "paused": false, "changed": changed })))
}

/// `POST /api/v1/runs/{id}/retry?from=`
pub(super) async fn retry(
    State(pool): Pool,
    who: Operator,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Json<Value>, Error> {
    let mut parameters = Parameters::of(&uri);
    let from: Option<StepKind> = parameters.take("from");
    parameters.finish()?;
    let generation = match from {
        Some(step) => ledger::retry_from(&pool, &ApalisQueue, id, step, who.by()).await?,
        None => ledger::retry(&pool, &ApalisQueue, id, who.by()).await?,
    };
    Ok(Json(json!({ "run": id, "generation": generation })))
}

/// `POST /api/v1/runs/{id}/rerun`
pub(super) async fn rerun(
    State(pool): Pool,
    who: Operator,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Json<Value>, Error> {
    Parameters::of(&uri).finish()?;
    let again = ledger::rerun(&pool, &ApalisQueue, id, who.by()).await?;
    Ok(Json(json!({ "run": again, "rerun_of": id })))
}

/// `POST /api/v1/runs/{id}/priority?priority=0…9`
pub(super) async fn priority(
    State(pool): Pool,
    who: Operator,
    RunParameter(id): RunParameter,
    uri: Uri,
) -> Result<Json<Value>, Error> {
    let mut parameters = Parameters::of(&uri);
    let Priority(priority) = parameters.need("priority")?;
    parameters.finish()?;
    let changed = operator::prioritise(&pool, &ApalisQueue, id, priority, who.by()).await?;
    Ok(Json(json!({ "run": id, "priority": priority, "changed": changed })))
}

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
