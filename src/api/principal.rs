//! Who asks: the holder of a token of the API, or somebody who signed in. One kind of principal, with at most one role.
//!
//! `Authorization` says it, or, where there is none, the cookie of the site; never both. A write with a cookie has to prove
//! that a page of ours sent it: by `X-CSRF-Token`, and by an `Origin` that is ours where the browser names one.

use axum::http::{HeaderMap, Method, header, request::Parts};
use uuid::Uuid;

use super::{app::App, cookies, error::Error, origin};
use crate::{
    ledger::tokens::{self, Holder, Role},
    people::{Guest, User},
};

/// What a write with a cookie has to say, as `GET /api/v1/session` told it.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Principal {
    /// Who it is.
    pub(super) who: Guest,
    /// What they may; `None`: what everybody may.
    pub(super) role: Option<Role>,
    /// Where they are signed in; `None`: a token of the API was sent.
    pub(super) session: Option<Uuid>,
    /// Whether a cookie said so.
    pub(super) by_cookie: bool,
}

impl Principal {
    /// Their name in the audit log: `token:<name>`, `user:<login>`.
    pub(super) fn actor(&self) -> String {
        match &self.who {
            Guest::Token(holder) => format!("token:{}", holder.name),
            Guest::User(user) => format!("user:{}", user.username),
        }
    }
}

/// What a request says of who sent it.
#[derive(Debug)]
pub(super) enum Asked {
    /// Nothing.
    Nobody,
    /// Something that is no good: a token that isn't in force, a write without its proof.
    Bad(Refusal),
    /// This one.
    Principal(Box<Principal>),
}

/// Why what a request says is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A bearer token that isn't in force.
    Token,
    /// A cookie that isn't in force. Browsers send one unasked.
    Cookie,
    /// A write with a good cookie that no page of ours is known to have sent.
    Forged,
}

/// Finds out who asks.
pub(super) async fn asked(parts: &Parts, app: &App) -> Result<Asked, Error> {
    if let Some(token) = bearer(&parts.headers) {
        return of_bearer(token, app).await;
    }
    if parts.headers.contains_key(header::AUTHORIZATION) {
        return Ok(Asked::Nobody);
    }
    let Some(cookie) = cookies::session(&parts.headers, app.site.secure) else { return Ok(Asked::Nobody) };
    let Some((who, session)) = app.people.of_cookie(&app.pool, cookie).await? else {
        return Ok(Asked::Bad(Refusal::Cookie));
    };
    if is_write(&parts.method) && !is_ours(&parts.headers, app, session) {
        return Ok(Asked::Bad(Refusal::Forged));
    }
    let role = role_of(&who, app);
    Ok(Asked::Principal(Box::new(Principal { who, role, session: Some(session), by_cookie: true })))
}

async fn of_bearer(token: &str, app: &App) -> Result<Asked, Error> {
    if let Some(holder) = tokens::holder(&app.pool, token).await? {
        let role = Some(holder.role);
        let who = Guest::Token(holder);
        return Ok(Asked::Principal(Box::new(Principal { who, role, session: None, by_cookie: false })));
    }
    let Some((user, session)) = app.people.of_token(&app.pool, token).await? else {
        return Ok(Asked::Bad(Refusal::Token));
    };
    let who = Guest::User(user);
    let role = role_of(&who, app);
    Ok(Asked::Principal(Box::new(Principal { who, role, session: Some(session), by_cookie: false })))
}

fn role_of(who: &Guest, app: &App) -> Option<Role> {
    match who {
        Guest::Token(Holder { role, .. }) => Some(*role),
        Guest::User(user) => role_of_user(user, app),
    }
}

/// An administrator by the settings has that role everywhere; everybody else none.
pub(super) fn role_of_user(user: &User, app: &App) -> Option<Role> {
    app.people.is_admin(user).then_some(Role::Admin)
}

/// The token of `Authorization: Bearer …`; `None` also for one that is empty.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whether a request changes anything.
pub(super) fn is_write(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a page of ours sent this write.
fn is_ours(headers: &HeaderMap, app: &App, session: Uuid) -> bool {
    let said = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    origin::is_ours(headers, &app.site) && said.is_some_and(|said| app.people.is_csrf_token(session, said))
}

/// What a program calls itself.
pub(super) fn agent(headers: &HeaderMap) -> &str {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
}
