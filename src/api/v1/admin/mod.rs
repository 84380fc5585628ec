//! `/api/v1/admin`: queues, jobs, workers, dead letters, pods, the reaper's report, publishing, the audit log, tokens, people, moderation,
//! webhooks. Operators look (at all but tokens, people and webhooks), admins change.
//!
//! Changes go through the ledger, as the commands `queues` and `jobs` do.

mod audit;
mod dead;
mod jobs;
mod moderation;
mod pods;
mod queues;
mod sync;
mod tokens;
mod users;
mod watch;
mod webhooks;

use std::str::FromStr;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::api::app::App;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(queues::list_queues))
        .routes(routes!(queues::pause_queue))
        .routes(routes!(queues::resume_queue))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::show_job, jobs::delete_job))
        .routes(routes!(jobs::retry_job))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(dead::list_dead_letters))
        .routes(routes!(watch::list_workers))
        .routes(routes!(watch::reaper))
        .routes(routes!(pods::list_pods))
        .routes(routes!(audit::list_audit))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::revoke_token))
        .routes(routes!(sync::show_sync))
        .routes(routes!(sync::retry_sync))
        .routes(routes!(users::list_users))
        .routes(routes!(users::suspend_user))
        .routes(routes!(users::unsuspend_user))
        .routes(routes!(moderation::list_moderation))
        .routes(routes!(moderation::keep_comment))
        .routes(routes!(moderation::hide_comment))
        .routes(routes!(moderation::remove_comment))
        .routes(routes!(webhooks::list_webhooks, webhooks::add_webhook))
        .routes(routes!(webhooks::remove_webhook))
        .routes(routes!(webhooks::enable_webhook))
        .routes(routes!(webhooks::disable_webhook))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::list_deliveries))
        .routes(routes!(webhooks::redeliver))
}

/// What is said of a `cursor` that none of our pages gave.
const NOT_A_CURSOR: &str = "must be the `next` of an earlier page, as it was given";

/// Takes the row away that was read to see whether there are more, and says where they begin.
fn cut<T>(rows: &mut Vec<T>, limit: i64, cursor: impl FnOnce(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or_default();
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(cursor)
}

/// The number of the last one of a page, where a list goes by numbers.
struct NumberCursor(i64);

impl FromStr for NumberCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self).map_err(|_| NOT_A_CURSOR)
    }
}
