//! `/api/v1/admin/moderation`: comments that a moderator should look at. Operators look, admins act; what they do is in the
//! audit log.

use std::str::FromStr;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, Uri},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NOT_A_CURSOR, cut};
use crate::{
    api::{
        app::Pool,
        auth::{Admin, Operator},
        error::{Error, Problem},
        parameters::{Limit, Parameters, Segment},
        refusals::{BadParameters, BelowAdmin, BelowOperator, NoToken},
    },
    community::{self, Settled},
    store::comment_reports::{After, Waiting},
};

/// A page of the queue.
#[derive(Serialize, ToSchema)]
pub(super) struct ModerationQueue {
    /// The longest waiting first.
    comments: Vec<Waiting>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// What a moderator's word did.
#[derive(Serialize, ToSchema)]
pub(super) struct Moderated {
    /// The comment.
    comment_id: String,
    /// Whether moderators alone see it now.
    hidden: bool,
    /// False: it was so already.
    changed: bool,
    /// Reports that this settled.
    reports: u64,
}

/// Which comments.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Which {
    #[default]
    Open,
    Hidden,
}

impl FromStr for Which {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "open" => Ok(Self::Open),
            "hidden" => Ok(Self::Hidden),
            _ => Err("must be open or hidden"),
        }
    }
}

/// Where a page ended.
struct QueueCursor(After);

impl FromStr for QueueCursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        read(s).map(Self).ok_or(NOT_A_CURSOR)
    }
}

/// The last row of a page, as text that clients pass back as it is.
pub(super) fn text(at: DateTime<Utc>, id: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{id}", at.timestamp_micros()))
}

/// The same, read.
pub(super) fn read(text: &str) -> Option<(DateTime<Utc>, String)> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (at, id) = text.split_once('/').filter(|(_, id)| !id.contains('\0'))?;
    Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, id.to_owned()))
}

/// Comments that somebody reported or that a rule or model doubts; or those that are hidden
#[utoipa::path(
    get, path = "/admin/moderation", tag = "admin", security(("token" = [])),
    params(
        ("state" = Option<String>, Query, description = "`open` (default): with open reports; `hidden`"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, body = ModerationQueue), NoToken, BelowOperator, BadParameters)
)]
pub(super) async fn list_moderation(
    State(pool): Pool,
    _: Operator,
    uri: Uri,
) -> Result<Json<ModerationQueue>, Error> {
    let mut parameters = Parameters::of(&uri);
    let which: Which = parameters.take("state").unwrap_or_default();
    let after = parameters.take("cursor").map(|QueueCursor(after)| after);
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let hidden = which == Which::Hidden;
    let mut comments = community::queue(&mut *pool.acquire().await?, hidden, after, limit + 1).await?;
    let next = cut(&mut comments, limit, |last| text(last.since, &last.comment_id));
    Ok(Json(ModerationQueue { comments, next }))
}

/// Settle reports of a comment: everybody sees it, also where it was hidden
#[utoipa::path(
    post, path = "/admin/moderation/{id}/keep", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The comment: 24 hex digits")),
    responses(
        (status = 200, body = Moderated),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        BadParameters,
    )
)]
pub(super) async fn keep_comment(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Moderated>, Error> {
    Parameters::of(&uri).finish()?;
    let settled = community::keep(&pool, &id, who.by()).await?;
    Ok(Json(moderated(id, false, settled)))
}

/// Hide a comment, and the replies to it, from everybody but moderators
#[utoipa::path(
    post, path = "/admin/moderation/{id}/hide", tag = "admin", security(("token" = [])),
    params(
        ("id" = String, Path, description = "The comment: 24 hex digits"),
        ("reason" = Option<String>, Query, description = "Kept for whoever looks"),
    ),
    responses(
        (status = 200, body = Moderated),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        BadParameters,
    )
)]
pub(super) async fn hide_comment(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<Moderated>, Error> {
    let mut parameters = Parameters::of(&uri);
    let reason: Option<String> = parameters.take("reason");
    parameters.finish()?;
    let reason = reason.as_deref().unwrap_or("hidden by a moderator");
    let settled = community::hide(&pool, &id, reason, who.by()).await?;
    Ok(Json(moderated(id, true, settled)))
}

/// Delete a comment, and the replies to it, for good
#[utoipa::path(
    delete, path = "/admin/moderation/{id}", tag = "admin", security(("token" = [])),
    params(("id" = String, Path, description = "The comment: 24 hex digits")),
    responses(
        (status = 204, description = "It is gone"),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        BadParameters,
    )
)]
pub(super) async fn remove_comment(
    State(pool): Pool,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<StatusCode, Error> {
    Parameters::of(&uri).finish()?;
    community::remove(&pool, &id, who.by()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn moderated(comment_id: String, hidden: bool, settled: Settled) -> Moderated {
    Moderated { comment_id, hidden, changed: settled.changed, reports: settled.reports }
}
