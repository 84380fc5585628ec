//! `users`: who signed in with GitHub. What is read here holds e-mail addresses: it is for their owner alone.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

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

/// Somebody as administrators see them: without their address.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Listed {
    /// GitHub's number of the account.
    pub github_id: i64,
    /// The login, as of the last sign-in.
    pub username: String,
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
    /// Where the row came from; null: they signed in here.
    pub imported_from: Option<String>,
    /// Comments of theirs that are there.
    pub comments: i64,
}

/// Which people are listed. What isn't given doesn't matter.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// With these letters in their login, in any case.
    pub text: Option<String>,
    /// Suspended, or not.
    pub suspended: Option<bool>,
    /// After the one with this number.
    pub after: Option<i64>,
}

/// People, by number, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(conn: &mut PgConnection, filter: &Filter, limit: i64) -> Result<Vec<Listed>, Error> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select github_id, username, avatar_url, created_at, last_login, suspended_at, suspended_reason, imported_from,
             (select count(*) from comments c where c.github_id = u.github_id) as "comments!"
           from users u
           where ($1::text is null or strpos(lower(username), lower($1)) > 0)
             and ($2::bool is null or (suspended_at is not null) = $2) and ($3::bigint is null or github_id > $3)
           order by github_id limit $4"#,
        filter.text,
        filter.suspended,
        filter.after,
        limit
    )
    .fetch_all(conn)
    .await?)
}

/// The number of whoever has this login, by their last sign-in; of several the last who signed in.
///
/// # Errors
/// When the database fails.
pub async fn by_login(conn: &mut PgConnection, login: &str) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "select github_id from users where lower(username) = lower($1) order by last_login desc limit 1",
        login
    )
    .fetch_optional(conn)
    .await?)
}

/// Lets somebody write no more, for a reason, or (`None`) lets them again. `None`: there is no such user; else the row's version
/// where that changed something.
///
/// # Errors
/// When the database fails.
pub async fn suspend(
    conn: &mut PgConnection,
    github_id: i64,
    reason: Option<&str>,
) -> Result<Option<Option<i64>>, Error> {
    let changed = sqlx::query_scalar!(
        "update users set suspended_at = case when $2::text is null then null else now() end, suspended_reason = $2::text,
           version = version + 1
         where github_id = $1 and (suspended_at is null) <> ($2::text is null) returning version",
        github_id,
        reason
    )
    .fetch_optional(&mut *conn)
    .await?;
    if changed.is_some() {
        return Ok(Some(changed));
    }
    Ok(get(conn, github_id).await?.map(|_| None))
}
