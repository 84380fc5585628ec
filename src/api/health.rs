//! `/health`, `/healthz` and `/readyz`: whether this process answers, and whether it can do its work.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    app::{App, Pool},
    error::{Error, Problem},
};
use crate::store::database;

/// The routes of those who watch over the server.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(healthz)).routes(routes!(readyz))
}

/// The answer that clients of the older API know.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    success: bool,
    message: &'static str,
    data: Map<String, Value>,
}

/// This process answers
///
/// It says nothing of the database.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Alive)))]
pub(super) async fn health() -> Json<Alive> {
    Json(Alive { success: true, message: "dria-bench is running", data: Map::new() })
}

/// How the server is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`.
    status: &'static str,
}

/// This process is alive
///
/// It says nothing of the database: a process is not to be restarted because its database is away.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Health)))]
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// The database answers, and its schema is this version's
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, body = Health),
        (status = 503, body = Problem, content_type = "application/problem+json",
         description = "Why requests would fail now"),
    )
)]
async fn readyz(State(pool): Pool) -> Result<Json<Health>, Error> {
    let missing = database::missing_migrations(&mut *pool.acquire().await?).await?;
    match missing.first() {
        None => Ok(Json(Health { status: "ok" })),
        Some(first) => Err(Error::NotReady(format!(
            "the database lacks {} migrations of this version, the first is {first}: run `dria-bench migrate`",
            missing.len()
        ))),
    }
}
