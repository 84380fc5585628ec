//! `users`: who signed in with GitHub. What is read here holds e-mail addresses: it is for their owner alone.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;

/// Somebody who signed in, or was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// GitHub's number of the account: it stays, whatever the login becomes.
    pub github_id: i64,
    /// The login, as of the last sign-in.
    pub username: String,
    /// For its owner alone; empty: none is known.
    pub email: String,
    /// Address of the picture.
    pub avatar_url: Option<String>,
    /// When they first signed in.
    pub created_at: DateTime<Utc>,
    /// When they last did.
    pub last_login: DateTime<Utc>,
    /// Since when they may not write.
    pub suspended_at: Option<DateTime<Utc>>,
    /// Why not.
    pub suspended_reason: Option<String>,
    /// Where the row came from; `None`: they signed in here.
    pub imported_from: Option<String>,
    /// Grows with each change.
    pub version: i64,
}

/// What GitHub says of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its number.
    pub github_id: i64,
    /// Its login.
    pub username: String,
    /// Its address; empty: it tells none.
    pub email: String,
    /// Address of the picture.
    pub avatar_url: Option<String>,
}

/// Records that somebody signed in, as GitHub knows them now. Returns the row.
///
/// # Errors
/// When the database fails.
pub async fn sign_in(conn: &mut PgConnection, profile: &Profile) -> Result<User, Error> {
    Ok(sqlx::query_as!(
        User,
        "insert into users (github_id, username, email, avatar_url) values ($1, $2, $3, $4)
         on conflict (github_id) do update
           set username = excluded.username, email = excluded.email, avatar_url = excluded.avatar_url,
               last_login = now(), version = users.version + 1
         returning github_id, username, email, avatar_url, created_at, last_login, suspended_at, suspended_reason,
           imported_from, version",
        profile.github_id,
        profile.username,
        profile.email,
        profile.avatar_url
    )
    .fetch_one(conn)
    .await?)
}

/// The user with this number.
///
/// # Errors
/// When the database fails.
pub async fn get(conn: &mut PgConnection, github_id: i64) -> Result<Option<User>, Error> {
    Ok(sqlx::query_as!(
        User,
        "select github_id, username, email, avatar_url, created_at, last_login, suspended_at, suspended_reason,
           imported_from, version
         from users where github_id = $1",
        github_id
    )
    .fetch_optional(conn)
    .await?)
}
