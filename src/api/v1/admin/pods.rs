//! `/api/v1/admin/pods`: what runs have created outside, and whose it is. The reaper removes what no live run owns.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NumberCursor, cut};
use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::Error,
        parameters::{Limit, Parameters},
        refusals::{BadParameters, BelowOperator, NoToken},
    },
    store::pods::{self, OwnedPod},
};

/// A page of pods.
#[derive(Serialize, ToSchema)]
pub(super) struct PodList {
    /// The newest first.
    pods: Vec<OwnedPod>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// Pods, engines and endpoints of runs, the newest first
#[utoipa::path(
    get, path = "/admin/pods", tag = "admin",
    security(("token" = []), ("cookie" = []), ("access_token" = [])),
    params(
        ("all" = Option<bool>, Query, description = "`true`: those that are gone too"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, body = PodList), NoToken, BelowOperator, BadParameters)
)]
pub(super) async fn list_pods(State(pool): Pool, _: Operator, uri: Uri) -> Result<Json<PodList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let all: bool = parameters.take("all").unwrap_or_default();
    let before = parameters.take("cursor").map(|NumberCursor(id)| id);
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut pods = pods::page(&mut *pool.acquire().await?, all, before, limit + 1).await?;
    let next = cut(&mut pods, limit, |last| last.id.to_string());
    Ok(Json(PodList { pods, next }))
}
