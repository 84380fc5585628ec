//! Writing comments, liking, upvoting and reporting: by people who signed in.

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::view::{CommentView, if_match};
use crate::{
    api::{
        app::{App, Pool},
        caller::Caller,
        error::{Error, Problem},
        fields::Body,
        parameters::{Parameters, Segment},
        person::Person,
        refusals::BadParameters,
    },
    community::{self, Author, Change, Draft},
    domain::community::text::MOST_CHARS,
};

/// Comments that one address may write a minute.
const A_MINUTE: usize = 30;

/// Reports that one address may send a minute.
const REPORTS_A_MINUTE: usize = 10;

/// What somebody wants to say.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
pub(super) struct NewComment {
    /// 1 to 1000 characters, with Markdown in it: emphasis, code, lists, links.
    #[schema(min_length = 1, max_length = 1000)]
    comment: String,
    /// The comment it answers; null: it is top-level.
    parent_id: Option<String>,
}

/// What one's own comment says from now on.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
pub(super) struct EditedComment {
    /// 1 to 1000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    comment: String,
    /// The version that was read, where `If-Match` doesn't say it: with another one nothing is changed.
    version: Option<i64>,
}

/// Why a moderator should look.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
pub(super) struct NewReport {
    /// 1 to 300 characters.
    #[schema(min_length = 1, max_length = 300)]
    reason: String,
}

/// A comment that was reported.
#[derive(Serialize, ToSchema)]
pub(super) struct Reported {
    /// The comment.
    comment_id: String,
    /// False: it was reported by you before.
    changed: bool,
}

/// A comment after a like.
#[derive(Serialize, ToSchema)]
pub(super) struct LikesNow {
    /// The comment.
    comment_id: String,
    /// Whether you like it now.
    liked: bool,
    /// False: it was so already.
    changed: bool,
    /// Likes there are now.
    likes: i32,
    /// As of now.
    ranking_score: f64,
}

/// A run after an upvote.
#[derive(Serialize, ToSchema)]
pub(super) struct UpvotesNow {
    /// The run's public identifier.
    pod_id: String,
    /// Whether it has your vote now.
    upvoted: bool,
    /// False: it was so already.
    changed: bool,
    /// Upvotes there are now.
    upvotes: i32,
}

/// Comment on a run, or answer a comment
#[utoipa::path(
    post, path = "/results/{pod_id}/comments", tag = "community", operation_id = "comment_on_run", security(("token" = [])),
    params(("pod_id" = String, Path, description = "The run's public identifier")),
    request_body = NewComment,
    responses(
        (status = 201, body = CommentView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json",
         description = "No such run, or no such comment on it to answer"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "A body of another kind"),
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "Fields that can't be used; `comment_refused`: a moderator refuses it; `comment_empty`: nothing is left of it; \
                        `reply_too_deep`: it answers a reply"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Asked too often"),
    )
)]
pub(super) async fn post_comment(
    State(app): State<App>,
    who: Person,
    caller: Caller,
    Segment(pod_id): Segment,
    uri: Uri,
    request: Request,
) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let (text, parent_id) = read_comment::<String>(&Body::read(request).await?, "parent_id")?;
    app.often.pass(&caller, "/api/v1/comments", A_MINUTE)?;
    let draft = Draft { pod_id: &pod_id, parent_id: parent_id.as_deref(), text: &text };
    let posted = community::post(&app.pool, &app.moderator, &Author::from(&who), &draft).await?;
    Ok((StatusCode::CREATED, shown(&app, &who, &posted.id).await?).into_response())
}

/// Change what one's own comment says
///
/// With `If-Match` (or `version`) nothing is changed that isn't any more what was read.
#[utoipa::path(
    patch, path = "/comments/{id}", tag = "community", security(("token" = [])),
    params(
        ("id" = String, Path, description = "The comment: 24 hex digits"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that it was read with"),
    ),
    request_body = EditedComment,
    responses(
        (status = 200, body = CommentView),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Somebody else's, not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        (status = 409, body = Problem, content_type = "application/problem+json",
         description = "`comment_changed`: it was changed since it was read; `comment_hidden`: a moderator hid it"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "A body of another kind"),
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "Fields that can't be used; `comment_refused`, `comment_empty`"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Asked too often"),
    )
)]
pub(super) async fn edit_comment(
    State(app): State<App>,
    who: Person,
    caller: Caller,
    Segment(id): Segment,
    uri: Uri,
    request: Request,
) -> Result<CommentView, Error> {
    Parameters::of(&uri).finish()?;
    let matched = if_match(request.headers());
    let (text, version) = read_comment::<i64>(&Body::read(request).await?, "version")?;
    app.often.pass(&caller, "/api/v1/comments", A_MINUTE)?;
    // A tag that none of ours looks like matches no version there is.
    let version = matched.unwrap_or(Some(0)).or(version);
    let change = Change { id: &id, text: &text, version };
    community::edit(&app.pool, &app.moderator, &Author::from(&who), &change).await?;
    shown(&app, &who, &id).await
}

/// Delete one's own comment with the replies to it
#[utoipa::path(
    delete, path = "/comments/{id}", tag = "community", operation_id = "delete_own_comment", security(("token" = [])),
    params(("id" = String, Path, description = "The comment: 24 hex digits")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Somebody else's, not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        BadParameters,
    )
)]
pub(super) async fn delete_comment(
    State(pool): Pool,
    who: Person,
    Segment(id): Segment,
    uri: Uri,
) -> Result<StatusCode, Error> {
    Parameters::of(&uri).finish()?;
    community::delete(&pool, &Author::from(&who), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Like a comment; harmless twice
#[utoipa::path(
    put, path = "/comments/{id}/like", tag = "community", security(("token" = [])),
    params(("id" = String, Path, description = "The comment: 24 hex digits")),
    responses(
        (status = 200, body = LikesNow),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        BadParameters,
    )
)]
pub(super) async fn like_comment(
    State(pool): Pool,
    who: Person,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<LikesNow>, Error> {
    Parameters::of(&uri).finish()?;
    like(&pool, &who, id, true).await
}

/// Take a like back; harmless twice
#[utoipa::path(
    delete, path = "/comments/{id}/like", tag = "community", security(("token" = [])),
    params(("id" = String, Path, description = "The comment: 24 hex digits")),
    responses(
        (status = 200, body = LikesNow),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        BadParameters,
    )
)]
pub(super) async fn unlike_comment(
    State(pool): Pool,
    who: Person,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<LikesNow>, Error> {
    Parameters::of(&uri).finish()?;
    like(&pool, &who, id, false).await
}

/// Tell moderators of a comment; harmless twice
#[utoipa::path(
    post, path = "/comments/{id}/report", tag = "community", security(("token" = [])),
    params(("id" = String, Path, description = "The comment: 24 hex digits")),
    request_body = NewReport,
    responses(
        (status = 200, body = Reported),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A body that is no JSON"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "A body that is too long"),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "A body of another kind"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "Fields that can't be used"),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Asked too often"),
    )
)]
pub(super) async fn report_comment(
    State(app): State<App>,
    who: Person,
    caller: Caller,
    Segment(id): Segment,
    uri: Uri,
    request: Request,
) -> Result<Json<Reported>, Error> {
    Parameters::of(&uri).finish()?;
    let reason = read_reason(&Body::read(request).await?)?;
    app.often.pass(&caller, "/api/v1/comments/report", REPORTS_A_MINUTE)?;
    let changed = community::report(&app.pool, &id, &Author::from(&who), reason.trim()).await?;
    Ok(Json(Reported { comment_id: id, changed }))
}

/// Upvote a run; harmless twice
#[utoipa::path(
    put, path = "/results/{pod_id}/upvote", tag = "community", security(("token" = [])),
    params(("pod_id" = String, Path, description = "The run's public identifier")),
    responses(
        (status = 200, body = UpvotesNow),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
    )
)]
pub(super) async fn upvote_run(
    State(pool): Pool,
    who: Person,
    Segment(pod_id): Segment,
    uri: Uri,
) -> Result<Json<UpvotesNow>, Error> {
    Parameters::of(&uri).finish()?;
    upvote(&pool, &who, pod_id, true).await
}

/// Take an upvote back; harmless twice
#[utoipa::path(
    delete, path = "/results/{pod_id}/upvote", tag = "community", security(("token" = [])),
    params(("pod_id" = String, Path, description = "The run's public identifier")),
    responses(
        (status = 200, body = UpvotesNow),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Not a person, suspended, or no page of ours sent it"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
    )
)]
pub(super) async fn take_upvote_back(
    State(pool): Pool,
    who: Person,
    Segment(pod_id): Segment,
    uri: Uri,
) -> Result<Json<UpvotesNow>, Error> {
    Parameters::of(&uri).finish()?;
    upvote(&pool, &who, pod_id, false).await
}

/// A comment's text, and another field that may be left out.
fn read_comment<T: DeserializeOwned>(body: &Body, other: &str) -> Result<(String, Option<T>), Error> {
    let mut fields = body.fields();
    fields.require("comment");
    let fits = |text: &String| (1..=MOST_CHARS).contains(&text.chars().count());
    let text: Option<String> = fields.check("comment", fits, "1 to 1000 characters");
    let other = fields.take(other);
    fields.finish();
    body.finish()?;
    Ok((text.unwrap_or_default(), other))
}

fn read_reason(body: &Body) -> Result<String, Error> {
    let mut fields = body.fields();
    fields.require("reason");
    let fits = |text: &String| (1..=300).contains(&text.trim().chars().count());
    let reason: Option<String> = fields.check("reason", fits, "1 to 300 characters");
    fields.finish();
    body.finish()?;
    Ok(reason.unwrap_or_default())
}

async fn like(pool: &PgPool, who: &Person, id: String, up: bool) -> Result<Json<LikesNow>, Error> {
    let now = community::like(pool, &id, &Author::from(who), up).await?;
    Ok(Json(LikesNow {
        comment_id: id,
        liked: up,
        changed: now.changed,
        likes: now.total,
        ranking_score: now.ranking_score,
    }))
}

async fn upvote(pool: &PgPool, who: &Person, pod_id: String, up: bool) -> Result<Json<UpvotesNow>, Error> {
    let now = community::upvote(pool, &pod_id, &Author::from(who), up).await?;
    Ok(Json(UpvotesNow { pod_id, upvoted: up, changed: now.changed, upvotes: now.total }))
}

/// A comment as its author sees it.
async fn shown(app: &App, who: &Person, id: &str) -> Result<CommentView, Error> {
    let mut conn = app.pool.acquire().await?;
    Ok(community::one(&mut conn, id, Some(who.github_id)).await?.into())
}
