//! `/auth/…`: signing in with GitHub, who one is, a fresh token, signing out.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    answer::Stamp,
    query::Query,
    refusal::{BadBearer, NoBearer, Refusal, Unusable},
};
use crate::{
    api::{
        app::App,
        cookies,
        error::Error,
        person::Account,
        principal::{self, Asked},
    },
    people::{Back, Began, SignedIn, User},
    store::user_sessions,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(callback))
        .routes(routes!(me))
        .routes(routes!(refresh))
        .routes(routes!(logout))
}

/// Where to go to sign in.
#[derive(Serialize, ToSchema)]
pub(super) struct Login {
    /// At GitHub.
    auth_url: String,
}

/// Somebody as they see themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = OriginalUser)]
pub(super) struct Oneself {
    /// GitHub's number of the account.
    github_id: i64,
    /// The login.
    username: String,
    /// One's own address; empty: GitHub told none.
    email: String,
    avatar_url: Option<String>,
    created_at: Stamp,
    last_login: Stamp,
}

impl From<User> for Oneself {
    fn from(user: User) -> Self {
        Self {
            github_id: user.github_id,
            username: user.username,
            email: user.email,
            avatar_url: user.avatar_url,
            created_at: Stamp(user.created_at),
            last_login: Stamp(user.last_login),
        }
    }
}

/// Who one is.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    user: Oneself,
}

/// A fresh access token.
#[derive(Serialize, ToSchema)]
pub(super) struct Refreshed {
    /// Good for 15 minutes.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    user: Oneself,
}

/// The client drops its token.
#[derive(Serialize, ToSchema)]
pub(super) struct LoggedOut {
    /// Always true.
    success: bool,
    message: &'static str,
}

/// Where to go to sign in with GitHub
#[utoipa::path(
    get, path = "/auth/github/login", tag = "original",
    responses(
        (status = 200, body = Login),
        (status = 503, body = super::refusal::Refused, description = "Nobody can sign in with GitHub here"),
    )
)]
async fn login(State(app): State<App>) -> Result<Json<Login>, Refusal> {
    let auth_url =
        app.people.begin(&app.pool, Began::Client, &app.site.redirect_uri).await.map_err(Error::from)?;
    Ok(Json(Login { auth_url }))
}

/// Where GitHub sends people back to
///
/// To the site's page, with an access token; or, where the sign-in began at the site's own, with its cookie.
#[utoipa::path(
    get, path = "/auth/github/callback", tag = "original",
    params(
        ("code" = Option<String>, Query, description = "GitHub's; one of `code` and `error` has to be given"),
        ("state" = Option<String>, Query, description = "The one of the sign-in that began here"),
        ("error" = Option<String>, Query, description = "GitHub's, e.g. `access_denied`"),
    ),
    responses(
        (status = 302, description = "Signed in: `Location` is `<site>/inference-benchmark?token=<access token>`"),
        (status = 400, body = super::refusal::Refused, description = "GitHub refuses the code, or the state is not one that began here"),
        Unusable,
        (status = 503, body = super::refusal::Refused, description = "Nobody can sign in with GitHub here, or GitHub is away"),
    )
)]
async fn callback(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let mut query = Query::of(request.uri());
    if query.text("error").is_some() {
        return Err(Refusal::pointless(
            "GitHub says that nobody was signed in: sign in again, and allow it there",
        ));
    }
    let (code, state) = (query.required_text("code"), query.required_text("state"));
    query.finish()?;
    let headers = request.headers();
    let back = Back { code: &code, state: &state, browser: cookies::browser(headers, app.site.secure) };
    let signed_in = app
        .people
        .finish(&app.pool, back, &app.site.redirect_uri, principal::agent(headers))
        .await
        .map_err(Error::from)?;
    let mut response = StatusCode::FOUND.into_response();
    let (location, cookie) = match signed_in {
        SignedIn::Client { token } => {
            (format!("{}/inference-benchmark?token={token}", app.site.site()), None)
        }
        SignedIn::Site { opened, return_to } => {
            let cookie = cookies::set_session(&opened.secret, opened.seconds, app.site.secure);
            (format!("{}{return_to}", app.site.base()), cookie)
        }
    };
    let location = HeaderValue::try_from(location).map_err(|error| Error::Internal(error.to_string()))?;
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who one is
#[utoipa::path(
    get, path = "/auth/me", tag = "original", security(("access_token" = [])),
    responses((status = 200, body = Me), NoBearer, BadBearer)
)]
async fn me(account: Account) -> Json<Me> {
    Json(Me { user: account.user.into() })
}

/// A fresh access token, for one that is still good
#[utoipa::path(
    post, path = "/auth/refresh", tag = "original", security(("access_token" = [])),
    responses((status = 200, body = Refreshed), NoBearer, BadBearer)
)]
async fn refresh(State(app): State<App>, account: Account) -> Result<Json<Refreshed>, Refusal> {
    // A cookie is no token: there is nothing to renew.
    if account.by_cookie {
        return Err(Error::NotSignedInOriginal.into());
    }
    let renewed =
        app.people.renew_client(&app.pool, &account.user, account.session).await.map_err(Error::from)?;
    let access_token = renewed.ok_or(Error::BadSignIn)?;
    Ok(Json(Refreshed { access_token, token_type: "bearer", user: account.user.into() }))
}

/// Sign out: the token that was sent is good no more
///
/// Signed in or not, the answer is the same. A cookie of the site is left alone: a link must not sign anybody out.
#[utoipa::path(
    get, path = "/auth/logout", tag = "original", security((), ("access_token" = [])),
    responses((status = 200, body = LoggedOut))
)]
async fn logout(State(app): State<App>, request: Request) -> Result<Json<LoggedOut>, Refusal> {
    let (parts, _) = request.into_parts();
    if let Asked::Principal(principal) = principal::asked(&parts, &app).await?
        && let (Some(session), false) = (principal.session, principal.by_cookie)
    {
        user_sessions::revoke(&mut *app.pool.acquire().await?, session).await?;
    }
    Ok(Json(LoggedOut { success: true, message: "signed out" }))
}
