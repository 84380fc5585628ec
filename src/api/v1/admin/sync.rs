//! `/api/v1/admin/sync`: how far publishing to MongoDB is behind, and trying again what was refused.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        app::{App, Pool},
        auth::{Admin, Operator},
        error::Error,
        parameters::Parameters,
        refusals::{BadParameters, BelowAdmin, BelowOperator, NoToken},
    },
    store::{
        chores::{self, ChoreReport},
        outbox::{self, Lag, Refused},
    },
    sync,
};

/// How far publishing is behind.
#[derive(Serialize, ToSchema)]
pub(super) struct SyncStatus {
    /// The database that is published to. Null: `MONGODB_URL` is not set for this server, and what is to be published
    /// waits.
    database: Option<String>,
    /// What waits.
    lag: Lag,
    /// At most 100 rows whose last attempt failed, longest waiting first.
    refused: Vec<Refused>,
    /// What whoever sends last said: rows sent and refused, or the error that interrupted it. Null before its first word.
    last: Option<ChoreReport>,
}

/// What is tried again.
#[derive(Serialize, ToSchema)]
pub(super) struct SyncRetry {
    /// Rows that were put off and are due now.
    rows: u64,
}

/// How far publishing to MongoDB is behind, and what was refused
#[utoipa::path(
    get, path = "/admin/sync", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, body = SyncStatus),
        NoToken,
        BelowOperator,
        BadParameters,
    )
)]
pub(super) async fn show_sync(
    State(app): State<App>,
    _: Operator,
    uri: Uri,
) -> Result<Json<SyncStatus>, Error> {
    Parameters::of(&uri).finish()?;
    let mut conn = app.pool.acquire().await?;
    Ok(Json(SyncStatus {
        database: app.publishes_to.clone(),
        lag: outbox::lag(&mut conn).await?,
        refused: outbox::refused(&mut conn).await?,
        last: chores::last(&mut conn, sync::REPORT).await?,
    }))
}

/// Send at once what was put off after a failure
#[utoipa::path(
    post, path = "/admin/sync/retry", tag = "admin", security(("token" = [])),
    responses(
        (status = 200, body = SyncRetry),
        NoToken,
        BelowAdmin,
        BadParameters,
    )
)]
pub(super) async fn retry_sync(State(pool): Pool, who: Admin, uri: Uri) -> Result<Json<SyncRetry>, Error> {
    Parameters::of(&uri).finish()?;
    Ok(Json(SyncRetry { rows: sync::try_again(&pool, who.by()).await? }))
}
