//! `POST /api/v1/matrices`: start a matrix, described in the request or by a schedule.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::request::{Asked, AskedFor, MatrixRequest};
use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::{BadField, Error, Problem},
        fields::Body,
        idempotency,
        parameters::Parameters,
        refusals::NoToken,
        v1::runs::place::check_url,
    },
    definitions::Definitions,
    domain::{ids::MatrixId, matrix::MatrixDefinition, schedule::Action},
    ledger::{
        self, Started,
        matrices::{self, NewMatrix},
        schedules,
    },
    store::idempotency::Key,
};

/// The matrix that was started.
#[derive(Serialize, ToSchema)]
pub(super) struct MatrixCreated {
    /// The matrix: its cells start in order, as many at once as it allows, where a worker lives.
    matrix: MatrixId,
    /// True: the same request came before with this key, and this is its matrix.
    replayed: bool,
}

/// Start a matrix: the same models under several engines on several GPUs
///
/// Or that of a schedule, as it was last read: `{"schedule": "nightly"}`. Sent again with the same `Idempotency-Key` and the
/// same body it starts nothing, and answers with the same matrix. A `url` in the request needs an admin. A matrix of this
/// machine's own hardware (`local`) is started on it, with the command.
#[utoipa::path(
    post, path = "/matrices", tag = "matrices", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header,
            description = "1 to 200 visible ASCII characters, chosen by the client; each token has its own keys")),
    request_body(content = MatrixRequest, content_type = "application/json"),
    responses(
        (status = 200, body = MatrixCreated, description = "The same request came before"),
        (status = 201, body = MatrixCreated, headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        NoToken,
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "A role that isn't enough for this, or for its `url`"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "It can't be started from here, or the key came with another request before"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json",
         description = "A body of another kind than JSON"),
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "Fields that can't be used, each with its path, or that together make no matrix"),
    )
)]
pub(super) async fn create_matrix(
    State(pool): Pool,
    who: Operator,
    request: Request,
) -> Result<Response, Error> {
    Parameters::of(request.uri()).finish()?;
    let key = idempotency::key(request.headers())?;
    let body = Body::read(request).await?;
    let Asked { of, load } = Asked::read(&body)?;
    let (schedule, mut definition) = match of {
        AskedFor::Matrix(definition) => {
            who.allow(if definition.url.is_some() { &["url"] } else { &[] })?;
            (None, *definition)
        }
        // Its file says where it leads, and whoever may run a schedule may do this.
        AskedFor::Schedule(name) => {
            let definition = of_schedule(&pool, &name).await?;
            (Some(name), definition)
        }
    };
    if let Some(url) = definition.url.take() {
        definition.url = Some(check_url("url", &url).await?);
    }
    let workflow = Definitions::default().workflow(&definition.workflow);
    let workflow = workflow.map_err(|error| bad("workflow", format!("can't be used: {error}")))?;
    let workflow =
        load.levels_of(workflow).map_err(|error| bad("load.rates", format!("can't be used: {error}")))?;
    let new = NewMatrix {
        schedule: schedule.as_deref(),
        tick: None,
        definition: &definition,
        workflow: &workflow,
        load: &load.spec(workflow.rates()),
        local: None,
    };
    let by = who.by();
    let request_sha256 = idempotency::digest(&body)?;
    let key = key.as_deref().map(|key| Key { actor: by.actor, key, request_sha256: &request_sha256 });
    let mut tx = pool.begin().await?;
    let started = matrices::create_once(&mut tx, &new, key, by).await?;
    tx.commit().await?;
    Ok(match started {
        Started::New(matrix) => {
            let location = [(header::LOCATION, format!("/api/v1/matrices/{matrix}"))];
            (StatusCode::CREATED, location, Json(MatrixCreated { matrix, replayed: false })).into_response()
        }
        Started::Before(matrix) => Json(MatrixCreated { matrix, replayed: true }).into_response(),
    })
}

/// The matrix of a schedule, as its file was last read.
async fn of_schedule(pool: &PgPool, name: &str) -> Result<MatrixDefinition, Error> {
    let found = schedules::find(&mut *pool.acquire().await?, name).await;
    let schedule = found.map_err(|error| match error {
        ledger::Error::NoSchedule(unknown) => bad("schedule", format!("can't be used: {unknown}")),
        other => other.into(),
    })?;
    match schedule.definition()?.map(|definition| definition.action) {
        Some(Action::Matrix(matrix)) => Ok(matrix),
        Some(Action::Job { name }) => {
            Err(bad("schedule", format!("must be one with a matrix: this one does the chore `{name}`")))
        }
        None => Err(bad("schedule", "can't be used: its file never could be read".to_owned())),
    }
}

fn bad(field: &str, message: String) -> Error {
    Error::Fields(vec![BadField { field: field.to_owned(), message }])
}
