//! `/api/v1/session`: who is signed in at the site, signing in there and out again.

use std::str::FromStr;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{
        app::App,
        cookies,
        error::{Error, Problem},
        parameters::Parameters,
        principal::{self, Asked, Principal, Refusal},
        refusals::{BadParameters, NoToken, NotOne},
    },
    ledger::tokens::Role,
    people::{AWAY_S, Began, Guest, People},
    store::user_sessions,
};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show_session, open_session, end_session))
        .routes(routes!(sign_in_with_github))
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    /// Null: nobody.
    who: Option<Who>,
    /// To be sent as `X-CSRF-Token` with every write; null: no cookie was sent, so none is needed.
    csrf_token: Option<String>,
    /// Whether people can sign in with GitHub here, at `/api/v1/session/github`.
    github: bool,
}

/// Somebody, or the holder of a token.
#[derive(Serialize, ToSchema)]
struct Who {
    /// `user` or `token`.
    kind: &'static str,
    /// The login, or the token's name.
    name: String,
    /// GitHub's number of the account; null: a token's.
    github_id: Option<i64>,
    /// Address of the picture.
    avatar_url: Option<String>,
    /// What they may; null: what everybody may who is signed in.
    role: Option<Role>,
    /// Why they may not write at the moment; null: they may.
    suspended: Option<String>,
}

impl From<Guest> for Who {
    fn from(guest: Guest) -> Self {
        match guest {
            Guest::User(user) => Self {
                kind: "user",
                name: user.username,
                github_id: Some(user.github_id),
                avatar_url: user.avatar_url,
                role: None,
                suspended: user.suspended_reason,
            },
            Guest::Token(holder) => Self {
                kind: "token",
                name: holder.name,
                github_id: None,
                avatar_url: None,
                role: Some(holder.role),
                suspended: None,
            },
        }
    }
}

impl Session {
    fn of(principal: Option<Principal>, app: &App) -> Self {
        let by_cookie = principal.as_ref().filter(|principal| principal.by_cookie);
        let csrf_token =
            by_cookie.and_then(|principal| principal.session).map(|id| app.people.csrf_token(id));
        let who = principal.map(|principal| Who { role: principal.role, ..principal.who.into() });
        Self { who, csrf_token, github: app.people.is_configured() }
    }
}

/// Who is signed in, and what a write has to say along
#[utoipa::path(
    get, path = "/session", tag = "people", security((), ("cookie" = []), ("access_token" = []), ("token" = [])),
    responses((status = 200, body = Session), BadParameters)
)]
async fn show_session(State(app): State<App>, uri: Uri, request: Request) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let (parts, _) = request.into_parts();
    let principal = match principal::asked(&parts, &app).await? {
        Asked::Principal(principal) => Some(*principal),
        Asked::Nobody | Asked::Bad(_) => None,
    };
    Ok(kept_nowhere(Json(Session::of(principal, &app))))
}

/// A token of the API for the site's cookie, so that an operator needs no GitHub
///
/// It lasts half a day, and never longer than the token is in force. No body is read.
#[utoipa::path(
    post, path = "/session", tag = "people", security(("token" = [])),
    responses(
        (status = 200, body = Session, description = "`Set-Cookie` has the session"),
        NoToken,
        (status = 403, body = Problem, content_type = "application/problem+json",
         description = "Signed in already, and not by a token of the API"),
        BadParameters,
    )
)]
async fn open_session(State(app): State<App>, uri: Uri, request: Request) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let (parts, _) = request.into_parts();
    let principal = match principal::asked(&parts, &app).await? {
        Asked::Principal(principal) if principal.by_cookie => return Err(Error::SignedInAlready),
        Asked::Principal(principal) => *principal,
        Asked::Bad(Refusal::Forged) => return Err(Error::Forged),
        Asked::Nobody | Asked::Bad(_) => return Err(Error::Unauthorised),
    };
    let Guest::Token(holder) = &principal.who else { return Err(Error::SignedInAlready) };
    let agent = principal::agent(&parts.headers);
    let opened =
        app.people.open_site_for_token(&app.pool, holder, agent).await?.ok_or(Error::Unauthorised)?;
    let principal = Principal { session: Some(opened.id), by_cookie: true, ..principal };
    let mut response = kept_nowhere(Json(Session::of(Some(principal), &app)));
    if let Some(cookie) = cookies::set_session(&opened.secret, opened.seconds, app.site.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What became of a session.
#[derive(Serialize, ToSchema)]
pub(super) struct Ended {
    /// Always true.
    signed_out: bool,
}

/// Sign out: the cookie, or the access token, is good no more
#[utoipa::path(
    delete, path = "/session", tag = "people", security(("cookie" = []), ("access_token" = [])),
    responses(
        (status = 200, body = Ended),
        NoToken,
        NotOne,
        BadParameters,
    )
)]
async fn end_session(State(app): State<App>, uri: Uri, request: Request) -> Result<Response, Error> {
    Parameters::of(&uri).finish()?;
    let (parts, _) = request.into_parts();
    match principal::asked(&parts, &app).await? {
        Asked::Principal(principal) => match principal.session {
            Some(session) => user_sessions::revoke(&mut *app.pool.acquire().await?, session).await?,
            // Revoking a token of the API is an administrator's.
            None => return Err(Error::NoPerson),
        },
        Asked::Bad(Refusal::Forged) => return Err(Error::Forged),
        Asked::Bad(Refusal::Token) => return Err(Error::BadSignIn),
        Asked::Nobody => return Err(Error::NotSignedIn),
        // It is over already: its cookie may go.
        Asked::Bad(Refusal::Cookie) => false,
    };
    let mut response = kept_nowhere(Json(Ended { signed_out: true }));
    if let Some(cookie) = cookies::set_session("", 0, app.site.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Go to GitHub to sign in at the site
#[utoipa::path(
    get, path = "/session/github", tag = "people",
    params(("return_to" = Option<String>, Query, description = "Path of the site where it goes on, default `/`")),
    responses(
        (status = 302, description = "`Location` is at GitHub"),
        BadParameters,
        (status = 503, body = Problem, content_type = "application/problem+json",
         description = "Nobody can sign in with GitHub here"),
    )
)]
async fn sign_in_with_github(State(app): State<App>, uri: Uri, request: Request) -> Result<Response, Error> {
    let mut parameters = Parameters::of(&uri);
    let ReturnTo(return_to) = parameters.take("return_to").unwrap_or_default();
    parameters.finish()?;
    // Two tabs of one browser may sign in at once: they share the cookie.
    let known = cookies::browser(request.headers(), app.site.secure);
    let browser = known.map_or_else(People::new_browser, str::to_owned);
    let began = Began::Site { browser: &browser, return_to: &return_to };
    let location = app.people.begin(&app.pool, began, &app.site.redirect_uri).await?;
    let mut response = kept_nowhere(StatusCode::FOUND);
    let location = HeaderValue::try_from(location).map_err(|error| Error::Internal(error.to_string()))?;
    response.headers_mut().insert(header::LOCATION, location);
    if let Some(cookie) = cookies::set_browser(&browser, AWAY_S, app.site.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// An answer that no cache may have.
fn kept_nowhere(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A path of the site: never another host's address, which a link could send people to.
struct ReturnTo(String);

impl Default for ReturnTo {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for ReturnTo {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let is_path = s.starts_with('/') && !s.starts_with("//") && s.len() <= 500;
        let is_plain = s.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if is_path && is_plain {
            Ok(Self(s.to_owned()))
        } else {
            Err("must be a path of the site such as /runs?status=failed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_ends_on_a_path_of_the_site_and_nowhere_else() {
        assert_eq!("/runs?a=b#c".parse::<ReturnTo>().ok().unwrap().0, "/runs?a=b#c");
        for odd in
            ["", "runs", "//evil.com", "/\\evil.com", "https://evil.com", "/a\r\nset-cookie: x=y", "/ü"]
        {
            assert!(odd.parse::<ReturnTo>().is_err(), "{odd}");
        }
    }
}
