//! Who may read `/metrics`: programs of this machine, and whoever holds a token. It names queues, hosts and money.

use std::net::SocketAddr;

use axum::http::{HeaderMap, header};
use sqlx::PgPool;

use crate::ledger::{self, tokens};

/// Headers by which a proxy says that it asks for somebody else.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Why somebody may not.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Nobody we know.
    #[error(
        "metrics are for programs of this machine; from elsewhere send `Authorization: Bearer …` with a token"
    )]
    Stranger,
    /// Whether it is somebody can't be said.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

/// Whether metrics may be read: by a peer on this machine that asks for itself, or with a token of any role.
///
/// # Errors
/// Why not.
pub async fn may_read(pool: &PgPool, peer: Option<SocketAddr>, headers: &HeaderMap) -> Result<(), Refused> {
    let for_itself = !FORWARDED.iter().any(|name| headers.contains_key(*name));
    if for_itself && peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback()) {
        return Ok(());
    }
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    match token {
        Some(token) if tokens::holder(pool, token).await?.is_some() => Ok(()),
        _ => Err(Refused::Stranger),
    }
}
