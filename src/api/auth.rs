//! What a principal may: read all, steer runs, administer. Whoever it is, a token of the API or somebody who signed in.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{
    app::App,
    caller::Caller,
    error::Error,
    principal::{self, Asked, Principal, Refusal},
};
use crate::ledger::{By, tokens::Role};

/// Who reads: nobody in particular, or somebody with a role.
#[derive(Debug)]
pub(super) struct Reader(Option<Role>);

impl Reader {
    /// Whether they see what tells of machines: URLs, paths, arguments, pods, hosts, log lines. Any role does.
    pub(super) const fn sees_all(&self) -> bool {
        self.0.is_some()
    }
}

impl FromRequestParts<App> for Reader {
    type Rejection = Error;

    /// Without a token anybody; one that is no good is refused, since whoever sent it expects to see more. A cookie that is no
    /// good is sent by a browser unasked, and counts as none.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        match principal::asked(parts, app).await? {
            Asked::Principal(principal) => Ok(Self(principal.role)),
            Asked::Bad(Refusal::Token) => Err(Error::Unauthorised),
            // `Authorization` of another kind.
            Asked::Nobody if parts.headers.contains_key("authorization") => Err(Error::Unauthorised),
            Asked::Nobody | Asked::Bad(Refusal::Cookie | Refusal::Forged) => Ok(Self(None)),
        }
    }
}

/// Somebody who may start and steer runs.
#[derive(Debug)]
pub(super) struct Operator {
    /// `token:<name>`, `user:<login>`.
    actor: String,
    role: Role,
    request_id: Arc<str>,
}

impl Operator {
    /// Who it is, for the audit log.
    pub(super) fn by(&self) -> By<'_> {
        By { actor: &self.actor, role: Some(self.role.as_str()), request_id: Some(&self.request_id) }
    }

    /// Refuses what needs an admin: these parts of a request, if there are any.
    pub(super) fn allow(&self, parts: &[&str]) -> Result<(), Error> {
        match (self.role, parts) {
            (Role::Admin, _) | (_, []) => Ok(()),
            (role, [one]) => Err(Error::ForbiddenParts(role, format!("`{one}` needs"))),
            (role, several) => Err(Error::ForbiddenParts(role, format!("`{}` need", several.join("`, `")))),
        }
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        of_role(parts, app, Role::Operator).await
    }
}

/// Somebody who may administer queues, people and what they said.
#[derive(Debug)]
pub(super) struct Admin(Operator);

impl Admin {
    /// Who it is, for the audit log.
    pub(super) fn by(&self) -> By<'_> {
        self.0.by()
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        of_role(parts, app, Role::Admin).await.map(Self)
    }
}

async fn of_role(parts: &mut Parts, app: &App, needed: Role) -> Result<Operator, Error> {
    let principal = match principal::asked(parts, app).await? {
        Asked::Principal(principal) => principal,
        Asked::Bad(Refusal::Forged) => return Err(Error::Forged),
        Asked::Nobody | Asked::Bad(Refusal::Token | Refusal::Cookie) => return Err(Error::Unauthorised),
    };
    let actor = Principal::actor(&principal);
    match principal.role {
        Some(role) if role >= needed => {
            let request_id = Caller::from_request_parts(parts, app).await?.id;
            Ok(Operator { actor, role, request_id })
        }
        Some(role) => Err(Error::Forbidden(role, needed)),
        None => Err(Error::NoRole(needed)),
    }
}
