//! `/api/v1/explore`, `/compare`, `/frontier`, `/trends`, `/results/{id}`, and results as a file: what a site searches
//! published runs with, those imported from elsewhere among them.

mod compare;
pub(super) mod export;
mod frontier;
mod list;
mod place;
mod query;
mod result;
mod trends;

pub(super) use query::Filters;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{app::App, error::Error},
    domain::explore::{Index, Listed},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::explore))
        .routes(routes!(compare::compare))
        .routes(routes!(frontier::frontier))
        .routes(routes!(trends::trends))
        .routes(routes!(result::result))
}

/// A run by its `pod_id` or its id.
fn find<'a>(index: &'a Index, id: &str) -> Result<&'a Listed, Error> {
    index.get(id).ok_or_else(|| {
        Error::Unknown(format!("there is no published run {id}; /api/v1/explore lists those that there are"))
    })
}
