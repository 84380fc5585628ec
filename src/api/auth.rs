//! Who asks, by the bearer token of the request, and whether they may.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use sqlx::PgPool;

use super::error::Error;
use crate::ledger::{
    By,
    tokens::{self, Role},
};

/// Somebody who may start and steer runs.
#[derive(Debug)]
pub(super) struct Operator {
    /// `token:<name>`.
    actor: String,
    role: Role,
}

impl Operator {
    /// Who it is, for the audit log.
    pub(super) fn by(&self) -> By<'_> {
        By { actor: &self.actor, role: Some(self.role.as_str()), request_id: None }
    }

    /// The role of their token.
    pub(super) const fn role(&self) -> Role {
        self.role
    }
}

impl FromRequestParts<PgPool> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, pool: &PgPool) -> Result<Self, Error> {
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = given.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = token else { return Err(Error::Unauthorised) };
        let holder = tokens::holder(pool, token).await?.ok_or(Error::Unauthorised)?;
        if holder.role < Role::Operator {
            return Err(Error::Forbidden(holder.role, Role::Operator));
        }
        Ok(Self { actor: format!("token:{}", holder.name), role: holder.role })
    }
}
