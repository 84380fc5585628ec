//! `POST /api/v1/runs`: start a run.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_decimal::Decimal;
use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{place, request::RunRequest, resolve::resolve};
use crate::{
    api::{
        app::Pool,
        auth::Operator,
        error::{BadField, Error, Problem},
        fields::Body,
        idempotency,
        parameters::Parameters,
        refusals::NoToken,
    },
    clock,
    domain::{
        ids::RunId,
        kinds::ProviderKind,
        recommend::{AUTO, Picked},
        spec::RunSpec,
    },
    ledger::{
        self, Started,
        operator::Terms,
        pick::{self, Unpicked},
    },
    queue::{self, ApalisQueue},
    store::{
        idempotency::{Key, is_known},
        runs::NewRun,
        tokens,
    },
};

/// Priority of a run that a person started; nightly ones have 0.
const PRIORITY: i32 = 5;

/// A worker that was silent for so many seconds is not counted on.
const SILENT_S: f64 = 30.0;

/// The run that was started.
#[derive(Serialize, ToSchema)]
pub(super) struct Created {
    run: RunId,
    /// True: the same request came before with this key, and this is its run.
    replayed: bool,
}

/// Start a run
///
/// Sent again with the same `Idempotency-Key` and the same body it starts nothing, and answers with the same run.
/// `machine.url`, `model.path` and `engine.extra_args` need an admin.
#[utoipa::path(
    post, path = "/runs", tag = "runs", security(("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header,
            description = "1 to 200 visible ASCII characters, chosen by the client; each token has its own keys")),
    request_body(content = RunRequest, content_type = "application/json"),
    responses(
        (status = 200, body = Created, description = "The same request came before"),
        (status = 201, body = Created, headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        NoToken,
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "A role that isn't enough for this, or for a part of it; it says which is"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "The key came with another request before, no worker lives on the host, or no GPU is left that \
                        `auto` could pick"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json",
         description = "A body of another kind than JSON"),
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "Fields that can't be used, each with its path"),
    )
)]
pub(super) async fn create(State(pool): Pool, who: Operator, request: Request) -> Result<Response, Error> {
    Parameters::of(request.uri()).finish()?;
    let key = idempotency::key(request.headers())?;
    let body = Body::read(request).await?;
    let asked = RunRequest::read(&body)?;
    let (mut spec, workflow) = resolve(&asked)?;
    who.allow(&place::restricted(&spec))?;
    if let Some(url) = spec.machine.url.take() {
        spec.machine.url = Some(place::check_url("machine.url", &url).await?);
    }
    let by = who.by();
    let request_sha256 = idempotency::digest(&body)?;
    let key = key.as_deref().map(|key| Key { actor: by.actor, key, request_sha256: &request_sha256 });
    let picked = pick_gpu(&pool, &mut spec, asked.machine.max_usd_per_hour, key).await?;
    let queue = queue_of(&pool, spec.machine.provider, asked.machine.host.as_deref()).await?;
    let new = NewRun {
        id: RunId::generate(clock::now()),
        spec: &spec,
        definition: &workflow,
        queue: &queue,
        priority: asked.priority.unwrap_or(PRIORITY),
        rerun_of: None,
    };
    let terms =
        Terms { hold_min: asked.hold_on_failure_min, budget_usd: asked.max_usd, picked: picked.as_ref() };
    let started = ledger::start_once(&pool, &ApalisQueue, &new, terms, key, by).await?;
    Ok(match started {
        Started::New(run) => {
            let location = [(header::LOCATION, format!("/api/v1/runs/{run}"))];
            (StatusCode::CREATED, location, Json(Created { run, replayed: false })).into_response()
        }
        Started::Before(run) => Json(Created { run, replayed: true }).into_response(),
    })
}

/// Picks the GPU that the request leaves open. Of a request that came before nothing is picked: it has its run.
async fn pick_gpu(
    pool: &PgPool,
    spec: &mut RunSpec,
    max_usd_per_hour: Option<Decimal>,
    key: Option<Key<'_>>,
) -> Result<Option<Picked>, Error> {
    if spec.machine.gpu_id != AUTO {
        return Ok(None);
    }
    let mut conn = pool.acquire().await?;
    if let Some(key) = key
        && is_known(&mut conn, key).await?
    {
        return Ok(None);
    }
    let bad =
        |field: &str, message: String| Error::Fields(vec![BadField { field: field.to_owned(), message }]);
    match pick::pick(&mut conn, spec, max_usd_per_hour).await {
        Ok(picked) => Ok(Some(picked)),
        Err(Unpicked::Store(error)) => Err(error.into()),
        Err(Unpicked::Catalog(error)) => Err(Error::Internal(error.to_string())),
        Err(unsized_model @ Unpicked::Unsized(_)) => {
            Err(bad("machine.gpu_id", format!("can't be `auto`: {unsized_model}")))
        }
        Err(refused @ (Unpicked::NoPrice | Unpicked::NoneLeft(_))) => {
            Err(Error::Refused(refused.to_string()))
        }
    }
}

/// The queue of a run on this provider. A host's own hardware is served by that host's workers alone, so a local run
/// needs one that lives.
async fn queue_of(pool: &PgPool, provider: ProviderKind, host: Option<&str>) -> Result<String, Error> {
    if provider != ProviderKind::Local {
        return Ok(queue::SHARED_QUEUE.to_owned());
    }
    let live = tokens::live_queues(&mut *pool.acquire().await?, &queue::local_queue(""), SILENT_S).await?;
    let hosts =
        || live.iter().map(|queue| queue.trim_start_matches(&queue::local_queue(""))).collect::<Vec<_>>();
    match (host, live.as_slice()) {
        (_, []) => Err(Error::Refused(
            "no worker lives on any host, so nobody would take a local run: start one with `dria-bench worker` on the \
             machine that is to be measured"
                .to_owned(),
        )),
        (Some(host), _) => {
            let queue = queue::local_queue(host);
            if live.contains(&queue) {
                return Ok(queue);
            }
            let live = hosts().join(", ");
            Err(Error::Refused(format!("no worker lives on host `{host}`; those with one: {live}")))
        }
        (None, [one]) => Ok(one.clone()),
        (None, _) => {
            let live = hosts().join(", ");
            Err(Error::Refused(format!("workers live on several hosts: say which in `machine.host`: {live}")))
        }
    }
}
