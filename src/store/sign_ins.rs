//! `sign_ins`: who is at GitHub at the moment, to sign in. A row is taken away by the first who comes back with its state.

use sqlx::PgConnection;

use super::Error;

/// A sign-in that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewSignIn<'a> {
    /// Digest (SHA-256, hex) of its state.
    pub state_sha256: &'a str,
    /// `site` or `client`.
    pub kind: &'a str,
    /// PKCE's verifier.
    pub verifier: &'a str,
    /// Digest of the cookie of the browser that began it; a client has none.
    pub browser_sha256: Option<&'a str>,
    /// The path of the site where it goes on.
    pub return_to: &'a str,
}

/// A sign-in as it was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// PKCE's verifier.
    pub verifier: String,
    /// Digest of the cookie of the browser that began it; `None`: a client did.
    pub browser_sha256: Option<String>,
    /// The path of the site where it goes on.
    pub return_to: String,
}

/// Records a sign-in that has to come back within `seconds`, and forgets at most 100 that didn't.
///
/// # Errors
/// When the database fails.
pub async fn begin(conn: &mut PgConnection, new: NewSignIn<'_>, seconds: i32) -> Result<(), Error> {
    sqlx::query!(
        "with forgotten as (
           delete from sign_ins where state_sha256 in (
             select state_sha256 from sign_ins where expires_at < now() limit 100 for update skip locked))
         insert into sign_ins (state_sha256, kind, verifier, browser_sha256, return_to, expires_at)
         values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6::int))",
        new.state_sha256,
        new.kind,
        new.verifier,
        new.browser_sha256,
        new.return_to,
        seconds
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the sign-in with this state away. `None`: there is none, it was taken before, or its time is over.
///
/// # Errors
/// When the database fails.
pub async fn take(conn: &mut PgConnection, state_sha256: &str) -> Result<Option<SignIn>, Error> {
    Ok(sqlx::query_as!(
        SignIn,
        r#"with taken as (delete from sign_ins where state_sha256 = $1 returning *)
           select verifier as "verifier!", browser_sha256, return_to as "return_to!" from taken where expires_at > now()"#,
        state_sha256
    )
    .fetch_optional(conn)
    .await?)
}
