//! The paths that clients knew before `/api/v1`, kept as they are: their parameters, their bodies, their errors.
//!
//! One file a resource, with its function `routes`. A handler returns `Result<_, Refusal>` and reads what it was sent with
//! [`query::Query`] or [`body::Body`]; whatever else goes wrong on one of these paths, in whichever layer, is put into the
//! same envelope by `guard`. It must not know how `/api/v1` words anything.

mod answer;
mod auth;
mod body;
mod chat;
mod comments;
mod often;
mod prices;
mod query;
mod refusal;
mod results;
mod search;
mod votes;

use std::{collections::HashSet, sync::LazyLock};

use axum::response::Response;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

pub(super) use self::often::Often;
use super::{app::App, error::Error};

/// Every resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Part::openapi())
        .merge(auth::routes())
        .merge(chat::routes())
        .merge(comments::routes())
        .merge(prices::routes())
        .merge(results::routes())
        .merge(search::routes())
        .merge(votes::routes())
}

/// What their routes share in the document.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(refusal::Refused, refusal::RefusedData, refusal::Fault)))]
struct Part;

/// The paths of [`routes`].
static PATHS: LazyLock<HashSet<String>> =
    LazyLock::new(|| routes().split_for_parts().1.paths.paths.into_keys().collect());

/// Whether this is one of these paths, so that what goes wrong on it is said as its clients know it.
pub(super) fn is_one(path: &str) -> bool {
    path == "/health" || PATHS.contains(path)
}

/// Whether an answer of this path may take longer than others until its head.
pub(super) fn is_slow(path: &str) -> bool {
    chat::is_slow(path)
}

/// An error of any layer as these paths say it.
pub(super) fn envelope(error: &Error) -> Response {
    refusal::envelope(error.status(), error.to_string(), Vec::new(), None)
}
