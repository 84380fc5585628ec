//! `/api/v1/runs`: start runs, list them, look at one, follow it, steer it.

mod actions;
mod bulk;
mod create;
mod detail;
mod events;
mod list;
pub(super) mod place;
mod records;
mod request;
mod resolve;
mod results;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::app::App;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list, create::create))
        .routes(routes!(bulk::bulk))
        .routes(routes!(detail::show))
        .routes(routes!(events::follow))
        .routes(routes!(results::results))
        .routes(routes!(records::download))
        .routes(routes!(actions::cancel))
        .routes(routes!(actions::pause))
        .routes(routes!(actions::resume))
        .routes(routes!(actions::retry))
        .routes(routes!(actions::rerun))
        .routes(routes!(actions::priority))
        .routes(routes!(actions::budget))
}
