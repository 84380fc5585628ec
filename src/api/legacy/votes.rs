//! `/upvote_pod`, `/remove_upvote_from_pod`, `/add_like`, `/remove_like`.

use axum::{
    Json,
    extract::{Request, State},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::Done,
    body::Body,
    refusal::{BadBearer, NoBearer, Pointless, Refusal, Unknown, Unusable},
};
use crate::{
    api::{app::App, person::Person},
    community::{self, Author},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(upvote_pod))
        .routes(routes!(remove_upvote_from_pod))
        .routes(routes!(add_like))
        .routes(routes!(remove_like))
}

/// Which run.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
struct WhichPod {
    /// The run's public identifier.
    pod_id: String,
}

/// Which comment.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
struct WhichComment {
    /// 24 hex digits.
    comment_id: String,
}

/// A comment after a like.
#[derive(Serialize, ToSchema)]
struct Likes {
    comment_id: String,
    /// Who likes it, or no more.
    user_id: i64,
    username: String,
    /// Likes there are now.
    total_likes: i32,
    /// As of now.
    ranking_score: f64,
}

/// Upvote a run
#[utoipa::path(
    post, path = "/upvote_pod", tag = "original", security(("token" = [])), request_body = WhichPod,
    responses((status = 200, body = Done<Option<String>>), Pointless, BadBearer, NoBearer, Unknown, Unusable)
)]
async fn upvote_pod(
    State(app): State<App>,
    who: Person,
    request: Request,
) -> Result<Json<Done<Option<String>>>, Refusal> {
    upvote(&app, &who, request, true).await
}

/// Take an upvote back
#[utoipa::path(
    post, path = "/remove_upvote_from_pod", tag = "original", security(("token" = [])), request_body = WhichPod,
    responses((status = 200, body = Done<Option<String>>), Pointless, BadBearer, NoBearer, Unknown, Unusable)
)]
async fn remove_upvote_from_pod(
    State(app): State<App>,
    who: Person,
    request: Request,
) -> Result<Json<Done<Option<String>>>, Refusal> {
    upvote(&app, &who, request, false).await
}

/// Like a comment
#[utoipa::path(
    post, path = "/add_like", tag = "original", security(("token" = [])), request_body = WhichComment,
    responses((status = 200, body = Likes), Pointless, BadBearer, NoBearer, Unknown, Unusable)
)]
async fn add_like(State(app): State<App>, who: Person, request: Request) -> Result<Json<Likes>, Refusal> {
    like(&app, who, request, true).await
}

/// Take a like back
#[utoipa::path(
    post, path = "/remove_like", tag = "original", security(("token" = [])), request_body = WhichComment,
    responses((status = 200, body = Likes), Pointless, BadBearer, NoBearer, Unknown, Unusable)
)]
async fn remove_like(State(app): State<App>, who: Person, request: Request) -> Result<Json<Likes>, Refusal> {
    like(&app, who, request, false).await
}

async fn upvote(
    app: &App,
    who: &Person,
    request: Request,
    up: bool,
) -> Result<Json<Done<Option<String>>>, Refusal> {
    let mut body = Body::read(request).await?;
    let pod_id = body.required_text("pod_id");
    body.finish()?;
    let voted = community::upvote(&app.pool, &pod_id, &Author::from(who), up).await?;
    match (voted.changed, up) {
        (true, true) => Ok(Json(Done::new("the run is upvoted", None))),
        (true, false) => Ok(Json(Done::new("the upvote is taken back", None))),
        (false, true) => Err(Refusal::pointless(format!("run {pod_id} is upvoted by you already"))),
        (false, false) => Err(Refusal::pointless(format!("run {pod_id} is not upvoted by you"))),
    }
}

async fn like(app: &App, who: Person, request: Request, up: bool) -> Result<Json<Likes>, Refusal> {
    let mut body = Body::read(request).await?;
    let comment_id = body.required_id("comment_id");
    body.finish()?;
    let liked = community::like(&app.pool, &comment_id, &Author::from(&who), up).await?;
    match (liked.changed, up) {
        (true, _) => Ok(Json(Likes {
            comment_id,
            user_id: who.github_id,
            username: who.username,
            total_likes: liked.total,
            ranking_score: liked.ranking_score,
        })),
        (false, true) => Err(Refusal::pointless(format!("comment {comment_id} is liked by you already"))),
        (false, false) => Err(Refusal::pointless(format!("comment {comment_id} is not liked by you"))),
    }
}
