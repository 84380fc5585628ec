//! `/api/v1`: comments on a run, likes, upvotes, reports. Reads are public; the rest is for people who signed in.

mod act;
mod read;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::app::App;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read::list_comments, act::post_comment))
        .routes(routes!(read::show_comment, act::edit_comment, act::delete_comment))
        .routes(routes!(act::like_comment, act::unlike_comment))
        .routes(routes!(act::report_comment))
        .routes(routes!(act::upvote_run, act::take_upvote_back))
}
