//! `/api/v1/schedules`: what happens by itself, when, what became of it, and turning it on and off.

mod actions;
mod read;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::app::App;

/// Next times and last ticks that come with a schedule.
const NEXT: usize = 5;
const TICKS: i64 = 10;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read::list_schedules))
        .routes(routes!(read::show_schedule))
        .routes(routes!(actions::enable_schedule))
        .routes(routes!(actions::disable_schedule))
        .routes(routes!(actions::run_schedule))
}
