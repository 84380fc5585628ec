//! `user_sessions`: where people, and operators at the site, are signed in. Whether one is in force is said by the
//! database's clock.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, users::User};

/// How long a session that is renewed again and again lasts at most, days.
const LONGEST_DAYS: i32 = 30;

/// A new session of the site.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// Its id.
    pub id: Uuid,
    /// Digest (SHA-256, hex) of the cookie.
    pub sha256: &'a str,
    /// The program as it calls itself.
    pub agent: &'a str,
    /// How long it lasts, seconds.
    pub seconds: i32,
}

/// Times of a token of a client, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// From when it is good.
    pub issued_at_s: i64,
    /// Until when.
    pub expires_at_s: i64,
}

/// Whose session of the site it is.
#[derive(Debug, Clone)]
pub enum Owner {
    /// Somebody who signed in with GitHub.
    User(User),
    /// An operator who gave a token of the API for a cookie.
    Token {
        /// The token's name.
        name: String,
        /// `viewer`, `operator` or `admin`.
        role: String,
    },
}

/// Opens a client's session whose first token is good for `seconds`.
///
/// # Errors
/// When the database fails.
pub async fn open_client(
    conn: &mut PgConnection,
    id: Uuid,
    github_id: i64,
    agent: &str,
    seconds: i32,
) -> Result<Term, Error> {
    Ok(sqlx::query_as!(
        Term,
        r#"insert into user_sessions (id, kind, github_id, agent, expires_at)
           values ($1, 'client', $2, $3, now() + make_interval(secs => $4::int))
           returning extract(epoch from created_at)::bigint as "issued_at_s!",
             extract(epoch from expires_at)::bigint as "expires_at_s!""#,
        id,
        github_id,
        agent,
        seconds
    )
    .fetch_one(conn)
    .await?)
}

/// Renews a client's session that is in force, for `seconds` from now, and never beyond 30 days from its sign-in. `None`: it
/// is over.
///
/// # Errors
/// When the database fails.
pub async fn renew_client(conn: &mut PgConnection, id: Uuid, seconds: i32) -> Result<Option<Term>, Error> {
    Ok(sqlx::query_as!(
        Term,
        r#"update user_sessions
           set last_used_at = now(),
               expires_at = least(now() + make_interval(secs => $2::int), created_at + make_interval(days => $3))
           where id = $1 and kind = 'client' and revoked_at is null and expires_at > now()
           returning extract(epoch from last_used_at)::bigint as "issued_at_s!",
             extract(epoch from expires_at)::bigint as "expires_at_s!""#,
        id,
        seconds,
        LONGEST_DAYS
    )
    .fetch_optional(conn)
    .await?)
}

/// Whose token this is: of a client's session that is in force, good until `expires_at_s` (seconds since 1970).
///
/// # Errors
/// When the database fails.
pub async fn of_client(
    conn: &mut PgConnection,
    id: Uuid,
    github_id: i64,
    expires_at_s: i64,
) -> Result<Option<User>, Error> {
    Ok(sqlx::query_as!(
        User,
        "select u.github_id, u.username, u.email, u.avatar_url, u.created_at, u.last_login, u.suspended_at,
           u.suspended_reason, u.imported_from, u.version
         from user_sessions s join users u on u.github_id = s.github_id
         where s.id = $1 and s.github_id = $2 and s.kind = 'client' and s.revoked_at is null and s.expires_at > now()
           and to_timestamp($3::bigint) > now()",
        id,
        github_id,
        expires_at_s
    )
    .fetch_optional(conn)
    .await?)
}

/// Opens a session of the site for somebody who signed in with GitHub. Returns when it ends.
///
/// # Errors
/// When the database fails.
pub async fn open_site(
    conn: &mut PgConnection,
    new: NewSession<'_>,
    github_id: i64,
) -> Result<DateTime<Utc>, Error> {
    Ok(sqlx::query_scalar!(
        "insert into user_sessions (id, kind, github_id, sha256, agent, expires_at)
         values ($1, 'site', $2, $3, $4, now() + make_interval(secs => $5::int)) returning expires_at",
        new.id,
        github_id,
        new.sha256,
        new.agent,
        new.seconds
    )
    .fetch_one(conn)
    .await?)
}

/// Opens a session of the site for the holder of the token of the API in force with this name. It lasts as long as that token
/// at most. Returns when it ends; `None`: no such token is in force.
///
/// # Errors
/// When the database fails.
pub async fn open_site_for_token(
    conn: &mut PgConnection,
    new: NewSession<'_>,
    token: &str,
) -> Result<Option<DateTime<Utc>>, Error> {
    Ok(sqlx::query_scalar!(
        "insert into user_sessions (id, kind, api_token_id, sha256, agent, expires_at)
         select $1, 'site', id, $3, $4, least(now() + make_interval(secs => $5::int), expires_at)
         from api_tokens where name = $2 and revoked_at is null and (expires_at is null or expires_at > now())
         returning expires_at",
        new.id,
        token,
        new.sha256,
        new.agent,
        new.seconds
    )
    .fetch_optional(conn)
    .await?)
}

/// The session of the site in force with this digest of its cookie, whose it is, and the stored digest. Its use is noted, at
/// most once a minute.
///
/// # Errors
/// When the database fails.
pub async fn of_site(conn: &mut PgConnection, sha256: &str) -> Result<Option<(Uuid, Owner, String)>, Error> {
    let found = sqlx::query!(
        r#"with used as (update user_sessions set last_used_at = now()
                         where sha256 = $1 and last_used_at < now() - interval '1 minute')
           select s.id, s.sha256 as "sha256!", t.name as "token_name?", t.role as "role?",
             u.github_id as "github_id?", u.username as "username?", u.email as "email?", u.avatar_url,
             u.created_at as "created_at?", u.last_login as "last_login?", u.suspended_at, u.suspended_reason,
             u.imported_from, u.version as "version?"
           from user_sessions s left join users u on u.github_id = s.github_id
             left join api_tokens t on t.id = s.api_token_id and t.revoked_at is null
               and (t.expires_at is null or t.expires_at > now())
           where s.sha256 = $1 and s.kind = 'site' and s.revoked_at is null and s.expires_at > now()"#,
        sha256
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = found else { return Ok(None) };
    let owner = match (row.token_name, row.role, row.github_id, row.created_at, row.last_login) {
        (Some(name), Some(role), ..) => Owner::Token { name, role },
        (_, _, Some(github_id), Some(created_at), Some(last_login)) => Owner::User(User {
            github_id,
            username: row.username.unwrap_or_default(),
            email: row.email.unwrap_or_default(),
            avatar_url: row.avatar_url,
            created_at,
            last_login,
            suspended_at: row.suspended_at,
            suspended_reason: row.suspended_reason,
            imported_from: row.imported_from,
            version: row.version.unwrap_or(1),
        }),
        // The token it was given for is no longer in force.
        _ => return Ok(None),
    };
    Ok(Some((row.id, owner, row.sha256)))
}

/// A session as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnSession {
    /// Its id.
    pub id: Uuid,
    /// `site`: a browser's cookie; `client`: access tokens.
    pub kind: String,
    /// The program as it calls itself.
    pub agent: String,
    /// When they signed in.
    pub created_at: DateTime<Utc>,
    /// Its last use, to the minute; of a client, its last renewal.
    pub last_used_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Somebody's sessions in force, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, github_id: i64) -> Result<Vec<OwnSession>, Error> {
    Ok(sqlx::query_as!(
        OwnSession,
        "select id, kind, agent, created_at, last_used_at, expires_at from user_sessions
         where github_id = $1 and revoked_at is null and expires_at > now() order by created_at desc, id desc",
        github_id
    )
    .fetch_all(conn)
    .await?)
}

/// Ends a session of somebody's. Returns whether it was in force.
///
/// # Errors
/// When the database fails.
pub async fn revoke_own(conn: &mut PgConnection, github_id: i64, id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update user_sessions set revoked_at = now()
         where github_id = $1 and id = $2 and revoked_at is null and expires_at > now()",
        github_id,
        id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a session. Returns whether it was in force.
///
/// # Errors
/// When the database fails.
pub async fn revoke(conn: &mut PgConnection, id: Uuid) -> Result<bool, Error> {
    let done = sqlx::query!(
        "update user_sessions set revoked_at = now() where id = $1 and revoked_at is null and expires_at > now()",
        id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
