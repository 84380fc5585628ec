//! People in handlers' arguments: [`Person`] for what somebody has to be signed in for, [`MaybePerson`] where it is optional,
//! [`Account`] for what even somebody suspended may do with their own.
//!
//! Refused on the original paths: 403 where nobody is signed in, 401 where the token is no good. On `/api/v1` both are 401.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::request::Parts,
};
use uuid::Uuid;

use super::{
    app::App,
    caller::Caller,
    error::Error,
    principal::{self, Asked, Principal, Refusal},
};
use crate::{
    ledger::{By, tokens::Role},
    people::{Guest, User},
};

/// Somebody who signed in with GitHub and may take part.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// GitHub's number of the account.
    pub(super) github_id: i64,
    /// The login.
    pub(super) username: String,
    /// Address of the picture.
    pub(super) avatar_url: Option<String>,
    /// Whether they are an administrator.
    pub(super) admin: bool,
}

/// Somebody who signed in, if anybody did: a token that is no good counts as none.
#[derive(Debug, Clone)]
pub(super) struct MaybePerson(pub(super) Option<Person>);

/// Somebody who signed in with GitHub, and where: for what is their own. Suspended people have it too.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// Who it is.
    pub(super) user: User,
    /// Where they are signed in.
    pub(super) session: Uuid,
    /// Whether a cookie says so; else it is an access token.
    pub(super) by_cookie: bool,
    /// Whether they are an administrator.
    pub(super) admin: bool,
    /// `user:<number>`.
    actor: String,
    request_id: Arc<str>,
}

impl Account {
    /// Who it is, for the audit log: by number, since nobody else's name may be left there when they are gone.
    pub(super) fn by(&self) -> By<'_> {
        By { actor: &self.actor, role: None, request_id: Some(&self.request_id) }
    }

    /// The same as somebody who takes part.
    fn person(self) -> Person {
        Person {
            github_id: self.user.github_id,
            username: self.user.username,
            avatar_url: self.user.avatar_url,
            admin: self.admin,
        }
    }
}

impl FromRequestParts<App> for Account {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let original = is_original(parts);
        let principal = match principal::asked(parts, app).await? {
            Asked::Principal(principal) => *principal,
            Asked::Bad(Refusal::Forged) => return Err(Error::Forged),
            Asked::Bad(Refusal::Token) => return Err(Error::BadSignIn),
            Asked::Nobody | Asked::Bad(Refusal::Cookie) if original => {
                return Err(Error::NotSignedInOriginal);
            }
            Asked::Nobody | Asked::Bad(Refusal::Cookie) => return Err(Error::NotSignedIn),
        };
        let admin = principal.role == Some(Role::Admin);
        let request_id = Caller::from_request_parts(parts, app).await?.id;
        match principal {
            Principal { who: Guest::User(user), session: Some(session), by_cookie, .. } => {
                let actor = format!("user:{}", user.github_id);
                Ok(Self { user, session, by_cookie, admin, actor, request_id })
            }
            _ if original => Err(Error::BadSignIn),
            _ => Err(Error::NoPerson),
        }
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let account = Account::from_request_parts(parts, app).await?;
        if account.user.suspended_at.is_some() && principal::is_write(&parts.method) {
            let reason = account.user.suspended_reason.unwrap_or_default();
            return Err(Error::Suspended(reason));
        }
        Ok(account.person())
    }
}

impl FromRequestParts<App> for MaybePerson {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        match Account::from_request_parts(parts, app).await {
            Ok(account) => Ok(Self(Some(account.person()))),
            Err(error) if error.status().is_client_error() => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

/// Whether a route is one of the original API's. Within `/api/v1` a request's own URI lacks its beginning.
fn is_original(parts: &Parts) -> bool {
    parts.extensions.get::<MatchedPath>().is_none_or(|route| !route.as_str().starts_with("/api/"))
}
