//! `/api/v1/me`: what is kept of whoever asks, where they are signed in, and deleting it all.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    api::{
        app::{App, Pool},
        cookies,
        error::{BadParameter, Error, Problem},
        parameters::{Parameters, Segment},
        person::Account,
        refusals::{BadParameters, NotOne, SignedOut},
    },
    community,
    ledger::tokens::Role,
    people::accounts,
    store::user_sessions::{self, OwnSession},
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show_me, delete_me))
        .routes(routes!(export_me))
        .routes(routes!(list_my_sessions))
        .routes(routes!(end_my_session))
}

/// Whoever asks, as they see themselves.
#[derive(Serialize, ToSchema)]
pub(super) struct Profile {
    /// GitHub's number of the account.
    github_id: i64,
    /// The login.
    username: String,
    /// One's own address; empty: GitHub told none.
    email: String,
    /// Address of the picture.
    avatar_url: Option<String>,
    /// When they first signed in.
    created_at: DateTime<Utc>,
    /// When they last did.
    last_login: DateTime<Utc>,
    /// Null: none.
    role: Option<Role>,
    /// Why they may not write at the moment; null: they may.
    suspended: Option<String>,
}

/// Where one is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionList {
    /// Newest first.
    sessions: Vec<OwnSession>,
    /// The one that asked.
    current: Uuid,
}

/// A session that is over.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionEnded {
    /// The session.
    session: Uuid,
    /// False: it was over already, or isn't one of one's own.
    changed: bool,
}

/// An account that is gone.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountDeleted {
    /// Always true.
    deleted: bool,
}

/// Who one is
#[utoipa::path(
    get, path = "/me", tag = "people", security(("cookie" = []), ("access_token" = [])),
    responses((status = 200, body = Profile), SignedOut, NotOne, BadParameters)
)]
async fn show_me(account: Account, uri: Uri) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let role = account.admin.then_some(Role::Admin);
    let user = account.user;
    Ok(private(Json(Profile {
        github_id: user.github_id,
        username: user.username,
        email: user.email,
        avatar_url: user.avatar_url,
        created_at: user.created_at,
        last_login: user.last_login,
        role,
        suspended: user.suspended_reason,
    })))
}

/// Everything that is kept of oneself: profile, sessions, comments, likes, upvotes, reports, chats, conversations
#[utoipa::path(
    get, path = "/me/export", tag = "people", security(("cookie" = []), ("access_token" = [])),
    responses((status = 200, body = Object, description = "A JSON file"), SignedOut, NotOne, BadParameters)
)]
async fn export_me(State(pool): Pool, account: Account, uri: Uri) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let all: Value = accounts::export(&pool, account.user.github_id).await?;
    let mut response = private(Json(all));
    let file = HeaderValue::from_static("attachment; filename=\"dria-bench-export.json\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, file);
    Ok(response)
}

/// Delete one's account for good, with what one said and voted for
#[utoipa::path(
    delete, path = "/me", tag = "people", security(("cookie" = []), ("access_token" = [])),
    params(("confirm" = bool, Query, description = "`true`: it is for good")),
    responses((status = 200, body = AccountDeleted), SignedOut, NotOne, BadParameters)
)]
async fn delete_me(State(app): State<App>, account: Account, uri: Uri) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let confirmed: bool = parameters.take("confirm").unwrap_or_default();
    parameters.finish()?;
    if !confirmed {
        let message = "has to be true: the account would be gone for good".to_owned();
        return Err(Error::Parameters(vec![BadParameter { parameter: "confirm".to_owned(), message }]));
    }
    // Cut short, it is asked for again: the account is there until the last.
    community::forget(&app.pool, account.user.github_id).await?;
    accounts::erase(&app.pool, account.user.github_id, account.by()).await?;
    let mut response = private(Json(AccountDeleted { deleted: true }));
    if let Some(cookie) = cookies::set_session("", 0, app.site.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Where one is signed in
#[utoipa::path(
    get, path = "/me/sessions", tag = "people", security(("cookie" = []), ("access_token" = [])),
    responses((status = 200, body = SessionList), SignedOut, NotOne, BadParameters)
)]
async fn list_my_sessions(State(pool): Pool, account: Account, uri: Uri) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let sessions = user_sessions::list(&mut *pool.acquire().await?, account.user.github_id).await?;
    Ok(private(Json(SessionList { sessions, current: account.session })))
}

/// End one of one's own sessions
#[utoipa::path(
    delete, path = "/me/sessions/{id}", tag = "people", security(("cookie" = []), ("access_token" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 200, body = SessionEnded),
        SignedOut,
        NotOne,
        (status = 422, body = Problem, content_type = "application/problem+json",
         description = "Not the id of a session, or parameters that can't be used"),
    )
)]
async fn end_my_session(
    State(pool): Pool,
    account: Account,
    Segment(id): Segment,
    uri: Uri,
) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let Ok(session) = id.parse::<Uuid>() else {
        let message = "must be the id of a session, as /api/v1/me/sessions lists them".to_owned();
        return Err(Error::Parameters(vec![BadParameter { parameter: "id".to_owned(), message }]));
    };
    let mut conn = pool.acquire().await?;
    let changed = user_sessions::revoke_own(&mut conn, account.user.github_id, session).await?;
    Ok(private(Json(SessionEnded { session, changed })))
}

/// An answer that is for whoever asked and for no cache.
fn private(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
