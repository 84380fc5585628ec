//! `/api/v1/admin/users`: who signed in, and whom is let write no more. Their addresses are not shown.

use std::str::FromStr;

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::{NumberCursor, cut};
use crate::{
    api::{
        app::{App, Pool},
        auth::Admin,
        error::{BadParameter, Error, Problem},
        parameters::{Limit, Parameters, Segment},
        refusals::{BadParameters, BelowAdmin, NoToken},
    },
    people::accounts,
    store::users::{self, Filter, Listed},
};

/// The longest reason that is kept, characters.
const LONGEST_REASON: usize = 500;

/// A page of people.
#[derive(Serialize, ToSchema)]
pub(super) struct UserList {
    /// By number.
    users: Vec<Listed>,
    /// `cursor` of the next page; null: this is the last.
    next: Option<String>,
}

/// Somebody who was suspended, or isn't any more.
#[derive(Serialize, ToSchema)]
pub(super) struct UserSuspended {
    /// GitHub's number of the account.
    github_id: i64,
    /// Whether they are suspended now.
    suspended: bool,
    /// False: it was so already.
    changed: bool,
}

/// People who signed in or were imported, by number
#[utoipa::path(
    get, path = "/admin/users", tag = "admin", security(("token" = []), ("cookie" = []), ("access_token" = [])),
    params(
        ("text" = Option<String>, Query, description = "With these letters in their login, in any case"),
        ("suspended" = Option<bool>, Query, description = "`true`: only those who are; `false`: only those who aren't"),
        ("limit" = Option<i64>, Query, description = "1 to 100, default 20", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, body = UserList), NoToken, BelowAdmin, BadParameters)
)]
pub(super) async fn list_users(State(pool): Pool, _: Admin, uri: Uri) -> Result<Json<UserList>, Error> {
    let mut parameters = Parameters::of(&uri);
    let filter = Filter {
        text: parameters.take("text"),
        suspended: parameters.take("suspended"),
        after: parameters.take("cursor").map(|NumberCursor(id)| id),
    };
    let Limit(limit) = parameters.take("limit").unwrap_or_default();
    parameters.finish()?;
    let mut users = users::page(&mut *pool.acquire().await?, &filter, limit + 1).await?;
    let next = cut(&mut users, limit, |last| last.github_id.to_string());
    Ok(Json(UserList { users, next }))
}

/// Let somebody write no more: no comment, no vote, no chat. They still can read, export and delete what is theirs
#[utoipa::path(
    post, path = "/admin/users/{id}/suspend", tag = "admin",
    security(("token" = []), ("cookie" = []), ("access_token" = [])),
    params(
        ("id" = i64, Path, description = "GitHub's number of the account"),
        ("reason" = String, Query, description = "Told to them, and kept; at most 500 characters"),
    ),
    responses(
        (status = 200, body = UserSuspended),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such user"),
        BadParameters,
    )
)]
pub(super) async fn suspend_user(
    State(app): State<App>,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<UserSuspended>, Error> {
    let github_id = number(&id)?;
    let mut parameters = Parameters::of(&uri);
    let Reason(reason) = parameters.need("reason")?;
    parameters.finish()?;
    let changed = accounts::suspend(&app.pool, github_id, Some(&reason), who.by()).await?;
    Ok(Json(UserSuspended { github_id, suspended: true, changed }))
}

/// Let somebody write again
#[utoipa::path(
    post, path = "/admin/users/{id}/unsuspend", tag = "admin",
    security(("token" = []), ("cookie" = []), ("access_token" = [])),
    params(("id" = i64, Path, description = "GitHub's number of the account")),
    responses(
        (status = 200, body = UserSuspended),
        NoToken,
        BelowAdmin,
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such user"),
        BadParameters,
    )
)]
pub(super) async fn unsuspend_user(
    State(app): State<App>,
    who: Admin,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Json<UserSuspended>, Error> {
    let github_id = number(&id)?;
    Parameters::of(&uri).finish()?;
    let changed = accounts::suspend(&app.pool, github_id, None, who.by()).await?;
    Ok(Json(UserSuspended { github_id, suspended: false, changed }))
}

fn number(id: &str) -> Result<i64, Error> {
    let message = "must be GitHub's number of an account, as /api/v1/admin/users lists them".to_owned();
    id.parse().map_err(|_| Error::Parameters(vec![BadParameter { parameter: "id".to_owned(), message }]))
}

/// Why somebody is suspended.
struct Reason(String);

impl FromStr for Reason {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let reason = s.trim();
        let is_fine =
            (1..=LONGEST_REASON).contains(&reason.chars().count()) && !reason.contains(char::is_control);
        if is_fine { Ok(Self(reason.to_owned())) } else { Err("must be one line of 1 to 500 characters") }
    }
}
