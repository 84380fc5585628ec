//! Reading comments: a run's, by pages, and one.

use std::str::FromStr;

use axum::{Json, extract::State, http::Uri};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::CommentView;
use crate::{
    api::{
        app::Pool,
        error::{Error, Problem},
        parameters::{Limit, Parameters, Segment},
        person::MaybePerson,
        refusals::BadParameters,
    },
    clock,
    community::{self, Thread},
    store::comments,
};

/// A page of a run's comments.
#[derive(Serialize, ToSchema)]
pub(super) struct CommentList {
    /// Top-level comments with their replies.
    comments: Vec<CommentView>,
    /// Top-level comments of the run that are seen.
    total: usize,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// Which comments come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sort {
    #[default]
    Top,
    New,
}

impl FromStr for Sort {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "top" => Ok(Self::Top),
            "new" => Ok(Self::New),
            _ => Err("must be top or new"),
        }
    }
}

/// Where a page ended: scores are as of the first page, so that pages fit together while comments age.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    sort: Sort,
    as_of: DateTime<Utc>,
    last: Place,
}

/// A comment's place in the order: score in ten-thousandths, then its time and id.
type Place = (i64, DateTime<Utc>, String);

fn place(thread: &Thread) -> Place {
    let score = (thread.ranking_score * 10_000.0).round() as i64;
    (score, thread.comment.created_at, thread.comment.id.clone())
}

impl Sort {
    fn is_after(self, one: &Place, other: &Place) -> bool {
        match self {
            // The highest score first, of equal ones the oldest.
            Self::Top => (other.0, &one.1, &one.2) > (one.0, &other.1, &other.2),
            Self::New => (&one.1, &one.2) < (&other.1, &other.2),
        }
    }
}

impl Cursor {
    fn text(&self) -> String {
        let sort = if self.sort == Sort::Top { "top" } else { "new" };
        let (score, at, id) = &self.last;
        let (as_of, at) = (self.as_of.timestamp_micros(), at.timestamp_micros());
        BASE64_URL_SAFE_NO_PAD.encode(format!("{sort}/{as_of}/{score}/{at}/{id}"))
    }

    fn read(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = text.split('/');
        let time = |part: Option<&str>| DateTime::from_timestamp_micros(part?.parse().ok()?);
        let sort = parts.next()?.parse().ok()?;
        let as_of = time(parts.next())?;
        let score = parts.next()?.parse().ok()?;
        let last = (score, time(parts.next())?, parts.next()?.to_owned());
        parts.next().is_none().then_some(Self { sort, as_of, last })
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::read(s).ok_or("must be the `next` of an earlier page, as it was given")
    }
}

/// The comments of a run
#[utoipa::path(
    get, path = "/results/{pod_id}/comments", tag = "community", security((), ("token" = [])),
    params(
        ("pod_id" = String, Path, description = "The run's public identifier"),
        ("sort" = Option<String>, Query, description = "`top` (default): the highest score first; `new`: the newest first"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = CommentList),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such run"),
        BadParameters,
    )
)]
pub(super) async fn list_comments(
    State(pool): Pool,
    MaybePerson(who): MaybePerson,
    Segment(pod_id): Segment,
    uri: Uri,
) -> Result<Json<CommentList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let cursor: Option<Cursor> = parameters.take("cursor");
    let sort = parameters.take("sort").or(cursor.as_ref().map(|cursor| cursor.sort)).unwrap_or_default();
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut conn = pool.acquire().await?;
    if !comments::run_exists(&mut conn, &pod_id).await? {
        return Err(community::Error::NoRun(pod_id).into());
    }
    let as_of = cursor.as_ref().map_or_else(clock::now, |cursor| cursor.as_of);
    let viewer = who.map(|who| who.github_id);
    let mut threads = community::of_run(&mut conn, &pod_id, viewer, Some(as_of)).await?;
    let total = threads.len();
    if sort == Sort::New {
        threads
            .sort_by_key(|thread| std::cmp::Reverse((thread.comment.created_at, thread.comment.id.clone())));
    }
    if let Some(cursor) = &cursor {
        threads.retain(|thread| sort.is_after(&place(thread), &cursor.last));
    }
    let limit = usize::try_from(limit).unwrap_or_default();
    let more = threads.len() > limit;
    threads.truncate(limit);
    let last = threads.last().filter(|_| more).map(place);
    let next = last.map(|last| Cursor { sort, as_of, last }.text());
    Ok(Json(CommentList { comments: threads.into_iter().map(CommentView::from).collect(), total, next }))
}

/// One comment, with its version as `ETag`
#[utoipa::path(
    get, path = "/comments/{id}", tag = "community", security((), ("token" = [])),
    params(("id" = String, Path, description = "The comment: 24 hex digits")),
    responses(
        (status = 200, body = CommentView),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such comment"),
        BadParameters,
    )
)]
pub(super) async fn show_comment(
    State(pool): Pool,
    MaybePerson(who): MaybePerson,
    Segment(id): Segment,
    uri: Uri,
) -> Result<CommentView, Error> {
    Parameters::of(&uri).finish()?;
    let viewer = who.map(|who| who.github_id);
    Ok(community::one(&mut *pool.acquire().await?, &id, viewer).await?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_and_junk_is_refused() {
        let at = |micros| DateTime::from_timestamp_micros(micros).unwrap();
        let last = (31_400, at(7), "0123456789abcdef01234567".to_owned());
        let cursor = Cursor { sort: Sort::New, as_of: at(1_795_500_000_123_456), last };
        assert_eq!(cursor.text().parse(), Ok(cursor));
        for junk in ["", "x", "====", &BASE64_URL_SAFE_NO_PAD.encode("top/1/2"), &"A".repeat(4000)] {
            assert!(junk.parse::<Cursor>().is_err(), "{junk:.20}");
        }
    }
}
