//! `/api/v1`: one module a resource. Each has a function `routes` that brings its routes and what the document says of
//! them; a new resource is a module and a line here.

mod admin;
mod asked;
mod assistant;
mod catalog;
mod comments;
mod costs;
mod cursor;
mod explore;
mod fits;
mod load;
mod matrices;
mod me;
mod prices;
mod recommendations;
mod results;
mod runs;
mod schedules;
mod session;

use utoipa_axum::router::OpenApiRouter;

use super::app::App;

/// Every resource.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(runs::routes())
        .merge(results::routes())
        .merge(explore::routes())
        .merge(matrices::routes())
        .merge(schedules::routes())
        .merge(prices::routes())
        .merge(catalog::routes())
        .merge(assistant::routes())
        .merge(session::routes())
        .merge(me::routes())
        .merge(comments::routes())
        .merge(fits::routes())
        .merge(recommendations::routes())
        .merge(costs::routes())
        .merge(admin::routes())
}
