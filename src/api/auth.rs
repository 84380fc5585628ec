//! Who asks, by the bearer token of the request, and whether they may.

use std::sync::Arc;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header, request::Parts},
};
use sqlx::PgPool;

use super::{caller::Caller, error::Error};
use crate::ledger::{
    By,
    tokens::{self, Holder, Role},
};

/// Who reads: nobody in particular, or the holder of a token.
#[derive(Debug)]
pub(super) struct Reader(Option<Holder>);

impl Reader {
    /// Whether they see what tells of machines: URLs, paths, arguments, pods, hosts, log lines. A token of any role does.
    pub(super) const fn sees_all(&self) -> bool {
        self.0.is_some()
    }
}

impl<S> FromRequestParts<S> for Reader
where
    S: Send + Sync,
    PgPool: FromRef<S>,
{
    type Rejection = Error;

    /// Without a token anybody; one that is no good is refused, since whoever sent it expects to see more.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self(None));
        }
        holder(parts, &PgPool::from_ref(state)).await.map(|holder| Self(Some(holder)))
    }
}

/// Somebody who may start and steer runs.
#[derive(Debug)]
pub(super) struct Operator {
    /// `token:<name>`.
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

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    PgPool: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let holder = holder(parts, &PgPool::from_ref(state)).await?;
        if holder.role < Role::Operator {
            return Err(Error::Forbidden(holder.role, Role::Operator));
        }
        let caller = Caller::from_request_parts(parts, state).await?;
        Ok(Self { actor: format!("token:{}", holder.name), role: holder.role, request_id: caller.id })
    }
}

/// Somebody who may administer queues.
#[derive(Debug)]
pub(super) struct Admin(Operator);

impl Admin {
    /// Who it is, for the audit log.
    pub(super) fn by(&self) -> By<'_> {
        self.0.by()
    }
}

impl<S> FromRequestParts<S> for Admin
where
    S: Send + Sync,
    PgPool: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let who = Operator::from_request_parts(parts, state).await?;
        match who.role {
            Role::Admin => Ok(Self(who)),
            role => Err(Error::Forbidden(role, Role::Admin)),
        }
    }
}

async fn holder(parts: &Parts, pool: &PgPool) -> Result<Holder, Error> {
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(token) = token else { return Err(Error::Unauthorised) };
    tokens::holder(pool, token).await?.ok_or(Error::Unauthorised)
}
