//! A comment as `/api/v1` shows it.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{community::Thread, domain::community::markdown};

/// A comment on a run, or a reply to one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CommentView {
    /// 24 hex digits.
    pub(super) id: String,
    /// The run it is about.
    pod_id: String,
    /// The comment it answers; null: it is top-level.
    parent_id: Option<String>,
    /// What it says, as it was written: text, with Markdown in it.
    comment: String,
    /// The same as HTML: `p`, `br`, `em`, `strong`, `code`, `pre`, `ul`, `ol`, `li`, and `a` to http and https addresses.
    html: String,
    /// Its author's GitHub id.
    user_id: i64,
    /// Their name when they wrote it.
    username: String,
    /// Their picture then.
    user_avatar: Option<String>,
    /// Who likes it.
    likes: i32,
    /// Whether who asks does.
    liked: bool,
    /// Replies that are seen.
    reply_count: i32,
    /// likes × (1 + 0.1 × replies) ÷ max(1, age ÷ 45000 s)^1.5, as of the answer (of a page: of the first one).
    ranking_score: f64,
    /// When it was written.
    created_at: DateTime<Utc>,
    /// When its author last changed it.
    edited_at: Option<DateTime<Utc>>,
    /// Grows with each change; `If-Match` of an edit.
    version: i64,
    /// Replies, oldest first; empty where one comment is shown.
    #[schema(no_recursion)]
    replies: Vec<CommentView>,
}

impl From<Thread> for CommentView {
    fn from(Thread { comment, ranking_score, replies }: Thread) -> Self {
        Self {
            html: markdown::html(&comment.comment),
            id: comment.id,
            pod_id: comment.pod_id,
            parent_id: comment.parent_id,
            comment: comment.comment,
            user_id: comment.github_id,
            username: comment.username,
            user_avatar: comment.user_avatar,
            likes: comment.likes,
            liked: comment.liked,
            reply_count: comment.reply_count,
            ranking_score,
            created_at: comment.created_at,
            edited_at: comment.edited_at,
            version: comment.version,
            replies: replies.into_iter().map(Self::from).collect(),
        }
    }
}

impl IntoResponse for CommentView {
    /// With its version as `ETag`.
    fn into_response(self) -> Response {
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.version));
        let mut response = Json(self).into_response();
        if let Ok(tag) = tag {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

/// The version that `If-Match` names; `None`: there is none, or any will do. An error: it names none of ours, so nothing
/// matches it.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<i64>, ()> {
    let Some(tag) = headers.get(header::IF_MATCH) else { return Ok(None) };
    match tag.to_str().map(str::trim) {
        Ok("*") => Ok(None),
        Ok(tag) => {
            let version = tag.trim_start_matches("W/").trim_matches('"').parse();
            version.map(Some).map_err(|_| ())
        }
        Err(_) => Err(()),
    }
}
