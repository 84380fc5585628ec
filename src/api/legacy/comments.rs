//! `/post_comment`, `/get_comments`, `/get_all_comments`, `/get_user_comments`, `/delete_comment`.

use axum::{
    Json,
    extract::{Request, State},
    http::Uri,
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::{Done, Stamp},
    body::Body,
    query::Query,
    refusal::{BadBearer, Fault, NoBearer, Pointless, Refusal, TooOften, Unacceptable, Unknown, Unusable},
};
use crate::{
    api::{
        app::{App, Pool},
        caller::Caller,
        person::{MaybePerson, Person},
        public::Anybody,
    },
    community::{self, Author, Draft, Thread},
    domain::community::text::MOST_CHARS,
    store::data_versions::Scope,
};

/// Comments that one address may post a minute.
const A_MINUTE: usize = 30;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(post_comment))
        .routes(routes!(get_comments))
        .routes(routes!(get_all_comments))
        .routes(routes!(get_user_comments))
        .routes(routes!(delete_comment))
}

/// What somebody wants to say.
#[derive(ToSchema)]
#[schema(as = OriginalNewComment)]
#[expect(dead_code, reason = "only described: `Body` reads it")]
struct NewComment {
    /// 1 to 1000 characters.
    #[schema(min_length = 1, max_length = 1000)]
    comment: String,
    /// The run's public identifier.
    pod_id: String,
    /// The comment it answers: 24 hex digits.
    parent_id: Option<String>,
}

/// A comment that was posted.
#[derive(Serialize, ToSchema)]
struct PostedComment {
    comment_id: String,
    pod_id: String,
    /// As it is kept.
    comment: String,
    user_id: i64,
    username: String,
    parent_id: Option<String>,
    /// 0: it is top-level; 1: it is a reply.
    depth: u8,
}

/// A comment.
#[derive(Serialize, ToSchema)]
struct Comment {
    _id: String,
    comment: String,
    likes: i32,
    created_at: Stamp,
    pod_id: String,
    user_id: i64,
    username: String,
    user_avatar: Option<String>,
    /// Of who asks.
    user_has_liked: bool,
    parent_id: Option<String>,
    is_parent: bool,
    has_replies: bool,
    reply_count: i32,
    /// As of the answer.
    ranking_score: f64,
    depth: u8,
    #[schema(no_recursion)]
    replies: Vec<Comment>,
}

impl From<Thread> for Comment {
    fn from(Thread { comment, ranking_score, replies }: Thread) -> Self {
        let is_parent = comment.parent_id.is_none();
        Self {
            _id: comment.id,
            comment: comment.comment,
            likes: comment.likes,
            created_at: Stamp(comment.created_at),
            pod_id: comment.pod_id,
            user_id: comment.github_id,
            username: comment.username,
            user_avatar: comment.user_avatar,
            user_has_liked: comment.liked,
            parent_id: comment.parent_id,
            is_parent,
            has_replies: comment.reply_count > 0,
            reply_count: comment.reply_count,
            ranking_score,
            depth: u8::from(!is_parent),
            replies: replies.into_iter().map(Self::from).collect(),
        }
    }
}

/// The comments of a run.
#[derive(Serialize, ToSchema)]
struct OfRun {
    /// The highest score first, each with its replies, oldest first.
    parent_comments: Vec<Comment>,
    total_comments: usize,
    total_parents: usize,
    total_replies: usize,
}

/// Comments.
#[derive(Serialize, ToSchema)]
struct Comments {
    comments: Vec<Comment>,
}

impl From<Vec<Thread>> for Comments {
    fn from(threads: Vec<Thread>) -> Self {
        Self { comments: threads.into_iter().map(Comment::from).collect() }
    }
}

/// Which comment.
#[derive(Serialize, ToSchema)]
struct CommentId {
    /// 24 hex digits.
    comment_id: String,
}

impl From<&Person> for Author {
    fn from(person: &Person) -> Self {
        Self {
            github_id: person.github_id,
            username: person.username.clone(),
            avatar_url: person.avatar_url.clone(),
        }
    }
}

impl From<community::Error> for Refusal {
    fn from(error: community::Error) -> Self {
        match &error {
            community::Error::Refused(reason) => {
                let detail = json!({
                    "error_type": "CONTENT_MODERATION_FAILED", "message": reason, "field": "comment",
                });
                Self::Unacceptable(error.to_string(), detail)
            }
            community::Error::Empty => {
                Self::Faults(vec![Fault::of("body", "comment", "value_error", error.to_string())])
            }
            community::Error::TooDeep(_) => Self::pointless(error.to_string()),
            _ => Self::Other(error.into()),
        }
    }
}

/// Comment on a run, or answer a comment
#[utoipa::path(
    post, path = "/post_comment", tag = "original", security(("token" = [])), request_body = NewComment,
    responses(
        (status = 200, body = Done<PostedComment>),
        Pointless, BadBearer, NoBearer, Unknown, Unacceptable, Unusable, TooOften,
    )
)]
async fn post_comment(
    State(app): State<App>,
    who: Person,
    caller: Caller,
    request: Request,
) -> Result<Json<Done<PostedComment>>, Refusal> {
    let mut body = Body::read(request).await?;
    let text = body.required_text_within("comment", MOST_CHARS);
    let pod_id = body.required_text("pod_id");
    let parent_id = body.id("parent_id");
    body.finish()?;
    app.often.pass(&caller, "/post_comment", A_MINUTE)?;
    let draft = Draft { pod_id: &pod_id, parent_id: parent_id.as_deref(), text: &text };
    let posted = community::post(&app.pool, &app.moderator, &Author::from(&who), &draft).await?;
    let depth = u8::from(parent_id.is_some());
    let comment = PostedComment {
        comment_id: posted.id,
        pod_id,
        comment: posted.comment,
        user_id: who.github_id,
        username: who.username,
        parent_id,
        depth,
    };
    Ok(Json(Done::new("the comment is posted", comment)))
}

/// The comments of a run, ranked, each with its replies
#[utoipa::path(
    get, path = "/get_comments", tag = "original", security((), ("token" = [])),
    params(("pod_id" = String, Query, description = "The run's public identifier")),
    responses((status = 200, body = OfRun), Unusable)
)]
async fn get_comments(
    State(app): State<App>,
    Anybody(public): Anybody,
    MaybePerson(who): MaybePerson,
    uri: Uri,
) -> Result<Response, Refusal> {
    let mut query = Query::of(&uri);
    let pod_id = query.required_text("pod_id");
    query.finish()?;
    let viewer = who.map(|who| who.github_id);
    // They are ranked by their age too.
    let key = format!("original comments {pod_id:?}");
    let make = async {
        let threads = community::of_run(&mut *app.pool.acquire().await?, &pod_id, viewer, None).await?;
        let total_parents = threads.len();
        let total_replies = threads.iter().map(|thread| thread.replies.len()).sum();
        Ok::<_, Refusal>(OfRun {
            parent_comments: threads.into_iter().map(Comment::from).collect(),
            total_comments: total_parents + total_replies,
            total_parents,
            total_replies,
        })
    };
    if viewer.is_some() {
        return Ok(Json(Box::pin(make).await?).into_response());
    }
    public.read_now(&app, &[Scope::Community], key).await?.json(&app, make).await
}

/// Every comment, replies too, ranked
#[utoipa::path(
    get, path = "/get_all_comments", tag = "original", security((), ("token" = [])),
    responses((status = 200, body = Comments))
)]
async fn get_all_comments(
    State(pool): Pool,
    MaybePerson(who): MaybePerson,
) -> Result<Json<Comments>, Refusal> {
    let viewer = who.map(|who| who.github_id);
    Ok(Json(community::all(&mut *pool.acquire().await?, viewer).await?.into()))
}

/// One's own comments, oldest first
#[utoipa::path(
    get, path = "/get_user_comments", tag = "original", security(("token" = [])),
    responses((status = 200, body = Comments), BadBearer, NoBearer)
)]
async fn get_user_comments(State(pool): Pool, who: Person) -> Result<Json<Comments>, Refusal> {
    Ok(Json(community::of_author(&mut *pool.acquire().await?, who.github_id).await?.into()))
}

/// Delete one's own comment with the replies to it
#[utoipa::path(
    delete, path = "/delete_comment", tag = "original", security(("token" = [])), request_body = CommentId,
    responses((status = 200, body = CommentId), BadBearer, NoBearer, Unknown, Unusable)
)]
async fn delete_comment(
    State(pool): Pool,
    who: Person,
    request: Request,
) -> Result<Json<CommentId>, Refusal> {
    let mut body = Body::read(request).await?;
    let comment_id = body.required_id("comment_id");
    body.finish()?;
    community::delete(&pool, &Author::from(&who), &comment_id).await?;
    Ok(Json(CommentId { comment_id }))
}
