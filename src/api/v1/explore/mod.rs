//! `/api/v1/explore`, `/compare`, `/frontier`, `/trends`, and results as a file: what a site searches published runs with,
//! those imported from elsewhere among them.

mod compare;
pub(super) mod export;
mod frontier;
mod list;
mod place;
mod query;
mod trends;

pub(super) use query::Filters;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::app::App;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::explore))
        .routes(routes!(compare::compare))
        .routes(routes!(frontier::frontier))
        .routes(routes!(trends::trends))
}
