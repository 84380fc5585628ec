//! `/api/v1/admin/audit`: who changed what, and when.

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
    store::audit::{self, Entry, Filter},
};

/// A page of the log.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditLog {
    /// The newest first.
    entries: Vec<Entry>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// Who changed what, the newest first
#[utoipa::path(
    get, path = "/admin/audit", tag = "admin",
    security(("token" = []), ("cookie" = []), ("access_token" = [])),
    params(
        ("actor" = Option<String>, Query, description = "Of this one, e.g. `token:night`"),
        ("action" = Option<String>, Query, description = "This, e.g. `run.cancel`"),
        ("target" = Option<String>, Query, description = "To this: a run's id, a queue, a token's name"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, body = AuditLog), NoToken, BelowOperator, BadParameters)
)]
pub(super) async fn list_audit(State(pool): Pool, _: Operator, uri: Uri) -> Result<Json<AuditLog>, Error> {
    let mut parameters = Parameters::of(&uri);
    let filter = Filter {
        actor: parameters.take("actor"),
        action: parameters.take("action"),
        target: parameters.take("target"),
        before: parameters.take("cursor").map(|NumberCursor(id)| id),
    };
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut entries = audit::page(&mut *pool.acquire().await?, &filter, limit + 1).await?;
    let next = cut(&mut entries, limit, |last| last.id.to_string());
    Ok(Json(AuditLog { entries, next }))
}
