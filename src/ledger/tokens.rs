//! Tokens of the API: made, revoked, and known again by their digest. The token itself is told once and kept nowhere.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{By, Error};
use crate::store::{api_tokens, audit};

/// What a token starts with, so that scanners of secrets find one that leaked.
const START: &str = "drb_";

/// What a token allows; each role allows what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Starts and steers runs.
    Operator,
    /// Administers queues, and may say what is started and where.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: &[Self] = &[Self::Viewer, Self::Operator, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str() == s)
            .ok_or_else(|| format!("unknown role `{s}`: known are viewer, operator, admin"))
    }
}

/// Who holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The token's name.
    pub name: String,
    /// What it allows.
    pub role: Role,
}

/// Makes a token, good for `days` or until it is revoked. What is returned is the only copy.
///
/// # Errors
/// When the name is in use, or the database fails.
pub async fn create(
    pool: &PgPool,
    name: &str,
    role: Role,
    days: Option<i32>,
    by: impl Into<By<'_>>,
) -> Result<String, Error> {
    let by = by.into();
    let token = format!("{START}{}", BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let mut tx = pool.begin().await?;
    match api_tokens::insert(&mut tx, name, role.as_str(), &digest(&token), days, by.actor).await {
        Err(error) if error.breaks("api_tokens_name") => {
            return Err(Error::Refused(format!("a token named `{name}` is in force: revoke it first")));
        }
        other => other?,
    }
    audit::append(&mut tx, by, "token.create", name, json!({ "role": role, "days": days })).await?;
    tx.commit().await?;
    Ok(token)
}

/// Revokes a token at once.
///
/// # Errors
/// When none of this name is in force, or the database fails.
pub async fn revoke(pool: &PgPool, name: &str, by: impl Into<By<'_>>) -> Result<(), Error> {
    let by = by.into();
    let mut tx = pool.begin().await?;
    if !api_tokens::revoke(&mut tx, name).await? {
        return Err(Error::Refused(format!("no token named `{name}` is in force")));
    }
    audit::append(&mut tx, by, "token.revoke", name, json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// Whose token this is; `None`: nobody's, or it is expired or revoked.
///
/// # Errors
/// When the database fails.
pub async fn holder(pool: &PgPool, token: &str) -> Result<Option<Holder>, Error> {
    if !token.starts_with(START) {
        return Ok(None);
    }
    let digest = digest(token);
    let mut conn = pool.acquire().await?;
    let Some((name, role, stored)) = api_tokens::in_force(&mut conn, &digest).await? else {
        return Ok(None);
    };
    let role = role.parse().map_err(Error::Refused)?;
    Ok(same(stored.as_bytes(), digest.as_bytes()).then_some(Holder { name, role }))
}

fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

/// Compares without stopping at the first difference.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
